"""Oil painting: strokes of a broad brush that follow the form, of paint mixed and broken on the palette, in raking light."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from .anchored import strokes
from .cel import FAR
from .lines import borders
from .smoothing import within_edges
from .tones import flatten, quantise, smoothstep

WIDTH, LENGTH = 21.0, 3.0
"""Pixels from one stroke to the next, and the length of one, in widths."""
TONES = 9.0
"""Tones between black and white that are mixed."""
REACH = 0.05
"""How far, on the log curve, the strokes of one tone reach into the next."""
LEAN = 0.045
"""How far a stroke's colour leans to warm or cool, on the log curve."""
LIGHT = np.array([-0.8, -0.6], np.float32)
"""Direction that the raking light comes from, (y, x): up and left."""
MARKS = 0.08
"""How much the raking light changes the paint."""


def oil_painting(
    passes: dict[str, np.ndarray], brush_marks: float | np.ndarray = 1.0, broken_colour: float | np.ndarray = 0.6
) -> np.ndarray:
    """Strokes of mixed paint with ends, overlaps and the marks of the brush: (H, W, 3) linear Rec.709, >= 0.

    brush_marks, broken_colour: knobs, one number or (H, W): relief of the paint in raking light (Hertzmann 2002), and how far
    strokes differ in tone and colour from what they paint.

    Paint is mixed in few tones, and where one ends and the next begins the ridges of noise that sticks to surfaces and follows
    the form (Hays and Essa 2004) interlock, as strokes laid over each other do; others lean to warm and cool. The generator sees
    the same noise. Radiance above 1 keeps its value.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    flat = flatten(encode_log(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=5)
    edges = borders(passes)
    even = within_edges(flat, edges, 4)
    ridges = strokes(passes, 1, WIDTH, LENGTH)[..., 0]
    tone = luminance(even)
    # Of little light little can be broken; what is all but white stays calm, and so does what has no surface.
    dark, calm = np.minimum(1, tone.clip(0) / 0.3), quiet(tone, passes["depth"])
    mixed = quantise(tone + broken_colour * REACH * dark * calm * ridges, TONES, 5.0)
    reference = palette(even + (mixed - tone)[..., None], mixed)
    # Some strokes are warmer, what shows between them cooler.
    warm = smoothstep(0.9, 1.3, ridges) - smoothstep(0.9, 1.3, -ridges)
    paint = reference + (LEAN * broken_colour * dark * calm * warm)[..., None] * np.array([1.0, 0.25, -0.8], np.float32)
    relief = ndimage.gaussian_filter(np.tanh(1.5 * ridges), 0.7)
    raked = sum(part * slope for part, slope in zip(LIGHT, np.gradient(relief), strict=True))
    paint = paint * (1 - MARKS * brush_marks * (0.4 + 0.6 * dark) * calm * np.tanh(3 * raked))[..., None]
    light = smoothstep(1.1, 1.4, luminance(flat))[..., None]
    return decode_log(np.maximum(paint + (flat - paint) * light, 0)).astype(np.float32)


def quiet(tone: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """How lively the brush is, 1 on things, (H, W): dabs alike over a whole sky or an empty white would be ripples."""
    sky = ndimage.gaussian_filter((depth[..., 0] >= FAR).astype(np.float32), 1.0)
    return (1 - 0.65 * smoothstep(0.75, 1.0, tone)) * (1 - 0.6 * sky)


def palette(flat: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Encoded colours as mixed on the palette: richer, warm where light and cool where dark, with more contrast."""
    low = (1 - smoothstep(0.2, 0.75, tone))[..., None]
    high = (smoothstep(0.55, 0.95, tone) * (1 - smoothstep(1.0, 1.3, tone)))[..., None]
    value = tone + 0.05 * np.sin(2 * np.pi * (np.clip(tone, 0.2, 1) - 0.6) / 0.8)
    cool, warm = np.array([-0.03, -0.01, 0.06], np.float32), np.array([0.02, 0.01, -0.025], np.float32)
    rich = 1.35 - 0.35 * smoothstep(1.0, 1.3, flat.max(-1))[..., None]
    return value[..., None] + rich * (flat - tone[..., None]) + cool * low * np.minimum(1, tone / 0.1)[..., None] + warm * high
