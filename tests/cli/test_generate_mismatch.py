"""Another text with a drafter: `pycouple generate` tells rounding from a fault, by models that are wrong on purpose."""

import json

import numpy as np
import pytest

pytest.importorskip("rich")

from pycouple.cli.generate import engine as engines
from pycouple.cli.generate.mismatch import Drawn, explained
from pycouple.cli.main import main
from pycouple.speculative import SamplingParams, generate, race

TOKENS, SEED, LENGTH = 8, 11, 300
PROMPT = [0, 1, 2]
TABLE = np.random.default_rng(0).normal(0, 2, (TOKENS, TOKENS))
STD = np.std(TABLE, axis=1)


class MarkovChain:
    """A model whose logits depend on the last token; `wrong` changes those of a pass that goes on from a cache."""

    layers, vocabulary, context, has_chat = 6, TOKENS, 5000, False
    stop_tokens: frozenset[int] = frozenset()

    def __init__(self, wrong):
        self.wrong = wrong

    def encode(self, prompt, chat):
        return PROMPT

    def decode(self, tokens):
        return "".join(chr(97 + token) for token in tokens)

    def target(self, rows):
        held = 0

        def logits(tokens):
            nonlocal held
            new, held = len(tokens) - held if held else 0, len(tokens)
            found = np.array(TABLE[tokens][-rows:])
            if new:
                self.wrong(found, new, tokens)
            return found

        return logits

    def drafter(self, name, seed):
        return None if name == "none" else lambda tokens: TABLE[tokens[-1]]


def command(monkeypatch, capsys, wrong, *options):
    """Status, stdout and stderr."""
    monkeypatch.setattr(engines, "load", lambda name, workers: MarkovChain(wrong))
    monkeypatch.setattr(engines, "check_name", lambda name, option: None)
    common = ["--prompt", "abc", "--seed", str(SEED), "--drafter", "layers:6", "--max-new-tokens", str(LENGTH)]
    status = main(["generate", *common, *options])
    return status, *capsys.readouterr()


def wrong_with_drafts(rows, new, tokens):
    if new > 1:
        rows[:] = -rows


def wrong_without(rows, new, tokens):
    """As of a model that does not take its cache, and sees the last token alone as if it were the first one."""
    if new == 1:
        rows[:] = rows[:, ::-1]


@pytest.mark.parametrize(
    ("wrong", "where", "key"),
    [
        (wrong_with_drafts, "with the drafter", "difference"),
        (wrong_without, "without drafter", "difference_without_drafter"),
    ],
)
@pytest.mark.parametrize("compare", [[], ["--compare"]])
def test_a_fault_is_said_as_one(monkeypatch, capsys, wrong, where, key, compare):
    status, out, err = command(monkeypatch, capsys, wrong, "--json", *compare)
    runs = {run["drafter"]: run for run in json.loads(out)["runs"]}
    found = runs["layers:6"]["mismatch"]
    assert status == 2
    assert not runs["layers:6"]["identical"]
    assert runs["none"]["mismatch"] is None
    text = PROMPT + json.loads(out)["tokens"]
    before = text[found["position"] - 1]
    assert found["without_drafter"] == text[found["position"]] != found["token"]
    assert found["margin"] == race(TABLE[before], SEED, found["position"]).margin
    assert found["rounding"] == pytest.approx(2**-12 * STD[before])
    right = TABLE[before]
    off = np.abs(right - (-right if where == "with the drafter" else right[::-1])).max()
    assert found[key] == pytest.approx(off)
    said = f"logits {where} are off by {off:.2g} nats from those of one pass, and rounding explains "
    assert found["fault"] == f"{said}{found['rounding']:.2g}"
    assert err.startswith("pycouple: error: drafter l")
    assert err.count("\n") == 1

    status, out, err = command(monkeypatch, capsys, wrong, *compare)
    assert status == 2
    assert f"drafter layers:6: another text from position {found['position']}, " in out
    assert "by rounding" not in out
    assert "identical" not in out
    assert said in err
    assert err.count("\n") == 1


def test_a_model_that_changes_its_mind(monkeypatch, capsys):
    noise = np.random.default_rng(1)
    status, out, err = command(
        monkeypatch, capsys, lambda rows, new, tokens: rows.__iadd__(noise.normal(0, 2, rows.shape))
    )
    assert status == 2
    assert "by a fault" in out
    assert "the model gives other logits when it is asked again" in err


def close_call(params, limit):
    """A position of the text, without drafts, whose margin is below a limit, and the margin."""
    text = PROMPT + generate(lambda tokens: TABLE[tokens], None, PROMPT, SEED, params, max_new_tokens=LENGTH).tokens
    for position in range(len(PROMPT), len(text)):
        margin = race(TABLE[text[position - 1]], SEED, position, params).margin
        if margin < limit:
            return text, position, float(margin)
    raise AssertionError("no close call: take another seed")


def test_rounding_is_said_as_rounding(monkeypatch, capsys):
    """The token with the smallest margin loses it, where drafts are in the pass."""
    limit = 2**-12 * STD.min()
    text, place, margin = close_call(SamplingParams(), limit)

    def rounds(rows, new, tokens):
        first = len(tokens) - len(rows) + 1  # the position that the first row is for
        if new > 1 and 0 <= place - first < len(rows):
            rows[place - first, text[place]] -= 1.01 * margin

    status, out, err = command(monkeypatch, capsys, rounds, "--json")
    found = json.loads(out)["runs"][1]["mismatch"]
    assert (status, err) == (0, "")
    assert (found["position"], found["without_drafter"]) == (place, text[place])
    assert found["margin"] == margin <= 2 * found["difference"]
    assert found["difference"] == pytest.approx(1.01 * margin)
    assert found["difference_without_drafter"] == 0
    assert found["fault"] is None
    status, out, err = command(monkeypatch, capsys, rounds)
    assert (status, err) == (0, "")
    assert out.endswith(
        f"by rounding: logits are off by {1.01 * margin:.2g} nats, and the margin is {margin:.2g} nats\n"
    )


LOGITS = np.array([3.0, 2.0, 1.0, 0.0])


def test_half_the_margin():
    """A draw that no difference of logits explains; where tokens are left out, another set of them may."""
    drawn = (Drawn(0, LOGITS), Drawn(1, LOGITS))
    found = explained(9, (0, 1), drawn, LOGITS, 1, SamplingParams())
    assert found.fault == f"logits are off by 0 nats, which is less than half the margin of {found.margin:.2g}"
    assert explained(9, (0, 1), drawn, LOGITS, 1, SamplingParams(top_p=0.9)).fault is None


def test_numbers_are_over_temperature():
    moved = LOGITS + np.array([0.0, 0.0, 0.0, 0.0001])
    hot, cold = (
        explained(9, (0, 1), (Drawn(0, moved), Drawn(1, LOGITS)), LOGITS, 1, SamplingParams(temperature, top_k=2))
        for temperature in (2.0, 0.5)
    )
    assert hot.difference == pytest.approx(0.00005)
    assert cold.difference == pytest.approx(0.0002)
    assert cold.rounding == pytest.approx(4 * hot.rounding)
    assert hot.fault is None
    assert explained(9, (0, 1), (Drawn(0, moved), Drawn(1, LOGITS)), LOGITS, 1, SamplingParams(0.0)).rounding == (
        pytest.approx(2 * hot.rounding)
    )


def test_nan_is_a_fault():
    drawn = (Drawn(0, LOGITS * np.nan), Drawn(1, LOGITS))
    assert "logits with the drafter are off by nan" in explained(9, (0, 1), drawn, LOGITS, 1, SamplingParams()).fault
    assert "asked again" in explained(9, (0, 1), (Drawn(None, LOGITS), drawn[1]), LOGITS, 1, SamplingParams()).fault


def test_infinities_that_are_equal_are_no_difference():
    masked = np.where(LOGITS == 0, -np.inf, LOGITS)
    drawn = (Drawn(0, masked), Drawn(1, masked))
    assert explained(9, (0, 1), drawn, masked, 1, SamplingParams(top_k=2)).difference == 0
