"""Oil painting: dabs of broad and fine brushes that follow the form, of paint mixed and broken on the palette."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from .anchored import dabs
from .cel import FAR
from .lines import borders
from .smoothing import within_edges
from .tones import flatten, quantise, smoothstep

BROADLY, FINELY = 14, 3
"""Pixels that colours are averaged over, within surfaces, for broad dabs and for fine ones."""
LOST = 0.01, 0.04
"""Differences of light round a place, on the log curve, from which on detail is lost in broad dabs, and where all of it is."""
RAISED = 3.0, 2.2
"""By how much higher the noise must be for a broad dab where all detail would be lost, and for a fine one where none would."""
TONES, MIXED = 9.0, 0.6
"""Tones between black and white that are mixed, and how far light is laid in them."""
BREAKING = 0.6
"""The usual `broken_colour`."""
MARKS = 0.11
"""How much the raking light changes the paint."""


def oil_painting(
    passes: dict[str, np.ndarray], brush_marks: float | np.ndarray = 1.0, broken_colour: float | np.ndarray = BREAKING
) -> np.ndarray:
    """Broad dabs of broken colour, and fine ones where there is detail, in raking light: (H, W, 3) linear Rec.709, >= 0.

    brush_marks, broken_colour: knobs, one number or (H, W): relief of the paint in raking light (Hertzmann 2002), and how far
    dabs differ in tone and colour from what they paint.

    As a painter does who goes from broad brushes to fine ones (Hertzmann 1998), fine dabs lie where the picture differs from its
    own broad averages, and there it keeps its detail. All dabs stick to surfaces and follow the form (Hays and Essa 2004), and a
    generator lays the same ones (see networks/dabs.py). Radiance above 1 keeps its value.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    flat, edges = flatten(encode_log(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=5), borders(passes)
    broad, fine = within_edges(flat, 0.5 * edges, BROADLY), within_edges(flat, edges, FINELY)
    detail = lost(broad, fine, edges)
    canvas = mixed(broad) + (mixed(fine) - mixed(broad)) * detail[..., None]
    change, raked = dabs(passes, np.stack([RAISED[0] * detail, RAISED[1] * (1 - detail)], -1))
    lively = liveliness(luminance(broad), passes["depth"])
    paint = canvas + (broken_colour / BREAKING * lively)[..., None] * change
    paint = paint * (1 + MARKS * brush_marks * lively * raked)[..., None]
    light = smoothstep(1.1, 1.4, luminance(flat))[..., None]
    return decode_log(np.maximum(paint + (flat - paint) * light, 0)).astype(np.float32)


def lost(broad: np.ndarray, fine: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How much detail broad dabs would lose, (H, W) in [0, 1]: of light, and where borders crowd."""
    difference = ndimage.gaussian_filter(np.abs(luminance(fine) - luminance(broad)), 6)
    return np.maximum(smoothstep(*LOST, difference), smoothstep(0.15, 0.4, ndimage.gaussian_filter(edges, 8)))


def liveliness(tone: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """How lively the brush is, (H, W), 1 on most things: of little light little can be broken, over a whole sky or an empty white
    dabs would be ripples, and what shines stays as it is."""
    sky = ndimage.gaussian_filter((depth[..., 0] >= FAR).astype(np.float32), 1.0)
    white = (1 - 0.5 * smoothstep(0.7, 1.0, tone)) * (1 - smoothstep(1.0, 1.15, tone))
    return (0.15 + 0.85 * np.minimum(1, tone.clip(0) / 0.3)) * white * (1 - 0.35 * sky)


def mixed(encoded: np.ndarray) -> np.ndarray:
    """Encoded colours as mixed on the palette, in a few tones."""
    tone = luminance(encoded)
    laid = tone + MIXED * (quantise(tone, TONES, 4.0) - tone)
    return palette(encoded + (laid - tone)[..., None], laid)


def palette(flat: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Encoded colours as mixed on the palette: richer, warm where light and cool where dark, with more contrast."""
    low = (1 - smoothstep(0.2, 0.75, tone))[..., None]
    high = (smoothstep(0.55, 0.95, tone) * (1 - smoothstep(1.0, 1.3, tone)))[..., None]
    value = tone + 0.05 * np.sin(2 * np.pi * (np.clip(tone, 0.2, 1) - 0.6) / 0.8)
    cool, warm = np.array([-0.03, -0.01, 0.06], np.float32), np.array([0.02, 0.01, -0.025], np.float32)
    rich = 1.35 - 0.35 * smoothstep(1.0, 1.3, flat.max(-1))[..., None]
    return value[..., None] + rich * (flat - tone[..., None]) + cool * low * np.minimum(1, tone / 0.1)[..., None] + warm * high
