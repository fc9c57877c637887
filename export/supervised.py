"""Learning from painted frames: all of a data set (paired), or a few of a shot whose others are only rendered (keyframes)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from . import losses
from .config import ConfigError, TrainConfig
from .dataset import Crops, DataError, DataSet, draw_frames, draw_pairs, draw_steps, split_names
from .discriminators import Judgement, make_discriminator
from .encoding import encode
from .generators import GuidedGenerator, make_generator
from .hardware import Hardware
from .temporal import in_sight, steadiness
from .vgg import VGG19

Terms = dict[str, Tensor]
"""Loss term -> scalar."""


class Supervised:
    """The objective of the modes `paired` and `keyframes`.

    Of keyframes, crops of frames that nobody painted are judged beside those that have a target, so that the look reaches them
    too (after Futschik et al. 2021, who ask it of a style loss). Raises TrainerError for data and settings that can't be used.
    """

    def __init__(self, config: TrainConfig, hardware: Hardware):
        self.config, self.hardware = config, hardware
        self.weights = config.weights()
        self.data = DataSet(config)
        if config.mode == "keyframes":
            self.names, self.held_out = self.data.pairs, [n for n in self.data.inputs.frames if n not in self.data.pairs]
        else:
            self.names, self.held_out = split_names(self.data.pairs, config.holdout, config.holdout_fraction)
        free = self.data.inputs.frames if config.mode == "keyframes" else self.names
        self.steps = [step for step in self.data.steps if all(name in free for name in step)]
        if "temporal" in self.weights and not self.steps:
            raise DataError("No two frames follow each other, which weight-temporal needs; name them shot_0001, shot_0002 ...")
        generator, discriminator = make_painter(config), make_discriminator(config)
        self.networks: dict[str, nn.Module] = {"generator": generator, "discriminator": discriminator}
        self.painters, self.judges = ("generator",), ("discriminator",)
        self.vgg = make_vgg(config, hardware)
        self.record = {"fingerprint": self.data.fingerprint, "frames": self.names, "held_out": self.held_out}

    def draw(self, rng: np.random.Generator) -> tuple[Crops, Crops | None]:
        """Crops with targets, and crops without: of two frames in a row, or of any that nobody painted, or none."""
        painted, free = draw_pairs(self.data, self.names, self.config, rng), None
        if self.steps and "temporal" in self.weights:
            free = draw_steps(self.data, self.steps, self.config, rng)
        elif self.config.mode == "keyframes" and self.held_out:
            free = Crops(draw_frames(self.data.inputs, self.held_out, self.config, rng), None)
        return painted.to(self.hardware.device), free and free.to(self.hardware.device)

    def losses(self, batch: tuple[Crops, Crops | None], step: int) -> Iterator[tuple[str, Terms]]:
        """The terms of one step: the discriminator's, then, after its update, the generator's."""
        painted, free = batch
        image, target, output = encode(painted.passes["image"]), encode(painted.target), self._paint(painted)
        if painted.mask is not None:  # outside the mask nothing is to be told apart or to be learned
            target, output = (torch.lerp(image, t, painted.mask) for t in (target, output))
        wild = free and self._paint(free)  # outputs that have no target
        judged = [(image, output)]
        if free and self.config.mode == "keyframes":
            judged.append((encode(free.passes["image"]), wild))
        adversarial = "adversarial" in self.weights
        if adversarial:
            yield "discriminator", self._judge_terms(image, target, judged, step)

        terms = compare(output, target, self.weights, self.config, self.vgg, self.hardware)
        if "temporal" in self.weights:
            terms["temporal"] = _temporal(free, wild)
        if adversarial:
            _, loss_g = losses.ADVERSARIAL[self.config.adversarial]
            discriminator = self.networks["discriminator"].requires_grad_(False)
            seen = [self._judge(*pair) for pair in judged]
            terms["adversarial"] = losses.mean(loss_g(part.float()) for judgement in seen for part in judgement.logits)
            if "features" in self.weights:
                with torch.no_grad():
                    wanted = self._judge(image, target)
                terms["features"] = losses.feature_matching(seen[0].features, wanted.features)
            discriminator.requires_grad_(True)
        yield "generator", terms

    def samples(self, names: list[str]) -> Iterator[tuple[dict[str, Tensor], Tensor | None]]:
        """(passes, target or None) of whole frames, each (1, c, H, W) scene-linear."""
        for name in names:
            target = self.data.targets.whole(name)["image"] if name in self.data.targets.frames else None
            yield self.data.inputs.whole(name), target

    def _paint(self, crops: Crops) -> Tensor:
        """The generator's encoded output."""
        generator: GuidedGenerator = self.networks["generator"]
        with self.hardware.fast():
            return generator.encoded(*(crops.passes[name] for name in generator.passes))

    def _judge(self, image: Tensor, picture: Tensor, precision: AbstractContextManager | None = None) -> Judgement:
        """What the discriminator makes of an encoded picture."""
        with precision or self.hardware.fast():
            return self.networks["discriminator"](torch.cat([image, picture], 1) if self.config.conditional else picture)

    def _judge_terms(self, image: Tensor, target: Tensor, judged: list[tuple[Tensor, Tensor]], step: int) -> Terms:
        """What teaches the discriminator to tell targets from outputs."""
        loss_d, _ = losses.ADVERSARIAL[self.config.adversarial]
        pairs = [(image, target), *((seen, output.detach()) for seen, output in judged)]
        both = self._judge(torch.cat([seen for seen, _ in pairs]), torch.cat([picture for _, picture in pairs]))
        count = len(image)
        terms = {"discriminator": losses.mean(loss_d(p[:count].float(), p[count:].float()) for p in both.logits)}
        if "r1" in self.weights and step % self.config.r1_every == 0:
            real = target.clone().requires_grad_()
            terms["r1"] = losses.r1(self._judge(image, real, nullcontext()).logits, real)  # second derivatives: full precision
        return terms


def make_painter(config: TrainConfig) -> GuidedGenerator:
    """The generator that the settings name. Raises ConfigError if it can't work on crops of their size."""
    generator = make_generator(config.passes, config.size, config.widths, config.generator, config.noise)
    if config.crop % generator.alignment:
        raise ConfigError(f"This {config.generator} needs crops of a multiple of {generator.alignment} px, not {config.crop}.")
    return generator


def make_vgg(config: TrainConfig, hardware: Hardware) -> VGG19 | None:
    """VGG-19 with the layers that the content and style losses compare, or None without those. Raises VGGError."""
    layers = (config.content_layers if config.weight_content else ()) + (config.style_layers if config.weight_style else ())
    return VGG19(config.vgg_weights, layers).to(hardware.device, memory_format=torch.channels_last) if layers else None


def compare(
    output: Tensor, target: Tensor, weights: dict[str, float], config: TrainConfig, vgg: VGG19 | None, hardware: Hardware
) -> Terms:
    """The terms with a weight that hold an encoded output against an encoded target, or against itself."""
    terms = {}
    if "l1" in weights:
        terms["l1"] = losses.l1(output, target)
    if "l2" in weights:
        terms["l2"] = losses.l2(output, target)
    if "edge" in weights:
        terms["edge"] = losses.edge(output, target)
    if "variation" in weights:
        terms["variation"] = losses.variation(output)
    if vgg:
        with hardware.fast():
            seen = vgg(output)
            with torch.no_grad():
                wanted = vgg(target)
        if "content" in weights:
            terms["content"] = losses.content(seen, wanted, config.content_layers)
        if "style" in weights:
            terms["style"] = losses.style(seen, wanted, config.style_layers)
    return terms


def _temporal(crops: Crops, output: Tensor) -> Tensor:
    """losses of steadiness of crops of two frames in a row, the earlier ones in the batch's first half."""
    now, later = ({name: t.chunk(2)[part] for name, t in crops.passes.items()} for part in (0, 1))
    images = (encode(now["image"]), encode(later["image"]))
    return steadiness(tuple(output.float().chunk(2)), images, in_sight(now, later), now["vector"])
