"""The light of a frame, made even where it is rough and laid in steps, in closed form at full size: looks lay it (see datasets/
looks/tones.py), and pens do in generators that work at a fraction of the size (see pens.py)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pad

from core.colour import LUMINANCE

BORDER = 2.0
"""Pixels within which the border of a tone rises, however slowly the light changes there."""
LEVEL = 0.002
"""Change of tone a pixel, on the log curve, below which a border is wider, since the noise of a render would tear it."""
CELL = 4
"""Side in pixels of the squares by whose means the change of tone is known."""
WINDOW, ROUGH = 7, 0.0007
"""Cells on a side of the windows in which rough light is made even, and the variance on the log curve up to which it is rough:
that of a step by 0.05 in the middle of a window."""
CALM, KEPT = 0.003, 0.3
"""As shares of ROUGH, the variance below which windows are equally calm, and that of a calm one as good as one that is kept."""
EVEN = 0.001
"""LEVEL where the light was made even."""
SOFTEST = 12.0
"""How steeply the border between two of the steps rises at least, relative to their distance."""
WHITE, SHINES = 0.95, 1.1
"""Light, on the log curve, up to which there are steps, and from which there are none."""


def even_light(light: Tensor) -> tuple[Tensor, Tensor]:
    """Light (B, 1, H, W) made even where it is rough, so that the grain of a wall, paving or noise does not tear the border of a
    tone, but not across the borders of things and of light; and how steep a border has to be to be as wide on a slow gradient as
    on a fast one; both (B, 1, H, W).

    The guided filter (He, Sun and Tang 2013, its own guide, subsampled as by He and Sun 2015) with a sharper choice between
    keeping and averaging: what is kept of the light and what is added follow from means and variances of its cells. Around a
    cell those windows count less that average the more varied light, as in the anisotropic one (Ochotorena and Yamashita 2020):
    those which just touch a thing would leave a halo beside it."""
    cells = avg_pool2d(light, CELL)
    kept, added = _evened(cells)
    again, more = _evened(kept * cells + added)
    kept, added = again * kept, again * added + more
    steepness = (4 / BORDER) / (_slope(kept * cells + added) + EVEN)
    planes = interpolate(torch.cat([kept, added, steepness], 1), scale_factor=float(CELL), mode="bilinear")
    kept, added, steepness = planes.split(1, 1)
    return kept * light + added, steepness


def _evened(cells: Tensor) -> tuple[Tensor, Tensor]:
    """Which share of light to keep, by its means over cells, (B, 1, h, w), and what to add to that."""
    mean, centred = _around(cells), cells - 0.5  # about which squares are small, so that little of their difference is rounding
    varied = torch.relu(_around(centred * centred) - (mean - 0.5) * (mean - 0.5)) * (1 / ROUGH)
    keep = varied * varied
    keep = keep * keep
    keep = keep / (keep + 1.0)
    weight = 1 / (varied - keep * varied + KEPT * keep + CALM)
    share = 1 / _around(weight)
    return _around(weight * keep) * share, _around(weight * (mean - keep * mean)) * share


def _around(cells: Tensor) -> Tensor:
    """Means over windows, at borders of those cells that there are."""
    return avg_pool2d(cells, WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False)


def light_of(image: Tensor, weights: Sequence[float] = (1 / 3, 1 / 3, 1 / 3)) -> Tensor:
    """Weighted mean of the channels of an encoded image (B, 3, H, W) over a few pixels, (B, 1, H, W)."""
    red, green, blue = image.split(1, 1)
    light = red * float(weights[0]) + green * float(weights[1]) + blue * float(weights[2])
    return avg_pool2d(light, 5, stride=1, padding=2, count_include_pad=False)


def slope(light: Tensor) -> Tensor:
    """How much light (B, 1, H, W) changes a pixel, (B, 1, H / CELL, W / CELL)."""
    return _slope(avg_pool2d(light, CELL))


def _slope(cells: Tensor) -> Tensor:
    """slope() of light's means over cells."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=cells.dtype, device=cells.device) / (8 * CELL)  # Sobel
    change = conv2d(pad(cells, (1, 1, 1, 1), mode="replicate"), torch.stack([kernel, kernel.T])[:, None])
    return (torch.relu(change) + torch.relu(-change)).sum(1, keepdim=True)


def in_steps(image: Tensor, steps: Tensor) -> Tensor:
    """By how much the light of an encoded image (B, 3, H, W) differs from itself when it is laid in so many steps from black to
    white, as (B, 1, H, W): as the looks have it (see datasets/looks/tones.py), with crisp borders, even where it is rough, and no
    steps in what shines."""
    light = light_of(image, LUMINANCE)
    even, steepness = even_light(light)
    border = torch.floor(even * steps + 0.5)  # the nearest one, of which the first lies at black
    sharpness = torch.relu(steepness - SOFTEST * steps) + SOFTEST * steps
    stepped = (border - 0.5 + torch.sigmoid((even * steps - border) * (sharpness / steps))) / steps
    return (stepped - light) * torch.clamp((SHINES - light) * (1 / (SHINES - WHITE)), 0.0, 1.0)
