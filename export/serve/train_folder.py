"""Trains the folder of a training: `train --training FOLDER`, and with --serve for somebody at the other end of the pipes."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import torch
from filelock import FileLock, Timeout

from core.training import LINES, LOCK, PROTOCOL, TrainingFolderError, TrainingSettings, read_settings, style_file

from ..settings import TrainerError, setting
from ..training.train import train
from .folder import FolderError, is_unfinished, next_run
from .live import LiveStyle
from .reporter import Reporter
from .talk import Commands, Voice

log = logging.getLogger(__name__)

NICE = 10
"""How much the trainer stands back behind what an artist does, on systems that count so."""


@dataclass(frozen=True)
class TrainFolderConfig:
    """Settings of `train --training`."""

    training: Path = setting(help="folder of a training, as the add-on makes it: input/, target/ or look/, training.json")
    minutes: float = setting(0.0, "length of a run; 0: what training.json says")
    device: str = setting("auto", "where to train", choices=("auto", "cpu", "cuda"))
    threads: int = setting(0, "CPU threads, 0 for one per core")
    serve: bool = setting(
        False,
        "say on stdout what happens, a line of JSON each, and take commands from stdin; its end stops the training. "
        "Otherwise the lines go to lines.jsonl in the folder",
    )


def train_folder(config: TrainFolderConfig) -> None:
    """Train until the minutes are over or somebody stops it; changed frames begin another run with what was learned.

    Raises TrainerError, after it has been said.
    """
    folder = config.training
    if not folder.is_dir():
        raise FolderError(f"There is no folder {folder}.")
    psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else NICE)
    with _alone(folder), _voice(folder, config.serve) as voice:
        voice.say("hello", protocol=PROTOCOL, pid=os.getpid(), pytorch=torch.__version__, time=time.time())
        try:
            outcome = _train(config, voice)
        except TrainerError as error:
            voice.say("error", message=str(error))
            raise
        voice.say("end", outcome=outcome)
        log.info("The training in %s has %s.", folder, outcome)


def _train(config: TrainFolderConfig, voice: Voice) -> str:
    """ "finished" or "stopped". Raises TrainerError."""
    folder = config.training
    commands = Commands(folder, sys.stdin if config.serve else None)
    machine = {"device": config.device, "threads": config.threads}
    while True:
        settings = _settings(config)
        run = next_run(folder, settings, machine)
        voice.say("note", text=run.how, mode=run.config.mode, passes=list(run.config.passes), run=run.config.run.name)
        live = LiveStyle(style_file(folder, settings.name))
        reporter = Reporter(folder, run, lambda: _settings(config), voice, commands, live)
        train(run.config, reporter)
        reporter.finish()
        if not reporter.changed:
            return "stopped" if is_unfinished(run.config.run, settings.minutes) else "finished"


def _settings(config: TrainFolderConfig) -> TrainingSettings:
    """Raises FolderError."""
    try:
        settings = read_settings(config.training)
    except TrainingFolderError as error:
        raise FolderError(str(error)) from error
    return replace(settings, minutes=config.minutes) if config.minutes else settings


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which the system takes back however the process ends. Raises FolderError if another holds it."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FolderError(f"Another trainer works on {folder} already.") from error
    except OSError as error:
        raise FolderError(f"The folder {folder} can't be written ({error.strerror}).") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _voice(folder: Path, serve: bool) -> Iterator[Voice]:
    """Says lines on stdout, where from now on nothing else comes through, or into the folder's file of lines."""
    if not serve:
        with open(folder / LINES, "a", encoding="utf-8") as file:
            yield Voice(file)
        return
    own = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    out = open(own, "w", encoding="utf-8", closefd=False)  # noqa: SIM115, closing may fail
    try:
        yield Voice(out)
    finally:
        with suppress(OSError):  # lines that nobody was there to read
            out.close()
        os.dup2(own, sys.stdout.fileno())
        os.close(own)
