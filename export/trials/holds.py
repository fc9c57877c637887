"""How well styles hold on scenes that nobody taught them: a table, a sheet of all pictures, and each at its full size."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tabulate import tabulate
from torch import Tensor
from tqdm import tqdm

from core import PassError, ProviderError, StyleError, load_style
from core.style import SHIPPED

from ..frames.sources import read_frames, rendered
from ..measures import holding, metrics
from ..measures.flip import flip_over_time
from ..measures.motion import in_sight
from ..settings import TrainerError, setting
from ..training.preview import to_srgb
from .evaluate import make_folder, painter
from .gallery import QUALITY, page
from .scoring import Footage, Frame, Painter, picture_tensor

log = logging.getLogger(__name__)

HOLDS, BLOTCHY = 0.6, 1.3
"""A style should hold at least so well on any scene, and have at most so many times the look's blotches where nothing is."""
PATCHES = 2**12
"""Patches of each pyramid level of a picture."""
THUMBNAIL = 320
"""Width in pixels of a picture on the sheet."""


class HoldsError(TrainerError):
    """The styles or the frames can't be used."""


@dataclass(frozen=True)
class HoldsConfig:
    """Settings of `holds`."""

    data: Path = setting(
        Path("datasets/judging"),
        "folder with rendered frames of scenes in input/, and in looks/STYLE, made by paint --into, what the look made of them. "
        "For a style that learned from pictures put frames into looks/STYLE/input/ and the pictures, at its strokes' size, "
        "into target/",
    )
    reference: Path = setting(
        Path("datasets/gallery"), "the same of the gallery's scenes: what the style does there is the whole"
    )
    styles: tuple[Path, ...] = setting((), "style files; none: all that ship")
    out: Path = setting(Path("export/gallery/judging"), "folder for holds.json, sheet.jpg and SCENE_STYLE.jpg")


@dataclass(frozen=True)
class Effect:
    """What a style does to one frame, beside what its look does."""

    share: float
    """Of the look's change, octave by octave, what is there."""
    closeness: float
    """How much of the way from the plain frame to where they should come the patches have gone."""
    blotches: float | None
    """Slow changes in flat areas, as a multiple of the look's; None without flat areas or a painted frame."""


@dataclass(frozen=True)
class Usual:
    """What a style that has only pictures of its look should do to any frame: change each octave as much as it does to the
    reference's frames in the mean, and come as near to the pictures, all in the frame's own light."""

    reference: list[tuple[Tensor, Tensor]]
    """What it makes of the reference's frames, and these, (1, 3, H, W) scene-linear each."""
    pictures: list[Tensor]
    """(1, 3, H, W) scene-linear each."""

    @cached_property
    def near(self) -> float:
        """How far from the pictures the patches of what it makes of the reference's frames are in the mean. No frame is asked to
        come nearer: one that begins near to them by chance would have to, if the same share of its way counted."""
        distances = [_patches(output).distance(self._looks(plain)) for output, plain in self.reference]
        return sum(distances) / len(distances)

    def _looks(self, image: Tensor) -> metrics.Patches:
        """The patches of the pictures, in the light of an image."""
        return _patches(*(picture * holding.in_the_light_of(image, picture) for picture in self.pictures))

    def aim(self, image: Tensor) -> "Aim":
        """For a frame's image, (1, 3, H, W)."""
        changes = []
        for output, plain in self.reference:
            light = holding.in_the_light_of(image, plain)
            changes.append(holding.octaves(output * light, plain * light))
        least = min(map(len, changes))
        return Aim(torch.stack([change[:least] for change in changes]).mean(0), self._looks(image), self.near)


@dataclass(frozen=True)
class Aim:
    """What a style should make of a frame."""

    octaves: Tensor
    """The change that is wanted, of holding.octaves()."""
    patches: metrics.Patches
    """Of the look."""
    near: float = 0.0
    """How far from these those of what it makes may be."""


def holds(config: HoldsConfig) -> str:
    """Write the pictures and holds.json; returns the table as Markdown, a line for each style. Raises TrainerError."""
    styles = {path.stem: path for path in config.styles or sorted(SHIPPED.glob("*.onnx"))}
    make_folder(config.out)
    table, pictures = {}, {}
    for name, path in styles.items():
        judged, reference = (folder / "looks" / name for folder in (config.data, config.reference))
        if not (judged / "target").is_dir() or not (reference / "target").is_dir():
            log.warning("%s is left out: its look has not painted %s and %s.", name, judged, reference)
            continue
        try:
            paint = painter(path)
            known = Footage(reference)
            aims = None if known.painted else usual(known, paint)
            whole = _whole(list(effects(known, paint, aims=aims).values()))
            found = effects(Footage(judged), paint, pictures.setdefault(name, {}), aims)
            table[load_style(path).name] = _row(found, whole) | steady(rendered(config.data), paint)
        except (StyleError, PassError, ProviderError) as error:
            raise HoldsError(f"The frames of {config.data} can't be stylised: {error}") from error
    if not table:
        raise HoldsError(f"No look has painted the frames of {config.data}; see paint --into {config.data / 'looks' / 'STYLE'}.")
    (config.out / "holds.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    _write_pictures(config.out, rendered(config.data), pictures)
    return markdown(table)


def _frame(file: Path) -> Frame:
    return Frame(file.stem, next(read_frames(file))[1], None)


def usual(reference: Footage, paint: Painter) -> Usual:
    """What a style does to the reference's frames, which has only pictures of its look."""
    frames = map(reference.frame, reference.names)
    done = [(picture_tensor(paint(frame.passes)[..., :3]), frame.tensor("image")) for frame in frames]
    return Usual(done, list(reference.pictures_of_the_look()))


def effects(
    footage: Footage, paint: Painter, pictures: dict[str, Tensor] | None = None, aims: Usual | None = None
) -> dict[str, Effect]:
    """The effect on each painted frame, or on all of a style that has only pictures of its look, by name; the pictures
    (1, 3, H, W) that were made are added to `pictures`."""
    found = {}
    for name in tqdm(footage.names if aims else footage.painted, desc=footage.data.name, unit="frame", leave=False):
        frame = footage.frame(name)
        output, image = picture_tensor(paint(frame.passes)[..., :3]), frame.tensor("image")
        if aims:
            found[name] = effect(output, image, aims.aim(image))
        else:
            assert frame.target is not None, "only painted frames are named"
            aim = Aim(holding.octaves(frame.target, image), _patches(frame.target))
            found[name] = effect(output, image, aim, holding.blotch_ratio(output, frame.target, image))
        if pictures is not None:
            pictures[name] = output
    return found


def effect(output: Tensor, image: Tensor, aim: Aim, blotches: float | None = None) -> Effect:
    """What a picture (1, 3, H, W) that was made of an image has of what it should have."""
    own, plain = _patches(output), _patches(image)
    far, left = (patches.distance(aim.patches) - aim.near for patches in (plain, own))
    closeness = 1 - max(left, 0.0) / far if far > 0 else float(left <= 0)
    share = holding.share_of_effect(holding.octaves(output, image), aim.octaves)
    return Effect(share, max(closeness, 0.0), blotches)


def _patches(*pictures: Tensor) -> metrics.Patches:
    patches = metrics.Patches(PATCHES)
    for picture in pictures:
        patches.add(picture)
    return patches


def _whole(reference: list[Effect]) -> Effect:
    """The mean effect on the reference's frames."""
    count = len(reference)
    return Effect(sum(e.share for e in reference) / count, sum(e.closeness for e in reference) / count, None)


def score(found: Effect, whole: Effect) -> float:
    """How well a style holds, 0 to 1: the smaller of the shares of its whole effect and closeness that are there."""
    parts = ((found.share, whole.share), (found.closeness, whole.closeness))
    return min(min(1.0, part / all_of_it) if all_of_it > 0 else 1.0 for part, all_of_it in parts)


def _row(found: Mapping[str, Effect], whole: Effect) -> dict:
    """{"scenes": {scene: {"holds", "share", "closeness", "blotches"}}, "lowest"}; a scene's name is that without its number."""
    scenes = {
        name.rpartition("_")[0]: {
            "holds": score(one, whole),
            "share": one.share,
            "closeness": one.closeness,
            "blotches": one.blotches,
        }
        for name, one in found.items()
    }
    return {"scenes": scenes, "lowest": min(scene["holds"] for scene in scenes.values())}


def steady(files: Mapping[str, Path], paint: Painter) -> dict[str, float]:
    """{"warping", "flip"}: change from the first frame of each scene to the second, as a ratio to that of the plain frames."""
    sums = {"warping": [0.0, 0.0], "flip": [0.0, 0.0]}
    for _, names in groupby(files, lambda name: name.rpartition("_")[0]):
        pair = [_frame(files[name]) for name in list(names)[:2]]
        if len(pair) < 2:
            continue
        motion, later = ({p: frame.tensor(p) for p in ("vector", "depth")} for frame in pair)
        seen = in_sight(motion, later)
        styled = [picture_tensor(paint(frame.passes)[..., :3]) for frame in pair]
        for column, (first, second) in enumerate((styled, [frame.tensor("image") for frame in pair])):
            sums["warping"][column] += metrics.warping_error(first, second, seen, motion["vector"]) or 0.0
            sums["flip"][column] += flip_over_time(first, second, seen, motion["vector"]) or 0.0
    return {name: own / plain for name, (own, plain) in sums.items() if plain > 0}


def markdown(table: dict[str, dict]) -> str:
    """A line for each style: how well it holds on each scene, in brackets how blotchy it is there, the lowest, and steadiness."""
    scenes = list(dict.fromkeys(scene for row in table.values() for scene in row["scenes"]))
    lines = []
    for style, row in table.items():
        cells = [_cell(row["scenes"].get(scene)) for scene in scenes]
        lines.append([style, *cells, f"{row['lowest']:.2f}", *(f"{row[k]:.2f}" if k in row else "" for k in ("warping", "flip"))])
    headers = ["", *scenes, "lowest (more)", "warping ratio (less)", "FLIP ratio (less)"]
    return tabulate(lines, headers, tablefmt="pipe", disable_numparse=True, colalign=["left", *["right"] * (len(headers) - 1)])


def _cell(scene: dict | None) -> str:
    if scene is None:
        return ""
    held = f"{scene['holds']:.2f}" if scene["holds"] >= HOLDS else f"**{scene['holds']:.2f}**"
    blotches = scene["blotches"]
    if blotches is None:
        return held
    return f"{held} ({blotches:.1f})" if blotches <= BLOTCHY else f"{held} (**{blotches:.1f}**)"


def _write_pictures(out: Path, files: Mapping[str, Path], pictures: dict[str, dict[str, Tensor]]) -> None:
    """SCENE_STYLE.jpg at full size, SCENE.jpg plain, and sheet.jpg: a line for each scene, the plain frame first."""
    names = list(dict.fromkeys(name for made in pictures.values() for name in made if name in files))
    thumbnails = []
    for name in names:
        scene = name.rpartition("_")[0]
        plain = _frame(files[name]).tensor("image")
        for style, made in {"": {name: plain}, **pictures}.items():
            if name not in made:
                thumbnails.append(np.full_like(thumbnails[-1], 255))
                continue
            picture = made[name]
            full = Image.fromarray(to_srgb(picture[0]))
            full.save(out / (f"{scene}_{style}.jpg" if style else f"{scene}.jpg"), quality=QUALITY)
            small = full.resize((THUMBNAIL, round(THUMBNAIL * full.height / full.width)), Image.Resampling.LANCZOS)
            thumbnails.append(np.asarray(small))
    page(thumbnails, 1 + len(pictures)).save(out / "sheet.jpg", quality=QUALITY)
