"""Learning from painted frames: all of a data set (paired), or a few frames of a shot (keyframes)."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ..config import TrainConfig
from ..frames.frame_store import digest
from ..networks.encoding import encode
from . import losses
from .dataset import Crops, DataSet, draw_frames, draw_pairs, draw_steps, split_names
from .hardware import Hardware
from .looks import one_look
from .objective import Objective, Terms


class Supervised(Objective):
    """The objective of the modes `paired` and `keyframes`.

    With keyframes, the discriminator also judges crops of frames without a target, so that the look reaches them too (after
    Futschik et al. 2021, who use a style loss for it). The temporal loss compares a painted frame's target with its neighbours:
    between two frames without a target, leaving both plain would be steadiest.
    """

    def __init__(self, config: TrainConfig, hardware: Hardware):
        super().__init__(config, hardware)
        further = [DataSet(config, folder) for folder in config.looks[1:]]
        self.painted = [data.targets for data in (self.data, *further)]
        """Of each look; of the only one, if there are not several."""
        self.data.pairs = [name for name in self.data.pairs if all(name in store.frames for store in self.painted)]
        self.data.fingerprint = (
            digest([self.data.fingerprint, *(data.fingerprint for data in further)]) if further else self.data.fingerprint
        )
        if config.mode == "keyframes":
            self.names, self.held_out = self.data.pairs, [n for n in self.data.inputs.frames if n not in self.data.pairs]
        else:
            self.names, self.held_out = split_names(self.data.pairs, config.holdout, config.holdout_fraction)
        self.anchored = config.mode == "keyframes"
        moving = [n for n in self.data.inputs.frames if self.anchored or n not in self.held_out]
        self.use_steps(moving, touching=self.names)

    def draw(self, rng: np.random.Generator) -> tuple[Crops, Crops | None, Crops | None]:
        """Crops with targets, crops of frames without one, and crops of two successive frames; the last two if needed."""
        painted, free, steps = draw_pairs(self.data, self.names, self.config, rng, self.painted[1:]), None, None
        if self.anchored and self.held_out:
            free = Crops(draw_frames(self.data.inputs, self.held_out, self.config, rng), None)
        if "temporal" in self.weights:
            steps = draw_steps(self.data, self.steps, self.config, rng, self.anchored)
        device = self.hardware.device
        return painted.to(device), free and free.to(device), steps and steps.to(device)

    def losses(self, batch: tuple[Crops, Crops | None, Crops | None], step: int) -> Iterator[tuple[str, Terms]]:
        """The terms of one step: the discriminator's, then, after its update, the generator's."""
        painted, free, steps = batch
        image, target, output = encode(painted.passes["image"]), encode(painted.target), self.paint(painted)
        if painted.mask is not None:  # outside the mask there is nothing to judge or to learn
            target, output = (torch.lerp(image, t, painted.mask) for t in (target, output))
        judged = [(image, output)]
        if free:
            judged.append((encode(free.passes["image"]), self.paint(free)))
        adversarial = "adversarial" in self.weights
        if adversarial:
            yield "discriminator", self.judge_terms((image, target), judged, step)

        terms = self.compare(output, target, self.weights)
        if "temporal" in self.weights:
            moving = self.paint(steps)
            if self.anchored:
                moving = torch.lerp(moving, encode(steps.target), steps.mask)
            terms["temporal"] = self.temporal(steps, moving)
        if adversarial:
            discriminator = self.networks["discriminator"].requires_grad_(False)
            seen = [self.judge(*pair) for pair in judged]
            terms["adversarial"] = self.persuasion(seen)
            if "features" in self.weights:
                with torch.no_grad():
                    wanted = self.judge(image, target)
                terms["features"] = losses.feature_matching(seen[0].features, wanted.features)
            discriminator.requires_grad_(True)
        yield "generator", terms

    def samples(self, names: list[str]) -> Iterator[tuple[dict[str, Tensor], Tensor | None]]:
        """As in Objective, with the targets of the frames that have one; of several looks in turn."""
        looks = self.networks["generator"].looks
        for number, name in enumerate(names):
            passes, painted = self.data.inputs.whole(name), self.painted[number % len(self.painted)]
            passes |= one_look(looks, number % len(self.painted), passes["image"])
            yield passes, painted.whole(name)["image"] if name in painted.frames else None
