"""What the plugins check alike."""

from typing import Any


def callables(given: Any, name: str) -> list[Any]:
    """A list of callables, empty for None."""
    if given is None:
        return []
    if not isinstance(given, list | tuple) or not all(map(callable, given)):
        raise TypeError(f"{name} must be a list of callables, got {type(given).__name__}")
    return list(given)
