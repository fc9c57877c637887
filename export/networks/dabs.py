"""Dabs of oil paint in closed form: broad ones, the broader and calmer the emptier it is around them, and over them fine ones
where a picture has detail. The look lays them (see datasets/looks/oil_painting.py), and pens do in generators that work at a
fraction of the size (see pens.py)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, max_pool2d, pad

from core.colour import LUMINANCE

from .encoding import NOTHING
from .strokes import AT_ONCE, LEANING, SEED, WAVES, StrokeNoise, cells, dot, doubled, sine
from .surface_noise import mean_around

WIDTHS, LENGTH = (38.0, 12.0), 3.0
"""Pixels from one dab to the next, of broad dabs and of fine ones, and the length of one, in widths."""
SLANTS = 0.4, 0.7
"""Angles in radians, from level, that the dabs of a layer take in turn."""
BROAD = (0.028, -0.006, -0.2), (-0.028, -0.01, -0.1), (0.022, 0.024, 0.2), (0.0, -0.03, 0.6)
FINE = (0.035, 0.011, 0.1), (-0.033, -0.009, 0.4)
"""Of the dabs of each layer, those on top last: how much lighter and how much warmer than the picture they are, on the log curve,
and the height, in deviations of their noise, above which they lie."""
WARM = 1.0, 0.25, -0.8
"""What warmth adds to red, green and blue."""
BORDERS = 10.0, 6.0
"""How steeply the borders of broad and of fine dabs rise."""
BRISTLES, FURROWS = 1.3, 0.12
"""Furrows of the bristles in a deviation of the noise, all along a dab, and how deep they are, relative to the paint."""
BARE, THIN = 0.5, 0.85
"""How thick the paint is where no dab lies, and fine dabs are, relative to broad ones."""
STEEP = 1.2
"""Change of thickness over two pixels, as a reciprocal, in which raking light is as light or dark as it gets."""
LOST, SEEN = (0.004, 0.018), 0.25
"""Differences of colour round a place, on the log curve, from which on broad dabs would lose detail, and where they would all, as
shares of the light there and so much more."""
RAISED = 3.0, 2.2
"""By how much higher the noise must be for a broad dab where all detail would be lost, and for a fine one where none would."""
CELL, AROUND = 4, (3, 3)
"""Side in pixels of the squares by whose means detail is known; and, in such squares, of the means that it differs from, and of
those that say how much it does."""

WIDE, EMPTY = 9, 2.0
"""Side, in such squares, of the two means that say how wide and empty it is around a place, and the reciprocal of the share of
detail there from which on it is not."""
BROADER, CALMER = 0.8, 0.4
"""How much broader dabs are where it is wide and empty, and how much calmer the brush is."""

RAKED = 0.11
"""How much the raking light changes the paint."""
DARK, LEAST = 0.3, 0.15
"""Light, on the log curve, below which there is less to break, and how lively the brush is in black."""
PALE, WHITE, SHINES, HALF = 0.7, 1.0, 1.15, 0.5
"""Light from which on the brush is calmer, where it is half as lively, and from which on nothing is painted."""
SKY = 0.2
"""How much calmer it is in the sky."""
BROKEN, MARKS = "broken_colour", "brush_marks"
"""Names of the knobs, where a style has them, that say how far dabs differ from the picture, and how much light rakes them."""


class Dabs(NamedTuple):
    """What dabs are laid by, at full size."""

    broad: Tensor
    fine: Tensor
    """Both of DabNoise."""
    lost: Tensor
    """Of lost(), enlarged, (B, 1, H, W)."""
    wide: Tensor
    """Of empty(), (B, 1, H / CELL, W / CELL)."""
    lively: Tensor
    """Of lively(), (B, 1, H, W)."""
    broken: Tensor | float
    marks: Tensor | float
    """The knobs, relative to what is usual, (B, 1, H, W)."""


class DabNoise(StrokeNoise):
    """Position (B, 3, H, W), normal (B, 3, H, W), place (B, 2, H, W) and of empty() (B, 1, H/4, W/4), H and W multiples of 4, to
    noise of deviation 1 whose ridges are dabs, of broad ones (B, len(BROAD), H/4, W/4) and of fine ones (B, len(FINE), H/2, W/2).

    All are sums of the same waves, with signs of their own, so that a further dab costs little."""

    def __init__(self):
        super().__init__(len(SLANTS), length=LENGTH)
        self.slant = SLANTS
        source = torch.Generator().manual_seed(SEED)
        for layer, dabs, waves in (("broad", BROAD, WAVES), ("fine", FINE, WAVES // 2)):
            signs = torch.randn(2, len(SLANTS), len(dabs) // len(SLANTS), waves, generator=source).sign()
            self.register_buffer(layer, signs[..., None, None], persistent=False)

    def forward(self, position: Tensor, normal: Tensor, place: Tensor, wide: Tensor) -> tuple[Tensor, Tensor]:
        point, footprint, level, uphill = self.surfaces(position, normal, place)
        all_waves, half = ([self.shares(level, uphill, angle, every) for angle in self.slant] for every in (1, 2))
        far, length = (max_pool2d(x, 1, stride=2) for x in (point, footprint))
        return (
            self.sums(far, length * broader(wide, WIDTHS[0] * LEANING), all_waves, self.broad),
            self.sums(point, footprint * (WIDTHS[1] * LEANING), [doubled(share) for share in half], self.fine),
        )

    def points(self, position: Tensor) -> Tensor:
        """As of StrokeNoise, as they are: fine dabs lie on narrow things, and broad ones change little from pixel to pixel."""
        return mean_around(position)

    def sums(self, point: Tensor, length: Tensor, shares: list[Tensor], signs: Tensor) -> Tensor:
        """Noise (B, dabs, h, w) of waves of a length; shares: of each slant, (B, waves, h, w)."""
        inside, turn = cells(point, length)
        every = WAVES // signs.shape[3]
        waves, phases = self.waves[:, ::every], self.phases[:, ::every]
        long, short = [0.0] * len(shares), [0.0] * len(shares)
        for first in range(0, signs.shape[3], AT_ONCE):
            group = slice(first, first + AT_ONCE)
            turns = dot(inside, waves[:, group])
            longer, shorter = sine(turns + phases[:, group]), sine(turns * 2.0 + phases[:, group])
            for slant, share in enumerate(shares):
                part = share[:, group]
                long[slant] = long[slant] + conv2d(part * longer, signs[0, slant, :, group])
                short[slant] = short[slant] + conv2d(part * shorter, signs[1, slant, :, group])
        return torch.cat(long, 1) * sine(turn) + torch.cat(short, 1) * sine(0.25 - turn)


def brushed(broad: Tensor, fine: Tensor, heights: Tensor, wide: Tensor) -> tuple[Tensor, Tensor]:
    """By how much dabs differ from the picture that they paint, on the log curve, (B, 3, H, W), and in [-1, 1] how raking light
    from the upper left falls on them, (B, 1, H, W).

    broad, fine: of DabNoise. heights: by how much higher than usual the noise has to be for broad and for fine dabs to lie there,
    (B, 2, H, W). wide: of empty()."""
    border = interpolate(broader(wide, BORDERS[0]), scale_factor=2.0, mode="bilinear")  # the broader, the slower the noise rises
    half = interpolate(broad, scale_factor=2.0, mode="bilinear")
    paint = laid([0.0, 0.0, BARE], half, avg_pool2d(heights[:, :1], 2), BROAD, border, FURROWS)
    paint = interpolate(torch.cat(paint, 1), scale_factor=2.0, mode="bilinear").split(1, 1)
    dabs = interpolate(fine, scale_factor=2.0, mode="bilinear")
    lighter, warmer, thickness = laid(paint, dabs, heights[:, 1:], FINE, BORDERS[1])
    around = pad(thickness, (1, 1, 1, 1), mode="replicate")
    raked = torch.clamp((around[..., 2:, 2:] - around[..., :-2, :-2]) * STEEP, -1.0, 1.0)
    return torch.cat([lighter + warmer * share for share in WARM], 1), raked


def broader(wide: Tensor, usual: float) -> Tensor:
    """Of broad dabs what is `usual` and grows with how broad they are, by empty()."""
    return wide * (BROADER * usual) + usual


def heights(lost: Tensor) -> Tensor:
    """By how much higher than usual the noise has to be for broad and for fine dabs, (B, 2, H, W), where so much detail would be
    lost in broad ones, (B, 1, H, W)."""
    return torch.cat([lost * RAISED[0], RAISED[1] - lost * RAISED[1]], 1)


def laid(
    paint: Sequence[Tensor | float],
    noise: Tensor,
    height: Tensor,
    dabs: Sequence[tuple[float, float, float]],
    border: Tensor | float,
    furrows: float = 0.0,
) -> list[Tensor]:
    """How much lighter and warmer paint is and how thick, each (B, 1, h, w), with a layer of dabs over it, one over the other."""
    lighter, warmer, thickness = paint
    for plane, (light, warmth, above) in zip(noise.split(1, 1), dabs, strict=True):
        cover = torch.sigmoid((plane - height - above) * border)
        thick = sine(plane * BRISTLES) * furrows + 1.0 if furrows else THIN
        lighter = lighter + (light - lighter) * cover
        warmer = warmer + (warmth - warmer) * cover
        thickness = thickness + (thick - thickness) * cover
    return [lighter, warmer, thickness]


def over(paint: Tensor, dabs: Dabs, higher: Tensor) -> Tensor:
    """Dabs over paint, encoded (B, 3, H, W), in raking light; higher: what heights() are raised by, (B, 2, H, W)."""
    change, raked = brushed(dabs.broad, dabs.fine, higher + heights(dabs.lost), dabs.wide)
    return (paint + change * (dabs.lively * dabs.broken)) * (raked * (dabs.lively * dabs.marks) * RAKED + 1.0)


def lively(image: Tensor, depth: Tensor, wide: Tensor) -> Tensor:
    """How lively the brush is, (B, 1, H, W), on an encoded image (B, 3, H, W) with a depth (B, 1, H, W), 1 on most things: of
    light little can be broken, over a whole sky, an empty white or all that is wide and empty (by empty()) dabs would be ripples,
    and what shines stays as it is."""
    red, green, blue = avg_pool2d(image, CELL).split(1, 1)
    light = red * LUMINANCE[0] + green * LUMINANCE[1] + blue * LUMINANCE[2]
    share = torch.clamp(light * ((1 - LEAST) / DARK) + LEAST, 0.0, 1.0)
    share = share * (1.0 - torch.clamp((light - PALE) * (HALF / (WHITE - PALE)), 0.0, HALF))
    share = share * torch.clamp((SHINES - light) * (1 / (SHINES - WHITE)), 0.0, 1.0)
    sky = torch.clamp(max_pool2d(depth, 1, stride=CELL) * (1 / NOTHING) - 1.0, 0.0, 1.0)
    return enlarged(share * (1.0 - sky * SKY) * (1.0 - wide * CALMER))


def empty(lost: Tensor) -> Tensor:
    """How wide and empty it is around each place, in [0, 1], by lost(), both (B, 1, H / CELL, W / CELL)."""
    for _ in range(2):
        lost = avg_pool2d(lost, WIDE, stride=1, padding=WIDE // 2, count_include_pad=False)
    return torch.relu(1.0 - lost * EMPTY)


def lost(image: Tensor) -> Tensor:
    """How much of its detail an encoded image (B, 3, H, W) would lose in broad dabs, (B, 1, H / CELL, W / CELL) in [0, 1]
    (Hertzmann 1998): small differences count in the dark, where they are seen as well."""
    cells = avg_pool2d(image, CELL)
    wide, near = AROUND
    mean = avg_pool2d(cells, wide, stride=1, padding=wide // 2, count_include_pad=False)
    apart = (torch.relu(cells - mean) + torch.relu(mean - cells)).sum(1, keepdim=True)
    around = avg_pool2d(apart, near, stride=1, padding=near // 2, count_include_pad=False)
    share = around / (mean.sum(1, keepdim=True) + 3 * SEEN)
    return torch.clamp((share - LOST[0]) * (1 / (LOST[1] - LOST[0])), 0.0, 1.0)


def enlarged(share: Tensor) -> Tensor:
    """What is known at 1 / CELL of the size, at full size."""
    return interpolate(share, scale_factor=float(CELL), mode="bilinear")
