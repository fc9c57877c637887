"""What an artist sets of a style: numbers and pictures, and what of a contract and of a graph is refused."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest

from core import Control, Generator, PassError, StyleError, load_style, stylize
from core.controls import MAX_CONTROLS
from core.runtime import _disagreement
from core.style import save_style
from tests.conftest import FIXTURES

AMOUNT = {"name": "amount", "low": 0.0, "high": 4.0, "default": 1.0}
LIFT = {"name": "lift", "low": -1.0, "high": 1.0, "default": 0.0, "per_frame": True}


@pytest.fixture(scope="module")
def generator():
    return Generator(load_style(FIXTURES / "controlled.onnx"), "cpu")


def contract(model) -> dict:
    return json.loads(model.metadata_props[0].value)


def store(path, **changes):
    """The style file controlled.onnx with another contract."""
    model = onnx.load(FIXTURES / "controlled.onnx")
    model.metadata_props[0].value = json.dumps(contract(model) | changes)
    onnx.save(model, path)
    return path


def inside(picture):
    """Without the border, where the graph pads its control with 0."""
    return picture[2:-2, 2:-2, :3]


def test_a_number_counts_for_all_of_the_frame_and_the_default_where_none_is_given(generator, frame):
    image = frame(12, 15, opaque=True)
    plain, bright, both = (
        stylize(generator, {"image": image}, controls=values) for values in (None, {"amount": 2}, {"amount": 2.0, "lift": 0.5})
    )
    np.testing.assert_allclose(inside(plain), inside(image), rtol=1e-5)
    np.testing.assert_allclose(inside(bright), 2 * inside(image), rtol=1e-5)
    np.testing.assert_allclose(inside(both), 2 * inside(image) + 0.5, rtol=1e-5)


def test_a_picture_counts_pixel_by_pixel_and_one_of_equal_values_as_the_number(generator, frame):
    image = frame(12, 15, opaque=True)
    halves = np.zeros((12, 15, 1), np.float32)
    halves[:, 8:] = 3
    result = stylize(generator, {"image": image}, controls={"amount": halves})
    np.testing.assert_allclose(result[2:-2, 2:5, :3], 0, atol=1e-6)
    np.testing.assert_allclose(result[2:-2, 10:-2, :3], 3 * image[2:-2, 10:-2, :3], rtol=1e-5)
    even, number = (stylize(generator, {"image": image}, controls={"amount": v}) for v in (np.full_like(halves, 1.5), 1.5))
    assert np.array_equal(even, number)


@pytest.mark.parametrize("tile", [7, 16])
def test_tiles_give_the_whole_frame_where_the_control_is_a_picture(generator, frame, tile):
    image, plane = frame(43, 31), np.random.default_rng(0).uniform(0, 4, (43, 31, 1)).astype(np.float32)
    whole, tiled = (
        stylize(generator, {"image": image}, controls={"amount": plane, "lift": plane / 4}, tile=t) for t in (None, tile)
    )
    np.testing.assert_allclose(tiled, whole, rtol=1e-5, atol=1e-5)


def test_a_picture_for_a_control_of_the_whole_frame_counts_by_its_mean(generator, frame):
    image, plane = frame(9, 9), np.linspace(0, 1, 81, dtype=np.float32).reshape(9, 9, 1)
    by_picture, by_mean = (stylize(generator, {"image": image}, controls={"lift": value}) for value in (plane, 0.5))
    np.testing.assert_allclose(by_picture, by_mean, atol=1e-6)


def test_values_are_cut_to_the_range_and_what_is_no_number_is_the_default(generator, frame):
    image = frame(9, 9)
    plane = np.full((9, 9, 1), np.nan, np.float32)
    for value, same in ((99, 4), (-3, 0), (np.inf, 4), (float("nan"), 1), (plane, 1)):
        results = [stylize(generator, {"image": image}, controls={"amount": v}) for v in (value, same)]
        assert np.array_equal(*results)


@pytest.mark.parametrize(
    "values, words",
    [
        ({"size": 1}, "no control 'size'; it has amount, lift"),
        ({"amount": np.ones((4, 4, 1), np.float32)}, r"shape \(9, 9, 1\)"),
        ({"amount": np.ones((9, 9), np.float32)}, r"shape \(9, 9, 1\)"),
        ({"amount": "much"}, "must be a number"),
    ],
)
def test_wrong_values_are_named(generator, frame, values, words):
    with pytest.raises(PassError, match=words):
        stylize(generator, {"image": frame(9, 9)}, controls=values)


def test_a_style_without_controls_says_so(generators, frame):
    with pytest.raises(PassError, match="it has none"):
        stylize(generators["swap"], {"image": frame(9, 9)}, controls={"amount": 1})


def test_a_control_can_be_read_as_it_was_saved_in_a_version_of_its_own(tmp_path):
    model = onnx.load(FIXTURES / "controlled.onnx")
    style = load_style(FIXTURES / "controlled.onnx")
    save_style(tmp_path / "s.onnx", model, style)
    assert load_style(tmp_path / "s.onnx").controls == style.controls
    assert style.controls[0] == Control("amount", 0.0, 4.0, 1.0, "How bright the image is, softly from pixel to pixel")
    assert contract(onnx.load(tmp_path / "s.onnx"))["format_version"] == 3
    with pytest.raises(StyleError, match="unknown fields: 'controls'"):
        load_style(store(tmp_path / "old.onnx", format_version=2))


def test_a_picture_of_a_control_counts_for_receptive_field_and_memory():
    style = load_style(FIXTURES / "controlled.onnx")
    assert style.receptive_radius == 2 and style.tiles_exact
    # At the product: the image, the control and its average, and the result, 8 planes of floats.
    assert style.cost.pixel_bytes == 8 * 4


def test_a_device_is_tried_with_the_controls_too(generator):
    assert not _disagreement(generator.style, generator._session)


@pytest.mark.parametrize(
    "controls, words",
    [
        ({}, "list of at most"),
        ([5], "list of at most"),
        ([AMOUNT | {"name": f"c{n}"} for n in range(MAX_CONTROLS + 1)], "list of at most"),
        ([AMOUNT, AMOUNT], "twice"),
        ([AMOUNT | {"colour": 1}], "must have a name, low"),
        ([{"name": "amount"}], "must have a name, low"),
        ([AMOUNT | {"name": "Amount"}], "small letters"),
        ([AMOUNT | {"name": "a__b"}], "small letters"),
        ([AMOUNT | {"name": 5}], "small letters"),
        ([AMOUNT | {"name": float("nan")}], "small letters"),
        ([AMOUNT | {"name": "x" * 41}], "small letters"),
        ([AMOUNT | {"name": "depth"}], "something else"),
        ([AMOUNT | {"name": "diffuse_color"}], "something else"),
        ([AMOUNT | {"name": "strength"}], "something else"),
        ([AMOUNT | {"default": 5}], "low <= default <= high"),
        ([AMOUNT | {"high": True}], "low <= default <= high"),
        ([AMOUNT | {"high": float("nan")}], "low <= default <= high"),
        ([AMOUNT | {"high": 1e30}], "low <= default <= high"),
        ([AMOUNT | {"low": 1, "high": 1}], "empty range"),
        ([AMOUNT | {"meaning": "two\nlines"}], "one line of text"),
        ([AMOUNT | {"meaning": "<b>"}], "markup"),
        ([AMOUNT | {"per_frame": 1}], "true or false"),
        ([AMOUNT], "its graph takes image, amount, lift"),
        ([AMOUNT, LIFT, LIFT | {"name": "more"}], "its contract names the inputs"),
        ([AMOUNT, LIFT | {"per_frame": False}], r"'lift' must be float32 of shape \(1, 1, any, any\)"),
        ([AMOUNT | {"per_frame": True}, LIFT], r"'amount' must be float32 of shape \(1, 1, 1, 1\)"),
    ],
)
def test_a_hostile_contract_is_refused(tmp_path, controls, words):
    with pytest.raises(StyleError, match=words):
        load_style(store(tmp_path / "s.onnx", controls=controls))


def test_sizes_must_not_follow_from_a_control(tmp_path):
    """A graph that enlarges by a number which the artist sets could take any memory."""
    model = onnx.load(FIXTURES / "controlled.onnx")
    nodes = model.graph.node
    for tensor, value in (("one", [1.0, 1.0]), ("flat", [1])):
        kind = np.int64 if tensor == "flat" else np.float32
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, kind), tensor))
    added = [
        onnx.helper.make_node("Reshape", ["lift", "flat"], ["side"]),
        onnx.helper.make_node("Concat", ["one", "side", "side"], ["scales"], axis=0),
        onnx.helper.make_node("Resize", ["bright", "", "scales"], ["resized"], mode="nearest"),
        onnx.helper.make_node("Add", ["resized", "lift"], ["stylized"]),
    ]
    kept = list(nodes[:-1])
    del nodes[:]
    nodes.extend([*kept, *added])
    with pytest.raises(StyleError, match="its output has the shape unknown"):
        save_style(tmp_path / "s.onnx", model, replace(load_style(FIXTURES / "controlled.onnx"), path=None))


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_a_picture_goes_along_with_strokes_of_another_size(generator, scale):
    image, plane = np.full((40, 60, 4), 0.5, np.float32), np.zeros((40, 60, 1), np.float32)
    image[..., 3], plane[:, 30:] = 1, 3
    result = stylize(generator, {"image": image}, controls={"amount": plane, "lift": 0.1}, scale=scale)
    np.testing.assert_allclose(result[8:-8, 8:22, :3], 0.1, atol=1e-3)
    np.testing.assert_allclose(result[8:-8, 38:-8, :3], 1.6, atol=1e-3)
