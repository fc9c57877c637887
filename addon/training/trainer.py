"""The trainer of a folder: a process of its own at low priority, which outlives Blender if asked. No bpy here.

What it says goes into a file of the folder, so that a Blender that comes later can follow it; what it is told goes through its
stdin, whose end stops it, or, from such a later Blender, through a file.
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ...core.training import COMMAND, LINES, LOCK, PROTOCOL, Follower, replace_text
from ..temp_folder import is_locked

ROOT = Path(__file__).parents[2]
COMMAND_LINE = ("-m", "export", "train", "--training")
"""What the trainer's Python runs, before the folder."""
LOG = "trainer.log"
"""Takes what it says besides the lines."""
STOPPING_SECONDS = 30.0
"""How long a trainer that was told to stop may take for its checkpoint before it is ended."""
MAX_POINTS = 600
ENDED = ("finished", "stopped", "failed")


@dataclass
class Status:
    """What the trainer said last."""

    state: str = "idle"
    """Or starting, training, stopping, finished, stopped, failed."""
    note: str = ""
    problem: str = ""
    """A sentence, of a training that failed."""
    progress: dict = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    """The curve to draw, at most MAX_POINTS."""
    curve: str = ""
    """Which loss that is."""
    preview: str = ""
    """Path in the folder of the newest style; `previews` counts them."""
    previews: int = 0
    sheet: str = ""
    """Path in the folder of the newest contact sheet."""

    def hear(self, values: dict) -> None:
        """Take in a line of the protocol."""
        kind = values["kind"]
        if kind == "hello":
            self.state, self.problem, self.progress = "starting", "", {}
            if values.get("protocol") != PROTOCOL:
                self.problem = f"The trainer speaks version {values.get('protocol')} of the protocol, not {PROTOCOL}; update it."
        elif kind == "note":
            self.note = str(values.get("text", ""))
        elif kind == "progress":
            self.state, self.progress = ("stopping" if self.state == "stopping" else "training"), values
            self._draw(str(values.get("curve", "")), values.get("loss"))
        elif kind == "preview":
            self.preview, self.previews = str(values.get("path", "")), self.previews + 1
            self.sheet = str(values.get("sheet", "")) or self.sheet
        elif kind == "error":
            self.state, self.problem = "failed", str(values.get("message", ""))
        elif kind == "end":
            self.state = str(values.get("outcome", "finished"))

    def _draw(self, curve: str, loss: object) -> None:
        if curve != self.curve:
            self.losses, self.curve = [], curve
        if isinstance(loss, int | float):
            self.losses.append(float(loss))
        if len(self.losses) > MAX_POINTS:
            self.losses = self.losses[::2]


class Trainer:
    """Starts, follows and stops the trainer of one folder, whoever started it."""

    def __init__(self, folder: Path):
        self.folder, self.status = folder, Status()
        self._follower = Follower(folder)
        self._process: subprocess.Popen | None = None
        self._end_due = 0.0
        self.poll()

    def start(self, python: Path, survive: bool = False) -> None:
        """Raises OSError. Nothing happens if one is running."""
        if self.status.state in ENDED and (ending := self._ours()):
            ending.wait(STOPPING_SECONDS)  # it has said its last word
        if self.is_running():
            return
        self.poll()
        with open(self.folder / LINES, "ab") as lines, open(self.folder / LOG, "wb") as log:
            self._process = start_process([str(python), *COMMAND_LINE, str(self.folder)], lines, log)
        self.status.state, self.status.problem, self.status.note = "starting", "", "The trainer is starting."
        self._end_due = 0.0
        if survive:
            self.tell("survive")

    def is_ours(self) -> bool:
        """Whether this Blender started it, and it runs."""
        return self._ours() is not None

    def _ours(self) -> subprocess.Popen | None:
        return self._process if self._process is not None and self._process.poll() is None else None

    def is_running(self) -> bool:
        return self.is_ours() or is_locked(self.folder / LOCK)

    def tell(self, command: str) -> None:
        """One of the protocol's commands; nobody may be there to hear it."""
        text = f'{{"command": "{command}"}}\n'
        if (process := self._ours()) is not None:
            assert process.stdin is not None
            with suppress(OSError):  # it is ending
                process.stdin.write(text.encode())
                process.stdin.flush()
        else:
            replace_text(self.folder / COMMAND, text)

    def stop(self) -> None:
        """Ask it to stop with a checkpoint; poll() ends it if it doesn't."""
        if self.is_running():
            self.tell("stop")
            self.status.state, self.status.note = "stopping", "Stopping, with a checkpoint."
            self._end_due = time.monotonic() + STOPPING_SECONDS

    def poll(self) -> bool:
        """Take in what it said since; whether there was anything new."""
        before = self.status.state, self.status.problem
        heard = self._hear()
        if self.status.state in ("starting", "training", "stopping") and not self.is_running():
            self._hear()  # its last words
            self._note_end()
        elif self._end_due and time.monotonic() > self._end_due and (process := self._ours()):
            process.kill()
        return heard or before != (self.status.state, self.status.problem)

    def leave(self) -> None:
        """This Blender has done with it: a trainer that was not told to survive stops, with a checkpoint."""
        if self._process is not None:
            let_go(self._process)

    def _hear(self) -> bool:
        """Whether there was anything."""
        lines = list(self._follower.new())
        for values in lines:
            self.status.hear(values)
        return bool(lines)

    def _note_end(self) -> None:
        """It is gone, maybe without having said so."""
        if self.status.state == "stopping":
            self.status.state = "stopped"
        elif self.status.state in ("starting", "training"):
            said = _last_line(self.folder / LOG)
            known = self._process is not None
            self.status.state = "failed" if known else "stopped"
            self.status.problem = f"The trainer ended unexpectedly. {said}" if known else ""
            self.status.note = "" if known else "The trainer was ended; Go On goes on from its last checkpoint."


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""


def environment() -> dict[str, str]:
    """Blender's, without what would lead another Python astray."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return kept | {"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1"}


def start_process(command: list[str], lines: IO[bytes], log: IO[bytes] | None = None) -> subprocess.Popen:
    """A trainer in a session of its own, so that what stops Blender, such as Ctrl-C, does not reach it as well: it ends when its
    stdin does, with a checkpoint, however Blender ends. log: what it says besides the lines; None for where Blender says it.
    """
    hidden = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
    return subprocess.Popen(
        [*command, "--serve"],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=lines,
        stderr=log,
        creationflags=hidden,
        start_new_session=sys.platform != "win32",
    )


def let_go(process: subprocess.Popen) -> None:
    """Close the trainer's stdin, which stops it unless it was told to survive."""
    assert process.stdin is not None
    with suppress(OSError):  # it has ended
        process.stdin.close()
