"""A wall to draw on."""

import numpy as np


def wall(height=96, width=144, right=0.0):
    """Passes of a grey wall looked at straight, 1 cm a pixel, that begins `right` pixels further right."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return {
        "image": np.full((height, width, 4), 0.3, np.float32),
        "depth": np.full((height, width, 1), 5, np.float32),
        "normal": np.full((height, width, 3), [0, -1, 0], np.float32),
        "albedo": np.full((height, width, 3), 0.5, np.float32),
        "position": np.stack([0.01 * (x + right), np.ones_like(x), -0.01 * y], -1),
    }
