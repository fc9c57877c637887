"""Runs `python -m core adopt` beside Blender: strangers' models are read and tried in a process of their own. No bpy here."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from ...core import ERROR

ROOT = Path(__file__).parents[2]


class Adoption:
    """A model that is being adopted."""

    def __init__(self, model: Path, out: Path, log: Path, arguments: Sequence[str] = ()):
        """out: the style file that it will be, the sheet of candidates beside it. log: takes what the process prints."""
        self.model, self.out, self._log = model, out, log
        paths = os.pathsep.join(path for path in sys.path if path)
        command = [sys.executable, "-m", "core", "adopt", str(model), "--out", str(out), *arguments]
        environment = os.environ | {"PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"}
        with open(log, "wb") as file:
            self._process = _start(command, environment, file)

    @property
    def sheet(self) -> Path:
        return self.out.with_suffix(".png")

    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> None:
        self._process.wait()

    def stop(self) -> None:
        """End it, whether it is done or not."""
        if self.running():
            self._process.kill()
        self._process.wait()

    def result(self) -> tuple[bool, list[str]]:
        """Whether the style file is there, and what was found, or why not, in lines. Only when it is no longer running."""
        lines = self._log.read_text("utf-8", "replace").splitlines()
        if self._process.returncode == 0 and self.out.is_file():
            return True, lines
        said = next((line.removeprefix(ERROR).strip() for line in reversed(lines) if line.startswith(ERROR)), "")
        return False, [said or f"{self.model.name} can't be adopted: the process ended with code {self._process.returncode}."]


def _start(command: list[str], environment: dict[str, str], output: IO[bytes]) -> subprocess.Popen:
    hidden = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        creationflags=hidden,
    )
