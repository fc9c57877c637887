"""Graph surgery: a foreign model between scene-linear light and its own range, layout and order of channels, and back."""

from dataclasses import dataclass

import numpy as np

from ..colour import LUMINANCE
from ..onnx_graph import MAX_OPSET
from ..style import OUTPUT_NAME
from .builder import Builder, whole
from .old_graphs import IR_VERSION
from .sizes import set_shape
from .tone import add_to_display, add_to_light

IMAGENET = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
"""Mean and deviation of ImageNet's pictures in [0, 1], as torchvision's models take them."""
RANGES = {
    "0..1": (np.zeros(3, np.float32), np.ones(3, np.float32)),
    "-1..1": (np.full(3, 0.5, np.float32), np.full(3, 0.5, np.float32)),
    "0..255": (np.zeros(3, np.float32), np.full(3, 1 / 255, np.float32)),
    "imagenet": IMAGENET,
    "imagenet255": (np.array([103.939, 116.779, 123.68], np.float32)[::-1] / 255, np.full(3, 1 / 255, np.float32)),
}
"""By name: mean and deviation of red, green and blue in [0, 1]; a model sees (value - mean) / deviation."""
ORDERS = ("rgb", "bgr")


@dataclass(frozen=True)
class Wrapping:
    """What a model wants, and gives."""

    layout: str
    """Axes of its input, letters of N, C, H and W."""
    layout_out: str
    range_in: str
    """Key of RANGES."""
    range_out: str
    order: str
    """One of ORDERS."""
    encoding: str
    """One of tone.ENCODINGS."""
    channels_in: int
    """1 (grey), 3, or 4 (with an alpha of 1)."""
    channels_out: int
    multiple: int
    """Its sides are multiples of this."""
    scale: int
    """Times that its answer's sides are larger; brought back."""
    size: tuple[int, int] | None
    """Height and width of the one size that it takes; None if it is free."""
    tiles: bool = False
    """Whether frames are run in tiles of that size, rather than scaled to it."""


def wrap(model, wrapping: Wrapping):
    """The onnx.ModelProto of a style around a model of old_graphs.modernise(): image in, stylised out, both scene-linear."""
    import onnx

    before, after = Builder("before/"), Builder("after/")
    display, factor = add_to_display(before, "image", wrapping.encoding)
    if wrapping.size is not None:
        display = _resized(before, display, whole(*wrapping.size))
    entry = _add_entry(before, display, wrapping, model.graph.input[0].type.tensor_type.elem_type)
    picture = _add_exit(after, model.graph.output[0].name, wrapping)
    if wrapping.size is not None:
        sides = after.add("Slice", after.add("Shape", "image"), whole(2), whole(4), whole(0))
        picture = _resized(after, picture, sides)
    light = add_to_light(after, picture, factor, wrapping.encoding)
    ends = [onnx.helper.make_node("Identity", [light], [OUTPUT_NAME])]
    body = [onnx.NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
    for node in body:
        for index, name in enumerate(node.input):
            if name == model.graph.input[0].name:
                node.input[index] = entry
    frames = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, "height", "width"])
        for name in ("image", OUTPUT_NAME)
    ]
    weights = [*before.weights, *model.graph.initializer, *after.weights]
    graph = onnx.helper.make_graph([*before.nodes, *body, *after.nodes, *ends], "style", frames[:1], frames[1:], weights)
    opsets = [onnx.helper.make_opsetid("", MAX_OPSET)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def _resized(builder: Builder, picture: str, sides: "str | np.ndarray") -> str:
    """To a height and width, smoothed where that is smaller; untouched where it is the same."""
    sizes = builder.add("Concat", whole(1, 3), sides, axis=0)
    return builder.add("Resize", picture, "", "", sizes, mode="linear", antialias=1)


def _add_entry(builder: Builder, display: str, wrapping: Wrapping, kind: int) -> str:
    """From (1, 3, H, W) in [0, 1] to what the model takes."""
    import onnx

    mean, deviation = (values.reshape(1, 3, 1, 1) for values in RANGES[wrapping.range_in])
    picture = builder.add("Mul", builder.add("Sub", display, mean), (1 / deviation).astype(np.float32))
    if wrapping.channels_in == 1:
        weights = np.array(LUMINANCE, np.float32).reshape(1, 3, 1, 1)
        picture = builder.add("Conv", picture, weights, kernel_shape=[1, 1])
    elif wrapping.order == "bgr":
        picture = builder.add("Gather", picture, whole(2, 1, 0), axis=1)
    if wrapping.channels_in == 4:
        first = builder.add("Slice", picture, whole(0), whole(1), whole(1))
        opaque = (1 - mean[0, 0]) / deviation[0, 0]
        picture = builder.add("Concat", picture, builder.add("Add", builder.add("Mul", first, 0.0), float(opaque[0, 0])), axis=1)
    if kind == onnx.TensorProto.UINT8:
        picture = builder.add("Clip", builder.add("Round", picture), 0.0, 255.0)
    if kind != onnx.TensorProto.FLOAT:
        picture = builder.add("Cast", picture, to=kind)
    return _transposed(builder, picture, "NCHW", wrapping.layout)


def _add_exit(builder: Builder, answer: str, wrapping: Wrapping) -> str:
    """From what the model gives to (1, 3, H, W) in [0, 1]."""
    import onnx

    picture = _transposed(builder, builder.add("Cast", answer, to=onnx.TensorProto.FLOAT), wrapping.layout_out, "NCHW")
    if wrapping.scale > 1:
        sides = [wrapping.scale] * 2
        picture = builder.add("AveragePool", picture, kernel_shape=sides, strides=sides)
    if wrapping.channels_out == 4:
        picture = builder.add("Slice", picture, whole(0), whole(3), whole(1))
    if wrapping.channels_out == 1:
        picture = builder.add("Concat", picture, picture, picture, axis=1)
    elif wrapping.order == "bgr":
        picture = builder.add("Gather", picture, whole(2, 1, 0), axis=1)
    mean, deviation = (values.reshape(1, 3, 1, 1) for values in RANGES[wrapping.range_out])
    picture = builder.add("Add", builder.add("Mul", picture, deviation), mean)
    return builder.add("Clip", picture, 0.0, 1.0)


def _transposed(builder: Builder, tensor: str, present: str, wanted: str) -> str:
    """From one layout to another; without N is a batch of one."""
    if "N" not in present:
        tensor, present = builder.add("Unsqueeze", tensor, whole(0)), f"N{present}"
    order = [present.index(axis) for axis in (wanted if "N" in wanted else f"N{wanted}")]
    if order != [0, 1, 2, 3]:
        tensor = builder.add("Transpose", tensor, perm=order)
    return tensor if "N" in wanted else builder.add("Squeeze", tensor, whole(0))


def free_input(model, layout: str, channels: int) -> None:
    """Let the model's input have any height and width, in place."""
    set_shape(model, [{"N": 1, "C": channels, "H": "height", "W": "width"}[axis] for axis in layout])
