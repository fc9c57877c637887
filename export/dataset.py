"""Frames to train on: inputs and targets in stores of their own, checked up front, decoded once, drawn from as random crops."""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from core.exr import ExrError, read_exr
from core.passes import PASSES
from core.style import input_channels

from .config import TrainConfig, TrainerError

HALF_MAX = 65504.0
"""Largest half float; the cache holds half floats."""
MOTION = ("vector", "depth")
"""The passes that the temporal loss needs beside those that the generator sees."""


class DataError(TrainerError):
    """Files of the data set are missing or unusable; the message lists them all."""


@dataclass(frozen=True)
class Frame:
    name: str
    height: int
    width: int
    offset: int
    """Index of the frame's first value in the cache."""


class Crops(NamedTuple):
    """A batch of pieces of frames, scene-linear."""

    passes: dict[str, Tensor]
    """Pass -> (B, c, h, w) float32; the image without its alpha, not premultiplied."""
    target: Tensor | None
    """(B, 3, h, w) float32: how the same pieces were painted."""
    mask: Tensor | None = None
    """(B, 1, h, w) in [0, 1]: where the target counts; None if it does everywhere."""

    def to(self, device: torch.device) -> "Crops":
        """A copy in a device's memory, in the layout that convolutions are quickest on."""
        def moved(t: Tensor | None) -> Tensor | None:
            return None if t is None else t.to(device, memory_format=torch.channels_last, non_blocking=True)

        return Crops({name: moved(t) for name, t in self.passes.items()}, moved(self.target), moved(self.mask))


class FrameStore:
    """The decoded frames of one folder: planes of the passes as half floats in a file that is mapped into memory.

    problems: gets a sentence for each file that can't be used; such a store has no frames.
    """

    def __init__(self, folder: Path, passes: Sequence[str], cache: Path, problems: list[str]):
        self.passes = tuple(passes)
        self.channels = dict(zip(passes, (input_channels(p) for p in passes), strict=True))
        files = sorted(folder.glob("*.exr"))
        if not files:
            problems.append(f"There are no EXR files in {folder}.")
        self.fingerprint = _digest([(f.stem, f.stat().st_size) for f in files])
        """Changes when files come, go or change in size; a resumed run must find the same."""
        key = _digest([self.fingerprint, self.passes, [f.stat().st_mtime_ns for f in files]])
        path = cache / f"{folder.name}_{'_'.join(self.passes)}.f16"
        self.frames: dict[str, Frame] = {}
        if files and (_is_fresh(path, key) or self._decode(files, path, key, problems)):
            index = json.loads(path.with_suffix(".json").read_text())["frames"]
            self.frames = {f["name"]: Frame(**f) for f in index}
            self._values = np.memmap(path, np.float16, "r")

    def planes(self, frame: Frame) -> np.ndarray:
        """(c of all passes, H, W) float16, not yet read from disk."""
        size = sum(self.channels.values()) * frame.height * frame.width
        return self._values[frame.offset : frame.offset + size].reshape(-1, frame.height, frame.width)

    def split(self, planes: Tensor) -> dict[str, Tensor]:
        """(B, c of all passes, H, W) to one tensor per pass."""
        return dict(zip(self.passes, planes.split(list(self.channels.values()), dim=1), strict=True))

    def whole(self, name: str) -> dict[str, Tensor]:
        """All passes of a frame, each (1, c, H, W) float32."""
        return self.split(torch.from_numpy(np.array(self.planes(self.frames[name]), np.float32))[None])

    def _decode(self, files: list[Path], cache: Path, key: str, problems: list[str]) -> bool:
        """Write the cache file, then its index, whose presence says that the cache is complete; False if a file can't be used."""
        cache.parent.mkdir(exist_ok=True)
        cache.with_suffix(".json").unlink(missing_ok=True)
        partial = cache.with_suffix(".partial")
        before, frames, offset = len(problems), [], 0
        with open(partial, "wb") as out:
            for file in tqdm(files, desc=f"decoding {files[0].parent.name}", unit="frame", leave=False):
                try:
                    planes = _read_planes(file, self.passes)
                except (ExrError, DataError) as error:
                    problems.append(str(error))
                    continue
                frames.append({"name": file.stem, "height": planes.shape[1], "width": planes.shape[2], "offset": offset})
                planes.tofile(out)
                offset += planes.size
        if len(problems) > before:
            partial.unlink()
            return False
        os.replace(partial, cache)
        cache.with_suffix(".json").write_text(json.dumps({"key": key, "frames": frames}))
        return True


def _read_planes(path: Path, passes: Sequence[str]) -> np.ndarray:
    """(passes, H, W) float16 of one frame; the image without its alpha, not premultiplied."""
    layers, planes = read_exr(path), []
    for name in passes:
        allowed = (3, 4) if name == "image" else (PASSES[name].channels,)
        if name not in layers or layers[name].shape[2] not in allowed:
            raise DataError(f"{path} has no layer '{name}' of {allowed[0]} channels.")
        planes.append(_straight(layers[name]) if name == "image" else layers[name])
    stacked = np.concatenate(planes, axis=2).transpose(2, 0, 1)
    if path.parent.name == "target" and not np.isfinite(stacked).all():
        raise DataError(f"{path} holds values that are infinite or not a number.")
    finite = np.nan_to_num(stacked, nan=0.0, posinf=HALF_MAX, neginf=-HALF_MAX)
    return np.ascontiguousarray(finite.clip(-HALF_MAX, HALF_MAX).astype(np.float16))


def _straight(image: np.ndarray) -> np.ndarray:
    """Premultiplied RGBA to straight RGB, as core.stylize does; RGB stays."""
    alpha = image[..., 3:]
    return image[..., :3] / np.where(alpha > 0, alpha, 1) if image.shape[2] == 4 else image


class DataSet:
    """What a data folder holds: the rendered frames in input/ and the painted ones in target/; a pair has one name in both.

    Raises DataError with a list of all files that are unreadable, that don't fit together, or that the mode misses.
    """

    def __init__(self, config: TrainConfig):
        passes = config.passes + tuple(p for p in MOTION if config.weight_temporal and p not in config.passes)
        problems: list[str] = []
        cache = config.data / ".cache"
        self.inputs = FrameStore(config.data / "input", passes, cache, problems)
        self.targets = FrameStore(config.data / "target", ("image",), cache, problems)
        self.fingerprint = _digest([self.inputs.fingerprint, self.targets.fingerprint])
        self.pairs = sorted(self.inputs.frames.keys() & self.targets.frames.keys())
        if not problems:
            problems = self._misfits(config)
        if problems:
            raise DataError(_list(problems))
        self.steps = [(a, b) for a in self.inputs.frames if (b := _next_name(a)) in self.inputs.frames]
        """Names of frames that follow each other in a sequence."""

    def _misfits(self, config: TrainConfig) -> list[str]:
        inputs, targets = self.inputs.frames, self.targets.frames
        problems = []
        if config.mode == "paired":
            problems += [f"{config.data / 'target' / name}.exr is missing." for name in inputs if name not in targets]
        if config.mode in ("paired", "keyframes"):
            problems += [f"{config.data / 'input' / name}.exr is missing." for name in targets if name not in inputs]
            for name in self.pairs:
                if (inputs[name].height, inputs[name].width) != (targets[name].height, targets[name].width):
                    problems.append(f"{config.data / 'target' / name}.exr is {_size(targets[name])}, "
                                    f"but its input is {inputs[name].width} x {inputs[name].height}.")
        for part, frames in (("input", inputs), ("target", targets)):
            problems += [f"{config.data / part / f.name}.exr is {_size(f)}, smaller than a crop of {config.crop}."
                         for f in frames.values() if min(f.height, f.width) < config.crop]
        return problems


def _size(frame: Frame) -> str:
    return f"{frame.width} x {frame.height} pixels"


def _next_name(name: str) -> str | None:
    """shot_0009 to shot_0010; None if the name does not end in a number."""
    number = re.search(r"\d+$", name)
    return number and f"{name[: number.start()]}{int(number[0]) + 1:0{len(number[0])}d}"


def _digest(values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _is_fresh(cache: Path, key: str) -> bool:
    index = cache.with_suffix(".json")
    return cache.is_file() and index.is_file() and json.loads(index.read_text())["key"] == key


def _list(problems: list[str]) -> str:
    return "The data set can't be used:\n" + "\n".join(f"  {p}" for p in problems)


def split_names(names: Sequence[str], patterns: Sequence[str], fraction: float) -> tuple[list[str], list[str]]:
    """(names to train on, names held out): by patterns, else whole sequences, evenly spread, else the last frames.

    A sequence is what remains of a name without the frame number at its end. Raises DataError if nothing is left to train on.
    """
    if patterns:
        held = [n for n in names if any(fnmatch(n, p) for p in patterns)]
        if not held:
            raise DataError(f"No frame's name fits the holdout patterns {', '.join(patterns)}.")
    else:
        sequences = [list(group) for _, group in groupby(names, lambda n: n.rpartition("_")[0])]
        count = round(fraction * len(sequences))
        if count:
            chosen = {(2 * i + 1) * len(sequences) // (2 * count) for i in range(count)}
            held = [n for i in sorted(chosen) for n in sequences[i]]
        else:
            held = list(names[len(names) - round(fraction * len(names)):])
    training = [n for n in names if n not in held]
    if not training:
        raise DataError("All frames are held out, none is left to train on.")
    return training, held


def draw_pairs(data: DataSet, names: Sequence[str], config: TrainConfig, rng: np.random.Generator) -> Crops:
    """A batch of random crops of inputs with their targets."""
    rows = [_place(data.inputs.frames[names[rng.integers(len(names))]], config, rng) for _ in range(config.batch)]
    inputs, targets = (_cut(store, rows, config.crop) for store in (data.inputs, data.targets))
    for index, row in enumerate(rows):
        inputs["image"][index] *= row.gain
        targets["image"][index] *= row.gain
    return Crops(inputs, targets["image"])


def draw_frames(store: FrameStore, names: Sequence[str], config: TrainConfig, rng: np.random.Generator) -> dict[str, Tensor]:
    """A batch of random crops of one store, {pass: (B, c, crop, crop)}."""
    rows = [_place(store.frames[names[rng.integers(len(names))]], config, rng) for _ in range(config.batch)]
    passes = _cut(store, rows, config.crop)
    for index, row in enumerate(rows):
        passes["image"][index] *= row.gain
    return passes


def draw_steps(data: DataSet, steps: Sequence[tuple[str, str]], config: TrainConfig, rng: np.random.Generator) -> Crops:
    """Random crops of two frames that follow each other, cut at the same place: the batch's first half is of the earlier ones."""
    pairs = [steps[rng.integers(len(steps))] for _ in range(config.batch)]
    rows = [_place(data.inputs.frames[now], config, rng, flip=False) for now, _ in pairs]
    later = [row._replace(name=name) for row, (_, name) in zip(rows, pairs, strict=True)]
    passes = _cut(data.inputs, rows + later, config.crop)
    for index, row in enumerate(rows + later):
        passes["image"][index] *= row.gain
    return Crops(passes, None)


class _Place(NamedTuple):
    """Where a crop is cut and how it is changed."""

    name: str
    y: int
    x: int
    flipped: bool
    gain: float


def _place(frame: Frame, config: TrainConfig, rng: np.random.Generator, flip: bool = True) -> _Place:
    step = config.crop_alignment
    y, x = (step * int(rng.integers((side - config.crop) // step + 1)) for side in (frame.height, frame.width))
    flipped = flip and config.flip and bool(rng.integers(2))
    gain = 2 ** rng.uniform(-config.exposure_jitter, config.exposure_jitter) if config.exposure_jitter else 1.0
    return _Place(frame.name, y, x, flipped, gain)


def _cut(store: FrameStore, rows: Sequence[_Place], crop: int) -> dict[str, Tensor]:
    """The crops at the places, {pass: (B, c, crop, crop) float32}, mirrored if so placed, with their own exposure."""
    batch = np.empty((len(rows), sum(store.channels.values()), crop, crop), np.float32)
    for planes, row in zip(batch, rows, strict=True):
        piece = store.planes(store.frames[row.name])[:, row.y : row.y + crop, row.x : row.x + crop]
        planes[:] = piece[..., ::-1] if row.flipped else piece
    passes = store.split(torch.from_numpy(batch))
    if "vector" in passes:  # motion to the left becomes motion to the right
        for index, row in enumerate(rows):
            if row.flipped:
                passes["vector"][index, ::2] *= -1
    return passes
