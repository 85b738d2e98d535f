"""Calls of the sketches."""

import contextlib
import copy
import importlib
import pickle

import numpy as np

import pycouple
from tests.fuzz import inputs
from tests.fuzz.calls_draws import as_floats
from tests.fuzz.inputs import chance, choice
from tests.fuzz.table import Call, generator
from tests.support import oracle_minhash

SLOW = {"gumbel": oracle_minhash.gumbel_sketch.__wrapped__, "minhash": oracle_minhash.minhash_sketch.__wrapped__}
METHODS = ("gumbel", "minhash")


def recipe(rng, bad=0.02):
    """k, seed and options that fit."""
    method = choice(rng, METHODS)
    options = {"k": choice(rng, (1, 2, 3, 16, 63, 64, 65, 100, 256)), "seed": inputs.integers(rng, (), 2**64, bad)}
    if chance(rng, bad):
        options["k"] = choice(rng, (0, 65537, *inputs.WRONG))
    options["method"] = method if chance(rng, 1 - bad) else choice(rng, ("max", None, 1))
    return options


def sketch_options(rng, bad=0.02):
    options = recipe(rng, bad)
    if options["method"] == "minhash" and chance(rng, 0.3):
        options["normalize"] = True
    if chance(rng, 0.3):
        options["bits"] = choice(rng, (1, 2, 7, 8, 9, 16, 31, 32, *((0, 33, 1.5) if chance(rng, bad) else ())))
    return options


def ids_of(rng, n):
    """Ids near both ends of their range and between, now and then one more than once."""
    ids = rng.integers(2**64, size=n, dtype=np.uint64)
    ids[: n // 2] = np.arange(n // 2, dtype=np.uint64)
    ids[: n // 4] = np.uint64(2**64 - 1) - ids[: n // 4]
    if n > 1 and chance(rng, 0.2):
        ids[0] = ids[-1]
    return rng.permutation(ids)


@generator("sketch")
def _(rng):
    if chance(rng, 0.3):
        return other_form(rng)
    shape = inputs.batch_shape(rng, 16)
    n = int(rng.integers(1, 200))
    x = inputs.laid_out(rng, inputs.rows(rng, True, shape, n))
    options = sketch_options(rng)
    if chance(rng, 0.4):
        options["ids"] = ids_of(rng, np.shape(x)[-1])
    if chance(rng, 0.5):
        options["workers"] = inputs.workers(rng)
    return Call(pycouple.sketch, (x,), options, int(np.prod(shape)), slow_registers(rng, x, options))


def other_form(rng):
    """Sets as dicts or as a sparse matrix of SciPy, against the same as dense rows."""
    shape, n = (int(rng.integers(1, 5)),), int(rng.integers(1, 60))
    x = np.stack([inputs.row(rng, n, "float64", True) for _ in range(*shape)])
    x = np.where(rng.random(x.shape) < 0.5, 0, x)
    if chance(rng, 0.05):
        x[0, 0] = choice(rng, inputs.POISON)
    options = sketch_options(rng, 0)
    names = rng.permutation(1000)[:n] if chance(rng, 0.5) else np.arange(n)
    sets = [dict(zip(names.tolist(), one.tolist(), strict=True)) for one in x]
    if chance(rng, 0.5):
        with contextlib.suppress(ModuleNotFoundError):
            sparse = importlib.import_module("scipy.sparse")
            sets = choice(rng, (sparse.csr_array, sparse.csc_matrix, sparse.coo_array))(x)
            options["ids"] = names
    dense = options | {"ids": names}
    return Call(pycouple.sketch, (sets,), options, len(x), reference=lambda: pycouple.sketch(x, **dense))


def slow_registers(rng, x, options):
    """The oracle's registers of a set, if that is small."""
    bare = not {"bits", "normalize"} & options.keys()
    if np.ndim(x) != 1 or np.size(x) > 60 or not bare or not isinstance(options["k"], int) or chance(rng, 0.5):
        return None
    if options["k"] > 64:
        return None

    def answer(result):
        w = np.asarray(as_floats(x), np.float64)
        ids = np.asarray(options.get("ids", np.arange(len(w))), np.uint64)
        if len(np.unique(ids)) < len(ids):
            return None, None
        return result.registers, SLOW[options["method"]](ids, w, int(options["k"]), int(options["seed"]))

    return answer


@generator("Sketcher")
def _(rng):
    """A set that comes in pieces, against `sketch` of the whole."""
    n = int(rng.integers(0, 100))
    options = recipe(rng, 0)
    if not isinstance(options["seed"], int):
        options["seed"] = 5
    w = inputs.laid_out(rng, inputs.rows(rng, True, (), max(n, 1), bad=0))
    w = as_floats(w) if np.asarray(as_floats(w)).dtype.kind == "f" else np.ones(max(n, 1))
    ids = ids_of(rng, len(w))
    cuts = sorted(rng.integers(len(w) + 1, size=2).tolist())
    pieces = [slice(0, cuts[0]), slice(cuts[0], cuts[1]), slice(cuts[1], None)]
    way = choice(rng, ("update", "merge", "pickle", "copy"))

    def pieced(k, seed, method):
        whole = pycouple.Sketcher(k, seed, method=method)
        for piece in pieces:
            part = pycouple.Sketcher(k, seed, method=method) if way == "merge" else whole
            part.update(ids[piece], w[piece])
            if way == "merge":
                whole.merge(part)
            elif way != "update":
                whole = pickle.loads(pickle.dumps(part)) if way == "pickle" else copy.deepcopy(part)
        return whole.sketch()

    return Call(pieced, (), options, reference=lambda: pycouple.sketch(w, ids=ids, **options), names=("weights", "ids"))


@generator("Sketch")
def _(rng):
    """Registers wrapped, cut, joined and copied."""
    shape, k = inputs.batch_shape(rng), int(rng.integers(1, 100))
    bits = choice(rng, (None, None, 1, 7, 8, 16, 32))
    kind = "u8" if bits is None else "u1" if bits <= 8 else "u2" if bits <= 16 else "u4"
    registers = rng.integers(2 ** (bits or 63), size=(*shape, k), dtype=np.uint64).astype(kind)
    options = {"seed": inputs.integers(rng, (), 2**64, 0.05), "method": choice(rng, METHODS), "bits": bits}
    if chance(rng, 0.1):
        options[choice(rng, list(options))] = inputs.wrong(rng)
    if chance(rng, 0.1):
        registers = registers.astype(choice(rng, ("i8", "f8", "u1")))
    index = choice(rng, (0, -1, Ellipsis, slice(None, None, -1), None))

    def wrapped(registers, **options):
        made = pycouple.Sketch(registers, **options)
        joined = pycouple.Sketch.concatenate([made, pickle.loads(pickle.dumps(made))])
        part = made[index] if made.batch_shape and made.batch_shape[0] else made[...]
        return made, joined, part, hash(made), made == part, np.asarray(made)

    return Call(wrapped, (inputs.laid_out(rng, registers),), options, int(np.prod(shape)), names=("method", "version"))


def pair(rng, shape, others):
    """Two batches of sketches, which mostly one recipe made."""
    k, options = int(rng.integers(1, 100)), {"seed": 3, "method": choice(rng, METHODS)}
    bits = choice(rng, (None, 1, 8, 20))
    kind = "u8" if bits is None else "u1" if bits <= 8 else "u4"
    made = []
    for own in (shape, others):
        count = k if chance(rng, 0.98) else k + 1
        registers = rng.integers(2, size=(*own, count)).astype(kind)
        made.append(pycouple.Sketch(registers, bits=bits, **options))
    return made


@generator("similarity")
def _(rng):
    shape = inputs.batch_shape(rng)
    others = shape[int(rng.integers(len(shape) + 1)) :] if chance(rng, 0.97) else (3, 7)
    a, b = pair(rng, shape, others)

    def answer(result):
        fraction = (a.registers == b.registers).mean(axis=-1)
        chance_of = 0.0 if a.bits is None else 2.0**-a.bits
        return np.allclose(result.value, (fraction - chance_of) / (1 - chance_of)), True

    return Call(pycouple.similarity, (a, b), {}, int(np.prod(shape)), answer)


@generator("similarity_matrix")
def _(rng):
    a, b = pair(rng, (int(rng.integers(0, 30)),), (int(rng.integers(0, 30)),))
    a = a if chance(rng, 0.97) or not len(a) else a[0]
    b = b if chance(rng, 0.9) else None
    options = {"workers": inputs.workers(rng)}
    return Call(pycouple.similarity_matrix, (a, b), options, len(a) if a.batch_shape else 1)
