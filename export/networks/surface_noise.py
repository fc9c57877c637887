"""Anchored noise: a random input of the generator that is a function of the surface point, so that strokes stick to it, or, where
no surface is known, of the picture's own tones."""

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pixel_shuffle, relu

FINEST = 0.02
"""Wavelength of the finest octave in scene units; each further one is twice as long."""
OCTAVES = 11
WAVES = 4
"""Plane waves of random direction and phase in an octave of a channel."""
GRAIN = 16.0
"""Wavelength in pixels that the noise has in the picture, near or far."""
TONES = 8.0
"""Scene units that encoded tones from 0 to 1 count as, so that the finest octave shows on a sky that changes by a thousandth in
twenty pixels."""
SEED = 1
"""Seed of the directions and phases, which all styles share."""


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
        waves = 2 * math.pi * direction / direction.norm(dim=1, keepdim=True) / length
        phases = 2 * math.pi * torch.rand(OCTAVES, channels * WAVES, generator=source)
        tables = torch.cat([waves, phases[:, None]], 1).transpose(0, 1)  # (x, y, z and phase; octave; wave)
        for parity in (0, 1):
            octaves = torch.arange(parity, OCTAVES, 2.0).repeat(3)
            self.register_buffer(f"octaves{parity}", octaves[:, None, None], persistent=False)
            self.register_buffer(f"tables{parity}", _in_thirds(tables[:, parity::2]), persistent=False)
        # Four copies of the sum of a channel's waves, for the four pixels that share a point.
        total = torch.eye(channels).repeat_interleave(4, 0).repeat_interleave(WAVES, 1) * (2 / WAVES) ** 0.5 / 2
        self.register_buffer("total", total[:, :, None, None], persistent=False)

    def forward(self, position: Tensor) -> Tensor:
        return self.waves(*self.surfaces(position))

    def surfaces(self, position: Tensor) -> tuple[Tensor, Tensor]:
        """The points (B, 3, H/2, W/2) and about the size of a pixel there (B, 1, H/2, W/2), in scene units."""
        # Pooling reads a pixel as it is, or compares neighbours, in full precision, where convolutions may round positions.
        point = max_pool2d(position, 1, stride=2)  # (B, 3, H/2, W/2)
        extent = max_pool2d(position, 3, stride=2, padding=1) + max_pool2d(-position, 3, stride=2, padding=1)
        return point, extent.sum(1, keepdim=True) * 0.25

    def waves(self, point: Tensor, footprint: Tensor) -> Tensor:
        """The noise (B, channels, H, W) at points (B, 3, H/2, W/2), in waves that suit the footprint of a pixel there."""
        ideal = torch.log(footprint * (GRAIN / FINEST) + 1e-6) * (1 / math.log(2))  # octave whose waves have GRAIN pixels
        noise = self._nearest(point, ideal, 0) + self._nearest(point, ideal, 1)
        return pixel_shuffle(conv2d(noise, self.total), 2)  # quicker than to enlarge

    def _nearest(self, point: Tensor, ideal: Tensor, parity: int) -> Tensor:
        """The waves (B, channels * WAVES, H/2, W/2) of the even or of the odd octave nearest to the ideal one, faded out towards
        its neighbours of the same parity, so that only these two of all octaves have to be computed."""
        octave = torch.floor((ideal - float(parity)) * 0.5 + 0.5) * 2.0 + float(parity)
        distance = ideal - octave
        share = relu(1.0 - relu(distance) - relu(-distance))  # 1 at the ideal octave, 0 at its neighbours
        chosen = (octave == getattr(self, f"octaves{parity}")).float()  # one in each third; none beyond the octaves
        with _unrounded(point.device.type):
            wave_x, wave_y, wave_z, phase = (conv2d(chosen, table[..., None, None]) for table in getattr(self, f"tables{parity}"))
        return share * torch.sin(point[:, 0:1] * wave_x + point[:, 1:2] * wave_y + point[:, 2:3] * wave_z + phase)


class NoiseEverywhere(SurfaceNoise):
    """As SurfaceNoise, and where the position is 0 or not given, a function of the image's tones in its place: of an encoded
    colour as if it were a point, smoothed over 8 pixels. Such noise follows the shading, sticks to what a sky, a panorama or a
    video shows, and is 0 on what is perfectly flat."""

    def forward(self, image: Tensor, position: Tensor | None = None) -> Tensor:
        """image: encoded, (B, 3, H, W)."""
        point = avg_pool2d(image * TONES, 8, stride=2, padding=3, count_include_pad=False)  # (B, 3, H/2, W/2)
        extent = max_pool2d(point, 3, stride=1, padding=1) + max_pool2d(-point, 3, stride=1, padding=1)
        footprint = extent.sum(1, keepdim=True) * 0.125  # between neighbours lie two pixels
        if position is not None:
            surface, size = self.surfaces(position)
            size_of_place = (relu(surface) + relu(-surface)).sum(1, keepdim=True)
            unknown = relu(1.0 - size_of_place * 1e6)  # 1 at the origin, which is what no surface gives, else 0
            point = point * unknown + surface * (1.0 - unknown)
            footprint = footprint * unknown + size * (1.0 - unknown)
        return self.waves(point, footprint)


def _unrounded(device: str) -> AbstractContextManager:
    """Keeps convolutions from rounding to bfloat16 in training; elsewhere it does nothing, which an export can trace."""
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()


def _in_thirds(tables: Tensor) -> Tensor:
    """(n, octaves, waves) to (n, waves, 3 * octaves): each number as a sum of three of at most 11 bits, from large to small, so
    that a convolution that looks them up gives them exactly even where it multiplies in TF32."""
    high = tables.half().float()
    middle = (tables - high).half().float()
    return torch.cat([high, middle, tables - high - middle], 1).transpose(1, 2).contiguous()
