"""Goes through rendered frames once and scores the pictures that several painters make of them, side by side."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..frames.guides import GuideSource
from ..frames.sources import VIDEOS, find_files, read_frames
from ..measures import inception, metrics
from ..measures.motion import in_sight
from ..measures.perceptual import Places, content_distance, seen_by
from ..networks.perceptual import Features
from ..settings import TrainerError

PLACES = 2**12
"""Places of each level of features, from all frames together."""
PATCHES = 2**14
"""Patches of each pyramid level, from all frames together; Karras et al. 2018 take 128 from each of as many pictures."""
SHOWN = 3
"""Frames on the sheet, at most."""
VIDEO_STEP, VIDEO_FRAMES = 24, 100
"""Of a video of the look, one frame in VIDEO_STEP counts, and VIDEO_FRAMES at most."""

Painter = Callable[[dict[str, np.ndarray]], np.ndarray]
"""Passes of a frame, {name: (H, W, c)}, to its picture, (H, W, 3 or 4) scene-linear, premultiplied."""


class FootageError(TrainerError):
    """The frames can't be found, read or scored."""


@dataclass(frozen=True)
class Perception:
    """The networks and filters by which pictures, (1, 3, H, W) scene-linear, are judged."""

    features: Callable[[Tensor], dict[str, Tensor]] = metrics.gabor_features
    """A picture to the features that Gram matrices are made of, {layer: (1, c, h, w)}."""
    gram: str = "gram_gabor"
    """Name of the score of these matrices."""
    inception: Callable[[Tensor], Tensor] | None = None
    """Squares of inception.SIDE pixels to features (B, inception.FEATURES), for KID and FID; None: without these."""
    lpips: Callable[[Tensor, Tensor], Tensor] | None = None
    """Two pictures to their distance; None: without."""
    network: Features | None = None
    """What style and content are judged by besides; None: without."""


class Frame(NamedTuple):
    """A rendered frame; images are as they look over black."""

    name: str
    passes: dict[str, np.ndarray]
    """{pass name: (H, W, c) float32}; the image has an alpha."""
    target: Tensor | None
    """(1, 3, H, W) scene-linear, if the frame has a target."""

    def tensor(self, name: str) -> Tensor:
        """A pass as (1, c, H, W), the image without its alpha."""
        return picture_tensor(self.passes[name][..., :3] if name == "image" else self.passes[name])


class Footage:
    """The rendered frames in a data folder's input/, in order of their names, and the pictures or videos of the look in target/.

    patterns: of the names to take, none for all. guides: styles' own, which the frames' passes have too. looks: pictures of the
    look in place of target/. Raises FootageError if either has none, or frames are not files of their own.
    """

    def __init__(
        self,
        data: Path,
        patterns: tuple[str, ...] = (),
        guides: Sequence[GuideSource] = (),
        looks: Sequence[Path] = (),
    ):
        problems: list[str] = []
        frames = find_files(data / "input", problems)
        painted = [] if looks else find_files(data / "target", problems)
        videos = [f for f in frames if f.suffix.lower() in VIDEOS]
        problems += [f"{f} is a video, which has no passes; scores need rendered frames." for f in videos]
        if problems:
            raise FootageError(" ".join(problems))
        self.data, self.guides = data, guides
        self.files = {f.stem: f for f in frames if not patterns or any(fnmatch(f.stem, p) for p in patterns)}
        if not self.files:
            raise FootageError(f"There is no frame in {data / 'input'} whose name fits {' or '.join(patterns)}.")
        self.targets = {f.stem: f for f in painted if f.stem in self.files}
        self.names, self.painted = list(self.files), [n for n in self.files if n in self.targets]
        """Names of the frames, and of those that have a target."""
        self.looks = list(self.targets.values()) or list(looks) or painted
        """Files of the look: the targets of the frames, or all there are if none of the frames has one."""

    def frame(self, name: str) -> Frame:
        """Read a frame. Raises TrainerError."""
        passes = next(_read(self.files[name], self.guides))
        if name not in self.targets:
            return Frame(name, passes, None)
        alpha, target = passes["image"][..., 3:], next(_read(self.targets[name]))["image"]
        height, width = alpha.shape[:2]
        if target.shape[:2] != (height, width):
            raise FootageError(f"{self.targets[name]} has not the size of its input, {width} x {height} pixels.")
        opaque = (target[..., 3] == 1).all()  # then it was painted to be seen through the alpha of its input
        return Frame(name, passes, picture_tensor(target[..., :3] * alpha if opaque else target[..., :3]))

    def pictures_of_the_look(self) -> Iterator[Tensor]:
        """Each picture, and of a video a frame per second, as (1, 3, H, W)."""
        for path in self.looks:
            for passes in islice(_read(path), 0, VIDEO_STEP * VIDEO_FRAMES, VIDEO_STEP):
                yield picture_tensor(passes["image"][..., :3])

    def count_of_the_look(self) -> int:
        """At least as many as pictures_of_the_look() are."""
        return sum(VIDEO_FRAMES if path.suffix.lower() in VIDEOS else 1 for path in self.looks)

    def shown(self) -> list[str]:
        """Names of a few frames, evenly spread."""
        names = self.painted or self.names
        count = min(SHOWN, len(names))
        return [names[(2 * i + 1) * len(names) // (2 * count)] for i in range(count)]


def picture_tensor(picture: np.ndarray) -> Tensor:
    """(H, W, c) to (1, c, H, W), finite."""
    return torch.from_numpy(np.nan_to_num(picture).transpose(2, 0, 1)[None].astype(np.float32))


def _read(path: Path, guides: Sequence[GuideSource] = ()) -> Iterator[dict[str, np.ndarray]]:
    """The passes of a file's frames, which must be large enough to be scored. Raises TrainerError."""
    least = metrics.SMALLEST_SIDE
    for _, passes in read_frames(path, guides=guides):
        height, width = passes["image"].shape[:2]
        if min(height, width) < least:
            raise FootageError(f"{path} is {width} x {height} pixels, but scores need {least} x {least} at least.")
        yield passes


class Look:
    """What a style is judged by, gathered from pictures: patches of their pyramids and features of pretrained networks."""

    def __init__(self, pictures: int, perception: Perception):
        self.perception, self.squares = perception, []
        self.patches, self.grams = metrics.Patches(-(-PATCHES // pictures)), metrics.Grams(perception.features)
        self.places = Places(-(-PLACES // pictures))

    def add(self, picture: Tensor) -> None:
        self.patches.add(picture)
        self.grams.add(picture)
        if self.perception.inception:
            self.squares.append(self.perception.inception(inception.squares(picture)))
        if self.perception.network:
            self.places.add(seen_by(self.perception.network, picture))

    def scores(self, wanted: "Look") -> dict[str, float]:
        """Distances to another look."""
        scores = {
            "sliced_wasserstein": self.patches.distance(wanted.patches),
            self.perception.gram: self.grams.distance(wanted.grams),
        }
        if network := self.perception.network:
            scores[f"nearest_{network.kind}"] = self.places.distance(wanted.places)
        return scores | (inception.distances(torch.cat(self.squares), torch.cat(wanted.squares)) if self.squares else {})


@dataclass(frozen=True)
class Scene:
    """What all pictures of a frame are compared with."""

    frame: Frame
    edges: Tensor | None
    """(1, 1, H, W) bool: edges of depth and normal, if the frame has these passes."""
    before: str = ""
    """The name of the previous frame, if its motion is known."""
    vector: Tensor | None = None
    seen: Tensor | None = None
    """(1, 4, H, W) and (1, 1, H, W): motion from the previous frame to this one, and what of that stays in sight."""


class Judge:
    """Gathers the scores of one painter."""

    def __init__(self, look: Look):
        self.look, self.values, self.last = look, {}, ("", None)

    def add(self, scene: Scene, picture: Tensor) -> None:
        """Score the picture (1, 3, H, W) that was made of a frame."""
        frame = scene.frame
        self.look.add(picture)
        image = frame.tensor("image")
        self._note("ms_ssim", metrics.ms_ssim(picture, image))
        if self.look.perception.lpips:
            self._note("lpips", self.look.perception.lpips(picture, image).item())
        if network := self.look.perception.network:
            self._note(f"content_{network.kind}", content_distance(seen_by(network, picture), seen_by(network, image)))
        if scene.edges is not None:
            self._note("edges", metrics.edges_found(picture, scene.edges))
        if frame.target is not None:
            self._note("psnr", metrics.psnr(picture, frame.target))
            self._note("ssim", metrics.ssim(picture, frame.target))
        name, before = self.last
        if scene.before and name == scene.before:
            self._note("warping_error", metrics.warping_error(before, picture, scene.seen, scene.vector))
        self.last = frame.name, picture

    def _note(self, name: str, value: float | None) -> None:
        if value is not None:
            self.values.setdefault(name, []).append(value)

    def means(self) -> dict[str, float]:
        return {name: sum(values) / len(values) for name, values in self.values.items()}


def score(footage: Footage, painters: Mapping[str, Painter], perception: Perception) -> tuple[dict, dict]:
    """Score painters beside the plain frames, row "plain", and the targets, row "target", if there are any.

    Returns ({row: {score: mean over the frames}}, {name of a frame on the sheet: {row: picture (3, H, W) scene-linear}}).
    Raises TrainerError; whatever a painter raises passes through.
    """
    rows = ["plain", *painters, *(["target"] if footage.painted else [])]
    wanted = Look(footage.count_of_the_look(), perception)
    for picture in footage.pictures_of_the_look():
        wanted.add(picture)
    judges = {row: Judge(Look(len(footage.painted if row == "target" else footage.names), perception)) for row in rows}
    pictures, last = {}, None
    for name in tqdm(footage.names, desc="scoring", unit="frame", leave=False):
        frame = footage.frame(name)
        scene = _scene(frame, last)
        made = {"plain": frame.tensor("image")}
        made |= {row: picture_tensor(paint(frame.passes)[..., :3]) for row, paint in painters.items()}
        if frame.target is not None:
            made["target"] = frame.target
        for row, picture in made.items():
            judges[row].add(scene, picture)
        if name in footage.shown():
            pictures[name] = {row: made[row][0] for row in rows if row in made}
        last = frame
    scores = {row: judge.look.scores(wanted) | judge.means() for row, judge in judges.items()}
    return {row: _both(_relative(values, scores["plain"]), perception) for row, values in scores.items()}, pictures


def _scene(frame: Frame, last: Frame | None) -> Scene:
    geometry = {"depth", "normal"} <= frame.passes.keys()
    edges = metrics.geometry_edges(frame.tensor("depth"), frame.tensor("normal")) if geometry else None
    motion = {"vector", "depth"}
    if last is None or not _follows(frame.name, last.name) or not motion <= frame.passes.keys() & last.passes.keys():
        return Scene(frame, edges)
    now, later = ({p: f.tensor(p) for p in motion} for f in (last, frame))
    return Scene(frame, edges, last.name, now["vector"], in_sight(now, later))


def _follows(name: str, before: str) -> bool:
    """Whether the names are like shot_0010 and shot_0009."""
    (shot, number), (shot_before, number_before) = (re.fullmatch(r"(.*?)(\d*)", n).groups() for n in (name, before))
    return shot == shot_before and number != "" != number_before and int(number) == int(number_before) + 1


def _relative(values: dict[str, float], plain: dict[str, float]) -> dict[str, float]:
    """Edges found and warping error as ratios to those of the plain frames, which depend on the scene."""
    relative = dict(values)
    for name, ratio in (("edges", "edge_agreement"), ("warping_error", "warping_ratio")):
        if name in values and plain.get(name):
            relative[ratio] = values[name] / plain[name]
    return relative


def _both(values: dict[str, float], perception: Perception) -> dict[str, float]:
    """With style and content by the network in one number, as ArtFID puts them together (Wright and Ommer 2022, equation 1)."""
    if not perception.network:
        return values
    kind = perception.network.kind
    return values | {f"both_{kind}": (1 + values[f"content_{kind}"]) * (1 + values[f"nearest_{kind}"])}
