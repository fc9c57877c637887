"""An EXR frame: its passes as the pipeline takes them, and the same file again with stylised pictures in the place of the plain.

All views, other layers and attributes go through; `notes` say what can't.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .chromaticities import decode_luminance_chroma, luminance_weights, to_rec709
from .colour import HALF_MAX, encode_srgb
from .deep import FAR, flatten
from .exr import component, read_headers, read_parts, stack_channels, write_parts
from .layers import EVERYTHING, Layer, Selection, View, find_views
from .passes import DATA, Pass, PassError

DERIVED = ("channels", "chunkCount")
"""Attributes that follow from the pixels."""
OF_DEEP = ("tiles", "version", "maxSamplesPerPixel", "lineOrder")
"""Attributes that mean nothing, or something else, once samples are made flat."""
Parts = list[tuple[dict, dict[str, np.ndarray]]]


@dataclass(frozen=True)
class Frame:
    """An EXR frame, and what of its passes was asked for."""

    views: list[View]
    passes: list[dict[str, np.ndarray]]
    """For each view {pass name: (H, W, c) float32}, linear Rec.709, see passes.PASSES; "image" has an alpha of 1 if the file has
    none, and the other passes lie as they do behind it, 0 (depth 1e10) where their own window ends."""
    parts: Parts
    notes: list[str]
    """Sentences about what is not kept as it was in a frame written like this one."""


def check_frame(path: Path, needed: Sequence[str] | None, selection: Selection = EVERYTHING) -> list[View]:
    """By its headers alone: the needed passes in each view of a file; None for all that are there and clear.

    Raises ExrError if it can't be read, LayerError if something is not clear, PassError if a pass is missing or its colours are
    not linear.
    """
    headers = read_headers(path)
    views = find_views(path, headers, needed, selection)
    for view in views:
        try:
            to_rec709(headers[view.passes["image"].part])
        except PassError as error:
            raise PassError(f"{path}: {error}") from error
    return views


def read_frame(path: Path, needed: Sequence[str] | None = ("image",), selection: Selection = EVERYTHING) -> Frame:
    """Read a frame with the needed passes; None for all that are there and clear. Raises as check_frame() does."""
    views = check_frame(path, needed, selection)
    parts, notes = _writable(read_parts(path), views)
    passes = []
    for view in views:
        window = _window(parts[view.passes["image"].part][0])
        guides = {
            name: _guide(path, parts, selection.table[name], layer, window)
            for name, layer in view.passes.items()
            if name != "image"
        }
        passes.append({"image": _image(*parts[view.passes["image"].part], view.passes["image"]), **guides})
    return Frame(views, passes, parts, notes)


def grown(path: Path, frame: Frame, times: int, selection: Selection = EVERYTHING) -> Frame:
    """A frame read from a file, for pictures `times` as large: the pixels of all channels are repeated, and motion, which
    is in pixels, is as many times as long."""
    moving = {
        (layer.part, channel)
        for view in check_frame(path, None, selection)
        if (layer := view.passes.get("vector"))
        for channel in layer.channels.values()
    }
    parts: Parts = []
    for index, (header, channels) in enumerate(frame.parts):
        windows = {}
        for name in ("dataWindow", "displayWindow"):
            first, last = np.array(header[name], np.int32)
            windows[name] = first * times, (last + 1) * times - 1
        large = {name: plane.repeat(times, 0).repeat(times, 1) for name, plane in channels.items()}
        parts.append((header | windows, {n: p * times if (index, n) in moving else p for n, p in large.items()}))
    pictures = {(view.passes["image"].part, c) for view in frame.views for c in view.passes["image"].channels.values()}
    others = any((index, name) not in pictures for index, (_, channels) in enumerate(parts) for name in channels)
    return replace(frame, parts=parts, notes=[*frame.notes, *["of other layers, pixels are repeated"] * others])


def write_frame(
    path: Path, pictures: Sequence[np.ndarray], like: Frame, layers: Sequence[Mapping[str, np.ndarray]] | None = None
) -> None:
    """Write a frame with other pictures, (H, W, 4) float32 linear Rec.709 for each of its views. Raises ExrError.

    layers: for each view further layers by their names, (H, W, 4) like the pictures or (H, W, 1), beside the picture's own.
    """
    parts = [(dict(header), dict(channels)) for header, channels in like.parts]
    for picture, further, view in zip(pictures, layers or [{}] * len(pictures), like.views, strict=True):
        layer = view.passes["image"]
        header, channels = parts[layer.part]
        if "preview" in header:
            header["preview"] = _preview(header["preview"], picture)
        kind = next(iter(channels[name] for name in layer.channels.values())).dtype
        for name, array in further.items():
            array = _in_space_of(header, array) if array.shape[2] == 4 else array
            for index, letter in enumerate("RGBA" if array.shape[2] == 4 else "V"):
                channels[_beside(layer, view.name, name, letter)] = _as_type(kind, array[..., index])
        picture = _in_space_of(header, picture)
        plain = {name: channels.pop(name) for name in layer.channels.values()}
        for index, name in enumerate(_written_names(layer)):
            channels[name] = _as_type(plain.get(name, next(iter(plain.values()))).dtype, picture[..., index])
    write_parts(path, _of_views(parts, [view.name for view in like.views]))


def _in_space_of(header: dict, picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 4) in the primaries of a part."""
    if (matrix := to_rec709(header)) is None:
        return picture
    return np.concatenate([picture[..., :3] @ np.linalg.inv(matrix).T.astype(np.float32), picture[..., 3:]], axis=-1)


def _beside(layer: Layer, view: str, name: str, letter: str) -> str:
    """The channel of a further layer: as ViewLayer.Base.R beside ViewLayer.Combined.R, and Base.left.R beside left.R."""
    path = next(iter(layer.channels.values())).split(".")[:-1]
    around = [part for part in path[:-1] if part != view]
    return ".".join([*around, name, *([view] if view and view in path else []), letter])


def window_size(header: dict) -> tuple[int, int]:
    """(height, width) of a part's pixels."""
    (left, top), (right, bottom) = _window(header)
    return bottom - top + 1, right - left + 1


def _window(header: dict) -> np.ndarray:
    """The data window ((left, top), (right, bottom)), both corners in it."""
    return np.array(header["dataWindow"], int)


def _image(header: dict, channels: dict[str, np.ndarray], layer: Layer) -> np.ndarray:
    planes = {name: channels[channel] for name, channel in layer.channels.items()}
    alpha = planes.pop("A", None)
    colours = decode_luminance_chroma(planes, luminance_weights(header)) if "Y" in planes else stack_channels(planes)
    if (matrix := to_rec709(header)) is not None:
        colours = colours @ matrix.T.astype(np.float32)
    return np.dstack([colours, np.ones_like(colours[..., 0]) if alpha is None else alpha.astype(np.float32)])


def _guide(path: Path, parts: Parts, kind: Pass, layer: Layer, window: np.ndarray) -> np.ndarray:
    """(H, W, c) float32 of a pass that is not the image, moved to where it lies in the image's window."""
    header, channels = parts[layer.part]
    name, count = kind.name, kind.channels
    planes = {key: channels[channel] for key, channel in layer.channels.items()}
    if count == 3:
        planes = {key: plane for key, plane in planes.items() if key not in ("A", "W")}
    if count == 1 and {"R", "G", "B"} <= planes.keys():
        if not all(np.array_equal(planes["R"], planes[other], equal_nan=True) for other in "GB"):
            raise PassError(f"{path}: the {name} in {layer} has different values in R, G and B; which of them counts?")
        planes = {"R": planes["R"]}
    elif count == 1:
        planes = {"Z": planes.get("Z", next(iter(planes.values())))}
    array = stack_channels(planes)
    if array.shape[:2] != window_size(header):
        raise PassError(f"{path}: the {name} in {layer} is subsampled, which is not supported.")
    if count == 3 and array.shape[2] == 1:
        array = array.repeat(3, axis=2)
    if count == 3 and kind.holds != DATA and (matrix := to_rec709(header)) is not None:
        array = array @ matrix.T.astype(np.float32)
    return _moved(array, _window(header), window, FAR if name == "depth" else 0.0)


def _moved(array: np.ndarray, window: np.ndarray, to: np.ndarray, outside: float) -> np.ndarray:
    """The part of an array with a data window that lies in another window, and a value where it has no pixels."""
    if np.array_equal(window, to):
        return array
    size = to[1] - to[0] + 1
    moved = np.full((size[1], size[0], array.shape[2]), outside, np.float32)
    (left, top), (right, bottom) = np.maximum(window[0], to[0]), np.minimum(window[1], to[1]) + 1
    if left < right and top < bottom:
        (from_x, from_y), (to_x, to_y) = window[0], to[0]
        moved[top - to_y : bottom - to_y, left - to_x : right - to_x] = array[
            top - from_y : bottom - from_y, left - from_x : right - from_x
        ]
    return moved


def _writable(parts: Parts, views: Sequence[View]) -> tuple[Parts, list[str]]:
    """The parts as they can be written again, deep ones of the views made flat, and what is lost by that."""
    import OpenEXR

    used = {layer.part for view in views for layer in view.passes.values()}
    images = {view.passes["image"].part: view.passes["image"] for view in views}
    kept: Parts = []
    notes: list[str] = []
    for index, (header, channels) in enumerate(parts):
        header = {name: value for name, value in header.items() if name not in DERIVED and not _is_empty_list(value)}
        if channels and next(iter(channels.values())).dtype == object and index in used:
            header, channels = _flat(header, channels, notes)
        tiles = header.get("tiles")
        if getattr(tiles, "mode", OpenEXR.ONE_LEVEL) != OpenEXR.ONE_LEVEL:
            header["tiles"] = _one_level(tiles)
            notes.append("of the levels of resolution, only the finest is kept")
        if index in images and "Y" in images[index].channels:
            notes.append("luminance and chroma become R, G and B")
        chroma = set(images[index].channels.values()) if index in images else set()
        if small := [name for name, plane in channels.items() if plane.shape != window_size(header) and name not in chroma]:
            notes.append(f"subsampled channels are left out: {', '.join(small)}")
        kept.append((header, {name: plane for name, plane in channels.items() if name not in small}))
    return kept, list(dict.fromkeys(notes))


def _is_empty_list(value: object) -> bool:
    """What OpenEXR can read but not write, since it doesn't say of what type its elements would be."""
    return isinstance(value, list) and not value


def _flat(header: dict, channels: dict[str, np.ndarray], notes: list[str]) -> tuple[dict, dict[str, np.ndarray]]:
    """A deep part as one in scan lines."""
    import OpenEXR

    names = {component(name): name for name in channels}
    flat, exact = flatten({key: channels[name] for key, name in names.items()})
    lost = [name for key, name in names.items() if key not in flat]
    notes.append(
        "deep samples are made flat"
        + ", volumes that overlap by their fronts" * (not exact)
        + (f", and these channels are left out: {', '.join(lost)}" if lost else "")
    )
    header = {name: value for name, value in header.items() if name not in OF_DEEP}
    return header | {"type": OpenEXR.scanlineimage}, {names[key]: plane for key, plane in flat.items()}


def _one_level(tiles):
    import OpenEXR

    one = OpenEXR.TileDescription()
    one.xSize, one.ySize, one.mode = tiles.xSize, tiles.ySize, OpenEXR.ONE_LEVEL
    return one


def _written_names(layer: Layer) -> list[str]:
    """Of the channels for red, green, blue and, if the layer has it, alpha."""
    if "R" in layer.channels:
        return [layer.channels[name] for name in "RGBA" if name in layer.channels]
    path, dot, _ = layer.channels["Y"].rpartition(".")
    return [f"{path}{dot}{name}" for name in "RGB"] + ([layer.channels["A"]] if "A" in layer.channels else [])


def _as_type(kind: np.dtype, plane: np.ndarray) -> np.ndarray:
    return np.clip(plane, -HALF_MAX, HALF_MAX).astype(np.float16) if kind == np.float16 else plane.astype(np.float32)


def _preview(old, picture: np.ndarray):
    """The small picture that file managers show, made anew in the size of the old one."""
    import OpenEXR

    height, width = old.pixels.shape
    rows, columns = (np.arange(n) * length // n for n, length in zip((height, width), picture.shape[:2], strict=True))
    small = picture[rows][:, columns]
    codes = np.round(255 * encode_srgb(np.nan_to_num(small).clip(0, 1))).astype(np.uint8)
    pixels = np.empty((height, width), old.pixels.dtype)
    for index, name in enumerate("rgb"):
        pixels[name] = codes[..., index]
    pixels["a"] = np.round(255 * np.nan_to_num(small[..., 3]).clip(0, 1))
    return OpenEXR.PreviewImage(pixels)


def _of_views(parts: Parts, names: list[str]) -> Parts:
    """The parts and channels that show these views or none; a view that is left alone in a part needs no name any more."""
    kept = []
    for header, channels in parts:
        views = header.get("multiView", [])
        if header.get("view", names[0]) not in names:
            continue
        if set(views) - set(names):
            others = set(views) - set(names)
            default = views[0] in others
            channels = {
                ".".join(part for part in name.split(".") if part not in names): plane
                for name, plane in channels.items()
                if not others & set(name.split(".")[:-1]) and not (default and "." not in name)
            }
            header = {key: value for key, value in header.items() if key != "multiView"} | {"view": names[0]}
        kept.append((header, channels))
    return kept
