"""Pictures in the size that an upscaler gives them: core.adopt brings them back to the frame's size, by means in the graph, which
are taken out of it here.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from .memory import frame_cost
from .onnx_limits import check_limits
from .onnx_sizes import CPP_ERRORS, GraphError
from .receptive_field import receptive_field
from .scale import enlarged
from .style import OUTPUT_NAME, Style, StyleError

AFTER = "after/"
"""Begins the names of what core.adopt puts behind a network."""
PREFIX = "gan_style_upscaled/"
TIMES = range(2, 5)


def upscaled(style: Style) -> Style:
    """The style with a graph that gives all pixels of its network: OUTPUT_NAME is (1, 3 * n * n, height, width) then, of
    scene-linear RGB of the n x n parts of each pixel, row by row.

    Raises StyleError if the style is no upscaler.
    """
    import onnx

    model = onnx.load_model_from_string(style.content)
    try:
        times = _take_means_out(model)
        check_limits(model, style.inputs, OUTPUT_NAME, style.alignment)
        seen = receptive_field(model, style.inputs, OUTPUT_NAME, style.alignment)
        cost = frame_cost(model, style.inputs, OUTPUT_NAME, style.alignment)
    except (GraphError, *CPP_ERRORS) as error:
        problem = "it is no upscaler that was adopted from another tool's network; leave --upscale away"
        raise StyleError(f"The style '{style.name}' has no larger picture to keep: {problem}.") from error
    return replace(
        style,
        content=model.SerializeToString(deterministic=True),
        alignment=seen.step,
        receptive_radius=max(style.receptive_radius, seen.radius or 0),
        tiles_exact=style.tiles_exact and seen.radius is not None,
        cost=cost,
        upscales=times,
    )


def _take_means_out(model) -> int:
    """Have the graph give all that its network gives, in place; returns how many times as large that is. Raises GraphError."""
    import onnx

    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    times, means = _means(graph)
    light = makers.get(makers[OUTPUT_NAME].input[0]) if OUTPUT_NAME in makers else None
    if light is None or light.op_type != "Mul" or makers[OUTPUT_NAME].op_type != "Identity":
        raise GraphError("it ends otherwise")
    means.CopyFrom(onnx.helper.make_node("Identity", [means.input[0]], list(means.output), means.name))

    def put(before: "onnx.NodeProto", operator: str, *inputs: str | np.ndarray, **attributes: Any) -> str:
        """A new node before another."""
        names, place = [], list(graph.node).index(before)
        for value in inputs:
            if isinstance(value, np.ndarray):
                graph.initializer.append(onnx.numpy_helper.from_array(value, f"{PREFIX}weight{len(graph.initializer)}"))
                value = graph.initializer[-1].name
            names.append(value)
        result = f"{PREFIX}{len(graph.node)}_{operator}"
        graph.node.insert(place, onnx.helper.make_node(operator, names, [result], result, **attributes))
        return result

    for resize in [node for node in graph.node if node.op_type == "Resize" and node.output[0].startswith(AFTER)]:
        sides = makers.get(resize.input[-1])  # of a network that takes one size: the frame's, beside a batch and channels
        if sides is None or sides.op_type != "Concat":
            raise GraphError("it ends otherwise")
        sides.input[-1] = put(sides, "Mul", sides.input[-1], np.array([times, times]))
    gain = put(light, "Resize", light.input[1], "", np.array([1, 1, times, times], np.float32), mode="linear")
    light.input[1] = gain
    parts = onnx.helper.make_node("SpaceToDepth", [light.output[0]], [OUTPUT_NAME], f"{PREFIX}parts", blocksize=times)
    makers[OUTPUT_NAME].CopyFrom(parts)
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = 3 * times**2
    del graph.value_info[:]
    return times


def _means(graph) -> tuple[int, Any]:
    """(n, the node) of the means over n x n pixels behind the network."""
    import onnx

    for node in graph.node:
        if node.op_type == "AveragePool" and node.output[0].startswith(AFTER):
            sides = {attribute.name: list(onnx.helper.get_attribute_value(attribute)) for attribute in node.attribute}
            for times in TIMES:
                if sides == {"kernel_shape": [times] * 2, "strides": [times] * 2}:
                    return times, node
    raise GraphError("there are no means")


def larger(parts: np.ndarray, image: np.ndarray, times: int) -> np.ndarray:
    """(H, W, 3 * times * times) straight RGB, as an upscaled() style gives it, to (H * times, W * times, 4), premultiplied, with
    the alpha of the image (H, W, 4), enlarged. Where that is 0, with the image's own colours."""
    height, width = image.shape[0] * times, image.shape[1] * times
    rgb = parts.reshape(*image.shape[:2], times, times, 3).swapaxes(1, 2).reshape(height, width, 3)
    frame = np.empty((height, width, 4), np.float32)
    frame[..., :3], frame[..., 3] = rgb, 1
    alpha = np.nan_to_num(image[..., 3:], nan=1.0, posinf=1.0, neginf=0.0)
    if not (alpha == 1).all():
        frame[..., 3:] = enlarged(alpha, (height, width))
        frame[..., :3] *= frame[..., 3:]
        clear = frame[..., 3] == 0
        frame[clear] = image.repeat(times, 0).repeat(times, 1)[clear]
    return frame
