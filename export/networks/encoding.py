"""How passes become what a network sees, inside the exported graph: core/colour.py for tensors, and the guides' ranges."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from core.colour import LOG_GAIN
from core.passes import COLOUR, RADIANCE, Pass

SCALE = math.log1p(LOG_GAIN)
"""Makes encode(1) = 1."""
NOTHING = 2.0**30
"""Depth from which on nothing was hit, in any unit; from twice that on for certain."""
DEPTH_GAIN = 8.0


def encode(linear: Tensor) -> Tensor:
    """Scene-linear radiance to a perceptual log scale, log(1 + 64 x) / log(65): 0 to 0, 1 to 1, 65504 to 3.65; below 0 to 0."""
    return torch.log(torch.relu(linear) * LOG_GAIN + 1.0) * (1.0 / SCALE)


def decode(encoded: Tensor, exposure: Tensor | float = 1.0) -> Tensor:
    """The inverse of encode() for values from 0 on, its light multiplied by an exposure; below 0 gives 0."""
    return (torch.exp(torch.relu(encoded) * SCALE) - 1.0) * (exposure * (1.0 / LOG_GAIN))


def display(linear: Tensor) -> Tensor:
    """Scene-linear radiance to what a screen shows, sRGB in [0, 1], clipped there (IEC 61966-2-1)."""
    x = linear.clamp(0, 1)
    return torch.where(x <= 0.0031308, x * 12.92, 1.055 * x.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def shown(encoded: Tensor) -> Tensor:
    """An encoded picture as a screen shows it: sRGB in [0, 1], but for a twentieth of what lies outside, so that what is clipped
    still has a slope to learn by."""
    within = encoded.clamp(max=1.2)  # the exponential must not overflow
    linear = decode(within) + 0.05 * (encoded - within)
    linear = torch.where(encoded < 0, 0.05 * encoded, linear)
    srgb = torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)
    clipped = srgb.clamp(0, 1)
    return clipped + 0.05 * (srgb - clipped)


def places(height: int, width: int, row: int = 0, column: int = 0) -> Tensor:
    """(1, 2, height, width): column and row in its frame of each pixel of a window that begins at the given ones."""
    rows, columns = torch.arange(row, row + height), torch.arange(column, column + width)
    return torch.stack([columns.expand(height, width), rows[:, None].expand(height, width)])[None].float()


def _softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|) in operators that every provider has: maps all numbers into (-1, 1)."""
    return x / (torch.relu(x) + torch.relu(-x) + 1.0)


def relative_depth(depth: Tensor) -> Tensor:
    """How much nearer a pixel lies than its surroundings of about 20 pixels, of (B, 1, H, W) with H and W multiples of 4: 0.5 if
    it lies among them, 0.54 where it is a hundredth nearer, 0.7 at a tenth, at most 1, or as much less where it is farther. 0
    where nothing was hit, 0.5 where no depth is given."""
    hit = 1.0 - torch.clamp(depth * (1 / NOTHING) - 1.0, 0.0, 1.0)
    known = hit * torch.clamp(depth * 2.0**60, 0.0, 1.0)
    far = torch.log(torch.clamp(depth, 2.0**-60, NOTHING)) * known
    near_mean, share = (_surroundings(x) for x in (far, known))
    nearer = (near_mean / torch.clamp(share, 2.0**-20, 1.0) - far) * (known * DEPTH_GAIN)
    return (_softsign(nearer) + hit) * 0.5


def _surroundings(x: Tensor) -> Tensor:
    """Means of (B, c, H, W) over 20 pixels, smooth."""
    mean = avg_pool2d(avg_pool2d(x, 4), 5, stride=1, padding=2, count_include_pad=False)
    return interpolate(mean, scale_factor=4.0, mode="bilinear")


def _within_one(x: Tensor) -> Tensor:
    """What lies in [-1, 1] by definition, whatever a renderer makes of it."""
    return torch.clamp(x, -1.0, 1.0)


def _as_it_is(x: Tensor) -> Tensor:
    return x


GUIDES = {
    "depth": relative_depth,
    "normal": _within_one,
    "position": lambda position: _softsign(position * 0.1),
    "vector": lambda vector: _softsign(vector * 0.1),
}
"""Passes -> what network_sees() gives for them, if it is not what it gives for colours and data. None has a unit of length but
position, which is for styles of one shot; others see noise in its place. Vector is in pixels."""


def network_sees(guide: Pass) -> Callable[[Tensor], Tensor]:
    """What brings a pass (B, c, H, W) in its own units to about [-1, 1], light above 1 to at most 3.65."""
    return GUIDES.get(guide.name) or {RADIANCE: encode, COLOUR: _within_one}.get(guide.holds, _as_it_is)
