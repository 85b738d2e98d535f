"""Bad input of speculative decoding: errors name the argument that the caller passed, and the place in it."""

import re

import numpy as np
import pytest

from pycouple.speculative import (
    SamplingParams,
    draft,
    generate,
    list_target_logits,
    race,
    ratio_test,
    verify,
    verify_list,
    warp,
)

NAN, INF = float("nan"), float("inf")
FILTERS = (None, SamplingParams(top_k=2), SamplingParams(top_p=0.5))  # errors are found by the draw, or before it


def raises(error, message):
    """The whole message."""
    return pytest.raises(error, match=f"^{re.escape(message)}$")


def rows(shape, **bad):
    """Zeros, and bad values at flat indices."""
    x = np.zeros(shape)
    for at, value in bad.items():
        x.flat[int(at[1:])] = value
    return x


@pytest.mark.parametrize("function", [draft, race])
def test_draft_and_race(function):
    x = np.zeros((2, 5))
    with raises(ValueError, "position must be in 0..2**64 - 1, got -1"):
        function(x, 1, -1)
    with raises(ValueError, "position must be in 0..2**64 - 1, got -7 at index 1"):
        function(x, 1, [3, -7])
    with raises(TypeError, "position must be integers, got float"):
        function(x, 1, 1.5)
    shapes = "logits (2,), position (3,)"
    with raises(ValueError, f"the batch shapes do not broadcast (logits without its items): {shapes}"):
        function(x, 1, [1, 2, 3])
    with raises(ValueError, "stream must be in 0..255, got 256"):
        function(x, 1, 5, stream=256)
    with pytest.raises(ValueError, match=r"^params.temperature 1e-310 is so small .* for item 0, logit 1.0 at row 1;"):
        function([[0.0], [1.0]], 1, 5, SamplingParams(1e-310))
    with raises(np.exceptions.AxisError, "logits: axis 2 is out of bounds for array of dimension 2"):
        function(x, 1, 5, axis=2)
    with raises(ValueError, "workers must be positive, or -1 for all cores; got 0"):
        function(x, 1, 5, workers=0)
    with raises(TypeError, "params must be pycouple.speculative.SamplingParams, got float"):
        function(x, 1, 5, 0.8)
    for params in FILTERS:
        with raises(ValueError, "logits: logit of item 3 is nan at row 1; it must be finite or -inf"):
            function(rows((2, 5), _8=NAN), 1, 5, params)
        with raises(ValueError, "logits: logit of item 1 is inf at row 1; it must be finite or -inf"):
            function(rows((5, 2), _3=INF), 1, 5, params, axis=0)
        with raises(ValueError, "logits: every logit is -inf, so there is nothing to draw"):
            function([-INF, -INF], 1, 5, params)
        with raises(ValueError, "logits: there are no items (n = 0)"):
            function([], 1, 5, params)


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([1, 2, 2], ValueError, "token_ids must not repeat an id, got 2 twice"),
        ([1, 2], ValueError, "token_ids must have 3 numbers, one per token of {}; got 2"),
        ([[1, 2, 3]], ValueError, "token_ids must be a sequence of integers, got shape (1, 3)"),
        ([1, 2, -3], ValueError, "token_ids must be in 0..17179869183, got -3 at index 2"),
        ([0.5, 1.5, 2.0], TypeError, "token_ids must be integers, got float"),
    ],
)
def test_token_ids(ids, error, message):
    x = np.zeros((2, 3))
    for function in (draft, race):
        with raises(error, message.format("logits")):
            function(x, 1, 5, token_ids=ids)
    with raises(error, message.format("target_logits")):
        verify([1], x, 1, 5, token_ids=ids)
    with raises(error, message.format("target_logits[0]")):
        verify_list([[1], [2]], [x, x], 1, 5, token_ids=ids)


def test_bad_logits_of_a_reduced_vocabulary():
    """The item is the column, not the token."""
    for params in FILTERS:
        with raises(ValueError, "logits: logit of item 1 is nan; it must be finite or -inf"):
            draft([1.0, NAN, 3.0], 1, 5, params, token_ids=[7, 2, 5])


TWO = np.zeros((5, 4))  # of a draft of two tokens and one of one


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"target_logits": np.zeros((2, 4))},
            ValueError,
            "target_logits must have 5 rows, one per draft and one more per sequence; got 2",
        ),
        (
            {"target_logits": np.zeros(5)},
            ValueError,
            "target_logits must have two axes, rows and tokens; got shape (5,)",
        ),
        ({"target_logits": "abc"}, TypeError, "target_logits must be real numbers, got str"),
        ({"draft_tokens": 5}, TypeError, "draft_tokens must be a sequence of integers or of such sequences, got int"),
        ({"draft_tokens": [1.5, 2, 3, 4]}, TypeError, "draft_tokens must be integers, got float"),
        ({"draft_tokens": [1, 2, 3, -1]}, ValueError, "draft_tokens must be in 0..17179869183, got -1 at index 3"),
        (
            {"draft_tokens": [[1, 2], [3, -1]]},
            ValueError,
            "draft_tokens[1] must be in 0..17179869183, got -1 at index 1",
        ),
        ({"draft_tokens": [[1, 2], [0.5]]}, TypeError, "draft_tokens[1] must be integers, got float"),
        ({"draft_tokens": [[1, 2], 3]}, ValueError, "draft_tokens[1] must be a sequence of integers, got shape ()"),
        (
            {"draft_tokens": [[1, 2], [[3]]]},
            ValueError,
            "draft_tokens[1] must be a sequence of integers, got shape (1, 1)",
        ),
        ({"seed": -1}, ValueError, "seed must be in 0..2**64 - 1, got -1"),
        ({"seed": [1, -1]}, ValueError, "seed must be in 0..2**64 - 1, got -1 at index 1"),
        ({"seed": [1, 2, 3]}, ValueError, "seed must be one integer or 2, one per sequence; got shape (3,)"),
        ({"position": 1.5}, TypeError, "position must be integers, got float"),
        ({"position": [1, 2, 3]}, ValueError, "position must be one integer or 2, one per sequence; got shape (3,)"),
        ({"stream": [0, 256]}, ValueError, "stream must be in 0..255, got 256 at index 1"),
        ({"stream": [[0]]}, ValueError, "stream must be one integer or 2, one per sequence; got shape (1, 1)"),
        (
            {"position": 2**64 - 2},
            ValueError,
            "position must leave room for the drafts below 2**64, got 18446744073709551614",
        ),
        (
            {"position": [5, 2**64 - 1]},
            ValueError,
            "position must leave room for the drafts below 2**64, got 18446744073709551615 at index 1",
        ),
        ({"params": {"top_k": 2}}, TypeError, "params must be pycouple.speculative.SamplingParams, got dict"),
        ({"axis": 2}, np.exceptions.AxisError, "target_logits: axis 2 is out of bounds for array of dimension 2"),
    ],
)
def test_verify(arguments, error, message):
    good = {"draft_tokens": [[1, 2], [3]], "target_logits": TWO, "seed": 1, "position": 5}
    verify(**good)
    with raises(error, message):
        verify(**(good | arguments))


def test_bad_rows_of_verify():
    """They are named by their number in the argument, in a batch by their sequence too."""
    bad, must = rows((5, 4), _17=NAN), "it must be finite or -inf"
    for params in FILTERS:
        with raises(ValueError, f"target_logits: logit of item 1 is nan at row 4; {must}"):
            verify([1, 2, 3, 1], bad, 1, 5, params)
        with raises(ValueError, f"target_logits: logit of item 1 is nan at row 4 (row 1 of sequence 1); {must}"):
            verify([[1, 2], [3]], bad, 1, 5, params)
        with raises(ValueError, f"target_logits: logit of item 1 is nan at row 4 (row 0 of sequence 2); {must}"):
            verify([[], [1, 2], []], bad, 1, 5, params)
        with raises(
            ValueError, "target_logits: every logit is -inf at row 1 (row 0 of sequence 1), so there is nothing to draw"
        ):
            verify([[], []], [[0.0, 1.0], [-INF, -INF]], 1, 5, params)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"draft_tokens": 5}, TypeError, "draft_tokens must be a sequence with one element per draft, got int"),
        ({"target_logits": 5}, TypeError, "target_logits must be a sequence with one element per draft, got int"),
        ({"draft_tokens": [1, 2]}, ValueError, "draft_tokens[0] must be a sequence of integers, got shape ()"),
        ({"draft_tokens": [[1], [-2]]}, ValueError, "draft_tokens[1] must be in 0..17179869183, got -2 at index 0"),
        ({"draft_tokens": [], "target_logits": []}, ValueError, "draft_tokens must hold at least one draft"),
        (
            {"target_logits": [TWO[:2]]},
            ValueError,
            "draft_tokens, target_logits and streams must be equally many, got 2, 1 and 2",
        ),
        (
            {"draft_tokens": [[1], [2, 3]]},
            ValueError,
            "target_logits[1] must have shape (3, 4), a row per draft token and one more; got (2, 4)",
        ),
        (
            {"target_logits": [TWO[:2], np.zeros((2, 5))]},
            ValueError,
            "target_logits[1] must have shape (2, 4), a row per draft token and one more; got (2, 5)",
        ),
        ({"invariance": "weak"}, ValueError, "invariance must be one of 'strong', 'conditional', got 'weak'"),
        ({"streams": [3, 3]}, ValueError, "streams must be distinct, got 3 more than once"),
        ({"streams": 2}, TypeError, "streams must be a sequence of integers, got int: pass range(2)"),
        ({"streams": [0, 300]}, ValueError, "streams must be in 0..255, got 300 at index 1"),
        ({"position": 5.7}, TypeError, "position must be an integer, got float"),
        ({"seed": [3, 4]}, ValueError, "seed must be one integer, got an array of shape (2,)"),
        (
            {"position": 2**64 - 1},
            ValueError,
            "position must leave room for the drafts below 2**64, got 18446744073709551615",
        ),
        ({"params": 0.8}, TypeError, "params must be pycouple.speculative.SamplingParams, got float"),
        ({"workers": 0}, ValueError, "workers must be positive, or -1 for all cores; got 0"),
    ],
)
def test_verify_list(arguments, error, message):
    good = {"draft_tokens": [[1], [2]], "target_logits": [TWO[:2], TWO[:2]], "seed": 1, "position": 5}
    verify_list(**good)
    with raises(error, message):
        verify_list(**(good | arguments))


def test_bad_rows_of_verify_list():
    """Every row is checked, as by verify, also those of a draft that is refused before them."""
    good = np.full((3, 4), -INF)
    good[:, 1] = 0  # all draws are token 1
    bad = good.copy()
    bad[1, 2] = NAN
    for params in FILTERS:
        for invariance in ("strong", "conditional"):
            with raises(ValueError, "target_logits[1]: logit of item 2 is nan at row 1; it must be finite or -inf"):
                verify_list([[0, 0], [1, 1]], [good, bad], 1, 5, params, invariance=invariance)
            with raises(ValueError, "target_logits[0]: logit of item 2 is nan at row 1; it must be finite or -inf"):
                verify_list([[0, 0], [1, 1]], [bad, good], 1, 5, params, invariance=invariance)
    with pytest.raises(ValueError, match=r"^params.temperature 1e-310 is so small .* item 0, logit 1.0 at row 0;"):
        verify_list([[]], [np.ones((1, 2))], 1, 5, SamplingParams(1e-310))


def good_model(tokens):
    return np.zeros((len(tokens), 9))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"prompt": []}, ValueError, "prompt must not be empty"),
        ({"prompt": [1.5]}, TypeError, "prompt must be integers, got float"),
        ({"prompt": [1, -2]}, ValueError, "prompt must be in 0..17179869183, got -2 at index 1"),
        ({"prompt": [[1, 2]]}, ValueError, "prompt must be a sequence of integers, got shape (1, 2)"),
        ({"seed": -1}, ValueError, "seed must be in 0..2**64 - 1, got -1"),
        ({"params": 0.8}, TypeError, "params must be pycouple.speculative.SamplingParams, got float"),
        ({"draft_length": -1}, ValueError, "draft_length must not be negative, got -1"),
        ({"max_new_tokens": 2.5}, TypeError, "max_new_tokens must be an integer, got float"),
        ({"stop_tokens": 3.0}, TypeError, "stop_tokens must be integers, got float"),
        ({"stop_tokens": True}, TypeError, "stop_tokens must be integers, got bool"),
        ({"stop_tokens": [2, True]}, TypeError, "stop_tokens must be integers, got bool at index 1"),
        ({"stop_tokens": "</s>"}, TypeError, "stop_tokens must be integers, got str"),
        ({"stop_tokens": ["a"]}, TypeError, "stop_tokens must be integers, got str"),
        ({"stop_tokens": [2, None]}, TypeError, "stop_tokens must be integers, got NoneType at index 1"),
        ({"stop_tokens": (2, -3)}, ValueError, "stop_tokens must be in 0..17179869183, got -3 at index 1"),
        (
            {"stop_tokens": [[2, 3]]},
            ValueError,
            "stop_tokens must be one integer or a collection of integers, got shape (1, 2)",
        ),
        (
            {"stop_tokens": [2, [3]]},
            ValueError,
            "stop_tokens: the rows of a list must have the same number of items (numbers and lists are mixed)",
        ),
        ({"stop_tokens": {2: "end"}}, TypeError, "stop_tokens must be integers, got dict"),
        ({"on_tokens": 3}, TypeError, "on_tokens must be callable, got int"),
        ({"target": np.zeros((9, 9))}, TypeError, "target must be callable, got ndarray"),
        ({"target": None}, TypeError, "target must be callable, got NoneType"),
        ({"drafter": 3}, TypeError, "drafter must be callable, got int"),
        (
            {"target": lambda tokens: np.zeros(9)},
            ValueError,
            "target must give 5 rows of logits or more, got shape (9,)",
        ),
        (
            {"target": lambda tokens: np.zeros((2, 9))},
            ValueError,
            "target must give 5 rows of logits or more, got shape (2, 9)",
        ),
        ({"target": lambda tokens: "no"}, TypeError, "logits of target must be real numbers, got str"),
        (
            {"drafter": lambda tokens: np.zeros((0, 9))},
            ValueError,
            "drafter must give rows of logits, or one row; got shape (0, 9)",
        ),
        (
            {"drafter": lambda tokens: [[0.0, NAN]]},
            ValueError,
            "logits of drafter: logit of item 1 is nan for position 3; it must be finite or -inf",
        ),
        (
            {"drafter": lambda tokens: 2.0},
            ValueError,
            "logits of drafter must have at least one axis, the items; got a single number",
        ),
    ],
)
def test_generate(arguments, error, message):
    good = {"target": good_model, "drafter": good_model, "prompt": [1, 2, 3], "seed": 1}
    with raises(error, message):
        generate(**(good | arguments))


def test_bad_logits_of_a_target():
    """The message has the position of the token that the row predicts."""

    def target(tokens):
        x = np.zeros((len(tokens), 9))
        x[4:, 7] = INF  # after the first five tokens
        return x

    for params in FILTERS:
        for drafter in (None, lambda tokens: np.zeros(9)):
            with raises(
                ValueError, "logits of target: logit of item 7 is inf for position 5; it must be finite or -inf"
            ):
                generate(target, drafter, [1, 2, 3], 1, params)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"draft_tokens": [3]}, ValueError, "draft_tokens must be below 3, the number of logits; got 3"),
        ({"draft_tokens": [-1]}, ValueError, "draft_tokens must be in 0..17179869183, got -1 at index 0"),
        (
            {"draft_tokens": [0, 1]},
            ValueError,
            "draft_logits of 2 drafts must have two axes and 2 rows, got shape (1, 3)",
        ),
        (
            {"target_logits": np.zeros((1, 3))},
            ValueError,
            "target_logits of 1 drafts must have two axes and 2 rows, got shape (1, 3)",
        ),
        (
            {"target_logits": np.zeros((2, 4))},
            ValueError,
            "draft_logits and target_logits must be over the same items: draft_logits has 3, target_logits has 4",
        ),
        (
            {"draft_logits": [[0.0, NAN, 0.0]]},
            ValueError,
            "draft_logits: logit of item 1 is nan at row 0; it must be finite or -inf",
        ),
        (
            {"target_logits": rows((2, 3), _5=INF)},
            ValueError,
            "target_logits: logit of item 2 is inf at row 1; it must be finite or -inf",
        ),
        (
            {"draft_logits": [[0.0, 0.0, -INF]], "target_logits": [[0.0, 0.0, -INF]] * 2, "draft_tokens": [2]},
            ValueError,
            "draft_tokens: draft_logits give token 2 at row 0 no probability",
        ),
        (
            {"target_logits": rows((2, 3), _5=1e300), "params": SamplingParams(1e-300)},
            ValueError,
            "params.temperature 1e-300 is so small that target_logits / temperature overflows at row 1; "
            "temperature=0 takes the largest logit",
        ),
        ({"rng": 1}, TypeError, "rng must be a numpy.random.Generator, got int"),
    ],
)
def test_ratio_test(arguments, error, message):
    good = {"draft_tokens": [0], "draft_logits": np.zeros((1, 3)), "target_logits": np.zeros((2, 3))}
    with raises(error, message):
        ratio_test(**(good | {"rng": np.random.default_rng(1)} | arguments))


def test_warp():
    with raises(ValueError, "logits: logit of item 3 is nan at row 1; it must be finite or -inf"):
        warp(rows((2, 5), _8=NAN))
    with raises(TypeError, "params must be pycouple.speculative.SamplingParams, got dict"):
        warp([1.0], {"top_k": 3})


def test_lists_of_logits():
    with raises(ValueError, "position must be in 0..2**64 - 1, got -1"):
        list_target_logits([1.0, 2.0], 1, -1)


def test_sequences_as_an_axis():
    hint = "put the rows of each sequence after those of the one before"
    with raises(ValueError, f"target_logits must have two axes, rows and tokens; got shape (2, 3, 5): {hint}"):
        verify([[1, 2], [3, 4]], np.zeros((2, 3, 5)), 1, 0)
