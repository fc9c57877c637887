"""From the folder of a training to its next run: one that goes on, one that begins where another ended, or a fresh one."""

import argparse
import hashlib
import json
import shlex
import shutil
from dataclasses import dataclass, fields
from pathlib import Path

from core.exr import ExrError
from core.frame import check_frame
from core.layers import LayerError
from core.media import EXR, PICTURES
from core.passes import PassError
from core.training import INPUT, LOOK, MASK, TARGET, TrainingSettings, replace_text

from ..config import TrainConfig, resumed_config, run_config, train_config
from ..frames.sources import find_files
from ..modes import MODE_DEFAULTS
from ..settings import ConfigError, TrainerError, add_arguments, explicit_values
from ..training.dataset import MOTION, next_name

USUAL = {"painted": ("depth", "normal"), "picture": MODE_DEFAULTS["exemplar"]["passes"][1:]}
"""Passes that help, by what is taught from."""
ENDLESS = 10_000_000
"""Steps: the minutes end a run."""
CHECKPOINT_SECONDS = 10.0
"""The most that a kill may cost."""
SHEET_SECONDS = 30.0
KEPT_RUNS = 3
CONTENT = "content.json"
"""In a run: the digest of what it learns from."""
ARCHITECTURE = (
    "passes", "guide", "matte", "knob", "looks", "generator", "gate", "smooth", "noise", "noise_everywhere", "black", "dodge",
    "grain", "fine", "swatches", "stroke_strength",
)  # fmt: skip
"""The settings that decide, besides the widths, whether weights fit."""


class FolderError(TrainerError):
    """The folder of a training lacks something to learn from."""


@dataclass(frozen=True)
class NextRun:
    """What to train now."""

    config: TrainConfig
    content: str
    """Digest of what it learns from."""
    how: str
    """A sentence about what happens."""


def next_run(folder: Path, settings: TrainingSettings, machine: dict) -> NextRun:
    """What the settings ask for, after the runs that are there.

    The same frames and settings: the last run goes on if it was stopped. Otherwise a new one begins with the weights of the last
    if they fit. machine: settings of the trainer that say where it runs. Raises TrainerError.
    """
    values = _values(folder, settings) | machine
    content = content_of(folder, settings.teach)
    runs = runs_in(folder)
    number = 1 + max((int(run.name.removeprefix("run_")) for run in runs), default=0)
    fresh = train_config(values | {"run": folder / f"run_{number:04d}"})
    last = next((run for run in reversed(runs) if last_state(run)), None)
    if last is None:
        return NextRun(fresh, content, "Training from nothing.")
    before = run_config(last)
    if _content_of_run(last) == content and not _differing(before, fresh) and is_unfinished(last, fresh.minutes):
        free = {f.name for f in fields(TrainConfig) if f.metadata.get("free")} & values.keys()
        going_on = resumed_config({"run": last, "resume": True} | {name: values[name] for name in free})
        return NextRun(going_on, content, "Going on where it was stopped.")
    leaner = _can_be_cut(before, fresh)
    if (before.widths == fresh.widths or leaner) and all(getattr(before, n) == getattr(fresh, n) for n in ARCHITECTURE):
        how = f"Going on from what was learned{', in a smaller network' if leaner else ''}."
        return NextRun(train_config(values | {"run": fresh.run, "start_from": last}), content, how)
    return NextRun(fresh, content, "Training from nothing, as other settings make another network.")


def note_content(run: NextRun) -> None:
    """Remember what a run learns from, once its folder is there; remove the runs before the last few."""
    replace_text(run.config.run / CONTENT, json.dumps(run.content))
    for old in runs_in(run.config.run.parent)[:-KEPT_RUNS]:
        shutil.rmtree(old, ignore_errors=True)


def runs_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("run_*") if path.name.removeprefix("run_").isdecimal() and path.is_dir())


def content_of(folder: Path, teach: str) -> str:
    """Digest of what is learned from: names and sizes of the frames; contents of what was painted, of masks and pictures."""
    digest = hashlib.sha256(teach.encode())
    files = [p for name in (INPUT, "guides") for p in sorted((folder / name).rglob("*")) if p.is_file()]
    frames = [(p.relative_to(folder).as_posix(), p.stat().st_size) for p in files]
    digest.update(json.dumps(frames).encode())
    for name in (TARGET, MASK) if teach == "painted" else (LOOK,):
        for path in sorted(p for p in (folder / name).glob("*") if p.is_file() and not p.name.startswith(".")):
            digest.update(f"{name}/{path.name}".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _values(folder: Path, settings: TrainingSettings) -> dict:
    """The trainer's settings. Raises FolderError, ConfigError."""
    inputs = _files(folder / INPUT, "Render frames first: there are none")
    there = _passes(inputs[0])
    values = {
        "data": folder,
        "minutes": settings.minutes,
        "size": settings.size,
        "passes": ("image", *(settings.passes or (name for name in USUAL[settings.teach] if name in there))),
        "steps": ENDLESS,
        "checkpoint_seconds": CHECKPOINT_SECONDS,
        "preview_seconds": SHEET_SECONDS,
        "preview_every": ENDLESS,
    }
    names = {path.stem for path in inputs}
    if settings.teach == "painted":
        painted = {path.stem for path in _files(folder / TARGET, "Paint a frame first: there is none")}
        if strangers := sorted(painted - names):
            raise FolderError(f"The painted frame {strangers[0]} is not among the rendered ones; give it the name of its frame.")
        values |= {"mode": "keyframes"}
        moving = any(next_name(a) in names and {a, next_name(a)} & painted for a in names)
    else:
        pictures = _files(folder / LOOK, "Choose a picture of the look first: there is none")
        values |= {"mode": "exemplar", "exemplar": tuple(pictures), "brush": settings.brush}
        values |= {"keep_colours": settings.keep_colours}
        values |= {} if "position" in values["passes"] else {"noise_everywhere": True}
        moving = any(next_name(name) in names for name in names)
    if settings.steadiness and moving and set(MOTION) <= there:
        values["weight_temporal"] = settings.steadiness
    return values | _further(settings.further)


def _files(folder: Path, lacking: str) -> list[Path]:
    """The pictures in a folder. Raises FolderError."""
    files = [path for path in find_files(folder, []) if path.suffix.lower() in EXR | PICTURES] if folder.is_dir() else []
    if not files:
        raise FolderError(f"{lacking} in {folder}.")
    return files


def _passes(path: Path) -> set[str]:
    """The passes of a rendered frame besides the image. Raises FolderError."""
    if path.suffix.lower() not in EXR:
        return set()
    try:
        return set(check_frame(path, None)[0].passes) - {"image"}
    except (ExrError, LayerError, PassError) as error:
        raise FolderError(str(error)) from error


class _Parser(argparse.ArgumentParser):
    """Raises ConfigError instead of ending the process."""

    def error(self, message: str) -> None:
        raise ConfigError(f"The further settings can't be used: {message}.")


def _further(text: str) -> dict:
    """Settings as on the command line. Raises ConfigError."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    add_arguments(parser, TrainConfig)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"The further settings can't be used: {error}.") from error
    return explicit_values(TrainConfig, parser.parse_args(words))


def _differing(before: TrainConfig, now: TrainConfig) -> list[str]:
    """What speaks against going on with a run."""
    besides = {f.name for f in fields(TrainConfig) if f.metadata.get("free")} | {"run", "start_from", "steps"}
    return [f.name for f in fields(TrainConfig) if f.name not in besides and getattr(before, f.name) != getattr(now, f.name)]


def _can_be_cut(before: TrainConfig, now: TrainConfig) -> bool:
    """Whether what a run learned fits a smaller network of another (see training/prune.py)."""
    prunable = before.generator in ("cnn", "resnet") and len(before.widths) == len(now.widths)
    return prunable and before.widths != now.widths and all(a >= b for a, b in zip(before.widths, now.widths, strict=True))


def last_state(run: Path) -> dict:
    """Step and seconds of a run's newest checkpoint; {} without one."""
    states = sorted(run.glob("checkpoints/step_*/state.json"))
    return json.loads(states[-1].read_text()) if states else {}


def is_unfinished(run: Path, minutes: float) -> bool:
    return last_state(run)["seconds"] < 60 * minutes


def _content_of_run(run: Path) -> str:
    path = run / CONTENT
    return json.loads(path.read_text()) if path.is_file() else ""
