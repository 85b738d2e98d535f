"""Labels of pandas and xarray: arrays are paired by position here, so labels that differ would be lost silently."""

from typing import Any


def labels_of(x: Any) -> list[tuple[Any, Any]]:
    """Of each axis its name and its index, either of them None where there is none; nothing for a plain array."""
    if hasattr(x, "iloc"):  # of pandas
        return [(None, index) for index in getattr(x, "axes", ())]
    if hasattr(x, "dims") and hasattr(x, "indexes"):  # of xarray
        return [(dim, x.indexes.get(dim)) for dim in x.dims]
    return []


def check_labels(given: dict[str, Any]) -> None:
    """Raise an error if labels along the axes of arguments, by the caller's names, are not the same.

    Axes are paired as they broadcast: the last ones first.
    """
    labelled = {name: labels_of(x) for name, x in given.items() if hasattr(x, "iloc") or hasattr(x, "dims")}
    if len(labelled) < 2:
        return
    first, *others = labelled
    for other in others:
        pairs = zip(reversed(labelled[first]), reversed(labelled[other]), strict=False)
        for (name, index), (other_name, other_index) in pairs:
            if None not in (name, other_name) and name != other_name:
                raise ValueError(f"{first} and {other} have different axes, {name} and {other_name}: transpose one")
            if index is None or other_index is None or len(index) != len(other_index) or index.equals(other_index):
                continue
            raise ValueError(
                f"{first} and {other} have different labels, and would be paired by position: "
                "give both one order, or pass arrays without labels, by to_numpy()"
            )
