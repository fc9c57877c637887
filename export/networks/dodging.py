"""Dodging, as in a darkroom: what is dark is shown to a generator in more light, painted there, and made as dark again, so that
strokes and hues are laid in the dark as in the light."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from .encoding import decode, encode

CELL, WINDOW = 8, 5
"""Side in pixels of the squares by whose means light is known, and squares on a side of those that it is averaged over, twice."""
DARKEST = 2.0**-3
"""Share of the light that is wanted from which on no more is lent: three stops. Night stays darker than day."""
PAINTED, LIGHTER = 0.7, 1.45
"""Power of that share by which it is taken back, and how many times that stays, at most all. Less is taken back than was lent,
since paintings are darker than what they show: those that ship with a style paint half of a tenth of white there. So the night
stays about as dark as it was."""


def exposures(image: Tensor, light: float) -> tuple[Tensor, Tensor]:
    """By how much a scene-linear image (B, 3, H, W), H and W multiples of CELL, is darker than `light` (above 0, scene-linear),
    smoothly over some 60 pixels, and what a picture of it in that light is multiplied by to be as dark: (B, 1, H, W) each in
    [DARKEST, 1], 1 where it is as light or lighter.

    By the mean on the log curve, as of Reinhard et al. 2002, section 3.2, who dodge and burn, so that a lamp counts for little.
    """
    cells = avg_pool2d(encode(image).sum(1, keepdim=True) * (1 / 3), CELL)
    for _ in range(2):
        cells = avg_pool2d(cells, WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False)
    share = torch.clamp(decode(cells) * (1 / light), DARKEST, 1.0)
    share = interpolate(share, scale_factor=float(CELL), mode="bilinear")
    return share, torch.clamp(torch.exp(torch.log(share) * PAINTED) * LIGHTER, max=1.0)


def exposed(encoded: Tensor, exposure: Tensor) -> Tensor:
    """An encoded picture (B, 3, H, W) whose light is multiplied by an exposure (B, 1, H, W) above 0; what is below 0 stays."""
    return encode(decode(encoded) * exposure) - torch.relu(-encoded)
