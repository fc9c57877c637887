"""Tells whether a painted frame lies where its rendered frame does. Arithmetic alone, no bpy here."""

import numpy as np

SIDE = 256
"""Pixels that frames are reduced to along their longer side."""
CLEAR = 2.0
"""Times as alike as unmoved that frames must be when moved, for it to be told: a painter may draw outlines a bit off."""
ALIKE = 0.2
"""The least correlation of edges that says anything."""
NEAR = 1
"""Reduced pixels that count as unmoved."""


def shift_between(rendered: np.ndarray, painted: np.ndarray) -> tuple[int, int]:
    """(right, down) in pixels by which the painted frame is moved; (0, 0) unless that is plain.

    Two pictures (H, W, 3) of one size, in display values, compared by the correlation of their edges.
    """
    step = max(1, max(rendered.shape[:2]) // SIDE)
    first, second = (_edges(picture, step) for picture in (rendered, painted))
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    if not scale > 0:
        return 0, 0
    likeness = np.fft.irfft2(np.conj(np.fft.rfft2(first)) * np.fft.rfft2(second), first.shape) / scale
    unmoved = max(likeness[y, x] for y in range(-NEAR, NEAR + 1) for x in range(-NEAR, NEAR + 1))
    y, x = np.unravel_index(likeness.argmax(), likeness.shape)
    if likeness[y, x] < ALIKE or likeness[y, x] < CLEAR * max(unmoved, 0.0):
        return 0, 0
    height, width = first.shape
    return int((x - width if x > width // 2 else x) * step), int((y - height if y > height // 2 else y) * step)


def _edges(picture: np.ndarray, step: int) -> np.ndarray:
    """How steep the reduced picture is, without its mean; borders count as flat, so that they don't hold the frames together."""
    height, width = (side // step * step for side in picture.shape[:2])
    small = picture[:height, :width].mean(-1).reshape(height // step, step, width // step, step).mean((1, 3))
    slopes = np.zeros_like(small)
    slopes[1:-1, 1:-1] = np.hypot(small[1:-1, 2:] - small[1:-1, :-2], small[2:, 1:-1] - small[:-2, 1:-1])
    return slopes - slopes.mean()
