"""Pairs of rendered and painted frames: checked up front, decoded once into a cache file, drawn from as random crops."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path

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


class DataError(TrainerError):
    """Files of the data set are missing or unusable; the message lists them all."""


@dataclass(frozen=True)
class Frame:
    name: str
    height: int
    width: int
    offset: int
    """Index of the frame's first value in the cache."""


class PairedFrames:
    """The decoded frames of a data folder: planes of the passes, then three of the target, as half floats on disk.

    Raises DataError with a list of all files that are missing, unreadable or don't fit together.
    """

    def __init__(self, folder: Path, passes: Sequence[str]):
        self.passes = tuple(passes)
        self.channels = [input_channels(p) for p in passes] + [3]
        names = frame_names(folder)
        sizes = [(n, *(_file(folder, part, n).stat().st_size for part in ("input", "target"))) for n in names]
        self.fingerprint = _digest(sizes)
        """Changes when files come, go or change in size; a resumed run must find the same."""
        cache = folder / ".cache" / ("_".join(self.passes) + ".f16")
        if not _is_fresh(cache, self._key(folder, names)):
            self._decode(folder, names, cache)
        self.frames = [Frame(**f) for f in json.loads(cache.with_suffix(".json").read_text())["frames"]]
        self._values = np.memmap(cache, np.float16, "r")

    def planes(self, frame: Frame) -> np.ndarray:
        """(passes and target, H, W) float16, not yet read from disk."""
        size = sum(self.channels) * frame.height * frame.width
        return self._values[frame.offset : frame.offset + size].reshape(-1, frame.height, frame.width)

    def split(self, planes: Tensor) -> list[Tensor]:
        """(B, passes and target, H, W) to one tensor per pass and the target."""
        return list(planes.split(self.channels, dim=1))

    def _key(self, folder: Path, names: list[str]) -> str:
        times = [_file(folder, part, n).stat().st_mtime_ns for n in names for part in ("input", "target")]
        return _digest([self.fingerprint, self.passes, times])

    def _decode(self, folder: Path, names: list[str], cache: Path) -> None:
        """Write the cache file, then its index, whose presence says that the cache is complete."""
        cache.parent.mkdir(exist_ok=True)
        cache.with_suffix(".json").unlink(missing_ok=True)
        partial = cache.with_suffix(".partial")
        frames, problems, offset = [], [], 0
        with open(partial, "wb") as file:
            for name in tqdm(names, desc="decoding frames", unit="frame", leave=False):
                try:
                    planes = _read_pair(folder, name, self.passes)
                except (ExrError, DataError) as error:
                    problems.append(str(error))
                    continue
                frames.append({"name": name, "height": planes.shape[1], "width": planes.shape[2], "offset": offset})
                planes.tofile(file)
                offset += planes.size
        if problems:
            partial.unlink()
            raise DataError(_list(problems))
        os.replace(partial, cache)
        cache.with_suffix(".json").write_text(json.dumps({"key": self._key(folder, names), "frames": frames}))


def frame_names(folder: Path) -> list[str]:
    """Names of the frames that have an input and a target, sorted. Raises DataError if one lacks the other, or there are none."""
    inputs, targets = ({p.stem for p in (folder / part).glob("*.exr")} for part in ("input", "target"))
    problems = [f"{_file(folder, 'target', n)} is missing." for n in sorted(inputs - targets)]
    problems += [f"{_file(folder, 'input', n)} is missing." for n in sorted(targets - inputs)]
    if not inputs | targets:
        problems = [f"There are no EXR files in {folder / 'input'}."]
    if problems:
        raise DataError(_list(problems))
    return sorted(inputs)


def _read_pair(folder: Path, name: str, passes: Sequence[str]) -> np.ndarray:
    """(passes and target, H, W) float16 of one frame; the image without its alpha, not premultiplied."""
    path, target_path = _file(folder, "input", name), _file(folder, "target", name)
    layers, target = read_exr(path), read_exr(target_path).get("image")
    planes = []
    for pass_name in passes:
        allowed = (3, 4) if pass_name == "image" else (PASSES[pass_name].channels,)
        if pass_name not in layers or layers[pass_name].shape[2] not in allowed:
            raise DataError(f"{path} has no layer '{pass_name}' of {allowed[0]} channels.")
        planes.append(_straight(layers[pass_name]) if pass_name == "image" else layers[pass_name])
    if target is None or target.shape[2] < 3:
        raise DataError(f"{target_path} has no RGB image.")
    if not np.isfinite(target).all():
        raise DataError(f"{target_path} holds values that are infinite or not a number.")
    if target.shape[:2] != planes[0].shape[:2]:
        (height, width), (h, w) = target.shape[:2], planes[0].shape[:2]
        raise DataError(f"{target_path} is {width} x {height} pixels, but its input is {w} x {h}.")
    stacked = np.concatenate([*planes, target[..., :3]], axis=2).transpose(2, 0, 1)
    finite = np.nan_to_num(stacked, nan=0.0, posinf=HALF_MAX, neginf=-HALF_MAX)
    return np.ascontiguousarray(finite.clip(-HALF_MAX, HALF_MAX).astype(np.float16))


def _straight(image: np.ndarray) -> np.ndarray:
    """Premultiplied RGBA to straight RGB, as core.stylize does; RGB stays."""
    alpha = image[..., 3:]
    return image[..., :3] / np.where(alpha > 0, alpha, 1) if image.shape[2] == 4 else image


def _file(folder: Path, part: str, name: str) -> Path:
    return folder / part / f"{name}.exr"


def _digest(values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _is_fresh(cache: Path, key: str) -> bool:
    index = cache.with_suffix(".json")
    return cache.is_file() and index.is_file() and json.loads(index.read_text())["key"] == key


def _list(problems: list[str]) -> str:
    return "The data set can't be used:\n" + "\n".join(f"  {p}" for p in problems)


def split_frames(frames: list[Frame], patterns: Sequence[str], fraction: float) -> tuple[list[Frame], list[Frame]]:
    """(frames to train on, frames held out): by patterns of names, else whole sequences, evenly spread, else the last frames.

    A sequence is what remains of a name without the frame number at its end. Raises DataError if nothing is left to train on.
    """
    if patterns:
        held = [f for f in frames if any(fnmatch(f.name, p) for p in patterns)]
        if not held:
            raise DataError(f"No frame's name fits the holdout patterns {', '.join(patterns)}.")
    else:
        sequences = [list(group) for _, group in groupby(frames, lambda f: f.name.rpartition("_")[0])]
        count = round(fraction * len(sequences))
        if count:
            chosen = {(2 * i + 1) * len(sequences) // (2 * count) for i in range(count)}
            held = [f for i in sorted(chosen) for f in sequences[i]]
        else:
            held = frames[len(frames) - round(fraction * len(frames)):]
    training = [f for f in frames if f not in held]
    if not training:
        raise DataError("All frames are held out, none is left to train on.")
    return training, held


def draw_crops(data: PairedFrames, frames: list[Frame], config: TrainConfig, rng: np.random.Generator) -> list[Tensor]:
    """A batch of random crops: one (B, c, crop, crop) float32 tensor per pass, and the target, all scene-linear."""
    batch = np.empty((config.batch, sum(data.channels), config.crop, config.crop), np.float32)
    for planes in batch:
        frame = frames[rng.integers(len(frames))]
        step = config.crop_alignment
        y, x = (step * rng.integers((side - config.crop) // step + 1) for side in (frame.height, frame.width))
        planes[:] = data.planes(frame)[:, y : y + config.crop, x : x + config.crop]
        if config.flip and rng.integers(2):
            _mirror(planes, data)
        if config.exposure_jitter:
            gain = 2 ** rng.uniform(-config.exposure_jitter, config.exposure_jitter)
            planes[:3] *= gain
            planes[-3:] *= gain
    return data.split(torch.from_numpy(batch))


def _mirror(planes: np.ndarray, data: PairedFrames) -> None:
    """Mirror (c, H, W) planes left to right in place; motion to the left becomes motion to the right."""
    planes[:] = planes[..., ::-1].copy()
    if "vector" in data.passes:
        first = sum(data.channels[: data.passes.index("vector")])
        planes[[first, first + 2]] *= -1


def check_crop(frames: list[Frame], crop: int) -> None:
    """Raise DataError naming the frames that are smaller than a crop."""
    small = [f"{f.name} is {f.width} x {f.height} pixels, smaller than a crop of {crop}." for f in frames
             if min(f.height, f.width) < crop]
    if small:
        raise DataError(_list(small))
