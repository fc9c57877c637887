"""The demo, small: in a process of its own, since it registers the add-on and fills Blender's file."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import FIXTURES

pytestmark = pytest.mark.skipif(find_spec("bpy") is None, reason="Blender's Python module is not installed")
ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "export", "demo", "--width", "64", "--height", "36", "--samples", "1", *arguments]
    environment = os.environ | {"GAN_STYLE_PATH": str(FIXTURES)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1200)


def test_the_demo_writes_three_pictures_and_says_where_the_time_went(tmp_path):
    done = run("--style", "swap", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    plain, stylized, both = (tmp_path / f"{name}.png" for name in ("plain", "stylized", "side_by_side"))
    for path in (plain, stylized, both):
        assert str(path) in done.stderr
    assert "Execution provider: " in done.stderr and "the generator " in done.stderr
    red, blue = (size(path)[1] for path in (plain, stylized))
    assert size(plain)[0] == size(stylized)[0] == (64, 36) and size(both)[0] == (128, 36)
    assert abs(size(both)[1][0] - (red[0] + blue[0]) / 2) < 0.02
    assert abs(red[0] - blue[2]) < 0.02 and abs(red[2] - blue[0]) < 0.02 and abs(red[0] - red[2]) > 0.02


def size(path: Path) -> tuple[tuple[int, int], list[float]]:
    """((width, height), mean of red, green and blue) of a picture, as Blender reads it."""
    code = """import bpy, sys
image = bpy.data.images.load(sys.argv[1])
pixels = image.pixels[:]
print(*image.size, *(sum(pixels[channel::4]) for channel in (0, 1, 2)))"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    width, height, *sums = (float(word) for word in done.stdout.split())
    return (width, height), [s / (width * height) for s in sums]


def test_a_style_that_is_not_installed_is_one_sentence(tmp_path):
    done = run("--style", "nowhere", "--output", str(tmp_path))
    assert done.returncode == 1 and "'nowhere' is not installed" in done.stderr and "Traceback" not in done.stderr


def test_a_style_with_guides_is_fed_with_the_passes_it_needs(tmp_path):
    done = run("--style", "hologram", "--scene", "lighthouse", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    plain, stylized = (size(tmp_path / f"{name}.png")[1] for name in ("plain", "stylized"))
    assert sum(stylized) < 0.8 * sum(plain), "a projection in the dark"
