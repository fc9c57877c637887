"""Paddings that TensorFlow's graphs leave to be worked out (auto_pad), said in numbers, so that it is known how far they see."""

PADDED = ("AveragePool", "Conv", "ConvTranspose", "MaxPool")


def say_pads(model) -> None:
    """Replace auto_pad in place, for sides that are multiples of the strides, where both mean the same (ONNX Operators, Conv)."""
    import onnx

    dims = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type in PADDED]:
        given = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        mode = given.get("auto_pad", b"NOTSET")
        lengths = given.get("kernel_shape") or (dims.get(node.input[1], [])[2:] if len(node.input) > 1 else [])
        strides, dilations = (given.get(key) or [1] * len(lengths) for key in ("strides", "dilations"))
        totals = [
            (length - 1) * dilation + 1 - stride for length, stride, dilation in zip(lengths, strides, dilations, strict=True)
        ]
        if mode == b"VALID":  # none
            totals = [0] * len(lengths)
        if mode == b"NOTSET" or not lengths or min(totals) < 0 or "output_shape" in given:
            continue
        less, more = [total // 2 for total in totals], [total - total // 2 for total in totals]
        before, after = (less, more) if mode == b"SAME_UPPER" else (more, less)
        for attribute in [attribute for attribute in node.attribute if attribute.name in ("auto_pad", "pads")]:
            node.attribute.remove(attribute)
        node.attribute.append(onnx.helper.make_attribute("pads", before + after))
