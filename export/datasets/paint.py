"""Paints the targets of a look for frames that are rendered already: for all of a data set, or for a few keyframes."""

import ast
import hashlib
import importlib.util
import inspect
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

import numpy as np
from tqdm import tqdm

from core.controls import Control
from core.exr import ExrError, read_exr, read_parts, write_exr, write_part

from ..frames.names import BY_NIGHT, GRADED
from ..settings import TrainerError, setting
from .grading import Passes, by_night, graded
from .looks import KNOBS, LOOKS
from .looks.tones import smoothstep

STAMP = "painted_by"
"""Attribute of a painted file's header that names the look, the state of its code and the frame."""


GUIDES = "guides"
"""The folder for the values of knobs, beside that of the targets."""
KNOBS_FILE = "knobs.json"
"""What the knobs mean, beside that folder, as settings of a training."""


class PaintError(TrainerError):
    """There is no frame to paint, or it can't be read or its picture written."""


@dataclass(frozen=True)
class PaintConfig:
    """Settings of `paint`."""

    data: Path = setting(help="folder with input/*.exr, as render-dataset writes them; the painted frames go to target/")
    look: str = setting("graphic_novel", "look that paints", choices=tuple(LOOKS))
    frames: tuple[str, ...] = setting(("*",), "names of frames, or patterns (shot_00*)")
    into: Path | None = setting(
        None,
        "another data folder, made of hard links to the frames and of what is painted, so that looks can share frames",
    )
    knobs: tuple[str, ...] = setting(
        (),
        "knobs of the look to turn, differently in each frame: guides/NAME/ gets the values of its pixels, knobs.json what "
        "they mean, for train --config",
    )
    night: int = setting(
        0, "of so many frames, paint one a second time in 1/4 to 1/32 of its light, as night_NAME in the folder --into; 0: none"
    )
    graded: int = setting(
        0,
        "of so many frames, paint one a second time in light of another colour and strength, in other hues and contrast, "
        "as graded_NAME in the folder --into; 0: none",
    )
    processes: int = setting(1, "frames painted at the same time")

    def __post_init__(self):
        if self.processes < 1:
            raise PaintError(f"The setting processes must be at least 1, not {self.processes}.")
        for name in ("night", "graded"):
            if getattr(self, name) < 0 or (getattr(self, name) and not self.into):
                raise PaintError(
                    f"The setting {name} must be a number from 0, and such frames need a folder of their own: give --into."
                )
        known = [knob.name for knob in KNOBS.get(self.look, ())]
        if unknown := [name for name in self.knobs if name not in known]:
            raise PaintError(f"The look {self.look} has no knob {unknown[0]}; it has {', '.join(known) or 'none'}.")


def paint(config: PaintConfig) -> list[Path]:
    """Make sure that target/NAME.exr, (H, W, 3) scene-linear, exists for each chosen frame; returns these files.

    Files that this look has painted are kept unless the frame or the code of the look has changed; others are overwritten.
    Raises PaintError if no frame fits or one can't be read; each file appears when it is complete.
    """
    chosen = chosen_frames(config.data, config.frames)
    data, painter = config.into or config.data, f"{config.look} {_code_digest(config.look)}"
    knobs = [knob for knob in KNOBS.get(config.look, ()) if knob.name in config.knobs]
    painter += "".join(f" {knob.name}={knob.low:g}:{knob.high:g}" for knob in knobs)
    folder = data / "target"
    for made in (folder, *(data / GUIDES / knob.name for knob in knobs)):
        made.mkdir(parents=True, exist_ok=True)
    if config.into:
        inputs = config.into / "input"
        _share(chosen, inputs)
        dark = [_varied(path, inputs / f"{BY_NIGHT}{path.name}", by_night) for path in _one_in(config.night, chosen)]
        other = [_varied(path, inputs / f"{GRADED}{path.name}", graded) for path in _one_in(config.graded, chosen)]
        chosen += dark + other
    stamps = {path: f"{painter} {digest_of(path)}" for path in chosen}
    missing = {path: stamp for path, stamp in stamps.items() if stamp_of(folder / path.name) != stamp}
    one = partial(_paint_one, config.look, data, knobs)
    for _ in tqdm(_each(one, missing, config.processes), total=len(missing), desc=config.look, unit="frame"):
        pass
    if knobs:
        told = [f"{knob.name}={knob.low:g}:{knob.default:g}:{knob.high:g}:{knob.meaning}" for knob in knobs]
        (data / KNOBS_FILE).write_text(json.dumps({"knob": told}, indent=1), encoding="utf-8")
    return [folder / path.name for path in chosen]


def knob_plane(knob: Control, frame: str, height: int, width: int) -> np.ndarray:
    """Values of a knob for the frame of a name, (H, W) float32, which follow from the names alone: in a third of the frames its
    default, where it will mostly stand, else one for all of it, or every second time from one to another, so that the same frame
    shows what the knob does."""
    rng = np.random.default_rng(list(hashlib.sha256(f"{frame} {knob.name}".encode()).digest()))
    first, last = rng.uniform(knob.low, knob.high, 2)
    turn, slow = rng.uniform(0, 2 * np.pi), rng.integers(2)
    if rng.random() < 1 / 3:
        return np.full((height, width), knob.default, np.float32)
    y, x = np.mgrid[:height, :width]
    along = np.cos(turn) * (x / width - 0.5) + np.sin(turn) * (y / height - 0.5)
    return (first + slow * smoothstep(-0.4, 0.4, along) * (last - first)).astype(np.float32)


def chosen_frames(data: Path, patterns: tuple[str, ...]) -> list[Path]:
    """The rendered frames whose names fit, in order. Raises PaintError if there are none."""
    rendered = sorted((data / "input").glob("*.exr"))
    if chosen := [path for path in rendered if any(fnmatch(path.stem, pattern) for pattern in patterns)]:
        return chosen
    raise PaintError(f"No frame in {data / 'input'} fits {', '.join(patterns)}.")


def _code_digest(look: str) -> str:
    """Changes with the module of a look and all modules of this project that it imports, directly or through others."""
    modules = [inspect.getmodule(LOOKS[look])]
    for module in modules:
        modules += [found for found in _imported(module) if found not in modules]
    sources = sorted((module.__name__, Path(module.__file__).read_bytes()) for module in modules)
    return hashlib.sha256(b"\0".join(source for _, source in sources)).hexdigest()[:16]


def _imported(module: ModuleType) -> list[ModuleType]:
    """The modules of this project that a module names in its imports of the form `from X import Y`."""
    names = []
    for part in ast.walk(ast.parse(Path(module.__file__).read_bytes())):
        if isinstance(part, ast.ImportFrom):
            source = importlib.util.resolve_name("." * part.level + (part.module or ""), module.__package__)
            names += [f"{source}.{alias.name}" for alias in part.names]
            names += [] if hasattr(sys.modules.get(source), "__path__") else [source]
    own = (name for name in dict.fromkeys(names) if name.partition(".")[0] in ("core", __package__.partition(".")[0]))
    return [sys.modules[name] for name in own if name in sys.modules]


def _share(frames: list[Path], folder: Path) -> None:
    """Link frames into a folder, over older ones of their names. Raises PaintError."""
    folder.mkdir(exist_ok=True)
    for path in frames:
        link = folder / path.name
        try:
            if not link.exists():
                link.hardlink_to(path)
            elif not link.samefile(path):
                link.unlink()
                link.hardlink_to(path)
        except OSError as error:
            raise PaintError(f"{path} can't be linked into {folder} ({error.strerror}); is it on the same disk?") from error


def _one_in(number: int, frames: list[Path]) -> list[Path]:
    """One of so many frames; with 0 none."""
    return frames[::number] if number else []


def _varied(frame: Path, into: Path, vary: Callable[[Passes, str], Passes]) -> Path:
    """Write a frame once more as vary(passes, its name) has it; returns where. Raises PaintError."""
    try:
        write_exr(into, vary(read_exr(frame), frame.stem), compress=True)
    except (ExrError, KeyError) as error:
        raise PaintError(f"{frame} can't be made {into.stem}: {error}.") from error
    return into


def digest_of(frame: Path) -> str:
    """A digest of a frame's content: a changed file can keep its time, as file systems count in ticks. Raises PaintError."""
    try:
        with frame.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise PaintError(f"{frame} can't be read ({error.strerror}).") from error


def stamp_of(target: Path) -> str:
    """What a file was painted under; empty if it is none that paint made."""
    if not target.is_file():
        return ""
    try:
        return read_parts(target)[0][0].get(STAMP, "")
    except ExrError:
        return ""


def _each(one: partial, frames: dict[Path, str], processes: int) -> Iterator[None]:
    """Call one(frame, stamp) for all frames, in that many processes; yields whenever one is done."""
    if processes == 1:
        yield from itertools.starmap(one, frames.items())
        return
    # Spawned: a forked child would share the locks of whatever threads this process has.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        jobs = [pool.submit(one, *frame) for frame in frames.items()]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _paint_one(look: str, data: Path, knobs: Sequence[Control], path: Path, stamp: str) -> None:
    """Write a frame's picture, stamped, and before it the values of the knobs, under the frame's name. Raises PaintError."""
    try:
        passes = read_exr(path)
        planes = {knob.name: knob_plane(knob, path.stem, *passes["image"].shape[:2]) for knob in knobs}
        for name, plane in planes.items():
            _write(data / GUIDES / name / path.name, {"Y": plane}, {})
        write_painted(data / "target" / path.name, LOOKS[look](passes, **planes), stamp)
    except (ExrError, KeyError) as error:
        raise PaintError(f"{path} can't be painted: {error}.") from error


def write_painted(path: Path, picture: np.ndarray, stamp: str) -> None:
    """Write (H, W, 3) scene-linear with a stamp; the file appears when it is complete. Raises ExrError."""
    _write(path, dict(zip("RGB", picture.transpose(2, 0, 1), strict=True)), {STAMP: stamp})


def _write(path: Path, planes: dict[str, np.ndarray], header: dict[str, str]) -> None:
    import OpenEXR  # here, as in core.exr

    unfinished = path.with_name(f".{path.stem}.partial")
    halves = {name: plane.astype(np.float16) for name, plane in planes.items()}
    write_part(unfinished, {"compression": OpenEXR.ZIP_COMPRESSION} | header, halves)
    os.replace(unfinished, path)
