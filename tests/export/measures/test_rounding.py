"""What rounding to the bits of TF32 or half floats does to a style, against the same rounding by NumPy."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from core import Style, load_style
from core.style import OUTPUT_NAME, save_style
from export.measures.rounding import half_difference, round_factors, tf32_difference

from ...conftest import FIXTURES
from ...make_fixtures import graph


def frame(rgb):
    return {"image": np.concatenate([rgb, np.ones_like(rgb[..., :1])], -1).astype(np.float32)}


def shortened(values):
    """Rounded to 11 bits: half floats hold as many, of numbers in their range."""
    return values.astype(np.float16).astype(np.float32)


def encoded(values):
    return np.log1p(64 * values.astype(np.float64)) / np.log(65)


def test_what_has_few_bits_stays_and_else_the_difference_is_that_of_the_rounding():
    short = np.random.default_rng(0).integers(0, 2**11, (8, 9, 3)) / 2**9
    assert tf32_difference(FIXTURES / "swap.onnx", frame(short)) == 0
    rgb = np.random.default_rng(1).uniform(0.1, 3, (8, 9, 3)).astype(np.float32)
    expected = np.abs(encoded(rgb) - encoded(shortened(rgb))).max()
    assert tf32_difference(FIXTURES / "swap.onnx", frame(rgb)) == pytest.approx(expected, rel=0.01) and expected > 1e-5


def test_weights_are_rounded_too(tmp_path):
    weights = np.float32([1 / 3, 0.7, 0.123456])
    model = graph(
        [helper.make_node("Conv", ["image", "w"], [OUTPUT_NAME])], {"w": np.diag(weights).reshape(3, 3, 1, 1)}, ("image",)
    )
    save_style(tmp_path / "scale.onnx", model, Style("Scale", alignment=1))
    expected = np.abs(encoded(weights) - encoded(shortened(weights))).max()
    found = tf32_difference(tmp_path / "scale.onnx", frame(np.ones((4, 4, 3))))
    assert found == pytest.approx(expected, rel=0.01) and expected > 1e-5


def test_a_value_that_several_convolutions_read_is_rounded_once():
    nodes = [helper.make_node("Conv", ["image", name], [name + "d"]) for name in ("a", "b")]
    nodes.append(helper.make_node("Add", ["ad", "bd"], [OUTPUT_NAME]))
    model = round_factors(graph(nodes, dict.fromkeys("ab", np.eye(3).reshape(3, 3, 1, 1)), ("image",)))
    onnx.checker.check_model(model, full_check=True)
    assert sum(node.op_type == "Sub" for node in model.graph.node) == 2 * 3
    assert [numpy_helper.to_array(t).item() for t in model.graph.initializer if t.name == "split"] == [8193]


def test_a_shipped_style_moves_by_less_than_anyone_sees():
    style = FIXTURES.parents[1] / "addon" / "styles" / "graphic_novel.onnx"
    rng = np.random.default_rng(0)
    passes = {name: rng.uniform(0, 1, (64, 96, 1 if name == "depth" else 3)) for name in load_style(style).passes}
    passes = {name: array.astype(np.float32) for name, array in passes.items()} | frame(np.float32(passes["image"]))
    assert 1e-6 < tf32_difference(style, passes) < 2e-2


def test_half_precision_rounds_what_each_convolution_reads_and_gives(tmp_path):
    rng = np.random.default_rng(2)
    first, second = rng.normal(0, 0.5, (16, 3)).astype(np.float32), rng.uniform(0, 0.2, (3, 16)).astype(np.float32)
    weights = {"a": first[..., None, None], "b": second[..., None, None]}
    nodes = [helper.make_node("Conv", ["image", "a"], ["c"]), helper.make_node("Relu", ["c"], ["d"])]
    nodes.append(helper.make_node("Conv", ["d", "b"], [OUTPUT_NAME]))
    save_style(tmp_path / "two.onnx", graph(nodes, weights, ("image",)), Style("Two", alignment=1))
    rgb = rng.uniform(0.1, 3, (8, 9, 3)).astype(np.float32)
    exact = np.maximum(rgb @ first.T, 0) @ second.T
    rounded = np.maximum(shortened(shortened(rgb) @ shortened(first).T), 0) @ second.T  # its last gives 3 channels
    expected = np.abs(encoded(exact) - encoded(rounded)).max()
    assert half_difference(tmp_path / "two.onnx", frame(rgb)) == pytest.approx(expected, rel=0.05) and expected > 1e-5
    assert half_difference(FIXTURES / "swap.onnx", frame(rgb)) == 0, "three channels are not worth it"
