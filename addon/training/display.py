"""Between scene-linear frames and what artists paint on: PNG files of 16 bits in the colours that the screen shows.

Main thread, while nothing renders.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import bpy
import numpy as np

from ...core.exr import write_exr
from .. import temp_folder
from ..trees import colour

DISPLAY = "sRGB"
STANDARD = "Standard"
SPACES = ("{} sRGB", "{} Base sRGB")
"""How Blender's configuration calls the colour space of pictures that went through a view transform."""
TOLERANCE = 0.02
"""Relative difference of greys after going through a view transform and back."""


def write(path: Path, frame: np.ndarray, scene: bpy.types.Scene) -> None:
    """A frame (H, W, 4), linear Rec.709, premultiplied, as a PNG of 16 bits in the scene's display colours.

    Look, gamma and curves of the scene don't count, since they could not be taken back. Raises OSError, RuntimeError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = frame.shape[:2]
    image = bpy.data.images.new(path.stem, width, height, alpha=True, float_buffer=True)
    try:
        image.pixels.foreach_set(np.ascontiguousarray(colour.from_rec709(frame)[::-1], np.float32).ravel())
        with _scene(view(scene), scene.view_settings.exposure) as through:
            image.save_render(str(path), scene=through)
    finally:
        bpy.data.images.remove(image)


def read(path: Path, scene: bpy.types.Scene) -> np.ndarray:
    """The inverse of write(), for files that any program has saved since, of 8 or 16 bits. Raises OSError, RuntimeError."""
    shown = stored(path)
    linear = _from_space(_space(view(scene)), shown) / 2**scene.view_settings.exposure
    return np.concatenate([linear * shown[..., 3:], shown[..., 3:]], axis=-1)


def stored(path: Path) -> np.ndarray:
    """A picture as it is stored: (H, W, 4) float32 in [0, 1], top row first, not premultiplied. Raises RuntimeError."""
    return _pixels(path, "Non-Color")


def view(scene: bpy.types.Scene) -> str:
    """The view transform that is painted in: the scene's, or Standard if that can't be taken back."""
    colour.measure()
    wanted = scene.view_settings.view_transform
    return wanted if _is_invertible(wanted, bpy.data.colorspace.working_space) else STANDARD


def _space(name: str) -> str:
    """The colour space of pictures that went through a view transform; empty if the configuration has none."""
    known = {s.identifier for s in bpy.types.ColorManagedInputColorspaceSettings.bl_rna.properties["name"].enum_items}
    if name == STANDARD:
        return DISPLAY if DISPLAY in known else colour.srgb_space()
    return next((space for space in (pattern.format(name) for pattern in SPACES) if space in known), "")


@lru_cache
def _is_invertible(name: str, _working_space: str) -> bool:
    """Whether greys come back through the view transform."""
    if not _space(name):
        return False
    greys = np.repeat(np.geomspace(0.01, 1, 16, dtype=np.float32)[None, :, None], 3, axis=2)
    path = temp_folder.folder() / "greys.png"
    image = bpy.data.images.new("greys", greys.shape[1], 1, alpha=True, float_buffer=True)
    try:
        image.pixels.foreach_set(np.concatenate([greys, np.ones_like(greys[..., :1])], axis=-1).ravel())
        with _scene(name, 0.0) as through:
            image.save_render(str(path), scene=through)
        back = colour.from_rec709(_from_space(_space(name), stored(path)))
    except (RuntimeError, TypeError):  # this display has no such view
        return False
    finally:
        bpy.data.images.remove(image)
        path.unlink(missing_ok=True)
    return bool(np.abs(back / greys - 1).max() < TOLERANCE)


@contextmanager
def _scene(name: str, exposure: float) -> Iterator[bpy.types.Scene]:
    """A scene that says how to save: 16 bits through a view transform. Raises TypeError if the display has no such view."""
    scene = bpy.data.scenes.new("GAN Style Display")
    try:
        settings = scene.render.image_settings
        settings.media_type = "IMAGE"
        settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "16"
        scene.display_settings.display_device = DISPLAY
        scene.view_settings.view_transform = name
        scene.view_settings.look = "None"
        scene.view_settings.exposure, scene.view_settings.gamma = exposure, 1.0
        yield scene
    finally:
        bpy.data.scenes.remove(scene)


def _from_space(space: str, shown: np.ndarray) -> np.ndarray:
    """(H, W, 3) linear Rec.709 of pixels (H, W, 4) stored in a colour space: Blender converts them when it loads a file."""
    path = temp_folder.folder() / "shown.exr"
    write_exr(path, {"image": np.concatenate([shown[..., :3], np.ones_like(shown[..., 3:])], axis=-1)})
    try:
        return colour.to_rec709({"image": _pixels(path, space)})["image"][..., :3]
    finally:
        path.unlink(missing_ok=True)


def _pixels(path: Path, space: str) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    try:
        image.alpha_mode = "CHANNEL_PACKED"
        image.colorspace_settings.name = space
        width, height = image.size
        if not width:
            raise RuntimeError(f"{path} can't be read as a picture; save it as PNG.")
        pixels = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(pixels)
        return pixels.reshape(height, width, 4)[::-1].copy()
    finally:
        bpy.data.images.remove(image)
