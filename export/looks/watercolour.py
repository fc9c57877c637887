"""Watercolour: glazes of luminous colour on warm paper, with pigment edges, granulation and wet borders."""

import numpy as np
from scipy import ndimage

from .anchored import surface_noise
from .lines import contours
from .tones import LUMA, decode, encode, flatten, smoothstep

GLAZES = ((0.84, 0.08), (0.72, 0.13), (0.59, 0.15), (0.46, 0.17), (0.33, 0.17))
"""Of each layer of paint: the tone below which it is laid, and how much darker it makes the paper (both encoded luminance)."""
PAPER = np.array([1.0, 0.992, 0.965], np.float32)
"""White of the paper, encoded RGB: warm."""
SHADOW = np.array([-0.035, -0.02, 0.09], np.float32)
"""What the darkest shadow adds, encoded RGB: ultramarine."""


def watercolour(passes: dict[str, np.ndarray]) -> np.ndarray:
    rgb = np.maximum(passes["image"][..., :3], 0)
    noise = ndimage.gaussian_filter(surface_noise(passes["position"], 2), (1, 1, 0))
    water = turbulence(noise)
    flat = simplify(flatten(encode(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=4))
    outline = contours(passes, (flat * LUMA).sum(-1))
    flat, outline = wobble(flat, noise), wobble(outline[..., None], noise)[..., 0]
    flat = bleed(flat, water)
    tone = (flat * LUMA).sum(-1)
    stepped, edges = glazes(tone, noise)
    wash = stepped[..., None] - 1 + PAPER + colour(flat, tone, stepped)
    border = ndimage.gaussian_filter(outline, 0.6)
    density = 0.26 * water + 0.1 * backruns(water, noise) + 0.05 * grain(noise) + edges + (0.8 + 0.4 * water) * border
    gap = np.maximum(ndimage.gaussian_filter(outline, 2.5) - 0.8 * border, 0) * (1 + water)
    wash -= np.maximum(wash - wash**2, 0) * (density - 0.7 * gap)[..., None]
    light = smoothstep(1.1, 1.4, tone)[..., None]
    return decode(wash + (flat - wash) * light).astype(np.float32)


def simplify(encoded: np.ndarray) -> np.ndarray:
    fine, broad = merge(encoded, 2), merge(encoded, 5)
    detail = np.abs(np.minimum(fine, 1.1) - np.minimum(broad, 1.1)).mean(-1, keepdims=True)
    crowd = smoothstep(0.02, 0.06, ndimage.gaussian_filter(detail, (9, 9, 0)))
    return ndimage.gaussian_filter(fine + 0.85 * crowd * (broad - fine), (0.6, 0.6, 0))


def merge(encoded: np.ndarray, radius: int) -> np.ndarray:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (x * x + y * y <= (radius + 0.3) ** 2)[..., None]
    opened = ndimage.grey_opening(encoded, footprint=disc)
    return ndimage.grey_closing(opened, footprint=disc)


def wobble(picture: np.ndarray, noise: np.ndarray) -> np.ndarray:
    shift = 2.5 * ndimage.gaussian_filter(noise, (2, 2, 0)).transpose(2, 0, 1)
    place = np.mgrid[: picture.shape[0], : picture.shape[1]] + shift
    channels = (ndimage.map_coordinates(channel, place, order=1, mode="nearest") for channel in np.moveaxis(picture, -1, 0))
    return np.stack(list(channels), axis=-1)


def bleed(flat: np.ndarray, water: np.ndarray) -> np.ndarray:
    dark = np.minimum(flat, 1.2)
    wet = 0.6 * smoothstep(0, 0.9, water)[..., None] * (1 - smoothstep(1.1, 1.4, flat))
    return flat + (ndimage.gaussian_filter(dark, (4, 4, 0)) - flat) * wet


def glazes(tone: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    around = ndimage.gaussian_filter(np.clip(tone, 0, 1.2), 28)
    key = tone + 0.45 * (0.74 - around) + 0.02 * noise[..., 0]
    stepped, edges = np.ones_like(tone), np.zeros_like(tone)
    for start, depth in GLAZES:
        laid = 0.7 * (1 - smoothstep(start - 0.035, start + 0.035, key)) + 0.3 * (1 - smoothstep(start - 0.2, start + 0.2, key))
        stepped -= depth * laid
        edges += np.maximum(laid - ndimage.gaussian_filter(laid, 2.5), 0)
    return stepped, 1.1 * edges


def colour(flat: np.ndarray, tone: np.ndarray, stepped: np.ndarray) -> np.ndarray:
    chroma = flat - tone[..., None]
    bled = 0.55 * chroma + 0.45 * ndimage.gaussian_filter(chroma, (7, 7, 0))
    clear = 1.4 - 0.5 * smoothstep(0.75, 1, stepped)[..., None]
    return clear * bled + SHADOW * (1 - smoothstep(0.3, 0.9, stepped))[..., None]


def turbulence(noise: np.ndarray) -> np.ndarray:
    first, second = noise[..., 0], noise[..., 1]
    return np.tanh(7 * ndimage.gaussian_filter(first**2 - second**2 + 2 * first * second, 12))


def backruns(water: np.ndarray, noise: np.ndarray) -> np.ndarray:
    front = water + 0.12 * noise[..., 1]
    return smoothstep(0.2, 0.4, front) * (1 - smoothstep(0.4, 0.9, front))


def grain(noise: np.ndarray) -> np.ndarray:
    return np.tanh(5 * noise[..., 0] * noise[..., 1])
