"""Half precision inside a graph: convolutions, and what lies between them, in float16; all around them in float32."""

from dataclasses import replace

from .onnx_sizes import Sizes, infer_sizes
from .style import OUTPUT_NAME, Style

CONVOLUTIONS = {"Conv", "ConvTranspose"}
LEAST_CHANNELS = 16
"""Convolutions that give fewer stay in float32: they are little work, and give noise or the colours themselves."""
BETWEEN = {"Add", "AveragePool", "Concat", "DepthToSpace", "LeakyRelu", "MaxPool", "Mul", "Relu", "Resize", "Sigmoid", "Sub"}
"""Operators that are in float16 where all that they read is."""
JUMPS = {"Ceil", "Cos", "Equal", "Floor", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Round", "Sin"}
"""Operators of positions, which jump or repeat themselves: nothing that leads to one is rounded."""
PREFIX = "gan_style_half/"
"""What is called so and then as in float32 is the same in float16."""


def halved(style: Style) -> Style:
    """The style with float16 inside; itself if nothing in its graph would be. Inputs, output and contract are the same.

    Its memory counts as that of float32. A runtime without convolutions in float16, as on the CPU, computes in float32.
    """
    import onnx

    model = onnx.load_model_from_string(style.content)
    side = 2 * style.alignment
    changed = halve(model, infer_sizes(model, style.inputs, OUTPUT_NAME, side, side))
    return replace(style, content=model.SerializeToString(deterministic=True)) if changed else style


def halve(model, sizes: Sizes) -> bool:
    """halved() for the onnx.ModelProto of a style that load_style() accepted. Returns whether anything changed."""
    import onnx

    halves, kind, cast = _halves(model, sizes), onnx.TensorProto, onnx.helper.make_node
    exact = {name for node in model.graph.node if node.output[0] not in halves for name in node.input} | {OUTPUT_NAME}
    nodes, made = [], set(halves)
    for node in model.graph.node:
        name = node.output[0]
        if name not in halves:
            nodes.append(node)
            continue
        for index, source in _read(node):
            if source not in made:
                nodes.append(cast("Cast", [source], [PREFIX + source], to=kind.FLOAT16))
                made.add(source)
            node.input[index] = PREFIX + source
        node.output[0] = PREFIX + name
        nodes += [node, *([cast("Cast", [PREFIX + name], [name], to=kind.FLOAT)] if name in exact else [])]
    del model.graph.node[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)
    return bool(halves)


def _halves(model, sizes: Sizes) -> set[str]:
    """Names of the results that are to be in float16."""
    import onnx

    places, halves = set(), set()
    for node in reversed(model.graph.node):
        if node.op_type in JUMPS or places.intersection(node.output):
            places.update(node.input)
    for node in model.graph.node:
        name = node.output[0]
        if node.op_type in CONVOLUTIONS:
            chosen = sizes.shapes[name][1] >= LEAST_CHANNELS
        else:
            chosen = node.op_type in BETWEEN and len(node.output) == 1 and all(source in halves for _, source in _read(node))
        if chosen and name not in places and sizes.types[name] == onnx.TensorProto.FLOAT:
            halves.add(name)
    return halves


def _read(node) -> list[tuple[int, str]]:
    """Index and name of what an operator computes with, sizes apart."""
    return list(enumerate(node.input))[: 1 if node.op_type == "Resize" else None]
