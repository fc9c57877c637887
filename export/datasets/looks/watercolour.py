"""Watercolour: glazes of luminous colour on warm paper, with pigment edges, granulation and wet borders."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from .anchored import noise_everywhere
from .lines import contours
from .tones import flatten, smoothstep

GLAZES = ((0.84, 0.08), (0.72, 0.13), (0.59, 0.15), (0.46, 0.17), (0.33, 0.17))
"""Layers of paint: the tone below which each is laid, and how much darker it makes the paper (both encoded luminance)."""
PAPER = np.array([1.0, 0.992, 0.965], np.float32)
"""White of the paper, encoded RGB: warm."""
SHADOW = np.array([-0.035, -0.02, 0.09], np.float32)
"""The colour that the darkest shadow adds, encoded RGB: ultramarine."""

DARKEST = 0.12
"""Encoded value of a channel under all glazes: transparent paint is never black."""


def watercolour(passes: dict[str, np.ndarray], water: float | np.ndarray = 1.0, edges: float | np.ndarray = 1.0) -> np.ndarray:
    """Glazes on warm paper with dark dried borders, pooled pigment and backruns: (H, W, 3) linear Rec.709.

    The parts of a computer-generated watercolour (Curtis et al. 1997) without its simulation of water: washes simplified by
    morphology and layered as glazes, with pigment density c - (c - c^2)(d - 1) (Bousseau et al. 2006); borders that darken,
    leave gaps of paper and bleed (Montesdeoca et al. 2017). What is random follows the noise that sticks to surfaces, so the
    background has none. Light above 1.5 turns from paper white to its own radiance, which it keeps from 5 on.

    water, edges: knobs, one number or (H, W): how far washes run and pigment pools, and how dark their borders dry.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    noise = ndimage.gaussian_filter(noise_everywhere(passes, 2), (1, 1, 0))
    wet = turbulence(noise) * water
    flat = simplify(flatten(encode_log(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=4))
    outline = contours(passes, luminance(flat))
    flat, outline = wobble(flat, noise), wobble(outline[..., None], noise)[..., 0]
    flat = bleed(flat, wet)
    tone = luminance(flat)
    stepped, dried = glazes(tone, noise)
    wash = stepped[..., None] - 1 + PAPER + colour(flat, tone, stepped)
    border = ndimage.gaussian_filter(outline, 0.8)
    gap = np.maximum(ndimage.gaussian_filter(outline, 2.5) - 0.8 * border, 0) * (1 + wet)
    pooled = 0.13 * wet + (0.08 * backruns(wet, noise) + 0.04 * grain(noise)) * water
    extra = pooled + edges * (dried + (0.6 + 0.35 * wet) * border - 0.6 * gap)
    wash -= np.maximum(wash - wash**2, 0) * extra[..., None]
    wash = np.maximum(wash, DARKEST)
    light = smoothstep(1.1, 1.4, tone)[..., None]
    return decode_log(wash + (flat - wash) * light).astype(np.float32)


def simplify(encoded: np.ndarray) -> np.ndarray:
    """Washes of at least 5 px, and of 11 px where small ones crowd, as in foliage (morphology as Bousseau et al. 2007)."""
    fine, broad = merge(encoded, 2), merge(encoded, 5)
    detail = np.abs(np.minimum(fine, 1.1) - np.minimum(broad, 1.1)).mean(-1, keepdims=True)
    crowd = smoothstep(0.02, 0.06, ndimage.gaussian_filter(detail, (9, 9, 0)))
    return ndimage.gaussian_filter(fine + 0.6 * crowd * (broad - fine), (0.6, 0.6, 0))


def merge(encoded: np.ndarray, radius: int) -> np.ndarray:
    """Opening and closing by a disc, in both orders: what is narrower, light or dark alike, joins its surroundings."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (x * x + y * y <= (radius + 0.3) ** 2)[..., None]
    opened = ndimage.grey_closing(ndimage.grey_opening(encoded, footprint=disc), footprint=disc)
    closed = ndimage.grey_opening(ndimage.grey_closing(encoded, footprint=disc), footprint=disc)
    return (opened + closed) / 2


def wobble(picture: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Move the picture (H, W, c) about by up to 2 px, as a hand would."""
    shift = 2.5 * ndimage.gaussian_filter(noise, (2, 2, 0)).transpose(2, 0, 1)
    place = np.mgrid[: picture.shape[0], : picture.shape[1]] + shift
    channels = (ndimage.map_coordinates(channel, place, order=1, mode="nearest") for channel in np.moveaxis(picture, -1, 0))
    return np.stack(list(channels), axis=-1)


def bleed(flat: np.ndarray, water: np.ndarray) -> np.ndarray:
    """Lose the edges where there is much water: neighbouring washes run together. Light sources do not."""
    paint = np.minimum(flat, 1.2)
    wet = 0.6 * smoothstep(0, 0.9, water)[..., None] * (1 - smoothstep(1.1, 1.4, flat))
    return flat + (ndimage.gaussian_filter(paint, (4, 4, 0)) - flat) * wet


def glazes(tone: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tone after all glazes (1 is bare paper) and the pigment that gathers inside the borders of each, (H, W) both."""
    around = ndimage.gaussian_filter(np.clip(tone, 0, 1), 28)
    # A painter keys dim surroundings up, but leaves the night dark.
    key = tone + 0.45 * (0.74 - around) * smoothstep(0, 0.3, around) + 0.015 * noise[..., 0]
    stepped, edges = np.ones_like(tone), np.zeros_like(tone)
    for start, depth in GLAZES:
        laid = 0.7 * (1 - smoothstep(start - 0.06, start + 0.06, key)) + 0.3 * (1 - smoothstep(start - 0.2, start + 0.2, key))
        stepped -= depth * laid
        edges += np.maximum(laid - ndimage.gaussian_filter(laid, 3), 0)
    return stepped, 0.95 * edges


def colour(flat: np.ndarray, tone: np.ndarray, stepped: np.ndarray) -> np.ndarray:
    """What the paint adds to its tone (encoded RGB): the hue, which bleeds further than tone does, and blue in the shadows."""
    chroma = flat - tone[..., None]
    bled = 0.55 * chroma + 0.45 * ndimage.gaussian_filter(chroma, (7, 7, 0))
    clear = 1.4 - 0.5 * smoothstep(0.75, 1, stepped)[..., None]
    return clear * bled + SHADOW * (1 - smoothstep(0.3, 0.9, stepped))[..., None]


def turbulence(noise: np.ndarray) -> np.ndarray:
    """How much water and pigment lie where, -1 to 1: slow beats of the noise."""
    first, second = noise[..., 0], noise[..., 1]
    return np.tanh(7 * ndimage.gaussian_filter(first**2 - second**2 + 2 * first * second, 12))


def backruns(water: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Pigment, 0 to 1, that spreading water has pushed to the front of a puddle: crisp outside, soft inside."""
    front = water + 0.12 * noise[..., 1]
    return smoothstep(0.2, 0.4, front) * (1 - smoothstep(0.4, 0.9, front))


def grain(noise: np.ndarray) -> np.ndarray:
    """Pigment, -1 to 1, that settles in the hollows of the paper."""
    return np.tanh(5 * noise[..., 0] * noise[..., 1])
