"""The one table of render passes, read by the node, the trainer and the pipeline alike.

A pass is a float32 array (H, W, channels), scene-linear, top row first.
"""

from dataclasses import dataclass

import numpy as np


class PassError(ValueError):
    """A pass that the style needs is missing or has the wrong shape."""


@dataclass(frozen=True)
class Pass:
    name: str
    channels: int
    socket: str
    """Name of the Render Layers output in Blender's compositor."""
    switch: str
    """Property of the view layer that makes Blender render this pass; empty for the one that is always there."""
    meaning: str


PASSES = {
    p.name: p
    for p in (
        Pass("image", 4, "Image", "", "RGBA radiance, alpha premultiplied, [0, inf)"),
        Pass("depth", 1, "Depth", "use_pass_z", "distance along the view direction in scene units; 1e10 where nothing was hit"),
        Pass("normal", 3, "Normal", "use_pass_normal", "mean surface normal of the pixel, world space; 0 where nothing was hit"),
        Pass("albedo", 3, "Diffuse Color", "use_pass_diffuse_color", "diffuse reflectance, [0, 1]"),
        Pass("position", 3, "Position", "use_pass_position", "surface point in world space, scene units"),
        Pass("vector", 4, "Vector", "use_pass_vector", "motion in pixels, y up: x, y previous - this, z, w this - next place"),
    )
}

FULL_FLOAT = ("depth", "position", "vector")
"""Passes that half floats would round too coarsely for training data; the others are written as half floats."""


def check_passes(passes: dict[str, np.ndarray], needed: tuple[str, ...]) -> tuple[int, int]:
    """Return the common (height, width) of the needed passes.

    Raises PassError if one is missing, has other channels than PASSES says, is not float32 or differs in size.
    """
    sizes: list[tuple[int, int]] = []
    for name in needed:
        if name not in passes:
            raise PassError(f"The style needs the pass '{name}' ({PASSES[name].meaning}); connect it or switch it on.")
        array, channels = passes[name], PASSES[name].channels
        if array.ndim != 3 or array.shape[2] != channels:
            raise PassError(f"The pass '{name}' must have the shape (height, width, {channels}), but it has {array.shape}.")
        if array.dtype != np.float32:
            raise PassError(f"The pass '{name}' must be float32, but it is {array.dtype}.")
        if 0 in array.shape:
            raise PassError(f"The pass '{name}' is empty: its size is {array.shape[1]} x {array.shape[0]}.")
        sizes.append((array.shape[0], array.shape[1]))
        if sizes[-1] != sizes[0]:
            found, other = (f"{width} x {height} pixels" for height, width in (sizes[-1], sizes[0]))
            raise PassError(f"The pass '{name}' is {found}, the others are {other}.")
    return sizes[0]
