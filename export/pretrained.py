"""First weights from what was trained before: the newest checkpoint of a run, or a style file."""

import logging
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from core.style import StyleError, load_style

from .checkpoint import load_checkpoint
from .config import TrainConfig
from .export_onnx import HALF
from .generators import GuidedGenerator
from .settings import TrainerError, from_values, read_values

log = logging.getLogger(__name__)


class StartError(TrainerError):
    """The weights to start from can't be read or belong to another architecture."""


def start_from(path: Path, generator: GuidedGenerator, discriminator: nn.Module) -> None:
    """Give the generator the weights of a style file (.onnx), or the averaged ones of a run (a folder).

    The generator may see more passes than they did, after theirs, and have a gate: those start without effect, the gate almost.
    A run's discriminator comes along if it is built alike (Mo et al. 2020, section 3), else the new one starts afresh.
    Raises StartError naming what differs, CheckpointError and ConfigError for a run that can't be read.
    """
    passes, found, judging, origin = _read_style(path) if path.suffix == ".onnx" else _read_run(path)
    if passes != generator.passes[: len(passes)]:
        raise StartError(f"{path} takes the passes {' '.join(passes)}, not {' '.join(generator.passes)}; "
                         f"give --passes {' '.join(passes)}, with more after them if you like, or leave --start-from out.")
    if passes != generator.passes and not (generator.noise and "position" in passes):  # where noise may stand in its place
        found = _widened(found, generator.state_dict())
    if generator.gate:
        found = _with_gate(found, generator.state_dict())
    if differing := _differences(found, generator.state_dict()):
        shown = "; ".join(differing[:4]) + (f"; and {len(differing) - 4} more" if len(differing) > 4 else "")
        raise StartError(f"The weights of {path} do not fit this generator: {shown}. "
                         f"Give the architecture that it has ({origin}).")
    generator.load_state_dict(found)
    alike = not _differences(judging, discriminator.state_dict())
    if alike:
        discriminator.load_state_dict(judging)
    log.info("Starting from %s; the discriminator %s.", path, "comes along" if alike else "starts afresh")


def _read_run(path: Path) -> tuple[tuple[str, ...], dict[str, Tensor], dict[str, Tensor], str]:
    """(passes, weights of the averaged generator, those of the discriminator, the settings that made them) of a run."""
    trained = from_values(TrainConfig, read_values(path / "config.json"))
    tensors, _ = load_checkpoint(path)
    found, judging = ({name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
                      for prefix in ("ema.", "discriminator."))
    widths = f"--widths {' '.join(map(str, trained.widths))}" if trained.widths else f"--size {trained.size}"
    return trained.passes, found, judging, f"--generator {trained.generator} {widths}"


def _read_style(path: Path) -> tuple[tuple[str, ...], dict[str, Tensor], dict[str, Tensor], str]:
    """As _read_run(), of a style file, which holds no discriminator. Raises StartError."""
    try:
        style = load_style(path)
    except StyleError as error:
        raise StartError(str(error)) from error
    graph = onnx.load_model(str(path), load_external_data=False).graph
    stored = {t.name.removesuffix(HALF): onnx.numpy_helper.to_array(t) for t in graph.initializer}
    found = {name: torch.from_numpy(array.astype(np.float32)) for name, array in stored.items()
             if name.endswith((".weight", ".bias"))}
    return style.passes, found, {}, f"made by: {style.training.get('command', 'unknown')}"


def _widened(found: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights with zeros for the input channels that a convolution of ours has more, as the one that sees the passes does."""
    wide = dict(found)
    for name, weight in found.items():
        extra = own[name].shape[1] - weight.shape[1] if name in own and weight.ndim == own[name].ndim == 4 else 0
        if extra > 0:
            wide[name] = torch.cat([weight, weight.new_zeros(len(weight), extra, *weight.shape[2:])], 1)
    return wide


def _with_gate(found: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights with zeros for the gate, the last quarter of the tail's output, if they have none."""
    tail = {name: t for name, t in found.items() if name.startswith("tail.") and name in own and len(own[name]) * 3 == len(t) * 4}
    return found | {name: torch.cat([t, t.new_zeros(len(t) // 3, *t.shape[1:])]) for name, t in tail.items()}


def _differences(found: dict[str, Tensor], own: dict[str, Tensor]) -> list[str]:
    """What differs in names and shapes, as clauses."""
    def shape(tensors: dict[str, Tensor], name: str) -> str:
        return " x ".join(map(str, tensors[name].shape)) if name in tensors else "missing"

    names = [*own, *(name for name in found if name not in own)]
    return [f"{name} is {shape(found, name)} there and {shape(own, name)} here" for name in names
            if shape(found, name) != shape(own, name)]
