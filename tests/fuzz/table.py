"""The table of calls: for each public function a generator of random calls of it."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import pycouple

GENERATORS: dict[str, Callable[[np.random.Generator], "Call"]] = {}
SEPARATE = ("cli", "plugins", "torch")  # a command, and what needs engines and torch: they have tests of their own


class Call(NamedTuple):
    """One call, and what else is known of its result."""

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = {}  # noqa: RUF012
    rows: int = 1
    oracle: Callable[[Any], tuple[Any, Any]] | None = None  # from the result to a part of it, and what that should be
    reference: Callable[[], Any] | None = None  # another way to the same result; by default the call with plain arrays
    tolerance: float = 0.0  # of results that are not promised to the bit
    names: tuple[str, ...] = ()  # of arguments, that errors may name, where the function's own signature has them not


def generator(name):
    """Enter a function from a random generator to a Call as the generator of the public function of this name."""

    def enter(make):
        assert name not in GENERATORS, name
        GENERATORS[name] = make
        return make

    return enter


def public():
    """Names and values of all public functions and classes, each once: the package's face first, then its modules."""
    modules = {"": pycouple}
    for module in pkgutil.iter_modules(pycouple.__path__):
        if module.name[0] != "_" and module.name not in SEPARATE:
            modules[f"{module.name}."] = importlib.import_module(f"pycouple.{module.name}")
    found, seen = {}, []
    for prefix, module in modules.items():
        for name in getattr(module, "__all__", vars(module)):
            thing = getattr(module, name)
            if name[0] == "_" or not callable(thing) or any(thing is other for other in seen):
                continue
            home = "pycouple.ufuncs" if isinstance(thing, np.ufunc) else getattr(thing, "__module__", "")
            result = isinstance(thing, type) and issubclass(thing, tuple | Exception)  # what others return or raise
            if home.startswith(module.__name__) and not result:
                seen.append(thing)
                found[prefix + name] = thing
    return found


def value_at(x, where, shape):
    """The element of an argument for a place in the batch to which it is broadcast."""
    value = np.broadcast_to(np.asarray(x, object), shape)[where]
    return value.item() if isinstance(value, np.generic) else value


def some_place(rng, shape):
    return tuple(int(rng.integers(size)) for size in shape)
