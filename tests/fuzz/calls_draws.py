"""Calls of the draws, their ufuncs, and the public randomness."""

import numpy as np

import pycouple
from pycouple._arrays import array_of, widened
from tests.fuzz import inputs
from tests.fuzz.inputs import chance, choice
from tests.fuzz.table import Call, generator, some_place, value_at
from tests.support import oracle, oracle_kept

ORACLE_ITEMS = {"race": 2000, "minhash": 200}  # in a row that an oracle reads, which takes milliseconds

FEW = 40  # such rows are always read: the other way to a result goes through the same Python, and shares its faults

draw_logits = oracle_kept.draw.__wrapped__  # without the memory of all answers
draw_weights = oracle_kept.draw_weights.__wrapped__


def as_floats(x):
    a = array_of(x, "x")
    return a.astype(np.float32) if a.dtype.name == "bfloat16" else widened(a)


def parameters(rng, shape, logits, offset=True, step="step"):
    """Keyword arguments of a draw for a batch of this shape."""
    found = {"seed": inputs.integers(rng, shape, 2**64), step: inputs.integers(rng, shape, 2**64)}
    if chance(rng, 0.5):
        found["stream"] = inputs.integers(rng, shape, 256)
    if logits and chance(rng, 0.7):
        found["temperature"] = inputs.temperature(rng, shape)
    if offset and chance(rng, 0.4):
        found["item_offset"] = inputs.offset(rng, shape)
    if chance(rng, 0.4):
        found["workers"] = inputs.workers(rng)
    if chance(rng, 0.02) and shape:  # that do not broadcast
        found["seed"] = np.zeros((*shape[:-1], shape[-1] + 1), np.uint64)
    return found


def turned(rng, x, options):
    """The rows with their items in another axis, now and then."""
    if isinstance(x, np.ndarray) and x.ndim > 1 and chance(rng, 0.2):
        axis = int(rng.integers(-x.ndim, x.ndim))
        options["axis"] = axis if chance(rng, 0.9) else choice(rng, (x.ndim, -x.ndim - 1, None, 1.0, 2**70))
        return np.moveaxis(x, -1, axis)
    return x


def batch_of(rows, options):
    """The shape of the results of a call; () if its arguments are wrong."""
    names = ("seed", "step", "position", "stream", "temperature", "top_k", "top_p", "min_p", "item_offset")
    try:
        batch = [np.shape(options[key]) for key in names if key in options]
        return np.broadcast_shapes(as_floats(rows).shape[:-1], *batch)
    except (ValueError, TypeError, OverflowError):
        return ()


def draw_call(rng, function, logits, dtypes, method="gumbel", truncated=True):
    """A call of one of the five functions that draw."""
    shape = inputs.batch_shape(rng)
    x = inputs.laid_out(rng, inputs.rows(rng, not logits, shape))
    options = parameters(rng, shape, logits) | (inputs.truncation(rng, shape) if truncated else {})
    plain = x
    x = turned(rng, x, options)
    if method != "gumbel":
        options["method"] = method
    batch = batch_of(plain, options)
    if chance(rng, 0.2):
        options["out"] = inputs.results(rng, batch, dtypes, [x])
    return Call(function, (x,), options, int(np.prod(batch)), expected(rng, plain, options, batch, logits, method))


def expected(rng, x, options, batch, logits, method):
    """The oracle's answer for one row of the batch, if it is not too long."""
    kind = "minhash" if method == "minhash" else "race"
    n = np.shape(x)[-1]
    if not 0 < n <= ORACLE_ITEMS[kind] or 0 in batch or (n > FEW and chance(rng, 0.7 if kind == "race" else 0.9)):
        return None
    where = some_place(rng, batch)
    try:  # to read the row, before the call may write `out` to it
        a = as_floats(x)
        row = np.broadcast_to(a, (*batch, a.shape[-1]))[where].astype(a.dtype.newbyteorder("="))
    except (ValueError, TypeError):
        return None  # the call fails, too

    def answer(result):
        given = {key: value_at(options.get(key, default), where, batch) for key, default in DEFAULTS.items()}
        given = {key: DEFAULTS[key] if value is None else value for key, value in given.items()}
        key = given["seed"], given["step"], given["stream"]
        kept = max(given["top_k"], 0), float(given["top_p"]), float(given["min_p"])
        if logits:
            want = draw_logits(row, *key, float(given["temperature"]), *kept, given["item_offset"])
        else:
            want = (draw_weights(row, *key, *kept, given["item_offset"], method),)
        got = tuple(np.asarray(part)[where].item() for part in (result if isinstance(result, tuple) else (result,)))
        count = min(len(got), len(want))
        return got[:count], want[:count]

    return answer


DEFAULTS = {"seed": 0, "step": 0, "stream": 0, "temperature": 1.0, "item_offset": 0}
DEFAULTS |= {"top_k": 0, "top_p": 1.0, "min_p": 0.0}


@generator("sample")
def _(rng):
    return draw_call(rng, pycouple.sample, False, (np.int64,), choice(rng, ("gumbel", "gumbel", "minhash")))


@generator("race_weights")
def _(rng):
    return draw_call(rng, pycouple.race_weights, False, (np.int64, np.float64), truncated=False)


@generator("sample_logits")
def _(rng):
    return draw_call(rng, pycouple.sample_logits, True, (np.int64,))


@generator("race_logits")
def _(rng):
    return draw_call(rng, pycouple.race_logits, True, (np.int64, np.float64, np.float64, np.float64))


@generator("couple")
def _(rng):
    call = draw_call(rng, pycouple.couple, False, (np.int64, np.int64), choice(rng, ("gumbel", "minhash", "best")))
    x = call.args[0]
    y = inputs.laid_out(rng, inputs.rows(rng, True, np.shape(x)[:-1], np.shape(x)[-1])) if chance(rng, 0.9) else x
    return call._replace(args=(x, y), oracle=None)


@generator("kept_terms")
def _(rng):
    shape = inputs.batch_shape(rng)
    x = inputs.laid_out(rng, inputs.rows(rng, False, shape))
    options = {"temperature": inputs.temperature(rng, shape)} if chance(rng, 0.7) else {}
    if chance(rng, 0.3):
        options["top"] = choice(rng, (1e308, 1e5, 0.0, np.inf, "1", np.full(shape, 3e38)))
    plain, batch = x, batch_of(x, options)
    x = turned(rng, x, options)
    readable = isinstance(plain, np.ndarray) and 0 < plain.size < 10_000 and 0 not in batch and "top" not in options

    def answer(result):
        where = some_place(rng, batch)
        row = np.broadcast_to(as_floats(plain), (*batch, plain.shape[-1]))[where].astype(float)
        temperature = value_at(options.get("temperature", 1.0), where, batch)
        if not temperature:
            return result[where].tolist(), (2**28 * (row == row.max())).tolist()
        return result[where].tolist(), oracle_kept.terms(row, row.max(), temperature).tolist()

    return Call(pycouple.kept_terms, (x,), options, int(np.prod(batch)), answer if readable else None)


# ---- the ufuncs, to which a bad row is no error


def ufunc_call(rng, ufunc, logits, kept, draws=True):
    shape = inputs.batch_shape(rng)
    x = inputs.rows(rng, not logits, shape, bad=0.2)
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f" or x.dtype.itemsize > 8:
        x = np.ones((*shape, 3))
    keys = [inputs.integers(rng, shape, limit, bad=0) for limit in (2**64, 2**64, 300)]
    keys = [np.asarray(key, np.uint64) if np.size(key) else np.uint64(1) for key in keys]
    keys.append(np.asarray(choice(rng, (0, 64, 63, 2**34 - 64, 2**63)), np.uint64))
    numbers = []
    if logits:
        values = np.asarray(inputs.temperature(rng, shape, bad=0), np.float64)
        numbers.append(np.where(values > 1e300, choice(rng, (np.nan, -1.0, np.inf, 1e308)), values))
    if kept:
        numbers.append(filled(inputs.top_k(rng, shape, 0), choice(rng, (0, -2, -(2**63))), np.int64))
        numbers += [filled(inputs.probability(rng, shape, 0), choice(rng, (1, -1, 1.5, np.nan)), float) for _ in "pm"]
    args = (inputs.laid_out(rng, x), *keys[:2], *numbers, *keys[2:]) if draws else (x, *numbers)
    return Call(quiet(ufunc), args, {}, int(np.prod(shape)))


def filled(x, value, dtype):
    """Numbers as an array, with a value in the place of None."""
    return np.asarray(value if x is None else x, dtype)


def quiet(ufunc):
    """The ufunc without the warning that it gives for a bad row."""

    def call(*args, **options):
        with np.errstate(invalid="ignore"):
            return ufunc(*args, **options)

    return call


def _enter_ufunc(name):
    kinds = "logits" in name, "kept" in name, not name.startswith("last")
    generator(f"ufuncs.{name}")(lambda rng: ufunc_call(rng, getattr(pycouple.ufuncs, name), *kinds))


for _name in ("sample_weights", "sample_minhash", "race_weights", "sample_kept_weights", "last_kept_weights"):
    _enter_ufunc(_name)
for _name in ("sample_logits", "race_logits", "sample_kept_logits", "race_kept_logits", "last_kept_logits"):
    _enter_ufunc(_name)


def random_ufunc_call(rng, ufunc):
    shape = inputs.batch_shape(rng)
    numbers = [rng.integers(limit, size=shape, dtype=np.uint64) for limit in (2**64, 2**64, 260, 2**35)]
    return Call(quiet(ufunc), tuple(inputs.laid_out(rng, x) for x in numbers), {}, int(np.prod(shape)))


def _enter_random(name):
    generator(f"ufuncs.{name}")(lambda rng: random_ufunc_call(rng, getattr(pycouple.ufuncs, name)))


for _name in ("clock", "gumbel", "uniform"):
    _enter_random(_name)


@generator("ufuncs.count_equal")
def _(rng):
    kind = choice(rng, ("u1", "u2", "u4", "u8"))
    shape, k = inputs.batch_shape(rng), int(rng.integers(0, 200))
    a, b = (inputs.laid_out(rng, rng.integers(3, size=(*shape, k)).astype(kind)) for _ in range(2))
    return Call(
        pycouple.ufuncs.count_equal,
        (a, b),
        {},
        int(np.prod(shape)),
        lambda result: (np.asarray(result).tolist(), (a == b).sum(axis=-1).tolist()),
    )


# ---- public randomness


def random_call(rng, function, slow, limit):
    shape = inputs.batch_shape(rng)
    options = {"seed": inputs.integers(rng, shape, 2**64), "step": inputs.integers(rng, shape, 2**64)}
    options["items"] = inputs.integers(rng, shape, limit)
    if chance(rng, 0.5):
        options["stream"] = inputs.integers(rng, shape, 256)

    def answer(result):
        where = some_place(rng, np.shape(result))
        given = [value_at(options.get(key, 0), where, np.shape(result)) for key in ("seed", "step", "stream", "items")]
        return float(np.asarray(result)[where]), slow(*given)

    return Call(function, (), options, int(np.prod(shape)), answer if 0 not in shape else None)


@generator("clocks")
def _(rng):
    return random_call(rng, pycouple.clocks, oracle.clock, 2**34)


@generator("gumbels")
def _(rng):
    return random_call(rng, pycouple.gumbels, lambda *key: -oracle.ln(oracle.clock(*key)), 2**34)


@generator("uniforms")
def _(rng):
    return random_call(rng, pycouple.uniforms, oracle.uniform, 2**32)


@generator("seed_from")
def _(rng):
    parts = ("a", "ü\0", b"", b"\xff" * 1000, 0, -1, 2**64, -(2**5000), np.int8(-3), True, None, 1.5)
    return Call(pycouple.seed_from, tuple(choice(rng, parts) for _ in range(rng.integers(4))), names=("part",))
