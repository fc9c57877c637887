"""Hostile and foreign ONNX files, each refused before ONNX Runtime sees it."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core import StyleError, load_style
from core.onnx_graph import GraphError, check_parts, parse_model
from core.style import OUTPUT_NAME, Style, save_style
from tests.conftest import FIXTURES
from tests.effort import no_hang
from tests.make_fixtures import graph

node = helper.make_node


@pytest.fixture
def model():
    return onnx.load(FIXTURES / "swap.onnx")


def load(model, tmp_path) -> None:
    onnx.save(model, tmp_path / "s.onnx")
    load_style(tmp_path / "s.onnx")


def whole(name: str, *values: int):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def with_nodes(model, tensors: list, *nodes):
    """Nodes that turn the result of the convolution, "c", into the output."""
    model.graph.node[0].output[0] = "c"
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(tensors)
    return model


def scales(factor: float):
    return numpy_helper.from_array(np.array([1, 1, factor, factor], np.float32), "scales")


BOMBS = {
    "ConstantOfShape": (
        [whole("n", 2**20, 2**20)],
        [node("ConstantOfShape", ["n"], ["big"]), node("ReduceMax", ["big"], ["m"]), node("Add", ["c", "m"], [OUTPUT_NAME])],
    ),
    "Expand": ([whole("n", 2**15, 3, 2**15, 1)], [node("Expand", ["c1", "n"], ["big"]), node("ReduceMax", ["c"], ["c1"])]),
    "Tile": (
        [whole("n", 1, 2**15, 1, 1)],
        [node("Tile", ["c", "n"], ["big"]), node("ReduceMax", ["big"], ["m"]), node("Add", ["c", "m"], [OUTPUT_NAME])],
    ),
    "Resize": (
        [scales(1000)],
        [node("Resize", ["c", "", "scales"], ["big"]), node("ReduceMax", ["big"], ["m"]), node("Add", ["c", "m"], [OUTPUT_NAME])],
    ),
    "Pad": (
        [whole("n", *[0, 0, 2**20, 2**20] * 2)],
        [node("Pad", ["c", "n"], ["big"]), node("ReduceMax", ["big"], ["m"]), node("Add", ["c", "m"], [OUTPUT_NAME])],
    ),
    "attention": (
        [whole("n", 1, 3, -1, 1), whole("t", 1, 3, 1, -1)],
        [
            node("Reshape", ["c", "n"], ["column"]),
            node("Reshape", ["c", "t"], ["row"]),
            node("MatMul", ["column", "row"], ["big"]),
            node("ReduceMax", ["big"], ["m"]),
            node("Add", ["c", "m"], [OUTPUT_NAME]),
        ],
    ),
    "NonZero": (
        [],
        [
            node("NonZero", ["c"], ["z"]),
            node("Cast", ["z"], ["f"], to=1),
            node("ReduceMax", ["f"], ["m"]),
            node("Add", ["c", "m"], [OUTPUT_NAME]),
        ],
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_graphs_that_use_up_memory_are_refused(model, tmp_path, bomb):
    tensors, nodes = BOMBS[bomb]
    with no_hang(), pytest.raises(StyleError, match="too much|not known before it runs|not valid|contradict|operator NonZero"):
        load(with_nodes(model, tensors, *nodes), tmp_path)


def spoil_shape(model):
    model.graph.initializer[0].dims[0] = 2**40


def spoil_negative(model):
    model.graph.initializer[0].dims[:] = [-3, -3, 1, 1]


def spoil_text(model):
    model.graph.initializer.append(helper.make_tensor("s", TensorProto.STRING, [1], [b"x"]))


def spoil_attribute_tensor(model):
    attribute = model.graph.node[0].attribute.add(name="hidden", type=onnx.AttributeProto.TENSORS)
    attribute.tensors.add(name="w2", data_location=TensorProto.EXTERNAL).external_data.add(key="location", value="../secret")


def spoil_node_domain(model):
    model.graph.node[0].domain = "com.microsoft"


def spoil_hidden_graph(model):
    model.graph.node[0].attribute[0].g.name = "hidden"


def spoil_reference(model):
    model.graph.node[0].attribute[0].ref_attr_name = "kernel"


def spoil_sparse(model):
    model.graph.sparse_initializer.add().dims.append(2**40)


def spoil_training(model):
    model.training_info.add()


def spoil_chance(model):
    noise = node("RandomNormalLike", ["c"], ["n"])
    with_nodes(model, [], noise, node("Add", ["c", "n"], [OUTPUT_NAME]))


def spoil_inference(model):
    """onnx 1.22 looks for the first of no numbers here."""
    with_nodes(model, [whole("n")], node("STFT", ["c", "n"], [OUTPUT_NAME]))


def spoil_empty(model):
    """With LayerNormalization such a file crashed ONNX Runtime 1.31."""
    with_nodes(model, [whole("n")], node("Cast", ["n"], ["f"], to=1), node("Add", ["c", "f"], [OUTPUT_NAME]))


def spoil_size(model):
    with_nodes(model, [scales(0.5)], node("Resize", ["c", "", "scales"], [OUTPUT_NAME]))


def spoil_turned(model):
    with_nodes(model, [], node("Transpose", ["c"], [OUTPUT_NAME], perm=[0, 1, 3, 2]))


def spoil_constant(model):
    with_nodes(model, [whole("n", 1, 3, 8, 8)], node("ConstantOfShape", ["n"], [OUTPUT_NAME]))


@pytest.mark.parametrize(
    "spoil, words",
    [
        (spoil_shape, "'w' should be 1099511627776 x 3 x 1 x 1, but hold 9"),
        (spoil_negative, "should be -3"),
        (spoil_text, "type of its weights 's'"),
        (spoil_attribute_tensor, "in another file"),
        (spoil_node_domain, "com.microsoft"),
        (spoil_hidden_graph, "control flow"),
        (spoil_sparse, "sparse"),
        (spoil_reference, "from a function"),
        (spoil_training, "training of its own"),
        (spoil_chance, "operator RandomNormalLike"),
        (spoil_inference, "operator STFT"),
        (spoil_empty, "Cast gets an empty input|contradict"),
        (spoil_size, r"its output has the shape \[1, 3, 96, 128\]"),
        (spoil_turned, r"shape \[1, 3, 256, 192\]"),
        (spoil_constant, r"shape \[1, 3, 8, 8\]"),
    ],
)
def test_hostile_and_foreign_graphs_are_refused(model, tmp_path, spoil, words):
    spoil(model)
    with pytest.raises(StyleError, match=words):
        load(model, tmp_path)


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    size, varint = len(content), b""
    while size > 127:
        size, varint = size >> 7, varint + bytes([size & 127 | 128])
    return bytes([number << 3 | 2]) + varint + bytes([size]) + content


def deep_type(levels: int) -> bytes:
    """A type that is a sequence of sequences of ..., as the type of the graph's input."""
    content = b""
    for _ in range(levels):
        content = field(4, field(1, content))
    return field(7, field(11, field(2, content)))


@pytest.mark.parametrize(
    "content, words",
    [
        (field(7, field(1, b"") * 2_000_000), "more than 200000 parts"),
        (deep_type(2000), "nested too deeply"),
        (field(7, field(5, field(7, b"\x01" * 2**21))), "too many whole numbers"),
        (field(7, b"")[:-1], "damaged"),
        (b"\xff" * 40, "damaged"),
        (b"\x3b", "damaged"),
        (b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "damaged"),
    ],
    ids=["parts", "depth", "integers", "cut", "endless", "group", "long"],
)
def test_files_made_to_choke_the_parser_are_refused_at_once(content, words):
    with no_hang(), pytest.raises(GraphError, match=words):
        parse_model(content)


def test_weights_of_a_million_dimensions_are_refused_at_once():
    packed = field(7, field(5, field(1, b"\x7f" * 2**20) + bytes([2 << 3, TensorProto.FLOAT])))
    with no_hang(), pytest.raises(GraphError, match="1048576 dimensions"):
        check_parts(parse_model(packed))


def test_usual_ways_to_build_a_generator_are_accepted(tmp_path):
    """Sizes taken from the input's shape, reflecting padding, resizing to a computed size, transposed convolution."""
    weights = {"down": np.zeros((8, 3, 3, 3)), "up": np.zeros((8, 3, 2, 2))}
    nodes = [
        node("Constant", [], ["pads"], value=whole("", 0, 0, 1, 1, 0, 0, 1, 1)),
        node("Pad", ["image", "pads"], ["p"], mode="reflect"),
        node("Conv", ["p", "down"], ["d"], strides=[2, 2]),
        node("Relu", ["d"], ["r"]),
        node("ConvTranspose", ["r", "up"], ["u"], strides=[2, 2]),
        node("Constant", [], ["two"], value=whole("", 2)),
        node("Constant", [], ["four"], value=whole("", 4)),
        node("Constant", [], ["batch"], value=whole("", 1, 8)),
        node("Shape", ["image"], ["s"]),
        node("Slice", ["s", "two", "four"], ["hw"]),
        node("Concat", ["batch", "hw"], ["size"], axis=0),
        node("Resize", ["r", "", "", "size"], ["b"], mode="linear"),
        node("Constant", [], ["one"], value=whole("", 1)),
        node("ReduceMean", ["b", "one"], ["m"]),
        node("Add", ["u", "m"], ["um"]),
        node("Add", ["um", "image"], [OUTPUT_NAME]),
    ]
    save_style(tmp_path / "s.onnx", graph(nodes, weights, ("image",)), Style("S", alignment=2))
    assert load_style(tmp_path / "s.onnx").alignment == 2
