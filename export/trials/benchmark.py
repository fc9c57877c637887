"""Trains our defaults and re-implementations of published methods on the same frames for the same time, and scores them all."""

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from core import PassError, ProviderError, StyleError, load_style
from core.colour import decode_srgb

from ..config import UNPAIRED, ExportConfig, TrainConfig, train_config
from ..export_onnx import export
from ..frames.sources import find_files
from ..measures.cost import CostError, frame_cost
from ..networks.encoding import encode, shown
from ..networks.perceptual import load_features
from ..settings import TrainerError, from_values, read_values, setting
from ..training.checkpoint import load_checkpoint
from ..training.pictures import Look
from ..training.teacher import SMALLEST, Teacher, Teaching
from ..training.train import train
from . import score_sheet
from .evaluate import make_folder, numerics, open_perception, painter, write_scores
from .scoring import Footage, Painter, picture_tensor, score

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
EXEMPLAR = {
    "ours_exemplar": {"mode": "exemplar"},
    # Johnson et al. 2016: their network and losses, by the features that ours learns by. Unlike theirs: crops, batch and schedule
    # are ours, which suit short runs; losses are relative to the look's and the frame's features; no total variation.
    "fast_neural_style": {
        "mode": "exemplar",
        "generator": "transformer",
        "passes": ("image",),
        "noise": 0,
        "noise_everywhere": False,
        "gate": False,
        "weight_adversarial": 0.0,
        "weight_tones": 0.0,
        "weight_content": 1.0,
        "weight_style": 10.0,
        "style_distance": "gram",
        "learning_rate": 1e-3,
        "betas": (0.9, 0.999),
        "ema": 0.0,
    },
}
"""Those that learn from pictures alone."""
PER_FRAME = "per_frame"
"""The row that learns nothing: each scored frame is optimised for its share of the minutes (training/teacher.py)."""
METHODS = OURS | PUBLISHED | PROJECTED | EXEMPLAR
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
    seed: int = setting(0, "seed of every method")
    device: str = setting("auto", "where to train and to run the styles", choices=("auto", "cpu", "cuda"))

    def __post_init__(self):
        if self.minutes <= 0:
            raise BenchmarkError(f"The setting minutes must be above 0, not {self.minutes:g}.")
        by_pictures = (*EXEMPLAR, PER_FRAME)
        if wrong := [name for name in self.methods if (name in by_pictures) != bool(self.exemplar)]:
            needs = (
                "learns from painted frames, and can't go with" if self.exemplar else "learns from pictures of a look, and needs"
            )
            raise BenchmarkError(f"The method {wrong[0]} {needs} exemplar; the methods that do are {', '.join(by_pictures)}.")

    @property
    def rows(self) -> tuple[str, ...]:
        """The methods that are asked for."""
        return self.methods or ((*EXEMPLAR, PER_FRAME) if self.exemplar else tuple(OURS | PUBLISHED))


def benchmark(config: BenchmarkConfig) -> dict[str, dict[str, float]]:
    """Train each method and score all beside the plain frames and the targets: {row: {score: mean over the scored frames}}.

    Writes scores.json, with what each method was trained by, and scores.png. Raises TrainerError; what is done so far is kept.
    """
    perception = open_perception(config.vgg_weights, config.inception_weights, config.lpips_weights)
    make_folder(config.out)
    plans = {name: _plan(name, config) for name in config.rows if name != PER_FRAME}
    styles = {name: _style(plan, config.out / f"{name}.onnx") for name, plan in plans.items()}
    look = Look(config.exemplar, config.brush, SMALLEST, True) if config.exemplar else None
    footage = Footage(
        config.truth or config.data,
        _judging(config, plans),
        looks=_as_large_as_judged(look, config.out / "look") if look else (),
    )
    try:
        painters = {name: painter(style, config.device) for name, style in styles.items()}
        if PER_FRAME in config.rows:
            painters[PER_FRAME] = _optimiser(look, 60 * config.minutes / len(footage.names))
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
