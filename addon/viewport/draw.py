"""Draws over a viewport: the stylised picture into Blender's framebuffer of the scene, before the view transform and below all
overlays, gizmos and text; and a line of text on top.
"""

from functools import cache

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from .guides import homography
from .read_view import Window, matrix

MARGIN = 14
TEXT_SIZE = 12
VERTEX = """
void main()
{
  clip = corner;
  gl_Position = vec4(part.xy + part.zw * corner, 1.0, 1.0);
}
"""
FRAGMENT = """
void main()
{
  vec3 before = (to_before * vec4(clip, 1.0, 0.0)).xyz;
  vec2 place = before.xy / before.z * 0.5 + 0.5;
  if (before.z <= 0.0 || any(lessThan(place, vec2(0.0))) || any(greaterThan(place, vec2(1.0)))) {
    discard;
  }
  colour = texture(picture, place);
  if (colour.a == 0.0) {
    discard;
  }
}
"""


@cache
def _shader() -> gpu.types.GPUShader:
    interface = gpu.types.GPUStageInterfaceInfo("gan_style_viewport")
    interface.smooth("VEC2", "clip")
    info = gpu.types.GPUShaderCreateInfo()
    info.push_constant("MAT4", "to_before")
    info.push_constant("VEC4", "part")
    info.sampler(0, "FLOAT_2D", "picture")
    info.vertex_in(0, "VEC2", "corner")
    info.vertex_out(interface)
    info.fragment_out(0, "VEC4", "colour")
    info.vertex_source(VERTEX)
    info.fragment_source(FRAGMENT)
    return gpu.shader.create_from_info(info)


@cache
def _square() -> gpu.types.GPUBatch:
    return batch_for_shader(_shader(), "TRI_STRIP", {"corner": [(-1, -1), (1, -1), (-1, 1), (1, 1)]})


def forget() -> None:
    """Give the shader back."""
    _square.cache_clear()
    _shader.cache_clear()


def texture(frame: np.ndarray) -> gpu.types.GPUTexture:
    """(H, W, 4) float32, bottom row first, on the GPU. In a draw handler."""
    height, width = frame.shape[:2]
    pixels = np.ascontiguousarray(frame, np.float32).reshape(-1)
    return gpu.types.GPUTexture((width, height), format="RGBA16F", data=gpu.types.Buffer("FLOAT", pixels.size, pixels))


def picture(framebuffer, shown: gpu.types.GPUTexture, before: np.ndarray, anchor: np.ndarray, seen: Window, over: bool) -> None:
    """Draw a picture where it belongs now.

    before: (4, 4), world to clip space when it was made; anchor: (3,), a point at the distance of what it shows.
    over: also where nothing was hit; else the background is Blender's own, which it draws with the overlays.
    """
    moved = homography(before, seen.projection @ seen.view, anchor)
    to_before = np.eye(4)
    to_before[:3, :3] = moved
    (x, y, width, height), (whole_width, whole_height) = seen.part, seen.size
    half = width / whole_width, height / whole_height
    centre = 2 * x / whole_width + half[0] - 1, 2 * y / whole_height + half[1] - 1
    shader = _shader()
    with framebuffer.bind():
        gpu.state.blend_set("NONE")
        gpu.state.depth_mask_set(False)
        gpu.state.depth_test_set("NONE" if over else "GREATER")  # the square lies at the greatest depth
        gpu.state.color_mask_set(True, True, True, False)
        shader.bind()
        shader.uniform_float("to_before", matrix(to_before))
        shader.uniform_float("part", (*centre, *half))
        shader.uniform_sampler("picture", shown)
        _square().draw(shader)
        gpu.state.color_mask_set(True, True, True, True)
        gpu.state.depth_test_set("NONE")


def text(context: bpy.types.Context, line: str, alert: bool) -> None:
    """A line in the lower left corner, above what Blender puts there. In a POST_PIXEL handler."""
    scale = context.preferences.system.ui_scale
    tools = sum(r.width for r in context.area.regions if r.type == "TOOLS" and r.x <= context.region.x + 1)
    blf.size(0, TEXT_SIZE * scale)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 3, 0.0, 0.0, 0.0, 0.8)
    blf.color(0, 1.0, *((0.4, 0.35) if alert else (1.0, 1.0)), 1.0)
    blf.position(0, tools + MARGIN * scale, MARGIN * scale, 0)
    blf.draw(0, line)
    blf.disable(0, blf.SHADOW)
