"""The one table of render passes, read by the node, the trainer and the pipeline alike, and what a style's own guides are.

A pass is a float32 array (H, W, channels), scene-linear, top row first.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

RADIANCE, COLOUR, VALUE, DATA = "radiance", "colour", "value", "data"
"""What a pass holds: light, which grows with the exposure; colours or shares from 0 to 1, which don't; values of another range,
that grey pictures can hold; or what is no colour."""


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
    holds: str = DATA
    """RADIANCE, COLOUR, VALUE or DATA."""

    @property
    def input_channels(self) -> int:
        """Channels of a graph's input for it: the image travels without its alpha."""
        return 3 if self.name == "image" else self.channels


_LIT = "light without the surface's colour, [0, inf):"
PASSES = {
    p.name: p
    for p in (
        Pass("image", 4, "Image", "", "RGBA radiance, alpha premultiplied, [0, inf)", RADIANCE),
        Pass("depth", 1, "Depth", "use_pass_z", "distance along the view direction in scene units; 1e10 where nothing was hit"),
        Pass("normal", 3, "Normal", "use_pass_normal", "mean surface normal of the pixel, world space; 0 where nothing was hit"),
        Pass("albedo", 3, "Diffuse Color", "use_pass_diffuse_color", "diffuse reflectance, [0, 1]", COLOUR),
        Pass("position", 3, "Position", "use_pass_position", "surface point in world space, scene units"),
        Pass("vector", 4, "Vector", "use_pass_vector", "motion in pixels, y up: x, y previous - this, z, w this - next place"),
        Pass("diffuse_direct", 3, "Diffuse Direct", "use_pass_diffuse_direct", f"{_LIT} straight, diffuse", RADIANCE),
        Pass("diffuse_indirect", 3, "Diffuse Indirect", "use_pass_diffuse_indirect", f"{_LIT} by bounces, diffuse", RADIANCE),
        Pass("glossy_direct", 3, "Glossy Direct", "use_pass_glossy_direct", f"{_LIT} straight, glossy", RADIANCE),
        Pass("glossy_indirect", 3, "Glossy Indirect", "use_pass_glossy_indirect", f"{_LIT} by bounces, glossy", RADIANCE),
        Pass("emission", 3, "Emission", "use_pass_emit", "light that surfaces give off, [0, inf)", RADIANCE),
        Pass("shadow", 3, "Shadow", "use_pass_shadow", "share of the light that is not shadowed, [0, 1]; EEVEE alone", COLOUR),
        Pass("ambient_occlusion", 3, "Ambient Occlusion", "use_pass_ambient_occlusion", "share of the sky seen, [0, 1]", COLOUR),
    )
}
LIGHT = tuple(PASSES)[list(PASSES).index("diffuse_direct") :]
"""Passes of how light falls, which few styles need: they are rendered and written only where they are asked for."""

FULL_FLOAT = ("depth", "position", "vector")
"""Passes that half floats would round too coarsely for training data; the others are written as half floats."""


GUIDE_NAME = re.compile(r"(?=.{1,40}$)[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""How a style's own guides may be called."""
TAKEN = {"image", "place", "stylized", "strength", "mask", "exposure", "scale", "keep_colours", "base", "paint", "coverage"}
"""Besides the passes: names that something else has, in the graph or on the node."""


MASK = Pass("mask", 1, "Mask", "", "where the style is mixed in, [0, 1]", COLOUR)
"""No pass of a style: it says where the picture takes the place of the image."""
KEEP_COLOURS = Pass("keep_colours", 1, "Keep Colours", "", "how much of the image's own colours is kept, [0, 1]", COLOUR)
"""Nor is this one."""


def check_guide_name(name: str, kind: str = "guide") -> None:
    """Raise ValueError, with a clause, for a name that a guide or a control of a style's own can't have."""
    if not GUIDE_NAME.fullmatch(name):
        raise ValueError(
            f"the name of a {kind} must be small letters, digits and underscores, like hair_matte, not {name[:80]!r}"
        )
    if name in TAKEN | PASSES.keys() | {p.socket.lower().replace(" ", "_") for p in PASSES.values()}:
        raise ValueError(f"a {kind} can't be called {name!r}, which means something else")


def guide(name: str, channels: int) -> Pass:
    """A guide of a style's own: a picture of 3 channels, in light, or a matte of 1, from 0 to 1. Raises ValueError."""
    check_guide_name(name)
    if channels not in (1, 3):
        raise ValueError(f"the guide {name!r} must have 1 channel or 3, not {channels!r}")
    label = name.replace("_", " ").title()
    if channels == 1:
        return Pass(name, 1, label, "", "a matte of the style's own, [0, 1]", COLOUR)
    return Pass(name, 3, label, "", "a picture of the style's own, [0, inf)", RADIANCE)


def check_passes(passes: dict[str, np.ndarray], needed: Iterable[str], table: Mapping[str, Pass] = PASSES) -> tuple[int, int]:
    """Return the common (height, width) of the needed passes. table: what is known of each.

    Raises PassError if one is missing, has other channels than the table says, is not float32 or differs in size.
    """
    sizes: list[tuple[int, int]] = []
    for name in needed:
        if name not in passes:
            raise PassError(f"The style needs the pass '{name}' ({table[name].meaning}); connect it or switch it on.")
        array, channels = passes[name], table[name].channels
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
