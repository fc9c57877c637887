"""Lines of looks: where a draughtsman would put ink."""

import numpy as np
from scipy import ndimage

from .tones import encode, smoothstep

CROWD = 8
"""Pixels over which crowded lines are thinned out."""


def contours(passes: dict[str, np.ndarray], tone: np.ndarray) -> np.ndarray:
    """Ink coverage [0, 1] of outlines (wide, at steps of depth) and inner lines (thin, at creases and changes of material)."""
    depth = np.log(np.clip(passes["depth"][..., 0], 0.01, 1e4))
    # The second derivative is zero on a plane seen at a slant, where the first one is not.
    step = np.abs(ndimage.convolve1d(depth, [1, -2, 1], axis=0)) + np.abs(ndimage.convolve1d(depth, [1, -2, 1], axis=1))
    crease = sum(ndimage.gaussian_gradient_magnitude(passes["normal"][..., i], 0.8) ** 2 for i in range(3)) ** 0.5
    material = sum(ndimage.gaussian_gradient_magnitude(encode(passes["albedo"][..., i]), 0.8) ** 2 for i in range(3)) ** 0.5
    # Depth is not antialiased: blurring and a new threshold round the staircase off.
    outline = smoothstep(0.2, 0.6, ndimage.gaussian_filter(smoothstep(0.04, 0.12, step), 1.1))
    inner = np.maximum(0.8 * smoothstep(0.18, 0.4, crease), 0.6 * smoothstep(0.06, 0.16, material))
    ink = np.clip(np.maximum(outline, inner), 0, 1) * (1 - smoothstep(1.3, 1.6, tone))
    # Where lines crowd, as in foliage, a draughtsman leaves most of them out.
    return ink * (1 - 0.8 * smoothstep(0.22, 0.5, ndimage.gaussian_filter(ink, CROWD)))
