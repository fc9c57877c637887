"""Foreign models become styles that give back the picture, whatever range, layout, operator set or size they were made for."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from core import Generator, Style, StyleError, load_style, stylize
from core.adopt import Settings, adopt
from core.adopt.picture import LAMP_RADIANCE, still_life
from core.adopt.tone import to_display, to_light
from core.runtime import open_model
from tests.core.adopt.families import fast_neural_style, identity, model, save, soft_contrast

pytestmark = pytest.mark.once

DYNAMIC = ["n", 3, "h", "w"]
CLIP = (np.float32(0), np.float32(1))


def adopted(tmp_path, built, **settings):
    path = save(tmp_path / "foreign.onnx", built)
    return adopt(path, tmp_path / "style.onnx", Settings(**settings), Style("Foreign", licence="unknown"))


def answer(style: Style, image: np.ndarray) -> np.ndarray:
    return stylize(Generator(style, "cpu"), {"image": image})


def relative(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference, in parts of the wanted light and at least of a twentieth of white."""
    return float((np.abs(found - wanted) / np.maximum(np.abs(wanted), 0.05)).max())


def gives_back(style: Style, image: np.ndarray | None = None, error: float = 1e-3) -> bool:
    image = still_life(90, 130) if image is None else image
    return relative(answer(style, image), image) < error


@pytest.mark.parametrize(
    "ranges, nhwc",
    [("0..1 0..1", False), ("-1..1 -1..1", True), ("0..255 0..255", False), ("imagenet 0..1", False), ("0..1 0..255", False)],
)
def test_ranges_and_layout_are_found_by_the_picture_alone(tmp_path, ranges, nhwc):
    range_in, range_out = ranges.split()
    found = adopted(tmp_path, soft_contrast(range_in, range_out, nhwc))
    wrapping = found.found[0].wrapping
    assert (wrapping.range_in, wrapping.range_out, wrapping.layout) == (range_in, range_out, "NHWC" if nhwc else "NCHW")
    assert (wrapping.order, wrapping.encoding) == ("rgb", "srgb")
    assert found.sureness["range_in"].startswith(("sure", "likely")) and found.sureness["range_out"].startswith(
        ("sure", "likely")
    )
    image = still_life(90, 130)
    u = to_display(image[..., :3], "srgb")
    assert relative(answer(found.style, image)[..., :3], to_light(3 * u**2 - 2 * u**3, image[..., :3], "srgb")) < 1e-2


def test_a_dark_answer_is_not_read_as_a_pale_one(tmp_path):
    """Of a network that norms its picture, so that its answer alone tells its range: from 0 on, and dark."""
    nodes = [
        ("InstanceNormalization", ["x", np.full(3, 0.1, np.float32), np.full(3, 0.2, np.float32)], ["n"], {}),
        ("Relu", ["n"], ["y"], {}),
    ]
    found = adopted(tmp_path, model(nodes, DYNAMIC, DYNAMIC)).found[0].wrapping
    assert (found.range_in, found.range_out) == ("0..1", "0..1")


@pytest.mark.parametrize("opset", [6, 7, 9, 10, 11, 18])
def test_a_fixed_size_of_any_operator_set_is_freed(tmp_path, opset):
    found = adopted(tmp_path, fast_neural_style(opset))
    wrapping = found.found[0].wrapping
    assert (wrapping.size, wrapping.multiple, wrapping.range_in, wrapping.range_out) == (None, 2, "0..255", "0..255")
    assert gives_back(found.style)
    assert any("64 x 64" in note for note in found.notes) and any("whole" in note for note in found.notes)
    assert not found.style.tiles_exact


def test_an_operator_set_after_ours_is_read(tmp_path):
    assert gives_back(adopted(tmp_path, model([("Clip", ["x", *CLIP], ["y"], {})], DYNAMIC, DYNAMIC, 21)).style)


def test_a_mean_that_divides_by_the_pixels_of_the_export_keeps_its_size(tmp_path):
    pixels = np.float32(64 * 64)
    nodes = [
        ("ReduceSum", ["x", np.array([2, 3])], ["sum"], {}),
        ("Div", ["sum", pixels], ["mean"], {}),
        ("Sub", ["x", "mean"], ["dark"], {}),
        ("Add", ["dark", np.full((1, 3, 1, 1), 0.5, np.float32)], ["y"], {}),
    ]
    found = adopted(tmp_path, model(nodes, [1, 3, 64, 64], [1, 3, 64, 64]))
    assert found.found[0].wrapping.size == (64, 64) and found.style.window is None  # tiles of it would not match


@pytest.mark.parametrize("fit", ["tiles", "scale"])
def test_a_model_of_one_size_runs_in_tiles_or_scaled(tmp_path, fit):
    bias = np.zeros((1, 3, 64, 64), np.float32)  # a weight for each pixel: nothing can free it
    nodes = [("Add", ["x", bias], ["a"], {}), ("Clip", ["a", *CLIP], ["y"], {})]
    built = model(nodes, [1, 3, 64, 64], [1, 3, 64, 64])
    found = adopted(tmp_path, built, fit=fit)
    assert found.found[0].wrapping.size == (64, 64) and found.style.window == ((64, 64) if fit == "tiles" else None)
    assert any(("overlapping tiles" if fit == "tiles" else "scaled") in note for note in found.notes)
    image = still_life(90, 130)
    if fit == "tiles":
        assert adopted(tmp_path, built).style.window == (64, 64)
        assert gives_back(found.style, image)
    else:
        small = np.ones((90, 130, 4), np.float32) * (0.2, 0.4, 0.6, 1)
        assert gives_back(found.style, small.astype(np.float32))
        blurred = np.abs(answer(found.style, image) - image)[..., :3]
        assert np.median(blurred) < 0.05


def computed_sizes(scale: bool):
    """Enlarged to the size of another result: by Shape, Gather and Concat, or by a factor in floats, as PyTorch once exported."""
    grow = [
        ("Shape", ["x"], ["shape"], {}),
        ("Slice", ["shape", np.array([2]), np.array([4]), np.array([0])], ["sides"], {}),
    ]
    if scale:
        grow = [
            ("Shape", ["small"], ["shape"], {}),
            ("Slice", ["shape", np.array([2]), np.array([4]), np.array([0])], ["half"], {}),
            ("Cast", ["half"], ["floats"], {"to": TensorProto.FLOAT}),
            ("Mul", ["floats", np.float32([2, 2])], ["twice"], {}),
            ("Floor", ["twice"], ["floor"], {}),
            ("Cast", ["floor"], ["sides"], {"to": TensorProto.INT64}),
        ]
    nodes = [
        ("Conv", ["x", identity(side=3)], ["small"], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        *grow,
        ("Concat", [np.array([1, 3]), "sides"], ["sizes"], {"axis": 0}),
        ("Resize", ["small", np.zeros(0, np.float32), np.zeros(0, np.float32), "sizes"], ["large"], {"mode": "linear"}),
        ("Mul", ["large", np.float32([0])], ["nothing"], {}),
        ("Add", ["x", "nothing"], ["s"], {}),
        ("Clip", ["s", *CLIP], ["y"], {}),
    ]
    return model(nodes, [1, 3, "h", "w"], [1, 3, "h", "w"], 13)


@pytest.mark.parametrize("scale", [False, True])
def test_sizes_that_are_computed_while_it_runs_become_known(tmp_path, scale):
    found = adopted(tmp_path, computed_sizes(scale))
    assert gives_back(found.style) and found.found[0].wrapping.size is None and found.style.tiles_exact


def test_sizes_that_hang_on_the_picture_or_explode_are_refused_before_anything_runs(tmp_path):
    def enlarged(*sides):
        nodes = [
            *sides,
            ("ConstantOfShape", ["sides"], ["zeros"], {}),
            ("ReduceSum", ["zeros"], ["sum"], {"keepdims": 0}),
            ("Add", ["x", "sum"], ["y"], {}),
        ]
        return model(nodes, [1, 3, "h", "w"], [1, 3, "h", "w"], 13)

    explodes = (("Shape", ["x"], ["shape"], {}), ("Mul", ["shape", np.array([1, 1, 4000, 4000])], ["sides"], {}))
    with pytest.raises(StyleError, match="too much|too large for its picture"):
        adopted(tmp_path, enlarged(*explodes))
    hangs = (
        ("ReduceMax", ["x"], ["most"], {"axes": [0, 1, 2, 3], "keepdims": 0}),
        ("Cast", ["most"], ["whole"], {"to": TensorProto.INT64}),
        ("Reshape", ["whole", np.array([1])], ["sides"], {}),
    )
    with pytest.raises(StyleError, match="can't be known beforehand"):
        adopted(tmp_path, enlarged(*hangs))


def test_flatten_mod_dropout_and_baked_reshapes_go(tmp_path):
    nodes = [
        ("Dropout", ["x"], ["d"], {}),
        ("Mod", ["d", np.float32([2])], ["m"], {"fmod": 1}),
        ("GlobalAveragePool", ["m"], ["g"], {}),
        ("Flatten", ["g"], ["f"], {"axis": 1}),
        ("Mul", ["f", np.float32([0])], ["z"], {}),
        ("Reshape", ["z", np.array([1, 3, 1, 1])], ["r"], {}),
        ("Reshape", ["m", np.array([1, 3, 64 * 64])], ["long"], {}),
        ("Reshape", ["long", np.array([1, 3, 64, 64])], ["back"], {}),
        ("Add", ["m", "r"], ["s"], {}),
        ("Clip", ["s", *CLIP], ["y"], {}),
    ]
    assert gives_back(adopted(tmp_path, model(nodes, [1, 3, 64, 64], [1, 3, 64, 64], 12)).style)


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
def test_paddings_that_are_left_to_be_worked_out_keep_tiles_exact(tmp_path, mode):
    rng = np.random.default_rng(0)
    inner, outer = (rng.normal(0, 0.1, shape).astype(np.float32) for shape in ((4, 3, 5, 5), (4, 3, 3, 3)))
    nodes = [
        ("Conv", ["x", inner], ["a"], {"auto_pad": mode, "strides": [2, 2]}),
        ("MaxPool", ["a"], ["m"], {"auto_pad": mode, "kernel_shape": [3, 3]}),
        ("ConvTranspose", ["m", outer], ["b"], {"auto_pad": mode, "strides": [2, 2]}),
        ("Conv", ["b", identity()], ["c"], {"auto_pad": "VALID"}),
        ("Add", ["c", "x"], ["s"], {}),
        ("Clip", ["s", *CLIP], ["y"], {}),
    ]
    built = model(nodes, [1, 3, "h", "w"], [1, 3, "h", "w"])
    found = adopted(tmp_path, built, range_in="0..1", range_out="0..1", order="rgb", encoding="srgb")
    assert found.style.tiles_exact and found.found[0].wrapping.multiple == 2
    image = np.full((64, 96, 4), 1, np.float32)
    image[..., :3] = rng.uniform(0.2, 0.7, (64, 96, 3))
    (plain,) = open_model(built)({"x": to_display(image[..., :3], "srgb").transpose(2, 0, 1)[None]}, ["y"])
    wanted = to_light(plain[0].transpose(1, 2, 0), image[..., :3], "srgb")
    np.testing.assert_allclose(answer(found.style, image)[..., :3], wanted, atol=1e-3)


def upscaler(scale: int, shuffle: bool):
    """Each pixel several times over: as DepthToSpace, or as the Reshape, Transpose and Reshape of a fixed size."""
    weights = np.repeat(identity(), scale**2, 0)
    if not shuffle:
        grow = [("DepthToSpace", ["c"], ["d"], {"blocksize": scale, "mode": "CRD"})]
    else:
        grow = [
            ("Reshape", ["c", np.array([1, 3, scale, scale, 48, 48])], ["r"], {}),
            ("Transpose", ["r"], ["t"], {"perm": [0, 1, 4, 2, 5, 3]}),
            ("Reshape", ["t", np.array([1, 3, 48 * scale, 48 * scale])], ["d"], {}),
        ]
    side, large = (48, 48 * scale) if shuffle else ("h", "H")
    nodes = [("Conv", ["x", weights], ["c"], {}), *grow, ("Clip", ["d", *CLIP], ["y"], {})]
    return model(nodes, [1, 3, side, side], [1, 3, large, large])


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("scale", [2, 4])
def test_an_upscaler_is_brought_back_to_the_size_of_the_frame(tmp_path, scale, shuffle):
    found = adopted(tmp_path, upscaler(scale, shuffle))
    assert found.found[0].wrapping.scale == scale and found.found[0].wrapping.size is None
    assert gives_back(found.style) and found.style.tiles_exact


def test_a_file_that_says_what_it_wants_is_believed(tmp_path):
    means = -np.float32([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
    nodes = [("Add", ["x", means], ["a"], {}), ("Sub", ["a", means], ["y"], {})]
    found = adopted(tmp_path, model(nodes, DYNAMIC, DYNAMIC))
    assert (found.found[0].wrapping.order, found.found[0].wrapping.range_in) == ("bgr", "0..255")
    said = model([("Clip", ["x", np.float32(-1), np.float32(1)], ["y"], {})], DYNAMIC, DYNAMIC)
    tags = {
        "Image.BitmapPixelFormat": "Bgr8",
        "Image.ColorSpaceGamma": "Linear",
        "author": "A. Painter",
        "license": "MIT\n<b>\x07text",
    }
    for key, value in tags.items():
        said.metadata_props.add(key=key, value=value)
    found = adopted(tmp_path, said)
    wrapping = found.found[0].wrapping
    assert (wrapping.order, wrapping.encoding, wrapping.range_out) == ("bgr", "linear", "-1..1")
    assert (found.style.author, found.style.licence) == ("A. Painter", "MIT b> text") and gives_back(found.style)


def test_every_finding_can_be_set_by_hand(tmp_path):
    by_hand = {"range_in": "-1..1", "range_out": "0..1", "order": "bgr", "encoding": "linear", "multiple": 8, "size": (48, 64)}
    found = adopted(tmp_path, soft_contrast("0..255", "0..255"), **by_hand, layout="NCHW")
    assert {key: getattr(found.found[0].wrapping, key) for key in by_hand} == by_hand
    assert set(found.sureness.values()) == {"set"} and len(found.found) == 1


def test_inputs_that_are_no_pictures_get_values(tmp_path):
    nodes = [
        ("Mul", ["x", "strength"], ["a"], {}),
        ("ReduceMean", ["style"], ["mean"], {"axes": [1], "keepdims": 0}),
        ("Mul", ["a", "mean"], ["b"], {}),
        ("Clip", ["b", *CLIP], ["y"], {}),
    ]
    built = model(nodes, DYNAMIC, DYNAMIC, inputs={"strength": [], "style": [1, 4]})
    with pytest.raises(StyleError, match=r"3 inputs, x \(any x 3 x any x any\), strength \(one number\), style \(1 x 4\); give"):
        adopted(tmp_path, built)
    with pytest.raises(StyleError, match="input 'style' takes 1 x 4 numbers, not 3"):
        adopted(tmp_path, built, inputs={"strength": np.array([1.0]), "style": np.ones(3)})
    with pytest.raises(StyleError, match="no input 'stile', but x, strength, style"):
        adopted(tmp_path, built, inputs={"stile": np.ones(1)})
    assert gives_back(adopted(tmp_path, built, inputs={"strength": np.array([0.5]), "style": np.full(4, 2.0)}).style)


def test_inputs_of_few_numbers_become_controls(tmp_path):
    """A strength, weights of styles, and a class, which runs up to where the network's table of classes ends."""
    table = np.linspace(0, 1, 5, dtype=np.float32).reshape(5, 1, 1, 1)
    nodes = [
        ("Mul", ["x", "strength"], ["a"], {}),
        ("ReduceSum", ["weights", np.array([1])], ["sum"], {"keepdims": 0}),
        ("Mul", ["a", "sum"], ["b"], {}),
        ("Gather", [table, "class"], ["level"], {"axis": 0}),
        ("Reshape", ["level", np.array([1, 1, 1, 1])], ["offset"], {}),
        ("Add", ["b", "offset"], ["c"], {}),
        ("Clip", ["c", *CLIP], ["y"], {}),
    ]
    built = model(nodes, DYNAMIC, DYNAMIC, inputs={"strength": [], "weights": [1, 3], "class": [1]})
    next(v for v in built.graph.input if v.name == "class").type.tensor_type.elem_type = onnx.TensorProto.INT64
    given = {"strength": np.array([0.5]), "weights": np.array([1.0, 1.0, 0.0]), "class": np.array([0.0])}
    found = adopted(tmp_path, built, inputs=given, range_in="0..1", range_out="0..1", order="rgb", encoding="linear")
    assert gives_back(found.style) and found.style.tiles_exact
    controls = {c.name: (c.low, c.high, c.default) for c in found.style.controls}
    weights = {f"weights_{n}": (0, 1, value) for n, value in enumerate((1, 1, 0), 1)}
    assert controls == {"network_strength": (0, 1, 0.5), **weights, "class": (0, 4, 0)}
    assert all(c.per_frame for c in found.style.controls)
    image = np.full((8, 8, 4), 0.4, np.float32)
    image[..., 3] = 1
    generator = Generator(found.style, "cpu")
    for values, expected in (
        ({}, 0.4),
        ({"network_strength": 0.25}, 0.2),
        ({"weights_2": 0}, 0.2),
        ({"class": 1, "network_strength": 0}, 0.25),
    ):
        np.testing.assert_allclose(stylize(generator, {"image": image}, controls=values)[..., :3], expected, atol=1e-3)
    assert any("network_strength (0.5)" in note for note in found.notes)


def test_one_of_several_outputs_is_chosen(tmp_path):
    built = model([("Clip", ["x", *CLIP], ["y"], {}), ("Neg", ["x"], ["mask"], {})], DYNAMIC, DYNAMIC, outputs=("mask",))
    with pytest.raises(StyleError, match=r"several outputs \(y, mask\); choose one with --output"):
        adopted(tmp_path, built)
    with pytest.raises(StyleError, match="no output 'z', but y, mask"):
        adopted(tmp_path, built, output="z")
    assert gives_back(adopted(tmp_path, built, output="y").style)


def test_grey_alpha_whole_numbers_and_half_floats_are_served(tmp_path):
    grey = adopted(tmp_path, model([("Clip", ["x", *CLIP], ["y"], {})], ["n", 1, "h", "w"], ["n", 1, "h", "w"]))
    image = still_life(40, 50)
    assert np.ptp(answer(grey.style, image)[..., :3], axis=-1).max() < 1e-3 * image.max()
    rgba = adopted(tmp_path, model([("Clip", ["x", *CLIP], ["y"], {})], [1, 4, "h", "w"], [1, 4, "h", "w"]))
    assert gives_back(rgba.style)
    half = adopted(tmp_path, model([("Relu", ["x"], ["y"], {})], DYNAMIC, DYNAMIC, kind=TensorProto.FLOAT16))
    assert gives_back(half.style, error=5e-3)
    cast = [("Cast", ["x"], ["f"], {"to": 1}), ("Cast", ["f"], ["y"], {"to": TensorProto.UINT8})]
    bytes_ = adopted(tmp_path, model(cast, ["h", "w", 3], ["h", "w", 3], kind=TensorProto.UINT8))
    assert bytes_.found[0].wrapping.layout == "HWC" and gives_back(bytes_.style, error=0.1)


def test_eight_bit_models_run_in_floats(tmp_path):
    scale, zero = np.float32(1 / 255), np.uint8(0)
    weights = (identity() * 127).astype(np.int8)
    nodes = [
        ("QuantizeLinear", ["x", scale, zero], ["q"], {}),
        ("DequantizeLinear", ["q", scale, zero], ["f"], {}),
        ("DequantizeLinear", [weights, np.float32(1 / 127), np.int8(0)], ["w"], {}),
        ("Conv", ["f", "w"], ["c"], {}),
        ("QuantizeLinear", ["c", scale, zero], ["r"], {}),
        ("DequantizeLinear", ["r", scale, zero], ["y"], {}),
    ]
    assert gives_back(adopted(tmp_path, model(nodes, DYNAMIC, DYNAMIC, 15)).style)


@pytest.mark.parametrize("gain", [0.5, 1.0])
def test_a_lamp_stays_a_lamp_and_a_sky_keeps_its_hue(tmp_path, gain):
    nodes = [("Conv", ["x", identity(scale=gain)], ["c"], {}), ("Clip", ["c", *CLIP], ["y"], {})]
    style = adopted(tmp_path, model(nodes, DYNAMIC, DYNAMIC), range_in="0..1", range_out="0..1").style
    image = still_life(90, 130)
    image[10:20, 100:120, :3] = 0.8, 2.0, 6.0  # a sky brighter than white
    frame = answer(style, image)
    lamp = image[..., 0] == LAMP_RADIANCE
    assert lamp.any() and frame[lamp][:, 0].min() > 10
    sky = frame[15, 110, :3]
    assert sky[2] > 1.1 * sky[1] > 1.2 * sky[0]
    if gain == 1:
        assert np.abs(sky - (0.8, 2.0, 6.0)).max() < 0.01


def test_small_frames_run_although_borders_are_mirrored(tmp_path):
    nodes = [
        ("Pad", ["x", np.array([0, 0, 20, 20, 0, 0, 20, 20])], ["p"], {"mode": "reflect"}),
        ("Conv", ["p", identity(side=41)], ["c"], {}),
        ("Clip", ["c", *CLIP], ["y"], {}),
    ]
    style = adopted(tmp_path, model(nodes, DYNAMIC, DYNAMIC)).style
    assert gives_back(style, still_life(1, 1)) and gives_back(style, still_life(3, 200))


def control_flow(built):
    branch = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["b"])], "b", [], [helper.make_tensor_value_info("b", 1, None)]
    )
    built.graph.node.append(helper.make_node("If", ["x"], ["z"], then_branch=branch, else_branch=branch))


def custom(built):
    built.graph.node.append(helper.make_node("FusedConv", ["x"], ["z"], domain="com.microsoft"))
    built.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def chance(built):
    built.graph.node.append(helper.make_node("RandomNormalLike", ["x"], ["z"]))


def elsewhere(built):
    tensor = built.graph.initializer.add(name="w", data_type=1, dims=[3])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")


def ours(built):
    built.metadata_props.add(key="gan_style", value="{}")


@pytest.mark.parametrize(
    "spoil, words",
    [
        (control_flow, "control flow operator If"),
        (custom, "operators of the domain 'com.microsoft'"),
        (chance, "operator RandomNormalLike"),
        (elsewhere, "weights in another file"),
        (ours, "a GAN Style file already"),
    ],
)
def test_what_may_not_run_is_named(tmp_path, spoil, words):
    built = model([("Clip", ["x", *CLIP], ["y"], {})], DYNAMIC, DYNAMIC)
    spoil(built)
    with pytest.raises(StyleError, match=words):
        adopted(tmp_path, built)
    assert not (tmp_path / "style.onnx").exists()


def test_what_is_no_model_for_pictures_is_named(tmp_path):
    pooled = [("GlobalAveragePool", ["x"], ["y"], {})]
    with pytest.raises(StyleError, match="its answer to a picture of 256 x 192 pixels is 1 x 3 x 1 x 1, which is no picture"):
        adopted(tmp_path, model(pooled, DYNAMIC, [1, 3, 1, 1]))
    with pytest.raises(StyleError, match="no model for pictures: its input is 1 x 512"):
        adopted(tmp_path, model([("Relu", ["x"], ["y"], {})], [1, 512], [1, 512]))
    for sides in ([1, 2, "h", "w"], [4, 3, "h", "w"]):
        with pytest.raises(StyleError, match=f"no model for pictures: its input is {sides[0]} x {sides[1]} x any x any"):
            adopted(tmp_path, model([("Relu", ["x"], ["y"], {})], sides, sides))
    for factor in (0, np.nan):
        with pytest.raises(StyleError, match="its answer to a picture shows nothing of it"):
            adopted(tmp_path, model([("Mul", ["x", np.float32([factor])], ["y"], {})], DYNAMIC, DYNAMIC))
    tiny = model([("Add", ["x", np.zeros((1, 3, 8, 8), np.float32)], ["y"], {})], [1, 3, 8, 8], [1, 3, 8, 8])
    with pytest.raises(StyleError, match="it takes 8 x 8 pixels only, but sides from 16 to 4096 can be run"):
        adopted(tmp_path, tiny)
    with pytest.raises(StyleError, match="There is no folder .*gone to write into"):
        adopt(save(tmp_path / "tiny.onnx", tiny), tmp_path / "gone" / "style.onnx", Settings(), Style("Tiny"))
    with pytest.raises(StyleError, match="8 times as large"):
        adopted(tmp_path, upscaler(8, False))
    text = tmp_path / "text.onnx"
    text.write_text("not a model")
    with pytest.raises(StyleError, match="damaged or not ONNX"):
        adopt(text, tmp_path / "style.onnx", Settings(), Style("Text"))
    with pytest.raises(StyleError, match="no model"):
        adopt(tmp_path / "none.onnx", tmp_path / "style.onnx", Settings(), Style("None"))
    with open(text, "wb") as file:
        file.truncate(2**31)
    with pytest.raises(StyleError, match="larger than"):
        adopt(text, tmp_path / "style.onnx", Settings(), Style("Large"))


def test_the_style_says_where_it_comes_from(tmp_path):
    path = save(tmp_path / "foreign.onnx", model([("Clip", ["x", *CLIP], ["y"], {})], DYNAMIC, DYNAMIC))
    found = adopt(path, tmp_path / "style.onnx", Settings(), Style("Foreign", licence="unknown", training={"source": "unknown"}))
    style = load_style(tmp_path / "style.onnx")
    assert style.training["adopted"]["range_out"] == "0..1" and style.training["source"] == "unknown"
    assert any("licence is not known" in note for note in found.notes)
