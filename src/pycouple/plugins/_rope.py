"""Rotary positions whose frequencies depend on how long the text is: a longer pass moves the logits of all tokens."""

from collections.abc import Iterator
from typing import Any


def longest_text(model: Any) -> int | None:
    """The longest text, in tokens, up to which frequencies of the type "dynamic" stay; none without that type.

    Beyond it they grow with the longest text so far, so that logits depend on earlier calls.
    """
    return min((rotary.original_max_seq_len for kind, _, rotary in _of(model) if "dynamic" in kind), default=None)


def switch(model: Any) -> int | None:
    """The longest text, in tokens, that has the short frequencies of the type "longrope"; none without that type.

    All positions of a longer text have the long ones.
    """
    found = (settings["original_max_position_embeddings"] for kind, settings, _ in _of(model) if kind == "longrope")
    return min(found, default=None)


def _of(model: Any) -> Iterator[tuple[str, Any, Any]]:
    """The type, the settings and the module of all rotary positions; a module may have some per type of layer."""
    for module in model.modules():
        kinds = getattr(module, "rope_type", None)
        settings: Any = getattr(getattr(module, "config", None), "rope_parameters", None)
        if isinstance(kinds, str):
            yield kinds, settings, module
        elif isinstance(kinds, dict):
            yield from ((kind, settings[layers], module) for layers, kind in kinds.items())
