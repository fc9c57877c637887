"""The radius that follows from a graph, against what ONNX Runtime does when one pixel of its input changes."""

import json
import logging
from functools import partial

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from core import Generator, Style, load_style, stylize
from core.receptive_field import receptive_field
from core.style import METADATA_KEY, OUTPUT_NAME, save_style
from tests.conftest import FIXTURES
from tests.make_fixtures import graph

node = onnx.helper.make_node
SHIPPED = FIXTURES.parent.parent / "addon" / "styles" / "graphic_novel.onnx"


def whole(name: str, *values: int):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def conv(source: str, result: str, weights: str, **attributes):
    return node("Conv", [source, weights], [result], **attributes)


def kernel(outputs: int, inputs: int, side: int) -> np.ndarray:
    """Positive everywhere, so that no influence cancels out."""
    return np.random.default_rng(side).uniform(0.5, 1, (outputs, inputs, side, side)) / (inputs * side**2)


def model_of(nodes: list, weights: dict, *tensors, passes: tuple[str, ...] = ("image",)):
    model = graph(nodes, weights, passes)
    model.graph.initializer.extend(tensors)
    return model


def resize(mode: str, **attributes):
    """Twice as large, a 3x3 convolution, and half as large again."""
    nodes = [
        node("Resize", ["image", "", "up"], ["a"], mode=mode, **attributes),
        conv("a", "b", "w", pads=[1] * 4),
        conv("b", OUTPUT_NAME, "v", strides=[2, 2]),
    ]
    return model_of(nodes, {"w": kernel(3, 3, 3), "v": kernel(3, 3, 2), "up": np.array([1, 1, 2, 2])})


def shuffle():
    """Depth-to-space as PyTorch writes it: Reshape, Transpose, Reshape."""
    nodes = [
        conv("image", "a", "w", strides=[4, 4], pads=[2] * 4),
        node("Shape", ["a"], ["s"]),
        node("Slice", ["s", "two", "four"], ["hw"]),
        node("Concat", ["cut", "hw"], ["blocks"], axis=0),
        node("Reshape", ["a", "blocks"], ["b"]),
        node("Transpose", ["b"], ["c"], perm=[0, 1, 4, 2, 5, 3]),
        node("Mul", ["hw", "fours"], ["size"]),
        node("Concat", ["three", "size"], ["joined"], axis=0),
        node("Reshape", ["c", "joined"], [OUTPUT_NAME]),
    ]
    numbers = {"two": [2], "four": [4], "cut": [1, 3, 4, 4], "fours": [4, 4], "three": [1, 3]}
    return model_of(nodes, {"w": kernel(48, 3, 8)}, *(whole(name, *values) for name, values in numbers.items()))


def padded(mode: str):
    """Two convolutions without padding of their own, behind one Pad."""
    nodes = [node("Pad", ["image", "pads"], ["a"], mode=mode), conv("a", "b", "w"), conv("b", OUTPUT_NAME, "v")]
    return model_of(nodes, {"w": kernel(4, 3, 3), "v": kernel(3, 4, 5)}, whole("pads", 0, 0, 3, 3, 0, 0, 3, 3))


def halved():
    """Weights stored as halves and cast, and no attribute that tells the kernel's size."""
    nodes = [node("Cast", ["w"], ["wide"], to=onnx.TensorProto.FLOAT), conv("image", OUTPUT_NAME, "wide", pads=[2] * 4)]
    return model_of(nodes, {}, numpy_helper.from_array(kernel(3, 3, 5).astype(np.float16), "w"))


def cropped():
    """Padded by 4, cropped unevenly, a 3x3 convolution, and cropped to the frame's size."""
    nodes = [
        node("Pad", ["image", "pads"], ["a"]),
        node("Slice", ["a", "start", "end", "axes"], ["b"]),
        conv("b", "c", "w"),
        node("Slice", ["c", "zero", "cut", "axes"], [OUTPUT_NAME]),
    ]
    tensors = whole("pads", 0, 0, 4, 4, 0, 0, 4, 4), whole("start", 2, 4), whole("end", 2**31, 2**31), whole("axes", 2, 3)
    return model_of(nodes, {"w": kernel(3, 3, 3)}, *tensors, whole("zero", 0, 0), whole("cut", -4, -2))


def layer_norm():
    """The mean over the channels is a pixel's own affair."""
    nodes = [
        node("ReduceMean", ["image", "channels"], ["m"]),
        node("Sub", ["image", "m"], ["d"]),
        conv("d", "e", "w", pads=[1] * 4),
        node("Softmax", ["e"], ["f"], axis=1),
        node("Add", ["f", "image"], [OUTPUT_NAME]),
    ]
    return model_of(nodes, {"w": kernel(3, 3, 3) * np.eye(3)[:, :, None, None]}, whole("channels", 1))


def pooled():
    nodes = [
        node("MaxPool", ["image"], ["a"], kernel_shape=[3, 3], pads=[1] * 4),
        node("AveragePool", ["a"], ["b"], kernel_shape=[2, 2], strides=[2, 2]),
        node("ConvTranspose", ["b", "w"], [OUTPUT_NAME], strides=[2, 2], pads=[1] * 4),
    ]
    return model_of(nodes, {"w": kernel(3, 3, 4)})


LOCAL = {
    "dilated": (model_of([conv("image", OUTPUT_NAME, "w", dilations=[3, 3], pads=[6] * 4)], {"w": kernel(3, 3, 5)}), 6, 1),
    "nearest": (resize("nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"), 1, 1),
    "linear": (resize("linear", coordinate_transformation_mode="half_pixel"), 1, 1),
    "cubic": (resize("cubic", coordinate_transformation_mode="half_pixel"), 2, 1),
    "shuffle": (shuffle(), 5, 4),
    "halved": (halved(), 2, 1),
    "cropped": (cropped(), 2, 1),
    "edge": (padded("edge"), 3, 1),
    "layer norm": (layer_norm(), 1, 1),
    "pooled": (pooled(), 3, 2),
}
"""Graph, radius and step as one finds them by hand."""


def reach(model, tmp_path, step: int) -> int:
    """How far from a changed pixel ONNX Runtime's output changes, away from the borders."""
    save_style(tmp_path / "s.onnx", model, Style("S", alignment=step))
    generator, farthest = Generator(load_style(tmp_path / "s.onnx"), "cpu"), 0
    image = np.random.default_rng(0).uniform(0.4, 0.6, (1, 3, 48, 48)).astype(np.float32)
    plain = generator.run({"image": image})
    for pixel in range(24, 24 + step):
        changed = image.copy()
        changed[0, :, pixel, pixel] = 5
        rows, columns = np.nonzero((generator.run({"image": changed}) != plain).any((0, 1)))
        farthest = max(farthest, *np.abs(rows - pixel), *np.abs(columns - pixel))
    return farthest


@pytest.mark.parametrize("name", LOCAL)
def test_the_radius_is_how_far_a_pixel_reaches(name, tmp_path):
    model, radius, step = LOCAL[name]
    seen = receptive_field(model, {"image": 3}, OUTPUT_NAME, 1)
    assert (seen.radius, seen.step) == (radius, step)
    assert reach(model, tmp_path, step) == radius


def test_what_a_mirroring_pad_shows_again_is_seen(tmp_path):
    """Inside the frame the radius is 3, but the pixels at a border see what is mirrored there."""
    assert receptive_field(padded("reflect"), {"image": 3}, OUTPUT_NAME, 1).radius == 6
    assert reach(padded("reflect"), tmp_path, 1) == 3


def test_the_border_of_what_is_uniform_is_seen(tmp_path):
    """Zeros beside ones: a convolution of ones knows how near the border is."""
    nodes = [
        node("Shape", ["image"], ["s"]),
        node("ConstantOfShape", ["s"], ["ones"], value=numpy_helper.from_array(np.ones(1, np.float32))),
        conv("ones", "t", "w", pads=[4] * 4),
        node("Add", ["image", "t"], [OUTPUT_NAME]),
    ]
    model = model_of(nodes, {"w": kernel(3, 3, 9)})
    assert receptive_field(model, {"image": 3}, OUTPUT_NAME, 1).radius == 4
    save_style(tmp_path / "s.onnx", model, Style("S"))
    generator, image = Generator(load_style(tmp_path / "s.onnx"), "cpu"), np.ones((40, 50, 4), np.float32)
    tiles, whole_frame = (stylize(generator, {"image": image}, tile=tile) for tile in (16, None))
    np.testing.assert_allclose(tiles, whole_frame, atol=1e-5)


def test_an_enlargement_of_four_reaches_as_far_as_its_pixels(tmp_path):
    model = onnx.load(FIXTURES / "wide.onnx")
    assert receptive_field(model, {"image": 3}, OUTPUT_NAME, 4).radius == 13 == reach(model, tmp_path, 4)


def grouped():
    """Group normalisation as PyTorch exports it."""
    nodes = [
        node("Shape", ["image"], ["s"]),
        node("Reshape", ["image", "flat"], ["a"]),
        node("InstanceNormalization", ["a", "scale", "shift"], ["b"]),
        node("Reshape", ["b", "s"], [OUTPUT_NAME]),
    ]
    return model_of(nodes, {"scale": np.ones(1), "shift": np.zeros(1)}, whole("flat", 1, 1, -1))


def squeezed():
    """Channels weighted by their mean over the frame (squeeze and excitation)."""
    nodes = [node("GlobalAveragePool", ["image"], ["a"]), node("Sigmoid", ["a"], ["b"])]
    return model_of([*nodes, node("Mul", ["b", "image"], [OUTPUT_NAME])], {})


def mean_over_space():
    nodes = [node("ReduceMean", ["image", "space"], ["m"]), node("Sub", ["image", "m"], [OUTPUT_NAME])]
    return model_of(nodes, {}, whole("space", 2, 3))


def normalised():
    nodes = [node("InstanceNormalization", ["image", "scale", "shift"], [OUTPUT_NAME])]
    return model_of(nodes, {"scale": np.ones(3), "shift": np.zeros(3)})


def along_the_row():
    return model_of([node("Softmax", ["image"], [OUTPUT_NAME], axis=3)], {})


def aligned_corners():
    return resize("linear", coordinate_transformation_mode="align_corners")


def laid_out(*nodes, **tables: np.ndarray):
    """A table of constants, brought to the size of the frame and added."""
    sizes = node("Shape", ["image"], ["s"])
    tensors = [numpy_helper.from_array(array, name) for name, array in tables.items()]
    return model_of([sizes, *nodes, node("Add", ["image", "t"], [OUTPUT_NAME])], {}, *tensors)


TABLE = np.random.default_rng(7).normal(0, 1, (1, 3, 4, 4)).astype(np.float32)


def embedded():
    """Positions in the frame, as many networks learn them."""
    return laid_out(node("Resize", ["table", "", "", "s"], ["t"], mode="linear"), table=TABLE)


def embedded_rows():
    """Positions down the frame, on a row of zeros that follows its width."""
    nodes = [
        node("Slice", ["s", "three", "four"], ["w"]),
        node("Concat", ["start", "w"], ["row"], axis=0),
        node("ConstantOfShape", ["row"], ["zeros"]),
        node("Add", ["zeros", "table"], ["u"]),
        node("Resize", ["u", "", "", "s"], ["t"], mode="linear"),
    ]
    numbers = {"three": np.array([3]), "four": np.array([4]), "start": np.array([1, 3, 4])}
    return laid_out(*nodes, table=TABLE[..., :1], **numbers)


def upper_half():
    """The upper half of the frame, enlarged: a pixel moves the further, the lower it lies."""
    nodes = [
        node("Split", ["image"], ["up", "down"], axis=2, num_outputs=2),
        node("Resize", ["up", "", "", "s"], [OUTPUT_NAME], mode="nearest"),
    ]
    return model_of([node("Shape", ["image"], ["s"]), *nodes], {})


WHOLE = (embedded, embedded_rows, upper_half, grouped, squeezed, mean_over_space, normalised, along_the_row, aligned_corners)


@pytest.mark.parametrize("make", WHOLE, ids=lambda f: f.__name__)
def test_what_depends_on_the_whole_image_is_run_whole(make, tmp_path, frame, caplog):
    save_style(tmp_path / "honest.onnx", make(), Style("S"))
    assert not load_style(tmp_path / "honest.onnx").tiles_exact and not caplog.records
    style = dishonest(make(), tmp_path / "s.onnx")
    assert not style.tiles_exact and "the whole frame" in caplog.text
    image, generator = frame(50, 70), Generator(style, "cpu")
    np.testing.assert_array_equal(stylize(generator, {"image": image}, tile=24), stylize(generator, {"image": image}))


def dishonest(model, path) -> Style:
    """The style of a file that promises a radius of 0, every alignment and exact tiles."""
    model.metadata_props.add(key="gan_style", value=Style("S", alignment=1).to_json())
    onnx.save(model, path)
    return load_style(path)


def test_a_contract_that_promises_too_much_is_overruled_by_the_graph(tmp_path, frame, caplog):
    model = onnx.load(FIXTURES / "wide.onnx")
    del model.metadata_props[:]
    with caplog.at_level(logging.WARNING):
        style = dishonest(model, tmp_path / "s.onnx")
    assert (style.alignment, style.receptive_radius, style.tiles_exact) == (4, 13, True)
    assert "sees 13 pixels far, in steps of 4" in caplog.text
    generator, passes = Generator(style, "cpu"), {"image": frame(57, 91)}
    np.testing.assert_allclose(stylize(generator, passes, tile=40), stylize(generator, passes), atol=1e-4, rtol=1e-5)


def test_a_contract_that_promises_less_is_kept(tmp_path):
    stated = Style("S", alignment=8, receptive_radius=40, tiles_exact=False)
    save_style(tmp_path / "s.onnx", onnx.load(FIXTURES / "wide.onnx"), stated)
    style = load_style(tmp_path / "s.onnx")
    assert (style.alignment, style.receptive_radius, style.tiles_exact) == (8, 40, False)


def guided():
    """Image and normals through one front, as the trainer's generators take them."""
    nodes = [
        node("Concat", ["image", "normal"], ["a"], axis=1),
        conv("a", "b", "front", strides=[4, 4], pads=[2] * 4),
        node("Relu", ["b"], ["c"]),
        conv("c", "d", "middle", pads=[1] * 4),
        node("DepthToSpace", ["d"], ["e"], blocksize=4, mode="CRD"),
        node("Add", ["e", "image"], [OUTPUT_NAME]),
    ]
    return model_of(nodes, {"front": kernel(16, 6, 8) * 5, "middle": kernel(48, 16, 3) * 5}, passes=("image", "normal"))


@pytest.mark.parametrize("make", [guided, partial(padded, "reflect"), partial(padded, "edge"), cropped, pooled, shuffle])
@pytest.mark.parametrize("tile", [1, 33, 60])
def test_tiles_give_the_whole_frame(make, tile, tmp_path, frame):
    save_style(tmp_path / "s.onnx", make(), Style("S", passes=("image", "normal") if make is guided else ("image",)))
    generator = Generator(load_style(tmp_path / "s.onnx"), "cpu")
    image = frame(77, 131)
    passes = {"image": image, "normal": np.random.default_rng(1).normal(size=(77, 131, 3)).astype(np.float32)}
    np.testing.assert_allclose(stylize(generator, passes, tile=tile), stylize(generator, passes), atol=1e-4, rtol=1e-5)


@pytest.mark.once
def test_the_shipped_style_is_exact_in_tiles(frame):
    generator = Generator(load_style(SHIPPED), "cpu")
    passes = {"image": frame(229, 243)}  # a little more than the smallest tile
    np.testing.assert_allclose(stylize(generator, passes, tile=1), stylize(generator, passes), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("path", sorted(SHIPPED.parent.glob("*.onnx")), ids=lambda path: path.stem)
def test_the_trainers_numbers_in_the_shipped_styles_are_those_of_their_graphs(path):
    """As they are written in the file: load_style() would raise a smaller radius, and keep a larger one, which slows tiles."""
    model = onnx.load(path)
    stated = json.loads(next(p.value for p in model.metadata_props if p.key == METADATA_KEY))
    seen = receptive_field(model, load_style(path).inputs, OUTPUT_NAME, 1)
    assert (stated["receptive_radius"], stated["alignment"]) == (seen.radius, seen.step)
