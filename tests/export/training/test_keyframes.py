"""The mode keyframes with a projected discriminator, on tiny frames, with features of random weights."""

import dataclasses

import numpy as np
import pytest
import torch

from core import Generator, load_style, stylize
from export.config import ExportConfig, train_config
from export.export_onnx import export
from export.networks.encoding import encode
from export.settings import ConfigError
from export.training import losses
from export.training.checkpoint import load_checkpoint
from export.training.hardware import find_hardware
from export.training.keyframes import COLOUR, POOLED, Keyframes
from export.training.train import objective_of, train

from ..moving_frames import write_moving_frames
from ..networks.test_perceptual import WrittenOut


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A shot of which two frames are painted, and random weights in a file."""
    folder = tmp_path_factory.mktemp("keyframes")
    write_moving_frames(folder / "data", count=4)
    for name in ("pan_0001", "pan_0004"):
        (folder / "data" / "target" / f"{name}.exr").unlink()
    torch.manual_seed(0)
    torch.save(WrittenOut().state_dict(), folder / "features.pth")
    return folder


@pytest.fixture
def settings(material, tmp_path):
    def make(**changes):
        tiny = {"mode": "keyframes", "discriminator": "projected", "crop": 112, "batch": 1, "widths": (16, 16), "fine": 4}
        tiny |= {"grain": 1, "steps": 3, "threads": 1, "features_weights": material / "features.pth"}
        tiny |= {"precision": "float32", "discriminator_channels": 8}
        return train_config({"data": material / "data", "run": tmp_path / "run"} | tiny | changes)

    return make


def test_all_terms_take_part_and_paint_of_the_painted_frames_alone_is_real(settings):
    config = settings(weight_temporal=5.0, passes=("image", "normal"))
    objective = objective_of(config)(config, find_hardware(config))
    assert isinstance(objective, Keyframes) and objective.names == ["pan_0002", "pan_0003"]
    batch = objective.draw(np.random.default_rng(0))
    assert batch.free is not None and batch.steps is not None
    found = dict(objective.losses(batch, 0))
    assert found["discriminator"].keys() == {"discriminator"}
    assert found["generator"].keys() == {"adversarial", "l1", "features", "style", "temporal"}
    sum(found["generator"].values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in objective.networks["generator"].parameters())
    assert all(p.grad is None for p in objective.networks["discriminator"].parameters())


def test_where_the_output_is_the_target_nothing_is_left_to_compare(settings, monkeypatch):
    config = settings()
    objective = Keyframes(config, find_hardware(config))
    batch = objective.draw(np.random.default_rng(0))._replace(free=None)
    monkeypatch.setattr(objective, "paint", lambda crops: encode(crops.target))
    terms = dict(objective.losses(batch, 0))["generator"]
    assert all(terms[name].abs() < 1e-6 for name in ("l1", "features", "style"))


def test_pixels_that_differ_at_random_count_less_than_a_wrong_tone():
    torch.manual_seed(0)
    target = torch.full((1, 3, 64, 64), 0.5)
    grains, tone = target + 0.1 * torch.randn_like(target), target + 0.1 * 0.8
    assert losses.l1(grains, target) == pytest.approx(losses.l1(tone, target).item(), rel=0.05)
    assert losses.pooled_l1(grains, target, (1, 4, 16)) < 0.5 * losses.pooled_l1(tone, target, (1, 4, 16))


def test_a_run_ends_in_a_style_whose_grain_stays_in_place(settings, tmp_path):
    run = train(settings(checkpoint_every=1))
    first = load_checkpoint(run)[0]
    assert any(name.startswith("discriminator.mixture") for name in first)
    style = load_style(export(ExportConfig(run, tmp_path / "look.onnx")))
    assert style.placed and style.tiles_exact
    image = np.full((40, 56, 4), 0.4, np.float32)
    image[..., 3] = 1
    generator = Generator(style, "cpu")
    whole = stylize(generator, {"image": image})
    np.testing.assert_allclose(stylize(generator, {"image": image}, tile=24), whole, atol=1e-4)


def test_swatches_are_cut_from_the_painted_frames_and_stay_as_they_are(settings, tmp_path):
    config = settings(swatches=2, grain=0, checkpoint_every=1)
    fresh = Keyframes(config, find_hardware(config))
    generator = fresh.networks["generator"]
    assert generator.swatches.tiles.ne(128).any()
    run = train(config)
    trained = load_checkpoint(run)[0]
    for part, kept in generator.swatches.state_dict().items():
        assert torch.equal(trained[f"generator.swatches.{part}"], kept) and torch.equal(trained[f"ema.swatches.{part}"], kept)
    resumed = dataclasses.replace(config, resume=True)
    assert not Keyframes(resumed, find_hardware(resumed)).networks["generator"].swatches.tiles.ne(128).any(), (
        "the checkpoint has them"
    )
    style = load_style(export(ExportConfig(run, tmp_path / "look.onnx")))
    assert style.placed and style.tiles_exact
    again = settings(swatches=2, grain=0, run=tmp_path / "again", start_from=tmp_path / "look.onnx", steps=1)
    assert torch.equal(load_checkpoint(train(again))[0]["ema.swatches.tiles"], generator.swatches.tiles)


def test_texture_that_lies_elsewhere_counts_next_to_nothing_as_pixels_with_swatches():
    torch.manual_seed(0)
    target = torch.full((1, 3, 96, 96), 0.5)
    grains = target + 0.1 * torch.randn(1, 3, 96, 96)
    assert losses.pooled_l1(grains, target, COLOUR) < 0.1 * losses.pooled_l1(grains, target, POOLED)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"crop": 64}, "crops of 112 px or more"),
        ({"weight_content": 1.0}, "weight-content can't be used with discriminator projected"),
        ({"conditional": True}, "conditional can't be on"),
        ({"mode": "paired", "generator": "unet", "conditional": False}, "not for mode paired"),
        ({"swatches": 2, "gate": False}, "swatches need gate or smooth"),
        (
            {"swatches": 2, "discriminator": "patch", "fine": 0, "widths": ()},
            "swatches belong to mode keyframes with discriminator projected",
        ),
        ({"generator": "cnn", "widths": ()}, "fine belongs to generator unet"),
        ({"discriminator": "patch", "generator": "unet", "adversarial": "relativistic"}, "can't be relativistic here"),
    ],
)
def test_settings_that_can_not_be_are_refused(settings, changes, problem):
    with pytest.raises(ConfigError, match=problem):
        settings(**changes)
