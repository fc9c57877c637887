"""First weights from what was trained before: the newest checkpoint of a run, or a style file."""

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from core.style import Style, StyleError, load_style
from core.webgpu import LANES

from ..config import TrainConfig, run_config
from ..networks.generators import Residual
from ..networks.guided import GuidedGenerator
from ..networks.pens import LAID
from ..settings import TrainerError
from .checkpoint import load_checkpoint
from .prune import pruned
from .record import HALF, training_record

log = logging.getLogger(__name__)


class StartError(TrainerError):
    """The weights to start from can't be read or belong to another architecture."""


@dataclass(frozen=True)
class Start:
    """What a run or a style file gives to a run that goes on from it."""

    passes: tuple[str, ...]
    weights: dict[str, Tensor]
    """Weights of the generator; of a run, the averaged ones."""
    architecture: str
    """The settings that made it."""
    record: dict
    """How it was trained, as in a style file's contract."""
    judging: dict[str, Tensor] = field(default_factory=dict)
    """Weights of the discriminator; a style file holds none."""
    controls: tuple[str, ...] = ()
    """Names of what the artist sets, in order."""


def start_from(
    path: Path, generator: GuidedGenerator, discriminator: nn.Module, frames: Iterable[dict[str, Tensor]] = ()
) -> list[dict]:
    """Give the generator the weights of a style file (.onnx) or of a run (a folder); returns the records of the trainings behind
    them, the first one first.

    The generator may see more passes, listed after the earlier ones, and may have controls, gates and tones, which they need not
    have: all start without effect, or, as for the gate of the image and for tones, nearly so. It may have strokes, which take the
    place of noise that the earlier one saw, or dabs, which take that of strokes. It may have fewer residual blocks:
    those with the largest weights stay; and fewer channels: those stay that carry most over the frames, each by what the
    generator takes, (1, c, H, W), read only then (see prune.py).
    A run's discriminator comes along if it is built alike (Mo et al. 2020, section 3), else the new one starts afresh.
    Raises StartError naming what differs, CheckpointError and ConfigError for a run that can't be read.
    """
    start = _read_style(path) if path.suffix == ".onnx" else _read_run(path)
    passes, found = start.passes, start.weights
    if passes != generator.passes[: len(passes)]:
        raise StartError(
            f"{path} takes the passes {' '.join(passes)}, not {' '.join(generator.passes)}; "
            f"give --passes {' '.join(passes)}, with more after them if you like, or leave --start-from out."
        )
    found = _unpadded(found, generator.state_dict())
    if generator.dabs:
        found = _without_gate(_without_strokes(found, generator), generator)
    if generator.directions and "pens.weight" not in found:
        found = _with_strokes(found, passes, generator)
    if generator.pens:
        found = _with_pens(found, generator)
    if passes != generator.passes and not (generator.noise and "position" in passes):  # where noise may stand in its place
        found = _widened(found, generator.state_dict())
    found = _with_controls(found, start.controls, generator)
    if generator.gate:
        found = _with_gates(found, generator)
    if generator.swatches:  # cut from today's frames
        found |= generator.swatches.state_dict(prefix="swatches.")
    thin = _thinned(found, generator)
    found = pruned(thin, generator, frames)
    if found is not thin:
        log.info("%s has more channels than this generator: those that carry least are left out.", path)
    if differing := _differences(found, generator.state_dict()):
        shown = "; ".join(differing[:4]) + (f"; and {len(differing) - 4} more" if len(differing) > 4 else "")
        raise StartError(
            f"The weights of {path} do not fit this generator: {shown}. Give the architecture that it has ({start.architecture})."
        )
    generator.load_state_dict(found)
    alike = not _differences(start.judging, discriminator.state_dict())
    if alike:
        discriminator.load_state_dict(start.judging)
    log.info("Starting from %s; the discriminator %s.", path, "comes along" if alike else "starts afresh")
    own = {name: value for name, value in start.record.items() if name != "earlier"}
    return [*start.record.get("earlier", []), own]


def _read_run(path: Path) -> Start:
    trained = run_config(path)
    tensors, state = load_checkpoint(path)
    weights, judging = (
        {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
        for prefix in ("ema.", "discriminator.")
    )
    widths = f"--widths {' '.join(map(str, trained.widths))}" if trained.widths else f"--size {trained.size}"
    architecture = f"--generator {trained.generator} {widths}"
    return Start(trained.passes, weights, architecture, training_record(path, trained, state), judging, _names(trained))


def _read_style(path: Path) -> Start:
    """Raises StartError."""
    try:
        style = load_style(path)
    except StyleError as error:
        raise StartError(str(error)) from error
    graph = onnx.load_model_from_string(style.content).graph
    stored = {t.name.removesuffix(HALF): onnx.numpy_helper.to_array(t) for t in graph.initializer}
    weights = {
        name: torch.from_numpy(array.astype(np.float32)) for name, array in stored.items() if name.endswith((".weight", ".bias"))
    }
    for node in graph.node:  # equal biases, as of convolutions whose results are added, are stored once
        if node.op_type == "Conv" and len(node.input) == 3 and node.input[2] in weights:
            weights.setdefault(node.input[1].removesuffix(".weight") + ".bias", weights[node.input[2]])
    architecture = f"made by: {style.training.get('command', 'unknown')}"
    return Start(style.passes, weights, architecture, style.training, controls=_names(style))


def _unpadded(found: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights without the input channels that count for nothing in a style file (see core.webgpu.pad_channels())."""
    narrow = dict(found)
    for name, weight in found.items():
        extra = weight.shape[1] - own[name].shape[1] if name in own and weight.ndim == own[name].ndim == 4 else 0
        if 0 < extra < LANES and not weight[:, -extra:].any():
            narrow[name] = weight[:, :-extra]
    return narrow


def _widened(found: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights with zeros for the input channels that our convolutions have on top, such as the one that sees the passes."""
    wide = dict(found)
    for name, weight in found.items():
        extra = own[name].shape[1] - weight.shape[1] if name in own and weight.ndim == own[name].ndim == 4 else 0
        if extra > 0:
            wide[name] = torch.cat([weight, weight.new_zeros(len(weight), extra, *weight.shape[2:])], 1)
    return wide


def _with_strokes(found: dict[str, Tensor], passes: tuple[str, ...], generator: GuidedGenerator) -> dict[str, Tensor]:
    """The weights, of a generator that saw these passes, with zeros for strokes. If ours has no noise, with what both see and
    zeros for all else; noise that stands between passes, where the position did, is not told apart."""
    own, wide = generator.state_dict(), dict(found)
    both = sum(p.input_channels for p in generator.inputs if p.name in passes and p.name != "position")
    for name, weight in found.items():
        if name not in own or weight.ndim != 4 or own[name].shape[1] != generator.in_channels or "position" in passes[:-1]:
            continue
        kept = weight if generator.noise else weight[:, :both]
        missing = generator.in_channels - kept.shape[1]  # none, if a style file's padding has left zeros for them
        wide[name] = torch.cat([kept, weight.new_zeros(len(weight), missing, *weight.shape[2:])], 1)
    return wide


def _without_strokes(found: dict[str, Tensor], generator: GuidedGenerator) -> dict[str, Tensor]:
    """The weights, where dabs come in the place of strokes, without what saw these, the last of all, and without their pens."""
    own, narrow = generator.state_dict(), dict(found)
    for name, weight in found.items():
        if name in own and weight.ndim == 4 and own[name].shape[1] == generator.in_channels < weight.shape[1]:
            narrow = {key: t for key, t in found.items() if not key.startswith("pens.")}
            return narrow | {name: weight[:, : generator.in_channels]}
    return narrow


def _without_gate(found: dict[str, Tensor], generator: GuidedGenerator) -> dict[str, Tensor]:
    """The weights without the image's gate, the first of the tail's outputs after colour, which a generator with dabs lacks."""
    narrow = dict(found)
    for name, own in generator.tail.state_dict(prefix="tail.").items():
        part = len(own) // generator.out_channels
        if name in found and len(found[name]) == len(own) + part:
            narrow[name] = torch.cat([found[name][: 3 * part], found[name][4 * part :]])
    return narrow


def _with_pens(found: dict[str, Tensor], generator: GuidedGenerator) -> dict[str, Tensor]:
    """The weights with pens as they begin, if these are what they lack: those for tones, which come first, those for lines of the
    geometry, which come last, or all."""
    wide, lacking, lines = dict(found), 4 * generator.tones, len(LAID["outlined"]) * bool(generator.outlined)
    narrower = found["tail.weight"].shape[1] - generator.tail.weight.shape[1] if "tail.weight" in found else 0
    for name, own in generator.pens.state_dict(prefix="pens.").items():
        if own.ndim == 4 and narrower > 0:  # pens take channels that pruned() has yet to choose
            own = torch.cat([own, own.new_zeros(len(own), narrower, *own.shape[2:])], 1)
        if name not in found:
            wide[name] = own
        elif lacking and len(found[name]) + lacking == len(own):
            wide[name] = torch.cat([own[:lacking], found[name]])
        elif lines and len(found[name]) + lines == len(own):
            wide[name] = torch.cat([found[name], own[-lines:]])
    return wide


def _names(made: TrainConfig | Style) -> tuple[str, ...]:
    return tuple(control.name for control in made.controls)


def _with_controls(found: dict[str, Tensor], known: tuple[str, ...], generator: GuidedGenerator) -> dict[str, Tensor]:
    """The weights, of a generator with controls of these names, in the order of ours and with zeros for those it lacks; those
    that ours leaves out stay in the middle of their range, where their planes are zero."""
    own, wide = generator.state_dict(), dict(found)
    names, known = ([n for n in of if n not in generator.unseen] for of in ([c.name for c in generator.controls], known))
    missing = len(names) - len(known)
    for name, weight in found.items() if set(known) <= set(names) or set(names) <= set(known) else ():
        if name in own and weight.ndim == 4 and own[name].shape[1] == generator.in_channels == weight.shape[1] + missing:
            noise = generator.noise_channels if "position" not in generator.passes else 0
            after = noise + generator.grain_channels + generator.directions  # these come last of all
            *before, end = weight.split([weight.shape[1] - len(known) - after, *(1 for _ in known), after], 1)
            planes = dict(zip(known, before[1:], strict=True))
            nothing = torch.zeros_like(weight[:, :1])
            wide[name] = torch.cat([before[0], *(planes.get(control, nothing) for control in names), end], 1)
    return wide | {name: t for name, t in own.items() if name.startswith("bends.") and name not in found}


def _with_gates(found: dict[str, Tensor], generator: GuidedGenerator) -> dict[str, Tensor]:
    """The weights with zeros for the gates, the last channels of the tail's output, that they do not have."""
    wide = dict(found)
    for name, own in generator.tail.state_dict(prefix="tail.").items():
        channels = len(found.get(name, ())) * generator.out_channels / len(own)
        if channels in (3, 4) and channels < generator.out_channels:
            wide[name] = torch.cat([found[name], own.new_zeros(len(own) - len(found[name]), *found[name].shape[1:])])
    return wide


def _thinned(found: dict[str, Tensor], generator: GuidedGenerator) -> dict[str, Tensor]:
    """The weights without the residual blocks that a stack has beyond ours: those with the smallest weights, which change the
    picture least (as Li et al. 2017 choose filters)."""
    thin = dict(found)
    for stack, blocks in generator.named_children():
        if not (isinstance(blocks, nn.Sequential) and all(isinstance(block, Residual) for block in blocks)):
            continue
        parts: dict[int, dict[str, Tensor]] = {}
        for name in found:
            if name.startswith(f"{stack}."):
                number, part = name.removeprefix(f"{stack}.").split(".", 1)
                parts.setdefault(int(number), {})[part] = thin.pop(name)
        staying = sorted(sorted(parts, key=lambda number: _size(parts[number]))[-len(blocks) :])
        for place, number in enumerate(staying):
            thin |= {f"{stack}.{place}.{part}": weight for part, weight in parts[number].items()}
    return thin


def _size(block: dict[str, Tensor]) -> float:
    """How much the convolutions of a block can change, one after the other."""
    return math.prod(weight.norm().item() for weight in block.values() if weight.ndim == 4)


def _differences(found: dict[str, Tensor], own: dict[str, Tensor]) -> list[str]:
    """What differs in names and shapes, as clauses."""

    def shape(tensors: dict[str, Tensor], name: str) -> str:
        return " x ".join(map(str, tensors[name].shape)) if name in tensors else "missing"

    names = [*own, *(name for name in found if name not in own)]
    return [
        f"{name} is {shape(found, name)} there and {shape(own, name)} here"
        for name in names
        if shape(found, name) != shape(own, name)
    ]
