"""PNG, JPEG, TIFF, WebP and GIF pictures of 8 and 16 bits: read as a screen shows them, upright, and written."""

import struct
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from PIL import ExifTags, Image, ImageCms, ImageOps, ImageSequence, UnidentifiedImageError

from .memory import free_memory

MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I;16", "I;16B", "I;16L"}
"""Pillow's modes that we can convert; others are floats or Lab."""
MOVING = {"GIF", "WEBP", "PNG"}
"""Pillow's names of the formats whose further pictures are later ones; those of a TIFF are other sizes or pages."""
PIXEL_BYTES = 48
"""Memory that a pixel takes while it is read, at most: three arrays of four floats."""
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)
"""What Pillow raises for files that it can't read."""
SAVED_AS = {
    "png": ("PNG", {}), "tif": ("TIFF", {"compression": "tiff_lzw"}), "jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    "webp": ("WEBP", {"lossless": True, "exact": True}),
}  # fmt: skip
"""Pillow's name of each format, and how it writes it."""
SRGB_TOLERANCE = 2
"""Steps of 8 bits by which a colour profile may differ from sRGB and still count as such."""


class PictureError(ValueError):
    """The picture can't be read or written; the message names it."""


def read_picture(path: Path) -> np.ndarray:
    """A picture as (H, W, 4) float32 in [0, 1], R'G'B' of sRGB and alpha, not premultiplied, top row first.

    Grey, palette and CMYK pictures become RGB, an embedded colour profile is converted to sRGB, a turned picture (Exif) is set
    upright; of several pictures in a file the first counts, but of those that move none.
    Raises PictureError if the file is truncated, not a picture, or of a kind that would need guessing.
    """
    try:
        with open(path, "rb") as file, Image.open(file) as image:  # given the name, Pillow maps some TIFFs and turns them wrong
            # Pillow's raw modes, as "RGB;16B", of a premultiplied picture "RGBa;16B"; it reads such files, but cut to 8 bits.
            raw = {str(tile.args[0] if isinstance(tile.args, tuple) else tile.args) for tile in image.tile}
            if frames_in(image) > 1:
                raise PictureError(f"{path} holds {frames_in(image)} pictures that move; save them one by one, or as a video.")
            _check_size(path, image)
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            image.load()
    except PictureError:
        raise
    except DAMAGED as error:
        raise _damaged(path, error) from error
    if image.mode not in MODES:
        raise PictureError(f"{path} holds pixels of the type {image.mode}; save it as PNG or, for floating point, as EXR.")
    if not any(";16" in mode for mode in raw):
        return _shallow(path, ImageOps.exif_transpose(image))
    rgba = _deep(path, image)
    if any(mode.startswith("RGBa") for mode in raw):
        rgba[..., :3] = (rgba[..., :3] / np.maximum(rgba[..., 3:], 1 / 65535)).clip(0, 1)
    return _upright(rgba, orientation)


def read_moving(path: Path) -> Iterator[np.ndarray]:
    """All pictures of an animated GIF, WebP or PNG, else the one of the file, each as read_picture() gives it."""
    try:
        with open(path, "rb") as file, Image.open(file) as image:
            moves = frames_in(image) > 1
            if moves:
                _check_size(path, image)
                for frame in ImageSequence.Iterator(image):
                    yield _shallow(path, frame)
    except PictureError:
        raise
    except DAMAGED as error:
        raise _damaged(path, error) from error
    if not moves:
        yield read_picture(path)


def frames_in(image: Image.Image) -> int:
    """How many pictures an opened file shows one after the other."""
    return getattr(image, "n_frames", 1) if image.format in MOVING else 1


def look_at(path: Path) -> tuple[int, int, int, bool]:
    """(height, width, bits of a channel: 8 or 16, whether it has alpha) of a picture, by its header. Raises PictureError."""
    try:
        with open(path, "rb") as file, Image.open(file) as image:
            if frames_in(image) > 1:
                raise PictureError(f"{path} holds {frames_in(image)} pictures that move; save them one by one, or as a video.")
            deep = any(";16" in str(tile.args) for tile in image.tile)
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
            width, height = image.size[::-1] if turned else image.size
            return height, width, 16 if deep else 8, image.has_transparency_data
    except PictureError:
        raise
    except DAMAGED as error:
        raise _damaged(path, error) from error


def write_picture(path: Path, kind: str, rgba: np.ndarray, bits: int, alpha: bool) -> None:
    """Write (H, W, 4) float32 in [0, 1], R'G'B' of sRGB and alpha, not premultiplied, as png, tif, jpg or webp.

    bits: of a channel; 16 for png and tif. alpha: whether to write it; jpg has none. Raises OSError.
    """
    pixels = rgba if alpha and kind != "jpg" else rgba[..., :3]
    if bits == 16 and kind in ("png", "tif"):
        path.write_bytes(_encoded(pixels, "png" if kind == "png" else "tiff"))
        return
    image = Image.fromarray(np.round(pixels * 255).astype(np.uint8))
    format, options = SAVED_AS[kind]
    image.save(path, format, **options)


def _encoded(pixels: np.ndarray, codec: str) -> bytes:
    """A file of 16 bits, as FFmpeg writes it; Pillow can't."""
    layout = "rgba64" if pixels.shape[2] == 4 else "rgb48"
    encoder = VideoCodecContext.create(codec, "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.height, encoder.width = pixels.shape[:2]
    encoder.pix_fmt, encoder.time_base = layout + ("be" if codec == "png" else "le"), Fraction(1, 1)
    codes = np.ascontiguousarray(np.round(pixels * 65535).astype(np.uint16))
    frame = av.VideoFrame.from_ndarray(codes, format=layout + "le").reformat(format=encoder.pix_fmt)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def _check_size(path: Path, image: Image.Image) -> None:
    needed, free = image.width * image.height * PIXEL_BYTES, free_memory("cpu")
    if needed > free:
        raise PictureError(
            f"{path} has {image.width} x {image.height} pixels and takes {needed / 1e9:.1f} GB to read, "
            f"but {free / 1e9:.1f} GB of memory are free; scale it down."
        )


def _damaged(path: Path, error: Exception) -> PictureError:
    reason = "of no kind that Pillow knows" if isinstance(error, UnidentifiedImageError) else error
    return PictureError(f"{path} can't be read as a picture ({reason}); is it complete?")


def _shallow(path: Path, image: Image.Image) -> np.ndarray:
    rgba = image.convert("RGBA")
    if image.info.get("icc_profile"):
        alpha = rgba.getchannel("A")
        rgba = _to_srgb(path, image)
        rgba.putalpha(alpha)
    return np.asarray(rgba, np.float32) / 255


def _deep(path: Path, image: Image.Image) -> np.ndarray:
    """The picture in all its 16 bits, which FFmpeg reads; Pillow has seen before that it is complete."""
    if image.info.get("icc_profile") and not _shows_srgb(path, image.info["icc_profile"]):
        raise PictureError(f"{path} has 16 bits and a colour profile other than sRGB; convert it to sRGB.")
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
    except (FFmpegError, StopIteration) as error:
        raise PictureError(
            f"{path} can't be read as a picture of 16 bits ({getattr(error, 'strerror', 'it is empty')}); save it as PNG."
        ) from error
    return frame.reformat(format="rgba64le").to_ndarray().astype(np.float32) / 65535


def _to_srgb(path: Path, image: Image.Image) -> Image.Image:
    """The picture in RGB, its colours converted by the profile in it."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
        mode = {"GRAY": "L", "CMYK": "CMYK"}.get(getattr(source.profile, "xcolor_space", ""), "RGB")
        if mode == "RGB" and image.mode != "CMYK" or mode == "L" and image.mode in ("1", "LA"):
            image = image.convert(mode)
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        assert converted is not None  # as it is where the picture is changed in place
        return converted
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise PictureError(f"The colour profile in {path} can't be used ({error}); save the picture as sRGB.") from error


def _shows_srgb(path: Path, profile: bytes) -> bool:
    """Whether converting colours from all over the cube by the profile leaves them as they are."""
    steps = np.arange(0, 256, 17, np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    probe = Image.fromarray(colours)
    probe.info["icc_profile"] = profile
    return bool(np.abs(np.asarray(_to_srgb(path, probe), int) - colours).max() <= SRGB_TOLERANCE)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror (H, W, c) by Exif's orientation, 1 to 8 (Exif 2.32, tag 0x0112)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels[::-1] if orientation in (3, 4, 7, 8) else pixels
