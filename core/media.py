"""Frames in files of every kind: EXR, pictures and videos; which kind a file is, what it holds, and the same file stylised."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .colour import decode_srgb, encode_srgb
from .exr import ExrError, read_headers
from .frame import Frame, check_frame, grown, read_frame, window_size, write_frame
from .layered import Layers
from .layers import LayerError, Selection
from .passes import PassError

EXR = {".exr"}
MAGIC = b"\x76\x2f\x31\x01"
"""First bytes of EXR files (OpenEXR File Layout)."""
PICTURES = {".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
VIDEOS = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mxf", ".webm"}
FORMATS = {".exr": "exr", ".jpeg": "jpg", ".jpg": "jpg", ".png": "png", ".tif": "tif", ".tiff": "tif", ".webp": "webp"}
"""Ending of a frame's file -> its format; what is read in another one is written as png."""


class MediaError(ValueError):
    """The file is of no kind that frames come in, can't be read, or not be written in the format asked for."""


def _is_exr(path: Path) -> bool:
    """By its name or, since stereo EXR files are called .sxr and others anything, by its first bytes."""
    suffix = path.suffix.lower()
    if suffix in EXR | PICTURES | VIDEOS or not path.is_file():
        return suffix in EXR
    with open(path, "rb") as file:
        return file.read(4) == MAGIC


def target_name(path: Path, kind: str) -> str:
    """Name of the file that a frame is stylised into; kind: one of FORMATS, or empty for the frame's own."""
    suffix = path.suffix.lower()
    if _is_exr(path):
        return path.name if kind in ("", "exr") else f"{path.stem}.{kind}"
    if suffix not in PICTURES | VIDEOS:
        raise MediaError(f"{path} is of no known type: frames are EXR, PNG, JPEG, TIFF, WebP or GIF files, or videos.")
    if suffix in VIDEOS:
        if kind:
            raise MediaError(f"{path} is a video, which stays one; leave --format away.")
        return path.name
    own = FORMATS.get(suffix, "png")
    return path.name if own == (kind or own) and suffix in FORMATS else f"{path.stem}.{kind or own}"


def describe(path: Path, needed: Sequence[str], selection: Selection, target: Path) -> str:
    """What of a frame's passes was found where, by its header alone.

    Raises ExrError, LayerError, PassError or MediaError if it can't be used, or not be written as the target's name says.
    """
    suffix = path.suffix.lower()
    own = "".join(f", {name} from {files.of(path)}" for name, files in selection.files.items())
    needed = [name for name in needed if name not in selection.files]
    if _is_exr(path):
        views = check_frame(path, needed, selection)
        if len(views) > 1 and target.suffix.lower() in FORMATS.keys() - EXR:
            raise MediaError(f"{path} has several views, which only EXR files can hold; choose one with --view.")
        return "; ".join(map(str, views)) + own
    if missing := [name for name in needed if name != "image"]:
        raise PassError(
            f"{path} has no pass '{missing[0]}': pictures and videos have the image alone; take EXR files, or name the files "
            "of a guide with --guide."
        )
    if not path.is_file():
        raise MediaError(f"There is no file {path}.")
    if suffix in VIDEOS:
        _module("videos", path)
        if own:
            raise MediaError(f"{path} is a video, which guides in files of their own can't go with; take single frames.")
        return "image from a video"
    _, _, bits, alpha = _told(path, lambda: _module("pictures", path).look_at(path))
    return f"image from {bits} bits of sRGB{' and alpha' * alpha}{own}"


def stylize_file(
    path: Path,
    partial: Path,
    target: Path,
    needed: Sequence[str],
    selection: Selection,
    change: Callable[[int, dict[str, np.ndarray]], np.ndarray | Layers],
    attributes: Mapping[str, str],
) -> list[str]:
    """Write a frame or a video under a passing name, as its target's name says; clauses about what is not kept.

    change: number of the view and {pass: (H, W, c)} to the stylised (H, W, 4), or to Layers, which only EXR files
    take; all may be several times as large. attributes: for the header of an EXR file.
    Raises as describe() does, and OSError.
    """
    if path.suffix.lower() in VIDEOS:
        videos = _module("videos", path)
        return _told(path, lambda: videos.rewrite_video(path, partial, lambda image: change(0, {"image": image})))
    kind = FORMATS.get(target.suffix.lower(), "exr")
    own = {name: _told(path, lambda files=files: files.read(path)) for name, files in selection.files.items()}
    if _is_exr(path):
        frame = read_frame(path, [name for name in needed if name not in own], selection)
        pictures = [change(view, passes | own) for view, passes in enumerate(frame.passes)]
        if kind == "exr":
            for header, _ in frame.parts:
                header.update(attributes)
            times = len(_alone(pictures[0])) // len(frame.passes[0]["image"])
            frame = grown(path, frame, times, selection) if times > 1 else frame
            _write_exr(partial, pictures, frame)
            return frame.notes
        alpha = any("A" in view.passes["image"].channels for view in frame.views)
        return _write_picture(path, partial, kind, _alone(pictures[0]), 16, alpha)
    rgba = _told(path, lambda: _module("pictures", path).read_picture(path))
    _, _, bits, alpha = _module("pictures", path).look_at(path)
    image = np.concatenate([decode_srgb(rgba[..., :3]) * rgba[..., 3:], rgba[..., 3:]], axis=-1)
    picture = change(0, {"image": image} | own)
    if kind == "exr":
        names = "RGBA" if alpha else "RGB"
        _write_exr(partial, [picture], _as_exr(_alone(picture), names))
        return []
    return _write_picture(path, partial, kind, _alone(picture), bits, alpha)


def _alone(picture: np.ndarray | Layers) -> np.ndarray:
    return picture.picture if isinstance(picture, Layers) else picture


def _write_exr(path: Path, pictures: Sequence[np.ndarray | Layers], like: Frame) -> None:
    plain = [_alone(picture) for picture in pictures]
    further = [{"Base": p.base, "Paint": p.paint, "Coverage": p.coverage} if isinstance(p, Layers) else {} for p in pictures]
    write_frame(path, plain, like, further)


def is_complete(path: Path, target: Path, selection: Selection, times: int = 1) -> bool:
    """Whether a stylised file can be read, and has `times` the size of its source in every view, or its number of frames."""
    if not target.is_file():
        return False
    try:
        wanted = [(height * times, width * times) for height, width in _sizes(path, selection, whole=False)]
        return _sizes(target, selection, whole=True) == wanted
    except (ExrError, LayerError, PassError, MediaError):
        return False


def _sizes(path: Path, selection: Selection, whole: bool) -> list[tuple[int, ...]]:
    """(height, width) of each view or of each frame of a video; whole: decodes all pixels, to see that they are there."""
    if path.suffix.lower() in VIDEOS:
        return _told(path, lambda: [rgba.shape[:2] for rgba, _ in _module("videos", path).read_video(path)])
    if not _is_exr(path):
        pictures = _module("pictures", path)
        return _told(path, lambda: [pictures.read_picture(path).shape[:2] if whole else pictures.look_at(path)[:2]])
    if whole:
        return [passes["image"].shape[:2] for passes in read_frame(path, (), selection).passes]
    headers = read_headers(path)
    return [window_size(headers[view.passes["image"].part]) for view in check_frame(path, (), selection)]


def _write_picture(path: Path, partial: Path, kind: str, picture: np.ndarray, bits: int, alpha: bool) -> list[str]:
    colours, opacity = np.nan_to_num(picture[..., :3]), np.nan_to_num(picture[..., 3:]).clip(0, 1)
    notes = []
    if alpha and kind != "jpg":
        colours = np.where(opacity > 0, colours / np.maximum(opacity, 1e-6), 0)
    elif alpha:
        notes.append("its alpha is left out, and black is behind it")
    if (colours > 1).any():
        notes.append("what is brighter than white is cut")
    encoded = np.concatenate([encode_srgb(colours.clip(0, 1)), opacity], axis=-1)
    _module("pictures", path).write_picture(partial, kind, encoded, bits, alpha)
    return notes


def _as_exr(picture: np.ndarray, names: str) -> Frame:
    """A frame that a picture can be written like: half floats, linear Rec.709."""
    import OpenEXR

    from .layers import PLAIN, Layer, View

    layer = Layer(0, "", PLAIN, {name: name for name in names})
    planes = {name: np.zeros(picture.shape[:2], np.float16) for name in names}
    header = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION, "colorInteropID": "lin_rec709_scene"}
    return Frame([View("", {"image": layer}, frozenset())], [], [(header, planes)], [])


def _module(name: str, path: Path) -> ModuleType:
    """pictures or videos, which need packages that core does without elsewhere."""
    try:
        return import_module(f".{name}", __package__)
    except ModuleNotFoundError as error:
        raise MediaError(f"{path} needs the Python packages Pillow and PyAV: pip install pillow av") from error


def _told(path: Path, work: Callable[[], Any]) -> Any:
    """What work() gives, its PictureError or VideoError as a MediaError."""
    try:
        return work()
    except (_module("pictures", path).PictureError, _module("videos", path).VideoError) as error:
        raise MediaError(str(error)) from error
