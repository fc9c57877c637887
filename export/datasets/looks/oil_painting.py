"""Oil painting: dabs of broad and fine brushes that follow the form, of paint mixed and broken on the palette."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from ...networks.dabs import RAKED, heights, lively
from ...networks.palette import mixed
from .anchored import dabs
from .lines import borders
from .shown import shown
from .smoothing import within_edges
from .tones import flatten, smoothstep

BROADLY, FINELY = 14, 3
"""Pixels that colours are averaged over, within surfaces, for broad dabs and for fine ones."""
LOST = 0.01, 0.04
"""Differences of light round a place, on the log curve, from which on detail is lost in broad dabs, and where all of it is."""
BREAKING = 0.6
"""The usual `broken_colour`."""


def oil_painting(
    passes: dict[str, np.ndarray], brush_marks: float | np.ndarray = 1.0, broken_colour: float | np.ndarray = BREAKING
) -> np.ndarray:
    """Broad dabs of broken colour, and fine ones where there is detail, in raking light: (H, W, 3) linear Rec.709, >= 0.

    brush_marks, broken_colour: knobs, one number or (H, W): relief of the paint in raking light (Hertzmann 2002), and how far
    dabs differ in tone and colour from what they paint.

    As a painter does who goes from broad brushes to fine ones (Hertzmann 1998), fine dabs lie where the picture differs from its
    own broad averages, and there it keeps its detail. All dabs stick to surfaces and follow the form (Hays and Essa 2004). A
    generator lays the same ones, and mixes its colours alike (see networks/dabs.py and palette.py). Radiance above 1 keeps its
    value.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    flat, edges = flatten(encode_log(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=5), borders(passes)
    broad, fine = within_edges(flat, 0.5 * edges, BROADLY), within_edges(flat, edges, FINELY)
    detail = lost(broad, fine, edges)
    canvas = broad + (fine - broad) * detail[..., None]
    canvas = shown(mixed, canvas, canvas)
    change, raked = dabs(passes, shown(heights, detail[..., None]))
    share = shown(lively, broad, passes["depth"])[..., 0]
    paint = canvas + (broken_colour / BREAKING * share)[..., None] * change
    paint = paint * (1 + RAKED * brush_marks * share * raked)[..., None]
    light = smoothstep(1.1, 1.4, luminance(flat))[..., None]
    return decode_log(np.maximum(paint + (flat - paint) * light, 0)).astype(np.float32)


def lost(broad: np.ndarray, fine: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How much detail broad dabs would lose, (H, W) in [0, 1]: of light, and where borders crowd."""
    difference = ndimage.gaussian_filter(np.abs(luminance(fine) - luminance(broad)), 6)
    return np.maximum(smoothstep(*LOST, difference), smoothstep(0.15, 0.4, ndimage.gaussian_filter(edges, 8)))
