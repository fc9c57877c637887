"""Operators that style files don't have, in terms of others: of early operator sets, of other formats, of 8 bits."""

import numpy as np

OLD_OPERATORS = {"Affine", "Crop", "DequantizeLinear", "Dropout", "Flatten", "ImageScaler", "Mod", "QuantizeLinear", "Upsample"}
"""What is rewritten here, and Upsample, which onnx's version converter rewrites."""
TYPE_RANGES = {"uint8": (0, 255), "int8": (-128, 127)}


def rewrite(model, rules: dict, weights: dict[str, np.ndarray]) -> None:
    """Replace nodes in place; a rule gives [(operator, inputs, outputs, attributes)], arrays standing for new weights.

    weights: those of the model, by name.
    """
    import onnx

    makers = {name: node for node in model.graph.node for name in node.output}
    nodes = []
    for node in model.graph.node:
        rule = rules.get(node.op_type)
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        replaced = rule and rule(node, attributes, weights, makers)
        if not replaced:
            nodes.append(node)
            continue
        for operator, inputs, outputs, given in replaced:
            names = []
            for value in inputs:
                if isinstance(value, np.ndarray):
                    tensor = onnx.numpy_helper.from_array(value, f"{node.output[0]}/weight{len(model.graph.initializer)}")
                    model.graph.initializer.append(tensor)
                    value = tensor.name
                names.append(value)
            nodes.append(onnx.helper.make_node(operator, names, outputs, **given))
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(kept)


# Each rule: (node, attributes, weights by name, nodes by result) -> what replaces the node, None to leave it.


def _dropout(node, attributes, weights, makers):
    return [("Identity", [node.input[0]], [node.output[0]], {})]


def _image_scaler(node, attributes, weights, makers):
    """Core ML's, from WinMLTools: x * scale + bias."""
    scale, bias = np.float32(attributes.get("scale", 1)), np.array(attributes["bias"], np.float32).reshape(1, -1, 1, 1)
    scaled = f"{node.output[0]}/scaled"
    return [("Mul", [node.input[0], np.full((1, 1, 1, 1), scale)], [scaled], {}), ("Add", [scaled, bias], [node.output[0]], {})]


def _affine(node, attributes, weights, makers):
    alpha, beta = (
        np.full((1, 1, 1, 1), attributes.get(key, default), np.float32) for key, default in (("alpha", 1), ("beta", 0))
    )
    scaled = f"{node.output[0]}/scaled"
    return [("Mul", [node.input[0], alpha], [scaled], {}), ("Add", [scaled, beta], [node.output[0]], {})]


def _crop(node, attributes, weights, makers):
    left, top, right, bottom = attributes["border"]
    if attributes.get("scale"):
        return None
    last = np.iinfo(np.int32).max
    ends = [-bottom if bottom else last, -right if right else last]
    return [("Slice", [node.input[0]], [node.output[0]], {"starts": [top, left], "ends": ends, "axes": [2, 3]})]


def _flatten(node, attributes, weights, makers):
    shapes = {0: [1, -1], 1: [0, -1]}
    shape = shapes.get(attributes.get("axis", 1))
    return shape and [("Reshape", [node.input[0], np.array(shape)], [node.output[0]], {})]


def _mod(node, attributes, weights, makers):
    """Of sizes, which are never negative, and of floats as C's fmod."""
    a, b, result = node.input[0], node.input[1], node.output[0]
    ratio, whole, product = (f"{result}/{part}" for part in ("ratio", "whole", "product"))
    floats = any(name in weights and weights[name].dtype.kind == "f" for name in (a, b))
    cut = [("Floor", [ratio], [whole], {})] if floats else [("Identity", [ratio], [whole], {})]
    return [("Div", [a, b], [ratio], {}), *cut, ("Mul", [whole, b], [product], {}), ("Sub", [a, product], [result], {})]


def _quantize(node, attributes, weights, makers):
    """Kept only if something else than a DequantizeLinear reads it, which the check then names."""
    return [("Identity", [node.input[0]], [node.output[0]], {})] if node.input[1] in weights else None


def _dequantize(node, attributes, weights, makers):
    """A value that was rounded to 8 bits is left as it was, but for the range that the 8 bits have."""
    maker = makers.get(node.input[0])
    while maker is not None and maker.op_type in ("Reshape", "Transpose", "MaxPool", "Identity", "Concat", "Relu"):
        maker = makers.get(maker.input[0])
    if maker is None or maker.op_type != "QuantizeLinear" or node.input[1] not in weights:
        return None
    scale = weights[node.input[1]]
    zero = weights.get(node.input[2]) if len(node.input) > 2 else np.zeros((), np.uint8)
    if scale.size != 1 or zero is None or zero.dtype.name not in TYPE_RANGES:
        return None
    low, high = TYPE_RANGES[zero.dtype.name]
    bounds = [np.array((bound - int(zero.ravel()[0])) * float(scale.ravel()[0]), np.float32) for bound in (low, high)]
    return [("Clip", [node.input[0], *bounds], [node.output[0]], {})]


EARLY_RULES = {"Affine": _affine, "Crop": _crop, "Dropout": _dropout, "ImageScaler": _image_scaler}
LATE_RULES = {"DequantizeLinear": _dequantize, "Flatten": _flatten, "Mod": _mod, "QuantizeLinear": _quantize}
