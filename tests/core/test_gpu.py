"""Styles on a GPU against the CPU: by WebGPU, in software where there is no GPU, or on what GAN_STYLE_TEST_PROVIDER names.

`GAN_STYLE_TEST_PROVIDER=cuda pytest tests/core/test_gpu.py` is all that a person with such a GPU has to run.
"""

import os
import re
import threading

import numpy as np
import onnx
import onnxruntime
import pytest

from core import Cancelled, Generator, ProviderError, load_style, stylize, webgpu
from core.colour import encode_log
from core.runtime import HALF, PROVIDERS, new_session, provider_problem
from core.style import OUTPUT_NAME, SHIPPED, Style, save_style
from export.datasets.charts import chart
from tests.conftest import FIXTURES

PROVIDER = os.environ.get("GAN_STYLE_TEST_PROVIDER", "webgpu")
PROBLEM = provider_problem(PROVIDER, software=True)
SIZE = 47, 45
pytestmark = pytest.mark.skipif(bool(PROBLEM), reason=f"{PROVIDER} can't be used here: {PROBLEM}")


@pytest.fixture(scope="module")
def wide():
    return Generator(load_style(FIXTURES / "wide.onnx"), PROVIDER)


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.onnx")), ids=lambda path: path.stem)
def test_a_shipped_style_paints_as_on_the_cpu(path):
    style = load_style(path)
    passes = chart(1, 0, *SIZE[::-1])
    on_gpu, on_cpu = (stylize(Generator(style, provider), passes) for provider in (PROVIDER, "cpu"))
    difference = np.abs(encode_log(on_gpu[..., :3]) - encode_log(on_cpu[..., :3]))
    assert np.quantile(difference, 0.999) < 1e-4
    assert difference.max() < 5e-4, "noise that is made of the image's own tones carries rounding a little further"
    np.testing.assert_array_equal(on_gpu[..., 3], on_cpu[..., 3])


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (33, 47)])
def test_odd_sizes(wide, generators, frame, size):
    image = {"image": frame(*size)}
    np.testing.assert_allclose(stylize(wide, image), stylize(generators["wide"], image), atol=1e-4, rtol=1e-4)


def test_tiles_and_a_memory_limit_change_nothing(wide, frame):
    image = {"image": frame(70, 90)}
    whole = stylize(wide, image)
    np.testing.assert_allclose(stylize(wide, image, tile=40), whole, atol=1e-4, rtol=1e-4)
    limited = Generator(wide.style, PROVIDER, memory_limit=20_000_000)
    limited.most_pixels = 48 * 48
    assert limited.window(72, 92) != (72, 92)
    np.testing.assert_allclose(stylize(limited, image), whole, atol=1e-4, rtol=1e-4)


def test_two_sessions_in_two_threads_do_not_disturb_each_other(wide, generators, frame):
    images = [{"image": frame(33, 47)}, {"image": frame(47, 33)}]
    found, other = {}, Generator(wide.style, PROVIDER)
    threads = [
        threading.Thread(target=lambda n=n, g=g: found.update({n: [stylize(g, images[n]) for _ in range(3)]}))
        for n, g in enumerate((wide, other))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, image in enumerate(images):
        for picture in found[n]:
            np.testing.assert_allclose(picture, stylize(generators["wide"], image), atol=1e-4, rtol=1e-4)


@pytest.mark.skipif(PROVIDER not in HALF, reason=f"{PROVIDER} computes in one precision")
def test_half_precision_is_near_where_the_device_has_it(wide, frame):
    half, image = Generator(wide.style, PROVIDER, precision="half"), {"image": frame(33, 47, opaque=True)}
    if half.precision == "full":
        pytest.skip(half.reason)
    exact = stylize(wide, image)
    assert 0 < np.abs(stylize(half, image) - exact).max() / np.abs(exact).max() < 1e-2


@pytest.mark.skipif(PROVIDER != "webgpu", reason="elsewhere than by WebGPU shaders are not compiled anew")
def test_after_two_sizes_another_compiles_no_shader_but_that_of_depth_to_space(wide, capfd):
    """By the names under which the plug-in keeps shaders: of sizes they hold no more than whether its own tiles fill them."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 1
    options.add_provider_for_devices(webgpu.devices(onnxruntime, software=True)[:1], {})
    session, compiled = onnxruntime.InferenceSession(wide.style.content, options), []
    for height, width in ((48, 48), (64, 80), (40, 72), (104, 64), (56, 48)):
        capfd.readouterr()
        session.run([OUTPUT_NAME], {"image": np.ones((1, 3, height, width), np.float32)})
        compiled.append(set(re.findall('Starting program "([^"]*)"', capfd.readouterr().err)))
    before = compiled[0] | compiled[1]
    assert len(before) >= 5 and any(name.startswith("Conv") for name in before)
    for names in compiled[2:]:
        assert {name.split("[")[0] for name in names - before} == {"DepthToSpace"}


@pytest.mark.skipif(PROVIDER != "webgpu", reason="an option of the WebGPU plug-in")
def test_the_plug_in_knows_what_a_chosen_gpu_is_asked_for_by(wide, frame, capfd):
    """And reads it: with a value that it does not know it does not start."""
    (name, device), *_ = webgpu.choices(onnxruntime, software=True).items()
    for kind in ("high-performance", "low-power"):
        assert new_session(wide.style, [], 1, device, {"powerPreference": kind}).get_providers()[0] == PROVIDERS["webgpu"]
    with pytest.warns(UserWarning):  # ONNX Runtime falls back to the CPU by itself
        other = new_session(wide.style, [], 1, device, {"powerPreference": "medium"})
    assert other.get_providers() == [PROVIDERS["cpu"]] and "Invalid power preference: medium" in capfd.readouterr().out
    chosen = Generator(wide.style, f"webgpu:{name}")
    assert chosen.device == name and chosen.reason == f"WebGPU works on {name}."
    image = {"image": frame(33, 47)}
    np.testing.assert_array_equal(stylize(chosen, image), stylize(wide, image))


def test_cancelled(wide, frame):
    with pytest.raises(Cancelled):
        stylize(wide, {"image": frame(33, 47)}, cancel=lambda: True)


def test_what_the_device_refuses_is_an_error_in_words(wide):
    with pytest.raises(ProviderError, match=f"'Wide' failed on {PROVIDER}"):
        wide.run({"image": np.zeros((1, 4, 8, 8), np.float32)})


def nine_channels():
    """Three passes joined before one convolution, as styles with guides begin."""
    rng = np.random.default_rng(0)
    weights = onnx.numpy_helper.from_array(rng.normal(0, 0.1, (3, 9, 3, 3)).astype(np.float32), "w")
    passes = ("image", "normal", "albedo")
    nodes = [
        onnx.helper.make_node("Concat", passes, ["all"], axis=1),
        onnx.helper.make_node("Conv", ["all", "w"], ["c"], pads=[1] * 4),
        onnx.helper.make_node("Add", ["c", "image"], [OUTPUT_NAME]),
    ]
    shape = [1, 3, "height", "width"]
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in (*passes, OUTPUT_NAME)]
    graph = onnx.helper.make_graph(nodes, "nine", values[:3], values[3:], [weights])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.skipif(PROVIDER != "webgpu", reason="a fault of the WebGPU plug-in")
def test_convolutions_that_the_plug_in_computes_wrongly_are_refused_until_they_are_padded(tmp_path):
    from core.webgpu import pad_channels

    style = Style("Nine", passes=("image", "normal", "albedo"), alignment=1)
    model = nine_channels()
    save_style(tmp_path / "nine.onnx", model, style)
    with pytest.raises(ProviderError, match="WebGPU can't be used: .* channels"):
        Generator(load_style(tmp_path / "nine.onnx"), "webgpu")
    assert pad_channels(model) == 1
    save_style(tmp_path / "padded.onnx", model, style)
    passes = chart(1, 0, *SIZE[::-1])
    expected = stylize(Generator(load_style(tmp_path / "nine.onnx"), "cpu"), passes)
    padded = load_style(tmp_path / "padded.onnx")
    np.testing.assert_array_equal(stylize(Generator(padded, "cpu"), passes), expected)
    np.testing.assert_allclose(stylize(Generator(padded, "webgpu"), passes), expected, atol=1e-4, rtol=1e-4)
