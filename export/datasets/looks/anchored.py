"""Patterns that stick to surfaces, so that what a look draws moves with what it is drawn on."""

from functools import cache

import numpy as np
import torch

from ...networks.surface_noise import SurfaceNoise


def surface_noise(position: np.ndarray, channels: int) -> np.ndarray:
    """The noise that a generator with `--noise` sees: position (H, W, 3) to (H, W, channels), about [-1, 1], waves of 16 px."""
    height, width = position.shape[:2]
    even = np.pad(position, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").transpose(2, 0, 1)[None]
    with torch.no_grad():
        noise = _module(channels)(torch.from_numpy(np.ascontiguousarray(even, np.float32)))
    return noise[0].numpy().transpose(1, 2, 0)[:height, :width]


@cache
def _module(channels: int) -> SurfaceNoise:
    return SurfaceNoise(channels)
