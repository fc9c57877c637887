"""Graphs that would take the machine's memory or time, or end its process: each is refused at once, in words."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core import Generator, ProviderError, Style, StyleError, load_style
from core.memory import frame_cost
from core.style import OUTPUT_NAME, save_style
from tests.conftest import FIXTURES
from tests.effort import no_hang
from tests.make_fixtures import graph

node = helper.make_node


def whole(name: str, *values: int, kind=np.int64):
    return numpy_helper.from_array(np.array(values, kind), name)


def model_of(nodes: list, weights: dict, *tensors):
    """A model of an image; weights hold zeros of a shape."""
    model = graph(nodes, {name: np.zeros(shape) for name, shape in weights.items()}, ("image",))
    model.graph.initializer.extend(tensors)
    return model


def added(*nodes, result: str, **weights):
    """The image plus the largest number of a result."""
    tail = node("Cast", [result], ["f"], to=1), node("ReduceMax", ["f"], ["m"]), node("Add", ["image", "m"], [OUTPUT_NAME])
    return [*nodes, *tail]


def lowest_by_minus_one():
    return model_of(added(node("Div", ["a", "b"], ["c"]), result="c"), {}, whole("a", -(2**63)), whole("b", -1))


def pixels_by_pixels():
    cast = node("Cast", ["image"], ["i"], to=TensorProto.INT64)
    return model_of(added(cast, node("Div", ["i", "i"], ["c"]), result="c"), {})


def unfolding_constant():
    """A file of 600 bytes that takes 4.6 GB when it is opened."""
    value = numpy_helper.from_array(np.array([1], np.int64))
    return model_of(added(node("ConstantOfShape", ["n"], ["c"], value=value), result="c"), {}, whole("n", 20_000, 20_000))


def long_list():
    """Shape inference follows each number of a list, in case it is a shape: minutes, and all memory."""
    return model_of(added(node("ConstantOfShape", ["n"], ["c"]), result="c"), {}, whole("n", 400_000_000))


def hidden_list():
    nodes = [node("Mul", ["n", "n"], ["nn"]), node("ConstantOfShape", ["nn"], ["c"])]
    return model_of(added(*nodes, result="c"), {}, whole("n", 20_000))


def wide_transposed():
    """4096 values for each pixel and channel before they are added up."""
    return model_of([node("ConvTranspose", ["image", "w"], [OUTPUT_NAME], pads=[31, 31, 32, 32])], {"w": (3, 3, 64, 64)})


def wide_convolution():
    return model_of([node("Conv", ["image", "w"], [OUTPUT_NAME], pads=[255] * 4)], {"w": (3, 3, 511, 511)})


def wide_pooling():
    return model_of([node("MaxPool", ["image"], [OUTPUT_NAME], kernel_shape=[101, 101], pads=[50] * 4)], {})


def very_many(kind: str, count: int):
    names = ["image", *(f"x{number}" for number in range(count - 1)), OUTPUT_NAME]
    return model_of([node(kind, [a, "w"], [b]) for a, b in zip(names, names[1:], strict=False)], {"w": (3, 3, 1, 1)})


def very_deep():
    """500 convolutions of 256 channels at 1/4 of the size."""
    names = ["x", *(f"x{number}" for number in range(500))]
    nodes = [node("Conv", ["image", "in"], ["x"], strides=[4, 4])]
    nodes += [node("Conv", [a, "w"], [b], pads=[1] * 4) for a, b in zip(names, names[1:], strict=False)]
    nodes += [node("Conv", [names[-1], "out"], ["y"]), node("DepthToSpace", ["y"], [OUTPUT_NAME], blocksize=4)]
    return model_of(nodes, {"in": (256, 3, 4, 4), "w": (256, 256, 3, 3), "out": (48, 256, 1, 1)})


def strange_text():
    model = model_of([node("Resize", ["image", "", "s"], [OUTPUT_NAME], mode="nearest")], {})
    model.graph.initializer.append(numpy_helper.from_array(np.ones(4, np.float32), "s"))
    model.graph.node[0].attribute[0].s = b"\xff\xfe"
    return model


def attention():
    """Each of the squares of 16 x 16 pixels is compared with all others."""
    nodes = [
        node("Conv", ["image", "w"], ["a"], strides=[16, 16]),
        node("Shape", ["a"], ["size"]),
        node("Reshape", ["a", "flat"], ["k"]),
        node("Transpose", ["k"], ["q"], perm=[0, 2, 1]),
        node("MatMul", ["q", "k"], ["map"]),
        node("Softmax", ["map"], ["s"], axis=-1),
        node("MatMul", ["k", "s"], ["v"]),
        node("Reshape", ["v", "size"], ["b"]),
        node("DepthToSpace", ["b"], [OUTPUT_NAME], blocksize=16),
    ]
    return model_of(nodes, {"w": (768, 3, 16, 16)}, whole("flat", 1, 768, -1))


def image_as_kernel():
    """Nothing large is kept, but the work is the square of the frame."""
    nodes = [
        node("Transpose", ["image"], ["k"], perm=[1, 0, 2, 3]),
        node("Conv", ["image", "one"], ["o"]),
        node("Conv", ["o", "k"], ["c"], auto_pad="SAME_UPPER"),
    ]
    return model_of(added(*nodes, result="c"), {"one": (1, 3, 1, 1)})


HOSTILE = {
    "lowest by -1": (lowest_by_minus_one(), 1, "divides whole numbers by what is not a constant above 0"),
    "pixels by pixels": (pixels_by_pixels(), 1, "divides whole numbers by what is not a constant above 0"),
    "unfolding constant": (unfolding_constant(), 1, "its constants unfold from 0 to 4577 MiB"),
    "long list": (long_list(), 1, "'c' is a list of 400000000 numbers"),
    "hidden list": (hidden_list(), 1, "'c' is not known before it runs"),
    "wide transposed": (wide_transposed(), 1, "would need .* MiB"),
    "wide convolution": (wide_convolution(), 1, "operator Conv multiplies .* which could not be stopped"),
    "wide pooling": (wide_pooling(), 1, "operator MaxPool multiplies"),
    "many convolutions": (very_many("Conv", 2600), 1, "2600 operators, 2600 of them convolutions; at most 2000 and 600"),
    "many sums": (very_many("Add", 4000), 1, "4000 operators"),
    "very deep": (very_deep(), 4, "multiplies .* times for each pixel"),
    "strange text": (strange_text(), 1, "text that is not plain ASCII"),
    "attention": (attention(), 16, "'map' grows faster than the frame, as attention"),
    "image as kernel": (image_as_kernel(), 1, "operator Conv multiplies"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_take_the_machine_is_refused_at_once(name, tmp_path):
    model, alignment, words = HOSTILE[name]
    model.metadata_props.add(key="gan_style", value=Style("S", alignment=alignment).to_json())
    onnx.save(model, tmp_path / "s.onnx")
    with no_hang(), pytest.raises(StyleError, match=words):
        load_style(tmp_path / "s.onnx")


def test_sizes_may_be_divided(tmp_path):
    """Whole numbers, by a constant."""
    nodes = [node("Shape", ["image"], ["s"]), node("Div", ["s", "two"], ["half"])]
    save_style(tmp_path / "s.onnx", model_of(added(*nodes, result="half"), {}, whole("two", 2)), Style("S"))


def test_the_columns_of_a_transposed_convolution_count():
    """A pixel of its input gives 8 x 8 values for each channel of the result (ONNX Runtime keeps all of them at once)."""
    nodes = [
        node("Conv", ["image", "down"], ["a"], strides=[2, 2]),
        node("ConvTranspose", ["a", "up"], [OUTPUT_NAME], strides=[2, 2], pads=[3] * 4),
    ]
    cost = frame_cost(model_of(nodes, {"down": (8, 3, 2, 2), "up": (8, 3, 8, 8)}), {"image": 3}, OUTPUT_NAME, 2)
    assert cost.pixel_bytes == 4 * (3 + 8 // 4 + 3 * 64 // 4 + 3)


def test_memory_that_does_not_grow_with_the_frame_counts_by_itself():
    """The frame brought to 1024 x 1024 and back."""
    nodes = [
        node("Shape", ["image"], ["size"]),
        node("Resize", ["image", "", "", "square"], ["a"], mode="nearest"),
        node("Sin", ["a"], ["b"]),
        node("Resize", ["b", "", "", "size"], [OUTPUT_NAME], mode="nearest"),
    ]
    cost = frame_cost(model_of(nodes, {}, whole("square", 1, 3, 1024, 1024)), {"image": 3}, OUTPUT_NAME, 1)
    assert cost.fixed_bytes > 0.9 * 2 * 12 * 1024**2 and cost.bytes(256**2) >= 2 * 12 * 1024**2 + 12 * 256**2
    assert 24 <= cost.pixel_bytes <= 25


def test_a_run_is_cut_into_what_can_be_stopped(tmp_path, monkeypatch):
    save_style(tmp_path / "s.onnx", onnx.load(FIXTURES / "wide.onnx"), Style("S", alignment=4))
    generator = Generator(load_style(tmp_path / "s.onnx"), "cpu", memory_limit=10**12)
    assert generator.window(4000, 8000) == (4000, 8000)
    monkeypatch.setattr("core.generator.MOST_WORK", 10**6 * generator.style.cost.longest)
    height, width = generator.window(4000, 8000)
    assert 0.8e6 < height * width <= 1e6


def test_a_frame_that_can_neither_be_cut_nor_stopped_is_refused(tmp_path, monkeypatch):
    nodes = [node("InstanceNormalization", ["image", "scale", "shift"], [OUTPUT_NAME])]
    save_style(tmp_path / "s.onnx", model_of(nodes, {"scale": (3,), "shift": (3,)}), Style("Seer"))
    generator = Generator(load_style(tmp_path / "s.onnx"), "cpu", memory_limit=10**12)
    monkeypatch.setattr("core.generator.MOST_WORK", 10**6 * generator.style.cost.longest)
    assert generator.window(1000, 1000) == (1000, 1000)
    with pytest.raises(ProviderError, match="'Seer' must see the whole frame .* 8000 x 4000 pixels .* could not be stopped"):
        generator.window(4000, 8000)
