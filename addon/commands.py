"""`blender --command gan_style COMMAND`: core's commands, with a check of whole .blend files instead of core's of styles."""

import argparse
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import bpy

from ..core.commands import COMMANDS, DEVICE_VARIABLE, UsageError, add_json, add_provider, main, prepare_output
from ..core.training import LINES
from . import library
from .run import in_renders, run_nodes
from .settings import settings
from .training import session, trainer
from .trees import hidden_scenes, keep_in_sync, problems

NAME = "gan_style"
_handles = []


def check(options: argparse.Namespace) -> None:
    """Check all that a render of a .blend file needs of GAN Style, without rendering."""
    if options.provider != "auto":
        os.environ[DEVICE_VARIABLE] = options.provider
    path = options.file.resolve()
    if not path.is_file():
        raise UsageError(f"There is no file {options.file}.")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path))
    except RuntimeError as error:
        raise UsageError(f"Blender can't open {options.file}: {error}") from error
    keep_in_sync.sync()
    reports = [report for scene in bpy.data.scenes for report in _reports(scene)]
    errors = [f"{report['place']} in scene '{report['scene']}': {report['error']}" for report in reports if report["error"]]
    if options.json:
        print(json.dumps({"file": str(path), "ok": not errors, "nodes": reports}))  # in one line: Blender prints others
    else:
        for report in reports:
            print(report["scene"], report["place"], report["style"], report["error"] or f"ok, {report['provider']}", sep="\t")
    if errors:
        raise UsageError(f"{errors[0]} ({len(errors)} of {len(reports)} nodes can't run.)" if errors[1:] else errors[0])


def _reports(scene: bpy.types.Scene) -> Iterator[dict[str, str]]:
    """For each GAN Style node that the scene's render would run: where it is, what runs it, and what would stop it."""
    for strip in hidden_scenes.strips_with_style(scene):
        yield _report(scene, f"strip '{strip}'", "", error=problems.IN_STRIP)
    for plan in {plan.key: plan for plan in hidden_scenes.plans(scene)}.values():  # one of its stereo views stands for a node
        place = f"node '{plan.node}'"
        try:
            if problem := in_renders.problem_of(scene):
                raise run_nodes.NodeError(problem)
            generator = run_nodes.check(plan, settings())
            yield _report(scene, place, plan.style, provider=generator.provider, reason=generator.reason)
        except run_nodes.EXPECTED as error:
            yield _report(scene, place, plan.style, error=str(error))


def _report(
    scene: bpy.types.Scene, place: str, style: str, provider: str = "", reason: str = "", error: str = ""
) -> dict[str, str]:
    return {"scene": scene.name, "place": place, "style": style, "provider": provider, "reason": reason, "error": error}


def _add_styles(parser: argparse.ArgumentParser) -> None:
    COMMANDS["styles"][1](parser)
    parser.set_defaults(folder=[folder for folder in library.folders() if folder.is_dir()])


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="the .blend file")
    add_provider(parser)
    add_json(parser)


def train(options: argparse.Namespace) -> None:
    """Train the folder of a training with the Python that the preferences or GAN_STYLE_TRAINER name, or Set Up Training made."""
    problem = session.python_problem(wait=True)
    if problem:
        raise UsageError(problem)
    asked = {"--minutes": options.minutes, "--device": options.device}
    given = [part for flag, value in asked.items() if value for part in (flag, str(value))]
    folder = options.folder.resolve()
    command = [str(session.trainer_python()), *trainer.COMMAND_LINE, str(folder), *given]
    if not folder.is_dir():
        raise UsageError(f"There is no folder {options.folder}.")
    with open(folder / LINES, "ab") as lines:
        process = trainer.start_process(command, lines)
    try:
        code = process.wait()
    except KeyboardInterrupt:  # Ctrl-C, or the farm ends the run: the trainer hears it once, and leaves a checkpoint
        trainer.let_go(process)
        code = process.wait()
    if code:
        raise UsageError(f"The training in {options.folder} ended with code {code}; its last words are above.")


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="the training's folder")
    parser.add_argument("--minutes", type=float, help="how long a run is; else what the folder says")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where to train")


def run(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):  # Blender keeps Ctrl-C to itself; whoever ends the run leaves no files behind
        signal.signal(number, signal.default_int_handler)
    prepare_output()
    ours = {
        "check": (check, _add_check),
        "styles": (COMMANDS["styles"][0], _add_styles),
        "train": (train, _add_train),
    }
    return main(arguments, f"blender --command {NAME}", COMMANDS | ours)


def register() -> None:
    _handles.append(bpy.utils.register_cli_command(NAME, run))


def unregister() -> None:
    bpy.utils.unregister_cli_command(_handles.pop())
