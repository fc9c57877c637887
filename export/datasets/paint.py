"""Paints the targets of a look for frames that are rendered already: for all of a data set, or for a few keyframes."""

import ast
import hashlib
import importlib.util
import inspect
import itertools
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from core.exr import ExrError, read_exr, read_parts, write_part

from ..settings import TrainerError, setting
from .looks import LOOKS

STAMP = "painted_by"
"""Attribute of a painted file's header that names the look, the state of its code and the frame."""


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
    processes: int = setting(1, "frames painted at the same time")

    def __post_init__(self):
        if self.processes < 1:
            raise PaintError(f"The setting processes must be at least 1, not {self.processes}.")


def paint(config: PaintConfig) -> list[Path]:
    """Make sure that target/NAME.exr, (H, W, 3) scene-linear, exists for each chosen frame; returns these files.

    Files that this look has painted are kept unless the frame or the code of the look has changed; others are overwritten.
    Raises PaintError if no frame fits or one can't be read; each file appears when it is complete.
    """
    rendered = sorted((config.data / "input").glob("*.exr"))
    chosen = [path for path in rendered if any(fnmatch(path.stem, pattern) for pattern in config.frames)]
    if not chosen:
        raise PaintError(f"No frame in {config.data / 'input'} fits {', '.join(config.frames)}.")
    folder, painter = (config.into or config.data) / "target", f"{config.look} {_code_digest(config.look)}"
    folder.mkdir(parents=True, exist_ok=True)
    if config.into:
        _share(chosen, config.into / "input")
    stamps = {path: f"{painter} {_digest(path)}" for path in chosen}
    missing = {path: stamp for path, stamp in stamps.items() if not _is_painted(folder / path.name, stamp)}
    one = partial(_paint_one, config.look, folder)
    for _ in tqdm(_each(one, missing, config.processes), total=len(missing), desc=config.look, unit="frame"):
        pass
    return [folder / path.name for path in chosen]


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


def _digest(frame: Path) -> str:
    """A digest of a frame's content: a changed file can keep its time, as file systems count in ticks. Raises PaintError."""
    try:
        with frame.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise PaintError(f"{frame} can't be read ({error.strerror}).") from error


def _is_painted(target: Path, stamp: str) -> bool:
    """Whether a file was painted under a stamp."""
    if not target.is_file():
        return False
    try:
        return read_parts(target)[0][0].get(STAMP) == stamp
    except ExrError:
        return False


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


def _paint_one(look: str, folder: Path, path: Path, stamp: str) -> None:
    """Write a frame's picture under the frame's name, stamped. Raises PaintError."""
    import OpenEXR  # here, as in core.exr

    try:
        picture = LOOKS[look](read_exr(path)).astype("float16")
        unfinished = folder / f".{path.stem}.partial"
        header = {"compression": OpenEXR.ZIP_COMPRESSION, STAMP: stamp}
        write_part(unfinished, header, dict(zip("RGB", picture.transpose(2, 0, 1), strict=True)))
    except (ExrError, KeyError) as error:
        raise PaintError(f"{path} can't be painted: {error}.") from error
    os.replace(unfinished, folder / path.name)
