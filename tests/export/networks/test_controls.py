"""Generators with controls: what knobs and looks do in the network, in its graph, and to weights that knew none."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core import Control, Generator, Style, load_style, stylize
from export.export_onnx import write_style
from export.networks.build import make_generator
from export.networks.encoding import places
from export.training.start_from import Start, start_from

SMALL = {"cnn": (16, 16, 1, 1), "unet": (16, 16), "resnet": (16, 16, 1)}
CONTROLS = (Control("line_weight", 0.0, 3.0, 1.0), Control("ink", 0.0, 1.0, 1.0), Control("wash", 0.0, 1.0, 0.0))


def alive(generator):
    """With weights for all that begins at zero or close to it."""
    with torch.no_grad():
        for name, weight in generator.named_parameters():
            if name.startswith(("bends", "tail")):
                weight.normal_(0, 0.1)
    return generator.eval()


def make(kind: str, controls=CONTROLS, looks: int = 2, **options):
    torch.manual_seed(0)
    return make_generator(("image",), widths=SMALL[kind], kind=kind, controls=controls, looks=looks, **options)


@pytest.mark.parametrize("kind", ["cnn", "unet"])
def test_knobs_and_looks_go_into_the_style_file_and_tiles_stay_exact(tmp_path, frame, kind):
    generator = alive(make(kind))
    style = Style("Two", passes=generator.passes, alignment=generator.alignment, controls=generator.controls)
    assert write_style(generator, style, tmp_path / "two.onnx") < 1e-4
    runner = Generator(load_style(tmp_path / "two.onnx"), "cpu")
    assert runner.style.tiles_exact and [c.name for c in runner.style.controls] == ["line_weight", "ink", "wash"]
    image, plane = frame(72, 200, opaque=True), np.random.default_rng(0).random((72, 200, 1), np.float32)
    controls = {"line_weight": 3 * plane, "wash": plane}
    whole, tiled = (stylize(runner, {"image": image}, controls=controls, tile=t) for t in (None, 64))
    np.testing.assert_allclose(tiled, whole, rtol=1e-4, atol=1e-4)
    for name in ("line_weight", "wash"):
        assert np.abs(stylize(runner, {"image": image}, controls={name: 0.5}) - whole).max() > 1e-3, name


@pytest.mark.parametrize("kind", SMALL)
def test_shares_count_and_not_what_they_add_up_to(kind):
    generator = alive(make(kind, CONTROLS[1:]))
    image = torch.rand(1, 3, 32, 32)

    def painted(ink: float, wash: float) -> torch.Tensor:
        with torch.no_grad():
            return generator.encoded(image, *(torch.full((1, 1, 32, 32), value) for value in (ink, wash)))

    assert (painted(0.5, 0.5) - painted(1, 1)).abs().max() < 2e-3
    assert (painted(0, 0) - painted(1, 0)).abs().max() < 1e-5, "without any, the first look counts"
    first, second, half = painted(1, 0), painted(0, 1), painted(0.5, 0.5)
    assert min((first - second).abs().max(), (first - half).abs().max(), (second - half).abs().max()) > 1e-3


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("noise", [0, 2])
def test_weights_that_knew_no_controls_give_the_same_picture_at_first(monkeypatch, kind, noise):
    options = {"noise": noise, "everywhere": bool(noise)}
    before, after = alive(make(kind, (), 0, **options)), make(kind, **options).eval()
    known = Start(before.passes, {n: t.clone() for n, t in before.state_dict().items()}, "", {})
    monkeypatch.setattr("export.training.start_from._read_style", lambda _: known)
    start_from(Path("before.onnx"), after, torch.nn.Linear(1, 1))
    passes = [torch.rand(1, 3, 64, 64), *([places(64, 64)] if noise else [])]
    controls = [torch.full((1, 1, 64, 64), v) for v in (2.5, 0.0, 1.0)]
    with torch.no_grad():
        np.testing.assert_allclose(after(*passes, *controls).numpy(), before(*passes).numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("noise", [0, 2])
def test_a_control_that_was_known_keeps_what_it_does_among_new_ones(monkeypatch, noise):
    options = {"noise": noise, "everywhere": bool(noise)}
    before = alive(make("cnn", CONTROLS[2:], 0, **options))
    after = make("cnn", (CONTROLS[0], CONTROLS[2], CONTROLS[1]), 0, **options).eval()
    known = Start(before.passes, {n: t.clone() for n, t in before.state_dict().items()}, "", {}, controls=("wash",))
    monkeypatch.setattr("export.training.start_from._read_style", lambda _: known)
    start_from(Path("before.onnx"), after, torch.nn.Linear(1, 1))
    passes = [torch.rand(1, 3, 64, 64), *([places(64, 64)] if noise else [])]
    line_weight, wash, ink = (torch.full((1, 1, 64, 64), v) for v in (2.5, 0.2, 0.7))
    with torch.no_grad():
        painted = before(*passes, wash).numpy()
        np.testing.assert_allclose(after(*passes, line_weight, wash, ink).numpy(), painted, rtol=1e-3, atol=1e-4)


def test_a_knob_costs_the_runtime_next_to_nothing(tmp_path):
    """By the multiplications of the whole graph, which do not depend on how busy the machine is."""
    import onnx

    from core.onnx_sizes import infer_sizes
    from core.onnx_work import multiplications

    work = {}
    for name, controls in (("plain", ()), ("knob", CONTROLS[:1])):
        generator = make_generator(("image", "normal"), controls=controls, gate=True)
        path = tmp_path / f"{name}.onnx"
        write_style(generator, Style(name, passes=generator.passes, alignment=8, controls=generator.controls), path)
        style, model = load_style(path), onnx.load(path)
        sizes = infer_sizes(model, style.inputs, "stylized", 256, 256)
        work[name] = sum(multiplications(node, sizes) for node in model.graph.node)
    assert work["knob"] < 1.03 * work["plain"], work
