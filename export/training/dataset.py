"""The frames to train on: rendered inputs and painted targets that belong together, and random crops of them."""

import re
from collections.abc import Callable, Collection, Sequence
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.style import PLACE

from ..config import TrainConfig
from ..frames.frame_store import DataError, Frame, FrameStore, cache_folder, digest
from ..frames.guides import GuideSource, sources_of
from ..frames.names import original
from ..networks.encoding import places
from .distributed import processes, share
from .looks import as_passes, draw_weights, mixed

MOTION = ("vector", "depth")
"""The passes that the temporal loss needs besides those that the generator sees."""
MASK_SHARE = 1 / 64
"""A crop of which the mask leaves less than this is drawn again ..."""
DRAWS = 64
"""... so many times at most."""


class Crops(NamedTuple):
    """A batch of pieces of frames, scene-linear."""

    passes: dict[str, Tensor]
    """Pass -> (B, c, h, w) float32; the image without its alpha, not premultiplied."""
    target: Tensor | None
    """(B, 3, h, w) float32: the same pieces as they were painted."""
    mask: Tensor | None = None
    """(B, 1, h, w) in [0, 1]: where the target counts; None if it counts everywhere."""

    def to(self, device: torch.device) -> "Crops":
        """A copy in a device's memory, in the layout on which convolutions are quickest."""

        def moved(t: Tensor | None) -> Tensor | None:
            if t is None:
                return None
            t = t.contiguous(memory_format=torch.channels_last)
            return t.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else t

        return Crops({name: moved(t) for name, t in self.passes.items()}, moved(self.target), moved(self.mask))


class DataSet:
    """What a data folder holds: rendered frames in input/, painted ones in target/, and, if it is there, masks in mask/.

    The two frames of a pair have the same name; a target counts where its mask and its own alpha are white, and everywhere if it
    has neither; masks of frames that nobody painted change nothing. The temporal loss also learns from frames without a target
    beside painted ones.
    Raises DataError with a list of all files that are unreadable, that don't fit together, or that the mode needs and lacks.
    """

    def __init__(self, config: TrainConfig, painted: Path | None = None):
        """painted: folder of the targets, None for target/ in the data folder, or the first of several looks."""
        passes = config.passes + tuple(p for p in MOTION if config.weight_temporal and p not in config.passes)
        problems: list[str] = []
        data, cache, height, masks = config.data, cache_folder(config.data), config.frame_height, None
        self.inputs = FrameStore(
            data / "input", passes, cache, problems, height=height, layer=config.layer, guides=guides_of(config)
        )
        if (data / "mask").is_dir():
            masks = FrameStore(data / "mask", ("mask",), cache, problems, height=height)
        painted = painted or next(iter(config.looks), data / "target")
        self.targets = FrameStore(painted, ("image", "mask"), cache, problems, height=height, finite=True, masks=masks)
        self.fingerprint = digest([store.fingerprint for store in (self.inputs, self.targets, masks) if store])
        self.pairs = sorted(self.inputs.frames.keys() & self.targets.frames.keys())
        problems += self._misfits(config)
        if problems:
            raise DataError("The data set can't be used:\n" + "\n".join(f"  {p}" for p in dict.fromkeys(problems)))
        if self.targets.masked and not any(self.targets.whole(name)["mask"].any() for name in self.targets.frames):
            raise DataError(f"The masks of {data} are black everywhere, so there is nothing to learn from.")
        self.steps = follow_names(self.inputs)
        """Names of frames that follow each other in a sequence."""

    def _misfits(self, config: TrainConfig) -> list[str]:
        inputs, targets, masks = self.inputs, self.targets, self.targets.masks
        problems = []
        if config.mode == "paired":
            steps = follow_names(inputs) if config.weight_temporal else []
            problems += _without(inputs, targets, but={n for step in steps if targets.frames.keys() & set(step) for n in step})
        if config.mode in ("paired", "keyframes"):
            problems += _without(targets, inputs) + _of_other_size(targets, inputs)
        if masks:
            problems += _without(masks, targets, but=inputs.frames) + _of_other_size(masks, targets)
        for store in (inputs, targets):
            problems += [
                f"{store.of(f.name)} is {_size(f)}, smaller than a crop of {config.crop}."
                for f in store.frames.values()
                if min(f.height, f.width) < config.crop
            ]
        return problems


def guides_of(config: TrainConfig) -> tuple[GuideSource, ...]:
    """Where the data folder has the style's own guides, and the values that knobs were turned to."""
    knobs = [control.guide for control in config.controls[: len(config.knob)]]
    return sources_of(config.data, (*config.own_guides, *knobs), config.guide_layers)


def _without(store: FrameStore, other: FrameStore, but: Collection[str] = ()) -> list[str]:
    """A sentence for each frame that has no namesake in another store; some may go without."""
    known = other.frames.keys() | other.unreadable
    return [
        f"{store.of(name)} has no counterpart: there is no frame {name} in {other.folder}."
        for name in store.frames
        if name not in known and name not in but and name.rpartition("_")[0] not in other.unreadable
    ]


def _of_other_size(store: FrameStore, other: FrameStore) -> list[str]:
    """A sentence for each frame that is not as large as its namesake in another store."""
    pairs = [(frame, other.frames[name]) for name, frame in store.frames.items() if name in other.frames]
    return [
        f"{store.of(a.name)} is {_size(a)}, but {other.of(b.name)} is {_size(b)}."
        for a, b in pairs
        if (a.height, a.width) != (b.height, b.width)
    ]


def _size(frame: Frame) -> str:
    return f"{frame.width} x {frame.height} pixels"


def follow_names(store: FrameStore) -> list[tuple[str, str]]:
    """Names of frames that follow each other."""
    return [(a, b) for a in store.frames if (b := next_name(a)) in store.frames]


def next_name(name: str) -> str | None:
    """shot_0009 to shot_0010; None if the name does not end in a number."""
    number = re.search(r"\d+$", name)
    return number and f"{name[: number.start()]}{int(number[0]) + 1:0{len(number[0])}d}"


def split_names(names: Sequence[str], patterns: Sequence[str], fraction: float) -> tuple[list[str], list[str]]:
    """(names to train on, names held out): by patterns, or else whole sequences, evenly spread, or else the last frames.

    A sequence is what remains of a name without the frame number at its end, together with its frames by night and in other
    colours. Raises DataError if nothing is left to train on.
    """
    if patterns:
        held = [n for n in names if any(fnmatch(n, p) for p in patterns)]
        if not held:
            raise DataError(f"No frame's name fits the holdout patterns {', '.join(patterns)}.")
    else:
        sequences = _grouped(names, lambda name: original(name).rpartition("_")[0])
        if count := round(fraction * len(sequences)):
            chosen = {(2 * i + 1) * len(sequences) // (2 * count) for i in range(count)}
            held = [n for i in sorted(chosen) for n in sequences[i]]
        else:
            frames = _grouped(names, original)
            held = [n for frame in frames[len(frames) - round(fraction * len(frames)) :] for n in frame]
    training = [n for n in names if n not in held]
    if not training:
        raise DataError("All frames are held out, none is left to train on.")
    return training, held


def _grouped(names: Sequence[str], key: Callable[[str], str]) -> list[list[str]]:
    """The names with the same key, together, in the order of the keys."""
    return [list(group) for _, group in groupby(sorted(names, key=key), key)]


def draw_pairs(
    data: DataSet, names: Sequence[str], config: TrainConfig, rng: np.random.Generator, others: Sequence[FrameStore] = ()
) -> Crops:
    """A batch of random crops of inputs with their targets. others: targets of further looks; then each crop has looks of its
    own, and what their controls say is among its passes."""
    rows = share([any_place(data.targets, names, config, rng) for _ in range(config.batch * processes())])
    inputs, targets = (cut(store, rows, config.crop) for store in (data.inputs, data.targets))
    if not others:
        return Crops(inputs, targets["image"], targets.get("mask"))
    further = [cut(store, rows, config.crop) for store in others]
    weights = torch.stack(share(list(draw_weights(config.batch * processes(), 1 + len(others), config.crop, rng))))
    masks = [found["mask"] for found in (targets, *further) if "mask" in found]
    inputs |= as_passes([control.name for control in config.controls[len(config.knob) :]], weights)
    painted = mixed([found["image"] for found in (targets, *further)], weights)
    return Crops(inputs, painted, torch.stack(masks).amin(0) if masks else None)


def draw_frames(store: FrameStore, names: Sequence[str], config: TrainConfig, rng: np.random.Generator) -> dict[str, Tensor]:
    """A batch of random crops of one store, {pass: (B, c, crop, crop)}; "mask" only if it leaves something out."""
    rows = share([any_place(store, names, config, rng) for _ in range(config.batch * processes())])
    return cut(store, rows, config.crop)


def draw_steps(
    data: DataSet, steps: Sequence[tuple[str, str]], config: TrainConfig, rng: np.random.Generator, anchored: bool = False
) -> Crops:
    """Random crops of two frames that follow each other, cut at the same place: the batch's first half is of the earlier ones.

    anchored: with the targets of the frames that have one, under a mask that is 0 for the others; each pair must have one.
    """
    pairs = [steps[rng.integers(len(steps))] for _ in range(config.batch * processes())]
    rows = [any_place(data.inputs, [now], config, rng, flip=False) for now, _ in pairs]
    later = share([row._replace(name=name) for row, (_, name) in zip(rows, pairs, strict=True)])
    rows = share(rows) + later
    passes, side = cut(data.inputs, rows, config.crop), config.crop
    passes |= _turned(config, len(rows) // 2, side, rng)
    if not anchored:
        return Crops(passes, None)
    known = [index for index, row in enumerate(rows) if row.name in data.targets.frames]
    target, mask = torch.zeros(len(rows), 3, side, side), torch.zeros(len(rows), 1, side, side)
    found = cut(data.targets, [rows[index] for index in known], side)
    target[known], mask[known] = found["image"], found.get("mask", torch.ones(()))
    return Crops(passes, target, mask)


def _turned(config: TrainConfig, count: int, side: int, rng: np.random.Generator) -> dict[str, Tensor]:
    """Values of all controls for pairs of frames, the same for both of a pair: what changes between them is the frame alone."""
    knobs, turned = config.controls[: len(config.knob)], {}
    for control in knobs:
        value = torch.from_numpy(rng.uniform(control.low, control.high, (count, 1, 1, 1)).astype(np.float32))
        turned[control.name] = value.expand(-1, -1, side, side).repeat(2, 1, 1, 1)
    if config.looks:
        weights = draw_weights(count, len(config.looks), side, rng).repeat(2, 1, 1, 1)
        turned |= as_passes([control.name for control in config.controls[len(knobs) :]], weights)
    return turned


class Place(NamedTuple):
    """Where a crop is cut and how it is changed."""

    name: str
    y: int
    x: int
    flipped: bool
    gain: float


def any_place(store: FrameStore, names: Sequence[str], config: TrainConfig, rng: np.random.Generator, flip: bool = True) -> Place:
    """Where to cut a crop; drawn again while the masks leave too little of it."""
    step, crop = config.crop_alignment, config.crop
    for _ in range(DRAWS):
        frame = store.frames[names[rng.integers(len(names))]]
        y, x = (step * int(rng.integers((side - crop) // step + 1)) for side in (frame.height, frame.width))
        if not store.masked or store.mask(frame.name, slice(y, y + crop, 4), slice(x, x + crop, 4)).mean() >= MASK_SHARE:
            break
    flipped = flip and config.flip and bool(rng.integers(2))
    gain = 2 ** rng.uniform(-config.exposure_jitter, config.exposure_jitter) if config.exposure_jitter else 1.0
    return Place(frame.name, y, x, flipped, gain)


def cut(store: FrameStore, rows: Sequence[Place], crop: int) -> dict[str, Tensor]:
    """The crops at the places, {pass: (B, c, crop, crop) float32}, mirrored if so placed, with their own exposure."""
    windows = [(slice(row.y, row.y + crop), slice(row.x, row.x + crop)) for row in rows]
    pieces = (store.planes(store.frames[row.name])[:, *window] for row, window in zip(rows, windows, strict=True))
    passes = store.split(torch.from_numpy(np.stack(list(pieces))).float())
    if store.masked:
        passes["mask"] = torch.stack([store.mask(row.name, *window) for row, window in zip(rows, windows, strict=True)])[:, None]
    else:
        passes.pop("mask", None)
    passes[PLACE] = torch.cat([places(crop, crop, row.y, row.x) for row in rows])
    for index, row in enumerate(rows):
        if row.gain != 1:
            for name in store.light:
                passes[name][index] *= row.gain
        if row.flipped:
            for crops in passes.values():
                crops[index] = crops[index].flip(-1)
            if "vector" in passes:  # motion to the left becomes motion to the right
                passes["vector"][index, ::2] *= -1
    return passes
