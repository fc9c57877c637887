"""The panel Style Training: cases of blender/training.py in one Blender, with a stub in place of the trainer, and the set-up of a
Python to train with."""

import sys

import pytest

from tests.addon.test_commands import BLENDER
from tests.addon.test_node import run_blender

pytestmark = [
    pytest.mark.skipif(BLENDER is None, reason="this Python has no bpy"),
    pytest.mark.skipif(sys.platform == "win32", reason="the stub locks as Unix does"),
]


@pytest.mark.slow
def test_from_frames_to_a_style(tmp_path):
    """Apart from those of test_node.py because Blender prints the errors that are provoked."""
    result = run_blender("training", "all", tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("Case ") == 10 and "Traceback" not in result.stdout, result.stdout


@pytest.mark.slow
def test_a_python_is_set_up_to_train_with(tmp_path):
    result = run_blender("training_python", "set_up_a_python", tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
