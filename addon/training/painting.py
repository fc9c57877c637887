"""Gives the artist frames to paint over, and takes over what was saved. Main thread, while nothing renders."""

import os
import shutil
from pathlib import Path

import bpy
import numpy as np

from ...core.colour import HALF_MAX
from ...core.exr import ExrError, read_exr, write_exr
from ...core.training import MASK, TARGET
from . import display, frames
from .moved import shift_between

OTHER_KINDS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")


class PaintingError(ValueError):
    """A frame can't be given or taken over; the message is a sentence for the artist."""


def give(folder: Path, frame: str, scene: bpy.types.Scene, mask: bool = False) -> Path:
    """The file to paint over a rendered frame, or its mask, made if it is not there: the frame as the screen shows it; white.

    Raises PaintingError.
    """
    path = frames.painting(folder, frame, mask)
    if path.is_file():
        return path
    try:
        rendered = read_exr(frames.rendering(folder, frame))["image"]
        if mask:
            _write_white(path, rendered.shape[1], rendered.shape[0])
        else:
            display.write(path, rendered, scene)
        frames.note_given(path)
    except (ExrError, KeyError) as error:
        raise PaintingError(f"The frame {frame} is not rendered yet, or can't be read ({error}); render it.") from error
    except (OSError, RuntimeError) as error:
        raise PaintingError(f"{path} can't be written ({error}); make space there.") from error
    return path


def take(folder: Path, path: Path, scene: bpy.types.Scene) -> None:
    """Take over what the artist saved in one of his files, as something to train on. Raises PaintingError with what is wrong."""
    frame = path.stem.removesuffix(frames.MASK_ENDING)
    try:
        if path == frames.painting(folder, frame, mask=True):
            _take_mask(folder, frame)
            return
        _take_frame(folder, frame, scene)
        if frames.painting(folder, frame, mask=True).is_file() and frames.is_news(frames.painting(folder, frame, mask=True)):
            _take_mask(folder, frame)
    except (ExrError, OSError, RuntimeError) as error:
        raise PaintingError(f"{path.name} can't be used: {error}") from error


def _take_frame(folder: Path, frame: str, scene: bpy.types.Scene) -> None:
    path = frames.painting(folder, frame)
    held, shown = frames.digest(path), display.stored(path)
    _check_size(folder, frame, path.name, shown)
    rendered = read_exr(frames.rendering(folder, frame))["image"]
    right, down = shift_between(np.clip(rendered[..., :3], 0, 1) ** (1 / 2.2), shown[..., :3])
    if right or down:
        raise PaintingError(
            f"{path.name} is moved by {right} pixels to the right and {down} down; move it back, "
            "so that it lies on the rendered frame."
        )
    painted = np.clip(np.nan_to_num(display.read(path, scene)), 0, HALF_MAX).astype(np.float16)
    target = folder / TARGET / f"{frame}.exr"
    target.parent.mkdir(exist_ok=True)
    partial = target.parent / f".{frame}.partial"
    try:
        write_exr(partial, {"image": painted}, compress=True)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    for ending in OTHER_KINDS:
        target.with_suffix(ending).unlink(missing_ok=True)
    frames.note_given(path, held)


def _take_mask(folder: Path, frame: str) -> None:
    """Raises PaintingError also if the frame is not painted: a mask alone says nothing."""
    path, mask = frames.painting(folder, frame, mask=True), folder / MASK / f"{frame}.png"
    held = frames.digest(path)
    _check_size(folder, frame, path.name, display.stored(path))
    if not (folder / TARGET / f"{frame}.exr").is_file():
        raise PaintingError(f"The mask of {frame} counts as soon as the frame itself is painted.")
    mask.parent.mkdir(exist_ok=True)
    partial = mask.parent / f".{frame}.partial"
    shutil.copyfile(path, partial)
    os.replace(partial, mask)
    frames.note_given(path, held)


def _check_size(folder: Path, frame: str, name: str, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    wanted = frames.size_of(frames.rendering(folder, frame))
    if (width, height) != wanted:
        raise PaintingError(
            f"{name} has {width} x {height} pixels, and the rendered frame {wanted[0]} x {wanted[1]}; save it in that size."
        )


def _write_white(path: Path, width: int, height: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new(path.stem, width, height)
    try:
        image.pixels.foreach_set(np.ones(width * height * 4, np.float32))
        image.filepath_raw, image.file_format = str(path), "PNG"
        image.save()
    finally:
        bpy.data.images.remove(image)
