"""FLIP: the difference between two pictures as somebody sees who flips between them (Andersson et al. 2020 and 2021)."""

import flip_evaluator
import numpy as np
from torch import Tensor

from ..networks.encoding import display
from .motion import follow

PIXELS_PER_DEGREE = 67.0
"""A screen of 0.7 m and 3840 px seen from 0.7 m, as in the paper."""


def flip(reference: Tensor, test: Tensor) -> np.ndarray:
    """The difference at each pixel, (H, W) in [0, 1], of two scene-linear pictures (1, 3, H, W) as a screen shows them."""
    shown = (np.ascontiguousarray(display(picture)[0].permute(1, 2, 0).numpy()) for picture in (reference, test))
    found, _, _ = flip_evaluator.evaluate(
        *shown, "LDR", inputsRGB=True, applyMagma=False, computeMeanError=False, parameters={"ppd": PIXELS_PER_DEGREE}
    )
    return found[..., 0]


def flip_over_time(now: Tensor, later: Tensor, seen: Tensor, vector: Tensor) -> float | None:
    """Mean FLIP of a picture and the one at t + 1, followed back to t, over what stays in sight; None if nothing does.

    seen: (1, 1, H, W) from motion.in_sight(); vector: the pass (1, 4, H, W) at t.
    """
    mask = seen[0, 0].numpy() > 0
    return float(flip(now, follow(later, vector))[mask].mean()) if mask.any() else None
