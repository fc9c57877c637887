"""How strong strokes are: what is fine in what a generator changes, laid fainter or stronger than it has learned."""

from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

CELL = 4
"""Side in pixels of the squares that a change's broad part is made of."""


def strokes_of(change: Tensor) -> Tensor:
    """What a change (B, c, H, W), H and W multiples of CELL, has in waves of up to 16 pixels or so, as in unsharp masking."""
    broad = avg_pool2d(avg_pool2d(change, CELL), 3, stride=1, padding=1, count_include_pad=False)
    return change - interpolate(broad, scale_factor=float(CELL), mode="bilinear")
