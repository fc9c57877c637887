"""Finds the files of a data folder and reads them all, EXR files, pictures and videos, as scene-linear passes."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from core.colour import decode_srgb
from core.exr import ExrError, read_exr
from core.frame import check_frame, read_frame
from core.layers import LayerError, Selection
from core.media import EXR, PICTURES, VIDEOS
from core.passes import DATA, PASSES, PassError
from core.pictures import PictureError, read_moving, read_picture
from core.videos import VideoError, read_video

from ..settings import TrainerError
from .guides import GuideSource, selection_of

LITTER = {"thumbs.db", "desktop.ini"}
"""Files that file managers leave behind; ignored like hidden files."""
CODES = 65535
"""The largest code of 16 bits, the finest that pictures and videos have."""
NEAREST = {name for name, p in PASSES.items() if p.holds == DATA}
"""Passes whose value in a pixel belongs to one surface; that of the others is a mean over the pixel's area."""


class SourceError(TrainerError):
    """A file can't be read as frames to train on; the message names it."""


def find_files(folder: Path, problems: list[str]) -> list[Path]:
    """The files of a folder that hold frames, sorted by name.

    problems: gets a sentence if the folder is missing or empty, and for each file of unknown type.
    """
    if not folder.is_dir():
        problems.append(f"There is no folder {folder}.")
        return []
    seen = sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.name.lower() not in LITTER)
    known = [p for p in seen if p.is_file() and p.suffix.lower() in EXR | PICTURES | VIDEOS]
    if not seen:
        problems.append(f"There are no frames in {folder}.")
    problems += [
        f"{p} is a folder; frames lie in {folder} itself."
        if p.is_dir()
        else f"{p} is of no known type: frames are EXR, PNG, JPEG, TIFF, WebP or GIF files, or videos."
        for p in seen
        if p not in known
    ]
    return known


def rendered(data: Path) -> dict[str, Path]:
    """The frames in a data folder's input/, by name. Raises SourceError."""
    problems: list[str] = []
    files = {file.stem: file for file in find_files(data / "input", problems)}
    if problems:
        raise SourceError(" ".join(problems))
    return files


def read_frames(path: Path, layer: str = "", guides: Sequence[GuideSource] = ()) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yield the name and {pass: (H, W, c) float32, top row first} of a file's frames.

    A frame is named as its file, those of a video FILE_000001, FILE_000002 ..., those of an EXR file with views FILE_left ...
    "image" is premultiplied RGBA, scene-linear Rec.709; pictures and videos have only this pass. What they store is taken for
    sRGB (IEC 61966-2-1) unless a picture's colour profile or a video's transfer characteristic says otherwise. Of EXR files all
    passes are read whose layer is clear.
    layer: the view layer of a multilayer EXR file, "" for the only one. guides: a style's own, all of which are read too.
    Raises TrainerError if the file is truncated, is not what its name says, or has colours that can't be converted.
    """
    apart = [source for source in guides if source.apart]
    for name, passes in _read_frames(path, selection_of(layer, guides)):
        yield name, passes | {source.guide.name: source.read(name) for source in apart}


def _read_frames(path: Path, selection: Selection) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    if path.suffix.lower() in EXR:
        try:
            check_frame(path, [g.name for g in selection.guides], selection)  # what is asked for by name must be there
            frame = read_frame(path, None, selection)
            names = [path.stem] if len(frame.views) == 1 else [f"{path.stem}_{view.name}" for view in frame.views]
            yield from zip(names, frame.passes, strict=True)
        except (ExrError, LayerError, PassError) as error:
            raise SourceError(str(error)) from error
    for name, rgba, to_linear in _encoded(path):
        codes, alpha = (rgba[..., :3] * CODES + 0.5).astype(np.uint16), rgba[..., 3:]
        yield name, {"image": np.concatenate([_curve(to_linear)[codes] * alpha, alpha], axis=-1)}


def read_masks(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and (H, W, 1) float32 in [0, 1] of a file's masks: their grey value as it is stored, times their alpha.

    Of an EXR file the first channel counts. A mask is no colour, so no transfer curve applies. Raises TrainerError.
    """
    if path.suffix.lower() in EXR:
        try:
            layers = read_exr(path)
        except ExrError as error:
            raise SourceError(str(error)) from error
        if "image" not in layers:
            raise SourceError(f"{path} has no image to take a mask from, but the layers {', '.join(sorted(layers))}.")
        yield path.stem, np.nan_to_num(layers["image"][..., :1]).clip(0, 1)
    for name, rgba, _ in _encoded(path):
        yield name, rgba[..., :3].mean(axis=-1, keepdims=True) * rgba[..., 3:]


def _encoded(path: Path) -> Iterator[tuple[str, np.ndarray, Callable[[np.ndarray], np.ndarray]]]:
    """Yield the name, (H, W, 4) as stored, and the function that makes colours linear, of a picture or of a video's frames."""
    try:
        if path.suffix.lower() in PICTURES:
            pictures = [(rgba, decode_srgb) for rgba in read_moving(path)]
            for number, (rgba, to_linear) in enumerate(pictures, 1):
                yield path.stem if len(pictures) == 1 else f"{path.stem}_{number:06d}", rgba, to_linear
        if path.suffix.lower() in VIDEOS:
            for number, (rgba, to_linear) in enumerate(read_video(path), 1):
                yield f"{path.stem}_{number:06d}", rgba, to_linear
    except (PictureError, VideoError) as error:
        raise SourceError(str(error)) from error


def picture_of(path: Path) -> np.ndarray:
    """core.pictures.read_picture(), whose error is a TrainerError here."""
    try:
        return read_picture(path)
    except PictureError as error:
        raise SourceError(str(error)) from error


@cache
def _curve(to_linear: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The curve's value for every code of 16 bits: looking it up is several times quicker than computing powers."""
    return to_linear(np.arange(CODES + 1, dtype=np.float32) / CODES)


def resize(passes: dict[str, np.ndarray], height: int) -> dict[str, np.ndarray]:
    """Scale {pass: (H, W, c) float32} to a height in pixels, keeping the frame's shape.

    Colours are filtered in linear light over the whole area of a new pixel (Lanczos); where that rings below 0, it is cut there.
    Depth, normal, position and vector take the nearest pixel: their mean across an edge would lie on neither surface.
    A vector shrinks with its frame, for it counts pixels.
    """
    old_height, old_width = next(iter(passes.values())).shape[:2]
    width = max(1, round(old_width * height / old_height))
    resized = {name: _resize(array, (width, height), name not in NEAREST) for name, array in passes.items()}
    if "vector" in resized:
        x, y = width / old_width, height / old_height
        resized["vector"] = resized["vector"] * np.float32([x, y, x, y])
    return resized


def _resize(array: np.ndarray, size: tuple[int, int], filtered: bool) -> np.ndarray:
    method = Image.Resampling.LANCZOS if filtered else Image.Resampling.NEAREST
    planes = (Image.fromarray(np.ascontiguousarray(array[..., channel])) for channel in range(array.shape[2]))
    resized = np.stack([np.asarray(plane.resize(size, method)) for plane in planes], axis=-1)
    return resized.clip(0, None) if filtered else resized
