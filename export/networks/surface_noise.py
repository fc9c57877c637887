"""Anchored noise: a random input of the generator that is a function of the surface point, so that strokes stick to it, or, where
no surface is known, of the picture's own tones, or, where these are flat too, of the place on the screen. It has no unit of
length: a scene of any size gets the same."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, max_pool2d, pad, pixel_shuffle, relu

GRAIN = 16.0
"""Wavelength in pixels that the noise has in the picture, near or far."""
WAVES = 4
"""Plane waves of random direction and phase in a channel, half of them longer by half an octave."""
PERIOD = 64
"""Wavelengths after which the waves repeat along each axis of the world: at least 1000 pixels."""
OCTAVES = 64
"""Octaves of wavelengths, half of them below 1 scene unit and half above: from the size of an atom to far beyond the Moon, in
metres."""
TONES = 8.0
"""Scene units that encoded tones from 0 to 1 count as."""
FAINTEST = 0.1
"""Wavelength in these units below which tones count as flat: a sky whose channels change by an eightieth in all in 16 pixels.
Waves of less would be those of the image's noise, and level bands in a clear sky."""
WIDER = 5
"""Side, in pairs of pixels, of the means that tones are smoothed by further."""
BEND, BENDS = 24.0, (2 * math.pi / 190, 2 * math.pi / 230)
"""Pixels that the screen is bent by, and waves in a pixel of that down and across, so that the strokes of a void have no one
direction."""
CURVE, CURVES = 3.0, 13
"""Of BentNoise: radians that waves are bent by, and how often in a cell. Straight ones cross in a weave on plain walls."""
SLOW = 128, 186, 160
"""Pixels from one bend to the next on the screen."""
SEED = 1
"""Seed of the directions and phases, which all styles share."""


class SurfaceNoise(nn.Module):
    """Position pass (B, 3, H, W), H and W even, to noise (B, channels, H, W), about [-1, 1], smooth on surfaces and 0 elsewhere.

    A sum of plane waves of the world-space point in octaves; of these each pixel takes the two whose waves are about GRAIN
    pixels long there, blended so that a moving camera brings new detail in gradually (Benard et al. 2009, section 3), here at
    constant energy. Every octave has the same waves at twice the length, so a scene twice as large has the same noise. Waves
    repeat in cells of PERIOD wavelengths, and only a point's place in its cell counts, so that far from the origin no precision
    is lost but what float32 positions lose: pixels of less than about four steps of theirs, 4 mm at 10 km, give grainy noise.
    It has no state and draws no numbers: the same point gives the same noise in any frame, tile and process. Points are those
    of steady_points(). Computed at half the size.
    """

    def __init__(self, channels: int):
        super().__init__()
        source = torch.Generator().manual_seed(SEED)
        count = channels * WAVES // 2
        for group in (0, 1):
            direction = torch.randn(3, count, generator=source)
            # Whole numbers of waves in a cell, along each axis.
            waves = (direction * (PERIOD * 2 ** (-group / 2)) / direction.norm(dim=0)).round()
            self.register_buffer(f"waves{group}", waves[..., None, None], persistent=False)
            phases = torch.rand(count, generator=source) * (2 * math.pi)
            self.register_buffer(f"phases{group}", phases[None, :, None, None], persistent=False)
        # Four copies of the sum of a channel's waves, for the four pixels that share a point.
        total = torch.eye(channels).repeat_interleave(4, 0).repeat_interleave(WAVES // 2, 1).repeat(1, 2)
        self.register_buffer("total", total[:, :, None, None] * (1 / (3 * WAVES)) ** 0.5, persistent=False)

    def forward(self, position: Tensor) -> Tensor:
        return self.sums(self.waves(*self.surfaces(position)))

    def surfaces(self, position: Tensor) -> tuple[Tensor, Tensor]:
        """The points (B, 3, H/2, W/2), 0 where most pixels around have none, and about the size of a pixel there
        (B, 1, H/2, W/2), in scene units."""
        point = steady_points(position)
        return point, footprint_of(point)

    def sums(self, waves: Tensor) -> Tensor:
        """Noise (B, channels, H, W) of waves (B, channels * WAVES, H/2, W/2)."""
        return pixel_shuffle(conv2d(waves, self.total), 2)  # quicker than to enlarge

    def waves(self, point: Tensor, footprint: Tensor, *bend: Tensor | float) -> Tensor:
        """(B, channels * WAVES, H/2, W/2) at points (B, 3, H/2, W/2), of lengths that suit the footprint of a pixel there."""
        ideal = torch.log(footprint * GRAIN + 2.0**-OCTAVES) * (1 / math.log(2)) + OCTAVES / 2  # octave, from the shortest
        known = torch.clamp(ideal, 0.0, 1.0)
        ideal = torch.clamp(ideal, 0.0, OCTAVES - 2.0)
        return torch.cat([self._group(point, ideal - group / 2, group, *bend) for group in (0, 1)], 1) * known

    def _group(self, point: Tensor, ideal: Tensor, group: int) -> Tensor:
        """One half of the waves (B, channels * WAVES / 2, H/2, W/2), in the two octaves about the ideal one."""
        place, turn = _cells(point, ideal)
        angle, phases = _angle(place, getattr(self, f"waves{group}")), getattr(self, f"phases{group}")
        # In the shorter waves' cells everything has turned twice as far.
        return torch.sin(turn) * torch.sin(angle + phases) + torch.sin(math.pi / 2 - turn) * torch.sin(angle * 2.0 + phases)


class NoiseEverywhere(SurfaceNoise):
    """As SurfaceNoise, and where the position is 0 or not given, a function of the image's tones in its place: of an encoded
    colour as if it were a point, smoothed over 24 pixels. Such noise follows the shading, sticks to what a sky, a panorama or a
    video shows. Where tones are all but flat, as in a white void, it gives way to waves of GRAIN pixels on the screen."""

    def __init__(self, channels: int):
        super().__init__(channels)
        source = torch.Generator().manual_seed(SEED + 1)
        direction, length, phases = torch.rand(3, channels * WAVES, generator=source)
        waves = torch.stack([(2 * math.pi * direction).cos(), (2 * math.pi * direction).sin()])
        waves = waves * (2 * math.pi / GRAIN) * 2 ** (length - 0.5)  # over an octave, as on surfaces
        self.register_buffer("screen", torch.cat([waves, 2 * math.pi * phases[None]])[..., None, None], persistent=False)

    def forward(self, image: Tensor, place: Tensor, position: Tensor | None = None) -> Tensor:
        """image: encoded, (B, 3, H, W). place: column and row of the frame, (B, 2, H, W)."""
        point = avg_pool2d(image * TONES, 8, stride=2, padding=3, count_include_pad=False)  # (B, 3, H/2, W/2)
        for _ in range(2):
            point = avg_pool2d(run_on(point, WIDER // 2), WIDER, stride=1)
        footprint = footprint_of(point)
        strength = torch.clamp(footprint * (2 * GRAIN / FAINTEST) - 1.0, 0.0, 1.0)
        unknown, tones = 1.0, point
        if position is not None:
            surface, size = self.surfaces(position)
            unknown = nowhere(surface)
            point = point * unknown + surface * (1.0 - unknown)
            footprint = footprint * unknown + size * (1.0 - unknown)
            strength = strength * unknown + (1.0 - unknown)
        column, row = max_pool2d(place, 1, stride=2).split(1, 1)
        waves = self.waves(point, footprint, *self._bend(tones, column, row, unknown))
        across, down, phases = self.screen
        column, row = column + BEND * torch.sin(row * BENDS[0]), row + BEND * torch.sin(column * BENDS[1])
        screen = torch.sin(column * across + row * down + phases)
        return self.sums(waves * strength + screen * (1.0 - strength))

    def _bend(self, tones: Tensor, column: Tensor, row: Tensor, unknown: Tensor | float) -> tuple[Tensor | float, ...]:
        """What _group() bends waves by, of what is (B, c, H/2, W/2); unknown: 1 where there is no surface, else 0."""
        return ()


class BentNoise(NoiseEverywhere):
    """As NoiseEverywhere, for strokes: each channel is a sum of all waves, and these are bent, since a few straight ones cross in
    a weave on plain walls. Where tones change along one line only, from dark to light or from blue to grey, the screen bends
    them, for there noise of the tones has one value along each line of equal tone, and a sky would have level bands."""

    def __init__(self, channels: int):
        super().__init__(channels)
        count = channels * WAVES
        # The rows of a cosine transform, which are as if independent.
        row, column = torch.arange(1, channels + 1)[:, None], torch.arange(count) + 0.5
        total = torch.cos(row * column * (math.pi / count)) * (2 / (3 * count)) ** 0.5
        self.total = total.repeat_interleave(4, 0)[:, :, None, None]
        source = torch.Generator().manual_seed(SEED + 1)
        torch.rand(3, count, generator=source)  # those of the screen
        curves = torch.randn(3, len(SLOW), generator=source)
        self.register_buffer("curves", (curves * CURVES / curves.norm(dim=0)).round()[..., None, None], persistent=False)
        slow = 2 * math.pi * torch.rand(len(SLOW), generator=source)
        slow = torch.stack([slow.cos(), slow.sin()]) * (2 * math.pi / torch.tensor(SLOW))
        self.register_buffer("slow", slow[..., None, None], persistent=False)

    def _bend(self, tones: Tensor, column: Tensor, row: Tensor, unknown: Tensor | float) -> tuple[Tensor | float, ...]:
        across, down = self.slow
        return 1.0 - unknown, torch.sin(column * across + row * down) * _one_line(tones) * unknown

    def _group(self, point: Tensor, ideal: Tensor, group: int, known: Tensor | float, bend: Tensor) -> Tensor:
        """As of SurfaceNoise, bent, (B, 3, H/2, W/2), on surfaces by waves of the octave."""
        place, turn = _cells(point, ideal)
        angle, phases = _angle(place, getattr(self, f"waves{group}")), getattr(self, f"phases{group}")
        curve = _angle(place, self.curves)
        long, short = (self._bends(torch.sin(c) * known + bend, phases) for c in (curve, curve * 2.0))
        return torch.sin(turn) * torch.sin(angle + long) + torch.sin(math.pi / 2 - turn) * torch.sin(angle * 2.0 + short)

    @staticmethod
    def _bends(bend: Tensor, phases: Tensor) -> Tensor:
        """Phases of all waves of a group, bent in turn."""
        times = -(-phases.shape[1] // len(SLOW))
        return torch.cat([bend * CURVE] * times, 1)[:, : phases.shape[1]] + phases


def _cells(point: Tensor, ideal: Tensor) -> tuple[Tensor, Tensor]:
    """The place of points in cells of the longer one of the two octaves about the ideal one, as a share of these, and the turn, 0
    to a right angle, from the shorter to the longer."""
    octave = torch.floor(ideal)
    # A product with a power of two rounds nothing, nor does a difference from the whole number.
    place = point * (power_of_two(OCTAVES - octave) * (2.0 ** -(OCTAVES / 2 + 1) / PERIOD))
    return place - torch.floor(place), (ideal - octave) * (math.pi / 2)


def _angle(place: Tensor, waves: Tensor) -> Tensor:
    """Of waves (3, n, 1, 1), in a cell, at places (B, 3, h, w) there: (B, n, h, w), from 0 to a whole turn."""
    x, y, z = waves
    turns = place[:, 0:1] * x + place[:, 1:2] * y + place[:, 2:3] * z
    return (turns - torch.floor(turns)) * (2 * math.pi)


def _one_line(tones: Tensor) -> Tensor:
    """Whether tones (B, 3, h, w), h and w even, change along one line only: (B, 1, h, w), 1 if so, 0 if they change at
    least a third as much across it."""
    tones = pad(max_pool2d(tones, 1, stride=2), (1, 1, 1, 1), mode="replicate")
    right, down = tones[..., 1:-1, 2:] - tones[..., 1:-1, :-2], tones[..., 2:, 1:-1] - tones[..., :-2, 1:-1]
    square, along, other = ((a * b).sum(1, keepdim=True) for a, b in ((right, right), (right, down), (down, down)))
    # The square of the area over that of the sum of squares is that of the ratio of both changes, if one is small.
    ratio = (square * other - along * along) / torch.clamp((square + other) * (square + other), 2.0**-40, 2.0**40)
    return interpolate(torch.clamp(1.0 - ratio * 9.0, 0.0, 1.0), scale_factor=2.0, mode="bilinear")


def footprint_of(point: Tensor) -> Tensor:
    """About the size of a pixel of the frame, (B, 1, h, w), where points (B, c, h, w) lie two pixels apart."""
    wide = run_on(point, 1)
    # Pooling compares neighbours in full precision, where convolutions may round positions.
    extent = max_pool2d(wide, 3, stride=1) + max_pool2d(-wide, 3, stride=1)
    return extent.sum(1, keepdim=True) * 0.125


def run_on(x: Tensor, more: int) -> Tensor:
    """(B, c, h, w) with `more` on each side, which go on changing as they do there, so that strokes at a frame's border are those
    next to it."""
    sides = (more,) * 4
    return pad(x, sides, mode="replicate") * 2.0 - pad(x, sides, mode="reflect")


def nowhere(point: Tensor) -> Tensor:
    """1 where points (B, 3, h, w) are the origin, which is what no surface gives, else 0: (B, 1, h, w)."""
    return relu(1.0 - (relu(point) + relu(-point)).sum(1, keepdim=True) * 2.0**60)


def steady_points(position: Tensor) -> Tensor:
    """Positions (B, 3, H, W) as means over some ten pixels, (B, 3, H/2, W/2), 0 where most of these have none: out of focus each
    pixel has a point of its own, another one in each frame."""
    share, point = mean_around(1.0 - nowhere(position)), mean_around(position)
    for _ in range(2):
        share, point = _softer(share), _softer(point)
    return point / torch.clamp(share, 0.5, 1.0) * torch.clamp((share - 0.5) * 2.0**20, 0.0, 1.0)


def mean_around(position: Tensor) -> Tensor:
    """(B, c, 2h, 2w) to (B, c, h, w): means over 4 x 4 pixels, since out of focus each pixel has a point of its own. Of sums of
    two, which every provider rounds alike: the points of a pixel of 2 mm, 20 m away, differ by little more than is rounded."""
    rows = position[..., ::2, :] + position[..., 1::2, :]
    half = pad((rows[..., ::2] + rows[..., 1::2]) * 0.25, (0, 1, 0, 1), mode="replicate")
    rows = half[..., :-1, :] + half[..., 1:, :]
    return (rows[..., :-1] + rows[..., 1:]) * 0.25


def _softer(x: Tensor) -> Tensor:
    """(B, c, h, w) averaged with its neighbours, by sums of two as in mean_around()."""
    x = pad(x, (1, 1, 1, 1), mode="replicate")
    for _ in range(2):
        rows = x[..., :-1, :] + x[..., 1:, :]
        x = (rows[..., :-1] + rows[..., 1:]) * 0.25
    return x


def power_of_two(exponent: Tensor) -> Tensor:
    """2 to whole numbers from 0 to 71, exactly on every provider, whose own powers are rounded: 2 to at most 9 is."""
    eighths = torch.floor(exponent * 0.125)
    power = _small_power_of_two(eighths)
    for _ in range(3):
        power = power * power
    return power * _small_power_of_two(exponent - eighths * 8.0)


def _small_power_of_two(exponent: Tensor) -> Tensor:
    return torch.floor(torch.exp(exponent * math.log(2)) + 0.5)
