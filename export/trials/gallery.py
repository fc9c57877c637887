"""The gallery: what the shipped styles make of shots that none of them saw, film strips of these, and a table of scores."""

import json
import logging
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image
from tabulate import tabulate
from tqdm import tqdm

from core import PassError, ProviderError, StyleError, load_style
from core.style import SHIPPED

from ..frames.frame_store import digest
from ..frames.sources import read_frames, rendered
from ..measures.cost import CostError, frame_cost
from ..settings import TrainerError, setting
from ..training.preview import to_srgb
from .evaluate import make_folder, numerics, painter, score_card, style_file, write_card
from .score_sheet import SCORES
from .scoring import Footage, Painter, Perception, picture_tensor, score
from .strength import mixed, strength_as_true

log = logging.getLogger(__name__)

STRIP, PER_LINE = 8, 4
"""Frames of a film strip, and of each of its lines."""
GAP, QUALITY = 8, 88
"""White pixels between pictures, and the quality of the JPEG files."""
COLUMNS = (
    "sliced_wasserstein",
    "gram_gabor",
    "ms_ssim",
    "edge_agreement",
    "psnr",
    "ssim",
    "warping_ratio",
    "seconds",
    "peak_megabytes",
    "file_megabytes",
)
AHEAD = ("sliced_wasserstein", "gram_gabor", "ms_ssim", "edge_agreement")
"""The scores of style and content, in which a style should be better than its baselines ..."""
STEADY = 1.5
"""... and the warping error, against the plain frames', that it should not exceed."""
AS_TRUE = "as true as {}"
"""Row of a style mixed in just so far that its MS-SSIM equals a baseline's, for a fair comparison of the other scores."""


class GalleryError(TrainerError):
    """The styles or the frames can't be used, or the pictures can't be written."""


@dataclass(frozen=True)
class GalleryConfig:
    """Settings of `gallery`."""

    data: Path = setting(
        Path("datasets/gallery"),
        "folder with rendered frames in input/, and in looks/STYLE, made by paint --into, the frames that the look painted",
    )
    styles: tuple[Path, ...] = setting((), "style files; none: all that ship")
    baselines: tuple[Path, ...] = setting((), "runs or style files to score beside the styles, each named STYLE_METHOD")
    out: Path = setting(
        Path("export/gallery"),
        "folder for STYLE.jpg, STYLE_strip.jpg and scores.json; what is scored there "
        "is scored again only if its files have changed",
    )
    frames: tuple[str, ...] = setting(("*",), "names of the frames to score, or patterns (market_*)")
    strip: str = setting("market_*", "pattern of frame names; the film strip shows the first frames that fit")
    stills: Path | None = setting(None, "folder with rendered frames in input/ that STYLE.jpg shows; none: those of data")
    card: bool = setting(False, "write the scores into the style files, as their score cards")


def gallery(config: GalleryConfig) -> str:
    """Write pictures and scores of all styles; returns the table of the scores as Markdown.

    STYLE.jpg has a line for each shot, its middle frame plain and stylised, at their own size; STYLE_strip.jpg the middle
    quarter of frames in a row. Both show scene-linear pictures as sRGB, clipped at 1. Raises TrainerError.
    """
    styles = {path.stem: path for path in config.styles or sorted(SHIPPED.glob("*.onnx"))}
    baselines = _baselines(config.baselines, styles)
    make_folder(config.out)
    try:
        _write_pictures(config, styles)
        scores = _scores(config, styles, baselines)
    except (StyleError, PassError, ProviderError) as error:
        raise GalleryError(f"The frames of {config.data} can't be stylised: {error}") from error
    for entry in scores.values():
        for sentence in shortcomings(entry["rows"]):
            log.info("%s %s.", entry["name"], sentence)
    return table(scores)


def _baselines(paths: Iterable[Path], styles: dict[str, Path]) -> dict[str, dict[str, Path]]:
    """{style: {method: file or run}}; where several style names fit, the longest counts. Raises GalleryError."""
    found = {name: {} for name in styles}
    for path in paths:
        if not path.exists():
            raise GalleryError(f"There is no baseline {path}.")
        fitting = [name for name in styles if path.stem.startswith(f"{name}_")]
        if fitting:
            name = max(fitting, key=len)
            found[name][path.stem.removeprefix(f"{name}_")] = path
        else:
            log.warning("%s is left out: its name begins with that of no style here.", path)
    return found


def _write_pictures(config: GalleryConfig, styles: dict[str, Path]) -> None:
    """STYLE.jpg and STYLE_strip.jpg; each frame is read once for all styles. Raises GalleryError."""
    files, frames = rendered(config.data), rendered(config.stills or config.data)
    shots = [list(names) for _, names in groupby(frames, lambda name: name.rpartition("_")[0])]
    stills = [frames[names[len(names) // 2]] for names in shots]
    strip = [file for name, file in files.items() if fnmatch(name, config.strip)][:STRIP]
    if not strip:
        raise GalleryError(f"No frame in {config.data / 'input'} fits {config.strip}.")
    painters: dict[str, Painter] = {"": lambda passes: passes["image"]}
    painters |= {name: painter(path) for name, path in styles.items()}
    shown = {name: {} for name in painters}
    for file in tqdm(sorted({*stills, *strip}), desc="gallery", unit="frame"):
        _, passes = next(read_frames(file))
        for name, paint in painters.items():
            shown[name][file] = to_srgb(picture_tensor(paint(passes)[..., :3])[0])
    plain = shown.pop("")
    for name, pictures in shown.items():
        _save(page([picture[still] for still in stills for picture in (plain, pictures)], 2), config.out / f"{name}.jpg")
        _save(page([middle(pictures[file]) for file in strip], PER_LINE), config.out / f"{name}_strip.jpg")


def middle(picture: np.ndarray) -> np.ndarray:
    """The middle of a picture, half as wide and half as high, pixel by pixel."""
    height, width = picture.shape[:2]
    return picture[height // 4 : height // 4 + height // 2, width // 4 : width // 4 + width // 2]


def page(pictures: Sequence[np.ndarray], per_line: int) -> Image.Image:
    """Pictures (H, W, 3) of 8 bits, all of one size, in lines from left to right on white."""
    height, width = (side + GAP for side in pictures[0].shape[:2])
    columns, lines = min(per_line, len(pictures)), -(-len(pictures) // per_line)
    sheet = Image.new("RGB", (columns * width - GAP, lines * height - GAP), "white")
    for number, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(picture), (number % per_line * width, number // per_line * height))
    return sheet


def _save(sheet: Image.Image, path: Path) -> None:
    try:
        sheet.save(path, quality=QUALITY)
    except OSError as error:
        raise GalleryError(f"{path} can't be written ({error.strerror}).") from error


def _scores(config: GalleryConfig, styles: dict[str, Path], baselines: dict[str, dict[str, Path]]) -> dict[str, dict]:
    """{style: {"name", "frames", "rows": {"style", its baselines, "plain", "target": {score: value}}, "state"}}, as kept in
    scores.json from one call to the next; styles without painted frames are left out with a warning. Raises TrainerError."""
    path, scores = config.out / "scores.json", {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise GalleryError(f"{path} can't be read ({error}); delete it, and all is scored again.") from error
    for name, style in styles.items():
        data = config.data / "looks" / name
        if not (data / "target").is_dir():
            log.warning(
                "No scores of %s: let its look paint the frames, by paint --data %s --look %s --into %s.",
                name,
                config.data,
                name,
                data,
            )
            continue
        footage, entry = Footage(data, config.frames), kept.get(name, {})
        state = _state(style, baselines[name], footage)
        if entry.get("state") != state:
            rows = _rows(footage, {"style": style, **baselines[name]})
            entry = {"name": load_style(style).name, "frames": footage.names, "rows": rows, "state": state}
        if config.card:
            _put_card(style, config.data.name, entry)
            entry["state"] = _state(style, baselines[name], footage)  # the style file has changed
        scores[name] = entry
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(kept | scores, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, path)
    return scores


def _put_card(path: Path, data: str, entry: dict) -> None:
    """Write scores into a style file unless they are in it."""
    card = score_card(data, entry["frames"], entry["rows"]["style"])
    if not card.items() <= load_style(path).score_card.items():
        write_card(path, card)


def _state(style: Path, baselines: dict[str, Path], footage: Footage) -> str:
    """Changes with the files that scores depend on."""
    runs = [file for path in baselines.values() for file in (sorted(path.rglob("*.safetensors")) if path.is_dir() else [path])]
    stats = ((path.name, path.stat()) for path in (style, *runs, *footage.files.values(), *footage.looks))
    return digest([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


def _rows(footage: Footage, paths: dict[str, Path]) -> dict[str, dict[str, float]]:
    """The scores of styles and runs on the frames, beside those of the plain frames and the targets, and what they cost."""
    with ExitStack() as stack:
        files = {row: stack.enter_context(style_file(path)) for row, path in paths.items()}
        painters, strengths = {row: painter(file) for row, file in files.items()}, {}
        for method in (row for row in files if row != "style"):
            if (strength := strength_as_true(footage, painters["style"], painters[method])) is not None:
                strengths[AS_TRUE.format(method)] = strength
        weaker = {row: mixed(painters["style"], strength) for row, strength in strengths.items()}
        rows, _ = score(footage, painters | weaker, Perception())
        for row, strength in strengths.items():
            rows[row]["strength"] = strength
        for row, file in files.items():
            rows[row] |= numerics(file, footage) | {"file_megabytes": file.stat().st_size / 1e6}
            try:
                rows[row] |= frame_cost(file)
            except CostError as error:  # no reason to lose the scores
                log.warning("%s", error)
    return rows


def shortcomings(rows: dict[str, dict[str, float]]) -> list[str]:
    """Where a style falls short: it should be better than its baselines in style and content, and steady.

    Where a baseline is truer to the frame, it is compared with the style at the strength at which that is as true.
    """
    sentences = []
    for method in _methods(rows):
        own = rows.get(AS_TRUE.format(method), rows["style"])
        worse = [
            SCORES[name].label
            for name in AHEAD
            if name in own
            and name in rows[method]
            and not (name == "ms_ssim" and "strength" in own)
            and (own[name] - rows[method][name]) * (-1 if SCORES[name].better == "less" else 1) <= 0
        ]
        where = f" at strength {own['strength']:.2f}, where it is as true" if "strength" in own else ""
        sentences += [f"is not ahead of {method} in {', '.join(worse)}{where}"] if worse else []
    if (ratio := rows["style"].get("warping_ratio", 0)) > STEADY:
        sentences.append(f"swims or flickers: its warping error is {ratio:.2f} times the plain frames'")
    return sentences


def table(scores: dict[str, dict]) -> str:
    """What scores.json holds as Markdown: a line for each style, below it its baselines, the targets and the plain frames."""
    labels = {name: f"{SCORES[name].label} ({SCORES[name].better})" for name in COLUMNS if name in SCORES}
    forms = {name: SCORES[name].format for name in labels} | {"file_megabytes": ".1f"}
    lines = []
    for entry in scores.values():
        weaker = {
            row: f"at strength {values['strength']:.2f}, {row}" for row, values in entry["rows"].items() if "strength" in values
        }
        titles = {
            "style": f"**{entry['name']}**",
            **weaker,
            **{method: method for method in _methods(entry["rows"])},
            "target": "the look itself",
            "plain": "plain frames",
        }
        for row, title in titles.items():
            values = entry["rows"].get(row, {})
            lines.append([title, *(format(values[name], forms[name]) if name in values else "" for name in COLUMNS)])
    return tabulate(
        lines,
        ["", *labels.values(), "file MB (less)"],
        tablefmt="pipe",
        disable_numparse=True,
        colalign=["left", *["right"] * len(COLUMNS)],
    )


def _methods(rows: dict[str, dict]) -> list[str]:
    """The rows of baselines."""
    return [row for row in rows if row not in ("style", "plain", "target") and "strength" not in rows[row]]
