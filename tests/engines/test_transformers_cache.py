"""A model as a callable: whatever it was called with before, it gives the logits of a whole call without a cache."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
from pycouple.plugins.transformers import TransformersModel  # noqa: E402

TOKENS = st.integers(0, 4)
EDITS = st.one_of(
    st.tuples(st.just("extend"), st.lists(TOKENS, min_size=1, max_size=7)),
    st.tuples(st.just("cut back"), st.integers(1, 9)),
    st.tuples(st.just("replace"), st.tuples(st.integers(1, 9), TOKENS)),
    st.tuples(st.just("repeat"), st.none()),
)


def edited(tokens, edit, value):
    """The tokens after an edit; the places of cuts and replacements are counted from the end."""
    if edit == "extend":
        return tokens + value
    if edit == "cut back":
        return tokens[: max(len(tokens) - value, 1)]
    if edit == "replace":
        place = max(len(tokens) - value[0], 0)
        return [*tokens[:place], value[1], *tokens[place + 1 :]]
    return tokens


def whole_call(model, tokens, rows):
    with torch.inference_mode():
        return model(torch.tensor([tokens]), use_cache=False).logits[0, -rows:].numpy()


@pytest.mark.parametrize("name", ["tiny", "sliding"])
def test_logits_are_those_of_a_whole_call(name, request):
    model = request.getfixturevalue(name)
    kept = TransformersModel(model)

    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(st.integers(1, 6), st.lists(EDITS, min_size=1, max_size=8))
    def check(rows, edits):
        kept.reset()
        kept.rows, tokens = rows, [3]
        for edit, value in [("repeat", None), *edits]:
            tokens = edited(tokens, edit, value)
            found = kept(tokens)
            assert found.dtype == np.float32
            assert found.shape == (min(rows, len(tokens)), 5)
            np.testing.assert_allclose(found, whole_call(model, tokens, rows), atol=1e-3)

    check()


def test_only_what_is_new_is_computed(tiny):
    computed, text = [], [1, 4, 2, 0, 3, 3, 1, 2, 4, 0]
    kept = TransformersModel(tiny, rows=3)
    hook = tiny.register_forward_pre_hook(
        lambda _, args, options: computed.append(options["input_ids"].shape[1]), with_kwargs=True
    )
    longer, other = [*text, 1, 2], [*text, 1, 3]
    for tokens in (text, longer, longer, other, text[:6], [*text[:6], 3], [2]):
        kept(tokens)
    hook.remove()
    assert computed == [10, 2, 1, 1, 3, 1, 1]  # of text[:6] three: their rows are not those given last
    assert kept.calls == len(computed)


@pytest.mark.parametrize("part", ["", "model.layers.1.mlp"])
def test_no_logits_in_training_mode(tiny, part):
    """Checked at each call, since `train()` may come later; of each module, since one may be left in that mode."""
    kept = TransformersModel(tiny, rows=2)
    before = kept([1, 2, 3])
    tiny.get_submodule(part).train()
    try:
        where = f"model, in its module {part}, is" if part else "model is"
        with pytest.raises(ValueError, match=rf"^{where} in training mode.*call model.eval\(\)"):
            kept([1, 2, 3, 4])
    finally:
        tiny.eval()
    np.testing.assert_allclose(kept([1, 2, 3]), before, atol=1e-5)
