"""Two processes with half a vocabulary each draw the tokens of the whole one, with Gloo on CPUs."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.support import ROOT

SCRIPT = ROOT / "examples/split_vocabulary.py"


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_two_ranks(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(SCRIPT)]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    rows = "256 rows of 50257 items on 2 ranks over gloo"
    assert run.stdout == f"{rows}: 256 tokens, and 256 with top-p 0.95, are those of the whole rows\n"
