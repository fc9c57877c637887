"""Writes pictures of 16 bits and small videos for the trainer's tests, as FFmpeg encodes them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_deep(path: Path, pixels: np.ndarray, order: str = "le") -> Path:
    """(H, W), (H, W, 3) or (H, W, 4) uint16 to a PNG or TIFF file of 16 bits; a PNG's order is "be"."""
    kind = {2: "gray16", 3: "rgb48", 4: "rgba64"}[pixels.shape[2] if pixels.ndim == 3 else 2]
    encoder = av.CodecContext.create("png" if path.suffix == ".png" else "tiff", "w")
    encoder.height, encoder.width = pixels.shape[:2]
    encoder.pix_fmt, encoder.time_base = kind + ("be" if path.suffix == ".png" else order), Fraction(1, 1)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=kind + "le").reformat(format=encoder.pix_fmt)
    path.write_bytes(b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)]))
    return path


def write_video(path: Path, frames: list[np.ndarray], codec: str, pixels: str, **colours: int) -> Path:
    """(H, W, 3 or 4) uint8 frames to a video; colours: colorspace, color_trc, color_primaries, color_range (ITU-T H.273)."""
    height, width, channels = frames[0].shape
    matrix = colours.get("colorspace", 5)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=2, options={"qp": "0"} if codec == "libx264" else {})
        stream.height, stream.width, stream.pix_fmt = height, width, pixels
        for name, value in colours.items():
            setattr(stream.codec_context, name, value)
        for picture in frames:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24" if channels == 3 else "rgba")
            container.mux(stream.encode(frame.reformat(format=pixels, dst_colorspace=matrix)))
        container.mux(stream.encode())
    return path
