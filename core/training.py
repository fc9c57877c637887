"""What the add-on and the trainer agree on: the folder of a training, its settings, and the lines that the two exchange.

A training is a folder that moves whole: to a farm, to another machine, and back. No PyTorch here, and no Blender.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

PROTOCOL = 1
"""Version of the lines; the trainer's first one says it."""
INPUT, TARGET, MASK, LOOK = "input", "target", "mask", "look"
"""Folders in a training: rendered frames, the painted ones, where they count, and pictures of the look."""
SETTINGS, LINES, LOCK, COMMAND, PREVIEWS = "training.json", "lines.jsonl", "lock", "command", "previews"
"""What else lies there: the settings; all that the trainer has said; a file that it holds locked as long as it lives; a command
for a trainer whose stdin nobody has any more; the folder of the newest style."""
TEACH = ("painted", "picture")
"""By a few painted frames, or by pictures of the look."""
SIZES = ("fast", "default", "high")


class TrainingFolderError(ValueError):
    """The folder of a training can't be used; the message says what to do."""


@dataclass(frozen=True)
class TrainingSettings:
    """What an artist chooses. The trainer derives the rest."""

    name: str = "My Look"
    """The style's."""
    teach: str = "painted"
    """One of TEACH."""
    minutes: float = 10.0
    """Length of a run; a change of the frames begins another."""
    size: str = "default"
    """One of SIZES: the better, the slower."""
    passes: tuple[str, ...] = ()
    """What the network sees besides the image; empty for what usually helps, as far as the frames have it."""
    steadiness: float = 10.0
    """Weight of agreement along the pass vector, where frames beside painted ones are rendered; 0 for none."""
    brush: float = 0.27
    """Of pictures: their longer side as a share of a frame's width of 1920 pixels."""
    keep_colours: bool = False
    """Of pictures: take their brushwork alone."""
    further: str = ""
    """More settings of the trainer, as on its command line."""


def read_settings(folder: Path) -> TrainingSettings:
    """The settings of a training; the defaults if it has none yet. Raises TrainingFolderError."""
    path = folder / SETTINGS
    if not path.is_file():
        return TrainingSettings()
    try:
        found = json.loads(path.read_text("utf-8"))
        values = found["settings"].items()
        settings = replace(TrainingSettings(), **{name: type(getattr(TrainingSettings, name))(value) for name, value in values})
        if settings.teach not in TEACH or settings.size not in SIZES:
            raise ValueError(f"teach must be one of {', '.join(TEACH)}, and size one of {', '.join(SIZES)}")
        return settings
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        problem = f"The settings {path} can't be read ({type(error).__name__}: {error})"
        raise TrainingFolderError(f"{problem}; remove the file to begin with new ones.") from error


def write_settings(folder: Path, settings: TrainingSettings) -> None:
    """Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    replace_text(folder / SETTINGS, json.dumps({"version": PROTOCOL, "settings": asdict(settings)}, indent=1) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all. Raises OSError."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, "utf-8")
    os.replace(partial, path)


def line(kind: str, **values: object) -> str:
    """A line of the protocol, its end included."""
    return json.dumps({"kind": kind, **values}) + "\n"


def parse_line(text: str) -> dict:
    """A line's values, "kind" among them; {} for what is none, such as the last line of a trainer that was killed."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) and isinstance(values.get("kind"), str) else {}


class Follower:
    """Reads what a trainer says, from the beginning and then as it comes."""

    def __init__(self, folder: Path):
        self._path, self._offset = folder / LINES, 0

    def new(self) -> Iterator[dict]:
        """The lines since the last call that are whole."""
        try:
            with open(self._path, "rb") as file:
                if file.seek(0, os.SEEK_END) < self._offset:
                    self._offset = 0
                file.seek(self._offset)
                whole = file.read().rpartition(b"\n")[0]
        except OSError:
            return
        self._offset += len(whole) + 1 if whole else 0
        for text in whole.decode("utf-8", "replace").splitlines():
            if values := parse_line(text):
                yield values


def style_file(folder: Path, name: str) -> Path:
    """Where the newest style of a training lies: its stem names the folder too, so that no training hides another's."""
    plain = "".join(c if c.isalnum() else "_" for c in f"{folder.resolve().parent.name} {name}").strip("_").lower()
    return folder / PREVIEWS / f"{plain[-60:]}_in_training.onnx"
