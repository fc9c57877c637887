"""Reads PNG, JPEG, TIFF and WebP pictures of 8 and 16 bits as a screen shows them, upright."""

import struct
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps

from ..settings import TrainerError

MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I;16", "I;16B", "I;16L"}
"""Pillow's modes that we can convert; others are floats or Lab."""
SRGB_TOLERANCE = 2
"""Steps of 8 bits by which a colour profile may differ from sRGB and still count as such."""


class PictureError(TrainerError):
    """The picture can't be read; the message names it."""


def read_picture(path: Path) -> np.ndarray:
    """A picture as (H, W, 4) float32 in [0, 1], R'G'B' of sRGB and alpha, not premultiplied, top row first.

    Grey, palette and CMYK pictures become RGB, an embedded colour profile is converted to sRGB, a turned picture (Exif) is set
    upright; of several pictures in a file the first counts.
    Raises PictureError if the file is truncated, not a picture, or of a kind that would need guessing.
    """
    try:
        with open(path, "rb") as file, Image.open(file) as image:  # given the name, Pillow maps some TIFFs and turns them wrong
            # Pillow's raw modes, as "RGB;16B", of a premultiplied picture "RGBa;16B"; it reads such files, but cut to 8 bits.
            raw = {tile.args[0] if isinstance(tile.args, tuple) else tile.args for tile in image.tile}
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            image.load()
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise PictureError(f"{path} can't be read as a picture ({error}); is it complete?") from error
    if image.mode not in MODES:
        raise PictureError(f"{path} holds pixels of the type {image.mode}; save it as PNG or, for floating point, as EXR.")
    if not any(";16" in mode for mode in raw):
        return _shallow(path, ImageOps.exif_transpose(image))
    rgba = _deep(path, image)
    if any(mode.startswith("RGBa") for mode in raw):
        rgba[..., :3] = (rgba[..., :3] / np.maximum(rgba[..., 3:], 1 / 65535)).clip(0, 1)
    return _upright(rgba, orientation)


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
    except (av.FFmpegError, StopIteration) as error:
        raise PictureError(f"{path} can't be read as a picture of 16 bits ({error}); save it as PNG.") from error
    return frame.reformat(format="rgba64le").to_ndarray().astype(np.float32) / 65535


def _to_srgb(path: Path, image: Image.Image) -> Image.Image:
    """The picture in RGB, its colours converted by the profile in it."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
        mode = {"GRAY": "L", "CMYK": "CMYK"}.get(source.profile.xcolor_space, "RGB")
        if mode == "RGB" and image.mode != "CMYK" or mode == "L" and image.mode in ("1", "LA"):
            image = image.convert(mode)
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
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
