"""Trains our defaults and re-implementations of published methods on the same frames for the same time, and scores them all."""

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from core import PassError, ProviderError, StyleError, load_style

from ..config import UNPAIRED, ExportConfig, TrainConfig, train_config
from ..export_onnx import export
from ..frames.sources import find_files
from ..measures.cost import CostError, frame_cost
from ..settings import TrainerError, from_values, read_values, setting
from ..training.checkpoint import load_checkpoint
from ..training.train import train
from . import score_sheet
from .evaluate import make_folder, numerics, open_perception, painter, write_scores
from .scoring import Footage, score

log = logging.getLogger(__name__)

SPAN = 2
"""The papers compare pictures in [-1, 1], we in [0, 1]: their weights of absolute differences are multiplied by this."""
ENDLESS = 10**8
"""More steps than any run reaches: the minutes end it."""

OURS = {
    "ours": {},
    "ours_guided": {"passes": ("image", "depth", "normal", "albedo")},
    "ours_unpaired": {"mode": "contrastive"},
}
PUBLISHED = {
    # Isola et al. 2017, sections 3.3 and 6. Unlike theirs: the 70 px PatchGAN has no batch normalisation, pictures are log
    # encoded and never mirrored or enlarged, the rate falls along a half cosine, and time ends a run in place of 200 epochs.
    "pix2pix": {
        "generator": "pix2pix_unet",
        "crop": 256,
        "batch": 1,
        "discriminator_channels": 64,
        "spectral_norm": False,
        "adversarial": "non_saturating",
        "weight_l1": 100.0 * SPAN,
        "weight_edge": 0.0,
        "weight_features": 0.0,
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "decay_from": 0.5,
        "ema": 0.0,
    },
    # Texler et al. 2020, section 3, and its authors' reference_P.yaml; our least squares have their factor of 0.5 already.
    "few_shot": {
        "generator": "few_shot",
        "crop": 32,
        "batch": 40,
        "discriminator_channels": 12,
        "discriminator_layers": 2,
        "spectral_norm": False,
        "conditional": False,
        "adversarial": "least_squares",
        "weight_l1": 4.0 * SPAN,
        "weight_edge": 0.0,
        "weight_features": 0.0,
        "learning_rate": 4e-4,
        "betas": (0.9, 0.999),
        "decay_from": 0.99,
        "ema": 0.0,
    },
    # Zhu et al. 2017, sections 4 and 7; its least squares lack our factor of 0.5 where the generators learn.
    "cyclegan": {
        "mode": "cycle",
        "generator": "cyclegan_resnet",
        "crop": 256,
        "batch": 1,
        "discriminator_channels": 64,
        "spectral_norm": False,
        "conditional": False,
        "adversarial": "least_squares",
        "weight_adversarial": 2.0,
        "weight_cycle": 10.0 * SPAN,
        "weight_identity": 5.0 * SPAN,
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "decay_from": 0.5,
        "ema": 0.0,
    },
}
FEW_SHOT_VGG = {"weight_content": 6.0, "content_layers": ("relu1_1", "relu1_2", "relu2_1")}
"""What few_shot adds where VGG-19's weights are given."""
PROJECTED = {
    "ours_projected": {"discriminator": "projected"},  # of keyframes alone
    "ours_unpaired_projected": {"mode": "contrastive", "discriminator": "projected"},
}
"""Ours with the judge that knows pictures."""
METHODS = OURS | PUBLISHED | PROJECTED
"""Row of the table -> settings of `train` that differ from the defaults of its mode."""


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
    methods: tuple[str, ...] = setting(tuple(OURS | PUBLISHED), "what to train", choices=tuple(METHODS))
    holdout: tuple[str, ...] = setting(
        (), "patterns (city_*) of the frames to hold out and score; none: a tenth of the sequences"
    )
    truth: Path | None = setting(None, "folder laid out like data, with targets for the scored frames; none: data itself")
    vgg_weights: Path | None = setting(None, "torchvision's file of VGG-19 (vgg19-dcbb9e9d.pth), for few_shot and Gram matrices")
    inception_weights: Path | None = setting(None, "file of FID's Inception (pt_inception-2015-12-05-6726825d.pth), for KID")
    lpips_weights: Path | None = setting(None, "torchvision's file of VGG-16 (vgg16-397923af.pth), for LPIPS")
    seed: int = setting(0, "seed of every method")
    device: str = setting("auto", "where to train and to run the styles", choices=("auto", "cpu", "cuda"))

    def __post_init__(self):
        if self.minutes <= 0:
            raise BenchmarkError(f"The setting minutes must be above 0, not {self.minutes:g}.")


def benchmark(config: BenchmarkConfig) -> dict[str, dict[str, float]]:
    """Train each method and score all beside the plain frames and the targets: {row: {score: mean over the scored frames}}.

    Writes scores.json, with what each method was trained by, and scores.png. Raises TrainerError; what is done so far is kept.
    """
    perception = open_perception(config.vgg_weights, config.inception_weights, config.lpips_weights)
    make_folder(config.out)
    plans = {name: _plan(name, config) for name in config.methods}
    styles = {name: _style(plan, config.out / f"{name}.onnx") for name, plan in plans.items()}
    footage = Footage(config.truth or config.data, _judging(config, plans))
    try:
        painters = {name: painter(style, config.device) for name, style in styles.items()}
        rows, pictures = score(footage, painters, perception)
        for name, style in styles.items():
            rows[name] |= numerics(style, footage)
    except (PassError, ProviderError, StyleError) as error:
        raise BenchmarkError(f"A frame of {footage.data} can't be stylised: {error}") from error
    for name, style in styles.items():
        try:
            rows[name] |= frame_cost(style, config.device)
        except CostError as error:  # no reason to lose the scores
            log.warning("%s", error)
    training = {name: load_style(style).training for name, style in styles.items()}
    report = {"data": config.data.name, "minutes": config.minutes, "frames": footage.names, "rows": rows, "training": training}
    title = f"{config.minutes:g} minutes of training each, scored on {len(footage.names)} frames"
    write_scores(config.out, report, score_sheet.sheet(rows, pictures, title))
    return rows


def _plan(name: str, config: BenchmarkConfig) -> TrainConfig:
    """The settings that a method is trained with. With keyframes, the published methods get the painted frames as pairs."""
    values = {
        "data": config.data,
        "run": config.out / "runs" / name,
        "holdout": config.holdout,
        "steps": ENDLESS,
        "minutes": config.minutes,
        "preview_every": ENDLESS,
        "preview_seconds": 0.0,
        "seed": config.seed,
        "device": config.device,
        **METHODS[name],
    }
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
        if from_values(TrainConfig, read_values(plan.run / "config.json")) != plan:
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


def _judging(config: BenchmarkConfig, plans: dict[str, TrainConfig]) -> tuple[str, ...]:
    """Names of the frames that no method learned from: those without a target, else those held out, else all."""
    painted, unpainted = _frames(config.data)
    trained = read_values(next(iter(plans.values())).run / "data.json")
    return tuple((painted and unpainted) or trained["held_out"] or trained["frames"])
