import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from core import Generator, Style, load_style
from export import export_onnx
from export.export_onnx import ExportError, parity, round_weights
from export.networks.build import make_generator
from export.serve import live
from export.serve.live import LiveStyle, distinct, exchange

NETWORKS = [
    ("cnn", (16, 16, 1, 1), ("image", "normal"), {"smooth": True}),
    ("unet", (16, 16, 16), ("image", "normal", "position"), {"noise": 3, "everywhere": True}),
    ("resnet", (16, 16, 1), ("image",), {"gate": True}),
]


def styled(generator) -> Style:
    return Style("Test", passes=generator.passes, placed=generator.placed, alignment=generator.alignment)


@pytest.mark.parametrize(("kind", "widths", "passes", "more"), NETWORKS)
def test_weights_are_exchanged_in_a_graph_that_is_made_once(tmp_path, monkeypatch, kind, widths, passes, more):
    made = []
    monkeypatch.setattr(live, "to_onnx_quickly", lambda g, original=live.to_onnx_quickly: made.append(1) or original(g))
    torch.manual_seed(2)
    generator = make_generator(passes, widths=widths, kind=kind, **more)  # with biases that are all 0
    style = LiveStyle(tmp_path / "previews" / "a.onnx")
    style.write(generator, styled(generator), check=True)
    first = style.path.read_bytes()
    for parameter in generator.parameters():
        nn.init.normal_(parameter, 0, 0.1)
    style.write(generator, styled(generator), check=True)
    assert style.path.read_bytes() != first and load_style(style.path).score_card["parity"] < 1e-3
    LiveStyle(style.path).write(generator, styled(generator))
    assert len(made) == 1, "another process finds the graph on the disk"
    round_weights(generator)
    assert parity(generator, Generator(load_style(style.path), "cpu")) < 1e-3
    assert sorted(p.suffix for p in style.path.parent.iterdir()) == [".graph", ".onnx"]


@pytest.mark.parametrize(("kind", "widths", "passes", "more"), [n for n in NETWORKS if n[0] != "unet"])
def test_the_first_look_does_not_wait_for_the_thorough_exporter(tmp_path, monkeypatch, kind, widths, passes, more):
    monkeypatch.setattr(export_onnx, "to_onnx", None)
    generator = make_generator(passes, widths=widths, kind=kind, **more)
    LiveStyle(tmp_path / "a.onnx").write(generator, styled(generator), check=True)
    assert load_style(tmp_path / "a.onnx").score_card["parity"] < 1e-3


def test_a_trainer_starts_without_what_it_needs_later():
    """Each of these takes seconds to import, before the first step."""
    later = ("torchmetrics", "matplotlib", "scipy.stats", "onnxscript", "torch._dynamo")
    code = f"import sys, export.serve.train_folder; print(*(name for name in {later} if name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_a_graph_without_a_weight_is_refused():
    generator = distinct(make_generator(("image",), widths=(16, 16, 1, 1)))
    model = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    with pytest.raises(ExportError, match=r"does not name its weights after\.0"):
        exchange(model, generator.state_dict())


def test_a_style_that_is_not_pytorchs_is_refused(tmp_path, monkeypatch):
    generator = make_generator(("image",), widths=(16, 16, 1, 1))
    monkeypatch.setattr(live, "exchange", lambda model, weights: exchange(model, {n: 2 * w for n, w in weights.items()}))
    nn.init.normal_(generator.tail.bias, 0, 1)
    with pytest.raises(ExportError, match="differ by"):
        LiveStyle(tmp_path / "a.onnx").write(generator, styled(generator), check=True)
    assert not (tmp_path / "a.onnx").exists() and np.all([p.suffix == ".graph" for p in tmp_path.iterdir()])
