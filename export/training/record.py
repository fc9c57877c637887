"""What a style file says about its training, and how its weights are named."""

from dataclasses import fields
from pathlib import Path

import torch

from ..config import TrainConfig
from ..settings import read_values, to_values

HALF = ".half"
"""Ending of the names of weights that are stored as float16 and cast to the name before it."""


def training_record(run: Path, trained: TrainConfig, state: dict) -> dict:
    """What made the style: the command with every setting that is not the default, the frames, the steps, and, as "earlier", the
    records of the trainings that it went on from, the first one first; as "changes" what it was resumed with; of mode exemplar
    the pictures, and the network that knows pictures. state: the newest checkpoint's.
    """
    data = read_values(run / "data.json")
    words = ["python -m export train"]
    for f in fields(trained):
        value = to_values(trained)[f.name]
        if getattr(trained, f.name) != f.default and f.name != "resume":
            shown = " ".join(map(_name, value)) if isinstance(value, list) else _name(value)
            flag = f.name.replace("_", "-")
            words.append(f"--{flag} {shown}" if not isinstance(value, bool) else f"--{flag}" if value else f"--no-{flag}")
    return {
        "command": " ".join(words),
        "steps": state["step"],
        "minutes": round(state["seconds"] / 60, 1),
        "seed": trained.seed,
        "pytorch": torch.__version__,
        "frames": len(data["frames"]),
        "held_out": data["held_out"],
        **{key: data[key] for key in ("exemplars", "features", "changes", "earlier") if data.get(key)},
    }


def _name(value: object) -> str:
    """A setting's value as text; of a file anywhere on this machine its name alone."""
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else str(value)
