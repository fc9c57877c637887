"""Watercolour: transparent washes on white paper, whose pigment gathers at their borders and in the grain of the paper."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from .anchored import noise_everywhere, paper_grain
from .lines import borders
from .smoothing import within_edges
from .tones import flatten, quantise, smoothstep

PAPER = np.array([1.0, 0.992, 0.965], np.float32)
"""White of the paper, encoded RGB: warm."""
COLD, WARM = np.array([2.5, 2.2, 1.0], np.float32), np.array([1.3, 2.4, 2.0], np.float32)
"""Densities in red, green and blue of the most pigment, ultramarine and sepia: transparent paint is never black."""
SLATE = np.array([0.2, 0.03, -0.4], np.float32)
"""What makes a grey wash bluish, as a share of its density."""
THINNED = 1.7, 2.0
"""Density of the darkest wash, and how dense the picture is where most of that is reached."""
RICHER = 1.45
"""How many times as strong colours become."""
UNEVEN = 0.26
"""How much denser and thinner turbulence makes light washes, as a share."""
TONES = 5.0
"""Layers of paint from white to the darkest."""
GRANULATION = 0.08
"""How much the grain of the paper changes the density of paint."""


def watercolour(
    passes: dict[str, np.ndarray], pigment: float | np.ndarray = 1.0, wetness: float | np.ndarray = 1.0
) -> np.ndarray:
    """Washes on warm paper with dark dried borders and granulation: (H, W, 3) linear Rec.709.

    The parts of a computer-generated watercolour (Curtis et al. 1997) without its simulation of water: pigment as density over
    paper, which borders, turbulence and the grain of the paper change (Bousseau et al. 2006), gaps of white paper between washes
    (Montesdeoca et al. 2017). Light above 1.1 turns from paper white to its own radiance.

    pigment, wetness: knobs, one number or (H, W): how much paint there is, with its dark borders and its grain, and how far it
    runs within surfaces.
    """
    encoded = encode_log(np.maximum(passes["image"][..., :3], 0))
    pigment, wetness = (np.asarray(knob, np.float32) * np.ones(encoded.shape[:2], np.float32) for knob in (pigment, wetness))
    water, edges = turbulence(passes), borders(passes)
    wash = paint(washes(passes, encoded, edges))
    density = run(layered(wash, wetness), within_edges(wash, edges, 30), wetness, water)
    density = density * (1 + UNEVEN * wetness * water[..., 0] / np.maximum(1, 3 * luminance(density)))[..., None]
    density = density + (1.2 * pigment)[..., None] * dried(density)
    density = density * (1 - np.minimum(1, 0.8 * pigment * gaps(edges, water, density)))[..., None]
    density = density * (0.5 + 0.5 * pigment + GRANULATION * pigment * paper(edges.shape))[..., None]
    painted = PAPER * np.exp(-density)
    lamp = smoothstep(1.1, 1.35, encoded.max(-1))[..., None]
    return decode_log(painted + (encoded - painted) * lamp).astype(np.float32)


def washes(passes: dict[str, np.ndarray], encoded: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The encoded picture without texture: colour averaged within surfaces, up to borders of light."""
    flat = flatten(np.minimum(encoded, 1.1), passes["normal"], passes["albedo"], passes["depth"], radius=4)
    lit = smoothstep(0.02, 0.08, ndimage.gaussian_gradient_magnitude(luminance(flat), 1.0))
    return within_edges(flat, np.maximum(edges, lit), 8)


def paint(flat: np.ndarray) -> np.ndarray:
    """Density of the paint (H, W, 3), from 0 on, that gives encoded colours in a lighter palette: darks are thinned, and greys
    and blacks mixed of colours."""
    density = -np.log(np.clip(flat, 0.02, 1))
    mean = luminance(density)[..., None]
    thinned = THINNED[0] * (1 - np.exp(-mean / THINNED[1]))
    hue = (density - mean) / np.maximum(mean, 0.02)
    grey = 1 - smoothstep(0.05, 0.3, np.abs(hue).max(-1, keepdims=True))
    warm = smoothstep(0.05, 0.4, hue[..., 2:] - hue[..., :1])
    mixed = thinned * (1 + RICHER * hue + SLATE * grey)
    return np.maximum(mixed + (COLD + (WARM - COLD) * warm - mixed) * smoothstep(0.9, 1.7, thinned) * 0.8, 0)


def layered(density: np.ndarray, wetness: np.ndarray) -> np.ndarray:
    """Density as of a few layers of paint, whose borders water softens."""
    tone = np.exp(-luminance(density))
    stepped = tone + 0.6 * np.maximum(1.4 - 0.4 * wetness, 0) * (quantise(tone, TONES, 8.0) - tone)
    return density * (np.log(np.maximum(stepped, 0.02)) / np.log(np.minimum(tone, 0.999)))[..., None]


def run(density: np.ndarray, far: np.ndarray, wetness: np.ndarray, water: np.ndarray) -> np.ndarray:
    """Density of paint that runs within surfaces, towards that of far around, the more water the further."""
    return density + (far - density) * np.clip(wetness * (0.4 + 0.3 * water[..., 1]), 0, 0.95)[..., None]


def dried(density: np.ndarray) -> np.ndarray:
    """Pigment that has gathered inside the borders of washes, (H, W, 3)."""
    near, far = (ndimage.gaussian_filter(density, (sigma, sigma, 0)) for sigma in (1.5, 6))
    return np.maximum(density - near, 0) + 0.4 * np.maximum(near - far, 0)


def gaps(edges: np.ndarray, water: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Where paper stays white between two light washes, (H, W) in [0, 1]: here and there, and not where borders crowd."""
    light = 1 - smoothstep(0.5, 1.1, ndimage.maximum_filter(luminance(density), 5))
    alone = 1 - smoothstep(0.2, 0.4, ndimage.gaussian_filter(edges, 6))
    return np.minimum(1, 1.4 * ndimage.gaussian_filter(edges, 1)) * light * alone * smoothstep(-0.6, 0.3, water[..., 0])


def turbulence(passes: dict[str, np.ndarray]) -> np.ndarray:
    """How much water and pigment lie where (H, W, 2), about -1 to 1: slow beats of the noise."""
    first, second = np.moveaxis(noise_everywhere(passes, 2), -1, 0)
    beats = (first**2 - second**2, 2 * first * second)
    return np.stack([np.tanh(6 * ndimage.gaussian_filter(beat, 16)) for beat in beats], -1)


def paper(shape: tuple[int, int]) -> np.ndarray:
    """Height of the paper (H, W), deviation about 1, in its fine grain."""
    rough = paper_grain(*shape, 1)[..., 0]
    return rough - ndimage.gaussian_filter(rough, 4)
