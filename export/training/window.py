"""The part of a crop that a projected discriminator judges.

It lies anywhere in what the generator sees: always at the crop's border, the padding there would give every output away, and
always at one place, the generator would hide a lattice between those that the judge's strides look at.
"""

from typing import NamedTuple

import numpy as np
from torch import Tensor

from ..modes import JUDGED_SHIFT


class Window(NamedTuple):
    """Rows and columns, the same in all crops of a step."""

    rows: slice
    columns: slice

    def of(self, crops: Tensor) -> Tensor:
        """(..., H, W) to (..., h, w)."""
        return crops[..., self.rows, self.columns]


def side_of(crop: int) -> int:
    """How high and wide a window is in a crop of a side."""
    return crop - JUDGED_SHIFT


def draw_window(crop: int, rng: np.random.Generator) -> Window:
    """A window in a crop of a side."""
    return Window(*(slice(int(start), int(start) + side_of(crop)) for start in rng.integers(0, JUDGED_SHIFT + 1, size=2)))
