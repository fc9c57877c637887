"""Learning a look from one picture or a few: rendered frames are painted so that features of ImageNet can't tell them from it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from ..config import TrainConfig
from ..frames.frame_store import DataError, FrameStore, cache_folder, digest
from ..modes import STROKE_STRENGTH
from ..networks.discriminators import ProjectedDiscriminator
from ..networks.dodging import exposed
from ..networks.encoding import encode, shown
from . import losses
from .dataset import MOTION, Crops, draw_frames, draw_steps, follow_names, guides_of, split_names
from .distributed import processes, share
from .hardware import Hardware
from .looks import one_look
from .losses import Features
from .objective import Objective, Terms
from .pictures import Look, grey
from .window import Window, draw_window, side_of

CONTENT = "1/8"
"""The level whose features tell what is where."""
TONE_SIDE, TONE_MARGIN = 8, 0.06
"""Pixels that a tone is the mean over, and how far off it may be, sRGB: broad strokes are so much lighter and darker."""
PATCH_SIDE, PATCH_MARGIN = 32, 0.02
"""The same of what would be a patch, not a stroke."""
SHIFT, SHIFT_MARGIN = 16, 24
"""Of the term shift: fewer pixels than this the frame is moved by, and pixels at a crop's border whose surroundings differ."""


class Part(NamedTuple):
    """What one of the looks has to do with a step."""

    look: int
    """Its number."""
    share: float
    """How much there is of it in all crops of the step."""
    pieces: Tensor
    """(B, 3, h, w) sRGB in [0, 1], of its pictures."""


class Batch(NamedTuple):
    """What one step learns from."""

    inputs: Crops
    parts: list[Part]
    moving: bool
    """Whether the inputs are two frames in a row, the earlier ones in the first half."""
    window: Window
    """What is judged of the crops."""
    directions: int
    """Seed of what style projects onto."""
    shift: tuple[int, int]
    """Pixels that the frame is moved by, up and to the left, to see whether its strokes move along."""


class RenderedFrames:
    """A data folder of which only the rendered frames in input/ count. Raises DataError as DataSet does."""

    def __init__(self, config: TrainConfig):
        passes = config.passes + tuple(p for p in MOTION if config.weight_temporal and p not in config.passes)
        problems: list[str] = []
        cache = cache_folder(config.data)
        self.inputs = FrameStore(
            config.data / "input",
            passes,
            cache,
            problems,
            height=config.frame_height,
            layer=config.layer,
            guides=guides_of(config),
        )
        problems += [
            f"{self.inputs.of(f.name)} is {f.width} x {f.height} pixels, smaller than a crop of {config.crop}."
            for f in self.inputs.frames.values()
            if min(f.height, f.width) < config.crop
        ]
        if problems:
            raise DataError("The data set can't be used:\n" + "\n".join(f"  {p}" for p in problems))
        self.fingerprint = digest([self.inputs.fingerprint])
        self.steps = follow_names(self.inputs)


def looks_of(config: TrainConfig) -> list[Look]:
    """The looks that the settings name, for crops as large as what is judged: one of several pictures, or several of one picture.

    Raises TrainerError.
    """
    side, colours = side_of(config.crop), not config.keep_colours
    return [Look(paths, config.brush, side, colours) for paths in [[path] for path in config.looks] or [config.exemplar]]


class Exemplar(Objective):
    """A projected discriminator judges crops of the outputs against crops of the pictures; features of the frame itself hold the
    content."""

    reads = RenderedFrames

    def __init__(self, config: TrainConfig, hardware: Hardware):
        self.looks = looks_of(config)
        super().__init__(config, hardware)
        self.names, self.held_out = split_names(list(self.data.inputs.frames), config.holdout, config.holdout_fraction)
        self.use_steps(self.names)

    def make_judge(self) -> ProjectedDiscriminator | nn.ModuleList:
        """Of several looks each has a judge of its own."""
        judges = [self.projected_judge([self.resolved(p) for p in look.whole()]) for look in self.looks]
        return judges[0] if len(judges) == 1 else nn.ModuleList(judges)

    def draw(self, rng: np.random.Generator) -> Batch:
        """Every second batch is of two frames in a row, if steadiness is asked for."""
        config, data = self.config, self.data
        moving = "temporal" in self.weights and bool(rng.integers(2))
        if moving:
            inputs = draw_steps(data, self.steps, replace(config, batch=max(1, config.batch // 2)), rng)
        else:
            inputs = Crops(draw_frames(data.inputs, self.names, config, rng), None)
        parts = self._draw_parts(len(inputs.passes["image"]), rng)
        window = draw_window(config.crop, rng)
        device = self.hardware.device
        return Batch(
            self._with_shares(inputs, parts).to(device),
            parts,
            moving,
            window,
            int(rng.integers(2**31)),
            tuple(map(int, rng.integers(1, SHIFT, size=2))),
        )

    def _draw_parts(self, count: int, rng: np.random.Generator) -> list[Part]:
        """One of the looks alone, or, every third time, a mixture of two."""
        shares = {0: 1.0}
        if len(self.looks) > 1:
            first, second = (int(n) for n in rng.choice(len(self.looks), 2, replace=False))
            share_of_first = float(rng.random()) if rng.integers(3) == 0 else 1.0
            shares = {first: share_of_first, second: 1 - share_of_first}
        return [
            Part(n, s, torch.stack(share(list(self.looks[n].draw(count * processes(), rng)))).to(self.hardware.device))
            for n, s in shares.items()
            if s
        ]

    def _with_shares(self, crops: Crops, parts: list[Part]) -> Crops:
        """The crops with what the controls of the looks say, and with strokes as strong as they are learned."""
        shares = {part.look: part.share for part in parts}
        like = crops.passes["image"][:, :1]
        names = self.networks["generator"].looks
        planes = {name: torch.full_like(like, shares.get(n, 0.0)) for n, name in enumerate(names)}
        return Crops(crops.passes | planes | self._as_learned(like), crops.target)

    def _as_learned(self, like: Tensor) -> dict[str, Tensor]:
        return {STROKE_STRENGTH: torch.ones_like(like[:, :1])} if self.networks["generator"].stroked else {}

    def losses(self, batch: Batch, step: int) -> Iterator[tuple[str, Terms]]:
        """The terms of one step: the discriminator's, then, after its update, the generator's."""
        image, output = batch.inputs.passes["image"], self.paint(batch.inputs).float()
        generator = self.networks["generator"]
        # What is dark is judged in the light that it is painted in.
        pair = zip((encode(image), output), generator.exposures(image), strict=True)
        plain, fake = (generator.resolved(shown(batch.window.of(exposed(t, 1 / lent)))) for t, lent in pair)
        seen = grey(fake) if self.config.keep_colours else fake
        judges = self.networks["discriminator"]
        parts = [(part, judges[part.look] if isinstance(judges, nn.ModuleList) else judges) for part in batch.parts]
        loss_d, loss_g = losses.ADVERSARIAL[self.config.adversarial]
        with self.hardware.fast():
            found = self.features(seen)
            with torch.no_grad():
                looks = [self.features(generator.resolved(part.pieces)) for part in batch.parts]
                wanted = self.features(grey(plain) if self.config.keep_colours else plain)
        terms = {}
        if "adversarial" in self.weights:
            told, reals = [], []
            for (part, judge), look in zip(parts, looks, strict=True):
                real, painted = judge.judge(look).logits, judge.judge({n: f.detach() for n, f in found.items()}).logits
                reals.append([r.detach() for r in real])
                told.append(part.share * losses.mean(loss_d(r, p) for r, p in zip(real, painted, strict=True)))
            yield "discriminator", {"discriminator": sum(told)}

            judges.requires_grad_(False)
            terms["adversarial"] = sum(
                part.share * losses.mean(loss_g(f, r) for f, r in zip(judge.judge(found).logits, real, strict=True))
                for (part, judge), real in zip(parts, reals, strict=True)
            )
            judges.requires_grad_(True)
        terms |= self._compared(batch, (plain, fake), (wanted, found), looks)
        if "shift" in self.weights and not batch.moving:
            terms["shift"] = self.shifted(batch, output)
        if batch.moving:
            terms["temporal"] = self.temporal(batch.inputs, output)
        yield "generator", terms

    def _compared(
        self,
        batch: Batch,
        pictures: tuple[Tensor, Tensor],
        features: tuple[Features, Features],
        looks: list[Features],
    ) -> Terms:
        """The terms that compare outputs with the plain frame and with the pictures of the look.

        pictures, features: of the plain frame and of the output; looks: features of the pieces of each part.
        """
        (plain, fake), (wanted, found), terms = pictures, features, {}
        if "content" in self.weights:
            terms["content"] = losses.likeness(found, wanted, [CONTENT])
        if "style" in self.weights:
            source = torch.Generator().manual_seed(batch.directions)
            distance = losses.STYLE_DISTANCES[self.config.style_distance]
            terms["style"] = sum(
                part.share * distance(found, look, source) for part, look in zip(batch.parts, looks, strict=True)
            )
        if "tones" in self.weights:
            tone, wanted_tone = (avg_pool2d(grey(t)[:, :1], TONE_SIDE) for t in (fake, plain))
            aim = sum(part.share * self.looks[part.look].toned(wanted_tone) for part in batch.parts)
            off = tone - aim
            patches = avg_pool2d(off, PATCH_SIDE // TONE_SIDE)
            terms["tones"] = relu(off.abs() - TONE_MARGIN).mean() + relu(patches.abs() - PATCH_MARGIN).mean()
        if self.config.keep_colours:
            terms["colours"] = 10 * losses.l1(fake - grey(fake), plain - grey(plain))
        return terms

    def shifted(self, batch: Batch, output: Tensor) -> Tensor:
        """How far the output of the same crops, moved by a few pixels, is from the output that is moved by as many: 0 for a
        generator that does the same everywhere (Zhang 2019), not only at multiples of its strides."""
        (dy, dx), side = batch.shift, self.config.crop - SHIFT
        window = (..., slice(dy, dy + side), slice(dx, dx + side))
        moved = self.paint(Crops({name: t[window] for name, t in batch.inputs.passes.items()}, None)).float()
        within = (..., slice(SHIFT_MARGIN, -SHIFT_MARGIN), slice(SHIFT_MARGIN, -SHIFT_MARGIN))
        return losses.l1(moved[within], output[window][within])

    def samples(self, names: list[str]) -> Iterator[tuple[dict[str, Tensor], Tensor | None]]:
        """As in Objective, of several looks in turn."""
        for number, (passes, target) in enumerate(super().samples(names)):
            image = passes["image"]
            shares = one_look(self.networks["generator"].looks, number % len(self.looks), image)
            yield passes | shares | self._as_learned(image), target

    @property
    def record(self) -> dict:
        """As of Objective, with the pictures and the network that the look was learned by."""
        pictures = [{"picture": path.name, "bytes": path.stat().st_size} for path in self.config.looks or self.config.exemplar]
        return super().record | {"exemplars": pictures, "features": self.features.title}
