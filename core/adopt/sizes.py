"""Which sizes a graph takes: shapes by inference, and sizes that were baked in or are computed while it runs made free."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..onnx_graph import CPP_ERRORS, GraphError
from ..receptive_field import SIZES
from .old_graphs import fold_constants, remove_unused, weights_of

OBSERVED = (192, 256)
"""Height and width at which computed sizes are observed; unequal, and multiples of what usual graphs need."""
VERIFIED = (128, 320)
MAX_VALUES = 4096
"""Numbers in all results together, for each number of the picture."""
END = np.iinfo(np.int32).max
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
TOLERANCE = 0.1
"""Mean difference, in parts of the answer's spread, that a picture may have from itself in a wallpaper of four."""

GLOBAL = {"Gemm", "GlobalAveragePool", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization", "MatMul", "Softmax"}
"""Operators that see the whole picture."""

BROADCASTING = {"Add", "Div", "Max", "Min", "Mul", "Sub"}
"""Operators that spread a result of sides of 1 over the other one."""

Run = Callable[[np.ndarray], np.ndarray]


def picture_shape(layout: str, height: int, width: int, channels: int) -> list[int]:
    """Of a tensor in a layout: letters of N, C, H and W."""
    return [{"N": 1, "C": channels, "H": height, "W": width}[axis] for axis in layout]


def set_shape(model, shape: Sequence[int | str]) -> None:
    """Give the model's one input a shape, in place; texts stand for any size."""
    model.graph.input[0].type.tensor_type.ClearField("shape")
    for side in shape:
        dim = model.graph.input[0].type.tensor_type.shape.dim.add()
        if isinstance(side, str):
            dim.dim_param = side
        else:
            dim.dim_value = side
    model.graph.output[0].type.tensor_type.ClearField("shape")


def shapes_at(model, shape: list[int]) -> dict[str, list[int]]:
    """The shapes of the results that can be known beforehand, for an input of a shape. Raises GraphError if they clash."""
    import onnx

    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    set_shape(probe, shape)
    for tensor in probe.graph.initializer:
        if len(tensor.dims) > 1:
            tensor.ClearField("raw_data")
    try:
        inferred = onnx.shape_inference.infer_shapes(probe, strict_mode=True, data_prop=True).graph
    except (onnx.shape_inference.InferenceError, *CPP_ERRORS) as error:
        raise GraphError(f"the sizes in its graph contradict each other ({error})") from error
    shapes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer} | {model.graph.input[0].name: shape}
    for value in (*inferred.value_info, *inferred.output):
        dims = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(dim.HasField("dim_value") for dim in dims):
            shapes[value.name] = [dim.dim_value for dim in dims]
    return shapes


def is_known(model, shape: list[int]) -> bool:
    """Whether all shapes are known before the graph runs."""
    shapes = shapes_at(model, shape)
    return all(name in shapes for node in model.graph.node for name in node.output if name)


def observe(model, shape: list[int]) -> dict[str, np.ndarray]:
    """The sizes that the graph computes for an input of a shape, by name, worked out from shapes alone: nothing is run.

    Raises GraphError if some can't be known without the picture, or what they make is more than a picture of that shape may take.
    """
    import onnx

    worked_out = onnx.ModelProto()
    worked_out.CopyFrom(model)
    names = {
        name
        for node in model.graph.node
        for index, name in enumerate(node.input)
        if name and index in SIZES.get(node.op_type, ())
    }
    while True:
        shapes = shapes_at(worked_out, shape)
        known = [node for node in worked_out.graph.node if node.op_type == "Shape" and node.input[0] in shapes]
        if not known:
            break
        for node in known:
            given = {attribute.name: attribute.i for attribute in node.attribute}
            sides = np.array(shapes[node.input[0]][given.get("start", 0) : given.get("end", END)], np.int64)
            worked_out.graph.initializer.append(onnx.numpy_helper.from_array(sides, node.output[0]))
            worked_out.graph.node.remove(node)
        fold_constants(worked_out)
    results = [name for node in worked_out.graph.node for name in node.output if name]
    weights = weights_of(worked_out)
    if not all(name in shapes for name in results) or not names <= weights.keys():
        raise GraphError("it computes sizes while it runs that can't be known beforehand; export it again with fixed sizes")
    if sum(math.prod(shapes[name]) for name in results) > MAX_VALUES * math.prod(shape):
        raise GraphError("its intermediate results are too large for its picture")
    return {name: weights[name] for name in names}


def set_sizes(model, sizes: dict[str, np.ndarray]) -> None:
    """Put sizes, by name, in the place of those that the graph computes; in place."""
    import onnx

    present = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if index in SIZES.get(node.op_type, ()) and name in sizes and name not in present:
                node.input[index] = f"{name}/observed"
    model.graph.initializer.extend(onnx.numpy_helper.from_array(value, f"{name}/observed") for name, value in sizes.items())
    fold_constants(model)
    remove_unused(model)


def unbake(model, shape: list[int]) -> None:
    """Say, in place, the sizes in Reshape, Resize, Slice and Expand by what they are to their inputs, as far as can be told.

    shape: of the input for which they were baked in.
    """
    import onnx

    weights, shapes = weights_of(model), shapes_at(model, shape)

    def replace(node, index: int, value: np.ndarray) -> None:
        tensor = onnx.numpy_helper.from_array(value, f"{node.output[0]}/free{index}")
        model.graph.initializer.append(tensor)
        node.input[index] = tensor.name

    for node in list(model.graph.node):
        taken, given = shapes.get(node.input[0] if node.input else ""), shapes.get(node.output[0])
        if taken is None or given is None:
            continue
        if node.op_type == "Reshape" and node.input[1] in weights:
            replace(node, 1, np.array(_free_target(taken, given), np.int64))
        elif node.op_type == "Resize" and len(node.input) > 3 and node.input[3] in weights and len(taken) == len(given):
            scales = np.array([new / max(old, 1) for new, old in zip(given, taken, strict=True)], np.float32)
            del node.input[3:]
            node.input[1] = ""
            replace(node, 2, scales)
        elif node.op_type == "Slice" and all(name in weights for name in node.input[1:] if name):
            axes = weights[node.input[3]] if len(node.input) > 3 and node.input[3] else range(len(taken))
            ends = [_free_end(int(end), taken[axis]) for end, axis in zip(weights[node.input[2]], axes, strict=False)]
            replace(node, 2, np.array(ends, np.int64))
        elif node.op_type == "Expand" and node.input[1] in weights and _is_spread_anyway(model, node, shapes):
            node.CopyFrom(onnx.helper.make_node("Identity", node.input[:1], node.output))
        elif node.op_type == "ConvTranspose" and any(attribute.name == "output_shape" for attribute in node.attribute):
            _free_output_shape(node, shapes.get(node.input[1]), taken, given)
    _depth_to_space(model, shapes)
    remove_unused(model)


def _is_spread_anyway(model, expand, shapes: dict[str, list[int]]) -> bool:
    """Whether all that read an Expand spread what it gives over another result of that size, as its input would be, too."""
    given = shapes[expand.output[0]]
    expanded = {node.output[0] for node in model.graph.node if node.op_type == "Expand"}
    readers = [node for node in model.graph.node if expand.output[0] in node.input]
    return all(
        node.op_type in BROADCASTING and any(shapes.get(name) == given for name in node.input if name not in expanded)
        for node in readers
    )


def _free_target(taken: list[int], given: list[int]) -> list[int]:
    """A target of Reshape: 0 for sides that stay, -1 for the largest of the others."""
    target = [0 if index < len(taken) and side == taken[index] else side for index, side in enumerate(given)]
    changed = [index for index, side in enumerate(target) if side > 0]
    if changed:
        target[max(changed, key=lambda index: target[index])] = -1
    return target


def _free_end(end: int, side: int) -> int:
    """The end of a Slice, counted from the end of an axis where it lies nearer to that."""
    if end >= side:
        return END
    return end - side if 2 * end > side > 4 else end


def _free_output_shape(node, kernel: list[int] | None, taken: list[int], given: list[int]) -> None:
    """The output_shape of a ConvTranspose, said by paddings as its definition says (ONNX Operators, ConvTranspose)."""
    import onnx

    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    sides = len(taken) - 2
    strides, dilations = (attributes.get(key, [1] * sides) for key in ("strides", "dilations"))
    lengths = attributes.get("kernel_shape") or (kernel or [])[2:]
    pads, further = [0] * (2 * sides), [0] * sides
    for side, (stride, dilation, length) in enumerate(zip(strides, dilations, lengths, strict=True)):
        total = stride * (taken[side + 2] - 1) + (length - 1) * dilation + 1 - given[side + 2]
        further[side] = max(-total, 0)
        half, upper = max(total, 0) // 2, attributes.get("auto_pad") == b"SAME_UPPER"
        pads[side], pads[side + sides] = (half, max(total, 0) - half) if upper else (max(total, 0) - half, half)
    for attribute in [a for a in node.attribute if a.name in ("output_shape", "auto_pad", "pads", "output_padding")]:
        node.attribute.remove(attribute)
    node.attribute.extend([onnx.helper.make_attribute("pads", pads), onnx.helper.make_attribute("output_padding", further)])


def _depth_to_space(model, shapes: dict[str, list[int]]) -> None:
    """Reshape, Transpose and Reshape that lay channels out as pixels, as PyTorch exports PixelShuffle, become DepthToSpace."""
    import onnx

    users = {}
    for node in model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    for first in [node for node in model.graph.node if node.op_type == "Reshape"]:
        cut, second = shapes.get(first.output[0], []), users.get(first.output[0], [])
        if len(cut) != 6 or len(second) != 1 or second[0].op_type != "Transpose" or cut[2] != cut[3]:
            continue
        third = users.get(second[0].output[0], [])
        order = list(second[0].attribute[0].ints) if second[0].attribute else []
        if order != [0, 1, 4, 2, 5, 3] or len(third) != 1 or third[0].op_type != "Reshape":
            continue
        shuffle = onnx.helper.make_node("DepthToSpace", [first.input[0]], [third[0].output[0]], blocksize=cut[2], mode="CRD")
        third[0].CopyFrom(shuffle)


def multiple_of(model, layout: str, channels: int) -> int:
    """The least number of whose multiples the frame's sides may be, whichever they are.

    Raises GraphError if there is none up to the largest of MULTIPLES.
    """
    for multiple in MULTIPLES:
        sides = [
            (multiple * rows, multiple * columns) for rows, columns in ((-(-64 // multiple) | 1, (96 // multiple) | 1), (128, 65))
        ]
        if len({_scale(model, layout, channels, *size) for size in sides}) == 1 and _scale(model, layout, channels, *sides[0]):
            return multiple
    answer = shapes_at(model, picture_shape(layout, *OBSERVED, channels)).get(model.graph.output[0].name)
    shape = "of no known size" if answer is None else " x ".join(map(str, answer))
    raise GraphError(
        f"its answer to a picture of {OBSERVED[1]} x {OBSERVED[0]} pixels is {shape}, which is no picture of that size or 2 to 4 "
        "times that; if it takes one size only, give it with --size"
    )


def _scale(model, layout: str, channels: int, height: int, width: int) -> int:
    """How many times the sides of the answer are those of the input; 0 if they are no multiple."""
    try:
        answer = shapes_at(model, picture_shape(layout, height, width, channels)).get(model.graph.output[0].name)
    except GraphError:
        return 0
    return scale_of(layout, answer, height, width)


def scale_of(layout: str, answer: list[int] | None, height: int, width: int) -> int:
    if answer is None or len(answer) != len(layout):
        return 0
    rows, columns = answer[layout.index("H")], answer[layout.index("W")]
    whole = rows % height == 0 and columns % width == 0 and rows // height == columns // width
    return rows // height if whole else 0


def keeps_picture(fixed: Run, free: Run, picture: np.ndarray, layout: str) -> bool:
    """Whether a graph made free gives what the fixed one gave, and the same again for each of four copies of the picture.

    The second finds sizes that hide in its numbers, such as a mean that divides by the pixels it was exported for.
    picture: the model's input, in its range and with edges that meet.
    """
    wanted = fixed(picture)
    spread = max(float(wanted.std()), 1e-6)
    if np.abs(free(picture) - wanted).mean() > 1e-3 * spread:
        return False
    repeats = [2 if axis in "HW" else 1 for axis in layout]
    wallpaper = free(np.tile(picture, repeats))
    if list(wallpaper.shape) != [side * repeat for side, repeat in zip(wanted.shape, repeats, strict=True)]:
        return False
    sides = zip(layout, wanted.shape, strict=True)
    inner = tuple(slice(side // 4, side // 2) if axis in "HW" else slice(None) for axis, side in sides)
    return bool(np.abs(wallpaper[inner] - wanted[inner]).mean() < TOLERANCE * spread)


def takes_statistics(model, shape: list[int]) -> bool:
    """Whether a graph takes statistics of the whole picture, so that its tiles would not match."""
    shapes = shapes_at(model, shape)

    def small(name: str) -> bool:
        return name in shapes and math.prod(shapes[name]) * 64 <= math.prod(shape)

    shrinks = [n for n in model.graph.node if n.op_type.startswith("Reduce") and small(n.output[0]) and not small(n.input[0])]
    return bool(shrinks) or any(node.op_type in GLOBAL for node in model.graph.node)
