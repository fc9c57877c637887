"""Watercolour: transparent washes on white paper, whose pigment gathers at their borders and in the grain of the paper."""

import numpy as np
import torch
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from ...networks.washes import relief, thinned, washes
from .anchored import noise_everywhere, paper_grain
from .lines import borders
from .shown import shown
from .smoothing import within_edges
from .tones import flatten, smoothstep

PAPER = np.array([1.0, 0.992, 0.965], np.float32)
"""White of the paper, encoded RGB: warm."""
COLD, WARM = np.array([1.8, 1.5, 0.75], np.float32), np.array([1.0, 1.7, 1.45], np.float32)
"""Densities in red, green and blue of the most pigment, ultramarine and sepia: transparent paint is never black."""
SLATE = np.array([0.22, 0.03, -0.42], np.float32)
"""What makes a grey wash bluish, as a share of its density."""
RICHER = 1.25
"""How many times as strong colours become."""
UNEVEN = 0.3
"""How much denser and thinner turbulence makes light washes, as a share."""
FLAT = 0.8
"""How much of the tone within a wash is that of the wash, not of the picture."""
RIM = 0.55
"""How much denser the border of a wash dries, as a share."""
GRANULATION = 0.075
"""How much the grain of the paper changes the density of paint."""


def watercolour(
    passes: dict[str, np.ndarray], pigment: float | np.ndarray = 1.0, wetness: float | np.ndarray = 1.0
) -> np.ndarray:
    """Washes on warm paper with dark dried borders and granulation: (H, W, 3) linear Rec.709.

    The parts of a computer-generated watercolour (Curtis et al. 1997) without its simulation of water: a few flat washes one over
    the other, each below a height of the light and with pigment at its border; their density, which turbulence and the grain of
    the paper change (Bousseau et al. 2006); gaps of white paper between things and dry brush where the paint runs out
    (Montesdeoca et al. 2017). Light above 1.1 turns from paper white to its own radiance.

    pigment, wetness: knobs, one number or (H, W): how much paint there is, with its dark borders and its grain, and from dry
    brush, over crisp washes, to paint that runs within surfaces.
    """
    encoded = encode_log(np.maximum(passes["image"][..., :3], 0))
    pigment, wetness = (np.asarray(knob, np.float32) * np.ones(encoded.shape[:2], np.float32) for knob in (pigment, wetness))
    water, edges, grain = turbulence(passes), borders(passes), paper(encoded.shape[:2])
    calm = flattened(passes, encoded, edges)
    flat, rims = laid(calm, noise_everywhere(passes, 2)[..., 1], grain, wetness)
    crisp = layered(paint(calm), flat)
    wet = np.clip(wetness - 0.9, 0, 1) * (0.75 + 0.25 * water[..., 1])
    density = crisp + (within_edges(crisp, edges, 30) - crisp) * wet[..., None]
    density = density * (1 + UNEVEN * wetness * water[..., 0] / np.maximum(1, 2 * luminance(density)))[..., None]
    density = density * (1 + RIM * pigment * rims * (1 - 0.8 * wet))[..., None]
    density = density + (0.9 * pigment)[..., None] * dried(density)
    density = density * (1 - gaps(edges, water, density))[..., None]
    density = density * (0.35 + 0.65 * pigment + GRANULATION * pigment * grain)[..., None]
    painted = PAPER * (1 + 0.008 * grain)[..., None] * np.exp(-np.maximum(density, 0))
    lamp = smoothstep(1.1, 1.35, encoded.max(-1))[..., None]
    return decode_log(painted + (encoded - painted) * lamp).astype(np.float32)


def flattened(passes: dict[str, np.ndarray], encoded: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The encoded picture without texture: colour averaged within surfaces, up to borders of light."""
    flat = flatten(np.minimum(encoded, 1.1), passes["normal"], passes["albedo"], passes["depth"], radius=4)
    lit = smoothstep(0.02, 0.08, ndimage.gaussian_gradient_magnitude(luminance(flat), 1.0))
    return within_edges(flat, np.maximum(edges, lit), 8)


def paint(flat: np.ndarray) -> np.ndarray:
    """Density of the paint (H, W, 3), from 0 on, that gives encoded colours in a lighter palette: darks are thinned, and greys
    and blacks mixed of colours."""
    density = -np.log(np.clip(flat, 0.02, 1))
    mean = luminance(density)[..., None]
    thin = thinned(mean)
    hue = (density - mean) / np.maximum(mean, 0.02)
    grey = 1 - smoothstep(0.05, 0.3, np.abs(hue).max(-1, keepdims=True))
    warm = smoothstep(0.05, 0.4, hue[..., 2:] - hue[..., :1])
    mixed = thin * (1 + RICHER * hue + SLATE * grey)
    return np.maximum(mixed + (COLD + (WARM - COLD) * warm - mixed) * smoothstep(0.7, 1.4, thin) * 0.8, 0)


def laid(calm: np.ndarray, noise: np.ndarray, grain: np.ndarray, wetness: np.ndarray) -> np.ndarray:
    """Density of flat washes, one over the other, and their dark rims, (2, H, W), as the pens of generators lay them."""
    planes = (plane[..., None] for plane in (noise, grain, wetness))
    return np.moveaxis(shown(lambda *pictures: torch.cat(washes(*pictures), 1), calm, *planes), -1, 0)


def layered(density: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Density as of flat washes."""
    return density * np.clip(1 + FLAT * (flat / np.maximum(luminance(density), 0.02) - 1), 0, 1.8)[..., None]


def dried(density: np.ndarray) -> np.ndarray:
    """Pigment that has gathered inside the borders of washes, (H, W, 3)."""
    near, far = (ndimage.gaussian_filter(density, (sigma, sigma, 0)) for sigma in (1.5, 6))
    return np.maximum(density - near, 0) + 0.4 * np.maximum(near - far, 0)


def gaps(edges: np.ndarray, water: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Where paper stays bare between two washes, (H, W) in [0, 1]: here and there, less between dark ones, and not where borders
    crowd."""
    light = 1 - smoothstep(0.6, 1.2, ndimage.maximum_filter(luminance(density), 5))
    alone = 1 - smoothstep(0.2, 0.4, ndimage.gaussian_filter(edges, 6))
    strength = (0.4 + 0.6 * light) * alone * smoothstep(-0.6, 0.3, water[..., 0])
    return np.minimum(0.95, 1.5 * ndimage.gaussian_filter(edges, 1)) * strength


def turbulence(passes: dict[str, np.ndarray]) -> np.ndarray:
    """How much water and pigment lie where (H, W, 2), about -1 to 1: slow beats of the noise."""
    first, second = np.moveaxis(noise_everywhere(passes, 2), -1, 0)
    beats = (first**2 - second**2, 2 * first * second)
    return np.stack([np.tanh(6 * ndimage.gaussian_filter(beat, 16)) for beat in beats], -1)


def paper(shape: tuple[int, int]) -> np.ndarray:
    """Height of the paper (H, W), deviation about 1, in its fine grain."""
    return shown(relief, paper_grain(*shape, 1))[..., 0]
