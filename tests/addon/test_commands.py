"""`blender --command gan_style` and renders in pieces, as a farm does them, with the Blender that this Python has as a module."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.exr import read_exr
from tests.addon.test_node import BLENDER, SCRIPTS, run_blender

pytestmark = pytest.mark.skipif(BLENDER is None, reason="this Python has no bpy; pip install -e '.[blender]' (3.11 or 3.13)")


def shot(case: str, folder: Path) -> Path:
    result = run_blender("shot", case, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "shot.blend"


@pytest.fixture(scope="module")
def styled(tmp_path_factory):
    """A .blend file of four small frames with a GAN Style node."""
    return shot("styled", tmp_path_factory.mktemp("shot"))


def start(*arguments: object, **variables: object) -> subprocess.Popen:
    command = [sys.executable, str(SCRIPTS / "program.py"), *map(str, arguments)]
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def blender(*arguments: object, **variables: object) -> subprocess.CompletedProcess:
    with start(*arguments, **variables) as process:
        out, error = process.communicate(timeout=1200)
    return subprocess.CompletedProcess(arguments, process.returncode, out, error)


def answer(result: subprocess.CompletedProcess) -> dict:
    return json.loads(next(line for line in result.stdout.splitlines() if line.startswith("{")))


def test_check_passes_a_shot_that_can_be_rendered(styled):
    result = blender("--command", "gan_style", "check", styled, "--json", GAN_STYLE_DEVICE="cpu")
    assert result.returncode == 0, result.stdout + result.stderr
    node = {"scene": "Scene", "place": "node 'GAN Style'", "style": "wide", "provider": "cpu"}
    node |= {"reason": "The CPU was asked for.", "error": ""}
    assert answer(result) == {"file": str(styled), "ok": True, "nodes": [node]}


def test_check_names_everything_that_would_stop_the_render(tmp_path):
    result = blender("--command", "gan_style", "check", shot("broken", tmp_path), "--json")
    assert result.returncode == 1, result.stdout + result.stderr
    assert not answer(result)["ok"]
    errors = {node["place"]: node["error"] for node in answer(result)["nodes"]}
    assert "connected to the input Image" in errors["node 'Unlinked'"]
    assert "'gone' is not installed" in errors["node 'GAN Style'"]
    assert result.stderr.startswith("Error: GAN Style: ") and result.stderr.count("\n") == 1


def test_commands_are_those_of_core_and_know_the_addons_styles():
    result = blender("--command", "gan_style", "styles")
    assert result.returncode == 0 and "Graphic Novel" in result.stdout and "Swap" in result.stdout
    result = blender("--command", "gan_style", "paint")
    assert result.returncode == 1 and "see blender --command gan_style --help" in result.stderr


def frames(folder: Path) -> dict[str, bytes]:
    return {path.name: read_exr(path)["image"].tobytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def whole(styled, tmp_path_factory):
    """The frames of the shot, rendered in one go."""
    folder = tmp_path_factory.mktemp("whole")
    result = blender("-b", styled, "-o", folder / "####", "-a")
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(set(frames(folder).values())) == 4
    return frames(folder)


def test_frames_of_any_split_equal_those_of_one_run(styled, whole, tmp_path):
    """Also when the two parts run at once and share a folder."""
    parts = tmp_path / "parts"
    split = [start("-b", styled, "-o", parts / "####", *part, "-a") for part in (("-s", 1, "-j", 2), ("-s", 2, "-e", 4, "-j", 2))]
    for process in split:
        _, error = process.communicate(timeout=1200)
        assert process.returncode == 0, error
    assert frames(parts) == whole


def test_a_killed_render_goes_on_where_it_stopped(styled, whole, tmp_path):
    killed = blender("-b", styled, "-o", tmp_path / "####", "--kill-after", 2, "-a")
    assert killed.returncode == 137 and sorted(frames(tmp_path)) == ["0001.exr", "0002.exr"], killed.stderr
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = blender("-b", styled, "-o", tmp_path / "####", "-a")
    assert again.returncode == 0, again.stderr
    assert frames(tmp_path) == whole
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in before} == before
