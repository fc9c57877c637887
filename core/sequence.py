"""Styles on sequences of EXR frames: finds the frames, reads their passes, and writes each stylised frame whole or not at all."""

import os
import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .colour import HALF_MAX
from .exr import ExrError, read_parts, stack_channels, write_part
from .generator import Generator
from .passes import PASSES, PassError, check_passes
from .stylize import stylize

LAYER_PASSES = {label.lower(): p.name for p in PASSES.values() for label in (p.name, p.socket)} | {
    "": "image",
    "rgba": "image",
    "combined": "image",
    "z": "depth",
    "diffcol": "albedo",
}
"""Last part of a layer's name -> pass: our names, Blender's since 5.0 and before, and those of other tools."""
KEPT_ATTRIBUTES = (
    "compression",
    "dataWindow",
    "displayWindow",
    "pixelAspectRatio",
    "screenWindowCenter",
    "screenWindowWidth",
    "framesPerSecond",
    "timeCode",
    "chromaticities",
    "colorInteropID",
    "xDensity",
    "Frame",
    "Scene",
    "Camera",
)
"""The attributes that a stylised frame takes over from the header of its input."""
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""Chromaticities of the primaries and of white, ITU-R BT.709."""


class SequenceError(ValueError):
    """The frames asked for can't be found, told apart, or written where they should go."""


@dataclass(frozen=True)
class Frame:
    """An EXR frame: its passes, and what is needed to write another like it."""

    passes: dict[str, np.ndarray]
    """{pass name: (H, W, c) float32}, see passes.PASSES; "image" has an alpha of 1 if the file has none."""
    header: dict
    channels: dict[str, np.dtype]
    """The channels R, G, B and, if the file has it, A, with their types."""


def find_frames(patterns: Iterable[str]) -> list[Path]:
    """Files for names and patterns: `####` and `%04d` stand for a number of at least four digits, by which the frames are sorted.

    Raises SequenceError if a name or a pattern fits no file.
    """
    return list(dict.fromkeys(frame for pattern in patterns for frame in _matches(Path(pattern))))


def _matches(pattern: Path) -> list[Path]:
    if pattern.is_file():
        return [pattern]
    number = re.search(r"#+|%0?(\d*)d", pattern.name)
    if number is None or not pattern.parent.is_dir():
        raise SequenceError(f"There is no frame {pattern}.")
    digits = number.group().count("#") or int(number[1] or 1)
    before, after = (re.escape(text) for text in (pattern.name[: number.start()], pattern.name[number.end() :]))
    name = re.compile(f"{before}([0-9]{{{digits},}}){after}")
    numbered = [(int(match[1]), file) for file in pattern.parent.iterdir() if (match := name.fullmatch(file.name))]
    if not numbered:
        raise SequenceError(f"No frame fits {pattern}.")
    return [file for _, file in sorted(numbered)]


def read_frame(path: Path, layer: str = "") -> Frame:
    """Read the passes of one view layer of an EXR file, multilayer or not.

    layer: the view layer, "" for the only one. Raises ExrError if the file can't be read, SequenceError if it is not
    clear which layer, PassError if there is no RGB image in it or its colours are not linear Rec.709.
    """
    layers = defaultdict(lambda: defaultdict(dict))
    headers = {}
    parts = read_parts(path)
    for header, channels in parts:
        for name, pixels in channels.items():
            full, _, component = name.rpartition(".")
            if not full and len(parts) > 1:  # a part may carry the layer's name for its channels
                full = header.get("name", "")
            group, _, label = full.rpartition(".")
            found = "depth" if not label and component == "Z" else LAYER_PASSES.get(label.lower())
            if found:
                layers[group][found][component] = pixels
                headers.setdefault((group, found), header)
    group = _choose_layer(path, [name for name, passes in layers.items() if "image" in passes], layer)
    image, header = layers[group]["image"], headers[group, "image"]
    if not {"R", "G", "B"} <= set(image):
        raise PassError(f"{path} has no channels R, G and B, but {', '.join(sorted(image))}.")
    _check_colours(path, header)
    types = {name: image[name].dtype for name in "RGBA" if name in image}
    layers[group]["image"] = {name: image.get(name, np.ones_like(image["R"])) for name in "RGBA"}
    return Frame({name: stack_channels(components) for name, components in layers[group].items()}, header, types)


def _choose_layer(path: Path, names: list[str], wanted: str) -> str:
    if wanted in names:
        return wanted
    listed = ", ".join(map(repr, sorted(names))) or "none with an image"
    if wanted or not names:
        raise SequenceError(f"{path} has no layer {wanted!r} with an image; it has {listed}.")
    if len(names) > 1:
        raise SequenceError(f"{path} has several layers ({listed}); choose one with --layer.")
    return names[0]


def _check_colours(path: Path, header: dict) -> None:
    named = header.get("colorInteropID", "unknown")
    found = np.ravel(header.get("chromaticities", REC709))
    if named not in ("lin_rec709_scene", "unknown", "") or not np.allclose(found, REC709, atol=2e-3):
        raise PassError(f"The colours of {path} are not linear Rec.709; convert the frame first.")


def check_sequence(needed: tuple[str, ...], frames: list[Path], folder: Path, layer: str = "") -> dict[Path, Path]:
    """Read every frame, and return {frame: the file in the folder that it will be stylised into}.

    Raises SequenceError if two frames would go to one file or a frame would be overwritten, ExrError or PassError naming the
    first frame that can't be used.
    """
    targets = {frame: folder / f"{frame.stem}.exr" for frame in frames}
    sources = {frame.resolve() for frame in frames}
    for frame, target in targets.items():
        if target.resolve() in sources:
            raise SequenceError(f"{target} is one of the frames to read; choose another folder for the stylised ones.")
        if sum(other == target for other in targets.values()) > 1:
            raise SequenceError(f"Several frames are called {frame.stem}; stylise them into different folders.")
    for frame in frames:
        try:
            check_passes(read_frame(frame, layer).passes, needed)
        except PassError as error:
            raise PassError(f"{frame}: {error}") from error
    return targets


def stylize_sequence(
    generator: Generator, targets: dict[Path, Path], *, tile: int | None = None, layer: str = "", skip_existing: bool = False
) -> Iterator[tuple[Path, bool]]:
    """Stylise {frame: file to write}, as check_sequence() gives it; yields each written file, and whether it was there before.

    A frame is written under a hidden name next to its place and then renamed, so that it appears whole or not at all.
    skip_existing: leave alone files that exist already, are readable and have the frame's size.
    Raises ExrError, SequenceError, PassError, ProviderError.
    """
    for source, target in targets.items():
        frame = read_frame(source, layer)
        if skip_existing and _is_complete(target, frame):
            yield target, True
            continue
        picture = stylize(generator, frame.passes, tile=tile)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(target, picture, frame)
        except OSError as error:
            problem = f"{target} can't be written ({error.strerror}); is there space, and may you write there?"
            raise SequenceError(problem) from error
        yield target, False


def _write_whole(target: Path, picture: np.ndarray, like: Frame) -> None:
    """write_picture() under a hidden name, then renamed; nothing is left of a frame that fails or is stopped by a signal."""
    partial = target.with_name(f".gan_style_{secrets.token_hex(4)}.partial")  # not .exr, which others' patterns would find
    try:
        write_picture(partial, picture, like)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def write_picture(path: Path, picture: np.ndarray, like: Frame) -> None:
    """Write (H, W, 4) float32 as EXR with the channels, types, windows and compression of the frame. Raises ExrError."""
    header = {name: like.header[name] for name in KEPT_ATTRIBUTES if name in like.header}
    channels = {}
    for name, kind in like.channels.items():
        plane = picture[..., "RGBA".index(name)]
        channels[name] = (np.clip(plane, -HALF_MAX, HALF_MAX) if kind == np.float16 else plane).astype(kind)
    write_part(path, header, channels)


def _is_complete(path: Path, frame: Frame) -> bool:
    try:
        return read_frame(path).passes["image"].shape == frame.passes["image"].shape
    except (ExrError, SequenceError, PassError):
        return False
