"""Ink and Hatching: strokes of ink that follow the form and swell with the shade, over bold flat washes."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from .anchored import surface_noise
from .dabs import form_of, places, strokes, whole_surfaces
from .directions import directions
from .lines import borders, outlines, spread
from .smoothing import within_edges
from .tones import flatten, lightness, quantise, smoothstep

INK = np.array([0.010, 0.009, 0.022], np.float32)
"""Blue black of outlines and deepest shade, linear Rec.709."""
PEN = np.array([0.020, 0.012, 0.060], np.float32)
"""The colour that strokes tend to."""

LENGTH = 34
"""Length of a stroke in pixels."""
NIB = 1.2
"""Half the width in pixels of a stroke under full pressure."""
LIGHT, CROSSED, DARK = 0.88, 0.55, 0.25
"""Tones below which the first strokes come and the first crossed ones, and at which all are there."""


def ink_hatching(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Strokes of coloured ink that follow the form, spotted blacks, outlines, flat washes: (H, W, 3) linear Rec.709.

    Strokes come and swell as the tone falls, so that each tone keeps the strokes of the lighter ones (tonal art maps: Praun,
    Hoppe, Webb and Finkelstein 2001), turn with the surface (Hertzmann and Zorin 2000) and are crossed in the shade. They sit
    where noise that sticks to surfaces (Benard, Bousseau and Thollot 2009) has its crests. Outlines: Saito and Takahashi 1990.
    Radiance above 1 keeps its value.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    flat = flatten(encode_log(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=5)
    # What is rough, as sand is, has one tone for the pen; what shines keeps its own.
    even = within_edges(np.minimum(flat, 1.2), borders(passes), 8)
    flat = even + (flat - even) * smoothstep(1.0, 1.2, luminance(flat))[..., None]
    tone = ndimage.gaussian_filter(luminance(flat), 1.5)
    paper = wash(flat, luminance(flat))
    # Strong colours are hatched, but do not drown in black.
    black = smoothstep(0.31, 0.18, ndimage.gaussian_filter(lightness(flat), 1.5))
    # Strokes are drawn with a pen of the wash's own colour, darker and bluer, which is richer than black and calmer in motion.
    pen = 0.5 * paper + 0.5 * encode_log(PEN)
    drawn = paper + (pen - paper) * spread(hatching(tone, passes))[..., None]
    black = np.maximum(black, spread(outlines(passes, tone), 1.3))
    return decode_log(drawn + (encode_log(INK) - drawn) * black[..., None]).astype(np.float32)


def wash(flat: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Flat colour in four soft steps, lights warm like paper and shadows violet (encoded RGB)."""
    stepped = quantise(tone, 4.0, 5.0)
    chroma = flat - tone[..., None]
    shade = (1 - smoothstep(0.25, 0.8, stepped))[..., None]
    light = smoothstep(0.55, 0.95, stepped)[..., None] * (1 - smoothstep(1.0, 1.3, stepped)[..., None])
    cool, warm = np.array([-0.02, -0.03, 0.12], np.float32), np.array([0.03, 0.015, -0.06], np.float32)
    colour = stepped[..., None] + 0.12 * shade + 1.6 * chroma + cool * shade + warm * light
    # Clearer colour must not shine: on the log curve a pure blue would become a lamp.
    return np.minimum(colour, np.maximum(flat.max(-1, keepdims=True), 1))


def hatching(tone: np.ndarray, passes: dict[str, np.ndarray]) -> np.ndarray:
    """Coverage [0, 1] of strokes, which come and swell as the tone (H, W) falls and are crossed in the shade: (H, W)."""
    first, second = ndimage.gaussian_filter(surface_noise(passes["position"], 2), (1, 1, 0)).transpose(2, 0, 1)
    along, across = directions(passes["normal"])
    form, whole = form_of(passes), whole_surfaces(passes)
    spots = np.concatenate([places(grain, whole) for grain in (first, second)])
    between = np.concatenate([places(grain, whole) for grain in (first + second, first - second)])
    drawn = hatched((LIGHT - tone) / (LIGHT - DARK), spots, first * second, along, form)
    return np.maximum(drawn, hatched((CROSSED - tone) / (CROSSED - DARK), between, second, across, form))


def hatched(shade: np.ndarray, spots: np.ndarray, order: np.ndarray, direction: np.ndarray, form: np.ndarray) -> np.ndarray:
    """Coverage [0, 1] of pen strokes (see dabs.strokes), (H, W): all where the shade (H, W) is 1, fewer where it is less."""
    ink = np.zeros_like(shade)
    for spot, stroke in strokes(spots, order, direction, form, LENGTH):
        # Each has its place in the order in which strokes come as it gets darker.
        pressure = np.clip((shade[stroke.window] - 0.5 - 0.45 * np.tanh(2.5 * order[spot])) * 3, 0, 1)
        half = NIB * pressure * np.sqrt(np.clip(1 - (2 * stroke.along / LENGTH) ** 2, 0, 1))
        line = np.clip(half - np.abs(stroke.across) + 0.5, 0, 1) * np.minimum(1, 2 * half) * stroke.like
        np.maximum(ink[stroke.window], line, out=ink[stroke.window])
    return ink
