"""Layers of a picture add up to it."""

import numpy as np
import onnx
import pytest

from core import Generator, StyleError, load_style, stylize
from core.commands import main
from core.exr import read_exr, write_part
from core.layered import layered, masked
from core.style import SHIPPED, Style, save_style
from core.stylize import stylize_layers
from tests.conftest import FIXTURES

WITH = sorted(path.stem for path in SHIPPED.glob("*.onnx"))


def noise(style, height: int, width: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    passes = {name: rng.random((height, width, p.channels), np.float32) for name, p in style.table.items()}
    passes["image"][:40, :30, 3] = 1
    passes["image"][-5:, :, 3] = 0
    passes["image"][..., :3] *= passes["image"][..., 3:]
    return passes


@pytest.mark.parametrize("name", WITH)
def test_the_layers_of_shipped_styles_add_up_to_the_picture(name):
    style = load_style(SHIPPED / f"{name}.onnx")
    assert style.has_layers
    passes = noise(style, 61, 75)
    picture = stylize(Generator(style, "cpu"), passes)
    layers = stylize_layers(Generator(layered(style), "cpu"), passes)
    np.testing.assert_allclose(layers.picture, picture, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(layers.base + layers.paint, layers.picture, atol=1e-6)
    image = passes["image"]
    assert np.array_equal(layers.base[..., 3], image[..., 3]) and not layers.paint[..., 3].any()
    assert (
        layers.coverage.shape == (61, 75, 1) and layers.coverage.min() >= 0 and (layers.coverage <= image[..., 3:] + 1e-6).all()
    )
    assert not layers.coverage[-5:].any() and np.array_equal(layers.base[-5:], image[-5:]) and not layers.paint[-5:].any()
    assert layers.coverage.max() > 0.01 and np.abs(layers.paint).max() > 0.01


def test_layers_are_the_same_in_tiles_under_another_exposure_and_within_bounds():
    style = layered(load_style(SHIPPED / "graphic_novel.onnx"))
    generator, passes = Generator(style, "cpu"), noise(style, 300, 320)
    whole = stylize_layers(generator, passes, exposure=1.0)
    part = slice(200, 240), slice(8, 60)
    tiled = stylize_layers(generator, passes, exposure=1.0, tile=256)
    cut = stylize_layers(generator, passes, exposure=1.0, bounds=part)
    brighter = dict(passes, image=passes["image"] * np.float32([2, 2, 2, 1]))
    twice = stylize_layers(generator, brighter)
    for name in whole._fields:
        np.testing.assert_allclose(getattr(tiled, name), getattr(whole, name), atol=1e-4)
        np.testing.assert_allclose(getattr(cut, name)[part], getattr(whole, name)[part], atol=1e-4)
        gain = 2 if name != "coverage" else 1
        np.testing.assert_allclose(getattr(twice, name)[..., :3], gain * getattr(whole, name)[..., :3], atol=1e-3)
    assert np.array_equal(cut.base[:100], passes["image"][:100]) and not cut.coverage[:100].any()


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_layers_of_larger_and_smaller_strokes_add_up_too(scale):
    style = load_style(SHIPPED / "graphic_novel.onnx")
    passes = noise(style, 64, 80)
    layers = stylize_layers(Generator(layered(style), "cpu"), passes, scale=scale)
    np.testing.assert_allclose(layers.picture, stylize(Generator(style, "cpu"), passes, scale=scale), atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(layers.base + layers.paint, layers.picture, atol=1e-6)
    assert np.array_equal(layers.base[..., 3], passes["image"][..., 3]) and not layers.paint[..., 3].any()
    assert layers.coverage.min() >= 0 and layers.coverage.max() <= 1 and np.ptp(layers.coverage) > 0.01


@pytest.mark.parametrize("path", [FIXTURES / "swap.onnx", FIXTURES / "wide.onnx"])
def test_a_style_without_a_gate_says_so(path):
    with pytest.raises(StyleError, match="computes no layers"):
        layered(load_style(path))


def test_a_gate_of_three_channels_is_none(tmp_path):
    steps = [
        ("Sigmoid", ["image"], "gate"), ("Mul", ["image", "gate"], "kept"), ("Add", ["kept", "image"], "encoded"),
        ("Relu", ["encoded"], "a"), ("Mul", ["a", "one"], "b"), ("Exp", ["b"], "c"), ("Sub", ["c", "one"], "d"),
        ("Mul", ["d", "one"], "stylized"),
    ]  # fmt: skip
    inputs, outputs = (
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, "height", "width"])]
        for name in ("image", "stylized")
    )
    nodes = [onnx.helper.make_node(kind, takes, [gives]) for kind, takes, gives in steps]
    one = onnx.helper.make_tensor("one", onnx.TensorProto.FLOAT, [], [1.0])
    graph = onnx.helper.make_graph(nodes, "three", inputs, outputs, [one])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    save_style(tmp_path / "three.onnx", model, Style("Three"))
    style = load_style(tmp_path / "three.onnx")
    assert not style.has_layers, "else the node would offer outputs that never come"
    with pytest.raises(StyleError, match="computes no layers"):
        layered(style)


def test_the_command_writes_the_layers_beside_the_picture(tmp_path, frame, capfd):
    image, mask = frame(40, 56), np.zeros((40, 56, 1), np.float32)
    mask[10:30, 12:40] = 0.5
    style = SHIPPED / "graphic_novel.onnx"
    planes = {f"View.Combined.{name}": image[..., i].copy() for i, name in enumerate("RGBA")}
    write_part(tmp_path / "f.exr", {"colorInteropID": "lin_rec709_scene"}, planes | {"View.Hero.V": mask[..., 0].copy()})
    plain = ["apply", str(style), str(tmp_path / "f.exr"), "--provider", "cpu", "--out"]
    assert main([*plain, str(tmp_path / "plain"), "--mask", "View.Hero"]) == 0, capfd.readouterr().err
    assert main([*plain, str(tmp_path / "out"), "--layers", "--mask", "View.Hero"]) == 0, capfd.readouterr().err
    found = read_exr(tmp_path / "out" / "f.exr")
    assert set(found) == {"View.Combined", "View.Hero", "View.Base", "View.Paint", "View.Coverage"}
    np.testing.assert_allclose(found["View.Base"] + found["View.Paint"], found["View.Combined"], atol=1e-5)
    picture = read_exr(tmp_path / "plain" / "f.exr")["View.Combined"]
    np.testing.assert_allclose(found["View.Combined"], picture, atol=1e-5, rtol=1e-5)
    outside = mask[..., 0] == 0
    assert not found["View.Coverage"][outside].any() and np.array_equal(found["View.Base"][outside], image[outside])
    assert 0 < found["View.Coverage"].max() <= 0.5
    assert main([*plain, str(tmp_path / "other"), "--layers", "--steady"]) == 1
    assert main([*plain, str(tmp_path / "other"), "--layers", "--format", "png"]) == 1
    assert "EXR files alone" in capfd.readouterr().err.splitlines()[-1]


def test_what_is_no_number_does_not_come_through_a_mask_of_nothing():
    image, picture = np.ones((2, 3, 4), np.float32), np.full((2, 3, 4), 0.5, np.float32)
    picture[0], picture[1, 0] = np.nan, np.inf
    assert np.array_equal(masked(image, picture, np.zeros((2, 3, 1), np.float32)), image)
