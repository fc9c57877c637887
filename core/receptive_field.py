"""The receptive field of a graph, computed from its operators: which input pixels an output pixel depends on.

From the output back to the inputs, each operator is asked which of its input's pixels a range of its output's pixels needs
(Araujo, Norris and Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks"; here for each pixel of a step, so
that the answer is exact where strides and enlargements meet). An operator that is not known to keep to a range sees everything.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace

import numpy as np

from .onnx_sizes import constants, infer_sizes

SIDE = 2**8 * 3 * 5 * 7
"""Side of the frames whose shapes are compared; divisible by the steps of usual graphs."""
MAX_STEP = 256
FIRST_OPSET = 13
"""Softmax and Resize meant something else in earlier operator sets, whose graphs count as seeing everything."""
SIZES = {
    "ConstantOfShape": {0}, "Expand": {1}, "Pad": {1, 3}, "Reshape": {1}, "Resize": {1, 2, 3}, "Slice": {1, 2, 3, 4},
    "Squeeze": {1}, "Tile": {1}, "Unsqueeze": {1},
}  # fmt: skip
"""Operator -> its inputs that give sizes and positions instead of pixels."""
UNIFORM = {"ConstantOfShape", "Expand"}
"""Operators whose result may grow with the frame though nothing of what they read does: it is the same all along."""
MIXES = {"Concat": 0, "Gather": 0, "Softmax": -1, "Split": 0}
"""Operators that mix or choose along their attribute `axis`, with its default."""

Span = tuple[np.ndarray, np.ndarray]
"""First and last pixel (both included, as floats) that each output pixel of a step depends on, the frame's borders apart."""


@dataclass(frozen=True)
class ReceptiveField:
    radius: int | None
    """How many pixels away, at most, an input pixel can lie that changes an output pixel; None if any may."""
    step: int
    """A multiple of the alignment: a frame that is moved by so many pixels gives the same picture, moved by as many."""


@dataclass(frozen=True)
class Axis:
    """The axis of a tensor that one side of the frame runs along."""

    shape: list[int]
    index: int
    longer: int
    """Its length when that side of the frame is twice as long."""

    @property
    def length(self) -> int:
        return self.shape[self.index]

    @property
    def inner(self) -> int:
        """Values between two neighbours of the axis in memory."""
        return math.prod(self.shape[self.index + 1 :])

    def aligned(self, other: "Axis") -> bool:
        """Whether broadcasting lays the axes upon each other, and they have the same length."""
        same = (self.length, self.longer) == (other.length, other.longer)
        return same and self.index - len(self.shape) == other.index - len(other.shape)


def receptive_field(model, inputs: dict[str, int], output: str, alignment: int) -> ReceptiveField:
    """The receptive field of a graph that check_graph() has accepted; the arguments are the same.

    Raises GraphError if the graph can't take frames of other sizes.
    """
    everything = ReceptiveField(None, alignment)
    if any(opset.version < FIRST_OPSET for opset in model.opset_import):
        return everything
    side = math.lcm(SIDE, alignment)
    sides = ((side, side), (2 * side, side), (side, 2 * side))
    shapes, taller, wider = (infer_sizes(model, inputs, output, *size).shapes for size in sides)
    rows = {name: axis for name, shape in shapes.items() if (axis := _axis(shape, taller[name], wider[name]))}
    columns = {name: axis for name, shape in shapes.items() if (axis := _axis(shape, wider[name], taller[name]))}
    step = alignment
    for axis in (*rows.values(), *columns.values()):
        step = math.lcm(step, Fraction(axis.longer - axis.length, side).denominator)
    if step > MAX_STEP:
        return everything
    weights = _weights(model)
    operators = [_operator(node, weights) for node in model.graph.node]
    radius = 0.0
    for axes, longer in ((rows, taller), (columns, wider)):
        growing = {name for name, shape in shapes.items() if longer[name] != shape}
        radius = max(radius, _radius(operators, set(inputs), output, axes, growing, step))
    return ReceptiveField(int(radius), step) if math.isfinite(radius) else everything


def _axis(shape: list[int], longer: list[int], crosswise: list[int]) -> Axis | None:
    """The axis that grows with one side of the frame, None if there is not exactly one or it grows with the other side too."""
    changed = [index for index, length in enumerate(shape) if longer[index] != length]
    if len(changed) != 1 or crosswise[changed[0]] != shape[changed[0]]:
        return None
    return Axis(shape, changed[0], longer[changed[0]])


def _radius(
    operators: list[SimpleNamespace], inputs: set[str], output: str, axes: dict[str, Axis], growing: set[str], step: int
) -> float:
    """How far an output pixel sees along one side of the frame; infinite if it may see everything.

    growing: the results that are longer where that side is.
    """
    pixels = np.arange(step, dtype=float)
    everything = pixels - np.inf, pixels + np.inf
    needs, sources = {output: (pixels, pixels)}, set(inputs)
    for operator in reversed(operators):
        read = [(index, name) for index, name in enumerate(operator.inputs) if index not in SIZES.get(operator.kind, ())]
        for result in (name for name in operator.outputs if name in needs):
            if result in growing and growing.isdisjoint(name for _, name in read):
                if operator.kind not in UNIFORM:
                    return math.inf  # a table, laid out over the frame: what it gives for a tile is something else
                sources.add(result)
            for index, name in read:
                span = None
                followed = result == operator.outputs[0] or operator.kind == "Split"  # the second of MaxPool gives positions
                if name in axes and result in axes and followed:
                    span = RULES.get(operator.kind, _unknown)(operator, index, axes[name], axes[result], *needs[result])
                needs[name] = _union(span or everything, needs.get(name, span or everything))
    seen = [needs[name] for name in sources & set(needs)]
    return float(np.max([np.maximum(pixels - first, last - pixels) for first, last in seen], initial=0))


def _union(a: Span, b: Span) -> Span:
    return np.minimum(a[0], b[0]), np.maximum(a[1], b[1])


def _weights(model) -> dict:
    """The onnx.TensorProto of all weights and constants; of weights that are cast to floats, as they are stored."""
    import onnx

    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
    tensors = constants(model)
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in tensors and node.attribute[0].i in floats:
            tensors[node.output[0]] = tensors[node.input[0]]
    return tensors


def _operator(node, weights: dict) -> SimpleNamespace:
    """kind, inputs, outputs, attributes by name, and, as weights, the onnx.TensorProto of each input, None for no constant."""
    import onnx

    return SimpleNamespace(
        kind=node.op_type,
        inputs=list(node.input),
        outputs=list(node.output),
        attributes={a.name: onnx.helper.get_attribute_value(a) for a in node.attribute},
        weights=[weights.get(name) for name in node.input],
    )


def _numbers(operator: SimpleNamespace, index: int) -> list[int] | None:
    """The whole numbers of an input that is constant."""
    import onnx

    tensor = operator.weights[index] if index < len(operator.weights) else None
    return None if tensor is None else onnx.numpy_helper.to_array(tensor).ravel().tolist()


# Each rule gives the input pixels that a range of output pixels needs, or None for all. Arguments: the operator, which of its
# inputs is meant, that input's axis and the output's axis, and the range.


def _unknown(operator, index: int, source: Axis, target: Axis, first: np.ndarray, last: np.ndarray) -> None:
    """Operators that may look anywhere, such as InstanceNormalization."""


def _pointwise(operator, index: int, source: Axis, target: Axis, first: np.ndarray, last: np.ndarray) -> Span | None:
    """Each pixel by itself, whatever happens along the other axes."""
    kind, rank = operator.kind, len(source.shape)
    mixing = kind in MIXES and operator.attributes.get("axis", MIXES[kind]) % rank == source.index
    contracted = kind == "MatMul" and source.index == rank - 1 - index
    statistics = kind == "BatchNormalization" and operator.attributes.get("training_mode", 0)
    return None if mixing or contracted or statistics or not source.aligned(target) else (first, last)


def _window(operator, source: Axis) -> tuple[int, int, int] | None:
    """(stride, padding before, kernel's length less one) of a convolution or pooling along the axis."""
    side, attributes = source.index - 2, operator.attributes
    weights = operator.weights[1] if operator.kind.startswith("Conv") else None
    kernel = attributes.get("kernel_shape") or (weights.dims[2:] if weights is not None else [])
    if attributes.get("auto_pad", b"NOTSET") != b"NOTSET" or "output_shape" in attributes or not 0 <= side < len(kernel):
        return None
    strides, pads, dilations = attributes.get("strides"), attributes.get("pads"), attributes.get("dilations")
    reach = (kernel[side] - 1) * (dilations[side] if dilations else 1)
    return strides[side] if strides else 1, pads[side] if pads else 0, reach


def _convolution(operator, index: int, source: Axis, target: Axis, first: np.ndarray, last: np.ndarray) -> Span | None:
    window = _window(operator, source) if index == 0 else None
    if window is None:
        return None
    stride, padding, reach = window
    return first * stride - padding, last * stride - padding + reach


def _transposed(operator, index: int, source: Axis, target: Axis, first: np.ndarray, last: np.ndarray) -> Span | None:
    window = _window(operator, source) if index == 0 else None
    if window is None:
        return None
    stride, padding, reach = window
    return np.ceil((first + padding - reach) / stride), np.floor((last + padding) / stride)


def _resize(operator, index: int, source: Axis, target: Axis, first: np.ndarray, last: np.ndarray) -> Span | None:
    scale, attributes = target.length / source.length, operator.attributes
    mode, place = (attributes.get(k, d) for k, d in (("mode", b"nearest"), ("coordinate_transformation_mode", b"half_pixel")))
    shift = {b"asymmetric": 0.0, b"half_pixel": 0.5, b"pytorch_half_pixel": 0.5}.get(place)
    if index > 0 or shift is None or target.longer / source.longer != scale or attributes.get("antialias", 0):
        return None
    first, last = ((pixel + shift) / scale - shift for pixel in (first, last))
    if mode == b"nearest":
        rounding = {b"floor": np.floor, b"ceil": np.ceil, b"round_prefer_ceil": lambda x: np.floor(x + 0.5)}
        chosen = rounding.get(attributes.get("nearest_mode", b"round_prefer_floor"), lambda x: np.ceil(x - 0.5))
        return chosen(first), chosen(last)
    further = 1 if mode == b"cubic" else 0
    return np.floor(first) - further, np.floor(last) + 1 + further


def _pad(operator, index: int, source: Axis, target: Axis, first: np.ndarray, last: np.ndarray) -> Span | None:
    pads, rank = _numbers(operator, 1), len(source.shape)
    if pads is None or len(pads) != 2 * rank:
        return None
    before, after = pads[source.index], pads[source.index + rank]
    if operator.attributes.get("mode", b"constant") in (
        b"constant",
        b"edge",
    ):  # the edge lies between a place outside and any inside
        return first - before, last - before
    return first - before - after, last  # what is mirrored at a border comes from as far inside as it lies outside


def _slice(operator, index: int, source: Axis, target: Axis, first: np.ndarray, last: np.ndarray) -> Span | None:
    starts, axes = _numbers(operator, 1), _numbers(operator, 3)
    steps = _numbers(operator, 4) if len(operator.weights) > 4 else [1] * len(source.shape)
    if starts is None or axes is None or steps is None:
        return None
    for start, axis, step in zip(starts, axes, steps, strict=False):
        if axis % len(source.shape) == source.index:
            # Positions that are counted from the end, or that cut the end of the frame off, depend on the frame's size.
            return (start + first * step, start + last * step) if start >= 0 and step > 0 else None
    return _pointwise(operator, index, source, target, first, last)


def _depth_to_space(operator, index: int, source: Axis, target: Axis, first: np.ndarray, last: np.ndarray) -> Span:
    block = operator.attributes["blocksize"]
    return np.floor(first / block), np.floor(last / block)  # infinity // 2 is not a number


def _space_to_depth(operator, index: int, source: Axis, target: Axis, first: np.ndarray, last: np.ndarray) -> Span:
    block = operator.attributes["blocksize"]
    return first * block, last * block + block - 1


def _reshape(operator, index: int, source: Axis, target: Axis, first: np.ndarray, last: np.ndarray) -> Span | None:
    """The axis may be cut into blocks or put together from them, as in depth-to-space by Reshape and Transpose."""
    if math.prod(source.shape[: source.index]) != math.prod(target.shape[: target.index]):
        return None
    return np.floor(first * target.inner / source.inner), np.floor(((last + 1) * target.inner - 1) / source.inner)


def _transpose(operator, index: int, source: Axis, target: Axis, first: np.ndarray, last: np.ndarray) -> Span | None:
    order = operator.attributes.get("perm") or list(reversed(range(len(source.shape))))
    return (first, last) if order[target.index] == source.index else None


RULES = dict.fromkeys((
    "Abs", "Add", "And", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat", "Cos", "Div", "Elu", "Equal", "Erf", "Exp",
    "Expand", "Floor", "Gather", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Less",
    "LessOrEqual", "Log", "MatMul", "Max", "Mean", "Min", "Mish", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal",
    "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "Relu", "Round", "Selu", "Sigmoid", "Sign",
    "Sin", "Softmax", "Softplus", "Split", "Sqrt", "Sub", "Sum", "Tanh", "Tile", "Where",
), _pointwise) | {
    "AveragePool": _convolution, "Conv": _convolution, "ConvTranspose": _transposed, "DepthToSpace": _depth_to_space,
    "MaxPool": _convolution, "Pad": _pad, "Reshape": _reshape, "Resize": _resize, "Slice": _slice,
    "SpaceToDepth": _space_to_depth, "Squeeze": _reshape, "Transpose": _transpose, "Unsqueeze": _reshape,
}  # fmt: skip
