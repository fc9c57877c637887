"""Hologram: the scene as a projection of light, rims and interference on surfaces, thinning with distance."""

import numpy as np
from scipy import ndimage

from .anchored import surface_noise
from .tones import LUMA, decode, encode, flatten, smoothstep

NIGHT = np.array([0.004, 0.010, 0.022], np.float32)
BEAM = np.array([0.10, 0.62, 1.00], np.float32)
HOT = np.array([0.55, 0.95, 1.00], np.float32)
"""Where nothing is projected, the beam, and where it is strongest; linear Rec.709."""
FOCAL = 1.2
"""Focal length in widths of the frame, about that of a camera of 50 degrees."""


def hologram(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Light of one colour, strong on rims and creases, in bands that stick to surfaces: (H, W, 3) linear Rec.709.

    Rims are where a surface turns away from the eye (the Fresnel term of Schlick 1994, on the slope of depth), bands are level
    lines of noise on the surface, as interference fringes are of distance; light thins with distance and bleeds (Spencer et al.
    1995). Radiance above 1 keeps its value.
    """
    rgb, depth = np.maximum(passes["image"][..., :3], 0), np.clip(passes["depth"][..., 0], 0.01, 1e4)
    known = smoothstep(0.2, 0.6, np.abs(passes["normal"]).sum(-1))
    tone = (flatten(encode(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=4) * LUMA).sum(-1)
    near = 1 / (1 + depth / 25)
    body = 0.05 + 0.5 * np.minimum(tone, 1.1) ** 1.5
    body *= 1 + 0.10 * known * bands(passes["position"])
    level = body * (0.25 + 0.75 * known) + known * (0.35 * rim(depth) + 0.25 * creases(passes["normal"]))
    level = (level + 0.3 * ndimage.gaussian_filter(level * known, 12)) * (0.45 + 0.55 * near)
    lamp = smoothstep(0.95, 1.15, tone)
    level = np.clip(level, 0, 1.3)[..., None]
    beam = encode(NIGHT) + (encode(BEAM) - encode(NIGHT)) * np.minimum(level / 0.9, 1)
    beam += (encode(HOT) - beam) * smoothstep(0.8, 1.3, level)
    shining = encode(rgb).max(-1, keepdims=True) * encode(HOT)
    return decode(beam + (shining - beam) * lamp[..., None]).astype(np.float32)


def rim(depth: np.ndarray) -> np.ndarray:
    """How far the surface is turned away, [0, 1]: (1 - cosine) ** 2 of the angle that the slope of depth tells."""
    far = np.log(depth)
    slope = [np.clip(ndimage.convolve1d(far, [-0.5, 0, 0.5], axis=axis, mode="nearest"), -0.05, 0.05) for axis in (0, 1)]
    tangent = FOCAL * depth.shape[1] * np.hypot(*slope)
    return ndimage.gaussian_filter((1 - 1 / np.sqrt(1 + tangent**2)) ** 2, 1.5)


def creases(normal: np.ndarray) -> np.ndarray:
    """Light [0, 1] along edges of the form, 3 px soft."""
    turn = sum(ndimage.gaussian_gradient_magnitude(normal[..., i], 1.8) ** 2 for i in range(3)) ** 0.5
    return smoothstep(0.06, 0.35, turn)


def bands(position: np.ndarray) -> np.ndarray:
    """Level lines of the surface's noise, [-1, 1], soft."""
    first, second = (ndimage.gaussian_filter(n, 1) for n in surface_noise(position, 2).transpose(2, 0, 1))
    return np.sin(np.pi * 1.5 * (first + 0.5 * second))
