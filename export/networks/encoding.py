"""How passes become what a network sees, inside the exported graph: core/colour.py for tensors, and the guides' ranges."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from core.colour import LOG_GAIN
from core.passes import RADIANCE, Pass

SCALE = math.log1p(LOG_GAIN)
"""Makes encode(1) = 1."""


def encode(linear: Tensor) -> Tensor:
    """Scene-linear radiance to a perceptual log scale, log(1 + 64 x) / log(65): 0 to 0, 1 to 1, 65504 to 3.65; below 0 to 0."""
    return torch.log(torch.relu(linear) * LOG_GAIN + 1.0) * (1.0 / SCALE)


def decode(encoded: Tensor) -> Tensor:
    """The inverse of encode() for values from 0 on; below 0 gives 0."""
    return (torch.exp(torch.relu(encoded) * SCALE) - 1.0) * (1.0 / LOG_GAIN)


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


def _softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|) in operators that every provider has: maps all numbers into (-1, 1)."""
    return x / (torch.relu(x) + torch.relu(-x) + 1.0)


def _as_it_is(x: Tensor) -> Tensor:
    return x


GUIDES = {
    "depth": lambda depth: 1.0 / (torch.relu(depth) * 0.1 + 1.0),
    "normal": _as_it_is,
    "position": lambda position: _softsign(position * 0.1),
    "vector": lambda vector: _softsign(vector * 0.1),
}
"""Passes that are no colours -> what network_sees() gives for them."""


def network_sees(guide: Pass) -> Callable[[Tensor], Tensor]:
    """What brings a pass (B, c, H, W) in its own units to about [-1, 1], light above 1 to at most 3.65."""
    return GUIDES.get(guide.name) or (encode if guide.holds == RADIANCE else _as_it_is)
