"""Mutants of the shipped styles; see fuzz_shipped.py.

GAN_STYLE_FUZZ sets their number, and lets each run try other ones; one takes about 0.05 s.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

MUTANTS = os.environ.get("GAN_STYLE_FUZZ")


@pytest.mark.slow
@pytest.mark.once
def test_mutants_of_the_shipped_styles_are_refused_or_run(tmp_path):
    """In a process of its own, which a crash of ONNX Runtime would end."""
    pytest.importorskip("resource")
    if not Path("/proc/self/statm").exists():
        pytest.skip("only Linux tells how much memory a process has")
    seed = int(time.time()) if MUTANTS else 1
    command = [sys.executable, "-m", "tests.core.fuzz_shipped", MUTANTS or "300", str(seed), str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    last = (tmp_path / "number").read_text()
    assert done.returncode == 0, f"seed and number {last}, {tmp_path / 'mutant.onnx'}, {done.returncode}: {done.stderr[-2000:]}"
    assert "run in tiles" in done.stdout and "refused" in done.stdout
