"""What every generator shares: any set of passes in, noise, gate and pens around what it learns, a bound on black."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, relu

from core.colour import LOG_GAIN
from core.controls import Control
from core.passes import PASSES, RADIANCE, Pass
from core.style import PLACE

from ..modes import STROKE_STRENGTH
from . import detail
from .affine import Affine, Unbent
from .dabs import BROKEN, MARKS, DabNoise, Dabs, empty, enlarged, lively, lost
from .dodging import exposed, exposures
from .encoding import SCALE, decode, encode, network_sees
from .grain import Grain
from .palette import mixed
from .pens import LAID, Pens
from .scan_lines import ScanLines
from .strength import strokes_of
from .strokes import StrokeNoise
from .surface_noise import BentNoise, NoiseEverywhere, SurfaceNoise
from .swatches import Swatches
from .washes import painted

NO_LOOK = 1e-3
"""What the first look has in any case, beside what its control says."""
BLACK = 0.1
"""How bright a look may make what is black, scene-linear, unless it says otherwise."""
CLEAR = 8.0
"""How steeply the gate opens where dabs keep detail, before its sigmoid."""
OPEN = 3.0
"""First bias of the gate, before its sigmoid: it starts 95 % open."""
AJAR = -1.0
"""The same of what starts as a poster: 27 %."""
CLOSED = -5.0
"""The same over swatches: 1 %, as what shows through takes as much of their texture."""
PLACED = ("position", "vector")
"""Passes that say nothing of how a place is painted in another frame."""


class GuidedGenerator(nn.Module):
    """What every generator shares: it sees any set of passes and adds what it has learned to the encoded image.

    With a gate it also learns where the image passes and where it is painted over (like the highways of Srivastava et al. 2015).
    With smooth it also learns how much of the image's fine, middle and coarse detail to keep there (see detail.py): removing a
    texture then takes one number instead of the negative of each of its grains.

    Inputs are the passes, by their names in PASSES or as guides of the style's own, in order, each (B, c, H, W) in its own units,
    H and W multiples of `alignment`; "image" comes first and is scene-linear RGB. noise: channels of world-anchored noise that it
    sees in place of the position pass, since the place of a surface in one scene says nothing about other scenes. everywhere:
    where there is no surface, the noise sticks to the image's tones or to the screen; it needs no position pass then. grain:
    channels of noise that sticks to the picture plane, as paper does. strokes: directions, at most 2, of strokes along the form
    (see strokes.py), by position and normal, which must be among the passes: it sees them, and paints where they rise above a
    height that it has learned, in a colour that it has learned, so that they are crisp whatever its own resolution. With any of
    the three, or scan lines, it is `placed`: PLACE comes after the passes.
    black: how bright it may make what is black, scene-linear, whatever the other passes hold; it may add more where there is
    light. controls: what the artist sets, the last inputs, as planes (Zhang et al. 2018, FFDNet, shows a network the level of
    noise so); the last `looks` of them say how much there is of each look.
    dodge: what is darker than this, scene-linear, is painted in as much light and darkened again (see dodging.py); 0: nothing.
    stroke_strength: above 0: one of the controls is STROKE_STRENGTH, which the network does not see (see strength.py).
    hued: the gate holds the image's light back alone, the mean of its channels, so that its hues show through paint.
    scan_lines: rows of the frame from one scan line to the next, which it paints as it does strokes.
    tones: flat washes, each laid where the frame's own light is above a height that it has learned, with a crisp border too.
    stepped: name of the control that says in how many even steps the frame's own light is laid; it learns where and how far.
    washed: name of the control that says how wet the watercolour is that the picture is painted in (see washes.py); it has noise
    of two channels or more, and grain.
    contoured: name of the control that says how thick the contours of the image are, which ink is laid along over all else (see
    contours.py); it learns where, and in which colour.
    outlined: name of the control that says how thick the lines of the geometry are, of depth and normal, which must be among the
    passes; laid as contours are, over these (see outlines.py).
    dabs: broad and fine dabs of paint that follow the form (see dabs.py), by position, normal and depth, which must be among the
    passes; they lie over the picture's own colours, mixed as on a palette (see palette.py), and no gate is learned. How much
    detail there is says where which of them lie, and it learns to say it better. Where broad ones would lose detail, all of it is
    kept. Knobs named BROKEN and MARKS change them directly: the network does not see these. It is `placed` with these, too.
    swatches: kinds of texture in paint that was cut from painted frames, which is laid where the passes are like those there (see
    swatches.py); it sees the colours of this paint and adds what it has learned, and the gate lets the image show through them.
    Texture is laid over all that, as strong as it is. `placed`, too.
    Subclasses give `alignment`, `pens` (see pens.py; None where nothing is laid by them) and change(), whose results have
    `out_channels` in all.
    """

    alignment: int
    pens: Pens | None
    operators: frozenset[str] = frozenset()
    """ONNX operators that its graph may hold besides those of export_onnx.OPERATORS."""

    def __init__(
        self,
        passes: Sequence[str | Pass],
        noise: int = 0,
        gate: bool = False,
        smooth: bool = False,
        everywhere: bool = False,
        black: float = BLACK,
        controls: Sequence[Control] = (),
        looks: int = 0,
        grain: int = 0,
        strokes: int = 0,
        stroke_width: float = 12.0,
        stroke_length: float = 5.0,
        tones: int = 0,
        scan_lines: int = 0,
        hued: bool = False,
        stepped: str = "",
        washed: str = "",
        contoured: str = "",
        outlined: str = "",
        dabs: bool = False,
        swatches: int = 0,
        dodge: float = 0.0,
        stroke_strength: float = 0.0,
    ):
        super().__init__()
        self.controls, self.looks = tuple(controls), tuple(c.name for c in controls[len(controls) - looks :])
        self.black = black
        self.dodge, self.stroked = dodge, bool(stroke_strength)
        self.gate, self.smooth, self.hued = (gate or smooth) and not dabs, smooth, hued
        self.out_channels = 3 + self.gate + smooth * detail.LEVELS
        self.inputs = tuple(p if isinstance(p, Pass) else PASSES[p] for p in (*passes, *(c.guide for c in controls)))
        self.passes = tuple(p.name for p in self.inputs[: len(passes)])
        # Washes are a look in closed form and have its noise.
        everywhere_noise = NoiseEverywhere if washed else BentNoise
        self.noise = (everywhere_noise if everywhere else SurfaceNoise)(noise) if noise else None
        self.grain = Grain(grain) if grain else None
        self.strokes = StrokeNoise(strokes, stroke_width, stroke_length) if strokes else None
        self.everywhere, self.tones, self.stepped, self.washed = everywhere, tones, stepped, washed
        self.contoured, self.outlined = contoured, outlined
        self.scan_lines = ScanLines(scan_lines) if scan_lines else None
        self.dabs = DabNoise() if dabs else None
        self.placed = bool(noise and everywhere or grain or strokes or scan_lines or dabs or swatches)
        self.takes = (*self.passes, *([PLACE] if self.placed else []), *(c.name for c in controls))
        self.noise_channels, self.grain_channels, self.directions = noise, grain, strokes + bool(scan_lines)
        self.unseen = {"position"} if (strokes or dabs) and not noise else set()
        self.unseen |= ({BROKEN, MARKS} if dabs else set()) | ({STROKE_STRENGTH} if self.stroked else set())
        seen = [p.input_channels for p in self.inputs if p.name not in self.unseen and not (noise and p.name == "position")]
        self.in_channels = sum(seen) + noise + grain + self.directions + 3 * bool(swatches)
        self.swatches = Swatches(sum(p.input_channels for p in self._alike), swatches) if swatches else None
        self.operators = self.operators | (Swatches.operators if swatches else frozenset())

    def forward(self, *taken: Tensor) -> Tensor:
        """Scene-linear RGB (B, 3, H, W), at least 0, of what it `takes`."""
        return decode(*self._dodged(taken))

    def encoded(self, *taken: Tensor) -> Tensor:
        """The output encoded: (B, 3, H, W), what the losses compare; values below 0 mean 0."""
        picture, kept = self._dodged(taken)
        return exposed(picture, kept) if self.dodge else picture

    def _dodged(self, taken: Sequence[Tensor]) -> tuple[Tensor, Tensor | float]:
        """What is painted of what it `takes`, encoded, and what its light is then multiplied by."""
        seen = dict(zip(self.takes, taken, strict=True))
        if not self.dodge:
            return self.picture_of(seen, math.log1p(self.black * LOG_GAIN) / SCALE), 1.0  # encode() of a number
        seen_in, kept = self.exposures(seen["image"])
        lit = {p.name: seen[p.name] / seen_in for p in self.inputs if p.holds == RADIANCE}
        return self.picture_of(seen | lit, encode(self.black / kept)), kept

    def exposures(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """exposures() of a scene-linear image (B, 3, H, W), 1 where nothing is lent."""
        return exposures(image, self.dodge) if self.dodge else (torch.ones_like(image[:, :1]),) * 2

    def picture_of(self, seen: dict[str, Tensor], black: Tensor | float) -> Tensor:
        """As encoded(), of what it `takes` by name, in the light that it is given in; black: how bright it may make what is
        black, encoded."""
        guides = self.guides(seen)
        for control in self.controls:
            if control.name in self.unseen:
                continue
            guides[control.name] = (seen[control.name] - control.low) * (2 / (control.high - control.low)) - 1
        shares = self.shares(seen)
        guides |= zip(self.looks, shares.split(1, 1), strict=True) if self.looks else ()
        image = guides["image"]
        ground, texture = self.swatches(self.looked_up(guides), seen[PLACE]) if self.swatches else (image, None)
        if self.noise:  # in the place of position, or after all others
            guides["position"] = self.noise_of(seen)
        if self.grain:
            guides["grain"] = self.grain(seen[PLACE])
        rising = [self.strokes(seen["position"], seen["normal"], seen[PLACE])] if self.strokes else []
        rising += [self.scan_lines(seen[PLACE])] if self.scan_lines else []
        if rising:
            guides["strokes"] = torch.cat(rising, 1) if len(rising) > 1 else rising[0]
        if self.swatches:
            guides["ground"] = ground
        planes = list(guides.values())
        planes = torch.cat(planes, 1) if len(planes) > 1 else planes[0]
        colour, *more = self.change(planes, shares) if self.looks else self.change(planes)
        pens, limit = more.pop() if self.pens else None, self.limit(image) + black
        # What is lighter than white opens the gate, so that lamps shine through paint.
        gates = [torch.sigmoid(gate + OPEN + relu(image - 1.0).sum(1, keepdim=True)) for gate in more[: self.gate]]
        stays = [2 * torch.sigmoid(share) for share in more[self.gate :]]
        dabs = self.laid_dabs(seen, image) if self.dabs else None
        if dabs:
            stays = [share + relu(dabs.lost - share) for share in stays]
        kept = detail.keep(ground, *stays) if self.smooth else ground
        if self.pens:
            washed = None
            if self.washed:
                geometry = guides.get("normal"), guides.get("depth")
                washed = painted(kept, guides["position"], guides["grain"], seen[self.washed], *geometry) - kept
            colour = colour + self.pens.paint(pens, image, guides.get("strokes"), seen.get(self.stepped), washed)
        if dabs:  # all is painted: what has detail counts as kept, the rest as laid over
            kept = self.pens.dab(pens, mixed(kept, image), dabs)
            gates = [torch.sigmoid(dabs.lost * CLEAR - CLEAR / 2)]
        if dabs or self.swatches:  # paint covers what the gate holds back
            colour = colour + kept * (1.0 - gates[0])
        if self.swatches:
            colour = colour + texture
        for ink, cover in self.pens.inks(pens, image, seen, self.contoured, self.outlined) if self.pens else ():
            colour, gates = colour + (ink - colour) * cover, [gate * (1.0 - cover) for gate in gates] or [1.0 - cover]
        if not self.swatches:
            image = kept
        for gate in gates:
            image = image - image.sum(1, keepdim=True) * ((1.0 - gate) * (1 / 3)) if self.hued else image * gate
        if self.stroked:
            colour = colour + strokes_of(image + colour - guides["image"]) * (seen[STROKE_STRENGTH] - 1.0)
        return image + colour - relu(colour - limit)

    def guides(self, seen: dict[str, Tensor]) -> dict[str, Tensor]:
        """The passes and controls as the network sees them, by name."""
        return {p.name: network_sees(p)(seen[p.name]) for p in self.inputs if p.name not in self.unseen}

    def looked_up(self, guides: dict[str, Tensor]) -> Tensor:
        """Those of guides() that swatches are looked up by, (B, c, H, W)."""
        return torch.cat([guides[p.name] for p in self._alike], 1)

    @property
    def _alike(self) -> list[Pass]:
        return [p for p in self.inputs[: len(self.passes)] if p.name not in PLACED]

    def shares(self, passes: dict[str, Tensor]) -> Tensor | None:
        """How much there is of each look, (B, looks, H, W), at each pixel 1 in all, of their controls; where all are 0, the first
        counts alone. None without looks."""
        if not self.looks:
            return None
        first, *others = (passes[name] for name in self.looks)
        weights = torch.cat([first + NO_LOOK, *others], 1)
        return weights / weights.sum(1, keepdim=True)

    def make_pens(self, channels: int, scale: int) -> Pens | None:
        """Of channels at 1 / `scale` of the size; nothing without strokes, scan lines, tones, steps, washes, dabs, contours."""
        laid = [name for name in LAID if getattr(self, name)]
        used = self.tones or self.directions or laid
        return Pens(channels, scale, self.tones, self.directions, laid) if used else None

    def laid_dabs(self, seen: dict[str, Tensor], image: Tensor) -> Dabs:
        """What dabs are laid by, of what it takes and of the encoded image."""
        usual = {control.name: control.default or 1.0 for control in self.controls}
        broken, marks = (seen[name] * (1 / usual[name]) if name in usual else 1.0 for name in (BROKEN, MARKS))
        detail = lost(image)
        wide = empty(detail)
        noise = self.dabs(seen["position"], seen["normal"], seen[PLACE], wide)
        return Dabs(*noise, enlarged(detail), wide, lively(image, seen["depth"], wide), broken, marks)

    @torch.no_grad()
    def start_as_poster(self) -> None:
        """Let a generator with tones start from flat tones, with a part of the image or with its hues, in place of the image: its
        steps are there from the first step on, where else training would sooner blur them than find their heights."""
        self.pens.lay_tones(1 - torch.sigmoid(torch.tensor(AJAR)))
        if self.gate:
            self.open_gate(AJAR)

    @torch.no_grad()
    def open_gate(self, first: float) -> None:
        """Let the gate start from another value before its sigmoid than OPEN."""
        size = len(self.tail.bias) // self.out_channels
        self.tail.bias[3 * size : 4 * size] = first - OPEN

    def affine(self, *channels: tuple[int, int]) -> nn.ModuleList:
        """For each (channels, step) what the looks change there; nothing without looks."""
        return nn.ModuleList(Affine(len(self.looks), *c) if self.looks else Unbent() for c in channels)

    def limit(self, image: Tensor) -> Tensor:
        """The most that may be added to an encoded image (B, 3, H, W) besides `black`, as (B, 1, H, W): the light within about
        ten pixels, which for grey is three times itself."""
        light = avg_pool2d(image, 4).sum(1, keepdim=True)
        light = max_pool2d(light, 5, stride=1, padding=2)
        return interpolate(light, scale_factor=4.0, mode="bilinear")

    def noise_of(self, taken: dict[str, Tensor]) -> Tensor:
        """What a generator with noise sees of it, (B, noise, H, W), by what it `takes`."""
        if self.everywhere:
            return self.noise(encode(taken["image"]), taken[PLACE], taken.get("position"))
        return self.noise(taken["position"])

    def resolved(self, picture: Tensor) -> Tensor:
        """A picture (B, c, H, W) without what is finer than this generator can paint, H and W even."""
        return picture

    def change(self, guides: Tensor, shares: Tensor | None = None) -> Sequence[Tensor]:
        """All guides (B, in_channels, H, W), about [-1, 1], to what is added to the encoded image (B, 3, H, W), then the gate and
        the shares of detail before their sigmoids, each (B, 1, H, W), then the pens, if there are any. shares: of looks."""
        raise NotImplementedError
