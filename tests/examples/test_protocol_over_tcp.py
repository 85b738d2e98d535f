"""The protocol over a socket, between processes."""

import re
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

import pycouple
from pycouple import protocol, theory
from tests.support.examples import EXAMPLES, module, run
from tests.support.text import stated

ALPHA = 1e-4


def test_protocol_over_tcp(capsys, monkeypatch):
    """Two processes over a socket; the tokens are those of one process. The chance of failing is 1e-4."""
    example = module("protocol_over_tcp")
    monkeypatch.setattr(sys, "argv", ["protocol_over_tcp.py"])
    example.main()
    run_of, agreement, sent = capsys.readouterr().out.splitlines()
    assert stated(run_of)[:2] == ["192", "49152"]
    same, expected, error = (float(number) for number in stated(agreement)[:3])
    bits, header_bits = (float(stated(sent)[i]) for i in (0, -1))
    assert abs(same - expected) < stats.norm.isf(ALPHA / 2) * error + 0.001
    assert np.log2(49_152) < bits < protocol.expected_bits_bound(49_152)
    assert header_bits >= 144

    drafts, targets = example.rows_of("draft_q4"), example.rows_of("target")
    assert expected == pytest.approx(np.mean(1 - theory.total_variation(drafts, targets)), abs=5e-4)
    runs = [protocol.run(p, q, example.SEED, k) for k, (p, q) in enumerate(zip(drafts, targets, strict=True))]
    assert same == pytest.approx(np.mean([one.a == one.b for one in runs]), abs=5e-4)
    assert bits == pytest.approx(np.mean([one.bits for one in runs]), abs=0.05)
    assert header_bits == pytest.approx(np.mean([one.header_bits for one in runs]), abs=0.5)


def test_seed_and_key_from_a_secret(capsys, monkeypatch, tmp_path):
    """The tokens are those of the seed, the checks 12 bytes longer."""
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(32)))
    example = module("protocol_over_tcp")
    monkeypatch.setattr(sys, "argv", ["protocol_over_tcp.py", "--secret", str(secret), "--conversation", "42"])
    example.main()
    _, agreement, sent = capsys.readouterr().out.splitlines()
    pairs = zip(example.rows_of("draft_q4"), example.rows_of("target"), strict=True)
    seed = pycouple.seed_from(secret.read_bytes(), "42")
    runs = [protocol.run(p, q, seed, k) for k, (p, q) in enumerate(pairs)]
    assert float(stated(agreement)[0]) == pytest.approx(np.mean([one.a == one.b for one in runs]), abs=5e-4)
    header_bits = np.mean([one.header_bits + 96 * one.messages for one in runs])
    assert float(stated(sent)[-1]) == pytest.approx(header_bits, abs=0.5)


@pytest.mark.parametrize("options", [["--secret", "file"], ["--conversation", "42"]])
def test_a_secret_takes_words_for_each_run(options, monkeypatch, capsys):
    """With the same words twice, the same seed, steps and key would be used twice."""
    monkeypatch.setattr(sys, "argv", ["protocol_over_tcp.py", *options])
    with pytest.raises(SystemExit, match="2"):
        module("protocol_over_tcp").main()
    assert "--secret and --conversation go together" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--epsilon", "0.1"], r"bob: message 0 fails its check: .*epsilon"),
        (["--secret", "other", "--conversation", "1"], r"bob: message 0 fails its check: .*key"),
        (["--secret", "bobs", "--conversation", "2"], r"bob: message 0 fails its check: .*seed"),
        ([], r"bob: message 0 is truncated: .*key"),
        (["--secret", "short", "--conversation", "1"], r"bob: "),
    ],
)
def test_parties_that_do_not_fit_stop(tmp_path, options, why):
    """Bob in one terminal, and in another an Alice of another variant, or with another secret or none."""
    for name, secret in (("bobs", bytes(16)), ("other", bytes(17)), ("short", bytes(5))):
        (tmp_path / name).write_bytes(secret)
    command = [sys.executable, str(EXAMPLES / "protocol_over_tcp.py")]
    with_key = options[:1] != ["--epsilon"]
    bobs = ["bob", "--secret", "bobs", "--conversation", "1"] if with_key else ["bob"]
    with subprocess.Popen([*command, *bobs], cwd=tmp_path, stdout=-1, stderr=-1, text=True) as bob:
        port = bob.stderr.readline().split()[-1]
        alice = run(command[1], "alice", "--port", port, *options, cwd=tmp_path)
        if "short" in options:
            assert alice.stderr.startswith("alice: key must have 16 to 64 bytes, got 5")
            bob.terminate()
        said, error = bob.communicate(timeout=60)
    assert (alice.returncode, alice.stdout, said) == (1, "", "")
    assert alice.stderr.startswith("alice: ")
    if "short" not in options:
        assert bob.returncode == 1
        assert re.match(why, error)
