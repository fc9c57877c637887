"""Pens: what a generator that works at a fraction of the size paints crisply at full size, in flat colour wherever something
rises above a height. The network learns the colours and the heights, which are smooth; the borders come from what rises."""

from collections.abc import Collection, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from . import outlines
from .contours import HEIGHT, coverage, crests
from .dabs import Dabs, over
from .light import even_light, in_steps, light_of

CRISP = 2.6
"""How steeply a stroke's border rises: within about two pixels, since harder ones flicker."""
SPARSE = 1.0
"""What heights of strokes count from, in deviations of the strokes, so that few are painted at first."""
DARKER = 0.25
"""How much darker than the ground strokes are at first, on the log curve: of no colour, training would sooner take them away."""
WASHED = 1.0, 1.0, 1.0
"""At first, of watercolour: how far the picture is painted in it, by colour."""
INK = 0.12, 0.1, 0.21, HEIGHT
"""Of contours, their colour at first, encoded, and the height from which on they are drawn."""
DABBED = 0.0, 0.0
"""At first, how much higher broad and fine dabs lie than detail says."""
OUTLINED = 0.12, 0.1, 0.21, 2.0, -1.5, 1.5
"""Of lines of the geometry, their colour at first, and before a sigmoid how far there are ones on the nearer and on the farther
side of steps, and creases."""
LAID = {"stepped": (1.0,), "washed": WASHED, "dabs": DABBED, "contoured": INK, "outlined": OUTLINED}
"""What is laid in closed form, in the order of its channels, and what these are at first; of stepped light, how far it is."""


class Pens(nn.Conv2d):
    """For each step of tone and each direction of strokes, in this order, a colour and a height, of channels at 1 / `scale` of
    the size. Flat colours with a border at full size are what block truncation coding keeps of a part of an image (Delp and
    Mitchell 1979); here the border is a height of the frame's own light, as in toon shading (Lake et al. 2000), or of noise.

    laid: of LAID, what else there is: channels of its own, after those of tones and strokes, say how it is laid. Light in even
    steps, watercolour (see washes.py) and dabs of paint (see dabs.py) are there at first, contours (see contours.py) and
    lines of the geometry (see outlines.py) in their ink."""

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
        washed: Tensor | None = None,
    ) -> Tensor:
        """What pens of forward() add to an encoded image (B, 3, H, W), one over the other; strokes: (B, directions, H, W), steps:
        of light from black to white, (B, 1, H, W), washed: what watercolour changes, (B, 3, H, W)."""
        paint: Tensor | float = 0.0
        for number, rise in enumerate(self._rising(pens[:, 3 : 4 * self.pens : 4], image, strokes)):
            paint = paint + (pens[:, 4 * number : 4 * number + 3] - paint) * torch.sigmoid(rise)
        if steps is not None:
            paint = paint + pens[:, self.parts["stepped"]] * in_steps(image, steps)
        if washed is not None:
            paint = paint + pens[:, self.parts["washed"]] * washed
        return paint

    def dab(self, pens: Tensor, paint: Tensor, dabs: Dabs) -> Tensor:
        """Paint, encoded (B, 3, H, W), with dabs over it, as high as pens of forward() say."""
        return over(paint, dabs, pens[:, self.parts["dabs"]])

    def inks(
        self, pens: Tensor, image: Tensor, seen: dict[str, Tensor], contoured: str, outlined: str
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """By pens of forward(), what ink is laid over all else, one after the other: its encoded colour (B, 3, H, W) and its
        coverage [0, 1], (B, 1, H, W), along the contours of an encoded image (B, 3, H, W) and along lines of the geometry, as
        thick as the inputs of these names say; none without a name."""
        if contoured:
            colour, height = pens[:, self.parts["contoured"]].split((3, 1), 1)
            yield colour, coverage(crests(image), height, seen[contoured])
        if outlined:
            colour, shares = pens[:, self.parts["outlined"]].split(3, 1)
            lines = torch.cat(outlines.geometry_lines(seen["depth"], torch.clamp(seen["normal"], -1.0, 1.0)), 1)
            near, far, crease = (lines * torch.sigmoid(shares)).split(1, 1)
            yield colour, outlines.coverage(torch.maximum(torch.maximum(near, far), crease), seen[outlined])

    def _rising(self, heights: Tensor, image: Tensor, strokes: Tensor | None) -> Iterator[Tensor]:
        """For each pen how far what it paints on rises above its height, (B, 1, H, W), in quarters of its border."""
        if self.tones:
            light, steepness = even_light(light_of(image))
            for height in heights[:, : self.tones].split(1, 1):
                yield (light - height) * steepness
        if strokes is not None:
            for stroke, height in zip(strokes.split(1, 1), heights[:, self.tones :].split(1, 1), strict=True):
                yield (stroke - height - SPARSE) * CRISP
