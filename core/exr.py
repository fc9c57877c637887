"""Passes in and out of OpenEXR files, the exchange format between Blender, the trainer and the pipeline."""

from collections import defaultdict
from pathlib import Path

import numpy as np

CHANNEL_ORDER = "RGBAXYZWUV"
"""Order of an array's last axis, by the last part of the channels' names ("normal.X")."""


class ExrError(ValueError):
    """The file can't be read as OpenEXR, or can't be written."""


def read_exr(path: str | Path) -> dict[str, np.ndarray]:
    """Read all layers of an EXR file as {layer name: (H, W, c) float32, top row first}.

    The layer's name is the part of the channel's name before the last dot; channels without one form the layer "image".
    A channel that holds the whole name of a layer (Blender writes "depth.V" or "depth.Z") becomes an array of one channel.
    Raises ExrError if the file is missing, truncated or not EXR.
    """
    layers = defaultdict(dict)
    for _, channels in read_parts(path, separate=False):
        for name, pixels in channels.items():
            if pixels.ndim == 3:
                layers["image" if name in ("RGB", "RGBA") else name]["RGBA"[: pixels.shape[2]]] = pixels
            else:
                layer, _, component = name.rpartition(".")
                layers[layer or "image"][component] = pixels
    return {layer: stack_channels(components) for layer, components in layers.items()}


def read_parts(path: str | Path, separate: bool = True) -> list[tuple[dict, dict[str, np.ndarray]]]:
    """Read an EXR file as it is: for each part its header and {channel name: (H, W), of the file's own type, top row first}.

    separate: False leaves R, G, B and A of a layer together: (H, W, c) under the layer's name, or "RGB" or "RGBA" without one.
    Raises ExrError if the file is missing, truncated or not EXR.
    """
    import OpenEXR  # here, so that importing core stays light

    path = Path(path)
    if not path.is_file():
        raise ExrError(f"There is no file {path}.")
    try:
        with OpenEXR.File(str(path), separate_channels=separate) as file:
            # The header is copied because closing the file empties it.
            parts = [(dict(part.header), {name: c.pixels for name, c in part.channels.items()}) for part in file.parts]
        with OpenEXR.File(str(path), header_only=True) as file:
            promised = len(file.parts)
    except (RuntimeError, ValueError, OSError) as error:
        raise ExrError(f"{path} can't be read as an OpenEXR file ({error}); is it complete?") from error
    # OpenEXR returns no part, or a part without channels, where the pixel data is cut short.
    if len(parts) < promised or not all(channels for _, channels in parts):
        raise ExrError(f"The pixels of {path} can't be read; is the file complete?")
    return parts


def stack_channels(components: dict[str, np.ndarray]) -> np.ndarray:
    """{last part of a channel's name, or several together ("RGB"): (H, W) or (H, W, c)} to (H, W, c) float32 in CHANNEL_ORDER."""
    ordered = [components[name] for name in sorted(components, key=CHANNEL_ORDER.find)]
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
    """Write {channel name: (H, W) or (H, W, c) float16 or float32} under a header, both as read_parts() gives them.

    Raises ExrError.
    """
    import OpenEXR

    header = header | {"type": OpenEXR.scanlineimage}
    try:
        OpenEXR.File(header, {name: np.ascontiguousarray(pixels) for name, pixels in channels.items()}).write(str(path))
    except (RuntimeError, OSError) as error:
        raise ExrError(f"{path} can't be written ({error}); is there space on the disk, and may you write there?") from error
