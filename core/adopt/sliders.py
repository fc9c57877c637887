"""A foreign model's inputs of few numbers (a strength, a class, the weights of styles) as controls of the style."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ..controls import Control, check_control_name
from ..onnx_graph import GraphError
from ..presentable import StyleError

PREFIX = "net/"
"""Begins all names of a modernised model."""
MARK = "slider/"
"""Begins the name of a number that becomes an input in the end."""
MOST = 32
"""Numbers of an input that become sliders; a longer one is a code that nobody sets by hand."""
WHOLE, MOST_WHOLE = "half", 127.0
"""What tells inputs of whole numbers, and the most that is tried of them."""


def add_sliders(model, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Put one marked number each in the place of inputs of few numbers, in place; returns the values of the others.

    Until open_sliders() each stands as a weight with the value given, behind an operator that is not folded, so that all is found
    out as if it were fixed.
    """
    inputs, left, nodes = {value.name: value.type.tensor_type for value in model.graph.input}, dict(values), []
    for name, value in values.items():
        shape = [dim.dim_value or 1 for dim in inputs[name].shape.dim] if name in inputs else [MOST + 1]
        if int(np.prod(shape)) <= MOST and value.size in (1, int(np.prod(shape))):
            nodes += _slider(
                model.graph, name, np.broadcast_to(value.reshape(-1), int(np.prod(shape))), shape, inputs[name].elem_type
            )
            model.graph.input.remove(next(i for i in model.graph.input if i.name == name))
            del left[name]
    body = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *body])
    return left


def _slider(graph, name: str, numbers: np.ndarray, shape: list[int], kind: int) -> list:
    """The nodes that make an input of its type and shape from marked numbers, whose weights go into the graph."""
    import onnx

    def add(operator: str, *taken: str, **attributes) -> str:
        nodes.append(onnx.helper.make_node(operator, taken, [f"{MARK}{name}/made{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def weight(label: str, array: np.ndarray) -> str:
        graph.initializer.append(onnx.numpy_helper.from_array(array, f"{MARK}{name}/{label}"))
        return f"{MARK}{name}/{label}"

    nodes: list = []
    parts = [weight(str(place), np.full((1, 1, 1, 1), number, np.float32)) for place, number in enumerate(numbers)]
    together = add("Concat", *(add("LeakyRelu", part, alpha=1.0) for part in parts), axis=3)
    if kind not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE):  # to the nearest whole number
        together = add("Floor", add("Add", together, weight(WHOLE, np.full((1, 1, 1, 1), 0.5, np.float32))))
    shaped = add("Reshape", together, weight("shape", np.array(shape, np.int64))) if shape else add("Squeeze", together)
    return [*nodes, onnx.helper.make_node("Cast", [shaped], [name], to=kind)]


def open_sliders(model) -> tuple[Control, ...]:
    """Make inputs of the marked numbers that a model still has, in place, and return the controls that they are.

    Those that take whole numbers reach up to MOST_WHOLE. Raises GraphError.
    """
    import onnx

    marked = {t.name.removeprefix(PREFIX + MARK): t for t in model.graph.initializer if t.name.startswith(PREFIX + MARK)}
    controls: list[Control] = []
    for place, tensor in [(place, tensor) for place, tensor in marked.items() if place.rpartition("/")[2].isdigit()]:
        name, number = place.rsplit("/", 1)
        title = name if f"{name}/1" not in marked else f"{name} {int(number) + 1}"
        control = _control(title, name, float(onnx.numpy_helper.to_array(tensor).ravel()[0]), f"{name}/{WHOLE}" in marked)
        if control.name in {c.name for c in controls}:
            raise GraphError(f"two of its inputs would both be called {control.name}")
        controls.append(control)
        model.graph.input.append(onnx.helper.make_tensor_value_info(control.name, onnx.TensorProto.FLOAT, [1, 1, 1, 1]))
        for node in [node for node in model.graph.node if tensor.name in node.input]:
            node.CopyFrom(onnx.helper.make_node("Identity", [control.name], node.output))
        model.graph.initializer.remove(tensor)
    return tuple(controls)


def _control(title: str, source: str, value: float, whole: bool) -> Control:
    """A slider from 0 to 1, or further if the value that was given lies beyond."""
    reach = MOST_WHOLE if whole else 1.0 if abs(value) <= 1 else 2 * abs(value)
    name = re.sub("[^a-z0-9]+", "_", title.lower()).strip("_")[:30].strip("_") or "input"
    name = name if name[0].isalpha() else f"input_{name}"
    try:
        check_control_name(name)
    except StyleError:
        name = f"network_{name}"
    plain = "".join(c for c in source if c.isprintable() and c not in "<>")[:80]
    meaning = f"The network's input {plain}{', whole numbers' * whole}"
    return Control(name, -reach if value < 0 else 0.0, max(reach, value), value, meaning, per_frame=True)


def trim(control: Control, runs: Callable[[float], bool]) -> Control:
    """The control without the whole numbers, such as classes, with which the network doesn't run. runs: whether it does."""
    known, beyond = max(control.default, 0.0), control.high + 1
    while beyond - known > 1:
        middle = (known + beyond) // 2
        known, beyond = (middle, beyond) if runs(middle) else (known, middle)
    return replace(control, high=max(known, control.low + 1))
