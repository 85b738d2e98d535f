"""Every wrong value for every argument of every public call is refused by the argument's name, before any work."""

import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

import pycouple
from pycouple import protocol, speculative, theory

NAN, INF = float("nan"), float("inf")


class Texts:
    """An iterable that is nothing else."""

    def __iter__(self):
        return iter(["3.5"])


NOTHING = {  # that no argument takes
    "object": object(),
    "function": len,
    "text": "abc",
    "bytes": b"abc",
    "complex": 1j,
    "dict of words": {"a": 1.0},
    "set": {1.5, 2.5},
    "items": {1: 2.0}.items(),
    "None in a list": [None],
    "texts": ["3.5", "1"],
    "iterable of texts": Texts(),
    "ragged": [[1], [1, 2]],
    "numbers and lists": [1, [2]],
    "dates": np.array(["2020-01-01"], "datetime64[D]"),
    "durations": np.array([1, 2], "timedelta64[s]"),
    "fields": np.array([(1.0, 2)], [("a", "f8"), ("b", "i4")]),
    "masked": np.ma.array([1, 2], mask=[0, 1]),
    "masked in lists": [[np.ma.array([1, 2], mask=[0, 1])]],
    "bytes of no type": np.zeros(2, "V3"),
    "sparse": sparse.coo_array(np.eye(2) * 1j),
    "sketch": pycouple.Sketcher(3, 1),
}
NO_INTEGERS = {
    "float": 1.5,
    "whole float": 1.0,
    "nan": NAN,
    "bool": True,
    "bools": np.array([True, False]),
    "bool among integers": [1, True],
    "float among integers": [1, 2.5],
    "negative": -1,
    "negative array": np.array([1, -2]),
    "65 bits": 2**64,
    "65 bits in a list": [1, 2**64],
    "many digits": 10**5000,
    "many digits in a list": [10**5000],
    "fraction": Fraction(1, 2),
    "decimal": Decimal(2),
}
SEVERAL = {"list": [1, 2], "array": np.arange(3), "empty": [], "nested": [[1]]}
NO_REALS = {"nan": NAN, "negative": -1.0, "infinite": INF, "huge": 10**400, "bool": True, "nan in a list": [1.0, NAN]}
NO_ROWS = {
    "number": 3.0,
    "empty": [],
    "nan": [1.0, NAN],
    "infinite": [INF, 1.0],
    "rounded integers": [2**60, 2**60 + 1],
    "rounded array": np.array([[2**60 + 1]]),
    "rounded among floats": [0.5, 2**53 + 1],
    "too large": [10**400, 0.5],
    "fraction": [Fraction(1, 3)],
}
KINDS = {
    "rows": NOTHING | NO_ROWS,
    "integers": NOTHING | NO_INTEGERS,
    "integer": NOTHING | NO_INTEGERS | SEVERAL,
    "counts": NOTHING | NO_INTEGERS,
    "reals": NOTHING | NO_REALS,
    "shares": NOTHING | NO_REALS | {"more than 1": 1.5, "more than 1 in a list": [0.5, 1.5]},
    "real": NOTHING | NO_REALS | SEVERAL,
    "choice": NOTHING | NO_INTEGERS | SEVERAL,
    "flag": NOTHING | {"zero": 0, "float": 1.0} | SEVERAL,
    "count": NOTHING | NO_INTEGERS | SEVERAL,
    "axis": NOTHING | {"float": 1.0, "bool": True, "large": 5, "small": -5, "many digits": 10**5000} | SEVERAL,
    "out": NOTHING
    | {"list": [0], "floats": np.zeros(1), "shape": np.zeros(7, np.int64), "swapped": np.zeros((), ">i8")},
    "sketch": NOTHING | {"array": np.zeros(3, np.uint64), "list": [1]},
    "model": {key: value for key, value in NOTHING.items() if key != "function"},
}
ROW, LOGITS, MODEL = [0.5, 0.5], np.zeros((2, 3)), lambda tokens: np.zeros((len(tokens), 3))
SKETCH = pycouple.sketch(np.eye(3), 4, 1)
DRAW = {"seed": "integers", "step": "integers", "stream": "integers", "workers": "count", "axis": "axis"}
DRAW |= {"item_offset": "integers", "out": "out"}
TEXT = {"seed": "integers", "position": "integers", "stream": "integers", "workers": "count", "axis": "axis"}
KEPT = {"top_k": "counts", "top_p": "shares", "min_p": "shares"}
PARAMS = {"params": "model", "temperature": "reals"} | KEPT
TEXT |= {"token_ids": "integers"} | PARAMS
ONE = {"seed": "integer", "position": "integer", "workers": "count", "axis": "axis"} | PARAMS
PAIR = {"p": "rows", "q": "rows"}
NOISE = dict.fromkeys(["seed", "step", "items", "stream"], "integers")
CALLS = {  # what is right, and the kind of each argument
    pycouple.sample: ({"weights": ROW, "seed": 1}, {"weights": "rows", "method": "choice"} | KEPT | DRAW),
    pycouple.race_weights: ({"weights": ROW, "seed": 1}, {"weights": "rows"} | DRAW),
    pycouple.sample_logits: ({"logits": ROW, "seed": 1}, {"logits": "rows", "temperature": "reals"} | KEPT | DRAW),
    pycouple.race_logits: ({"logits": ROW, "seed": 1}, {"logits": "rows", "temperature": "reals"} | KEPT | DRAW),
    pycouple.couple: ({"p": ROW, "q": ROW, "seed": 1}, PAIR | {"method": "choice"} | KEPT | DRAW),
    pycouple.clocks: ({"seed": 1, "step": 2, "items": 3}, NOISE),
    pycouple.gumbels: ({"seed": 1, "step": 2, "items": 3}, NOISE),
    pycouple.uniforms: ({"seed": 1, "step": 2, "items": 3}, NOISE),
    theory.total_variation: ({"p": ROW, "q": ROW}, PAIR),
    theory.agreement: ({"p": ROW, "q": ROW}, PAIR | {"method": "choice"}),
    theory.lower_bound: ({"p": ROW, "q": ROW}, PAIR),
    theory.list_agreement_bound: ({"p": ROW, "q": ROW, "k": 2}, PAIR | {"k": "integers"}),
    theory.weighted_jaccard: ({"a": ROW, "b": ROW}, {"a": "rows", "b": "rows"}),
    theory.hard_pair: ({"n": 3}, {"n": "integer"}),
    pycouple.sketch: (
        {"weights": ROW, "k": 3, "seed": 1, "method": "minhash"},
        {"weights": "rows", "k": "integer", "seed": "integer", "ids": "integers", "method": "choice"}
        | {"normalize": "flag", "bits": "integer", "workers": "count"},
    ),
    pycouple.Sketcher: ({"k": 3, "seed": 1}, {"k": "integer", "seed": "integer", "method": "choice"}),
    pycouple.Sketch: (
        {"registers": np.zeros(3, np.uint64), "seed": 1, "method": "minhash"},
        {"registers": "rows", "seed": "integer", "method": "choice", "normalize": "flag", "bits": "integer"}
        | {"version": "integer"},
    ),
    pycouple.Sketch.concatenate: ({"sketches": [SKETCH]}, {"sketches": "sketch"}),
    pycouple.similarity: ({"a": SKETCH, "b": SKETCH}, {"a": "sketch", "b": "sketch"}),
    pycouple.similarity_matrix: ({"a": SKETCH}, {"a": "sketch", "b": "sketch", "workers": "count"}),
    protocol.Alice: ({"p": ROW, "seed": 1}, {"p": "rows", "seed": "integer", "step": "integer", "epsilon": "real"}),
    protocol.Bob: ({"q": ROW, "seed": 1}, {"q": "rows", "seed": "integer", "step": "integer", "epsilon": "real"}),
    protocol.run: (
        {"p": ROW, "q": ROW, "seed": 1},
        PAIR | {"seed": "integer", "step": "integers", "epsilon": "real"},
    ),
    protocol.rounds: ({"epsilon": 0.1}, {"epsilon": "real"}),
    protocol.expected_bits_bound: ({"n": 3}, {"n": "integer"}),
    protocol.worst_case_bits: ({"n": 3, "epsilon": 0.1}, {"n": "integer", "epsilon": "real"}),
    speculative.SamplingParams: ({}, dict.fromkeys(["temperature", "top_p", "min_p"], "real") | {"top_k": "top_k"}),
    speculative.warp: ({"logits": ROW}, {"logits": "rows"} | PARAMS),
    speculative.draft: ({"logits": ROW, "seed": 1, "position": 2}, {"logits": "rows", "out": "out"} | TEXT),
    speculative.race: ({"logits": ROW, "seed": 1, "position": 2}, {"logits": "rows", "out": "out"} | TEXT),
    speculative.verify: (
        {"draft_tokens": [1], "target_logits": LOGITS, "seed": 1, "position": 2},
        {"draft_tokens": "integers", "target_logits": "rows"} | TEXT,
    ),
    speculative.list_target: (
        {"weights": ROW, "seed": 1},
        {"weights": "rows", "seed": "integers", "position": "integers", "streams": "integers", "axis": "axis"}
        | {"item_offset": "integers", "out": "out", "workers": "count"},
    ),
    speculative.list_target_logits: (
        {"logits": ROW, "seed": 1},
        {"logits": "rows", "seed": "integers", "position": "integers", "streams": "integers", "axis": "axis"}
        | {"item_offset": "integers", "out": "out", "workers": "count"} | PARAMS,
    ),
    speculative.verify_list: (
        {"draft_tokens": [[1], [2]], "target_logits": [LOGITS, LOGITS], "seed": 1, "position": 2},
        {"draft_tokens": "integers", "target_logits": "rows", "streams": "integers", "token_ids": "integers"}
        | {"invariance": "choice"} | ONE,
    ),
    speculative.ratio_test: (
        {"draft_tokens": [1], "draft_logits": LOGITS[:1], "target_logits": LOGITS, "rng": np.random.default_rng(1)},
        {"draft_tokens": "integers", "draft_logits": "rows", "target_logits": "rows"}
        | {"rng": "model", "params": "model"},
    ),
    speculative.generate: (
        {"target": MODEL, "drafter": None, "prompt": [1], "seed": 1, "max_new_tokens": 2},
        {"target": "model", "drafter": "model", "prompt": "integers", "seed": "integer", "params": "model"}
        | {"draft_length": "integer", "max_new_tokens": "integer", "stop_tokens": "integers", "on_tokens": "model"},
    ),
}  # fmt: skip
KINDS["top_k"] = KINDS["integer"]
RIGHT = {  # what has a meaning for an argument, though not for others of its kind
    "workers": {"negative", "65 bits"},
    "top_k": {"negative", "65 bits", "65 bits in a list", "many digits", "many digits in a list"},
    "max_new_tokens": {"65 bits"},
    "draft_length": {"65 bits"},
    "draft_tokens": {"ragged"},
}
RIGHT_IN = {(pycouple.sketch, "weights"): {"empty"}}


@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__qualname__)
def test_the_table_is_right(function):
    """What is called right is right: each refusal below is that of one argument."""
    function(**CALLS[function][0])


@pytest.mark.parametrize(
    ("function", "argument"),
    [(function, argument) for function, (_, kinds) in CALLS.items() for argument in kinds],
    ids=lambda x: x if isinstance(x, str) else x.__qualname__,
)
def test_wrong_values_are_refused_by_name(function, argument):
    good, kinds = CALLS[function]
    calls, faults = [], []
    if "target" in good and argument != "target":
        good = good | {"target": lambda tokens: calls.append(tokens) or MODEL(tokens)}
    wrong = KINDS[kinds[argument]] | ({} if good.get(argument) is None else {"None": None})
    for label, value in wrong.items():
        if label in RIGHT.get(argument, ()) or label in RIGHT_IN.get((function, argument), ()):
            continue
        try:
            given = function(**(good | {argument: value}))
            faults.append(f"{label}: no error, but {given!r}")
        except (TypeError, ValueError, MemoryError) as error:
            message = str(error)
            if not re.search(rf"\b{argument}\b", message) or "dtype object" in message or len(message) > 300:
                faults.append(f"{label}: {type(error).__name__}: {message}")
        except Exception as error:
            faults.append(f"{label}: {type(error).__name__}: {error}")
    assert not faults
    assert not calls
