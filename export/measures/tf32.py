"""What a style loses where a GPU multiplies with 11 bits instead of 24, found on any machine by rounding inside its graph."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from onnx import NodeProto, helper, numpy_helper

from core import Generator, load_style, stylize

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
    with TemporaryDirectory() as folder:
        rounded = Path(folder) / "rounded.onnx"
        onnx.save_model(round_factors(onnx.load_model(str(path))), str(rounded))
        exact, short = (
            encode(torch.from_numpy(stylize(Generator(load_style(file), "cpu"), passes)[..., :3])) for file in (path, rounded)
        )
    return (exact - short).abs().max().item()


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
