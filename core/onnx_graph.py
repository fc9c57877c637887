"""Checks an untrusted ONNX file before anything runs it: parsing is bounded, the operators are plain, all sizes are known."""

import math
from collections.abc import Set

from .onnx_limits import check_count, check_limits
from .onnx_sizes import CPP_ERRORS, GraphError

MAX_FIELDS = 200_000
"""Protobuf fields of a file; a generator has a few thousand. Empty ones grow a hundredfold in memory when they are parsed."""
MAX_DEPTH = 16
MAX_PACKED_BYTES = 2**20
"""Weights are raw bytes or floats; packed integers grow eightfold."""
MAX_RANK = 8
"""Dimensions of weights: the product of a million takes minutes."""
MAX_OPSET = 18
"""ONNX Runtime got CUDA kernels for later operator sets late."""
OPERATORS = {
    "Abs", "Add", "And", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat", "Constant",
    "ConstantOfShape", "Conv", "ConvTranspose", "Cos", "DepthToSpace", "Div", "Elu", "Equal", "Erf", "Exp", "Expand",
    "Floor", "Gather", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "Greater", "GreaterOrEqual", "GroupNormalization",
    "HardSigmoid", "HardSwish", "Identity", "InstanceNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "MatMul",
    "Max", "MaxPool", "Mean", "Min", "Mish", "Mul", "Neg", "Not", "Or", "PRelu", "Pad", "Pow", "Range", "Reciprocal",
    "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "Relu", "Reshape", "Resize", "Round",
    "Selu", "Shape", "Sigmoid", "Sign", "Sin", "Slice", "Softmax", "Softplus", "SpaceToDepth", "Split", "Sqrt", "Squeeze",
    "Sub", "Sum", "Tanh", "Tile", "Transpose", "Unsqueeze", "Where",
}  # fmt: skip
"""What image generators are made of. Some of the other operators crash onnx's shape inference or draw random numbers."""


def parse_model(content: bytes):
    """The onnx.ModelProto in the bytes. Raises GraphError if they are damaged, or made to use up memory."""
    import onnx  # here, so that importing core stays light
    from google.protobuf.message import DecodeError

    _scan(memoryview(content), onnx.ModelProto.DESCRIPTOR)
    try:
        return onnx.load_model_from_string(content)
    except DecodeError as error:
        raise GraphError("it is damaged or not ONNX; copy or download it again") from error


def _scan(content: memoryview, descriptor) -> None:
    """Walk the protobuf wire format without building anything from it; https://protobuf.dev/programming-guides/encoding."""
    fields, parts = 0, [(0, len(content), descriptor, 0)]
    while parts:
        at, end, message, depth = parts.pop()
        if depth > MAX_DEPTH:
            raise GraphError("its parts are nested too deeply")
        while at < end:
            fields += 1
            if fields > MAX_FIELDS:
                raise GraphError(f"it has more than {MAX_FIELDS} parts")
            key, at = _varint(content, at, end)
            kind, field = key & 7, message.fields_by_number.get(key >> 3)
            if kind == 2:
                size, at = _varint(content, at, end)
                if field is not None and at + size <= end:
                    if field.message_type is not None:
                        parts.append((at, at + size, field.message_type, depth + 1))
                    else:
                        _check_scalars(content[at : at + size], field)
                at += size
            elif kind == 0:
                _, at = _varint(content, at, end)
            else:
                at += {1: 8, 5: 4}.get(kind, end)
        if at > end:
            raise GraphError("it is damaged or not ONNX; copy or download it again")


def _varint(content: memoryview, at: int, end: int) -> tuple[int, int]:
    """The number of variable length at a position, and the position after it, which is beyond the end if it is cut short."""
    if at < end and content[at] < 128:  # as nearly all are
        return content[at], at + 1
    value = 0
    for index in range(at, min(at + 10, end)):
        value |= (content[index] & 127) << 7 * (index - at)
        if content[index] < 128:
            return value, index + 1
    return 0, end + 1


def _check_scalars(content: memoryview, field) -> None:
    if field.type == field.TYPE_STRING:
        try:
            str(content, "utf-8")
        except UnicodeDecodeError as error:
            raise GraphError("it holds text that is not UTF-8; copy or download it again") from error
    elif field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_INT64, field.CPPTYPE_UINT64) and len(content) > MAX_PACKED_BYTES:
        raise GraphError("it keeps too many whole numbers; weights must be stored as raw data")


def check_graph(model, inputs: dict[str, int], output: str, alignment: int, numbers: Set[str] = frozenset()) -> None:
    """Check that the model is plain self-contained ONNX that turns the inputs into the output at any aligned size.

    inputs: channels by name; each input is float32 (1, channels, height, width), the output (1, 3, height, width).
    numbers: further inputs of one number each, float32 (1, 1, 1, 1). Raises GraphError.
    """
    import onnx

    check_count(model)
    check_parts(model)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, *CPP_ERRORS) as error:
        raise GraphError(f"its graph is not valid ONNX ({error})") from error
    weights = {tensor.name for tensor in model.graph.initializer}
    found = {value.name: value for value in model.graph.input if value.name not in weights}
    if set(found) != {*inputs, *numbers}:
        promised, taken = ", ".join([*inputs, *sorted(numbers)]), ", ".join(found) or "none"
        raise GraphError(f"its contract names the inputs {promised}, but its graph takes {taken}")
    for name, value in found.items():
        _check_tensor(value, *((1, 1) if name in numbers else (inputs[name], None)))
    if [value.name for value in model.graph.output] != [output]:
        raise GraphError(f"its graph must have the one output '{output}'")
    _check_tensor(model.graph.output[0], 3)
    check_limits(model, inputs, output, alignment)


def check_parts(model, operators: Set[str] = OPERATORS, max_opset: int = MAX_OPSET) -> None:
    """Check that each part of a graph, taken by itself, is harmless: no code or data from elsewhere, no operator but the given
    ones, no weights of another size than they say. Raises GraphError."""
    _check_origin(model, max_opset)
    for node in model.graph.node:
        _check_node(node, operators)
    for tensor in model.graph.initializer:
        _check_weights(tensor)


def _check_origin(model, max_opset: int) -> None:
    for opset in model.opset_import:
        if opset.domain not in ("", "ai.onnx"):
            raise GraphError(f"it uses operators of the domain '{opset.domain}', but only standard ONNX operators are allowed")
        if opset.version > max_opset:
            raise GraphError(f"it uses ONNX operator set {opset.version}, but at most {max_opset} is allowed")
    if model.functions or model.training_info:
        raise GraphError("it defines functions or training of its own, which is not allowed")
    if model.graph.sparse_initializer:
        raise GraphError("it has sparse weights, which are not allowed")


def _check_node(node, operators: Set[str]) -> None:
    import onnx

    if node.domain not in ("", "ai.onnx"):
        raise GraphError(f"it uses operators of the domain '{node.domain}', but only standard ONNX operators are allowed")
    for attribute in node.attribute:
        graphs = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
        if attribute.type in graphs or attribute.HasField("g") or attribute.graphs:
            raise GraphError(f"it uses the control flow operator {node.op_type}, which is not allowed")
        if not all(32 <= byte < 127 for text in (attribute.s, *attribute.strings) for byte in text):
            raise GraphError(f"the settings of its operator {node.op_type} hold text that is not plain ASCII")
        if attribute.ref_attr_name:
            raise GraphError("it takes attributes from a function, which is not allowed")
        if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
            raise GraphError("it has sparse weights, which are not allowed")
        for tensor in [attribute.t, *attribute.tensors] if attribute.HasField("t") else attribute.tensors:
            _check_weights(tensor)
    if node.op_type not in operators:
        raise GraphError(f"it uses the operator {node.op_type}, which generators of images have no need of and is not allowed")


def _check_weights(tensor) -> None:
    """Check that a tensor holds as many numbers as its shape says: the file's size then bounds its memory."""
    import onnx

    kind = onnx.TensorProto
    if tensor.data_location == kind.EXTERNAL or tensor.external_data:
        raise GraphError("it keeps weights in another file, which is not allowed")
    fields = {
        kind.FLOAT: ("float_data", 4),
        kind.FLOAT16: ("int32_data", 2),
        kind.DOUBLE: ("double_data", 8),
        kind.INT32: ("int32_data", 4),
        kind.INT64: ("int64_data", 8),
        kind.INT8: ("int32_data", 1),
        kind.UINT8: ("int32_data", 1),
        kind.BOOL: ("int32_data", 1),
    }
    if tensor.data_type not in fields:
        raise GraphError(f"the type of its weights '{tensor.name}' is not supported")
    field, size = fields[tensor.data_type]
    if len(tensor.dims) > MAX_RANK:
        raise GraphError(f"its weights '{tensor.name}' have {len(tensor.dims)} dimensions; at most {MAX_RANK} are allowed")
    held = len(tensor.raw_data) // size if tensor.HasField("raw_data") else len(getattr(tensor, field))
    if any(n < 0 for n in tensor.dims) or math.prod(tensor.dims) != held:
        shape = " x ".join(map(str, tensor.dims))
        raise GraphError(f"its weights '{tensor.name}' should be {shape}, but hold {held} numbers")


def _check_tensor(value, channels: int, side: int | None = None) -> None:
    """Check that a graph input or output is float32 (1, channels, side, side), each side of any length for None."""
    import onnx

    tensor = value.type.tensor_type
    dims = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
    if tensor.elem_type != onnx.TensorProto.FLOAT or dims != [1, channels, side, side]:
        wanted, shape = (", ".join("any" if d is None else str(d) for d in ds) for ds in ([1, channels, side, side], dims))
        raise GraphError(f"'{value.name}' must be float32 of shape ({wanted}), but its shape is ({shape})")
