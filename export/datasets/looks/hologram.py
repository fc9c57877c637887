"""Hologram: a projection of cold light that shows form by its rims and borders."""

import numpy as np
from scipy import ndimage

from core.colour import encode_log, luminance

from .lines import borders, outlines, sides, slope
from .smoothing import FAR, within_edges
from .tones import smoothstep

CYAN, BLUE = np.array([0.05, 0.85, 1.0], np.float32), np.array([0.1, 0.4, 1.0], np.float32)
"""Colours of the projection where the picture is light and where it is dark, linear."""
WARM = np.array([1.0, 0.12, 0.6], np.float32)
"""Colour of the projection where the picture is warm, linear."""
NIGHT = np.array([0.001, 0.004, 0.012], np.float32)
"""Light where nothing is projected, linear."""
SCAN = 8
"""Rows of the frame from one scan line to the next: as many as a generator's coarsest step, which finds them by that."""
DARKER = 0.25
"""Light that is missing between scan lines, as a share."""


def hologram(passes: dict[str, np.ndarray], glow: float | np.ndarray = 1.0, scan_lines: float | np.ndarray = 1.0) -> np.ndarray:
    """A projection that glows in the dark: (H, W, 3) linear Rec.709, >= 0.

    Surfaces are clear in front and bright where they turn away (after Schlick 1994), drawn around in light (Saito and Takahashi
    1990), all with a halo (Spencer et al. 1995), and crossed by the scan lines of the frame. Lights are cyan and darks blue.
    Radiance above 1 keeps its value.

    glow, scan_lines: knobs, one number or (H, W): how bright lines and their halo are, and how dark it is between scan lines.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    depth = np.maximum(passes["depth"][..., 0], np.finfo(np.float32).tiny)
    solid = (depth < FAR).astype(np.float32)
    encoded = encode_log(rgb)
    edges = borders(passes)
    rim = rims(passes["normal"], depth) * solid
    calm = within_edges(np.minimum(encoded, 1.2), edges, 8)
    tone = luminance(calm)
    drawn = ndimage.gaussian_filter(outlines(passes, np.full_like(tone, 0.6)), 1.2)
    drawn = drawn * (1 - 0.6 * smoothstep(0.12, 0.35, ndimage.gaussian_filter(drawn, 12)))
    body = (0.1 + 0.9 * solid) * 0.22 * tone**2.2
    line = 0.5 * rim + 0.9 * drawn
    halo = sum(ndimage.gaussian_filter(0.5 * body + line, sigma) for sigma in (4, 12)) / 2
    light = (body + (0.3 + 0.7 * glow) * line + 0.7 * glow * halo) * scanned(rgb.shape[:2], scan_lines)
    colour = ndimage.gaussian_filter(hue(calm, tone), (1.5, 1.5, 0))
    out = colour * light[..., None] + 0.45 * np.maximum(light - 0.5, 0)[..., None] + NIGHT
    shines = smoothstep(1.15, 1.6, encoded.max(-1) * solid)[..., None]
    return (out + (rgb * (0.4 + 0.6 * colour) * 1.2 - out) * shines).astype(np.float32)


def rims(normal: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """How far a surface turns away from the eye, (H, W) in [0, 1]: from the slope of its depth, which needs no camera."""
    # Bumps have no rims, and what has creases is drawn around already.
    normal = within_edges(normal, np.maximum(*sides(depth[..., None])), 10)
    far = np.log(depth)
    steepness = np.minimum(np.hypot(*(ndimage.gaussian_filter1d(far, 1.5, axis=axis, order=1) for axis in (0, 1))), 0.05)
    facing = 1 / np.sqrt(1 + (steepness * depth_per_pixel(far)) ** 2)
    return (1 - facing) ** 1.5 * smoothstep(0.005, 0.03, slope(normal, 2.0))


def depth_per_pixel(far: np.ndarray) -> float:
    """Focal length in pixels of a common lens (50 mm on 36 mm) for this picture."""
    return 1.39 * far.shape[1]


def scanned(shape: tuple[int, int], scan_lines: float | np.ndarray) -> np.ndarray:
    """The share of light (H, W) that scan lines leave: least between two of them."""
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(shape[0]) / SCAN)
    return np.maximum(1 - DARKER * scan_lines * (wave**2)[:, None], 0) * np.ones(shape, np.float32)


def hue(encoded: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Colour of the projected light (H, W, 3), linear."""
    dark = 1 - smoothstep(0.05, 0.45, tone)[..., None]
    warm = smoothstep(0.05, 0.35, (encoded[..., 0] - encoded[..., 2]) / (tone + 0.1))[..., None]
    cold = CYAN + (BLUE - CYAN) * dark
    return cold + 0.9 * warm * (WARM - cold)
