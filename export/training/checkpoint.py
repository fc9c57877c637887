"""Checkpoints: folders that appear whole or not at all, tensors as safetensors and everything else as JSON."""

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..settings import TrainerError


class CheckpointError(TrainerError):
    """There is no checkpoint, or it can't be read."""


def save_checkpoint(run: Path, step: int, tensors: dict[str, Tensor], state: dict, keep: int = 2) -> Path:
    """Write run/checkpoints/step_00001000 under another name, then rename it; then remove all but the newest `keep`.

    If the process is killed at any moment, the newest earlier checkpoint stays readable.
    """
    folder = run / "checkpoints"
    partial, final = folder / "partial", folder / f"step_{step:08d}"
    if final.exists():  # nothing happened since
        return final
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, partial / "tensors.safetensors")
    (partial / "state.json").write_text(json.dumps({"step": step, **state}, indent=2))
    os.rename(partial, final)
    for old in _checkpoints(run)[:-keep]:
        shutil.rmtree(old)
    return final


def _checkpoints(run: Path) -> list[Path]:
    return sorted((run / "checkpoints").glob("step_*"))


def load_checkpoint(run: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and state of a run's newest checkpoint. Raises CheckpointError."""
    folders = _checkpoints(run)
    if not folders:
        raise CheckpointError(f"The run {run} has no checkpoint yet.")
    try:
        state = json.loads((folders[-1] / "state.json").read_text())
        return load_file(folders[-1] / "tensors.safetensors"), state
    except (OSError, json.JSONDecodeError, SafetensorError) as error:
        problem = f"The checkpoint {folders[-1]} can't be read ({error}); delete it to use the one before."
        raise CheckpointError(problem) from error


def module_tensors(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def load_module(prefix: str, module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Raises CheckpointError if the tensors under the prefix are not exactly the module's."""
    own = {name.removeprefix(prefix + "."): t for name, t in tensors.items() if name.startswith(prefix + ".")}
    try:
        module.load_state_dict(own)
    except RuntimeError as error:
        raise CheckpointError(f"The checkpoint does not fit the {prefix} of its settings: {error}") from error


def optimizer_tensors(prefix: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's state as {"prefix.parameter index.key": tensor}."""
    entries = optimizer.state_dict()["state"].items()
    return {f"{prefix}.{index}.{key}": value for index, entry in entries for key, value in entry.items()}


def load_optimizer(prefix: str, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of optimizer_tensors(); moments get the memory layout of their parameters."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(prefix + "."):
            index, key = name.removeprefix(prefix + ".").split(".")
            parameter = parameters[int(index)]
            like = torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value.clone()
            state.setdefault(int(index), {})[key] = like
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
