"""What options take and refuse: numbers, names and prompts; errors name the option, in one line that is not long."""

import io
import os
import sys
from types import SimpleNamespace

import pytest

from pycouple._config import cores
from pycouple.cli import prompts
from pycouple.cli.main import main
from pycouple.cli.parser import build_parser

GENERATE = ["generate", "--prompt", "a"]


def parsed(*arguments):
    return build_parser().parse_args([*GENERATE, *arguments])


@pytest.mark.parametrize(
    ("option", "values", "message"),
    [
        ("--seed", ["x", "", "1e3", "1_000", "١٢", "0x10", "1.0", "²", "nan", "1 2"], "must be an integer, got '{}'"),
        ("--seed", ["-1", f"{2**64}", "9" * 23, "9" * 50], "must be in 0..2**64 - 1, got {}"),
        ("--workers", ["0", "-2", "1025", "65536"], "must be in 1..1024, or -1 for all cores, got {}"),
        ("--max-new-tokens", ["0", "1048577"], "must be in 1..1048576, got {}"),
        ("--draft-length", ["0", "65"], "must be in 1..64, got {}"),
        ("--top-k", ["-2", "-5", f"{2**63}"], "must be positive, or 0 or -1 to keep all, got {}"),
        ("--temperature", ["hot", "", "1_0", "٣", "0x1", "1,5", "1 2"], "must be a number, got '{}'"),
        ("--temperature", ["-1", "nan", "inf", "1e999"], "must be finite and at least 0, got {}"),
        ("--top-p", ["2", "-0.1", "nan", "inf"], "must be in [0, 1], got {}"),
        ("--min-p", ["2", "-0.1", "nan", "inf"], "must be in [0, 1], got {}"),
        ("--model", [""], "must not be empty"),
        ("--drafter", [""], "must not be empty"),
        ("--prompt-file", [""], "must not be empty"),
        ("--model", ["a\0b"], "must not hold a character NUL"),
    ],
)
def test_wrong_values(option, values, message, capsys):
    for value in values:
        arguments = ["generate"] if option == "--prompt-file" else GENERATE
        assert main([*arguments, f"{option}={value}"]) == 2
        error = f"pycouple: error: argument {option}: {message.format(value)} (see pycouple generate --help)\n"
        assert capsys.readouterr() == ("", error)


@pytest.mark.parametrize(
    ("option", "texts", "values"),
    [
        ("--seed", ["0", " 7 ", "+5", f"{2**64 - 1}"], [0, 7, 5, 2**64 - 1]),
        ("--temperature", ["0", "-0", "1", ".5", "1e-3", " 2 ", "1e308"], [0, 0, 1, 0.5, 1e-3, 2, 1e308]),
        ("--top-k", ["-1", "0", "50", f"{2**63 - 1}"], [-1, 0, 50, 2**63 - 1]),
        ("--top-p", ["0", "1", "0.95"], [0, 1, 0.95]),
        ("--workers", ["-1", "1", "1024"], [cores(), 1, cores()]),
    ],
)
def test_values(option, texts, values):
    name = option.removeprefix("--").replace("-", "_")
    assert [getattr(parsed(f"{option}={text}"), name) for text in texts] == values


@pytest.mark.parametrize("value", ["9" * 5000, "x" * 100_000])
def test_long_values_are_cut(value, capsys):
    """In the middle: how a message begins and ends is what helps."""
    assert main([*GENERATE, "--seed", value]) == 2
    error = capsys.readouterr().err
    assert error.startswith("pycouple: error: argument --seed: must be ")
    assert f"{value[:100]} ... {value[:100]}" in error
    assert error.endswith(" (see pycouple generate --help)\n")
    assert len(error) <= 601


@pytest.mark.parametrize("option", ["--input", "--output", "--model", "--drafter", "--prompt-file"])
def test_long_names_are_cut(option, capsys):
    pytest.importorskip("rich")
    pytest.importorskip("matplotlib")
    commands = {"--prompt-file": ["generate"], "--drafter": [*GENERATE, "--model", "."], "--model": GENERATE}
    assert main([*commands.get(option, ["demo"]), option, "x" * 5000 + ".png"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"pycouple: error: {option} 'xxx")
    assert error.endswith("xxx.png': File name too long\n")
    assert len(error) <= 601


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "--input", "/no/\x1b[31m\r\n\u202e\x9b"],
        ["demo", "--output", "/no/\x1b[31m\r\n\u202e\x9b.png"],
        ["demo", "--output", "\x1b[31m\r\n\u202e\x9b"],
        ["reproduce", "bits", "--output", "/dev/null/\x1b[31m\r\n\u202e\x9b"],
        ["demo", "\x1b[31m\r\n\u202e\x9b"],
        ["\x1b[31m\r\n\u202e\x9b"],
        ["generate", "--prompt-file", "/no/\x1b[31m\r\n\u202e\x9b"],
        [*GENERATE, "--model", "/no/\x1b[31m\r\n\u202e\x9b"],
        [*GENERATE, "--model", ".", "--drafter", "/no/\x1b[31m\r\n\u202e\x9b"],
    ],
)
def test_control_characters_in_errors(arguments, capsys):
    pytest.importorskip("rich")
    pytest.importorskip("matplotlib")
    assert main(arguments) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("pycouple: error: ")
    assert "[31m" in error
    assert error[:-1].isprintable()


# -- the prompt


@pytest.fixture
def used(monkeypatch):
    """The prompts with which the session would have run."""
    session = pytest.importorskip("pycouple.cli.generate.session")
    texts = []
    monkeypatch.setattr(session, "run", lambda arguments: texts.append(arguments.prompt))
    return texts


@pytest.mark.parametrize(
    ("data", "prompt"),
    [
        (b"one\ntwo", "one\ntwo"),
        (b"one\ntwo\n", "one\ntwo"),
        (b"one\r\ntwo\r\n", "one\r\ntwo"),
        (b"one\n\n", "one\n"),
        (b"one\r", "one\r"),
        (b"\xef\xbb\xbfone", "one"),
        ("é😀".encode(), "é😀"),
        (b" \0 ", " \0 "),
        (b"a" * 300_000, "a" * 300_000),
    ],
)
def test_prompt_files(data, prompt, used, tmp_path, monkeypatch):
    (tmp_path / "prompt").write_bytes(data)
    assert main(["generate", "--prompt-file", str(tmp_path / "prompt")]) == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "ascii"))
    assert main(["generate", "--prompt-file", "-"]) == 0
    assert used == [prompt, prompt]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "must not be empty"),
        (b"\n", "must not be empty"),
        (b"\xef\xbb\xbf", "must not be empty"),
        (b"abc\xff", "must be UTF-8, but is not at byte 3 (0xff)"),
        (b"\xef\xbb\xbf\xc3", "must be UTF-8, but is not at byte 3 (0xc3)"),
        ("one".encode("utf-16"), "must be UTF-8, but is not at byte 0 (0xff)"),
        (b"a" * 101, "must have at most 100 bytes"),
    ],
)
def test_wrong_prompt_files(data, message, used, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(prompts, "MAX_BYTES", 100)
    (tmp_path / "prompt").write_bytes(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "ascii"))
    for file in (str(tmp_path / "prompt"), "-"):
        assert main(["generate", "--prompt-file", file]) == 2
        assert capsys.readouterr() == ("", f"pycouple: error: --prompt-file {file!r}: {message}\n")
    assert used == []


@pytest.mark.parametrize(
    ("file", "message"), [("/no/such", "No such file"), ("/", "Is a directory"), ("/dev/zero", "must have at most 100")]
)
def test_files_that_hold_no_prompt(file, message, used, capsys, monkeypatch):
    monkeypatch.setattr(prompts, "MAX_BYTES", 100)
    assert main(["generate", "--prompt-file", file]) == 2
    assert capsys.readouterr().err.startswith(f"pycouple: error: --prompt-file {file!r}: {message}")


def test_prompt_on_stdin(used, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["generate", "--prompt-file", "-"]) == 2
    assert capsys.readouterr().err == "pycouple: error: --prompt-file '-': standard input is closed\n"
    terminal = SimpleNamespace(isatty=lambda: True, buffer=io.BytesIO(b"one\n"))
    monkeypatch.setattr(sys, "stdin", terminal)
    assert main(["generate", "--prompt-file", "-"]) == 0
    assert used == ["one"]
    assert "Ctrl-D" in capsys.readouterr().err


def test_prompt_through_a_pipe(used):
    reader, writer = os.pipe()
    os.write(writer, b"one\n")
    os.close(writer)
    assert main(["generate", "--prompt-file", f"/dev/fd/{reader}"]) == 0
    os.close(reader)
    assert used == ["one"]


def test_prompt_of_the_command_line(used, capsys):
    """Bytes that the locale cannot decode come as surrogates; they may be UTF-8 all the same."""
    for text in ("one", "é", "é".encode().decode("ascii", "surrogateescape"), "one\n"):
        assert main(["generate", "--prompt", text]) == 0
    assert used == ["one", "é", "é", "one\n"]
    for text, message in (
        ("", "must not be empty"),
        ("a\udcff\udcfe", "must be UTF-8, but is not at byte 1 (0xff)"),
    ):
        assert main(["generate", "--prompt", text]) == 2
        error = f"pycouple: error: argument --prompt: {message} (see pycouple generate --help)\n"
        assert capsys.readouterr() == ("", error)
    assert main([*GENERATE, "--prompt-file", "x"]) == 2
    assert "argument --prompt-file: not allowed with argument --prompt" in capsys.readouterr().err
