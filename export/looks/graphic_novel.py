"""Graphic Novel: flat washes, ink contours, hatched shadows."""

import numpy as np
from scipy import ndimage

from .lines import contours
from .tones import LUMA, decode, encode, flatten, quantise, smoothstep

GRID = 8
"""Period in pixels of the hatching, which is locked to the frame: the stride of the generator's coarsest scale."""


def graphic_novel(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Flat washes in soft tone steps, ink contours, hatched shadows: (H, W, 3) linear Rec.709.

    Washes: joint bilateral filtering on colour, normal and albedo (Eisemann and Durand 2004), then luminance quantisation
    with soft steps (Winnemoeller, Olsen and Gooch 2006). Contours: discontinuities of depth and normal (Saito and Takahashi
    1990) and of albedo. Radiance above 1 keeps its value, so lamps and skies still glow.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    flat = flatten(encode(rgb), passes["normal"], passes["albedo"], passes["depth"])
    tone = (flat * LUMA).sum(-1)
    wash = tint(flat, tone, quantise(tone))
    ink = np.maximum(contours(passes, tone), hatching(tone))
    ink_colour = encode(np.array([0.012, 0.010, 0.028], np.float32))
    return decode(wash + (ink_colour - wash) * ink[..., None]).astype(np.float32)


def tint(flat: np.ndarray, tone: np.ndarray, stepped: np.ndarray) -> np.ndarray:
    """Give the wash its stepped tone, clearer colour, cool shadows and warm lights (encoded RGB)."""
    chroma = flat - tone[..., None]
    shade = 1 - smoothstep(0.2, 0.75, stepped)[..., None]
    light = smoothstep(0.55, 0.95, stepped)[..., None] * (1 - smoothstep(1.0, 1.3, stepped)[..., None])
    cool, warm = np.array([-0.05, -0.015, 0.09], np.float32), np.array([0.02, 0.01, -0.03], np.float32)
    # Shadows are washed lighter than they are: the hatching darkens them again.
    return stepped[..., None] + 0.09 * shade + 1.35 * chroma + cool * shade + warm * light


def hatching(tone: np.ndarray) -> np.ndarray:
    """Ink coverage [0, 1] of diagonal hatching that thickens as the tone falls, crossed in the darkest parts."""
    y, x = np.mgrid[: tone.shape[0], : tone.shape[1]]
    smooth = ndimage.gaussian_filter(tone, 1.5)
    ink = np.zeros_like(tone)
    for diagonal, start, end in ((x + y, 0.66, 0.35), (x - y, 0.4, 0.12)):
        # Distance in pixels from the middle of the nearest line, across the line.
        distance = np.abs((diagonal % GRID) - GRID / 2) / np.sqrt(2)
        half_width = 1.35 * (1 - smoothstep(end, start, smooth))
        ink = np.maximum(ink, np.clip(half_width - distance + 0.5, 0, 1) * smoothstep(0, 0.25, half_width))
    return 0.65 * ink
