"""The Triton kernel without a GPU: tests.support.interpreted in a process of its own, which tells Triton at import."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.support import ROOT

MISSING = [name for name in ("torch", "triton") if find_spec(name) is None]


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
def test_the_interpreted_kernel_is_the_c_core():
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.interpreted"],
        cwd=ROOT,
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.endswith("0 failed\n")
