"""The protocol over a socket, between processes."""

import re
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

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


def test_parties_that_do_not_fit_stop(tmp_path):
    """Bob in one terminal, and in another an Alice of the bounded variant."""
    command = [sys.executable, str(EXAMPLES / "protocol_over_tcp.py")]
    with subprocess.Popen([*command, "bob"], cwd=tmp_path, stdout=-1, stderr=-1, text=True) as bob:
        port = bob.stderr.readline().split()[-1]
        alice = run(command[1], "alice", "--port", port, "--epsilon", "0.1", cwd=tmp_path)
        said, why = bob.communicate(timeout=60)
    assert (bob.returncode, said) == (alice.returncode, alice.stdout) == (1, "")
    assert re.match(r"bob: message 0 fails its check: .*epsilon", why)
    assert alice.stderr.startswith("alice: ")
