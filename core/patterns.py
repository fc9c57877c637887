"""Texts of command lines: file names with a frame's number in them, such as shot.####.exr, numbers of frames, and pairs."""

import glob
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

NUMBER = re.compile(r"#+|@+|%0?(\d*)[di]|\$F(\d*)")
"""#### and @@@@ (Blender, Nuke), %04d and %04i (printf, Shake), $F4 (Houdini)."""
MOST_FRAMES = 10**6
MOST_DIGITS = 255
"""More than a file's name can have."""


class PatternError(ValueError):
    """The frames asked for can't be found."""


def parse_frames(text: str) -> list[int]:
    """Numbers of frames, like "1-9", "1-9,20", "-5--1" or "1-100x10" for every tenth, in rising order. Raises ValueError."""
    frames = set()
    for piece in text.split(","):
        found = re.fullmatch(r"\s*(-?\d+)(?:-(-?\d+))?(?:[x:](\d+))?\s*", piece)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not found or last < first or last - first >= MOST_FRAMES or found[3] and not int(found[3]):
            raise ValueError(f"must be like 1-9 or 1-9,20 or 1-100x10, not {piece.strip() or 'nothing'}")
        frames.update(range(first, last + 1, int(found[3] or 1)))
    return sorted(frames)


def parse_pair(text: str, example: str) -> tuple[str, str]:
    """A name and what is said of it, from a text like normal=LAYER. Raises ValueError with a clause that shows the example."""
    name, _, value = text.partition("=")
    if not name or not value:
        raise ValueError(f"must be like {example}, not {text}")
    return name, value


def say_frames(numbers: Sequence[int]) -> str:
    """The inverse of parse_frames() for rising numbers: "1-9,20"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def find_frames(patterns: Iterable[str], frames: Sequence[int] | None = None) -> tuple[list[Path], list[str]]:
    """Files for names and patterns, each sorted by the frame's number, and a sentence for each gap in a pattern's numbers.

    A pattern has a number of at least so many digits (see NUMBER) or is a shell's (*, ?, []), for shells that leave that to us.
    frames: the only numbers to take; then every pattern must have a number, and a missing frame is an error.
    Raises PatternError if a name or a pattern fits no file, or frames are missing.
    """
    found: list[Path] = []
    gaps: list[str] = []
    for pattern in patterns:
        path = Path(pattern)
        number = None if path.is_file() or glob.has_magic(path.name) else _number(path)
        if number is not None:
            numbered = _numbered(path, number)
            chosen = sorted(numbered) if frames is None else frames
            missing = sorted(set(range(chosen[0], chosen[-1] + 1) if frames is None else frames) - numbered.keys())
            gap = f"{path} has no frame{'s' * (len(missing) > 1)} {say_frames(missing)}."
            if missing and frames is not None:
                raise PatternError(gap)
            gaps += [gap] if missing else []
            found += [numbered[n] for n in chosen]
        elif frames is not None:
            raise PatternError(f"--frames needs a pattern for the frame's number, like shot.####.exr; {path} has none.")
        elif path.is_file():
            found.append(path)
        elif files := sorted(Path(name) for name in glob.glob(pattern) if Path(name).is_file()):
            found += files
        else:
            raise PatternError(f"No frame fits {path}." if glob.has_magic(pattern) else f"There is no frame {path}.")
    return list(dict.fromkeys(found)), gaps


def _number(pattern: Path) -> re.Match | None:
    """Where the frame's number stands in a pattern's name. Raises PatternError if it stands there twice."""
    found = list(NUMBER.finditer(pattern.name))
    if len(found) > 1:
        raise PatternError(f"{pattern} has several places for the frame's number; one is needed.")
    return found[0] if found else None


def _numbered(pattern: Path, number: re.Match) -> dict[int, Path]:
    """Frame number -> file."""
    text = number.group()
    digits = min(len(text) if text[0] in "#@" else int(number[1] or number[2] or 1), MOST_DIGITS)
    before, after = (re.escape(part) for part in (pattern.name[: number.start()], pattern.name[number.end() :]))
    name = re.compile(rf"{before}(-?\d{{{digits},}}){after}")
    numbered: dict[int, Path] = {}
    for file in sorted(pattern.parent.iterdir()) if pattern.parent.is_dir() else ():
        match = name.fullmatch(file.name)
        if match and (other := numbered.setdefault(int(match[1]), file)) != file:
            raise PatternError(f"{other} and {file} are both frame {int(match[1])} of {pattern}.")
    if not numbered:
        raise PatternError(f"No frame fits {pattern}.")
    return numbered
