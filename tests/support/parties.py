"""A file for `pycouple demo --input`: a target and two drafters."""

import numpy as np


def small_file(**changes):
    """Two positions; `a` keeps other tokens than the target and fewer of them; `b` is the target itself."""
    arrays = {
        "target_ids": np.array([[5, 2, 9], [1, 2, 3]]),
        "target_p": np.array([[0.5, 0.3, 0.1], [0.6, 0.3, 0.1]]),
        "target_rest": np.array([0.1, 0.0]),
        "a_ids": np.array([[2, 7], [9, 8]], np.uint16),
        "a_p": np.array([[0.5, 0.25], [0.75, 0.25]], np.float32),
        "a_rest": np.array([0.25, -1e-8], np.float32),
        "prompt": np.array(["x", "y"]),
    }
    arrays |= {f"b_{part}": arrays[f"target_{part}"] for part in ("ids", "p", "rest")}
    arrays |= changes
    return {name: array for name, array in arrays.items() if array is not None}
