"""The job descriptions for farms, run with Blender as a Python module in the place of the Blender program."""

import json
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.addon.test_commands import BLENDER, SCRIPTS, styled  # noqa: F401 - a fixture
from tests.addon.test_node import ROOT

FARM = ROOT / "addon" / "farm"
CHUNKS = """
const author = {
    Command: (name, parameters) => ({ name, ...parameters }),
    Task: (name, type) => ({
        name, type, commands: [], after: [],
        addCommand(command) { this.commands.push(command); },
        addDependency(task) { this.after.push(task.name); },
    }),
};
const frameChunker = (frames, size) => ["1-3", "4"];
const job = { settings: JSON.parse(process.argv[2]), tasks: [], addTask(task) { this.tasks.push(task); } };
compileJob(job);
console.log(JSON.stringify({ settings: JOB_TYPE.settings, tasks: job.tasks }));
"""
"""What Flamenco's manager gives a job type, as far as ours needs it."""


def openjd(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", "from openjd.cli import main; main()", *map(str, arguments), "--extensions", "TASK_CHUNKING"]
    return subprocess.run(command, capture_output=True, text=True, timeout=1200)


def run_job(blender: object, shot: object, output: object, frames: str = "1-3") -> subprocess.CompletedProcess:
    given = {"BlendFile": shot, "Output": output, "Frames": frames, "FramesPerTask": 2, "Device": "cpu", "Blender": blender}
    parameters = [part for name, value in given.items() for part in ("-p", f"{name}={value}")]
    return openjd("run", FARM / "openjd.yaml", "--step", "Render", "--run-dependencies", *parameters)


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.skipif(not find_spec("openjd"), reason="openjd-cli is not installed")
@pytest.mark.skipif(BLENDER is None, reason="this Python has no bpy")
def test_openjd_checks_and_renders_in_chunks(styled, tmp_path):  # noqa: F811
    program = tmp_path / "blender"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(SCRIPTS / "program.py"))} "$@"\n')
    program.chmod(0o755)
    result = run_job(program, styled, tmp_path / "frames" / "####", "-1-1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == ["-0001.exr", "0000.exr", "0001.exr"]
    assert result.stdout.count('"ok": true') == 2 and result.stdout.count("Frame(CHUNK[INT]) =") == 2, result.stdout


@pytest.mark.skipif(not find_spec("openjd"), reason="openjd-cli is not installed")
def test_openjd_renders_nothing_when_the_check_fails(tmp_path):
    program = tmp_path / "blender"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n[ "$1" != --command ]\n')
    program.chmod(0o755)
    result = run_job(program, tmp_path / "shot.blend", tmp_path / "####")
    assert result.returncode != 0, result.stdout
    assert (tmp_path / "calls").read_text() == f"--command gan_style check {tmp_path}/shot.blend --json\n"


@pytest.mark.skipif(not find_spec("openjd"), reason="openjd-cli is not installed")
def test_openjd_takes_negative_frames_and_needs_a_device_to_be_said(tmp_path):
    program = tmp_path / "blender"
    program.write_text(f'#!/bin/sh\n[ "$1" = --command ] || echo "$GAN_STYLE_DEVICE" "$@" >> {tmp_path}/calls\n')
    program.chmod(0o755)
    result = run_job(program, "/shot.blend", "/####", "-3--1,1")
    assert result.returncode == 0, result.stdout
    negative = (
        "--python-exit-code 1 --python-expr import bpy; bpy.ops.render.render(animation=True, frame_start={}, frame_end={})"
    )
    assert (tmp_path / "calls").read_text().splitlines() == [
        "cpu -b /shot.blend -o /#### " + negative.format(-3, -2),
        "cpu -b /shot.blend -o /#### " + negative.format(-1, -1),
        "cpu -b /shot.blend -o /#### -s 1 -e 1 -a",
    ]
    settings = [f"-p{name}={value}" for name, value in {"BlendFile": "/s.blend", "Output": "/#", "Frames": "1"}.items()]
    for device in ([], ["-pDevice=auto"]):
        assert openjd("run", FARM / "openjd.yaml", "--step", "Render", *settings, *device).returncode != 0
    assert len((tmp_path / "calls").read_text().splitlines()) == 3


@pytest.mark.skipif(not shutil.which("node"), reason="there is no Node.js")
def test_flamenco_checks_before_every_chunk(tmp_path):
    script = tmp_path / "job.js"
    script.write_text((FARM / "gan_style_render.js").read_text() + CHUNKS)
    settings = {
        "frames": "1-4",
        "chunk_size": 3,
        "render_output_path": "/out/######",
        "blendfile": "/shot.blend",
        "device": "cpu",
    }
    result = subprocess.run(["node", str(script), json.dumps(settings)], capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert {*settings} <= {setting["key"] for setting in answer["settings"]}
    assert [(task["name"], task["after"]) for task in answer["tasks"]] == [
        ("check", []),
        ("render-1-3", ["check"]),
        ("render-4", ["check"]),
    ]
    lines = [[*command["argsBefore"], command["blendfile"], *command["args"]] for command in answer["tasks"][1]["commands"]]
    assert lines == [
        ["--command", "gan_style", "check", "/shot.blend", "--provider", "cpu"],
        [
            "/shot.blend",
            "--python-expr",
            'import os; os.environ["GAN_STYLE_DEVICE"] = "cpu"',
            "--render-output",
            "/out/######",
            "--render-frame",
            "1..3",
        ],
    ]
