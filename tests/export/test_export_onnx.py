from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from core import Generator, Style, load_style, stylize
from core.style import save_style
from core.webgpu import pad_channels
from export import export_onnx
from export.config import ExportConfig, TrainConfig
from export.export_onnx import OPERATORS, ExportError, export, round_weights, to_onnx, write_style
from export.networks.build import GENERATORS, make_generator
from export.networks.generators import CNN
from export.networks.guided import GuidedGenerator
from export.training.checkpoint import load_checkpoint
from export.training.train import train

from .paired_frames import write_paired_frames


def style_of(generator: GuidedGenerator) -> Style:
    return Style("Test", passes=generator.passes, alignment=generator.alignment)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    data = write_paired_frames(folder / "data")
    return train(
        TrainConfig(
            data,
            folder / "run",
            crop=64,
            batch=1,
            widths=(16, 16, 1, 1),
            discriminator_layers=2,
            steps=3,
            threads=1,
            holdout=("shot_0003",),
        )
    )


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    return export(ExportConfig(run, tmp_path_factory.mktemp("styles") / "new" / "ink.onnx", author="A", description="Ink."))


def test_a_run_becomes_a_style_file_that_says_how_it_was_made(run, exported, tmp_path):
    style = load_style(exported)
    assert (style.name, style.author, style.description, style.passes, style.alignment) == ("ink", "A", "Ink.", ("image",), 8)
    assert style.training["steps"] == 3 and style.training["held_out"] == ["shot_0003"] and style.training["frames"] == 3
    assert "--crop 64" in style.training["command"] and "--widths 16 16 1 1" in style.training["command"]
    assert str(run.parent) not in style.to_json() and style.score_card["held_out"]["psnr"] > 0
    assert style.thumbnail.startswith(b"\x89PNG")
    again = export(ExportConfig(run, tmp_path / "again" / "ink.onnx", author="A", description="Ink."))
    assert exported.read_bytes() == again.read_bytes()
    assert b"guided.py" not in again.read_bytes()


def test_what_is_exported_is_the_running_mean_of_the_weights(run, exported):
    tensors, _ = load_checkpoint(run)
    assert not torch.equal(tensors["ema.tail.weight"], tensors["generator.tail.weight"])
    model = onnx.load(exported)
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    assert stored["tail.weight.half"].dtype == np.float16
    assert np.array_equal(stored["tail.weight.half"], tensors["ema.tail.weight"].numpy().astype(np.float16))
    assert np.array_equal(stored["tail.bias"], tensors["ema.tail.bias"].numpy())


def test_half_weights_change_neither_the_picture_nor_what_the_graph_sees(tmp_path, monkeypatch):
    torch.manual_seed(1)
    module = make_generator(("image", "position"), widths=(16, 16, 1, 1), noise=2)
    nn.init.normal_(module.tail.weight, 0, 0.02)
    round_weights(module)
    full, halve = onnx.ModelProto(), export_onnx._halve
    monkeypatch.setattr(export_onnx, "_halve", lambda graph: (full.CopyFrom(graph), halve(graph)))
    half = to_onnx(module)
    pad_channels(full)
    for name, graph in (("half", half), ("full", full)):
        save_style(tmp_path / f"{name}.onnx", graph, style_of(module))
    styles = [load_style(tmp_path / f"{name}.onnx") for name in ("half", "full")]
    assert styles[0].path.stat().st_size < 0.9 * styles[1].path.stat().st_size
    assert styles[0].receptive_radius == styles[1].receptive_radius and styles[0].cost.pixel_bytes == styles[1].cost.pixel_bytes
    rng = np.random.default_rng(0)
    frame = {"image": rng.random((48, 64, 4), np.float32), "position": rng.random((48, 64, 3), np.float32)}
    pictures = [stylize(Generator(style, "cpu"), frame) for style in styles]
    np.testing.assert_allclose(*pictures, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", GENERATORS)
def test_the_graph_is_lean_and_free_in_size(kind):
    passes = ("image", "depth", "normal", "albedo", "position", "vector")
    model = to_onnx(make_generator(passes, "draft", kind=kind))
    assert {n.op_type for n in model.graph.node} <= OPERATORS
    assert [v.name for v in model.graph.input] == list(passes)
    resizes = [n for n in model.graph.node if n.op_type == "Resize"]
    modes = [{a.name: onnx.helper.get_attribute_value(a) for a in n.attribute}["mode"] for n in resizes]
    assert modes.count(b"nearest") == (0 if kind == "unet" else 1)
    assert modes.count(b"linear") == (6 if kind == "unet" else 3), (
        "three of them for the depth's surroundings and the bound on black"
    )


@pytest.mark.parametrize(
    ("kind", "widths", "passes", "gates"),
    [
        ("cnn", (16, 16, 1, 1), ("image",), {}),
        ("cnn", (16, 16, 1, 1), ("image", "normal", "depth"), {"gate": True}),
        ("cnn", (16, 16, 1, 1), ("image",), {"smooth": True}),
        ("unet", (16, 16, 16, 16), ("image", "normal", "depth"), {}),
        ("resnet", (16, 16, 2), ("image", "normal", "depth"), {"smooth": True}),
    ],
)
def test_pytorch_and_the_style_file_agree_and_tiles_change_nothing(kind, widths, passes, gates, tmp_path):
    torch.manual_seed(1)
    module = make_generator(passes, widths=widths, kind=kind, **gates)
    nn.init.normal_(module.tail.weight, 0, 0.1)  # a look that is plain to see
    assert write_style(module, style_of(module), tmp_path / "s.onnx") < 1e-4
    generator = Generator(load_style(tmp_path / "s.onnx"), "cpu")
    rng = np.random.default_rng(0)
    channels = {"image": 4, "normal": 3, "depth": 1}
    frame = {p: rng.random((203, 331, channels[p])).astype(np.float32) for p in passes}
    frame["image"][..., 3] = 1
    whole = stylize(generator, frame)
    assert np.abs(whole[..., :3] - frame["image"][..., :3]).max() > 0.05
    difference = np.abs(stylize(generator, frame, tile=136) - whole)
    assert (difference / np.maximum(1, whole)).max() <= 1e-5  # random weights also make light of half a million


class Switching(CNN):
    """Another function while it is traced than when it is called."""

    def forward(self, *passes):
        return super().forward(*passes) + (0.01 if torch.compiler.is_exporting() else 0.0)


def test_a_graph_that_differs_from_pytorch_is_refused_and_nothing_is_written(tmp_path):
    module = Switching(("image",), 16, 16, 1, 1)
    with pytest.raises(ExportError, match=r"differ by 0\.01, more than 0\.001"):
        write_style(module, style_of(module), tmp_path / "s.onnx")
    assert list(tmp_path.iterdir()) == []
    write_style(module, style_of(module), tmp_path / "s.onnx", tolerance=0.02)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    module = make_generator(("image",), widths=(16, 16, 1, 1))
    nn.init.constant_(module.tail.bias, float("nan"))
    with pytest.raises(ExportError, match="differ by nan"):
        write_style(module, style_of(module), tmp_path / "s.onnx")
    assert list(tmp_path.iterdir()) == []


class Normalised(CNN):
    """With statistics of the whole image, which would break tiles."""

    def picture_of(self, *seen):
        return nn.functional.instance_norm(super().picture_of(*seen))


def test_operators_outside_the_list_are_refused(tmp_path):
    module = Normalised(("image",), 16, 16, 1, 1)
    with pytest.raises(ExportError, match="InstanceNorm|operators that a style may not use"):
        write_style(module, style_of(module), tmp_path / "s.onnx")


def test_wrong_names_are_refused_before_anything_is_loaded(run, tmp_path):
    with pytest.raises(ExportError, match="must end in .onnx"):
        export(ExportConfig(run, tmp_path / "ink.pt"))
    with pytest.raises(ExportError, match="name must have"):
        export(replace(ExportConfig(run, tmp_path / "ink.onnx"), name="x" * 61))
    assert list(tmp_path.iterdir()) == []
