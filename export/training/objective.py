"""What the objectives of all modes share: the data, the networks, how these paint and judge, and the loss terms that follow."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from ..config import TrainConfig
from ..measures.motion import in_sight, steadiness
from ..modes import OURS
from ..networks.build import make_generator
from ..networks.discriminators import Judgement, ProjectedDiscriminator, make_discriminator
from ..networks.encoding import encode
from ..networks.guided import CLOSED, GuidedGenerator
from ..networks.perceptual import Features, load_features
from ..networks.vgg import VGG19
from ..settings import ConfigError
from . import losses
from .dataset import Crops, DataError, DataSet
from .hardware import Hardware

Terms = dict[str, Tensor]
"""Loss term -> scalar."""


class Objective:
    """What is learned from what. Subclasses say which frames train (`names`) and which only judge (`held_out`), and give draw()
    and losses(). Raises TrainerError for data and settings that can't be used.
    """

    names: list[str]
    held_out: list[str]
    reads: Callable[[TrainConfig], DataSet] = DataSet
    """What reads the data folder."""

    def __init__(self, config: TrainConfig, hardware: Hardware):
        self.config, self.hardware = config, hardware
        self.weights = config.weights()
        self.data = self.reads(config)
        self.steps: list[tuple[str, str]] = []
        self.vgg = make_vgg(config, hardware)
        self.features: Features | None = None
        self.networks: dict[str, nn.Module] = {"generator": make_painter(config)}
        self.networks["discriminator"] = self.make_judge()
        self.painters, self.judges = ("generator",), ("discriminator",)

    def make_judge(self) -> nn.Module:
        """The discriminator that the settings name."""
        return make_discriminator(self.config, self.vgg)

    def projected_judge(self, pictures: Sequence[Tensor]) -> ProjectedDiscriminator:
        """A judge of sRGB pictures by the features that know pictures, which become self.features; pictures: of the look."""
        config = self.config
        if self.features is None:
            self.features = load_features(config.features_from, config.features_weights).to(self.hardware.device)
        judged = [picture.to(self.hardware.device) for picture in pictures]
        return ProjectedDiscriminator(self.features, judged, 2 * config.discriminator_channels, config.spectral_norm).cpu()

    def resolved(self, picture: Tensor) -> Tensor:
        """A picture (B, 3, H, W) as fine as the generator paints; an odd last row or column goes."""
        height, width = (side // 2 * 2 for side in picture.shape[2:])
        return self.networks["generator"].resolved(picture[..., :height, :width])

    def draw(self, rng: np.random.Generator) -> object:
        """What one step learns from; everything random in it comes from `rng`."""
        raise NotImplementedError

    def losses(self, batch: object, step: int) -> Iterator[tuple[str, Terms]]:
        """The terms of one step: ("discriminator", ...) for the judges, then, after their update, ("generator", ...)."""
        raise NotImplementedError

    def samples(self, names: list[str]) -> Iterator[tuple[dict[str, Tensor], Tensor | None]]:
        """(passes, target or None) of whole frames, each (1, c, H, W) scene-linear."""
        for name in names:
            yield self.data.inputs.whole(name), None

    @property
    def record(self) -> dict:
        """What must be the same when a run is resumed."""
        return {"fingerprint": self.data.fingerprint, "frames": self.names, "held_out": self.held_out}

    def use_steps(self, names: Collection[str], touching: Collection[str] = ()) -> None:
        """Keep the pairs of frames among `names` that follow each other; if `touching` names any, those with one of them.

        Raises DataError if weight-temporal finds none.
        """
        self.steps = [
            step
            for step in self.data.steps
            if all(name in names for name in step) and (not touching or any(name in touching for name in step))
        ]
        if "temporal" in self.weights and not self.steps:
            which = "No painted frame has a neighbour" if touching else "No two frames follow each other"
            raise DataError(f"{which}, which weight-temporal needs; name frames in a row shot_0001, shot_0002 ...")

    def paint(self, crops: Crops) -> Tensor:
        """The generator's encoded output."""
        generator: GuidedGenerator = self.networks["generator"]
        with self.hardware.fast():
            return generator.encoded(*(crops.passes[name] for name in generator.takes))

    def judge(
        self, image: Tensor, picture: Tensor, name: str = "discriminator", precision: AbstractContextManager | None = None
    ) -> Judgement:
        """What a discriminator makes of an encoded picture that was painted from an encoded image."""
        with precision or self.hardware.fast():
            return self.networks[name](torch.cat([image, picture], 1) if self.config.conditional else picture)

    def judge_terms(
        self, real: tuple[Tensor, Tensor], fakes: list[tuple[Tensor, Tensor]], step: int, name: str = "discriminator"
    ) -> Terms:
        """The terms "discriminator" and "r1", which teach one to tell a real (image, picture) from fake ones."""
        loss_d, _ = losses.ADVERSARIAL[self.config.adversarial]
        pairs = [real, *((image, output.detach()) for image, output in fakes)]
        both = self.judge(torch.cat([image for image, _ in pairs]), torch.cat([picture for _, picture in pairs]), name)
        image, picture = real
        count = len(picture)
        terms = {"discriminator": losses.mean(loss_d(p[:count].float(), p[count:].float()) for p in both.logits)}
        if "r1" in self.weights and step % self.config.r1_every == 0:
            picture = picture.clone().requires_grad_()
            full = nullcontext()  # second derivatives need full precision
            terms["r1"] = losses.r1(self.judge(image, picture, name, full).logits, picture)
        return terms

    def persuasion(self, seen: list[Judgement], real: Judgement | None = None) -> Tensor:
        """The generator's adversarial loss by what a discriminator makes of its outputs, and of real pictures."""
        _, loss_g = losses.ADVERSARIAL[self.config.adversarial]
        reals = [part.detach().float() for part in real.logits] if real else [torch.zeros(())] * len(seen[0].logits)
        return losses.mean(
            loss_g(fake.float(), part) for judgement in seen for fake, part in zip(judgement.logits, reals, strict=True)
        )

    def compare(self, output: Tensor, target: Tensor, terms: set[str] | dict[str, float]) -> Terms:
        """The terms that compare an encoded output with an encoded target, or judge it by itself."""
        found = {}
        if "l1" in terms:
            found["l1"] = losses.l1(output, target)
        if "l2" in terms:
            found["l2"] = losses.l2(output, target)
        if "edge" in terms:
            found["edge"] = losses.edge(output, target)
        if "variation" in terms:
            found["variation"] = losses.variation(output)
        if not {"content", "style"}.isdisjoint(terms):
            with self.hardware.fast():
                seen = self.vgg(output)
                with torch.no_grad():
                    wanted = self.vgg(target)
            if "content" in terms:
                found["content"] = losses.content(seen, wanted, self.config.content_layers)
            if "style" in terms:
                found["style"] = losses.style(seen, wanted, self.config.style_layers)
        return found

    def temporal(self, crops: Crops, output: Tensor) -> Tensor:
        """The temporal loss of crops of two successive frames, the earlier ones in the batch's first half."""
        now, later = ({name: t.chunk(2)[part] for name, t in crops.passes.items()} for part in (0, 1))
        images = (encode(now["image"]), encode(later["image"]))
        return steadiness(tuple(output.float().chunk(2)), images, in_sight(now, later), now["vector"])


def make_painter(config: TrainConfig) -> GuidedGenerator:
    """The generator that the settings name. Raises ConfigError if it can't work on crops of their size."""
    options = {name: getattr(config, name) for name in (*OURS, "black", "stroke_width", "stroke_length", "controls")}
    options |= {"everywhere": config.noise_everywhere, "looks": len(config.looks)}
    options |= {"fine": config.fine} if config.generator == "unet" else {}
    generator = make_generator((*config.passes, *config.own_guides), config.size, config.widths, config.generator, **options)
    if config.tones and not config.start_from:
        generator.start_as_poster()
    elif config.swatches and not config.start_from:
        generator.open_gate(CLOSED)
    if config.crop % generator.alignment:
        raise ConfigError(f"This {config.generator} needs crops of a multiple of {generator.alignment} px, not {config.crop}.")
    return generator


def make_vgg(config: TrainConfig, hardware: Hardware) -> VGG19 | None:
    """VGG-19 with the layers that losses compare and a discriminator judges by, or None without those. Raises VGGError."""
    if config.discriminator == "projected":  # it has features of its own
        return None
    layers = (config.content_layers if config.weight_content else ()) + (config.style_layers if config.weight_style else ())
    layers += config.discriminator_vgg_layers if config.discriminator == "vgg" else ()
    return VGG19(config.vgg_weights, layers).to(hardware.device, memory_format=torch.channels_last) if layers else None
