"""Videos, through FFmpeg: read frame by frame, and written again with other frames, in the transfer curve that they name."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

from .colour import decode_srgb, encode_srgb

HIGH_DEFINITION = 720
"""Height from which a video that doesn't say is taken for BT.709, below it for BT.601, as players do."""


class VideoError(ValueError):
    """The video can't be read or written; the message names it."""


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
    except FFmpegError as error:
        raise VideoError(f"{path} can't be read as a video after frame {frames} ({error.strerror}); is it complete?") from error
    if not frames or not complete:
        raise VideoError(f"{path} ends too early, after frame {frames}; is it complete?")


def rewrite_video(path: Path, target: Path, change: Callable[[np.ndarray], np.ndarray]) -> list[str]:
    """Write a video again under another name, with its sound, rate and colour space, and what change() makes of each frame.

    change: (H, W, 4) float32, linear and premultiplied, to the like. The container is the one that the first name's ending says.
    Returns clauses about what is lost. Raises VideoError.
    """
    notes: set[str] = set()
    try:
        with (
            av.open(str(path), metadata_errors="replace") as source,
            av.open(str(target), "w", format=CONTAINERS[path.suffix.lower()]) as container,
        ):
            sound = {stream.index: container.add_stream_from_template(stream) for stream in source.streams.audio}
            stream = None
            for rgba, to_linear in read_video(path):
                alpha = rgba[..., 3:]
                if (alpha < 1).any():
                    notes.add("its alpha is left out, and black is behind it")
                picture = change(np.concatenate([to_linear(rgba[..., :3]) * alpha, alpha], axis=-1))
                stream = stream or _stream_like(source.streams.video[0], container, picture)
                container.mux(stream.encode(_frame(stream, picture, ENCODERS[to_linear])))
            container.mux(stream.encode() if stream else [])
            for packet in source.demux(source.streams.audio) if sound else ():
                if packet.dts is not None:
                    packet.stream = sound[packet.stream.index]
                    container.mux(packet)
    except VideoError:
        raise
    except (FFmpegError, ValueError) as error:
        raise VideoError(
            f"{path} can't be read as a video that can be written again ({getattr(error, 'strerror', error)})."
        ) from error
    return sorted(notes)


def _stream_like(video: av.VideoStream, container, picture: np.ndarray) -> av.VideoStream:
    """A stream for frames of a picture's size, with the rate and the colour space of another."""
    name = container.format.name.split(",")[0]
    codec, options = CODECS.get(name, ("libx264", {"crf": "12"}))
    stream = container.add_stream(codec, rate=video.average_rate or video.guessed_rate, options=options)
    stream.height, stream.width = picture.shape[:2]
    even = stream.height % 2 == 0 and stream.width % 2 == 0
    stream.pix_fmt = "yuv420p" if even or codec == "mpeg2video" else "yuv444p"
    for key in ("color_trc", "color_primaries", "colorspace"):
        setattr(stream.codec_context, key, getattr(video.codec_context, key))
    return stream


def _frame(stream: av.VideoStream, picture: np.ndarray, encode: Callable[[np.ndarray], np.ndarray]) -> av.VideoFrame:
    """Linear (H, W, 4) in the stream's transfer curve, matrix and layout; over black."""
    codes = np.round(encode(np.nan_to_num(picture[..., :3]).clip(0, 1)) * 65535).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(codes), format="rgb48le")
    matrix = stream.codec_context.colorspace
    if matrix == UNSPECIFIED:
        matrix = Colorspace.ITU709 if stream.height >= HIGH_DEFINITION else Colorspace.ITU601
    return frame.reformat(format=stream.pix_fmt, dst_colorspace=matrix)


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


def linear_to_bt709(linear: np.ndarray) -> np.ndarray:
    """The inverse of bt709_to_linear()."""
    return np.where(linear < 0.018, linear * 4.5, 1.099 * np.maximum(linear, 0.018) ** 0.45 - 0.099).astype(np.float32)


def _gamma22(encoded: np.ndarray) -> np.ndarray:
    return encoded**2.2


def _gamma28(encoded: np.ndarray) -> np.ndarray:
    return encoded**2.8


def _straight(encoded: np.ndarray) -> np.ndarray:
    return encoded


UNSPECIFIED = 2
"""ITU-T H.273's codes for a matrix, a transfer curve or primaries that a video leaves open."""
TRANSFERS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    ColorTrc.BT709: bt709_to_linear,
    ColorTrc.SMPTE170M: bt709_to_linear,
    ColorTrc.BT2020_10: bt709_to_linear,
    ColorTrc.BT2020_12: bt709_to_linear,
    ColorTrc.GAMMA22: _gamma22,
    ColorTrc.GAMMA28: _gamma28,
    ColorTrc.LINEAR: _straight,
    ColorTrc.IEC61966_2_1: decode_srgb,
    UNSPECIFIED: decode_srgb,
}
"""Transfer characteristic of H.273 -> the inverse of its curve, [0, 1] to [0, 1]."""
ENCODERS: dict[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]] = {
    bt709_to_linear: linear_to_bt709,
    decode_srgb: encode_srgb,
    _gamma22: lambda linear: linear ** (1 / 2.2),
    _gamma28: lambda linear: linear ** (1 / 2.8),
    _straight: _straight,
}
"""The inverse of each curve."""
CONTAINERS = {
    ".avi": "avi", ".m4v": "mp4", ".mkv": "matroska", ".mov": "mov", ".mp4": "mp4", ".mpeg": "mpeg", ".mpg": "mpeg",
    ".mxf": "mxf", ".webm": "webm",
}  # fmt: skip
"""FFmpeg's name of the format that a file's ending stands for."""
CODECS = {
    "webm": ("libvpx-vp9", {"crf": "15", "b": "0"}), "mpeg": ("mpeg2video", {"b": "50M"}), "mxf": ("mpeg2video", {"b": "50M"}),
}  # fmt: skip
"""Codec and its settings for containers that H.264 is not usual in."""
WIDE = {ColorPrimaries.FILM, ColorPrimaries.BT2020, ColorPrimaries.SMPTE428, ColorPrimaries.SMPTE431, ColorPrimaries.SMPTE432}
"""Primaries that are far from Rec.709; those of BT.601 are near enough."""
