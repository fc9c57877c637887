"""What the operators of a graph do: their multiplications, and the memory that they take beside their results."""

import math

from .onnx_sizes import ITEM_BYTES, Sizes

CONVOLVED_DIRECTLY = 5
"""Rank of tensors up to which ONNX Runtime convolves without writing out the pixels below each kernel."""
COPIES = {"GroupNormalization": 3, "HardSwish": 1, "Max": 1, "Mean": 1, "Min": 1, "Mish": 2, "Softmax": 2, "Sum": 1, "Where": 2}
"""Operator -> further tensors of its result's size that ONNX Runtime's kernel holds, or the operators that it stands for."""
READS = {"GlobalAveragePool", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization", "ReduceL2", "ReduceMax",
         "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "Softmax"}  # fmt: skip
"""Operators whose work grows with what they read."""
SLOWER = 64
"""Multiplications of a large matrix product that take as long as one value of any other operator."""
THIN, THIN_SLOWER = 4, 8
"""Channels of a group below which a convolution takes so many times as long for each multiplication."""
TAPS = 16
"""Values that a resized one is blended from, at most."""


def multiplications(node, sizes: Sizes) -> int:
    """Of one run of an onnx.NodeProto: those of its matrix product, or as many as take about as long as what it does instead."""
    sources, made = [name for name in node.input if name], sum(sizes.values(name) for name in node.output if name)
    match node.op_type:
        case "Conv" | "ConvTranspose":
            pixels = made if node.op_type == "Conv" else sizes.values(sources[0])
            group = _channels(node.output[0], sizes) // (_attribute(node, "group") or 1)
            return pixels * _below_kernel(node, sizes) * (THIN_SLOWER if group < THIN else 1)
        case "MatMul":
            return made * (sizes.shapes[sources[0]] or [1])[-1]
        case "Gemm":
            return made * math.isqrt(sizes.values(sources[0]) * sizes.values(sources[1]) // max(made, 1))
        case "MaxPool" | "AveragePool":
            return SLOWER * made * math.prod(_attribute(node, "kernel_shape") or [1])
        case "Resize":
            return SLOWER * max(made, sizes.values(sources[0])) * (TAPS if _attribute(node, "mode") == b"cubic" else 4)
        case "Concat" | "Max" | "Mean" | "Min" | "Sum":
            return SLOWER * made * len(sources)
        case kind if kind in READS:
            return SLOWER * (made + sizes.values(sources[0]))
    return SLOWER * made


def workspace(node, sizes: Sizes) -> int:
    """Bytes that the CPU's kernel takes beside inputs and results, as far as it is worth counting.

    A transposed convolution first writes what each pixel of its input gives to all places below the kernel (ConvTranspose in
    ONNX Runtime's source, `col_buffer`); an ordinary one does the like for tensors that its own routines don't take.
    """
    made = sum(sizes.bytes(name) for name in node.output if name)
    if node.op_type == "ConvTranspose":
        return ITEM_BYTES[1] * sizes.values(node.input[0]) // _channels(node.input[0], sizes) * _below_kernel(node, sizes)
    if node.op_type == "Conv" and len(sizes.shapes[node.input[0]]) > CONVOLVED_DIRECTLY:
        return made // max(_channels(node.output[0], sizes), 1) * _below_kernel(node, sizes)
    if node.op_type == "Resize" and (_attribute(node, "antialias") or _attribute(node, "mode") == b"cubic"):
        return max(made, sizes.bytes(node.input[0]))
    rank = len(sizes.shapes[node.output[0]]) if node.output else 0
    along_rows = node.op_type == "Softmax" and _attribute(node, "axis") in (None, -1, rank - 1)
    two_alone = node.op_type in ("Max", "Mean", "Min", "Sum") and len(node.input) < 3
    if along_rows or two_alone:
        return 0
    return made * COPIES.get(node.op_type, 0)


def _below_kernel(node, sizes: Sizes) -> int:
    """Values below a kernel, in all channels of a group."""
    return math.prod(sizes.shapes[node.input[1]][1:])


def _channels(name: str, sizes: Sizes) -> int:
    shape = sizes.shapes[name]
    return max(shape[1], 1) if len(shape) > 1 else 1


def _attribute(node, name: str):
    """The value of an attribute, None if the node has none of that name."""
    import onnx

    return next((onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name), None)
