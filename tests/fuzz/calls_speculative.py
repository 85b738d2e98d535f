"""Calls of `pycouple.speculative`."""

import numpy as np

from pycouple import speculative
from pycouple.speculative import SamplingParams
from tests.fuzz import inputs
from tests.fuzz.calls_draws import as_floats, batch_of, expected, parameters, turned
from tests.fuzz.inputs import chance, choice
from tests.fuzz.table import Call, generator
from tests.support import oracle_lists


def params_options(rng, bad=0.02):
    options = {}
    if chance(rng, 0.5):
        options["temperature"] = choice(rng, (*inputs.TEMPERATURES, None))
    if chance(rng, 0.4):
        options["top_k"] = choice(rng, (*inputs.COUNTS, None))
    if chance(rng, 0.4):
        options["top_p"] = choice(rng, inputs.PROBABILITIES)
    if chance(rng, 0.3):
        options["min_p"] = choice(rng, inputs.PROBABILITIES)
    if options and chance(rng, bad):
        options[choice(rng, list(options))] = inputs.wrong(rng)
    return options


def params(rng):
    return SamplingParams(**params_options(rng, 0)) if chance(rng, 0.97) else choice(rng, (None, {}, 1.0))


def chosen(rng, *shapes):
    """What is kept, and at which temperature, as keyword arguments: `params`, or numbers of one of these shapes."""
    if chance(rng, 0.4):
        several = chance(rng, 0.3) and len(shape := choice(rng, shapes)) == 1
        options = {"params": [params(rng) for _ in range(shape[0])] if several else params(rng)}
        return options | (inputs.truncation(rng, ()) if chance(rng, 0.03) else {})  # both are wrong
    options = inputs.truncation(rng, choice(rng, shapes))
    if chance(rng, 0.6):
        options["temperature"] = inputs.temperature(rng, choice(rng, shapes))
    return options


@generator("speculative.SamplingParams")
def _(rng):
    return Call(SamplingParams, (), params_options(rng, 0.3))


@generator("speculative.warp")
def _(rng):
    x = inputs.laid_out(rng, inputs.rows(rng, False))
    return Call(speculative.warp, (x, params(rng)), {}, int(np.prod(np.shape(x)[:-1])))


def draw_call(rng, function, dtypes):
    shape = inputs.batch_shape(rng)
    x = inputs.laid_out(rng, inputs.rows(rng, False, shape))
    options = parameters(rng, shape, False, offset=False, step="position")
    plain = x
    x = turned(rng, x, options)
    options |= chosen(rng, shape)
    if chance(rng, 0.3):
        n = np.shape(plain)[-1]
        options["token_ids"] = rng.permutation(2 * n)[: n + chance(rng, 0.05)]
    batch = batch_of(plain, options)
    if chance(rng, 0.2):
        options["out"] = inputs.results(rng, batch, dtypes, [x])
    bare = not {"params", "token_ids"} & options.keys()
    keys = {"step" if key == "position" else key: value for key, value in options.items()}
    return Call(
        function,
        (x,),
        options,
        int(np.prod(batch)),
        expected(rng, plain, keys, batch, True, "gumbel") if bare else None,
    )


@generator("speculative.draft")
def _(rng):
    return draw_call(rng, speculative.draft, (np.int64,))


@generator("speculative.race")
def _(rng):
    return draw_call(rng, speculative.race, (np.int64, np.float64, np.float64, np.float64))


def token_lists(rng, n, count):
    """Tokens of drafts, some of them none of the n."""
    tokens = rng.integers(max(n, 1), size=count).tolist()
    if tokens and chance(rng, 0.03):
        tokens[0] = inputs.wrong(rng)
        return tokens
    return tokens if chance(rng, 0.5) else np.array(tokens, choice(rng, ("i8", "u8", "i4")))


@generator("speculative.verify")
def _(rng):
    n = inputs.size_of_row(rng, 300)
    counts = [int(rng.integers(0, 6)) for _ in range(rng.integers(1, 4))]
    single = len(counts) == 1 and chance(rng, 0.5)
    drafts = [token_lists(rng, n, count) for count in counts]
    rows = sum(counts) + len(counts) + (1 if chance(rng, 0.03) else 0)
    x = inputs.laid_out(rng, inputs.rows(rng, False, (rows,), n))
    each = () if single or chance(rng, 0.5) else (len(counts),)
    options = {
        "seed": inputs.integers(rng, each, 2**64),
        "position": inputs.integers(rng, each, 2**64),
        "workers": inputs.workers(rng),
    } | chosen(rng, (), (len(counts),), (rows,))
    return Call(speculative.verify, (drafts[0] if single else drafts, turned(rng, x, options)), options, rows)


@generator("speculative.verify_list")
def _(rng):
    n, count = inputs.size_of_row(rng, 200), int(rng.integers(1, 5))
    drafts = [token_lists(rng, n, int(rng.integers(0, 4))) for _ in range(count)]
    logits = [inputs.laid_out(rng, inputs.rows(rng, False, (len(draft) + 1,), n)) for draft in drafts]
    options = {
        "seed": inputs.integers(rng, (), 2**64),
        "position": inputs.integers(rng, (), 2**64),
        "invariance": choice(rng, ("strong", "conditional")),
        "workers": inputs.workers(rng),
    }
    options |= chosen(rng, (), (max(map(len, logits)),))
    if chance(rng, 0.5):
        options["streams"] = streams(rng, count)
    return Call(speculative.verify_list, (drafts, logits), options, sum(len(draft) + 1 for draft in drafts))


def streams(rng, count):
    if chance(rng, 0.03):
        return choice(rng, ([], [1, 1], [256], 4, None, [[0]], "ab", [-1]))
    return choice(rng, (list, np.array))(rng.permutation(256)[:count])


def list_call(rng, function, logits, slow):
    shape, count = inputs.batch_shape(rng, 16), int(rng.integers(1, 7))
    x = inputs.laid_out(rng, inputs.rows(rng, not logits, shape))
    options = parameters(rng, shape, False, step="position") | (chosen(rng, shape) if logits else {})
    options.pop("stream", None)
    plain, options["streams"] = x, streams(rng, count)
    x = turned(rng, x, options)
    batch = batch_of(plain, options)
    one_row = np.ndim(plain) == 1 and batch == () and np.size(plain) < 1000
    one_row = one_row and not {"item_offset", "params", "top_k", "top_p", "min_p"} & options.keys()

    def answer(result):
        given = [int(options[key]) for key in ("seed", "position")]
        temperature = options.get("temperature")
        temperature = (1.0 if temperature is None else float(temperature),) if logits else ()
        return int(result), slow(as_floats(plain), *given, np.asarray(options["streams"]).tolist(), *temperature)

    return Call(function, (x,), options, int(np.prod(batch)) * count, answer if one_row else None)


@generator("speculative.list_target")
def _(rng):
    return list_call(rng, speculative.list_target, False, oracle_lists.list_weights)


@generator("speculative.list_target_logits")
def _(rng):
    return list_call(rng, speculative.list_target_logits, True, oracle_lists.list_logits)


@generator("speculative.ratio_test")
def _(rng):
    n, count, seed = inputs.size_of_row(rng, 100), int(rng.integers(0, 5)), int(rng.integers(2**32))
    drafts = token_lists(rng, n, count)
    p, q = (inputs.laid_out(rng, inputs.rows(rng, False, (count + more,), n)) for more in (0, 1))

    def ratio_test(draft_tokens, draft_logits, target_logits, params):
        return speculative.ratio_test(draft_tokens, draft_logits, target_logits, np.random.default_rng(seed), params)

    return Call(ratio_test, (drafts, p, q, params(rng)), {}, count)


@generator("speculative.generate")
def _(rng):
    n, seed = int(rng.integers(1, 40)), int(rng.integers(2**63))
    table = np.stack([inputs.row(rng, n, choice(rng, ("float16", "float32", "float64")), False) for _ in range(n)])
    given = SamplingParams(choice(rng, (0.0, 1.0, 2.0, 100.0)), choice(rng, (0, 0, 3)), choice(rng, (1.0, 1.0, 0.9)))
    prompt = rng.integers(n, size=rng.integers(0, 4)).tolist()
    options = {"draft_length": int(rng.integers(-1, 6)), "max_new_tokens": int(rng.integers(-1, 20))}
    if chance(rng, 0.3):
        options["stop_tokens"] = choice(rng, (None, 0, [0, 1], {2}))

    def generate(drafter, **options):
        found = speculative.generate(lambda tokens: table[tokens], drafter, prompt, seed, given, **options)
        return found.tokens

    shifted = lambda tokens: table[tokens][::-1] if len(tokens) % 2 else None  # noqa: E731
    return Call(
        generate,
        (choice(rng, (None, shifted, lambda tokens: table[tokens[-1]])),),
        options,
        reference=lambda: generate(None, **options),
        names=("prompt", "params", "logits"),
    )
