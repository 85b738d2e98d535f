"""Sets in dicts, labelled arrays and iterators: what has one meaning is taken, the rest is refused by name."""

import re
from collections import Counter
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import sparse

import pycouple
from pycouple import Sketcher, sketch


def raises(error, message):
    """The whole message."""
    return pytest.raises(error, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize(
    "options", [{"method": "gumbel"}, {"method": "minhash"}, {"method": "minhash", "normalize": True}], ids=str
)
def test_mappings_from_ids_to_weights(level, options):
    """A dict has one meaning: its keys are the ids. A list of them is a batch, each set of its own items."""
    options = {"k": 40, "seed": 9} | options
    rng = np.random.default_rng(5)
    counts = Counter({int(key): int(rng.integers(1, 9)) for key in rng.integers(0, 2**63, 50)})
    sets = [counts, {2**64 - 1: 0.5, 3: 2}, {}, {np.uint64(7): np.float32(1.5)}, MappingProxyType({0: True})]
    want = [sketch(list(one.values()), ids=list(one), **options) for one in sets]
    assert [sketch(one, **options) for one in sets] == want
    for batch in (sets, tuple(sets), iter(sets)):
        assert sketch(batch, **options) == pycouple.Sketch.concatenate(want)


def test_mappings_that_are_wrong():
    with raises(TypeError, "the keys of weights must be integers, got str: pycouple.seed_from makes one of a word"):
        sketch(Counter("abca"), 4, 1)
    with raises(ValueError, "the keys of weights[1] must be in 0..2**64 - 1, got -1 at index 0"):
        sketch([{1: 1.0}, {-1: 1.0}], 4, 1)
    with raises(TypeError, "the values of weights must be real numbers, got NoneType at index 1"):
        sketch({1: 1.0, 2: None}, 4, 1)
    with raises(ValueError, "weights[1]: weight of item 17 is -1.0; it must be finite and not negative"):
        sketch([{1: 1.0}, {16: 1.0, 17: -1.0}], 4, 1)
    with raises(TypeError, "ids must be None for weights in a dict, whose keys are the ids"):
        sketch({1: 1.0}, 4, 1, ids=[1])


def test_labels_are_no_numbers_of_items():
    weights, labels = [3.0, 1.0, 2.0], np.array([5, 9, 2**40])
    series = pd.Series(weights, index=labels)
    message = (
        "weights has labels for its items, which are numbered from 0 here: "
        "pass integer labels as ids=, or weights without labels, by to_numpy()"
    )
    words = pd.Series(weights, index=list("abc"))
    for given in (series, words, pd.DataFrame([weights], columns=list("abc")), xr.DataArray(words)):
        with raises(ValueError, message):
            sketch(given, 4, 1)
    want = sketch(weights, 4, 1, ids=labels)
    assert sketch(series, 4, 1, ids=series.index) == sketch(series.to_dict(), 4, 1) == want
    assert sketch(pd.Series(weights), 4, 1) == sketch(words.to_numpy(), 4, 1) == sketch(weights, 4, 1)
    with pytest.raises(ValueError, match=r"^weights and ids have different labels"):
        sketch(series, 4, 1, ids=pd.Series(labels))
    with pytest.raises(ValueError, match=r"^ids and weights have different labels"):
        Sketcher(4, 1).update(pd.Series(labels), series)


def test_one_shot_sets():
    want = sketch([3.0, 1.0], 4, 1, ids=[7, 8])
    assert sketch(iter([3.0, 1.0]), 4, 1, ids=(i for i in (7, 8))) == want
    part = Sketcher(4, 1)
    part.update(iter([7, 8]), map(float, [3, 1]))
    assert part.sketch() == want
    assert pycouple.Sketch.concatenate(s for s in (want, want)).batch_shape == (2,)


def test_sparse_numbers_that_no_double_is():
    """Entries, as dense ones, are named by row and item in every form."""
    w = np.zeros((3, 5), np.int64)
    w[1, 3], w[2, 4] = 2**53, 2**53 + 1
    message = r"^weights: item 4 is 9007199254740993 at row 2, which no double is: round it first"
    for form in (np.asarray, sparse.csr_array, sparse.csc_array, sparse.lil_array, sparse.dok_array, sparse.coo_matrix):
        with pytest.raises(ValueError, match=message):
            sketch(form(w), 4, 1)
        assert sketch(form(w[:2]), 4, 1) == sketch(w[:2].astype(float), 4, 1)


@pytest.mark.parametrize("keys", [[(1, 2)], [(1, 2), 3], [3, (1,)]])
def test_tuples_as_keys_are_refused_by_name(keys):
    with pytest.raises(TypeError, match=r"the keys of weights must be integers, got tuple: pycouple\.seed_from"):
        pycouple.sketch(dict.fromkeys(keys, 1.0), 4, 1)
