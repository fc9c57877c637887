"""Learning from a few painted frames of a shot, so that their paint comes over: features that know pictures judge and compare."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.style import PLACE

from ..config import TrainConfig
from ..networks.discriminators import ProjectedDiscriminator
from ..networks.encoding import encode, shown
from ..networks.guided import GuidedGenerator
from . import losses
from .dataset import Crops
from .hardware import Hardware
from .objective import Terms
from .supervised import Supervised
from .swatch_cutting import cut
from .window import Window, draw_window

POOLED = (1, 4, 16)
"""Pixels over which outputs and targets are averaged before they are compared: of random paint only means can agree."""
COLOUR = (32,)
"""The same with swatches, which have the texture of paint already: it shall not be taken away for the sake of pixels."""
NORMALISING = 4
"""Painted frames, at most, by which the judge normalises its features."""


class Batch(NamedTuple):
    """What one step learns from."""

    painted: Crops
    free: Crops | None
    """Of frames without a target."""
    steps: Crops | None
    """Of two frames in a row."""
    window: Window
    """What is judged of the crops."""
    directions: int
    """Seed of what style projects onto."""


class Keyframes(Supervised):
    """A projected discriminator tells crops of the painted frames from crops of the outputs, with and without a target. Against
    their own target, outputs are compared by pixels, by what features see where (features), and by the statistics of these
    features in the crop (style), which paint meets whose grains lie elsewhere."""

    def __init__(self, config: TrainConfig, hardware: Hardware):
        super().__init__(config, hardware)
        generator = self.networks["generator"]
        if generator.swatches and not config.resume:
            cut(generator.swatches, self._painted(generator), np.random.default_rng(config.seed))

    def _painted(self, generator: GuidedGenerator) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Of each painted frame what swatches are looked up by, its encoded paint and its mask, up to a multiple of 8 pixels."""
        for name in self.names:
            seen, target = (
                {part: t[..., : t.shape[2] // 8 * 8, : t.shape[3] // 8 * 8] for part, t in store.whole(name).items()}
                for store in (self.data.inputs, self.data.targets)
            )
            mask = target["mask"] if self.data.targets.masked else None
            yield generator.looked_up(generator.guides(seen)), encode(target["image"]), mask

    def make_judge(self) -> ProjectedDiscriminator:
        targets = [self.data.targets.whole(name)["image"] for name in self.data.pairs[:NORMALISING]]
        return self.projected_judge([self.resolved(shown(encode(target))) for target in targets])

    def draw(self, rng: np.random.Generator) -> Batch:
        painted, free, steps = super().draw(rng)
        shift = 2 * rng.integers(2**11, size=2)
        for crops in (painted, free, steps):
            if crops:  # what is painted at a place must not be known by its grain
                crops.passes[PLACE] = crops.passes[PLACE] + torch.from_numpy(shift).to(crops.passes[PLACE])[:, None, None]
        window = draw_window(self.config.crop, rng)
        return Batch(painted, free, steps, window, int(rng.integers(2**31)))

    def losses(self, batch: Batch, step: int) -> Iterator[tuple[str, Terms]]:
        """The terms of one step: the discriminator's, then, after its update, the generator's."""
        painted, free = batch.painted, batch.free
        image, target, output = encode(painted.passes["image"]), encode(painted.target), self.paint(painted).float()
        if painted.mask is not None:  # outside the mask there is nothing to judge or to learn
            target, output = (torch.lerp(image, t, painted.mask) for t in (target, output))
        target, output, *others = map(batch.window.of, [target, output, *([self.paint(free).float()] if free else [])])
        pictures = [self.resolved(shown(part)) for part in (output, *others)]
        judge: ProjectedDiscriminator = self.networks["discriminator"]
        loss_d, loss_g = losses.ADVERSARIAL[self.config.adversarial]
        with self.hardware.fast():
            found = self.features(torch.cat(pictures))
            with torch.no_grad():
                wanted = self.features(self.resolved(shown(target)))
        real, fake = judge.judge(wanted).logits, judge.judge({n: f.detach() for n, f in found.items()}).logits
        real = [r.repeat(len(pictures), 1, 1, 1) for r in real]
        yield "discriminator", {"discriminator": losses.mean(loss_d(r, f) for r, f in zip(real, fake, strict=True))}

        judge.requires_grad_(False)
        terms = {"adversarial": losses.mean(loss_g(f, r.detach()) for f, r in zip(judge.judge(found).logits, real, strict=True))}
        judge.requires_grad_(True)
        own = {level: f[: len(target)] for level, f in found.items()}
        if "l1" in self.weights:
            terms["l1"] = losses.pooled_l1(output, target, COLOUR if self.config.swatches else POOLED)
        if "edge" in self.weights:
            terms["edge"] = losses.edge(output, target)
        if "features" in self.weights:
            levels = list(own)[-1:] if self.config.swatches else list(own)
            terms["features"] = losses.likeness(own, wanted, levels)
        if "style" in self.weights:
            source = torch.Generator().manual_seed(batch.directions)
            distance = losses.STYLE_DISTANCES[self.config.style_distance]
            terms["style"] = distance(own, wanted, source)
        if "temporal" in self.weights:
            moving = torch.lerp(self.paint(batch.steps).float(), encode(batch.steps.target), batch.steps.mask)
            terms["temporal"] = self.temporal(batch.steps, moving)
        yield "generator", terms

    @property
    def record(self) -> dict:
        """As of Objective, with the network that outputs were compared by."""
        return super().record | {"features": self.features.title}
