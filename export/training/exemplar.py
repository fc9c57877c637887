"""Learning a look from one picture or a few: rendered frames are painted so that features of ImageNet can't tell them from it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from core.colour import LUMINANCE

from ..config import JUDGED_SHIFT, TrainConfig
from ..frames.frame_store import DataError, FrameStore, cache_folder, digest
from ..frames.sources import picture_of
from ..networks.discriminators import ProjectedDiscriminator
from ..networks.encoding import encode, shown
from . import losses
from .dataset import MOTION, Crops, draw_frames, draw_steps, follow_names, guides_of, split_names
from .distributed import processes, share
from .hardware import Hardware
from .looks import one_look
from .objective import Objective, Terms

BRUSH_WIDTH = 1920
"""Pixels across the frame that `brush` is a share of."""
ENLARGED = 1.25
"""How much a picture may be enlarged: beyond, its strokes would have no edges."""
OPAQUE = 0.98
"""Share of a crop of the look that its alpha must leave."""
DRAWS = 200
CONTENT = "1/8"
"""The level whose features tell what is where."""
TONES = 33
"""Points of the curve of tones."""
TONE_SIDE = 16
"""Pixels that a tone is the mean over."""
SHIFT, SHIFT_MARGIN = 16, 24
"""Of the term shift: fewer pixels than this the frame is moved by, and pixels at a crop's border whose surroundings differ."""
SAMPLES = {"wasserstein": 64, "gram": 0, "nearest": 1024}
"""Lines that style projects features onto in each step, or places whose features it compares."""


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
    offset: tuple[int, int]
    """Row and column of the part of the inputs that is judged."""
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


class Look:
    """The pictures of a look, (4, H, W) sRGB and alpha each, scaled so that their strokes are as large as `brush` says."""

    def __init__(self, paths: Sequence[Path], brush: float, side: int, colours: bool):
        """side: of the crops that will be drawn. colours: else all is grey. Raises DataError for pictures that can't serve."""
        self.pictures = [_scaled(path, brush, side) for path in paths]
        if not colours:
            self.pictures = [torch.cat([grey(p[None, :3])[0], p[3:]]) for p in self.pictures]
        self.side = side
        areas = np.array([p[0].numel() for p in self.pictures], float)
        self.shares = areas / areas.sum()
        self.places = [_opaque_places(p[3].numpy(), side) for p in self.pictures]
        for path, places in zip(paths, self.places, strict=True):
            if not len(places):
                raise DataError(
                    f"{path} is transparent nearly everywhere: scaled for brush {brush:g}, no square of {side} px is opaque."
                )
        luma = torch.cat([grey(p[None, :3])[0, 0][p[3] > 0.5] for p in self.pictures])
        self.tones = torch.quantile(luma[:: max(1, len(luma) // 10**6)], torch.linspace(0, 1, TONES))
        """The luma that is darker than a share of all pixels, for shares from 0 to 1."""

    def whole(self) -> list[Tensor]:
        """The pictures, (1, 3, H, W), where they are transparent as their mean."""
        return [self._opaque(p)[None] for p in self.pictures]

    def draw(self, count: int, rng: np.random.Generator) -> Tensor:
        """Random crops, (count, 3, side, side), mirrored every second time."""
        crops = []
        for _ in range(count):
            number = int(rng.choice(len(self.pictures), p=self.shares))
            y, x = self.places[number][rng.integers(len(self.places[number]))]
            crop = self._opaque(self.pictures[number])[:, y : y + self.side, x : x + self.side]
            crops.append(crop.flip(2) if rng.integers(2) else crop)
        return torch.stack(crops)

    def toned(self, luma: Tensor) -> Tensor:
        """Luma from 0 to 1 brought to the range of the pictures: black to their darkest, white to their lightest."""
        place = luma.clamp(0, 1) * (TONES - 1)
        below, tones = place.floor().long().clamp(max=TONES - 2), self.tones.to(luma.device)
        return torch.lerp(tones[below], tones[below + 1], place - below)

    @staticmethod
    def _opaque(picture: Tensor) -> Tensor:
        colour, alpha = picture[:3], picture[3:]
        mean = (colour * alpha).sum((1, 2), keepdim=True) / alpha.sum()
        return torch.lerp(mean.expand_as(colour), colour, alpha)


def looks_of(config: TrainConfig) -> list[Look]:
    """The looks that the settings name, for crops as large as what is judged: one of several pictures, or several of one picture.

    Raises TrainerError.
    """
    side, colours = config.crop - JUDGED_SHIFT, not config.keep_colours
    return [Look(paths, config.brush, side, colours) for paths in [[path] for path in config.looks] or [config.exemplar]]


def _scaled(path: Path, brush: float, side: int) -> Tensor:
    rgba = picture_of(path)
    height, width = rgba.shape[:2]
    scale = brush * BRUSH_WIDTH / max(height, width)
    if scale > ENLARGED:
        raise DataError(
            f"{path} has {width} x {height} pixels, and brush {brush:g} asks for {brush * BRUSH_WIDTH:.0f} along "
            f"the longer side; give a larger picture, or at most --brush {ENLARGED * max(height, width) / BRUSH_WIDTH:.2f}."
        )
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if min(size) < side:
        raise DataError(
            f"{path}, scaled for brush {brush:g}, has {size[0]} x {size[1]} pixels, and {side} are judged at once; give a larger "
            f"picture, a --brush of {brush * side / min(size):.2f} or more, or a smaller --crop."
        )
    premultiplied = np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], -1)
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.LANCZOS))
        for plane in premultiplied.transpose(2, 0, 1)
    ]
    colour, alpha = np.stack(planes[:3]), planes[3].clip(0, 1)
    colour = np.where(alpha > 1e-3, colour / np.maximum(alpha, 1e-3), 0).clip(0, 1)
    return torch.from_numpy(np.concatenate([colour, alpha[None]]).astype(np.float32))


def _opaque_places(alpha: np.ndarray, side: int) -> np.ndarray:
    """(n, 2): rows and columns where crops of a side start that the alpha hardly touches."""
    total = np.zeros((alpha.shape[0] + 1, alpha.shape[1] + 1))
    total[1:, 1:] = alpha.cumsum(0, dtype=np.float64).cumsum(1)
    covered = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    return np.argwhere(covered >= OPAQUE * side**2)


def grey(picture: Tensor) -> Tensor:
    """(B, 3, H, W) to its luma thrice."""
    weights = picture.new_tensor(LUMINANCE)[:, None, None]
    return (picture * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1)


class Exemplar(Objective):
    """A projected discriminator judges crops of the outputs against crops of the pictures; features of the frame itself hold the
    content.

    What is judged lies anywhere in the crop that the generator sees: always at its border, the padding there would give every
    output away, and always at one place, the generator would hide a lattice between those that the judge's strides look at.
    """

    reads = RenderedFrames

    def __init__(self, config: TrainConfig, hardware: Hardware):
        self.looks = looks_of(config)
        self.side = self.looks[0].side
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
        offset = tuple(int(n) for n in rng.integers(0, JUDGED_SHIFT + 1, size=2))
        device = self.hardware.device
        return Batch(
            self._with_shares(inputs, parts).to(device),
            parts,
            moving,
            offset,
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
        """The crops with what the controls of the looks say."""
        shares = {part.look: part.share for part in parts}
        like = crops.passes["image"][:, :1]
        names = self.networks["generator"].looks
        return Crops(
            crops.passes | {name: torch.full_like(like, shares.get(n, 0.0)) for n, name in enumerate(names)}, crops.target
        )

    def losses(self, batch: Batch, step: int) -> Iterator[tuple[str, Terms]]:
        """The terms of one step: the discriminator's, then, after its update, the generator's."""
        image, output = encode(batch.inputs.passes["image"]), self.paint(batch.inputs).float()
        (y, x), side, resolved = batch.offset, self.side, self.networks["generator"].resolved
        plain, fake = (resolved(shown(t[..., y : y + side, x : x + side])) for t in (image, output))
        seen = grey(fake) if self.config.keep_colours else fake
        judges = self.networks["discriminator"]
        parts = [(part, judges[part.look] if isinstance(judges, nn.ModuleList) else judges) for part in batch.parts]
        loss_d, loss_g = losses.ADVERSARIAL[self.config.adversarial]
        with self.hardware.fast():
            found = self.features(seen)
            with torch.no_grad():
                looks = [self.features(resolved(part.pieces)) for part in batch.parts]
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
        if "content" in self.weights:
            terms["content"] = losses.likeness(found, wanted, [CONTENT])
        if "style" in self.weights:
            source = torch.Generator().manual_seed(batch.directions)
            distance, samples = losses.STYLE_DISTANCES[self.config.style_distance], SAMPLES[self.config.style_distance]
            terms["style"] = sum(
                part.share * distance(found, look, samples, source) for part, look in zip(batch.parts, looks, strict=True)
            )
        if "tones" in self.weights:
            tone, wanted_tone = (avg_pool2d(grey(t)[:, :1], TONE_SIDE) for t in (fake, plain))
            terms["tones"] = losses.l1(tone, sum(part.share * self.looks[part.look].toned(wanted_tone) for part in batch.parts))
        if self.config.keep_colours:
            terms["colours"] = 10 * losses.l1(fake - grey(fake), plain - grey(plain))
        if "shift" in self.weights and not batch.moving:
            terms["shift"] = self.shifted(batch, output)
        if batch.moving:
            terms["temporal"] = self.temporal(batch.inputs, output)
        yield "generator", terms

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
            yield passes | one_look(self.networks["generator"].looks, number % len(self.looks), passes["image"]), target

    @property
    def record(self) -> dict:
        """As of Objective, with the pictures and the network that the look was learned by."""
        pictures = [{"picture": path.name, "bytes": path.stat().st_size} for path in self.config.looks or self.config.exemplar]
        return super().record | {"exemplars": pictures, "features": self.features.title}
