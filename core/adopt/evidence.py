"""What a foreign file says of its pictures: in ONNX's metadata, and by its first and last operators."""

import numpy as np

from .old_graphs import weights_of

PIXEL_FORMATS = {"rgb8": "rgb", "rgba8": "rgb", "bgr8": "bgr", "bgra8": "bgr"}
GAMMAS = {"linear": "linear", "srgb": "srgb"}
PIXEL_RANGES = {"nominalrange_0_255": "0..255", "normalized_0_1": "0..1", "normalized_1_1": "-1..1"}
"""Values of ONNX's metadata for images, https://onnx.ai/onnx/repo-docs/MetadataProps.html; they are the same in any case."""
MAX_LINE = 200
PASSED_ON = ("Cast", "Clip", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")


def stated(model) -> dict[str, str]:
    """What a file's metadata says: of range_in, order, encoding, author and licence what is there."""
    said = {prop.key.lower(): prop.value for prop in model.metadata_props}
    keys = (
        ("range_in", "image.nominalpixelrange", PIXEL_RANGES),
        ("order", "image.bitmappixelformat", PIXEL_FORMATS),
        ("encoding", "image.colorspacegamma", GAMMAS),
    )
    found = {name: values[said[key].lower()] for name, key, values in keys if said.get(key, "").lower() in values}
    people = {"author": ("author",), "licence": ("license", "licence")}
    return found | {name: line for name, spelt in people.items() for key in spelt if (line := _one_line(said.get(key, "")))}


def _one_line(text: str) -> str:
    """Plain text of one line, as a card takes it; what is longer than a name or a licence is cut."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text.replace("<", " ")).split())
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}..."


def shown(graph) -> dict[str, str]:
    """What the operators of a modernised graph show: of range_in, range_out and order what they do."""
    gain, shift, offsets = _entry(graph)
    found = {"range_in": _entry_range(gain, shift), "range_out": _exit_range(graph), "order": _order(offsets)}
    return {key: value for key, value in found.items() if value is not None}


def _entry(graph) -> tuple[float, float, np.ndarray | None]:
    """What the first operators multiply by and add, and the first three numbers that they add."""
    weights, name, gain, shift, offsets = weights_of(graph), graph.graph.input[0].name, 1.0, 0.0, None
    while len(users := [node for node in graph.graph.node if name in node.input]) == 1:
        node = users[0]
        step = (1.0, 0.0) if node.op_type in ("Cast", "Identity", "Transpose") else _affine(node, name, weights)
        if step is None:
            break
        added = [weights[taken] for taken in node.input if taken in weights and weights[taken].size == 3]
        if offsets is None and added and node.op_type in ("Add", "Sub"):
            offsets = np.abs(added[0].ravel())
        gain, shift, name = gain * step[0], shift * step[0] + step[1], node.output[0]
    return gain, shift, offsets


def _entry_range(gain: float, shift: float) -> str | None:
    if gain < 1 / 20 or shift < -20 * abs(gain):
        return "0..255"
    return "0..1" if 1.5 < gain < 6 and -3 < shift < -0.4 else None


def _order(offsets: np.ndarray | None) -> str | None:
    """ImageNet's mean is largest in red and smallest in blue."""
    if offsets is None or len(set(offsets.tolist())) < 3:
        return None
    return {(0, 1, 2): "bgr", (2, 1, 0): "rgb"}.get(tuple(np.argsort(offsets).tolist()))


def _exit_range(graph) -> str | None:
    """The range that the last operators can give."""
    weights, name, gain, shift = weights_of(graph), graph.graph.output[0].name, 1.0, 0.0
    makers = {result: node for node in graph.graph.node for result in node.output}
    while name in makers:
        node = makers[name]
        source = next((taken for taken in node.input if taken not in weights), "")
        if bounds := _bounds(node, weights):
            return _nearest_range(*sorted(bound * gain + shift for bound in bounds))
        step = (1.0, 0.0) if node.op_type in PASSED_ON else _affine(node, source, weights)
        if step is None:
            return None
        gain, shift, name = gain * step[0], gain * step[1] + shift, source
    return None


def _nearest_range(low: float, high: float) -> str | None:
    fits = {"0..1": (0, 1), "-1..1": (-1, 1), "0..255": (0, 255)}
    errors = {key: (abs(low - a) + abs(high - b)) / (b - a) for key, (a, b) in fits.items()}
    nearest = min(errors, key=lambda key: errors[key])
    return nearest if errors[nearest] < 0.5 else None


def _bounds(node, weights: dict[str, np.ndarray]) -> tuple[float, float] | None:
    if node.op_type == "Clip" and len(node.input) == 3 and all(name in weights for name in node.input[1:]):
        low, high = (float(weights[name].ravel()[0]) for name in node.input[1:])
        return low, high
    return {"Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0), "HardSigmoid": (0.0, 1.0)}.get(node.op_type)


def _affine(node, source: str, weights: dict[str, np.ndarray]) -> tuple[float, float] | None:
    """(gain, shift) of a node that multiplies by or adds a constant; of several numbers their mean."""
    if node.op_type not in ("Add", "Sub", "Mul", "Div") or len(node.input) != 2:
        return None
    other = node.input[1] if node.input[0] == source else node.input[0]
    if other not in weights or weights[other].size not in (1, 3, 4):
        return None
    value = float(weights[other].mean())
    turned = node.input[1] == source
    if node.op_type == "Add":
        return 1.0, value
    if node.op_type == "Sub":
        return (-1.0, value) if turned else (1.0, -value)
    if node.op_type == "Mul":
        return value, 0.0
    return None if turned or not value else (1 / value, 0.0)
