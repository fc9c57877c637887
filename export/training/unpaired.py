"""Learning a look from pictures that show other things than the inputs: by cycle consistency, or by contrastive learning."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ..config import TrainConfig
from ..frames.frame_store import DataError
from ..networks.build import make_generator
from ..networks.discriminators import Judgement, ProjectedDiscriminator, make_discriminator
from ..networks.encoding import decode, encode, shown
from ..networks.generators import CNN, ResNet, UNet
from ..networks.guided import GuidedGenerator
from ..networks.published import CycleGANResNet, ReflectingResidual
from ..settings import ConfigError
from . import losses
from .dataset import Crops, cut, draw_frames, draw_steps, split_names
from .distributed import gathered, processes, share
from .hardware import Hardware
from .matching import Matches
from .objective import Objective, Terms
from .window import Window, draw_window

BRIGHTEST = 4.0
"""Encoded value that outputs are cut at before they are fed to a generator; half floats end at 3.65."""
POOL = 50
"""Earlier outputs that a discriminator of the mode cycle may see again (Zhu et al. 2017, section 4)."""
NORMALISING = 8
"""Pictures, at most, by which a projected discriminator normalises its features."""
PATCHES = 256
"""Places of a layer that are told apart (Park et al. 2020, appendix C.1)."""
HEAD = 256
"""Width of both layers of a head (Park et al. 2020, section 3.2)."""


class Batch(NamedTuple):
    """What one step of an unpaired mode learns from."""

    inputs: Crops
    look: Tensor
    """(B, 3, h, w) scene-linear pieces of the target pictures, which show something else."""
    steps: Crops | None
    """As from draw_steps(), if the temporal loss is used."""
    rng: np.random.Generator
    """For the random choices of the losses; the same in all processes."""


class Unpaired(Objective):
    """What the unpaired modes share. Frames in input/ and target/ may have any names and sizes; targets that have the name of a
    held-out input are left out too. Guide passes belong to inputs alone: where a picture has none, they are 0."""

    def __init__(self, config: TrainConfig, hardware: Hardware):
        super().__init__(config, hardware)
        self.names, self.held_out = split_names(list(self.data.inputs.frames), config.holdout, config.holdout_fraction)
        self.looks = [name for name in self.data.targets.frames if name not in self.held_out]
        if not self.looks:
            raise DataError(f"All targets in {config.data} have names of held-out inputs; give other holdout patterns.")
        self.use_steps(self.names)
        self.projected = config.discriminator == "projected"
        self.window = Window(slice(None), slice(None))
        self.matches = None
        if config.match:
            stores, names = (self.data.inputs, self.data.targets), (self.names, self.looks)
            self.matches = Matches(stores, names, config, lambda p: self.features(shown(encode(p.to(hardware.device)))))

    def make_judge(self) -> nn.Module:
        if self.config.discriminator != "projected":
            return super().make_judge()
        store = self.data.targets
        return self.projected_judge([self._normalising(store.whole(name)["image"]) for name in list(store.frames)[:NORMALISING]])

    def _normalising(self, picture: Tensor) -> Tensor:
        return self.resolved(shown(encode(picture)))

    def draw(self, rng: np.random.Generator) -> Batch:
        config, data = self.config, self.data
        if self.matches:
            pairs = self.matches.draw(config.batch * processes(), rng)
            inputs, look = (
                Crops(cut(store, share(places), config.crop), None)
                for store, places in zip((data.inputs, data.targets), pairs, strict=True)
            )
        else:
            inputs = Crops(draw_frames(data.inputs, self.names, config, rng), None)
            look = Crops(draw_frames(data.targets, self.looks, config, rng), None)
        if self.projected:
            self.window = draw_window(config.crop, rng)
        steps = draw_steps(self.data, self.steps, self.config, rng) if "temporal" in self.weights else None
        device = self.hardware.device
        return Batch(inputs.to(device), look.to(device).passes["image"], steps and steps.to(device), rng)

    def alone(self, picture: Tensor, name: str = "generator") -> Tensor:
        """A generator's encoded output for an encoded picture without guide passes."""
        generator: GuidedGenerator = self.networks[name]
        count, _, height, width = picture.shape
        image = decode(picture.float().clamp(max=BRIGHTEST))
        guides = [image.new_zeros(count, p.input_channels, height, width) for p in generator.inputs[1:]]
        if generator.placed:
            guides.append(image.new_zeros(count, 2, height, width))
        with self.hardware.fast():
            return generator.encoded(image, *guides).float()

    def terms_of_output(self, output: Tensor, image: Tensor, look: Tensor, steps: Crops | None) -> Terms:
        """The terms without a second network: content and total variation compare the output with the image, style with
        the look."""
        terms = self.compare(output, image, {"content", "variation"} & self.weights.keys())
        terms |= self.compare(output, look, {"style"} & self.weights.keys())
        if steps:
            terms["temporal"] = self.temporal(steps, self.paint(steps))
        return terms

    def judge(
        self, image: Tensor, picture: Tensor, name: str = "discriminator", precision: AbstractContextManager | None = None
    ) -> Judgement:
        """As of Objective; a projected discriminator looks at the same part of all crops of a step."""
        if not self.projected:
            return super().judge(image, picture, name, precision)
        return self.networks[name].judge(self.seen(picture))

    def seen(self, picture: Tensor) -> dict[str, Tensor]:
        """What a projected discriminator's network sees in the judged part of an encoded picture."""
        with self.hardware.fast():
            return self.features(self.resolved(shown(self.window.of(picture))))

    def judge_terms(
        self, real: tuple[Tensor, Tensor], fakes: list[tuple[Tensor, Tensor]], step: int, name: str = "discriminator"
    ) -> Terms:
        """As of Objective. The slopes of a projected discriminator are those by its mixtures of features, in real pictures (R1)
        and in outputs (R2), after Huang et al. 2024."""
        if not self.projected:
            return super().judge_terms(real, fakes, step, name)
        loss_d, _ = losses.ADVERSARIAL[self.config.adversarial]
        with torch.no_grad():
            both = [self.seen(picture) for _, picture in (real, *fakes)]
        judge: ProjectedDiscriminator = self.networks[name]
        mixed = [judge.mixed(found) for found in both]
        flat = "r1" in self.weights and step % self.config.r1_every == 0
        for part in (part for parts in mixed for part in parts if flat):
            part.requires_grad_()
        logits = [judge.judge_mixed(parts).logits for parts in mixed]
        pairs = [zip(logits[0], fake, strict=True) for fake in logits[1:]]
        terms = {"discriminator": losses.mean(loss_d(r, f) for pair in pairs for r, f in pair)}
        if flat:
            terms["r1"] = sum(losses.slopes(part, seen) for part, seen in zip(logits, mixed, strict=True))
        return terms

    def persuade(self, output: Tensor, real: Tensor, name: str = "discriminator") -> Tensor:
        """The adversarial loss of an output by a discriminator, whose own weights get no gradient, beside a real picture."""
        discriminator = self.networks[name].requires_grad_(False)
        beside = None
        if self.config.adversarial == "relativistic":
            with torch.no_grad():
                beside = self.judge(real, real, name)
        loss = self.persuasion([self.judge(output, output, name)], beside)
        discriminator.requires_grad_(True)
        return loss


class Pool(nn.Module):
    """Earlier outputs, encoded, which steady a discriminator (Shrivastava et al. 2017, section 2.3). Its pictures are buffers,
    so that a checkpoint keeps them and a resumed run goes on exactly."""

    def __init__(self, crop: int):
        super().__init__()
        self.register_buffer("pictures", torch.zeros(POOL, 3, crop, crop, dtype=torch.float16))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def exchange(self, output: Tensor, rng: np.random.Generator) -> Tensor:
        """(B, 3, crop, crop): each output as it is or, once the pool is full, every second time an earlier one in its place.

        All processes see the outputs of all, so that their pools stay alike.
        """
        shown = []
        for picture in gathered(output.detach().float()):
            full = int(self.count) == POOL
            place = int(rng.integers(POOL)) if full else int(self.count)
            if not full:
                self.count += 1
            if full and rng.integers(2):
                shown.append(picture)
                continue
            shown.append(self.pictures[place].float() if full else picture)
            self.pictures[place] = picture
        return torch.stack(share(shown))


class Cycle(Unpaired):
    """CycleGAN (Zhu et al. 2017): a second generator, "back", turns pictures of the look into rendered images, from the image
    alone, and a second discriminator judges these; a picture that goes there and back must come out as it was. Terms of the way
    back end in _back."""

    def __init__(self, config: TrainConfig, hardware: Hardware):
        super().__init__(config, hardware)
        self.networks["back"] = make_generator(("image",), config.size, config.widths, config.generator)
        self.networks["discriminator_back"] = self.make_judge_back()
        self.networks |= {"pool": Pool(config.crop), "pool_back": Pool(config.crop)}
        self.painters, self.judges = ("generator", "back"), ("discriminator", "discriminator_back")
        self.weights |= {f"{name}_back": weight for name, weight in self.weights.items()}

    def make_judge_back(self) -> nn.Module:
        if not self.projected:
            return make_discriminator(self.config, self.vgg)
        return self.projected_judge([self._normalising(self.data.inputs.whole(n)["image"]) for n in self.names[:NORMALISING]])

    def losses(self, batch: Batch, step: int) -> Iterator[tuple[str, Terms]]:
        image, look = encode(batch.inputs.passes["image"]), encode(batch.look)
        output, rendered = self.paint(batch.inputs).float(), self.alone(look, "back")
        shown, shown_back = (
            self.networks[name].exchange(fake, batch.rng) for name, fake in (("pool", output), ("pool_back", rendered))
        )
        terms = self.judge_terms((look, look), [(shown, shown)], step)
        there = self.judge_terms((image, image), [(shown_back, shown_back)], step, "discriminator_back")
        yield "discriminator", terms | _back(there)

        terms = self.terms_of_output(output, image, look, batch.steps)
        terms["adversarial"] = self.persuade(output, look)
        terms["adversarial_back"] = self.persuade(rendered, image, "discriminator_back")
        if "cycle" in self.weights:
            terms["cycle"] = losses.l1(self.alone(output, "back"), image)
            terms["cycle_back"] = losses.l1(self.alone(rendered), look)
        if "identity" in self.weights:
            terms["identity"] = losses.l1(self.alone(look), look)
            terms["identity_back"] = losses.l1(self.alone(image, "back"), image)
        yield "generator", terms


def _back(terms: Terms) -> Terms:
    return {f"{name}_back": loss for name, loss in terms.items()}


class Heads(nn.Module):
    """Two-layer perceptrons that bring the features of each layer to unit vectors (Park et al. 2020, section 3.2)."""

    def __init__(self, widths: list[int]):
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(w, HEAD), nn.ReLU(), nn.Linear(HEAD, HEAD)) for w in widths)

    def forward(self, features: list[Tensor], places: list[Tensor]) -> list[Tensor]:
        """Features (B, c, h, w) of each layer at chosen places of its h x w, to (B, places, HEAD)."""
        picked = (f.flatten(2)[:, :, p].transpose(1, 2) for f, p in zip(features, places, strict=True))
        return [normalize(layer(x), dim=2) for layer, x in zip(self.layers, picked, strict=True)]


class Contrastive(Unpaired):
    """CUT (Park et al. 2020): a place of the output must be known again among other places of the image, by the generator's own
    features at several layers. Guides are 0 there: they would give the place away, which must be known from the picture alone."""

    def __init__(self, config: TrainConfig, hardware: Hardware):
        super().__init__(config, hardware)
        self.layers = encoder_layers(self.networks["generator"])
        self.networks["generator"].to(hardware.device)
        with torch.no_grad():
            features = self._features(torch.zeros(1, 3, config.crop, config.crop, device=hardware.device))
        self.networks["heads"] = Heads([f.shape[1] for f in features])
        self.painters = ("generator", "heads")

    def losses(self, batch: Batch, step: int) -> Iterator[tuple[str, Terms]]:
        image, look = encode(batch.inputs.passes["image"]), encode(batch.look)
        output = self.paint(batch.inputs).float()
        yield "discriminator", self.judge_terms((look, look), [(output, output)], step)

        terms = self.terms_of_output(output, image, look, batch.steps)
        terms["adversarial"] = self.persuade(output, look)
        if "nce" in self.weights:
            terms["nce"] = self._nce(output, image, batch.rng)
        if "nce_identity" in self.weights:
            terms["nce_identity"] = self._nce(self.alone(look), look, batch.rng)
        yield "generator", terms

    def _nce(self, output: Tensor, image: Tensor, rng: np.random.Generator) -> Tensor:
        """PatchNCE of an output with the picture it was made of, the mean over the layers."""
        with torch.no_grad():
            wanted = self._features(image)
        found = self._features(output)
        places = [torch.from_numpy(rng.permutation(f[0, 0].numel())[:PATCHES]).to(f.device) for f in wanted]
        heads = self.networks["heads"]
        pairs = zip(heads(found, places), heads(wanted, places), strict=True)
        return losses.mean(losses.patch_nce(query, key.detach()) for query, key in pairs)

    def _features(self, picture: Tensor) -> list[Tensor]:
        """An encoded picture and what the encoder's layers make of it, (B, c, h, w) each."""
        found = [picture]
        hooks = [layer.register_forward_hook(lambda _layer, _inputs, output: found.append(output)) for layer in self.layers]
        try:
            self.alone(picture)
        finally:
            for hook in hooks:
                hook.remove()
        return [f.float() for f in found]


def encoder_layers(generator: GuidedGenerator) -> list[nn.Module]:
    """The layers whose outputs PatchNCE compares, from the first to the middle of the generator. Raises ConfigError."""
    match generator:
        case CNN():
            return [generator.front, generator.before, generator.down, generator.middle[(len(generator.middle) - 1) // 2]]
        case UNet():
            return list(generator.downs)
        case ResNet():
            half = (len(generator.middle) - 1) // 2
            return [generator.front, generator.down, *dict.fromkeys((generator.middle[0], generator.middle[half]))]
        case CycleGANResNet():  # as of Park et al. 2020, appendix C.1: both halvings, the first and the fifth of nine blocks
            halvings = [layer for layer in generator.layers if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2)]
            blocks = [layer for layer in generator.layers if isinstance(layer, ReflectingResidual)]
            return [*halvings, *dict.fromkeys((blocks[0], blocks[(len(blocks) - 1) // 2]))]
    raise ConfigError(
        "The mode contrastive knows no layers of this generator to compare; choose cnn, unet, resnet or cyclegan_resnet."
    )
