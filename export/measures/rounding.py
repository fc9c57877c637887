"""What a style loses where a GPU computes with 11 bits instead of 24, found on any machine by rounding inside its graph."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import NodeProto, helper, numpy_helper

from core import Generator, Style, load_style, stylize
from core.half import PREFIX, halved

from ..networks.encoding import encode

MULTIPLIES = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
"""Operators that TF32 is for; their sums stay in float32."""
SPLIT = 2.0**13 + 1
"""Veltkamp's constant that leaves 11 of 24 bits (Dekker 1971, section 5)."""


def tf32_difference(path: Path, passes: dict[str, np.ndarray]) -> float:
    """Largest difference of the log-encoded picture that a style file makes of a frame, if all that its convolutions multiply is
    first rounded to 11 bits, to the nearest, as TF32 and half floats hold. Both pictures come from the CPU.

    passes: as for core.stylize(). Raises StyleError, PassError, ProviderError.
    """
    return _difference(load_style(path), lambda style: _changed(style, round_factors), passes)


def half_difference(path: Path, passes: dict[str, np.ndarray]) -> float:
    """The same for a style in half precision, see core/half.py: all that is in float16 is rounded to that, and sums are not.

    passes: as for core.stylize(). Raises StyleError, PassError, ProviderError.
    """
    return _difference(load_style(path), lambda style: _changed(halved(style), round_halves), passes)


def _difference(style: Style, change: Callable[[Style], Style], passes: dict[str, np.ndarray]) -> float:
    exact, short = (encode(torch.from_numpy(stylize(Generator(s, "cpu"), passes)[..., :3])) for s in (style, change(style)))
    return (exact - short).abs().max().item()


def _changed(style: Style, change: Callable[[onnx.ModelProto], onnx.ModelProto]) -> Style:
    return replace(style, content=change(onnx.load_model_from_string(style.content)).SerializeToString())


def round_halves(model: onnx.ModelProto) -> onnx.ModelProto:
    """Have the graph of a halved() style compute in float32, and round each result that was in float16."""
    nodes = []
    for node in model.graph.node:
        name = node.output[0]
        if not name.startswith(PREFIX):
            nodes.append(node)
            continue
        exact, short = f"{name}.exact", f"{name}.short"
        if node.op_type != "Cast":
            node.output[0] = exact
            nodes.append(node)
        source = node.input[0] if node.op_type == "Cast" else exact
        nodes.append(helper.make_node("Cast", [source], [short], to=onnx.TensorProto.FLOAT16))
        nodes.append(helper.make_node("Cast", [short], [name], to=onnx.TensorProto.FLOAT))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def round_factors(model: onnx.ModelProto) -> onnx.ModelProto:
    """Have each convolution and matrix product of a graph take its first two inputs rounded to 11 bits."""
    model.graph.initializer.append(numpy_helper.from_array(np.float32(SPLIT), "split"))
    nodes, done = [], set()
    for node in model.graph.node:
        if node.op_type in MULTIPLIES:
            for position, name in enumerate(node.input[:2]):
                nodes += [] if name in done else _rounding(name)
                done.add(name)
                node.input[position] = f"{name}.rounded"
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _rounding(name: str) -> Iterator[NodeProto]:
    """The value rounded to 11 bits, by three float32 operations."""
    scaled, rest, rounded = (f"{name}.{part}" for part in ("scaled", "rest", "rounded"))
    yield helper.make_node("Mul", [name, "split"], [scaled])
    yield helper.make_node("Sub", [scaled, name], [rest])
    yield helper.make_node("Sub", [scaled, rest], [rounded])
