"""Trains our defaults and re-implementations of published methods on the same frames for the same time, and scores them all."""

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from PIL import Image

from core import PassError, ProviderError, StyleError, load_style
from core.colour import decode_srgb

from ..config import ExportConfig, TrainConfig, run_config, train_config
from ..export_onnx import export
from ..frames.sources import find_files
from ..measures.cost import CostError, frame_cost
from ..modes import UNPAIRED
from ..networks.encoding import encode, shown
from ..networks.perceptual import load_features
from ..settings import TrainerError, read_values, setting
from ..training.checkpoint import load_checkpoint
from ..training.pictures import Look
from ..training.teacher import SMALLEST, Teacher, Teaching
from ..training.train import train
from . import score_sheet
from .evaluate import make_folder, numerics, open_perception, painter, write_scores
from .methods import EXEMPLAR, FEW_SHOT_VGG, METHODS, OURS, PER_FRAME, PROJECTED, PUBLISHED
from .scoring import Footage, Painter, picture_tensor, score

log = logging.getLogger(__name__)

ENDLESS = 10**8
"""More steps than any run reaches: the minutes end it."""


class BenchmarkError(TrainerError):
    """The benchmark can't be run, or was stopped."""


@dataclass(frozen=True)
class BenchmarkConfig:
    """Settings of `benchmark`."""

    data: Path = setting(
        help="folder with input/ and target/, as for train; if only some frames have a target, these are "
        "keyframes and the others are scored; if none has, only the unpaired methods can learn"
    )
    out: Path = setting(
        help="folder for the runs, the style files, scores.json and scores.png; the same command goes on with "
        "what was interrupted"
    )
    minutes: float = setting(10.0, "minutes that each method trains")
    methods: tuple[str, ...] = setting(
        (),
        f"what to train; none: {', '.join(OURS | PUBLISHED)}, or, with exemplar, {', '.join((*EXEMPLAR, PER_FRAME))}",
        choices=(*METHODS, PER_FRAME),
    )
    exemplar: tuple[Path, ...] = setting((), "pictures of the look, in place of target/: for the methods that learn from those")
    brush: float = setting(0.27, "how large their strokes shall be, as in train --mode exemplar")
    holdout: tuple[str, ...] = setting(
        (), "patterns (city_*) of the frames to hold out and score; none: a tenth of the sequences"
    )
    truth: Path | None = setting(None, "folder laid out like data, with targets for the scored frames; none: data itself")
    vgg_weights: Path | None = setting(None, "torchvision's file of VGG-19 (vgg19-dcbb9e9d.pth), for few_shot and Gram matrices")
    inception_weights: Path | None = setting(None, "file of FID's Inception (pt_inception-2015-12-05-6726825d.pth), for KID")
    lpips_weights: Path | None = setting(None, "torchvision's file of VGG-16 (vgg16-397923af.pth), for LPIPS")
    seeds: tuple[int, ...] = setting(
        (0,), "seeds that each method is trained with, one run each; of several, scores are means with their standard deviations"
    )
    device: str = setting("auto", "where to train and to run the styles", choices=("auto", "cpu", "cuda"))

    def __post_init__(self):
        if self.minutes <= 0:
            raise BenchmarkError(f"The setting minutes must be above 0, not {self.minutes:g}.")
        by_pictures = (*EXEMPLAR, PER_FRAME)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise BenchmarkError("The setting seeds must name one seed at least, and none twice.")
        if wrong := [name for name in self.methods if (name in by_pictures) != bool(self.exemplar)]:
            needs = (
                "learns from painted frames, and can't go with" if self.exemplar else "learns from pictures of a look, and needs"
            )
            raise BenchmarkError(f"The method {wrong[0]} {needs} exemplar; the methods that do are {', '.join(by_pictures)}.")

    @property
    def rows(self) -> tuple[str, ...]:
        """The methods that are asked for."""
        return self.methods or ((*EXEMPLAR, PER_FRAME) if self.exemplar else tuple(OURS | PUBLISHED))


def benchmark(config: BenchmarkConfig) -> tuple[dict, dict]:
    """Train each method with each seed and score all beside the plain frames and the targets.

    Returns ({row: {score: mean over the scored frames and the seeds}}, {row: {score: standard deviation over the seeds}}).
    Writes scores.json, with each run's scores and what it was trained by, and scores.png, which shows the pictures of the first
    seed. Raises TrainerError; what is done so far is kept.
    """
    perception = open_perception(config.vgg_weights, config.inception_weights, config.lpips_weights)
    make_folder(config.out)
    runs = {f"{name}-{seed}": (name, seed) for seed in config.seeds for name in config.rows if name != PER_FRAME}
    plans = {run: _plan(*of, config) for run, of in runs.items()}
    styles = {run: _style(plan, config.out / f"{run}.onnx") for run, plan in plans.items()}
    look = Look(config.exemplar, config.brush, SMALLEST, True) if config.exemplar else None
    footage = Footage(
        config.truth or config.data,
        _judging(config, plans),
        looks=_as_large_as_judged(look, config.out / "look") if look else (),
    )
    try:
        painters = {run: painter(style, config.device) for run, style in styles.items()}
        if PER_FRAME in config.rows:
            painters[PER_FRAME] = _optimiser(look, 60 * config.minutes / len(footage.names))
        scores, pictures = score(footage, painters, perception)
        for run, style in styles.items():
            scores[run] |= numerics(style, footage)
    except (PassError, ProviderError, StyleError) as error:
        raise BenchmarkError(f"A frame of {footage.data} can't be stylised: {error}") from error
    for run, style in styles.items():
        if runs[run][1] != config.seeds[0]:
            continue  # another seed of the same network costs the same
        try:
            scores[run] |= frame_cost(style, config.device)
        except CostError as error:  # no reason to lose the scores
            log.warning("%s", error)
    names = {run: runs.get(run, (run,))[0] for run in scores}
    rows, spreads = _over_seeds(scores, names)
    report = {
        "data": config.data.name,
        "minutes": config.minutes,
        "seeds": config.seeds,
        "frames": footage.names,
        "rows": rows,
        "spreads": spreads,
        "runs": {run: scores[run] for run in runs},
        "training": {run: load_style(style).training for run, style in styles.items()},
    }
    title = f"{config.minutes:g} minutes of training each, scored on {len(footage.names)} frames"
    if len(config.seeds) > 1:
        title += f": means of {len(config.seeds)} seeds with their standard deviations, pictures of seed {config.seeds[0]}"
    first = {name: run for run, name in reversed(names.items())}
    shown = {frame: {n: made[r] for n, r in first.items() if r in made} for frame, made in pictures.items()}
    write_scores(config.out, report, score_sheet.sheet(rows, shown, title, spreads))
    return rows, spreads


def _over_seeds(scores: dict[str, dict[str, float | str]], names: dict[str, str]) -> tuple[dict, dict]:
    """The means of the runs that have the same name, {row: {score: mean}}, and the standard deviations of those of several runs,
    {row: {score: deviation}}. What is no number, as where a frame's seconds were measured, is the first run's."""
    rows, spreads = {}, {}
    for row in dict.fromkeys(names.values()):
        runs = [scores[run] for run, name in names.items() if name == row]
        values = {key: [run[key] for run in runs if key in run] for key in runs[0]}
        numbers = {key: found for key, found in values.items() if not isinstance(found[0], str)}
        rows[row] = {key: mean(numbers[key]) if key in numbers else found[0] for key, found in values.items()}
        spreads[row] = {key: stdev(found) for key, found in numbers.items() if len(found) > 1}
    return rows, spreads


def _plan(name: str, seed: int, config: BenchmarkConfig) -> TrainConfig:
    """The settings that a method is trained with. With keyframes, the published methods get the painted frames as pairs."""
    values = {
        "data": config.data,
        "run": config.out / "runs" / f"{name}-{seed}",
        "holdout": config.holdout,
        "steps": ENDLESS,
        "minutes": config.minutes,
        "preview_every": ENDLESS,
        "preview_seconds": 0.0,
        "seed": seed,
        "device": config.device,
        **METHODS[name],
    }
    if name in EXEMPLAR:
        return train_config(values | {"exemplar": config.exemplar, "brush": config.brush})
    painted, unpainted = _frames(config.data)
    if METHODS[name].get("mode") in UNPAIRED:
        values |= {"holdout": (), "holdout_fraction": 0.0} if painted and unpainted else {}
    elif not painted:
        fitting = " ".join(name for name, settings in METHODS.items() if settings.get("mode") in UNPAIRED)
        raise BenchmarkError(
            f"{name} learns from painted frames, but no picture in {config.data / 'target'} has the name of a "
            f"frame; give --methods {fitting}."
        )
    elif not unpainted and name == "ours_projected":
        raise BenchmarkError(f"ours_projected learns from keyframes, but all frames in {config.data} are painted; leave it out.")
    elif unpainted and name in OURS | PROJECTED:
        values |= {"mode": "keyframes", "holdout": ()}
    elif unpainted:
        values |= {"data": _copy_pairs(config.data, config.out / "pairs", painted), "holdout": (), "holdout_fraction": 0.0}
    if name == "few_shot" and config.vgg_weights is not None:
        values |= FEW_SHOT_VGG | {"vgg_weights": config.vgg_weights}
    elif name == "few_shot":
        log.info("Without --vgg-weights, few_shot learns without its VGG term.")
    return train_config(values)


def _frames(data: Path) -> tuple[list[str], list[str]]:
    """Names of the frames with and without a target."""
    inputs, targets = ({f.stem for f in find_files(data / part, [])} for part in ("input", "target"))
    return sorted(inputs & targets), sorted(inputs - targets)


def _copy_pairs(data: Path, folder: Path, names: list[str]) -> Path:
    """A data folder of the painted frames alone."""
    for part in ("input", "target"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for file in find_files(data / part, []):
            copy = folder / part / file.name
            if file.stem in names and not copy.is_file():
                shutil.copy2(file, copy)
    return folder


def _style(plan: TrainConfig, path: Path) -> Path:
    """Train a method to its end, unless that was done before, and export it. Raises BenchmarkError if it was stopped."""
    if (plan.run / "config.json").is_file():
        if run_config(plan.run) != plan:
            raise BenchmarkError(f"The run {plan.run} was made with other settings; give another --out.")
        plan = replace(plan, resume=True)
    if not path.is_file():
        log.info("Training %s for %g minutes.", plan.run.name, plan.minutes)
        train(plan)
        _, state = load_checkpoint(plan.run)
        if state["seconds"] < 60 * plan.minutes:
            raise BenchmarkError(f"{plan.run.name} was stopped early; the same command goes on from there.")
        export(ExportConfig(plan.run, path))
    return path


def _as_large_as_judged(look: Look, folder: Path) -> list[Path]:
    """The pictures of a look in files, with strokes as large as they shall be in the frames."""
    folder.mkdir(exist_ok=True)
    files = []
    for number, picture in enumerate(look.whole(), 1):
        files.append(folder / f"{number}.png")
        Image.fromarray((picture[0].permute(1, 2, 0) * 255 + 0.5).byte().numpy()).save(files[-1])
    return files


def _optimiser(look: Look, seconds: float) -> Painter:
    """What paints each frame by itself in so many seconds."""
    teacher = Teacher(look.whole(), load_features(), Teaching(steps=ENDLESS, seconds=seconds))

    def paint(passes: dict[str, np.ndarray]) -> np.ndarray:
        plain = shown(encode(picture_tensor(passes["image"][..., :3]))).clamp(0, 1)
        return decode_srgb(teacher.paint(plain)[0].permute(1, 2, 0).numpy())

    return paint


def _judging(config: BenchmarkConfig, plans: dict[str, TrainConfig]) -> tuple[str, ...]:
    """Names of the frames that no method learned from: those without a target, else those held out, else all."""
    if not plans:
        return config.holdout
    painted, unpainted = ([], []) if config.exemplar else _frames(config.data)
    trained = read_values(next(iter(plans.values())).run / "data.json")
    return tuple((painted and unpainted) or trained["held_out"] or trained["frames"])
