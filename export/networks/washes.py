"""Washes of watercolour in closed form, of the frame's light at full size: looks paint with them (see datasets/looks/
watercolour.py), and pens lay them in generators that work at a fraction of the size (see pens.py)."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from .light import BORDER, CELL, LEVEL, SHINES, WHITE, light_of, slope

HEIGHTS = 0.88, 0.7, 0.5, 0.28, 0.12
"""Light, on the log curve, below which each wash lies over those before it."""
THINNED = 1.28, 1.8
"""Density of the darkest wash, and how dense the picture is where most of that is reached."""
PALE = 0.4
"""How much of the paint for its light the paper has where no wash lies."""
WOBBLE, STEEPEST = 4.5, 0.02
"""Pixels that noise moves the borders of washes by, more or less, so that slow gradients do not break up into blotches; and the
change of light a pixel up to which it does, lest it tears the borders of things."""
DRY, LIGHT = 0.09, 0.6
"""How much light the paper's grain is worth to dry brush, and the height from which on a wash is light enough to show it."""
RUNS = 8.0
"""How many times wider borders become where paint is wet."""
GATHERS = 11.0
"""How dark a rim is, for each unit by which a wash is denser than what is around."""


def thinned(density: np.ndarray) -> np.ndarray:
    """Density of paint for that of the picture: darks are thinned."""
    return THINNED[0] * (1 - np.exp(-density / THINNED[1]))


FLAT = [float(thinned(-np.log((above + below) / 2))) for above, below in pairwise((1.0, *HEIGHTS, 0.03))]
"""Density of paint with each further wash: first on nearly bare paper."""
FLAT[0] *= PALE


def washes(image: Tensor, noise: Tensor, paper: Tensor, wetness: Tensor) -> tuple[Tensor, Tensor]:
    """Density of flat washes, one over the other, and in [0, 1] the dark rims that dry just inside their borders; both
    (B, 1, H, W).

    image: encoded, (B, 3, H, W), H and W multiples of CELL. noise: about [-1, 1], what moves borders. paper: see relief().
    wetness: from 0, where grain breaks up light washes, over 1 to 2, where they run into each other."""
    light = light_of(image)
    change = slope(light)
    moved = avg_pool2d(noise, CELL) * (torch.clamp(change, 0.0, STEEPEST) * WOBBLE)
    steepness = (4 / BORDER) / ((change + LEVEL) * (torch.relu(avg_pool2d(wetness, CELL) - 1.0) * RUNS + 1.0))
    moved, steepness = interpolate(torch.cat([moved, steepness], 1), scale_factor=float(CELL), mode="bilinear").split(1, 1)
    light = light - moved
    dry = light - paper * torch.relu(1.0 - wetness) * DRY
    density = FLAT[0]
    for height, (below, above) in zip(HEIGHTS, pairwise(FLAT), strict=True):
        density = density + torch.sigmoid((height - (dry if height > LIGHT else light)) * steepness) * (above - below)
    near = avg_pool2d(density, 4, stride=2, padding=1, count_include_pad=False)
    near = avg_pool2d(near, 3, stride=1, padding=1, count_include_pad=False)
    near = interpolate(near, scale_factor=2.0, mode="bilinear")
    return density, torch.clamp((density - near) * GATHERS, 0.0, 1.0)


def relief(grain: Tensor) -> Tensor:
    """Height of the paper, of deviation about 1, in its fine grain alone: of noise (B, 1, H, W) of all sizes."""
    coarse = avg_pool2d(avg_pool2d(grain, CELL), 3, stride=1, padding=1, count_include_pad=False)
    return (grain - interpolate(coarse, scale_factor=float(CELL), mode="bilinear")) * 1.3


def painted(image: Tensor, noise: Tensor, grain: Tensor, wetness: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the paint of washes() changes, each (B, 1, H, W): by how much the light of an encoded image differs from itself in
    washes; how dark rims are; and the relief of the paper; all but where it shines. noise, grain: of any channels."""
    paper = relief(grain[:, :1])
    density, rims = washes(image, noise[:, -1:], paper, wetness)
    light = light_of(image)
    dull = torch.clamp((SHINES - light) * (1 / (SHINES - WHITE)), 0.0, 1.0)
    return (torch.exp(-density) - light) * dull, rims * dull, paper * dull
