"""Cel: flat colour in clear tones with round terminators, clean coloured lines, painted skies."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from .lines import contours_inside, hair, sides, slope, weighted
from .smoothing import FAR, scenery, within_edges
from .tones import smoothstep, stepped

TONES = 4.0
"""Steps of light from black to white, on the log curve."""
RIM = np.array([0.22, 0.24, 0.32], np.float32)
"""By how much lines are lighter than the dark, where dark ones would not show, encoded."""
DARK = 0.1, 0.5
"""Tones up to which colour is as in the dark, and from which as in the light."""


def cel(passes: dict[str, np.ndarray], line_weight: float | np.ndarray = 1.0, tones: float | np.ndarray = TONES) -> np.ndarray:
    """A frame of drawn animation, cel over painted background: (H, W, 3) linear Rec.709, >= 0.

    Colour is smoothed within the edges of things and of light (Gastal and Oliveira 2011), so that textures go and terminators
    are round, and its tone is stepped (Lake et al. 2000, in the soft steps of Winnemoeller, Olsen and Gooch 2006). Lines lie at
    discontinuities of depth and normal (Saito and Takahashi 1990; Decaudin 1996), in the dark of their own colour. Radiance
    above 1 keeps its value.

    line_weight, tones: knobs, one number or (H, W): how thick the lines are, 0 for none, and steps of light.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    edges = borders(passes)
    flat = flat_colour(passes, 16)
    encoded = grade(toned(flat, stepped(luminance(flat), tones)))
    tone = luminance(encoded)
    sky = (passes["depth"][..., 0] >= FAR).astype(np.float32)
    gouache = grade(within_edges(encode_log(rgb), np.maximum(edges, scenery(passes)), 20), warmth=0)
    encoded = encoded + (gouache - encoded) * np.maximum(sky, smoothstep(1.05, 1.25, tone))[..., None]
    lamp = smoothstep(1.05, 1.25, ndimage.gaussian_filter(luminance(encode_log(rgb)), 0.7))
    encoded = encoded + (encode_log(rgb) - encoded) * lamp[..., None]
    line_weight = line_weight * (1 - hair(passes))  # whose strands are lines themselves
    ink = weighted(contours_inside(passes, ndimage.maximum_filter(tone, 5)), line_weight)
    return decode_log(encoded + (line_colour(encoded, passes["albedo"]) - encoded) * ink[..., None]).astype(np.float32)


def flat_colour(passes: dict[str, np.ndarray], reach: float) -> np.ndarray:
    """The encoded image smoothed over about `reach` pixels within the edges of things and of light, (H, W, 3)."""
    encoded, edges = encode_log(np.maximum(passes["image"][..., :3], 0)), borders(passes)
    lit = luminance(np.minimum(encoded, 1.2))
    terminator = smoothstep(0.025, 0.08, ndimage.gaussian_gradient_magnitude(lit, 2.0))
    flat = within_edges(encoded, np.maximum(edges, terminator), reach)
    return flat + (ndimage.gaussian_filter(flat, (1, 1, 0)) - flat) * (1 - np.minimum(edges, 1))[..., None]


def borders(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Where one thing ends and another begins, (H, W) in [0, 1]: steps of depth, creases, borders of albedo."""
    crease, material = slope(passes["normal"], 0.7), slope(encode_log(passes["albedo"]), 0.7)
    return np.maximum.reduce([*sides(passes["depth"]), smoothstep(0.1, 0.4, crease), smoothstep(0.05, 0.16, material)])


def toned(encoded: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Encoded colours (H, W, 3) laid in another tone (H, W). In the dark their chroma goes with it: a colour that differs from
    grey as much is the stronger, the nearer to black it is."""
    own = luminance(encoded)[..., None]
    share = np.minimum(encoded / np.maximum(own, 1e-3), 2)
    return encoded + (tone[..., None] - own) * (share + (1 - share) * smoothstep(*DARK, own))


def grade(encoded: np.ndarray, warmth: float = 1.0) -> np.ndarray:
    """Clearer colour, cool in the shade and, by `warmth`, warm in the light (encoded RGB). In the dark colours are as they are,
    and only greys and blues are cooled: skin would be purple."""
    tone, most = luminance(encoded)[..., None], encoded.max(-1, keepdims=True)
    lit = smoothstep(*DARK, tone)
    chroma = encoded[..., :2].max(-1, keepdims=True) - encoded.min(-1, keepdims=True)
    coloured = smoothstep(0.1, 0.35, chroma / np.maximum(most, 0.1))
    shade = (1 - smoothstep(0.25, 0.75, tone)) * np.minimum(1, tone / 0.1) * (1 - (1 - lit) * coloured)
    light = smoothstep(0.6, 0.9, tone) * (1 - smoothstep(1.0, 1.2, tone))
    rich = 1 + 0.55 * lit * (1 - smoothstep(1.0, 1.25, most))
    cool, warm = np.array([-0.06, -0.03, 0.12], np.float32), np.array([0.045, 0.02, -0.05], np.float32)
    return np.maximum(tone + rich * (encoded - tone) + cool * shade + warmth * warm * light, 0)


def line_colour(encoded: np.ndarray, albedo: np.ndarray) -> np.ndarray:
    """A dark variant of the colour around, and in the dark a light one of the thing's own (encoded RGB)."""
    near = ndimage.gaussian_filter(np.minimum(encoded, 1), (2, 2, 0))
    tone = luminance(near)[..., None]
    paint = encode_log(albedo)
    light = tone + RIM + 0.4 * (paint - luminance(paint)[..., None])
    dark = np.maximum(0.3 * tone + 0.9 * (near - tone), 0)
    return light + (dark - light) * smoothstep(0.1, 0.17, ndimage.gaussian_filter(tone, (3, 3, 0)))
