"""Hologram: a projection of cold light that shows form by its rims and borders."""

import numpy as np
from scipy import ndimage

from core.colour import encode_log, luminance

from .anchored import surface_noise
from .lines import outlines, slope
from .smoothing import within_edges
from .tones import smoothstep

CYAN, BLUE = np.array([0.05, 0.85, 1.0], np.float32), np.array([0.22, 0.25, 1.0], np.float32)
"""Colours of the projection where the picture is light and where it is dark, linear."""
FAR = 1e9
"""Depth beyond which there is no surface."""
WARM = np.array([1.0, 0.12, 0.6], np.float32)
"""Colour of the projection where the picture is warm, linear."""


def hologram(passes: dict[str, np.ndarray]) -> np.ndarray:
    """A projection that glows in the dark: (H, W, 3) linear Rec.709, >= 0.

    Surfaces are clear in front and bright where they turn away (after Schlick 1994), crossed by scan lines that stick to them
    (noise smeared sideways, as Cabral and Leedom 1993 smear it along a field), drawn around in light (Saito and Takahashi
    1990), all with a halo (Spencer et al. 1995). Lights are cyan and darks blue. Radiance above 1 keeps its value.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    depth = np.maximum(passes["depth"][..., 0], np.finfo(np.float32).tiny)
    solid = (depth < FAR).astype(np.float32)
    encoded = encode_log(rgb)
    tone = luminance(encoded)
    rim = rims(passes["normal"], depth) * solid
    body = within_edges(tone[..., None], np.clip(4 * rim, 0, 1), 4)[..., 0]
    scan = scan_lines(surface_noise(passes["position"], 2)[..., 0])
    fade = 0.25 + 0.75 * solid
    drawn = ndimage.gaussian_filter(outlines(passes, np.full_like(tone, 0.6)), 1.0)
    light = fade * (0.24 * np.minimum(body, 1.2) ** 2.5 * (1 + 0.3 * scan) + 0.6 * rim + 0.8 * drawn)
    halo = sum(ndimage.gaussian_filter(light, sigma) for sigma in (4, 12)) / 2
    colour = hue(encoded, tone)
    out = colour * (light + 0.6 * halo)[..., None] + 0.5 * np.maximum(light - 0.5, 0)[..., None]
    out = out + np.array([0.001, 0.004, 0.012], np.float32)
    shines = smoothstep(1.15, 1.6, encoded.max(-1) * solid)[..., None]
    return (out + (rgb * (0.4 + 0.6 * colour) * 1.2 - out) * shines).astype(np.float32)


def rims(normal: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """How far a surface turns away from the eye, (H, W) in [0, 1]: from the slope of its depth, which needs no camera."""
    far = np.log(depth)
    steepness = np.minimum(np.hypot(*(ndimage.gaussian_filter1d(far, 1.0, axis=axis, order=1) for axis in (0, 1))), 0.05)
    facing = 1 / np.sqrt(1 + (steepness * depth_per_pixel(far)) ** 2)
    return (1 - facing) ** 1.5 * smoothstep(0.003, 0.02, slope(normal, 2.0))


def depth_per_pixel(far: np.ndarray) -> float:
    """Focal length in pixels of a common lens (50 mm on 36 mm) for this picture."""
    return 1.39 * far.shape[1]


def scan_lines(noise: np.ndarray) -> np.ndarray:
    """Noise on surfaces (H, W) to sideways streaks, [-1, 1]."""
    streaks = ndimage.gaussian_filter1d(noise, 10, axis=1)
    streaks = streaks - ndimage.gaussian_filter1d(streaks, 6, axis=0)
    return np.tanh(6 * streaks)


def hue(encoded: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Colour of the projected light (H, W, 3), linear."""
    dark = 1 - smoothstep(0.15, 0.7, tone)[..., None]
    warm = smoothstep(0.05, 0.35, (encoded[..., 0] - encoded[..., 2]) / (tone + 0.1))[..., None]
    cold = CYAN + (BLUE - CYAN) * dark
    return cold + 0.9 * warm * (WARM - cold)
