"""The job descriptions for farms, run with Blender as a Python module in the place of the Blender program."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest

from tests.addon.test_commands import BLENDER, SCRIPTS, blender, styled  # noqa: F401 - a fixture
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


@pytest.mark.skipif(not find_spec("openjd"), reason="openjd-cli is not installed")
def test_openjd_trains_a_folder(tmp_path):
    program = tmp_path / "blender"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    program.chmod(0o755)
    (tmp_path / "training").mkdir()
    given = {"Training": tmp_path / "training", "Minutes": 12.5, "Device": "cpu", "Blender": program}
    parameters = [part for name, value in given.items() for part in ("-p", f"{name}={value}")]
    result = openjd("run", FARM / "train.yaml", "--step", "Train", *parameters)
    assert result.returncode == 0, result.stdout + result.stderr
    asked = (tmp_path / "calls").read_text()
    assert asked == f"--command gan_style train {tmp_path}/training --minutes 12.5 --device cpu\n"


@pytest.mark.skipif(not shutil.which("node"), reason="there is no Node.js")
def test_flamenco_trains_a_folder(tmp_path):
    script = tmp_path / "job.js"
    script.write_text((FARM / "gan_style_train.js").read_text() + CHUNKS)
    settings = {"training": "/share/training", "minutes": 12.5, "device": "cpu"}
    result = subprocess.run(["node", str(script), json.dumps(settings)], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert {setting["key"] for setting in answer["settings"]} == {*settings}
    (command,) = answer["tasks"][0]["commands"]
    wanted = ["--command", "gan_style", "train", "/share/training", "--minutes", "12.5", "--device", "cpu"]
    assert (command["name"], command["exe"], command["args"]) == ("exec", "{blender}", wanted)


@pytest.mark.skipif(BLENDER is None, reason="this Python has no bpy")
def test_blender_trains_a_folder_with_the_python_that_is_named(tmp_path):
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] && echo 3 11 && echo && exit\necho "$@" >> {tmp_path}/calls\n[ "$7" = 2.0 ] || exit 3\n'
    )
    python.chmod(0o755)
    (tmp_path / "training").mkdir()
    arguments = ("--command", "gan_style", "train", tmp_path / "training", "--device", "cpu", "--minutes")
    result = blender(*arguments, "2", GAN_STYLE_TRAINER=python)
    assert result.returncode == 0, result.stderr
    line = f"-m export train --training {tmp_path}/training --minutes 2.0 --device cpu --serve\n"
    assert (tmp_path / "calls").read_text() == line
    result = blender(*arguments, "3", GAN_STYLE_TRAINER=python)
    assert result.returncode == 1 and "ended with code 3" in result.stderr.splitlines()[-1]
    result = blender(*arguments, "2", GAN_STYLE_TRAINER=tmp_path / "none")
    assert result.returncode == 1 and "There is no Python" in result.stderr
    result = blender("--command", "gan_style", "train", tmp_path / "other", GAN_STYLE_TRAINER=python)
    assert result.returncode == 1 and "There is no folder" in result.stderr


TOLD = """#!{python}
import pathlib, signal, sys
if sys.argv[1] == "-c":
    sys.exit(print(3, 11))
calls = pathlib.Path({calls!r})
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: calls.write_text("a signal"))
calls.write_text("begun")
sys.stdin.read()
calls.write_text(calls.read_text() + ", ended")
"""
"""A trainer that notes what it is told."""


@pytest.mark.skipif(BLENDER is None, reason="this Python has no bpy")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_ctrl_c_is_told_to_the_trainer_once(tmp_path):
    """A terminal sends it to all processes that run in it; only Blender passes it on."""
    calls, python = tmp_path / "calls", tmp_path / "python"
    python.write_text(TOLD.format(python=sys.executable, calls=str(calls)))
    python.chmod(0o755)
    command = [sys.executable, SCRIPTS / "program.py", "--command", "gan_style", "train", tmp_path]
    process = subprocess.Popen(command, env=os.environ | {"GAN_STYLE_TRAINER": str(python)}, start_new_session=True)
    while not calls.exists() or not calls.read_text():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(300) == 0
    assert calls.read_text() == "begun, ended"
