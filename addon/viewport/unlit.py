"""A Solid view without light, drawn off screen: what its surfaces reflect, in the colours that the viewport gives them."""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import gpu
import numpy as np

from .read_view import Reading, matrix

UNLIT = {"light": "FLAT", "show_shadows": False, "show_cavity": False, "show_object_outline": False}
"""Shading that shows a surface's own colour."""


def is_known(space: bpy.types.Space) -> bool:
    """Whether Blender can draw the view without light. EEVEE would begin anew with its samples each time."""
    return space.shading.type == "SOLID"


def colours(context: bpy.types.Context, region: bpy.types.Region, reading: Reading) -> np.ndarray:
    """(H, W, 4) float32, scene-linear, premultiplied, bottom row first: what was read, without light and overlays.

    In a POST_PIXEL handler, or while nothing is drawn. Puts the view's settings back, at which Blender draws it once more.
    """
    height, width = reading.depth.shape
    offscreen = gpu.types.GPUOffScreen(width, height, format="RGBA32F")
    matrices = matrix(reading.view), matrix(reading.projection)
    space = context.space_data
    try:
        with _without_light(space):
            offscreen.draw_view3d(
                context.scene,
                context.view_layer,
                space,
                region,
                *matrices,
                do_color_management=False,
                draw_background=False,
            )
        with offscreen.bind():
            return np.asarray(gpu.state.active_framebuffer_get().read_color(0, 0, width, height, 4, 0, "FLOAT"), np.float32)
    finally:
        offscreen.free()


@contextmanager
def _without_light(space: bpy.types.Space) -> Iterator[None]:
    wanted = [(space.shading, name, value) for name, value in UNLIT.items()] + [(space.overlay, "show_overlays", False)]
    before = [(owner, name, getattr(owner, name)) for owner, name, value in wanted if getattr(owner, name) != value]
    try:
        for owner, name, value in wanted:
            if getattr(owner, name) != value:
                setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
