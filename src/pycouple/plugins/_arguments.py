"""What the plugins check alike."""

from typing import Any


def callables(given: Any, name: str) -> list[Any]:
    """A list of callables, empty for None."""
    if given is None:
        return []
    if not isinstance(given, list | tuple):
        raise TypeError(f"{name} must be a list of callables, got {type(given).__name__}")
    for i, one in enumerate(given):
        if not callable(one):
            raise TypeError(f"{name} must be a list of callables, got {type(one).__name__} at index {i}")
    return list(given)
