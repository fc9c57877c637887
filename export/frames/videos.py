"""Reads the frames of a video one after the other, through FFmpeg, and knows the transfer curves that videos name."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

from core.colour import decode_srgb

from ..settings import TrainerError

HIGH_DEFINITION = 720
"""Height from which a video that doesn't say is taken for BT.709, below it for BT.601, as players do."""


class VideoError(TrainerError):
    """The video can't be read; the message names it."""


def read_video(path: Path) -> Iterator[tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]]:
    """Yield each frame as (H, W, 4) float32 in [0, 1], R'G'B' and alpha, upright, with the function that makes colours linear.

    Raises VideoError if the file is truncated or no video, or is HDR or wide gamut.
    """
    frames, packets, end = 0, 0, 0.0
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise VideoError(f"{path} has no video in it.")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for packet in container.demux(stream):
                if packet.size:  # the last one is empty: it asks the decoder for what it holds back
                    packets += 1
                    end = max(end, float(((packet.pts or 0) + (packet.duration or 0)) * packet.time_base))
                for frame in packet.decode():
                    frames += 1
                    yield _pixels(frame), _to_linear(path, frame)
            complete = packets >= stream.frames and end > _seconds(stream) - 1
    except av.FFmpegError as error:
        raise VideoError(f"{path} can't be read as a video after frame {frames} ({error.strerror}); is it complete?") from error
    if not frames or not complete:
        raise VideoError(f"{path} ends too early, after frame {frames}; is it complete?")


def _seconds(stream: av.VideoStream) -> float:
    """The length that Matroska and WebM promise, as h:mm:ss.s; 0 for MP4 and MOV, which count their packets, and for others."""
    told = re.fullmatch(r"(\d+):(\d+):([\d.]+)", stream.metadata.get("DURATION", ""))
    return 3600 * int(told[1]) + 60 * int(told[2]) + float(told[3]) if told else 0.0


def _pixels(frame: av.VideoFrame) -> np.ndarray:
    guess = Colorspace.ITU709 if frame.height >= HIGH_DEFINITION else Colorspace.ITU601
    rgba = frame.reformat(format="rgba64le", src_colorspace=guess if frame.colorspace == UNSPECIFIED else None).to_ndarray()
    return np.rot90(rgba.astype(np.float32) / 65535, frame.rotation // 90)


def _to_linear(path: Path, frame: av.VideoFrame) -> Callable[[np.ndarray], np.ndarray]:
    """The inverse of the frame's transfer curve."""
    if frame.color_trc not in TRANSFERS or frame.color_primaries in WIDE:
        raise VideoError(
            f"{path} is HDR or wide gamut video (transfer {frame.color_trc}, primaries {frame.color_primaries} of "
            "ITU-T H.273); convert it to BT.709, or to EXR files."
        )
    return TRANSFERS[frame.color_trc]


def bt709_to_linear(encoded: np.ndarray) -> np.ndarray:
    """The inverse of the camera curve of ITU-R BT.709, [0, 1] to [0, 1]; BT.601 and BT.2020 have the same."""
    return np.where(encoded < 0.081, encoded / 4.5, ((encoded + 0.099) / 1.099) ** (1 / 0.45)).astype(np.float32)


UNSPECIFIED = 2
"""ITU-T H.273's codes for a matrix, a transfer curve or primaries that a video leaves open."""
TRANSFERS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    ColorTrc.BT709: bt709_to_linear,
    ColorTrc.SMPTE170M: bt709_to_linear,
    ColorTrc.BT2020_10: bt709_to_linear,
    ColorTrc.BT2020_12: bt709_to_linear,
    ColorTrc.GAMMA22: lambda encoded: encoded**2.2,
    ColorTrc.GAMMA28: lambda encoded: encoded**2.8,
    ColorTrc.LINEAR: lambda encoded: encoded,
    ColorTrc.IEC61966_2_1: decode_srgb,
    UNSPECIFIED: decode_srgb,
}
"""Transfer characteristic of H.273 -> the inverse of its curve, [0, 1] to [0, 1]."""
WIDE = {ColorPrimaries.FILM, ColorPrimaries.BT2020, ColorPrimaries.SMPTE428, ColorPrimaries.SMPTE431, ColorPrimaries.SMPTE432}
"""Primaries that are far from Rec.709; those of BT.601 are near enough."""
