"""Sizes of an ONNX graph's results, computed for a size of frame without running anything."""

import math
from dataclasses import dataclass

CPP_ERRORS = (RuntimeError, ValueError, IndexError, OverflowError, MemoryError)
"""What the exceptions of onnx's C++ become in Python; hostile graphs raise some that onnx itself does not catch."""
MAX_LIST = 4096
"""Numbers in a tensor of one dimension, which may be a shape; it has the size of the frame at most where it is none."""
ITEM_BYTES = {1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8}
"""onnx.TensorProto.DataType -> bytes of a value: float, uint8, int8, int32, int64, bool, float16, double."""


class GraphError(ValueError):
    """The file is not ONNX, or not a graph that may run; the message is a clause about "it"."""


@dataclass(frozen=True)
class Sizes:
    """Shapes and types of a graph's weights, inputs and results at one size of frame."""

    shapes: dict[str, list[int]]
    types: dict[str, int]
    """onnx.TensorProto.DataType of each."""

    def values(self, name: str) -> int:
        return math.prod(self.shapes[name])

    def bytes(self, name: str) -> int:
        return self.values(name) * ITEM_BYTES.get(self.types.get(name, 1), 8)


def infer_shapes(model, inputs: dict[str, int], output: str, height: int, width: int) -> dict[str, list[int]]:
    """The shapes of infer_sizes(), without those of weights."""
    shapes = infer_sizes(model, inputs, output, height, width).shapes
    weights = {tensor.name for tensor in model.graph.initializer}
    return {name: shape for name, shape in shapes.items() if name not in weights}


def infer_sizes(model, inputs: dict[str, int], output: str, height: int, width: int) -> Sizes:
    """Let ONNX compute the shapes of the inputs and of all results for a size of frame, without running anything.

    The arguments are those of check_graph(), which sees first that check_lists() agrees; results whose shape is not known before
    they run are left out. Raises GraphError.
    """
    shapes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for value in _inferred(model, inputs, height, width, follow_values=True):
        types[value.name] = value.type.tensor_type.elem_type
        shape = _shape(value)
        if shape is not None and None not in shape:
            shapes[value.name] = shape
    promised = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value  # 3 in all files
    if shapes.get(output) != [1, promised, height, width]:
        raise GraphError(f"at {width} x {height} pixels its output has the shape {shapes.get(output, 'unknown')}")
    return Sizes(shapes, types)


def check_lists(model, inputs: dict[str, int], height: int, width: int) -> None:
    """Check that no list of numbers (a tensor of one dimension) is long: ONNX follows each number, in case the list is a
    shape, which could take minutes and all memory. Raises GraphError.
    """
    for value in _inferred(model, inputs, height, width, follow_values=False):
        shape = _shape(value)
        if shape is None or shape == [None]:
            raise GraphError(f"the size of its intermediate result '{value.name}' is not known before it runs")
        if len(shape) == 1 and (shape[0] or 0) > MAX_LIST:
            raise GraphError(f"its intermediate result '{value.name}' is a list of {shape[0]} numbers, which is too long")


def _inferred(model, inputs: dict[str, int], height: int, width: int, follow_values: bool) -> list:
    """The onnx.ValueInfoProto of inputs, results and output at a size of frame; with the sizes that follow from the values of
    shapes, if these are followed. Raises GraphError."""
    import onnx

    probe = _outline(model)
    for value in probe.graph.input:
        if value.name in inputs:
            shape = value.type.tensor_type.shape
            for dim, side in zip(shape.dim, [1, inputs[value.name], height, width], strict=True):
                dim.dim_value = side
    probe.graph.output[0].type.tensor_type.ClearField("shape")
    try:
        graph = onnx.shape_inference.infer_shapes(probe, strict_mode=True, data_prop=follow_values).graph
    except (onnx.shape_inference.InferenceError, *CPP_ERRORS) as error:
        raise GraphError(f"the sizes in its graph contradict each other ({error})") from error
    return [*graph.input, *graph.value_info, *graph.output]


def _outline(model):
    """The model without what the file says of its own shapes, which counts for nothing, and without the values of its large
    weights, from which no shape follows."""
    import onnx

    outline = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    graph = outline.graph
    graph.name = model.graph.name
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    graph.output.extend(model.graph.output)
    for tensor in model.graph.initializer:
        if len(tensor.dims) > 1 and tensor.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
            graph.initializer.add(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        else:
            graph.initializer.append(tensor)
    return outline


def _shape(value) -> list[int | None] | None:
    """The shape of a value, None where it is not known, or for all of it."""
    if not value.type.tensor_type.HasField("shape"):
        return None
    dims = value.type.tensor_type.shape.dim
    sides = [dim.dim_value for dim in dims]
    if all(side > 0 for side in sides):
        return sides
    return [side if dim.HasField("dim_value") and side >= 0 else None for dim, side in zip(dims, sides, strict=True)]


def constants(model) -> dict:
    """The onnx.TensorProto of all weights, and of the operators Constant that hold one, by name."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            tensors[node.output[0]] = node.attribute[0].t
    return tensors


def constant_names(model) -> set[str]:
    """The names of weights and of all results that follow from weights alone."""
    names = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if names.issuperset(name for name in node.input if name):
            names.update(name for name in node.output if name)
    return names
