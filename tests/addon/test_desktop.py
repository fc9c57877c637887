"""The add-on in the window of the Blender program that the variable BLENDER names; needs a screen, real or virtual."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

BLENDER = os.environ.get("BLENDER", "")


@pytest.mark.skipif(not BLENDER, reason="the variable BLENDER names no Blender program with a window")
@pytest.mark.parametrize(
    "script", ["desktop", "desktop_controls", "desktop_groups", "desktop_shot", "desktop_training", "desktop_viewport"]
)
def test_desktop(script):
    command = [*shlex.split(BLENDER), "-P", str(Path(__file__).parent / f"{script}.py")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "PASS" in result.stdout and "FAIL" not in result.stdout, result.stdout
