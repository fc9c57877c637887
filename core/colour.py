"""Colour arithmetic on arrays, each curve with its inverse; export/networks/encoding.py has the same for tensors in a graph.

Linear values are scene-linear Rec.709; arrays have any shape, colour in the last axis where it matters.
"""

import numpy as np

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in the luminance of linear Rec.709 (ITU-R BT.709)."""
HALF_MAX = 65504.0
"""Largest half float; what an infinite radiance counts as."""
LOG_GAIN = 64.0
"""The log curve's slope at black, up to a constant: the larger it is, the more dark tones count."""


def luminance(rgb: np.ndarray) -> np.ndarray:
    """(..., 3), linear or log encoded, to (...): the weighted sum of the channels."""
    return (rgb * np.array(LUMINANCE, np.float32)).sum(-1)


def encode_log(linear: np.ndarray) -> np.ndarray:
    """Radiance to a perceptual log scale, log(1 + 64 x) / log(65): 0 to 0, 1 to 1, 65504 to 3.65; below 0 gives 0."""
    return np.log1p(LOG_GAIN * np.maximum(linear, 0)) / np.log1p(LOG_GAIN)


def decode_log(encoded: np.ndarray) -> np.ndarray:
    """The inverse of encode_log() for values from 0 on; below 0 gives 0."""
    return np.expm1(np.maximum(encoded, 0) * np.log1p(LOG_GAIN)) / LOG_GAIN


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """Radiance in [0, 1] to display values in [0, 1], float32 (IEC 61966-2-1)."""
    x = np.asarray(linear)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 0.0031308) ** (1 / 2.4) - 0.055).astype(np.float32)


def decode_srgb(encoded: np.ndarray) -> np.ndarray:
    """The inverse of encode_srgb(), [0, 1] to [0, 1], float32."""
    x = np.asarray(encoded)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)
