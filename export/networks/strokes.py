"""Strokes that follow the form: noise on surfaces that is long in one direction, for a generator to lay paint along.

It has no unit of length and no state, as SurfaceNoise has none, whose octaves it shares.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, relu

from .surface_noise import OCTAVES, PERIOD, nowhere, power_of_two, steady_points

WAVES = 24
"""Plane waves whose directions fill a hemisphere, half an octave of lengths; of these a place takes the few that lie across."""
AT_ONCE = 4
"""Waves that are held in memory at once."""
LEANING = 2 / 3
"""Length of the waves relative to how long they look on surfaces, which most of them don't lie flat on."""
SLANT = 0.6, 1.75
"""Angles in radians, from level, of the first strokes and of those that cross them."""
UPRIGHT = (0.25, 0.35, 0.9)
"""What counts as up, in the world: no wall or floor faces that way, where level means nothing."""
FACING = (0.0, -0.002, 0.0)
"""Added to normals: what has none is as a wall."""
SINE = 6.283042, -16.19819, 16.55974, -8.152365
"""Of a turn's square: the sine of a turn t as t (1 - 4 t^2) times this polynomial, fitted for the least greatest error."""
SEED = 4
"""Of lengths and phases, which all styles share."""


class StrokeNoise(nn.Module):
    """Position (B, 3, H, W), normal (B, 3, H, W) and place (B, 2, H, W), H and W multiples of 4, to strokes
    (B, directions, H, W) of deviation 1: long ridges and furrows with ends, along the form; the second ones cross the first.

    Anisotropic noise on surfaces (Lagae et al. 2009, section 4) as a sum of plane waves of the world-space point: each pixel
    takes those that run across the stroke's direction there, a tangent that turns with the normal, in the two octaves that are
    about `width` pixels long. What has no surface is a wall on the screen. Computed at half the size, directions at a quarter.
    """

    def __init__(self, directions: int, width: float = 12.0, length: float = 5.0):
        """width: pixels from one stroke to the next, near or far. length: of a stroke, in widths."""
        super().__init__()
        source = torch.Generator().manual_seed(SEED)
        number = torch.arange(WAVES) + 0.5  # a spiral down the hemisphere
        height, turn = number / WAVES, number * (math.pi * (3 - 5**0.5))
        across = torch.stack([(1 - height**2).sqrt() * turn.cos(), (1 - height**2).sqrt() * turn.sin(), height])
        longer = 2 ** (0.5 * torch.rand(WAVES, generator=source) - 0.25)
        waves = (across * longer * PERIOD).round()  # whole numbers of waves in a cell, along each axis
        phases = torch.rand(WAVES, generator=source)  # turns
        upright = torch.tensor(UPRIGHT)
        self.register_buffer("waves", waves[..., None, None], persistent=False)  # (3, WAVES, 1, 1)
        self.register_buffer("across", (waves / waves.norm(dim=0))[..., None, None], persistent=False)
        self.register_buffer("phases", phases[None, :, None, None], persistent=False)
        self.register_buffer("upright", (upright / upright.norm())[None, :, None, None], persistent=False)
        self.register_buffer("facing", torch.tensor(FACING)[None, :, None, None], persistent=False)
        self.slant, self.wave, self.narrow = SLANT[:directions], width * LEANING, length**2 / 2

    def forward(self, position: Tensor, normal: Tensor, place: Tensor) -> Tensor:
        point, footprint, level, uphill = self.surfaces(position, normal, place)
        shares = [doubled(self.shares(level, uphill, angle)) for angle in self.slant]
        return interpolate(self.ridges(point, footprint, shares), scale_factor=2.0, mode="bilinear")

    def surfaces(self, position: Tensor, normal: Tensor, place: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points (B, 3, H/2, W/2), of what has no surface on the screen, the size of a pixel there, (B, 1, H/2, W/2), and
        tangents()."""
        # Pooling reads a pixel as it is, or compares neighbours, in full precision, where convolutions may round.
        point = self.points(position)
        extent = max_pool2d(point, 3, stride=1, padding=1) + max_pool2d(-point, 3, stride=1, padding=1)
        unknown = nowhere(point)
        screen = max_pool2d(place, 1, stride=2)
        point = point + unknown * torch.cat([screen[:, :1], screen[:, :1] * 0.0, -screen[:, 1:]], 1)
        extent = extent * (1.0 - unknown) + unknown * 4.0
        level, uphill = self.tangents(normal)
        up = doubled(uphill)
        return point, ((relu(up) + relu(-up)) * extent).sum(1, keepdim=True) * 0.25, level, uphill

    def points(self, position: Tensor) -> Tensor:
        """(B, 3, H/2, W/2) of positions (B, 3, H, W), 0 where there is no surface."""
        return steady_points(position)

    def tangents(self, normal: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors on the surface (B, 3, H/4, W/4), level and up the slope."""
        smooth = avg_pool2d(normal, 8, stride=4, padding=2) + self.facing
        level = _normalised(_cross(self.upright, smooth))
        return level, _normalised(_cross(smooth, level))

    def shares(self, level: Tensor, uphill: Tensor, angle: float, every: int = 1) -> Tensor:
        """How much of each wave, or of every so many, makes strokes at an angle from level, (B, WAVES / every, H/4, W/4), whose
        squares sum to 2."""
        over, up = dot(level, self.across[:, ::every]), dot(uphill, self.across[:, ::every])
        along, beside = over * math.cos(angle) + up * math.sin(angle), up * math.cos(angle) - over * math.sin(angle)
        share = beside * beside * torch.exp(along * along * -self.narrow)
        energy = (share * share).sum(1, keepdim=True) + 1e-6
        return share * torch.exp(torch.log(energy) * -0.5) * 2**0.5

    def ridges(self, point: Tensor, footprint: Tensor, shares: list[Tensor]) -> Tensor:
        """Strokes of each direction, (B, directions, H/2, W/2), of points and the size of a pixel there."""
        inside, turn = cells(point, footprint * self.wave)
        long, short = [0.0] * len(shares), [0.0] * len(shares)
        for first in range(0, WAVES, AT_ONCE):
            group = slice(first, first + AT_ONCE)
            turns = dot(inside, self.waves[:, group])
            phases = self.phases[:, group]
            longer, shorter = sine(turns + phases), sine(turns * 2.0 + phases)
            for number, share in enumerate(shares):
                part = share[:, group]
                long[number] = long[number] + (part * longer).sum(1, keepdim=True)
                short[number] = short[number] + (part * shorter).sum(1, keepdim=True)
        return torch.cat(long, 1) * sine(turn) + torch.cat(short, 1) * sine(0.25 - turn)


def cells(point: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """The place of points (B, 3, h, w) in their cells, as a share of these, and the turn, up to a quarter, from the shorter to
    the longer one of the two octaves of waves about the length (B, 1, h, w) that is wanted there."""
    ideal = torch.log(length + 2.0**-OCTAVES) * (1 / math.log(2)) + OCTAVES / 2
    ideal = torch.clamp(ideal, 0.0, OCTAVES - 2.0)
    octave = torch.floor(ideal)
    inside = point * (power_of_two(OCTAVES - octave) * (2.0 ** -(OCTAVES / 2 + 1) / PERIOD))
    return inside - torch.floor(inside), (ideal - octave) * 0.25


def doubled(x: Tensor) -> Tensor:
    """(B, c, h, w) to (B, c, 2h, 2w), nearest neighbours."""
    return interpolate(x, scale_factor=2.0, mode="nearest")


def sine(turns: Tensor) -> Tensor:
    """The sine of turns, to 7e-6, by products and sums: of GPUs WGSL asks for 5e-4 only."""
    turn = turns - torch.floor(turns + 0.5)  # -1/2 to 1/2, at whose ends and middle the sine is 0
    square = turn * turn
    curve = ((square * SINE[3] + SINE[2]) * square + SINE[1]) * square + SINE[0]
    return turn * (1.0 - square * 4.0) * curve


def dot(vector: Tensor, directions: Tensor) -> Tensor:
    """(B, 3, h, w) by (3, n, 1, 1): (B, n, h, w), in full precision, where convolutions may round."""
    x, y, z = directions
    return vector[:, 0:1] * x + vector[:, 1:2] * y + vector[:, 2:3] * z


def _cross(a: Tensor, b: Tensor) -> Tensor:
    (ax, ay, az), (bx, by, bz) = a.split(1, 1), b.split(1, 1)
    return torch.cat([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], 1)


def _normalised(vector: Tensor) -> Tensor:
    return vector * torch.exp(torch.log((vector * vector).sum(1, keepdim=True) + 1e-12) * -0.5)
