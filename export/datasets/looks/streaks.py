"""Streaks along the form: noise that sticks to surfaces, drawn out as a brush or a pen draws."""

import numpy as np
from scipy import ndimage

from .tones import smoothstep

REACH = 30
"""Pixels that a stroke reaches to either side: half its length."""
STEP = 2
"""Pixels between the samples along a stroke."""
EVEN = 12
"""Pixels over which the strength of the streaks is evened out."""


def directions(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (x, y), y down, along strokes and crossed strokes: (2, H, W) each, turning smoothly with the surface."""
    smooth = ndimage.gaussian_filter(normal, (5, 5, 0))
    angle = np.radians(48) - np.radians(40) * smooth[..., 2] + np.radians(35) * smooth[..., 0]
    return tuple(np.stack([np.cos(a), -np.sin(a)]) for a in (angle, angle + np.radians(65)))


def streaks(grain: np.ndarray, direction: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Line integral convolution of the grain along the direction (Cabral and Leedom 1993): (H, W), of about unit variance."""
    limit = np.array(grain.shape)[:, None, None] - 1
    start = np.mgrid[: grain.shape[0], : grain.shape[1]].astype(np.float32)
    total, weights = grain.copy(), np.ones_like(grain)
    for step in (-STEP, STEP):
        place, (row, column) = start, start.astype(np.int32)
        for distance in range(STEP, REACH, STEP):
            place = place + step * direction[::-1, row, column]
            row, column = np.clip(place + 0.5, 0, limit).astype(np.int32)
            same = smoothstep(0.5, 0.9, (normal * normal[row, column]).sum(-1))
            weight = same * np.cos(np.pi / 2 * distance / REACH) ** 2
            total += weight * ndimage.map_coordinates(grain, place, order=1, mode="nearest")
            weights += weight
    streak = total / weights
    return streak / (ndimage.gaussian_filter(streak**2, EVEN) ** 0.5 + 0.02)
