"""The trainer's ends of the protocol: what it says, a line of JSON each, and what it is told."""

import json
import queue
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from core.training import COMMAND, line

COMMANDS = ("stop", "frames", "survive")
"""Stop after this step; the frames, or the settings, have changed; go on when nobody is left at the other end."""


class Voice:
    """Says things to whoever reads."""

    def __init__(self, out: TextIO):
        self._out = out

    def say(self, kind: str, **values: object) -> None:
        with suppress(OSError):  # nobody listens any more
            self._out.write(line(kind, **values))
            self._out.flush()


class Commands:
    """What was asked for: by lines like {"command": "stop"}, or by a file of that text in the folder of the training.

    The end of the lines means that whoever started the trainer is gone: it stops, unless it was told to survive.
    """

    def __init__(self, folder: Path, lines: Iterable[str] | None):
        """lines: None if nobody started it who would stay."""
        self._file, self._survives = folder / COMMAND, False
        self._heard: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._file.unlink(missing_ok=True)
        if lines is not None:
            threading.Thread(target=self._listen, args=(lines,), name="commands", daemon=True).start()

    def take(self) -> set[str]:
        """What was asked for since the last time, of COMMANDS."""
        if self._file.is_file():
            with suppress(OSError):  # on Windows it may still be open for writing
                text = self._file.read_text("utf-8")
                self._file.unlink()
                self._hear(text)
        return {self._heard.get() for _ in range(self._heard.qsize())}

    def _listen(self, lines: Iterable[str]) -> None:
        for text in lines:
            self._hear(text)
        if not self._survives:
            self._heard.put("stop")

    def _hear(self, text: str) -> None:
        with suppress(ValueError, AttributeError):  # what is no command is passed over
            word = json.loads(text).get("command")
            self._survives |= word == "survive"
            if word in COMMANDS:
                self._heard.put(word)
