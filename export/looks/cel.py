"""Cel: flat colour in clear tones with rounded terminators, clean coloured lines, softly painted distance."""

import numpy as np
from scipy import ndimage

from .lines import contours
from .smoothing import within_edges
from .tones import LUMA, decode, encode, log_depth, smoothstep

STOPS = 2.0
"""Between the light, the shade and the deep shade."""
FAR = 1e9
"""Depth from which on there is no surface."""


def cel(passes: dict[str, np.ndarray]) -> np.ndarray:
    """A frame of drawn animation, cel over painted background: (H, W, 3) linear Rec.709, >= 0.

    Light is taken apart from albedo, smoothed within edges (Gastal and Oliveira 2011) and stepped, so that terminators are round
    and textures go (Lake et al. 2000); steps and lines give way to soft paint with distance (X-toon, Barla et al. 2006). Lines
    lie at discontinuities of depth and normal (Saito and Takahashi 1990; Decaudin 1996), in dark local colour.
    Radiance above 1 keeps its value.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    edges = borders(passes)
    paint = decode(within_edges(encode(passes["albedo"]), edges, 24))
    raw, base = material(passes["albedo"]), material(paint)
    light = np.log2((np.minimum(rgb, 2) + 1e-3) / (raw + 2e-3))
    stops = (light * LUMA).sum(-1)
    terminator = smoothstep(0.35, 1.2, ndimage.gaussian_gradient_magnitude(np.clip(stops, -8, 3), 2.0))
    light = within_edges(light, np.maximum(edges, terminator), 14)
    light = ndimage.gaussian_filter(light, (1.2, 1.2, 0))
    stops = (light * LUMA).sum(-1)
    distance = smoothstep(25, 120, passes["depth"][..., 0])
    bright = smoothstep(0.75, 1.05, (encode(base * np.exp2(light)) * LUMA).sum(-1))
    stepped = step(stops, 0.1 + 0.3 * distance)
    stepped += (stops - stepped) * bright
    colour = base * np.exp2(light + (stepped - stops)[..., None])
    encoded = grade(encode(colour))
    tone = (encoded * LUMA).sum(-1)
    sky = (passes["depth"][..., 0] >= FAR).astype(np.float32)
    gouache = within_edges(encode(rgb), edges, 20)
    encoded = encoded + (gouache - encoded) * np.maximum(sky, smoothstep(1.05, 1.25, tone))[..., None]
    lamp = smoothstep(1.05, 1.25, ndimage.gaussian_filter((encode(rgb) * LUMA).sum(-1), 0.7))
    encoded = encoded + (encode(rgb) - encoded) * lamp[..., None]
    # Where only the colour changes, as on a chequered cloth, the border of two paints is line enough.
    forms = dict(passes, albedo=np.zeros_like(base))
    # Ink is spread a little: hard lines flicker when they move by parts of a pixel.
    ink = ndimage.gaussian_filter(contours(forms, ndimage.maximum_filter(tone, 5)), 1.0) * (1 - 0.7 * distance)
    return decode(encoded + (line_colour(encoded) - encoded) * ink[..., None]).astype(np.float32)


def borders(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Where one thing ends and another begins, (H, W) in [0, 1]: steps of depth, creases, borders of albedo."""
    depth = log_depth(passes["depth"])[..., 0]
    jump = sum(np.abs(ndimage.convolve1d(depth, [1, -2, 1], axis=axis)) for axis in (0, 1))
    crease = sum(ndimage.gaussian_gradient_magnitude(passes["normal"][..., i], 0.7) ** 2 for i in range(3)) ** 0.5
    material = sum(ndimage.gaussian_gradient_magnitude(encode(passes["albedo"][..., i]), 0.7) ** 2 for i in range(3)) ** 0.5
    return np.maximum.reduce([smoothstep(0.03, 0.1, jump), smoothstep(0.1, 0.4, crease), smoothstep(0.05, 0.16, material)])


def material(albedo: np.ndarray) -> np.ndarray:
    """Albedo, where there is some; the grey 0.5 for metal, glass and what shines, which have none: their light has all colour."""
    solid = smoothstep(0.02, 0.1, albedo.max(-1, keepdims=True))
    return 0.5 + (albedo - 0.5) * solid


def step(stops: np.ndarray, softness: np.ndarray) -> np.ndarray:
    """Light in stops to soft steps of STOPS; softness 0 is a hard step, 0.5 a gradient."""
    level = stops / STOPS
    below = np.floor(level)
    t = np.clip((level - below - 0.5) / (2 * softness) + 0.5, 0, 1)
    return stops + 0.7 * STOPS * (below + t * t * (3 - 2 * t) - level)


def grade(encoded: np.ndarray) -> np.ndarray:
    """Clearer colour, cool in the shade and warm in the light (encoded RGB)."""
    tone = (encoded * LUMA).sum(-1, keepdims=True)
    shade = (1 - smoothstep(0.25, 0.75, tone)) * np.minimum(1, tone / 0.1)
    light = smoothstep(0.6, 0.9, tone) * (1 - smoothstep(1.0, 1.2, tone))
    rich = 1 + 0.3 * (1 - smoothstep(1.0, 1.25, encoded.max(-1, keepdims=True)))
    cool, warm = np.array([-0.03, -0.01, 0.06], np.float32), np.array([0.02, 0.008, -0.025], np.float32)
    return np.maximum(tone + rich * (encoded - tone) + cool * shade + warm * light, 0)


def line_colour(encoded: np.ndarray) -> np.ndarray:
    """A dark variant of the colour around (encoded RGB)."""
    near = ndimage.gaussian_filter(np.minimum(encoded, 1), (2, 2, 0))
    tone = (near * LUMA).sum(-1, keepdims=True)
    return np.maximum(0.56 * tone + 0.9 * (near - tone), 0)
