"""One call, made twice: as it is at one ISA level, and in another way at another level; the bits must be the same."""

import contextlib
import inspect
import re
import warnings
import zlib

import numpy as np

from pycouple import Sketch, _core
from pycouple._arrays import BFLOAT16
from tests.fuzz import calls
from tests.fuzz.inputs import choice
from tests.fuzz.table import GENERATORS

LEVELS = [name for name, runs in _core.levels().items() if runs]
ERRORS = (ValueError, TypeError, MemoryError)
LONGEST = 600  # characters of a message


def make(name, seed, number):
    """The call of this number, which these three numbers fix, and the generator for what else is random about it."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), number])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GENERATORS[name](rng), rng


def again(name, seed, number):
    """Make and check one call again, and say what it was."""
    call, rng = make(name, seed, number)
    print(f"{name}{described(call)}")
    print(check(call, rng) or "nothing is wrong")


def check(call, rng):
    """What is wrong with a call, in words; None if nothing is."""
    first, second = choice(rng, LEVELS), choice(rng, LEVELS)
    args, options = plain(call.args), plain(call.options)  # before the call, which may write to them
    got = at_level(first, call.function, call.args, call.options)
    if isinstance(got, BaseException):
        wrong = unfit(got, call)
        if wrong is not None:
            return wrong
        if re.match(r"(out|workers) ", str(got)):
            return None  # the other way has neither
    if call.reference is not None:
        want = at_level(second, call.reference, (), {})
    else:
        want = at_level(second, call.function, args, options)
    if isinstance(got, ValueError) and isinstance(want, ValueError) and "out" in call.options:
        return None  # `out` may lie in the rows: the numbers in the message are those that are there now
    if isinstance(got, ERRORS) and type(got) is type(want) and call.reference is not None:
        return None  # another way may meet another error first
    if not same(got, want, call.tolerance):
        return f"{first} gives {short(got)}, plain arrays at level {second} give {short(want)}"
    out = call.options.get("out")
    if out is not None and not isinstance(got, BaseException) and not same(plain(out), plain(want), 0):
        return f"out holds {short(out)}, not {short(want)}"
    if call.oracle is not None and not isinstance(got, BaseException):
        found, wanted = call.oracle(got)
        if bits(found) != bits(wanted):
            return f"{first} gives {short(found)}, the oracle {short(wanted)}"
    return None


def at_level(level, function, args, options):
    """The result, or the error, of a call at an ISA level."""
    before = _core.current_level()
    _core.use_level(level)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return function(*args, **options)
    except Exception as error:
        return error
    finally:
        _core.use_level(before)


def unfit(error, call):
    """What is wrong with an error: its type, its length, or that it does not say which argument it is about."""
    message = str(error)
    if not isinstance(error, ERRORS):
        return f"an error of type {type(error).__name__}: {short(message)}"
    if "\n" in message or not message or len(message) > LONGEST:
        return f"not one line: {short(message)}"
    names = {*call.names, *call.options}
    with contextlib.suppress(ValueError):  # ufuncs have no signature
        names |= set(inspect.signature(call.function).parameters)
    if not any(re.search(rf"\b{name}\b", message) for name in names):
        return f"{type(error).__name__} that names no argument: {short(message)}"
    return None


def plain(x):
    """Arrays as contiguous copies in the machine's byte order, one worker, and no `out`."""
    if isinstance(x, np.ndarray):
        if x.dtype.name == "bfloat16" and not x.dtype.isnative:
            return x.astype(x.dtype.newbyteorder("="))
        kind = x.dtype if x.dtype == BFLOAT16 else x.dtype.newbyteorder("=")
        return np.array(x, kind, order="C")
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items() if key not in ("out", "workers")}
    if isinstance(x, tuple):
        return tuple(map(plain, x))
    if isinstance(x, list):
        return [plain(part) for part in x]
    return x


def bits(x):
    """What two results must have in common, as values that compare."""
    if isinstance(x, BaseException):
        return type(x).__name__, str(x)
    if isinstance(x, np.ndarray | np.generic):
        return (x.dtype.newbyteorder("=").str, x.shape, plain(np.asarray(x)).tobytes())
    if isinstance(x, tuple | list):
        return tuple(map(bits, x))
    if isinstance(x, Sketch):
        return repr(x), bits(x.registers)
    return type(x).__name__, repr(x)


def same(a, b, tolerance):
    if tolerance and not (isinstance(a, BaseException) or isinstance(b, BaseException)):
        return np.allclose(np.asarray(a), np.asarray(b), rtol=tolerance, atol=tolerance, equal_nan=True)
    return bits(a) == bits(b)


def short(x):
    text = f"{type(x).__name__}: {x}" if isinstance(x, BaseException) else repr(x)
    text = " ".join(text.split())
    return text if len(text) <= 300 else f"{text[:300]}..."


def described(call):
    """The arguments in words."""
    parts = [summary(x) for x in call.args] + [f"{key}={summary(x)}" for key, x in call.options.items()]
    return f"({', '.join(parts)})"


def summary(x):
    if isinstance(x, np.ndarray) and x.ndim and x.size > 8:
        return f"<{x.dtype} array of shape {x.shape}, strides {x.strides}>"
    return short(x)


assert calls  # importing it fills the table
