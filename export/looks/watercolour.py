"""Watercolour: glazes of luminous colour on warm paper, with pigment edges, granulation and wet borders."""

import numpy as np
from scipy import ndimage

from .anchored import surface_noise
from .lines import contours
from .tones import LUMA, decode, encode, flatten, smoothstep

GLAZES = ((0.90, 0.09), (0.76, 0.12), (0.62, 0.13), (0.47, 0.13), (0.33, 0.12))
"""Of each layer of paint: the tone below which it is laid, and how much darker it makes the paper (both encoded luminance)."""
PAPER = np.array([1.0, 0.99, 0.955], np.float32)
"""White of the paper, encoded RGB: warm."""
SHADOW = np.array([-0.035, -0.015, 0.085], np.float32)
"""What the darkest shadow adds, encoded RGB: ultramarine."""


def watercolour(passes: dict[str, np.ndarray]) -> np.ndarray:
    rgb = np.maximum(passes["image"][..., :3], 0)
    noise = ndimage.gaussian_filter(surface_noise(passes["position"], 2), (1, 1, 0))
    flat = simplify(flatten(encode(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=6))
    outline = contours(passes, (flat * LUMA).sum(-1))
    flat, outline = wobble(flat, noise), wobble(outline[..., None], noise)[..., 0]
    tone = (flat * LUMA).sum(-1)
    stepped, edges = glazes(tone, noise)
    wash = stepped[..., None] - 1 + PAPER + colour(flat, tone, stepped)
    density = 0.35 * turbulence(noise) + 0.16 * grain(noise) + edges + 0.8 * ndimage.gaussian_filter(outline, 0.7)
    wash -= np.maximum(wash - wash**2, 0) * density[..., None]
    light = smoothstep(1.1, 1.4, tone)[..., None]
    return decode(wash + (flat - wash) * light).astype(np.float32)


def simplify(encoded: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[-2:3, -2:3]
    disc = (x * x + y * y <= 5)[..., None]
    opened = ndimage.grey_opening(encoded, footprint=disc)
    return ndimage.gaussian_filter(ndimage.grey_closing(opened, footprint=disc), (0.7, 0.7, 0))


def wobble(picture: np.ndarray, noise: np.ndarray) -> np.ndarray:
    shift = 2.5 * ndimage.gaussian_filter(noise, (2, 2, 0)).transpose(2, 0, 1)
    place = np.mgrid[: picture.shape[0], : picture.shape[1]] + shift
    channels = (ndimage.map_coordinates(channel, place, order=1, mode="nearest") for channel in np.moveaxis(picture, -1, 0))
    return np.stack(list(channels), axis=-1)


def glazes(tone: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    around = ndimage.gaussian_filter(np.clip(tone, 0, 1.2), 24)
    key = tone + 0.3 * (0.68 - around) + 0.03 * noise[..., 0]
    stepped, edges = np.ones_like(tone), np.zeros_like(tone)
    for start, depth in GLAZES:
        laid = 0.65 * (1 - smoothstep(start - 0.05, start + 0.05, key)) + 0.35 * (1 - smoothstep(start - 0.2, start + 0.2, key))
        stepped -= depth * laid
        edges += np.maximum(laid - ndimage.gaussian_filter(laid, 3), 0)
    return stepped, 0.7 * edges


def colour(flat: np.ndarray, tone: np.ndarray, stepped: np.ndarray) -> np.ndarray:
    chroma = flat - tone[..., None]
    bled = 0.55 * chroma + 0.45 * ndimage.gaussian_filter(chroma, (7, 7, 0))
    return 1.6 * bled + SHADOW * (1 - smoothstep(0.35, 0.9, stepped))[..., None]


def turbulence(noise: np.ndarray) -> np.ndarray:
    first, second = noise[..., 0], noise[..., 1]
    slow = ndimage.gaussian_filter(first * second, 7)
    return np.tanh(6 * slow)


def grain(noise: np.ndarray) -> np.ndarray:
    first, second = noise[..., 0], noise[..., 1]
    return np.sin(5 * first) * np.cos(5 * second) 
