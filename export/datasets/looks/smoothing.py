"""Smoothing that stops at edges, over areas too wide for a window."""

import numpy as np
from scipy import ndimage

from core.colour import encode_log, luminance

from .tones import smoothstep

FAR = 1e9
"""Depth beyond which there is no surface."""


def within_edges(picture: np.ndarray, edges: np.ndarray, reach: float, rounds: int = 2) -> np.ndarray:
    """Average a picture (H, W, c) over about `reach` pixels, nothing across edges (H, W): 0 open, 1 a wall, >= 0.

    The recursive filter of the domain transform (Gastal and Oliveira 2011): distance grows with the edges that a path crosses.
    """
    smooth = picture.astype(np.float32)
    for turn in range(rounds):
        sigma = reach * np.sqrt(3) * 2 ** (rounds - turn - 1) / np.sqrt(4**rounds - 1)
        keep = np.exp(-np.sqrt(2) / sigma * (1 + 4 * reach * edges)).astype(np.float32)
        for axis in (1, 0):
            rows, kept = np.moveaxis(smooth, axis, 0).copy(), np.moveaxis(keep, axis, 0)[..., None]
            # A step between two pixels is as hard as the harder of them.
            between = np.minimum(kept[1:], kept[:-1])
            for i in range(1, len(rows)):
                rows[i] += between[i - 1] * (rows[i - 1] - rows[i])
            for i in range(len(rows) - 2, -1, -1):
                rows[i] += between[i] * (rows[i + 1] - rows[i])
            smooth = np.moveaxis(rows, 0, axis)
    return smooth


def scenery(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Where light changes in what lies behind all surfaces, as a panorama does, (H, W) in [0, 1]: it has no other borders."""
    light = luminance(np.minimum(encode_log(np.maximum(passes["image"][..., :3], 0)), 1.2))
    edges = smoothstep(0.02, 0.06, ndimage.gaussian_gradient_magnitude(light, 1.0))
    return edges * (passes["depth"][..., 0] >= FAR)
