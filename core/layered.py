"""Layers of a picture: what a gate let through of the image, what was painted over it, and how much of it is covered.

Generators with a gate end in the same few operators (export/networks/guided.py), so that these can be tapped in any file.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .colour import HALF_MAX
from .onnx_tap import DECODED, tap
from .style import OUTPUT_NAME, Style, StyleError

CHANNELS = 7
"""Of a graph with layers: picture and base, three each, and coverage."""
HELD_BYTES = 4 * (3 + 1 + 2 * 3 + 1 + CHANNELS)
"""For each pixel, at most, besides what the graph holds without layers: the base and the gate until the end, and what becomes of
them."""
PREFIX = "gan_style_layers/"


class Layers(NamedTuple):
    """What a picture consists of, premultiplied and scene-linear: picture = base + paint, in all four channels."""

    picture: np.ndarray
    """(H, W, 4) float32: what stylize() gives."""
    base: np.ndarray
    """(H, W, 4): what was kept of the image, with its alpha."""
    paint: np.ndarray
    """(H, W, 4): what was added, below 0 where light was taken away; its alpha is 0, so that it adds to what it is laid over."""
    coverage: np.ndarray
    """(H, W, 1) within [0, 1] for an alpha of 1: how much of the image was covered."""


def layered(style: Style) -> Style:
    """The style with a graph whose output has CHANNELS: scene-linear RGB of the picture, RGB of the base, and coverage, [0, 1].

    Raises StyleError if it computes no layers.
    """
    import onnx

    model = onnx.load_model_from_string(style.content)
    found = tap(model, style.inputs, OUTPUT_NAME, style.alignment)
    if found is None:
        raise StyleError(f"The style '{style.name}' computes no layers; choose one that does, or leave the layers away.")
    _add_layers(model, *found)
    content = model.SerializeToString(deterministic=True)
    cost = replace(style.cost, pixel_bytes=style.cost.pixel_bytes + HELD_BYTES)
    return replace(style, content=content, cost=cost, gives_layers=True)


def _add_layers(model, base: str, gate: str) -> None:
    """Have the output be picture, base and coverage, one after the other."""
    import onnx

    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    chain, name = [], OUTPUT_NAME
    for _ in DECODED:
        chain.append(makers[name])
        name = makers[name].input[0]
    for place, node in enumerate(reversed(chain)):  # decode() once more, for the base
        decoded = f"{PREFIX}{place}"
        graph.node.append(
            onnx.helper.make_node(node.op_type, [base, *node.input[1:]], [decoded], f"{PREFIX}{node.op_type}{place}")
        )
        base = decoded
    chain[0].output[0] = f"{PREFIX}picture"
    graph.initializer.append(onnx.helper.make_tensor(f"{PREFIX}one", onnx.TensorProto.FLOAT, [], [1.0]))
    graph.node.append(onnx.helper.make_node("Sub", [f"{PREFIX}one", gate], [f"{PREFIX}coverage"], f"{PREFIX}Sub"))
    parts = [f"{PREFIX}picture", base, f"{PREFIX}coverage"]
    graph.node.append(onnx.helper.make_node("Concat", parts, [OUTPUT_NAME], f"{PREFIX}Concat", axis=1))
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = CHANNELS
    del graph.value_info[:]


def masked(image: np.ndarray, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture where the mask (H, W, 1) is 1, the image where it is 0, and what lies between them in between."""
    image = finite(image)
    return image + _share(mask) * (finite(picture) - image)


def masked_layers(image: np.ndarray, layers: Layers, mask: np.ndarray) -> Layers:
    """The layers of a picture that is masked()."""
    share = _share(mask)
    picture, base = (masked(image, part, mask) for part in (layers.picture, layers.base))
    return Layers(picture, base, share * finite(layers.paint), share * layers.coverage)


def _share(mask: np.ndarray) -> np.ndarray:
    return np.nan_to_num(mask).clip(0, 1)


def finite(image: np.ndarray) -> np.ndarray:
    """A copy without what is infinite or no number."""
    return np.nan_to_num(image, nan=0.0, posinf=HALF_MAX, neginf=-HALF_MAX)
