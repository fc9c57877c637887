"""Float16 inside a graph: where, where not, and what it changes."""

import numpy as np
import onnx
import pytest
from onnx import helper

from core import Generator, Style, load_style, stylize
from core.half import JUMPS, LEAST_CHANNELS, PREFIX, halved
from core.layered import layered
from core.onnx_sizes import infer_sizes
from core.style import OUTPUT_NAME, SHIPPED, save_style
from tests.conftest import FIXTURES
from tests.make_fixtures import graph

HALF, FLOAT = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT


def half_graph(style):
    """The model of the style in half precision, and the types of its results."""
    model = onnx.load_model_from_string(halved(style).content)
    onnx.checker.check_model(model, full_check=True)
    return model, infer_sizes(model, style.inputs, OUTPUT_NAME, 2 * style.alignment, 2 * style.alignment).types


def test_convolutions_and_what_lies_between_them_compute_in_half_floats():
    model, types = half_graph(load_style(FIXTURES / "wide.onnx"))
    computing = [node for node in model.graph.node if node.op_type != "Cast"]
    assert [node.op_type for node in computing] == ["Conv", "Relu", "Conv", "DepthToSpace", "Add"]
    assert {types[name] for node in computing[:-1] for name in (*node.input, *node.output)} == {HALF}
    assert {types[name] for name in (*computing[-1].input, OUTPUT_NAME, "image")} == {FLOAT}
    casts = [node.input[0] for node in model.graph.node if node.op_type == "Cast"]
    assert sorted(casts) == ["front", "gan_style_half/d", "image", "middle"], "each value is cast once"


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.onnx")), ids=lambda path: path.stem)
def test_of_a_shipped_style_noise_positions_and_colours_stay_exact(path):
    for style in (load_style(path), layered(load_style(path))):
        model, types = half_graph(style)
        makers = {name: node for node in model.graph.node for name in node.output}
        exact = [node for node in model.graph.node if node.op_type in JUMPS | {"Exp", "Log"}]
        assert {types[node.output[0]] for node in exact} == {FLOAT}
        needed = {name for node in exact if node.op_type in JUMPS for name in node.input}
        while more := {source for name in needed if name in makers for source in makers[name].input} - needed:
            needed |= more
        assert HALF not in {types.get(name) for name in needed if name in makers}
        convolutions = [(types[node.output[0]], node.input[1]) for node in model.graph.node if node.op_type == "Conv"]
        learned = [kind for kind, weights in convolutions if kind == HALF or ".weight" in weights]  # not sums of waves of noise
        assert learned.count(HALF) >= 13 and learned.count(FLOAT) <= 4  # of grain, pens, slopes


def test_a_convolution_that_leads_to_jumps_stays_as_it_is(tmp_path):
    weights = {"w": np.ones((LEAST_CHANNELS, 3, 1, 1)), "v": np.ones((3, LEAST_CHANNELS, 1, 1))}
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"]),
        helper.make_node("Add", ["a", "a"], ["b"]),
        helper.make_node("Sin", ["b"], ["c"]),
        helper.make_node("Conv", ["c", "v"], [OUTPUT_NAME]),
    ]
    save_style(tmp_path / "s.onnx", graph(nodes, weights, ("image",)), Style("S", alignment=1))
    style = load_style(tmp_path / "s.onnx")
    assert halved(style) is style
    nodes[2].op_type = "Relu"
    save_style(tmp_path / "s.onnx", graph(nodes, weights, ("image",)), Style("S", alignment=1))
    assert PREFIX.encode() in halved(load_style(tmp_path / "s.onnx")).content


def test_the_cpu_runs_it_in_tiles_too(frame):
    style = load_style(FIXTURES / "wide.onnx")
    image = {"image": frame(50, 61, opaque=True)}
    exact, short = (Generator(s, "cpu") for s in (style, halved(style)))
    expected = stylize(exact, image)
    whole = stylize(short, image)
    assert 1e-6 < np.abs(whole - expected).max() / np.abs(expected).max() < 2e-3
    np.testing.assert_allclose(stylize(short, image, tile=40), whole, atol=1e-4, rtol=1e-4)
