"""Brings a foreign graph to the operator set of a style file: converted, constants folded, inputs without pictures filled."""

import numpy as np

from ..onnx_graph import CPP_ERRORS, MAX_OPSET, OPERATORS, GraphError, check_parts
from .auto_pad import say_pads
from .old_operators import EARLY_RULES, LATE_RULES, OLD_OPERATORS, rewrite
from .sliders import PREFIX, add_sliders

NEWEST_OPSET = 24
"""Sets after MAX_OPSET only added types and attributes to the operators of images; a graph that uses none of them is read."""
FIRST_OPSET = 6
IR_VERSION = 8
MAX_FOLDED = 2**22
"""Numbers that a folded constant may have."""
FOLDED = {
    "Abs", "Add", "Cast", "Ceil", "Clip", "Concat", "ConstantOfShape", "DequantizeLinear", "Div", "Equal", "Exp", "Expand",
    "Flatten", "Floor", "Gather", "Identity", "Log", "MatMul", "Max", "Min", "Mod", "Mul", "Neg", "Pow", "Reciprocal",
    "ReduceMax", "ReduceMean", "ReduceProd", "ReduceSum", "Relu", "Reshape", "Round", "Shape", "Sigmoid", "Slice", "Sqrt",
    "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze", "Where",
}  # fmt: skip
"""Operators that are computed beforehand where all they take is constant."""


def modernise(model, values: dict[str, np.ndarray], output: str | None, sliders: bool = False):
    """A copy of an onnx.ModelProto in operator set MAX_OPSET whose inputs without a value are its only inputs.

    values: what inputs that are no pictures get, as arrays of any shape that can be brought to theirs. output: the one to keep,
    None for the only one. sliders: leave inputs of few numbers to be set later, see sliders.add_sliders(). Names are prefixed
    with PREFIX. Raises GraphError with a clause about "it".
    """
    import onnx

    model = _plain_copy(model, output)
    check_parts(model, OPERATORS | OLD_OPERATORS, NEWEST_OPSET)
    if sliders:
        values = add_sliders(model, values)
    _set_inputs(model, values)
    rewrite(model, EARLY_RULES, weights_of(model))
    model = _in_newest_opset(model)
    _constants_to_weights(model)
    fold_constants(model)
    rewrite(model, LATE_RULES, weights_of(model))
    _bypass_identities(model)
    fold_constants(model)
    say_pads(model)
    remove_unused(model)
    model.ir_version = IR_VERSION
    return onnx.compose.add_prefix(model, PREFIX)


def _plain_copy(model, output: str | None):
    """Without what only describes, with one output, and with weights that are no inputs."""
    import onnx

    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    used = {node.domain for node in plain.graph.node} | {"", "ai.onnx"}
    opsets = [opset for opset in plain.opset_import if opset.domain in used]
    del plain.opset_import[:], plain.graph.value_info[:], plain.metadata_props[:]
    plain.opset_import.extend(opsets)
    weights = {tensor.name for tensor in plain.graph.initializer}
    inputs = [value for value in plain.graph.input if value.name not in weights]
    names = [value.name for value in plain.graph.output]
    if not names or not inputs:
        raise GraphError("its graph has no inputs or no outputs")
    if output is None and len(names) > 1:
        raise GraphError(f"it has several outputs ({', '.join(names)}); choose one with --output")
    if output is not None and output not in names:
        raise GraphError(f"it has no output '{output}', but {', '.join(names)}")
    outputs = [value for value in plain.graph.output if value.name == (output or names[0])]
    del plain.graph.input[:], plain.graph.output[:]
    plain.graph.input.extend(inputs)
    plain.graph.output.extend(outputs)
    return plain


def _set_inputs(model, values: dict[str, np.ndarray]) -> None:
    """Turn the inputs that have a value into weights."""
    import onnx

    inputs = {value.name: value for value in model.graph.input}
    for name, value in values.items():
        if name not in inputs:
            raise GraphError(f"it has no input '{name}', but {', '.join(inputs)}")
        tensor = inputs[name].type.tensor_type
        sides = value.shape if value.ndim == len(tensor.shape.dim) else [1] * len(tensor.shape.dim)
        shape = [dim.dim_value or side for dim, side in zip(tensor.shape.dim, sides, strict=True)]
        try:
            filled = np.full(shape, value) if value.size == 1 else np.reshape(value, shape)
        except ValueError as error:
            raise GraphError(f"its input '{name}' takes {' x '.join(map(str, shape))} numbers, not {value.size}") from error
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        model.graph.initializer.append(onnx.numpy_helper.from_array(filled.astype(kind), name))
        model.graph.input.remove(inputs[name])


def _in_newest_opset(model):
    import onnx

    version = next((opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")), 1)
    if version < FIRST_OPSET:
        raise GraphError(f"it uses ONNX operator set {version}, but adopting begins at {FIRST_OPSET}; export it again")
    if version == FIRST_OPSET:
        version = _to_opset_7(model)
    model.ir_version = max(model.ir_version, 4)  # from which on weights need not be inputs
    try:
        if version < MAX_OPSET:
            model = onnx.version_converter.convert_version(model, MAX_OPSET)
        model.ir_version = IR_VERSION
        del model.graph.value_info[:]  # the converter writes down the sizes of today
        for opset in model.opset_import:
            opset.version = MAX_OPSET
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, onnx.version_converter.ConvertError, *CPP_ERRORS) as error:
        raise GraphError(f"its operator set {version} can't be converted to {MAX_OPSET} ({error})") from error
    return model


def _to_opset_7(model) -> int:
    """In place, without the shapes that onnx's converter wants for it: what changed is how sides are broadcast, and Upsample."""
    import onnx

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        given = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        old = {"broadcast", "axis"} if "broadcast" in given else set()
        old |= {"consumed_inputs", "is_test"}
        if given.get("broadcast") and given.get("axis") == 1 and node.input[1] in weights:
            tensor = weights[node.input[1]]
            tensor.dims[:] = [*tensor.dims, *[1] * max(3 - len(tensor.dims), 0)]
        if node.op_type == "Upsample" and "height_scale" in given:
            old |= {"height_scale", "width_scale"}
            scales = [1.0, 1.0, given["height_scale"], given["width_scale"]]
            node.attribute.append(onnx.helper.make_attribute("scales", scales))
        for attribute in [attribute for attribute in node.attribute if attribute.name in old]:
            node.attribute.remove(attribute)
    for opset in model.opset_import:
        opset.version = FIRST_OPSET + 1
    return FIRST_OPSET + 1


def weights_of(model) -> dict[str, np.ndarray]:
    """The weights as arrays by name."""
    import onnx

    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _constants_to_weights(model) -> None:
    import onnx

    for node in [node for node in model.graph.node if node.op_type == "Constant"]:
        value = onnx.helper.get_attribute_value(node.attribute[0])
        tensor = value if isinstance(value, onnx.TensorProto) else onnx.numpy_helper.from_array(_array(value))
        weight = model.graph.initializer.add()
        weight.CopyFrom(tensor)
        weight.name = node.output[0]
        model.graph.node.remove(node)


def _array(value: object) -> np.ndarray:
    whole = isinstance(value, int) or (isinstance(value, list) and all(isinstance(n, int) for n in value))
    return np.asarray(value, np.int64 if whole else np.float32)


def fold_constants(model) -> None:
    """Compute, in place, what follows from weights alone; casts of weights stay, as they keep files small."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    weights = weights_of(model)
    for node in list(model.graph.node):
        if node.op_type not in FOLDED or not node.input or not all(name in weights or not name for name in node.input):
            continue
        inputs = {name: weights[name] for name in node.input if name}
        cast = node.op_type == "Cast" and inputs[node.input[0]].size > 1024
        if cast or _result_size(node.op_type, list(inputs.values())) > MAX_FOLDED:
            continue
        try:
            results = ReferenceEvaluator(node, opsets={"": MAX_OPSET}).run(None, inputs)
        except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError):  # what can't be computed here stays
            continue
        for name, result in zip(node.output, results, strict=False):
            weights[name] = np.asarray(result)
            model.graph.initializer.append(onnx.numpy_helper.from_array(weights[name], name))
        model.graph.node.remove(node)


def _result_size(operator: str, arrays: list[np.ndarray]) -> float:
    """A bound of the numbers in an operator's result, so that a small file can't ask for a large one."""
    sizes = [max(array.size, 1) for array in arrays]
    if operator in ("ConstantOfShape", "Expand"):
        return float(np.prod(np.maximum(arrays[-1].astype(np.float64), 1))) * (sizes[0] if operator == "Expand" else 1)
    if operator in ("Gather", "MatMul"):
        return float(sizes[0]) * sizes[-1]
    if operator in ("Concat", "Reshape", "Slice", "Squeeze", "Unsqueeze", "DequantizeLinear") or operator.startswith("Reduce"):
        return sum(sizes)
    try:
        return float(np.prod([float(side) for side in np.broadcast_shapes(*(array.shape for array in arrays))]))
    except ValueError:
        return np.inf


def _bypass_identities(model) -> None:
    outputs, source = {value.name for value in model.graph.output}, {}
    for node in list(model.graph.node):
        for index, name in enumerate(node.input):
            node.input[index] = source.get(name, name)
        if node.op_type == "Identity" and node.output[0] not in outputs:
            source[node.output[0]] = node.input[0]
            model.graph.node.remove(node)


def remove_unused(model) -> None:
    """Remove, in place, the nodes and weights that the output does not need."""
    needed = {value.name for value in model.graph.output}
    for node in reversed(list(model.graph.node)):
        if needed.intersection(node.output):
            needed.update(node.input)
        else:
            model.graph.node.remove(node)
    for tensor in [tensor for tensor in model.graph.initializer if tensor.name not in needed]:
        model.graph.initializer.remove(tensor)
