"""Finds what lies before the end of a graph that ends like our generators with a gate (export/networks/guided.py)."""

from itertools import pairwise

from .onnx_sizes import infer_shapes

DECODED = ("Mul", "Sub", "Exp", "Mul", "Relu")
"""The operators of decode(), the last first: each takes one result first, and at most a constant or, the last, an
exposure."""


def tap(model, inputs: dict[str, int], output: str, alignment: int) -> tuple[str, str] | None:
    """Names of the encoded base, of three channels, and of the gate, of one; None if the graph does not end like a generator with
    a gate. The arguments are those of check_graph(), which the graph has passed."""
    found = _end(model, output)
    if found is None:
        return None
    side = 2 * alignment
    shapes = infer_shapes(model, inputs, output, side, side)
    return found if [shapes.get(name) for name in found] == [[1, 3, side, side], [1, 1, side, side]] else None


def _end(model, output: str) -> tuple[str, str] | None:
    """Names of what is taken for the base and the gate by the operators alone."""
    makers = {name: node for node in model.graph.node for name in node.output}
    encoded = output
    for operator in DECODED:
        node = makers.get(encoded)
        if node is None or node.op_type != operator:
            return None
        encoded = node.input[0]
    last = makers.get(encoded)
    if last is not None and last.op_type == "Sub":  # what goes beyond the limit
        last = makers.get(last.input[0])
    if last is None or last.op_type != "Add":
        return None
    for name in last.input:
        if gate := _gate(name, makers):
            return name, gate
    return None


def _gate(base: str, makers: dict) -> str:
    """Name of the gate that a base is made with: image * gate, or image - light * ((1 - gate) / 3) where only its light is held
    back. Empty if it is made otherwise."""
    operators = ("Mul", "Sigmoid")
    if base in makers and makers[base].op_type == "Sub":
        operators = ("Sub", "Mul", "Mul", "Sub", "Sigmoid")
    found = {base}
    for operator, further in pairwise(operators):
        sources = {name for made in found if made in makers and makers[made].op_type == operator for name in makers[made].input}
        found = {name for name in sources if name in makers and makers[name].op_type == further}
    if not found:  # ink that lies over all covers a share of what the gate lets through
        found = {
            name for name in sources if name in makers and makers[name].op_type == "Mul" and _of(makers[name], "Sigmoid", makers)
        }
    return found.pop() if len(found) == 1 else ""


def _of(node, operator: str, makers: dict) -> bool:
    """Whether one of what a node takes is made by an operator."""
    return any(name in makers and makers[name].op_type == operator for name in node.input)
