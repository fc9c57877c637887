"""Pens: what a generator that works at a fraction of the size paints crisply at full size, in flat colour wherever something
rises above a height. The network learns the colours and the heights, which are smooth; the borders come from what rises."""

from collections.abc import Collection, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pad

from core.colour import LUMINANCE

from .contours import HEIGHT, coverage, crests
from .dabs import brushed

CRISP = 2.6
"""How steeply a stroke's border rises: within about two pixels, since harder ones flicker."""
SPARSE = 1.0
"""What heights of strokes count from, in deviations of the strokes, so that few are painted at first."""
DARKER = 0.25
"""How much darker than the ground strokes are at first, on the log curve: of no colour, training would sooner take them away."""
WASHED = 1.0, 1.0, 1.0, -0.2, -0.2, -0.2, -0.015
"""At first, of washes: how far light is laid in them and how dark their rims are, by colour, and how dark the relief of paper."""
INK = 0.12, 0.1, 0.21, HEIGHT
"""Of contours, their colour at first, encoded, and the height from which on they are drawn."""
DABBED = 0.0, 0.0, 1.0, 0.06
"""At first, of dabs: how much higher than usual broad and fine ones lie, how far they differ from the picture, and how much the
raking light changes them."""
LAID = {"stepped": (1.0,), "washed": WASHED, "dabs": DABBED, "contoured": INK}
"""What is laid in closed form, in the order of its channels, and what these are at first; of stepped light, how far it is."""
BORDER = 2.0
"""Pixels within which the border of a tone rises, however slowly the light changes there."""
LEVEL = 0.002
"""Change of tone a pixel, on the log curve, below which a border is wider, since the noise of a render would tear it."""
CELL = 4
"""Side in pixels of the squares by whose means the change of tone is known."""
WINDOW, ROUGH = 7, 0.0007
"""Cells on a side of the windows in which rough light is made even, and the variance on the log curve up to which it is rough:
that of a step by 0.05 in the middle of a window."""
EVEN = 0.001
"""LEVEL where the light was made even."""
SOFTEST = 12.0
"""How steeply the border between two of the steps rises at least, relative to their distance."""
WHITE, SHINES = 0.95, 1.1
"""Light, on the log curve, up to which there are steps, and from which there are none."""


class Pens(nn.Conv2d):
    """For each step of tone and each direction of strokes, in this order, a colour and a height, of channels at 1 / `scale` of
    the size. Flat colours with a border at full size are what block truncation coding keeps of a part of an image (Delp and
    Mitchell 1979); here the border is a height of the frame's own light, as in toon shading (Lake et al. 2000), or of noise.

    laid: of LAID, what else there is: channels of its own, after those of tones and strokes, say how it is laid. Light in even
    steps, washes (see washes.py) and dabs of paint (see dabs.py) are there at first, contours (see contours.py) in their ink."""

    def __init__(self, channels: int, scale: int, tones: int, directions: int, laid: Collection[str] = ()):
        parts, end = {}, 4 * (tones + directions)
        for name, first in LAID.items():
            if name in laid:
                parts[name] = slice(end, end + len(first))
                end += len(first)
        super().__init__(channels, end, 3, padding=1)
        self.scale, self.tones, self.pens, self.parts = scale, tones, tones + directions, parts
        nn.init.normal_(self.weight, 0.0, 0.02 * (9 * channels) ** -0.5)
        nn.init.zeros_(self.bias)
        with torch.no_grad():
            first = self.bias[: 4 * self.pens].view(self.pens, 4)
            first[:tones, 3] = torch.arange(1, tones + 1) / (tones + 1)
            first[tones:, :3] = -DARKER
            for name, part in self.parts.items():
                self.bias[part] = torch.tensor(LAID[name])

    def lay_tones(self, share: float) -> None:
        """Give the tones so much of the light between their heights, in place of next to none."""
        first = self.bias[: 4 * self.tones].view(-1, 4)
        ends = torch.cat([first[:, 3], first.new_ones(1)])
        first[:, :3] = (ends[:-1] + ends[1:])[:, None] * (0.5 * share)

    def forward(self, x: Tensor) -> Tensor:
        """(B, out_channels, H, W) of (B, channels, h, w)."""
        return interpolate(super().forward(x), scale_factor=float(self.scale), mode="bilinear")

    def paint(
        self,
        pens: Tensor,
        image: Tensor,
        strokes: Tensor | None,
        steps: Tensor | None = None,
        washes: Sequence[Tensor] = (),
        dabs: Sequence[Tensor] = (),
    ) -> Tensor:
        """What pens of forward() add to an encoded image (B, 3, H, W), one over the other; strokes: (B, directions, H, W), steps:
        of light from black to white, (B, 1, H, W), washes: what they change, each (B, 1, H, W), dabs: their noise."""
        paint: Tensor | float = 0.0
        for number, rise in enumerate(self._rising(pens[:, 3 : 4 * self.pens : 4], image, strokes)):
            paint = paint + (pens[:, 4 * number : 4 * number + 3] - paint) * torch.sigmoid(rise)
        if steps is not None:
            paint = paint + pens[:, self.parts["stepped"]] * in_steps(image, steps)
        if washes:
            for share, change in zip(pens[:, self.parts["washed"]].split((3, 3, 1), 1), washes, strict=True):
                paint = paint + share * change
        if dabs:
            heights, difference, relief = pens[:, self.parts["dabs"]].split((2, 1, 1), 1)
            change, raked = brushed(*dabs, heights)
            paint = paint + difference * change + relief * raked
        return paint

    def ink(self, pens: Tensor, image: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """By pens of forward(), the encoded colour (B, 3, H, W) and the coverage [0, 1], (B, 1, H, W), of ink along the contours
        of an encoded image (B, 3, H, W); weight: how thick they are, (B, 1, H, W)."""
        colour, height = pens[:, self.parts["contoured"]].split((3, 1), 1)
        return colour, coverage(crests(image), height, weight)

    def _rising(self, heights: Tensor, image: Tensor, strokes: Tensor | None) -> Iterator[Tensor]:
        """For each pen how far what it paints on rises above its height, (B, 1, H, W), in quarters of its border."""
        if self.tones:
            light, steepness = tone(light_of(image))
            for height in heights[:, : self.tones].split(1, 1):
                yield (light - height) * steepness
        if strokes is not None:
            for stroke, height in zip(strokes.split(1, 1), heights[:, self.tones :].split(1, 1), strict=True):
                yield (stroke - height - SPARSE) * CRISP


def tone(light: Tensor) -> tuple[Tensor, Tensor]:
    """Light (B, 1, H, W) made even where it is rough, so that the grain of a wall, paving or noise does not tear the border of a
    tone, but not across the borders of things and of light; and how steep a border has to be to be as wide on a slow gradient as
    on a fast one; both (B, 1, H, W).

    The guided filter (He, Sun and Tang 2013, its own guide, subsampled as by He and Sun 2015) with a sharper choice between
    keeping and averaging: what is kept of the light and what is added follow from means and variances of its cells."""
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
    varied = varied * varied
    varied = varied * varied
    keep = varied / (varied + 1.0)
    return _around(keep), _around(mean - keep * mean)


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
    even, steepness = tone(light)
    border = torch.floor(even * steps + 0.5)  # the nearest one, of which the first lies at black
    sharpness = torch.relu(steepness - SOFTEST * steps) + SOFTEST * steps
    stepped = (border - 0.5 + torch.sigmoid((even * steps - border) * (sharpness / steps))) / steps
    return (stepped - light) * torch.clamp((SHINES - light) * (1 / (SHINES - WHITE)), 0.0, 1.0)
