"""Passes in and out of OpenEXR files, the exchange format between Blender, the trainer and the pipeline."""

import os
import re
import struct
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

COMPONENTS = {name.lower(): name for name in ("R", "G", "B", "A", "X", "Y", "Z", "W", "U", "V", "RY", "BY")} | {
    "red": "R", "green": "G", "blue": "B", "alpha": "A",
}  # fmt: skip
"""The last part of a channel's name in lower case, and what it is called here; in this order it is sorted into the last axis."""


class ExrError(ValueError):
    """The file can't be read as OpenEXR, or can't be written."""


def read_exr(path: str | Path) -> dict[str, np.ndarray]:
    """Read all layers of an EXR file as {layer name: (H, W, c) float32, top row first}.

    The layer's name is the part of the channel's name before the last dot; channels without one form the layer "image".
    A channel that holds the whole name of a layer (Blender writes "depth.V" or "depth.Z") becomes an array of one channel.
    Raises ExrError if the file is missing, truncated, not EXR, or deep, or has a channel twice, as for two views.
    """
    layers = defaultdict(dict)
    for _, channels in read_parts(path, separate=False):
        for name, pixels in channels.items():
            layer, _, last = name.rpartition(".")
            if pixels.ndim == 3:
                layer, last = "" if name in ("RGB", "RGBA") else name, "RGBA"[: pixels.shape[2]]
            found = layers[layer or "image"]
            if pixels.dtype == object or component(last) in found:
                problem = "is deep" if pixels.dtype == object else f"has the channel {name} twice"
                raise ExrError(f"{path} {problem}; python -m core apply can read such files.")
            found[component(last)] = pixels
    return {layer: stack_channels(components) for layer, components in layers.items()}


def component(name: str) -> str:
    """What the last part of a channel's name means, like X for the "x" of "normal.x"; unknown ones as they are."""
    return COMPONENTS.get(name.lower(), name)


def read_headers(path: str | Path) -> list[dict]:
    """Read the header of each part of an EXR file, without its pixels; under "channels" are objects with name and xSampling.

    Raises ExrError if the file is missing, not EXR or cut short.
    """
    import OpenEXR  # here, so that importing core stays light

    if not Path(path).is_file():
        raise ExrError(f"There is no file {path}.")
    try:
        with OpenEXR.File(str(path), header_only=True) as file:
            headers = [dict(part.header) for part in file.parts]  # copied because closing the file empties it
        whole = _is_whole(Path(path), headers)
    except (RuntimeError, ValueError, OSError, struct.error) as error:
        raise ExrError(f"{path} can't be read as an OpenEXR file ({_reason(error, path)}); is it complete?") from error
    if not whole:
        raise ExrError(f"The pixels of {path} can't be read; is the file complete?")
    return headers


def _reason(error: Exception, path: str | Path) -> str:
    """What OpenEXR says, without the file's name, which our sentences begin with."""
    return re.sub(rf""",? ?(image )?(file )?["']?{re.escape(str(path))}["']?""", " it", str(error)).strip()


def _is_whole(path: Path, headers: list[dict]) -> bool:
    """Whether the file's last block of pixels ends in it (OpenEXR File Layout): tells a file cut short without decoding it.

    What lies elsewhere than in a usual file is left to OpenEXR to judge.
    """
    import OpenEXR

    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        several_parts = struct.unpack("<4xi", file.read(8))[0] & 0x1000
        for _ in headers:
            while _text(file):  # an attribute's name, its type, its size and its value
                _text(file)
                file.seek(struct.unpack("<i", file.read(4))[0], os.SEEK_CUR)
        if several_parts:
            file.read(1)
        first, last = size, 0
        while file.tell() < first:  # the table of offsets ends where the first block begins
            offset = struct.unpack("<Q", file.read(8))[0]
            if offset == 0:
                return False
            first, last = min(first, offset), max(last, offset)
        if last >= size:
            return False
        file.seek(last)
        part = struct.unpack("<i", file.read(4))[0] if several_parts else 0
        kind = headers[part]["type"] if 0 <= part < len(headers) else None
        if kind in (OpenEXR.deepscanline, OpenEXR.deeptile):
            file.seek(4 if kind == OpenEXR.deepscanline else 16, os.SEEK_CUR)
            return sum(struct.unpack("<QQ8x", file.read(24))) + file.tell() <= size
        file.seek(4 if kind == OpenEXR.scanlineimage else 16, os.SEEK_CUR)
        return struct.unpack("<i", file.read(4))[0] + file.tell() <= size


def _text(file: BinaryIO) -> bytes:
    """A text that ends with a zero byte."""
    text = b""
    while (byte := file.read(1)) not in (b"", b"\0"):
        text += byte
    return text


def read_parts(path: str | Path, separate: bool = True) -> list[tuple[dict, dict[str, np.ndarray]]]:
    """Read an EXR file as it is: for each part its header and {channel name: (H, W), of the file's own type, top row first}.

    Subsampled channels are smaller; those of deep parts hold an array of samples, or None, in each pixel.
    separate: False leaves R, G, B and A of a layer together: (H, W, c) under the layer's name, or "RGB" or "RGBA" without one.
    Raises ExrError if the file is missing, truncated or not EXR.
    """
    import OpenEXR

    promised = len(read_headers(path))
    try:
        with OpenEXR.File(str(path), separate_channels=separate) as file:
            parts = [(dict(part.header), {name: c.pixels for name, c in part.channels.items()}) for part in file.parts]
    except (RuntimeError, ValueError, OSError) as error:
        raise ExrError(f"{path} can't be read as an OpenEXR file ({_reason(error, path)}); is it complete?") from error
    # OpenEXR returns no part, or a part without channels, where the pixel data is cut short.
    if len(parts) < promised or not all(channels for _, channels in parts):
        raise ExrError(f"The pixels of {path} can't be read; is the file complete?")
    return parts


def stack_channels(components: dict[str, np.ndarray]) -> np.ndarray:
    """{component, or some in a row: (H, W) or (H, W, c)} to (H, W, c) float32 in the order of COMPONENTS; unknown ones last."""
    order = ["RGBA", "RGB", *COMPONENTS.values()]
    names = sorted(components, key=lambda name: order.index(name) if name in order else len(order))
    ordered = [components[name] for name in names]
    together = ordered[0] if len(ordered) == 1 and ordered[0].ndim == 3 else np.dstack(ordered)
    return together.astype(np.float32, copy=False)


def write_exr(path: str | Path, layers: dict[str, np.ndarray], compress: bool = False) -> None:
    """Write {layer name: (H, W, c) float16 or float32}, c from 1 to 4; the layer "image" gets the plain channel names R, G, B, A.

    Uncompressed by default: a compressed write costs more than a generator run. Raises ExrError if it can't be written.
    """
    import OpenEXR

    channels = {}
    for layer, array in layers.items():
        array, count = array.astype(np.float16 if array.dtype == np.float16 else np.float32, copy=False), array.shape[2]
        prefix, colour = "" if layer == "image" else f"{layer}.", layer in ("image", "albedo")
        if colour and count >= 3:  # OpenEXR writes them together, which saves a copy
            channels["RGBA"[:count] if layer == "image" else layer] = array
        else:
            names = "RGBA" if colour else "V" if count == 1 else "XYZW"
            channels |= {f"{prefix}{names[index]}": array[..., index] for index in range(count)}
    write_part(path, {"compression": OpenEXR.ZIP_COMPRESSION if compress else OpenEXR.NO_COMPRESSION}, channels)


def write_part(path: str | Path, header: dict, channels: dict[str, np.ndarray]) -> None:
    """write_parts() of one part in scan lines."""
    import OpenEXR

    write_parts(path, [(header | {"type": OpenEXR.scanlineimage}, channels)])


def write_parts(path: str | Path, parts: Sequence[tuple[dict, dict[str, np.ndarray]]]) -> None:
    """Write parts of a header and {channel name: (H, W) or (H, W, c) float16, float32 or uint32}, as read_parts() gives them.

    Raises ExrError.
    """
    import OpenEXR

    written = []
    for header, channels in parts:
        planes = {name: np.ascontiguousarray(pixels) for name, pixels in channels.items()}
        written.append(OpenEXR.Part(dict(header), planes, header.get("name", "")))  # which changes its arguments
    try:
        OpenEXR.File(written).write(str(path))
    except (RuntimeError, ValueError, OSError) as error:
        raise ExrError(
            f"{path} can't be written ({_reason(error, path)}); is there space on the disk, and may you write there?"
        ) from error
