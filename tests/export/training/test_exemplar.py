"""The mode exemplar on tiny frames and one striped picture, with features of random weights where any will do."""

import numpy as np
import pytest
import torch
from PIL import Image

from core import load_style
from core.exr import read_exr
from export.config import ExportConfig, resumed_config, train_config
from export.export_onnx import export
from export.frames.frame_store import DataError
from export.networks import perceptual
from export.networks.discriminators import ProjectedDiscriminator
from export.networks.encoding import decode, display, encode, shown
from export.settings import ConfigError
from export.training import losses
from export.training.check_data import check_data
from export.training.checkpoint import load_checkpoint, load_module
from export.training.exemplar import PATCH_MARGIN, TONE_MARGIN, Exemplar
from export.training.hardware import find_hardware
from export.training.objective import make_painter
from export.training.pictures import Look, grey
from export.training.preview import paint
from export.training.train import train

from ..moving_frames import write_moving_frames
from ..networks.test_perceptual import WrittenOut

SIDE = 64


def striped(width: int = 240, height: int = 160) -> np.ndarray:
    """(H, W, 3) uint8: blue and yellow diagonal stripes."""
    y, x = np.mgrid[:height, :width]
    return np.where(((x + y) // 6 % 2)[..., None], (20, 40, 160), (230, 200, 40)).astype(np.uint8)


def save(array, path, **more):
    Image.fromarray(array).save(path, **more)
    return path


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A folder with rendered frames, a picture of the look, and random weights in a file."""
    folder = tmp_path_factory.mktemp("exemplar")
    write_moving_frames(folder / "data", targets=False)
    Image.fromarray(striped()).save(folder / "look.png")
    torch.manual_seed(0)
    torch.save(WrittenOut().state_dict(), folder / "features.pth")
    return folder


@pytest.fixture
def settings(material, tmp_path):
    def make(**changes):
        tiny = {"passes": ("image",), "noise": 0, "crop": 112, "batch": 2, "widths": (16, 16), "steps": 3, "minutes": 0.0}
        tiny |= {"features_weights": material / "features.pth", "brush": 0.125, "threads": 1, "learning_rate": 2e-3}
        paths = {"data": material / "data", "run": tmp_path / "run", "exemplar": (material / "look.png",), "precision": "float32"}
        return train_config(paths | tiny | {"mode": "exemplar", "holdout": ("pan_0003",)} | changes)

    return make


def test_a_few_flags_are_enough_and_nothing_is_taken_in_silence(tmp_path):
    config = train_config({"mode": "exemplar", "data": tmp_path, "run": tmp_path, "exemplar": (tmp_path / "a.png",)})
    assert (config.discriminator, config.generator, config.minutes) == ("projected", "unet", 10.0)
    for changes, message in (
        ({"exemplar": ()}, "must name a picture"),
        ({"discriminator": "patch"}, "projected in mode exemplar"),
        ({"weight_l1": 1.0}, "own target"),
        ({"brush": 0.0}, "brush must be"),
        ({"weight_r1": 1.0}, "weight-r1 is no part"),
        ({"dodge": -1.0}, "dodge"),
        ({"stroke_strength": 4.0}, "stroke-strength must be from 0 to 3"),
        ({"weight_adversarial": 0.0}, "learns from weight-adversarial or weight-style"),
    ):
        with pytest.raises(ConfigError, match=message):
            train_config({"mode": "exemplar", "data": tmp_path, "run": tmp_path, "exemplar": (tmp_path / "a.png",)} | changes)
    for changes in ({"exemplar": (tmp_path,)}, {"discriminator": "projected"}, {"stroke_strength": 1.0}):
        with pytest.raises(ConfigError, match="mode exemplar"):
            train_config({"data": tmp_path, "run": tmp_path} | changes)


def test_a_run_resumes_exactly_and_its_style_tells_picture_and_network(settings, tmp_path):
    whole = train(settings(weight_temporal=1.0, weight_style=0.5))
    train(settings(run=tmp_path / "parts", steps=3, weight_temporal=1.0, weight_style=0.5, minutes=1e-9))
    part = resumed_config({"run": tmp_path / "parts", "resume": True, "minutes": 0.0})
    train(part)
    first, second = (load_checkpoint(run)[0] for run in (whole, part.run))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any("features" in name or "frozen" in name for name in first)
    style = load_style(export(ExportConfig(whole, tmp_path / "striped.onnx")))
    assert style.training["features"] == "EfficientNet-Lite0"
    assert style.training["exemplars"][0]["picture"] == "look.png"
    assert str(tmp_path.parent) not in style.to_json() and style.thumbnail


def test_outputs_come_into_the_pictures_range_of_tones(settings, tmp_path):
    dark = save(striped() // 4, tmp_path / "dark.png")
    config = settings(exemplar=(dark,), steps=30, weight_content=0.1, weight_tones=100.0, learning_rate=4e-3)
    tensors, _ = load_checkpoint(train(config))
    generator = make_painter(config)
    load_module("ema", generator, tensors)
    frame = torch.from_numpy(read_exr(config.data / "input" / "pan_0003.exr")["image"][..., :3].copy()).permute(2, 0, 1)[None]
    passes = {"image": frame, "stroke_strength": torch.ones_like(frame[:, :1])}
    image, output = (grey(display(p)[None])[0, 0] for p in paint(generator, passes, None))
    wanted = Look([dark], 0.125, SIDE, True).toned(image).mean()
    assert abs(output.mean() - wanted) < 0.5 * abs(image.mean() - wanted)


def test_how_strong_strokes_are_is_the_artists_and_changes_nothing_that_is_learned(settings, tmp_path):
    runs = [train(settings(run=tmp_path / name, steps=2, stroke_strength=s)) for name, s in (("with", 1.5), ("without", 0.0))]
    knob, plain = (load_checkpoint(run)[0] for run in runs)
    assert all(torch.equal(knob[name], plain[name]) for name in plain)
    style = load_style(export(ExportConfig(runs[0], tmp_path / "with.onnx")))
    assert [(c.name, c.default) for c in style.controls] == [("stroke_strength", 1.5)]
    config = settings(
        run=tmp_path / "after", steps=1, stroke_strength=2.0, start_from=export(ExportConfig(runs[1], tmp_path / "a.onnx"))
    )
    assert make_painter(config).in_channels == make_painter(settings()).in_channels and train(config)


def test_strokes_may_be_lighter_and_darker_than_the_tone_and_patches_not(settings):
    config = settings(weight_tones=1.0, weight_content=0.0, exposure_jitter=0.0)
    objective = Exemplar(config, find_hardware(config))
    batch = objective.draw(np.random.default_rng(0))
    plain = torch.full((2, 3, SIDE, SIDE), 0.5)
    aim = objective.looks[0].toned(plain[:, :1]).mean()
    strokes = torch.where(torch.arange(SIDE) // 16 % 2 == 0, 1.0, -1.0).expand_as(plain)

    def cost(off):
        return objective._compared(batch, (plain, aim + off.expand_as(plain)), ({}, {}), [])["tones"].item()

    assert cost(strokes * TONE_MARGIN * 0.9) == pytest.approx(0, abs=1e-6)
    assert cost(strokes * (TONE_MARGIN + 0.1)) == pytest.approx(0.1, abs=1e-3)
    assert cost(torch.tensor(TONE_MARGIN * 0.9)) == pytest.approx(TONE_MARGIN * 0.9 - PATCH_MARGIN, abs=1e-3)


def test_what_is_dark_is_judged_in_the_light_that_it_is_painted_in(settings):
    """Frames in 0.7 of the light teach nearly the same."""
    config = settings(passes=("image",), exposure_jitter=0.0, dodge=1.0)
    objective = Exemplar(config, find_hardware(config))
    batch = objective.draw(np.random.default_rng(0))
    assert objective.networks["generator"].exposures(batch.inputs.passes["image"])[0].max() < 1
    light = dict(list(objective.losses(batch, 0))[1][1])
    batch.inputs.passes["image"] *= 0.7
    dark = dict(list(objective.losses(batch, 0))[1][1])
    assert light.keys() == dark.keys() >= {"adversarial", "content", "tones"}
    for term, value in light.items():
        assert dark[term].item() == pytest.approx(value.item(), rel=0.25, abs=1e-4)


def test_kept_colours_are_the_frames_own(settings):
    config = settings(keep_colours=True)
    objective = Exemplar(config, find_hardware(config))
    look = objective.looks[0].draw(2, np.random.default_rng(0))
    assert torch.equal(look[:, 0], look[:, 1]) and torch.equal(look[:, 0], look[:, 2])
    (_, judged), (_, terms) = objective.losses(objective.draw(np.random.default_rng(0)), 0)
    assert terms["colours"] < 0.4 and judged["discriminator"].isfinite()


def test_a_shift_costs_nothing_only_where_strokes_move_along(settings):
    config = settings(weight_shift=1.0, generator="cnn", widths=(16, 16, 1, 1))
    objective = Exemplar(config, find_hardware(config))
    batch = objective.draw(np.random.default_rng(0))
    generator = objective.networks["generator"]

    def cost():
        return objective.shifted(batch, objective.paint(batch.inputs)).item()

    torch.nn.init.zeros_(generator.tail.weight)
    assert cost() < 1e-5  # the image itself moves along
    torch.nn.init.normal_(generator.tail.weight, 0, 0.2)
    assert cost() > 1e-2  # strides leave marks that do not
    assert batch.shift[0] % 8 or batch.shift[1] % 8


def test_check_data_reports_frames_and_pictures(material):
    values = {"data": material / "data", "mode": "exemplar", "exemplar": (material / "look.png",), "passes": ("image",)}
    report = check_data(values | {"noise": 0, "brush": 0.125, "crop": 112})
    assert "3 frames" in report and "look.png, scaled to 240 x 160 pixels" in report


def test_frames_smaller_than_a_crop_are_named(settings):
    with pytest.raises(DataError, match="208 x 192 pixels, smaller than a crop of 200"):
        train(settings(crop=200))


def test_a_projected_discriminator_is_frozen_where_it_should_be_and_blind_to_the_pictures_tone():
    torch.manual_seed(0)
    features = perceptual.EfficientNetLite0(WrittenOut().state_dict())
    picture = torch.rand(1, 3, 96, 96)
    judge = ProjectedDiscriminator(features, [picture], 16)
    judged = judge(picture)
    assert [part.shape[1] for part in judged.logits] == [1] * 4
    judged.logits[0].sum().backward()
    trained = [name for name, p in judge.named_parameters() if p.grad is not None]
    assert trained and all(name.startswith("heads.0") for name in trained)
    assert {name.rstrip("0123") for name, _ in judge.named_buffers() if not name.startswith("heads")} == {
        "mean",
        "deviation",
        "mixture",
    }


def test_shown_is_srgb_with_a_slope_outside_too():
    linear = torch.tensor([0.0, 0.001, 0.2, 0.9]).reshape(1, 1, 1, 4)
    torch.testing.assert_close(shown(encode(linear)), display(linear), atol=1e-4, rtol=1e-3)
    outside = torch.tensor([-0.5, 1.5, 3.6], requires_grad=True)
    seen = shown(outside)
    seen.sum().backward()
    assert (outside.grad > 0).all() and -0.1 < seen.min() < 0 and 1 < seen.max() < 1.3
    assert decode(outside).isfinite().all()


def test_likeness_and_sliced_wasserstein_are_0_for_equals_and_blind_to_places():
    a = {"1/2": torch.rand(2, 8, 12, 12)}
    moved = {"1/2": a["1/2"].flip(2)}
    assert losses.likeness(a, a, ["1/2"]) == 0 and losses.likeness(moved, a, ["1/2"]) > 0.1
    source = torch.Generator().manual_seed(0)
    assert losses.sliced_wasserstein(moved, a, source, 16) < 1e-9
    assert losses.sliced_wasserstein({"1/2": 2 * a["1/2"]}, a, source, 16) > 0.1
    doubled = {"1/2": 5 * a["1/2"]}
    first = losses.sliced_wasserstein({"1/2": 2 * a["1/2"]}, a, torch.Generator().manual_seed(1), 16)
    second = losses.sliced_wasserstein({"1/2": 10 * a["1/2"]}, doubled, torch.Generator().manual_seed(1), 16)
    assert first == pytest.approx(second.item(), rel=1e-4)  # whatever the features' scale


@pytest.mark.parametrize("name", losses.STYLE_DISTANCES)
def test_every_distance_of_style_is_blind_to_places_and_sees_other_features(name):
    def distance(output):
        return losses.STYLE_DISTANCES[name](output, wanted, torch.Generator().manual_seed(0))

    torch.manual_seed(0)
    wanted = {"1/2": torch.rand(2, 8, 16, 16), "1/4": torch.rand(2, 4, 8, 8)}
    moved = {level: f.flip(2) for level, f in wanted.items()}
    other = {level: (f * torch.linspace(0.2, 3, f.shape[1])[:, None, None]).requires_grad_() for level, f in wanted.items()}
    far = distance(other)
    far.backward()
    assert distance(moved) < 0.2 * far and all(f.grad.abs().sum() > 0 for f in other.values())


@pytest.mark.parametrize("name", losses.STYLE_DISTANCES)
def test_a_step_learns_by_every_distance_of_style(settings, name):
    config = settings(weight_style=1.0, style_distance=name)
    objective = Exemplar(config, find_hardware(config))
    _, (_, terms) = objective.losses(objective.draw(np.random.default_rng(0)), 0)
    assert terms["style"] > 0 and terms["style"].isfinite()


def test_grey_is_luma():
    assert torch.allclose(grey(torch.ones(1, 3, 2, 2)), torch.ones(1, 3, 2, 2))


def test_pictures_of_several_looks_each_have_a_control(settings, material, tmp_path):
    dark = save(striped() // 4, tmp_path / "Night Sky.png")
    config = settings(exemplar=(), looks=(material / "look.png", dark), steps=8, weight_style=0.5, weight_tones=100.0)
    style = load_style(export(ExportConfig(train(config), tmp_path / "both.onnx")))
    assert [c.name for c in style.controls] == ["stroke_strength", "look", "night_sky"]
    assert [e["picture"] for e in style.training["exemplars"]] == ["look.png", "Night Sky.png"]
    with pytest.raises(ConfigError, match="exemplar must name .* or looks"):
        settings(looks=(dark, dark))
