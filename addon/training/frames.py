"""The frames of a training's folder: which are rendered, at which the artist paints, which are painted. No bpy here.

The artist's files lie in paint/, and may be half finished at any time. What is saved and can be used is taken over into target/
and mask/, which is what the trainer reads.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from ...core.exr import read_headers
from ...core.training import INPUT, LOOK, MASK, TARGET, replace_text

PAINT = "paint"
GIVEN = "given.json"
"""In PAINT: by file the digest of what was given to the artist, or taken over last: nothing is painted there yet."""
MASK_ENDING = "_mask"


@dataclass(frozen=True)
class Frames:
    """What is there, by the frames' names."""

    rendered: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()
    """Those that the artist was given and has not painted."""
    painted: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    """File names of pictures of the look."""
    strangers: tuple[str, ...] = field(default=())
    """Painted files whose names no rendered frame has."""


def look(folder: Path) -> Frames:
    rendered, painted, masked = (_stems(folder / name) for name in (INPUT, TARGET, MASK))
    begun = {stem for stem in _stems(folder / PAINT, ".png") if not stem.endswith(MASK_ENDING)}
    return Frames(
        tuple(sorted(rendered)),
        tuple(sorted((begun & rendered) - painted)),
        tuple(sorted(painted & rendered)),
        tuple(sorted(masked & painted & rendered)),
        tuple(sorted(p.name for p in (folder / LOOK).glob("*") if p.is_file() and not p.name.startswith("."))),
        tuple(sorted((begun | painted) - rendered)),
    )


def painting(folder: Path, frame: str, mask: bool = False) -> Path:
    """The artist's file of a frame."""
    return folder / PAINT / f"{frame}{MASK_ENDING if mask else ''}.png"


def rendering(folder: Path, frame: str) -> Path:
    return folder / INPUT / f"{frame}.exr"


def size_of(path: Path) -> tuple[int, int]:
    """(width, height) of a rendered frame. Raises ExrError."""
    (left, top), (right, bottom) = read_headers(path)[0]["dataWindow"]
    return int(right - left + 1), int(bottom - top + 1)


def note_given(path: Path, held: str = "") -> None:
    """What a file holds now is no news; or what it held when it was read, as a digest()."""
    given = _given(path.parent)
    given[path.name] = held or digest(path)
    replace_text(path.parent / GIVEN, json.dumps(given, indent=1))


def news(folder: Path, seen: dict[Path, tuple[int, int]]) -> list[Path]:
    """The artist's files that hold something else than was given or taken over.

    seen: size and time of the files when they were looked at last, which is kept up to date; the others are not read.
    """
    found = []
    for path in sorted((folder / PAINT).glob("*.png")):
        stat = path.stat()
        now = stat.st_size, stat.st_mtime_ns
        if seen.get(path) != now:
            seen[path] = now
            if is_news(path):
                found.append(path)
    return found


def is_news(path: Path) -> bool:
    """Whether one of the artist's files holds something else than was given or taken over."""
    return _given(path.parent).get(path.name) != digest(path)


def remove(folder: Path, frame: str) -> None:
    """Forget what was painted over a frame."""
    for path in (painting(folder, frame), painting(folder, frame, mask=True)):
        path.unlink(missing_ok=True)
    for name in (TARGET, MASK):
        for path in (folder / name).glob(f"{frame}.*"):
            path.unlink()
        if (folder / name).is_dir() and not any((folder / name).iterdir()):
            (folder / name).rmdir()  # the trainer takes an empty one for a mistake


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _given(folder: Path) -> dict[str, str]:
    try:
        return dict(json.loads((folder / GIVEN).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _stems(folder: Path, ending: str = "") -> set[str]:
    return {p.stem for p in folder.glob(f"*{ending}") if p.is_file() and p.suffix != ".partial" and not p.name.startswith(".")}
