"""Scan lines: rows of the frame that are lit and dark in turn, for a generator to paint by."""

import math

from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from .strokes import sine


class ScanLines(nn.Module):
    """Columns and rows (B, 2, H, W) to a wave down the frame (B, 1, H, W) of deviation 1, lowest in row 0.

    rows: from one scan line to the next.
    """

    def __init__(self, rows: int):
        super().__init__()
        self.rows = rows

    def forward(self, place: Tensor) -> Tensor:
        row = max_pool2d(place[:, 1:], 1)  # as it is, where convolutions may round
        return sine(row * (1 / self.rows) - 0.25) * math.sqrt(2)
