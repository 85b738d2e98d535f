"""A core that is wrong says so when it is imported."""

import pytest

from pycouple import _core, _level


def test_every_level_gives_the_known_answers():
    assert _core.wrong_answers() == {}


def test_wrong_answers_end_the_import():
    levels = [name for name, runs in _core.levels().items() if runs]
    with pytest.raises(ImportError, match=f"known gumbel sketch at ISA level {levels[-1]}, so its draws") as caught:
        _level.check_answers(dict.fromkeys(levels, "gumbel sketch"), forced=False)
    assert "PYCOUPLE_ISA" not in str(caught.value)  # no level is right


def test_another_level_is_named(level):
    others = [name for name, runs in _core.levels().items() if runs and name != level]
    advice = f"; PYCOUPLE_ISA={others[-1]} does without it" if others else "the machine$"
    with pytest.raises(ImportError, match=f"known softmax at ISA level {level}.*{advice}"):
        _level.check_answers({level: "softmax"}, forced=False)
    with pytest.raises(ImportError, match=f"at ISA level {level}"):
        _level.check_answers({level: "softmax"}, forced=True)


def test_a_forced_level_answers_for_itself(level):
    others = [name for name, runs in _core.levels().items() if runs and name != level]
    _level.check_answers(dict.fromkeys(others, "softmax"), forced=True)
