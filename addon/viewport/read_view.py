"""A viewport as plain data: its colours and depth from Blender's own framebuffer, the matrices, and the part that is shown.

Blender draws the scene into one framebuffer, scene-linear and without overlays, and overlays into another, which lies over it.
The first is bound while PRE_VIEW handlers run, the second while POST_VIEW handlers run, when the scene has been drawn.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import bpy
import gpu
import numpy as np
from mathutils import Matrix, Vector
from xxhash import xxh3_64

from ..settings import Settings
from .guides import crop

LEAST_SIDE = 16
"""Pixels of the smallest part that is stylised."""


@dataclass(frozen=True)
class Look:
    """How a view is to be stylised."""

    style: str
    exposure: float
    strength: float
    settings: Settings
    controls: tuple[tuple[str, float], ...] = ()
    """Names and values of the node's controls."""
    albedo: bool = False
    """Whether the style sees the albedo."""
    scale: float = 1.0
    file: str = ""
    """SHA-256 of the style's file, so that a view is drawn anew when it changes; empty if it can't be used."""
    keep_colours: float = 0.0


@dataclass(frozen=True, eq=False)
class Reading:
    """What a viewport shows."""

    colours: np.ndarray
    """(H, W, 4) float32, scene-linear, premultiplied, bottom row first."""
    depth: np.ndarray
    """(H, W) float32 in [0, 1], 1 where nothing was hit, bottom row first."""
    view: np.ndarray
    """(4, 4), world to camera space."""
    projection: np.ndarray
    """(4, 4), camera to clip space of the part."""
    lines: bool
    """Whether overlays have left lines in the depth."""
    look: Look
    unlit: np.ndarray | None = None
    """The colours without light, where they are needed and known."""

    @property
    def pixels(self) -> int:
        return self.depth.size

    @cached_property
    def digest(self) -> Hashable:
        """Equal for what gives equal pictures; xxHash, as for the cache of frames."""
        digest = xxh3_64(np.ascontiguousarray(self.colours).data)
        for array in (self.depth, self.view, self.projection):
            digest.update(np.ascontiguousarray(array).data)
        return digest.intdigest(), self.colours.shape, self.look


@dataclass(frozen=True, eq=False)
class Window:
    """The part of a region that is stylised, and how it sees the world."""

    part: tuple[int, int, int, int]
    """x, y, width, height in pixels of the region, counted from below."""
    size: tuple[int, int]
    """Width and height of the region."""
    view: np.ndarray
    projection: np.ndarray
    """Both as in Reading."""


def window(context: bpy.types.Context) -> Window | None:
    """The whole region, or the camera's frame in camera view; None if nothing of that is in sight."""
    region, region_3d = context.region, context.region_data
    size = region.width, region.height
    part = _camera_frame(context) if region_3d.view_perspective == "CAMERA" else (0, 0, *size)
    if part is None or min(part[2:]) < LEAST_SIDE:
        return None
    projection = crop(np.array(region_3d.window_matrix, np.float64), part, size)
    return Window(part, size, np.array(region_3d.view_matrix, np.float64), projection)


def is_stereo(context: bpy.types.Context) -> bool:
    """Whether the view is that of an eye, or of both: in camera view, where the scene has stereoscopy (view3d_stereo3d_active()
    in Blender's view3d_draw.cc). Of cameras for many views, it shows eyes if they are called left and right, or if one is chosen.
    """
    space, render = context.space_data, context.scene.render
    if not render.use_multiview or context.region_data.view_perspective != "CAMERA":
        return False
    both = {"left", "right"} <= {view.name for view in render.views if view.use}
    return render.views_format == "STEREO_3D" or space.stereo_3d_camera != "S3D" or both


def read(framebuffer: gpu.types.GPUFrameBuffer, seen: Window, look: Look, lines: bool) -> Reading:
    """Read what Blender has drawn of the scene into the framebuffer. In a POST_VIEW handler."""
    colours = np.asarray(framebuffer.read_color(*seen.part, 4, 0, "FLOAT"), np.float32)
    depth = np.asarray(framebuffer.read_depth(*seen.part), np.float32)
    return Reading(colours, depth, seen.view, seen.projection, lines, look)


def matrix(array: np.ndarray) -> Matrix:
    return Matrix(array.tolist())


def _camera_frame(context: bpy.types.Context) -> tuple[int, int, int, int] | None:
    """(x, y, width, height) of the camera's frame within the region; None without a camera."""
    space, region, scene = context.space_data, context.region, context.scene
    camera = space.camera if space.use_local_camera else scene.camera
    if camera is None or camera.type != "CAMERA":
        return None
    to_clip = context.region_data.perspective_matrix @ camera.matrix_world.normalized()
    corners = [to_clip @ Vector((*corner, 1.0)) for corner in camera.data.view_frame(scene=scene)]
    xs, ys = ([(corner[axis] / corner.w + 1) / 2 * side for corner in corners] for axis, side in enumerate(_size(region)))
    left, right = (min(max(round(x), 0), region.width) for x in (min(xs), max(xs)))
    bottom, top = (min(max(round(y), 0), region.height) for y in (min(ys), max(ys)))
    return left, bottom, right - left, top - bottom


def _size(region: bpy.types.Region) -> tuple[int, int]:
    return region.width, region.height
