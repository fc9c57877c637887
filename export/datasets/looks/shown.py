"""What generators do with tensors, done with the pictures of looks."""

from collections.abc import Callable

import numpy as np
import torch


def shown(module: Callable[..., torch.Tensor], *pictures: np.ndarray) -> np.ndarray:
    """What a module or function of tensors makes of pictures (H, W, c), (H, W, C); it sees sides that are multiples of 8."""
    height, width = pictures[0].shape[:2]
    lacking = ((0, -height % 8), (0, -width % 8), (0, 0))
    evened = [np.pad(p, lacking, mode="edge").transpose(2, 0, 1)[None] for p in pictures]
    with torch.no_grad():
        noise = module(*(torch.from_numpy(np.ascontiguousarray(p, np.float32)) for p in evened))
    return noise[0].numpy().transpose(1, 2, 0)[:height, :width]
