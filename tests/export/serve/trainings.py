"""A training's folder for tests, of four small frames, the first one painted; settings that make it quick."""

from dataclasses import replace
from pathlib import Path

from core.training import TrainingSettings, write_settings

from ..paired_frames import write_paired_frames

QUICK = "--widths 16 16 1 1 --crop 32 --batch 1 --discriminator-channels 8 --discriminator-layers 2 --log-every 1"
SETTINGS = TrainingSettings(name="Ink", minutes=10.0, passes=("normal",), further=QUICK)


def make_training(folder: Path, **changes: object) -> Path:
    write_paired_frames(folder)
    for number in (2, 3, 4):
        (folder / "target" / f"shot_{number:04d}.exr").rename(folder / f"painted_{number:04d}.exr")
    write_settings(folder, replace(SETTINGS, **changes))
    return folder


def paint(folder: Path, number: int) -> None:
    (folder / f"painted_{number:04d}.exr").rename(folder / "target" / f"shot_{number:04d}.exr")
