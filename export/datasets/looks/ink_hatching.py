"""Ink and Hatching: strokes of ink that follow the form and swell with the shade, over bold flat washes."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from .anchored import surface_noise
from .lines import outlines, spread
from .streaks import directions, streaks
from .tones import flatten, quantise, smoothstep

INK = np.array([0.010, 0.009, 0.022], np.float32)
"""Blue black of outlines and deepest shade, linear Rec.709."""
PEN = np.array([0.020, 0.012, 0.060], np.float32)
"""The colour that strokes tend to."""


def ink_hatching(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Strokes of coloured ink that follow the form, spotted blacks, outlines, flat washes: (H, W, 3) linear Rec.709.

    Strokes come and swell as the tone falls, so that each tone keeps the strokes of the lighter ones (tonal art maps: Praun,
    Hoppe, Webb and Finkelstein 2001), turn with the surface (Hertzmann and Zorin 2000) and are crossed in the shade. They run
    where noise that sticks to surfaces (Benard, Bousseau and Thollot 2009), drawn out along their direction by line integral
    convolution (Cabral and Leedom 1993), changes its sign. Outlines: Saito and Takahashi 1990. Radiance above 1 keeps its value.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    flat = flatten(encode_log(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=5)
    tone = ndimage.gaussian_filter(luminance(flat), 1.5)
    paper = wash(flat, luminance(flat))
    strokes, black = hatching(tone, passes["normal"], passes["position"])
    # Strokes are drawn with a pen of the wash's own colour, darker and bluer, which is richer than black and calmer in motion.
    pen = 0.5 * paper + 0.5 * encode_log(PEN)
    drawn = paper + (pen - paper) * spread(strokes)[..., None]
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


def hatching(tone: np.ndarray, normal: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coverage [0, 1] of strokes, which swell as the tone falls and are crossed, and of the black they end in: (H, W) each."""
    first, second = surface_noise(position, 2).transpose(2, 0, 1)
    along, across = directions(normal)
    streak = streaks(first, along, normal)
    strokes = stroke(streak, along, 1.7 - 2.3 * tone)
    crossed = stroke(streaks(second, across, normal), across, 1.0 - 2.3 * tone)
    known = smoothstep(0.2, 0.6, np.abs(normal).sum(-1))
    # The edge of the black is feathered into strokes.
    spotted = smoothstep(-0.5, 0.5, 1.9 - 7.5 * tone + 0.4 * known * np.clip(streak, -1.5, 1.5))
    return known * np.maximum(strokes, crossed), spotted


def stroke(streak: np.ndarray, direction: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Coverage [0, 1] of lines along the zero crossings of the streaks, as wide as the level, that end where they turn away."""
    dy, dx = (ndimage.gaussian_filter(slope, 1) for slope in np.gradient(streak))
    astray = (dx * direction[0] + dy * direction[1]) ** 2
    aligned = 1 - smoothstep(0.2, 0.6, ndimage.gaussian_filter(astray, 2) / (ndimage.gaussian_filter(dx**2 + dy**2, 2) + 1e-6))
    return aligned * smoothstep(-0.35, 0.35, level - np.abs(streak)) * smoothstep(-0.2, 0.3, level)
