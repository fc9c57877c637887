"""Fixes the statistics that a graph takes of each picture to those of some frames: no flicker of exposure, and exact tiles.

InstanceNormalization becomes BatchNormalization (Ulyanov, Vedaldi and Lempitsky 2016 made the one of the other), and means and
other reductions over the whole picture become constants.
"""

import math
from collections.abc import Sequence

import numpy as np

from ..onnx_graph import GraphError
from ..runtime import open_model
from ..tiles import round_up
from .old_graphs import fold_constants, remove_unused
from .sizes import shapes_at

SMALL = 64
"""A result with so many times fewer numbers than the picture has pixels is no picture any more."""
PROBE = 256


def freeze(model, frames: Sequence[np.ndarray], multiple: int):
    """A copy of a wrapped model whose statistics are those of frames, (H, W, 4) each, premultiplied scene-linear Rec.709.

    Of several frames, means are averaged, and variances get that of the means on top. Raises GraphError if there is nothing to
    fix, StyleError if the model can't run on a frame.
    """
    import onnx

    norms, reductions = _statistics(model, round_up(PROBE, multiple))
    if not norms and not reductions:
        raise GraphError("it takes no statistics of the picture, so that there is nothing to freeze")
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    taps = [name for node, rank in norms for name in _tap(probe, node, rank)] + [node.output[0] for node in reductions]
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in taps)
    run = open_model(probe)
    measured = [run({"image": _tensor(frame, multiple)}, taps) for frame in frames]
    found = {name: np.stack([answers[index] for answers in measured]) for index, name in enumerate(taps)}
    frozen = onnx.ModelProto()
    frozen.CopyFrom(model)
    _replace(frozen, norms, reductions, found)
    fold_constants(frozen)
    remove_unused(frozen)
    return frozen


def _statistics(model, side: int) -> tuple[list[tuple], list]:
    """The nodes that take statistics: (InstanceNormalization, rank of its input), and reductions of a picture to few numbers."""
    shapes = shapes_at(model, [1, 3, side, side])
    norms, reductions = [], []
    for node in model.graph.node:
        taken, given = shapes.get(node.input[0] if node.input else ""), shapes.get(node.output[0])
        if node.op_type == "InstanceNormalization" and taken is not None:
            norms.append((node, len(taken)))
        elif taken is None or given is None or not node.op_type.startswith(("Reduce", "Global")):
            continue
        elif math.prod(given) * SMALL <= math.prod(taken):
            reductions.append(node)
    return norms, reductions


def _tap(probe, node, rank: int) -> tuple[str, str]:
    """Let the probe give the mean and the variance of each channel of a normalisation's input."""
    import onnx

    mean, variance = _names(node)
    axes = onnx.numpy_helper.from_array(np.arange(2, rank), f"{mean}/axes")
    probe.graph.initializer.append(axes)
    probe.graph.node.extend(
        [
            onnx.helper.make_node("ReduceMean", [node.input[0], axes.name], [mean], keepdims=1),
            onnx.helper.make_node("Sub", [node.input[0], mean], [f"{mean}/apart"]),
            onnx.helper.make_node("Mul", [f"{mean}/apart", f"{mean}/apart"], [f"{mean}/squares"]),
            onnx.helper.make_node("ReduceMean", [f"{mean}/squares", axes.name], [variance], keepdims=1),
        ]
    )
    return mean, variance


def _names(node) -> tuple[str, str]:
    return f"{node.output[0]}/mean", f"{node.output[0]}/variance"


def _replace(frozen, norms: list[tuple], reductions: list, found: dict[str, np.ndarray]) -> None:
    import onnx

    def add(name: str, value: np.ndarray) -> str:
        frozen.graph.initializer.append(onnx.numpy_helper.from_array(value.astype(np.float32), name))
        return name

    by_result = {node.output[0]: node for node in frozen.graph.node}
    for node, _ in norms:
        means, variances = (found[name].reshape(len(found[name]), -1) for name in _names(node))
        mean, variance = _names(node)
        inputs = [*node.input, add(mean, means.mean(0)), add(variance, variances.mean(0) + means.var(0))]
        epsilon = next((attribute.f for attribute in node.attribute if attribute.name == "epsilon"), 1e-5)
        by_result[node.output[0]].CopyFrom(
            onnx.helper.make_node("BatchNormalization", inputs, list(node.output), epsilon=epsilon)
        )
    for node in reductions:
        frozen.graph.node.remove(by_result[node.output[0]])
        add(node.output[0], found[node.output[0]].mean(0))


def _tensor(frame: np.ndarray, multiple: int) -> np.ndarray:
    """(1, 3, H, W) as stylize() gives it to a graph."""
    alpha = frame[..., 3:]
    straight = np.nan_to_num(frame[..., :3] / np.where(alpha > 0, alpha, 1))
    height, width = frame.shape[:2]
    borders = (0, round_up(height, multiple) - height), (0, round_up(width, multiple) - width), (0, 0)
    return np.ascontiguousarray(np.pad(straight, borders, "edge").transpose(2, 0, 1)[None], np.float32)
