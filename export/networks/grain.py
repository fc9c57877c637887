"""Noise that sticks to the picture plane, as the grain of paper and canvas does."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d, pixel_shuffle

PERIODS = (64, 61)
"""Pairs of pixels after which one half of the waves and the other begin again, together after 7808 pixels."""
RINGS = (24.0, 12.0, 6.0, 3.0, 1.5)
"""Turns within a period, in the middle of each octave of the waves: 5 to 85 pixels long."""
WAVES = 12
"""In each octave."""
SINGLE = 1
"""Octaves, the finest first, that the four pixels of a pair of pairs mix by themselves: detail finer than a pair."""
SEED = 2
"""Of the waves, which all styles share."""


class Grain(nn.Module):
    """Columns and rows (B, 2, H, W), H and W even, to noise (B, channels, H, W) of deviation 1, as strong in each octave.

    A sum of plane waves, computed at half the size. Of their turns only the fraction counts, and columns and rows are whole
    numbers, so that a tile anywhere in the frame gives the frame's noise.
    """

    def __init__(self, channels: int):
        super().__init__()
        source = torch.Generator().manual_seed(SEED)
        count = len(RINGS) * WAVES
        radius = torch.tensor(RINGS).repeat_interleave(WAVES) * 2 ** (torch.rand(count, generator=source) - 0.5)
        angle = 2 * math.pi * torch.rand(count, generator=source)
        periods = torch.tensor(PERIODS).repeat(count // 2)
        turns = torch.stack([torch.round(radius * f) for f in (angle.cos(), angle.sin())], 1) / periods[:, None]
        self.register_buffer("turns", turns[:, :, None, None], persistent=False)
        self.register_buffer("periods", periods.float()[:, None, None], persistent=False)
        self.register_buffer("phases", torch.rand(count, generator=source)[:, None, None], persistent=False)
        mixture = torch.randn(channels, 4, count, generator=source)
        mixture[:, 1:, SINGLE * WAVES :] = mixture[:, :1, SINGLE * WAVES :]
        octaves = mixture.unflatten(2, (len(RINGS), WAVES))
        mixture = (octaves / octaves.square().sum(3, keepdim=True).sqrt()).flatten(2) * (2 / len(RINGS)) ** 0.5
        self.register_buffer("mixture", mixture.flatten(0, 1)[:, :, None, None], persistent=False)

    def forward(self, place: Tensor) -> Tensor:
        pair = max_pool2d(place, 1, stride=2) * 0.5  # a pixel as it is, where convolutions may round
        x, y = pair[:, 0:1], pair[:, 1:2]
        x, y = (n - torch.floor(n / self.periods) * self.periods for n in (x, y))  # (B, waves, H/2, W/2)
        turns = x * self.turns[:, 0] + y * self.turns[:, 1] + self.phases
        return pixel_shuffle(conv2d(torch.sin((turns - torch.floor(turns)) * (2 * math.pi)), self.mixture), 2)
