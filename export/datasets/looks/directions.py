"""Directions along the form, as a brush or a pen follows it."""

import numpy as np
from scipy import ndimage


def directions(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (x, y), y down, along strokes and crossed strokes: (2, H, W) each, turning smoothly with the surface."""
    smooth = ndimage.gaussian_filter(normal, (5, 5, 0))
    angle = np.radians(48) - np.radians(40) * smooth[..., 2] + np.radians(35) * smooth[..., 0]
    return tuple(np.stack([np.cos(a), -np.sin(a)]) for a in (angle, angle + np.radians(65)))
