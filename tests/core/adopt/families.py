"""Small networks in the manner of public ones: they give back their picture, but with the traits that hosts stumble over."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.adopt.wrap import RANGES

Nodes = list[tuple]
"""(operator, inputs, outputs, attributes); numbers and arrays among the inputs become weights."""


def model(
    nodes: Nodes,
    shape: list,
    answer: list,
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
    inputs: dict[str, list] | None = None,
    outputs: tuple[str, ...] = (),
    weights_as_inputs: bool = False,
):
    """A model from "x" to "y". inputs: shapes of further ones. outputs: names of further ones."""
    made, tensors = [], []
    for operator, taken, given, attributes in nodes:
        names = []
        for value in taken:
            if not isinstance(value, str):
                tensors.append(numpy_helper.from_array(np.asarray(value), f"w{len(tensors)}"))
                value = tensors[-1].name
            names.append(value)
        made.append(helper.make_node(operator, names, given, **attributes))
    values = [helper.make_tensor_value_info("x", kind, shape)]
    values += [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name, sides in (inputs or {}).items()]
    if weights_as_inputs:
        values += [helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in tensors]
    results = [helper.make_tensor_value_info("y", kind, answer)]
    results += [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(made, "foreign", values, results, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3 if opset < 9 else 8)


def save(path: Path, built) -> Path:
    onnx.save_model(built, str(path))
    return path


def identity(channels: int = 3, side: int = 1, scale: np.ndarray | float = 1.0) -> np.ndarray:
    """Weights of a convolution that multiplies each channel."""
    weights = np.zeros((channels, channels, side, side), np.float32)
    weights[np.arange(channels), np.arange(channels), side // 2, side // 2] = scale
    return weights


def soft_contrast(range_in: str, range_out: str, nhwc: bool = False):
    """3 u^2 - 2 u^3 of display values u, with the ranges hidden in convolutions; any other range gives a garish picture."""
    (mean_in, deviation_in), (mean_out, deviation_out) = RANGES[range_in], RANGES[range_out]
    nodes = [
        ("Conv", ["t" if nhwc else "x", identity(scale=deviation_in), mean_in], ["u"], {}),
        ("Mul", ["u", "u"], ["u2"], {}),
        ("Mul", ["u2", "u"], ["u3"], {}),
        ("Conv", ["u2", identity(scale=3.0)], ["a"], {}),
        ("Conv", ["u3", identity(scale=2.0)], ["b"], {}),
        ("Sub", ["a", "b"], ["s"], {}),
        ("Conv", ["s", identity(scale=1 / deviation_out), -mean_out / deviation_out], ["c" if nhwc else "y"], {}),
    ]
    if not nhwc:
        return model(nodes, ["n", 3, "h", "w"], ["n", 3, "h", "w"])
    turned = [("Transpose", ["x"], ["t"], {"perm": [0, 3, 1, 2]}), *nodes, ("Transpose", ["c"], ["y"], {"perm": [0, 2, 3, 1]})]
    return model(turned, [1, "h", "w", 3], [1, "h", "w", 3])


def fast_neural_style(opset: int, size: int | str = 64):
    """0..255, InstanceNormalization, half the size inside, enlarged as each operator set did it; the picture goes around it."""
    enlarge = {
        6: ("Upsample", ["n"], ["u"], {"height_scale": 2.0, "width_scale": 2.0, "mode": "nearest"}),
        7: ("Upsample", ["n"], ["u"], {"scales": [1.0, 1.0, 2.0, 2.0], "mode": "nearest"}),
        9: ("Upsample", ["n", np.float32([1, 1, 2, 2])], ["u"], {"mode": "nearest"}),
        10: ("Resize", ["n", np.float32([1, 1, 2, 2])], ["u"], {"mode": "nearest"}),
        11: ("Resize", ["n", np.zeros(0, np.float32), np.float32([1, 1, 2, 2])], ["u"], {"mode": "nearest"}),
    }
    border = [0, 0, 1, 1, 0, 0, 1, 1]
    if opset < 11:
        pad = ("Pad", ["x"], ["p"], {"mode": "reflect", "pads": border})
        clip = ("Clip", ["s"], ["y"], {"min": 0.0, "max": 255.0})
    else:
        pad = ("Pad", ["x", np.array(border)], ["p"], {"mode": "reflect"})
        clip = ("Clip", ["s", np.float32(0), np.float32(255)], ["y"], {})
    shift = {"broadcast": 1, "axis": 1} if opset == 6 else {}
    nothing = np.zeros(3 if opset == 6 else (3, 1, 1), np.float32)
    nodes = [
        pad,
        ("Conv", ["p", identity(side=3)], ["c"], {"strides": [2, 2], "kernel_shape": [3, 3]}),
        ("InstanceNormalization", ["c", np.zeros(3, np.float32), np.zeros(3, np.float32)], ["n"], {}),
        enlarge[max(version for version in enlarge if version <= opset)],
        ("Add", ["u", nothing], ["v"], shift),
        ("Add", ["v", "x"], ["s"], {}),
        clip,
    ]
    return model(nodes, [1, 3, size, size], [1, 3, size, size], opset, weights_as_inputs=opset < 9)
