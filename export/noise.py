"""World-anchored noise: a random input of the generator that is a function of the surface point, so that strokes stick to it."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d, pixel_shuffle, relu

FINEST = 0.02
"""Wavelength of the finest octave in scene units; each further one is twice as long."""
OCTAVES = 11
WAVES = 4
"""Plane waves of random direction and phase in an octave of a channel."""
GRAIN = 16.0
"""Wavelength in pixels that the noise keeps in the picture, near or far."""
SEED = 1
"""Of the directions and phases, which every style shares."""


class SurfaceNoise(nn.Module):
    """Position pass (B, 3, H, W), H and W even, to noise (B, channels, H, W), about [-1, 1], smooth on surfaces and 0 elsewhere.

    A sum of plane waves of the world-space point in octaves; of these each pixel takes the two whose waves are about GRAIN
    pixels long there, blended so that a moving camera brings new detail in gradually (Benard et al. 2009, section 3). It has no
    state and draws no numbers: the same point gives the same noise in any frame, tile and process. Computed at half the size.
    """

    def __init__(self, channels: int):
        super().__init__()
        source = torch.Generator().manual_seed(SEED)
        direction = torch.randn(OCTAVES, 3, channels * WAVES, generator=source)
        length = FINEST * 2.0 ** torch.arange(OCTAVES)[:, None, None]
        self.register_buffer("waves", 2 * math.pi * direction / direction.norm(dim=1, keepdim=True) / length, persistent=False)
        phase = 2 * math.pi * torch.rand(OCTAVES, channels * WAVES, 1, 1, generator=source)
        self.register_buffer("phases", phase, persistent=False)
        # The sum of a channel's waves four times over, for the four pixels that share a point.
        total = torch.eye(channels).repeat_interleave(4, 0).repeat_interleave(WAVES, 1) * (2 / WAVES) ** 0.5 / 2
        self.register_buffer("total", total[:, :, None, None], persistent=False)

    def forward(self, position: Tensor) -> Tensor:
        # Pooling reads a pixel as it is, or compares neighbours, in full precision, where convolutions may round positions.
        point = max_pool2d(position, 1, stride=2)                                   # (B, 3, H/2, W/2)
        extent = max_pool2d(position, 3, stride=2, padding=1) + max_pool2d(-position, 3, stride=2, padding=1)
        footprint = extent.sum(1, keepdim=True) * 0.25                              # about the size of a pixel in scene units
        ideal = torch.log(footprint * (GRAIN / FINEST) + 1e-6) * (1 / math.log(2))  # octave whose waves have GRAIN pixels
        noise = 0.0
        for octave in range(OCTAVES):
            distance = ideal - float(octave)
            share = relu(1.0 - relu(distance) - relu(-distance))                    # 1 at the ideal octave, 0 at its neighbours
            x, y, z = (point[:, i : i + 1] * self.waves[octave, i, :, None, None] for i in range(3))
            noise = noise + share * torch.sin(x + y + z + self.phases[octave])
        return pixel_shuffle(conv2d(noise, self.total), 2)  # quicker than to enlarge
