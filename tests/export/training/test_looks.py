"""Knobs and several looks: what crops show of them, and that a network learns to obey them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core import Generator, load_style, stylize
from core.exr import read_exr, write_exr
from export.config import ExportConfig, TrainConfig, resumed_config
from export.export_onnx import export
from export.settings import ConfigError
from export.training.check_data import check_data
from export.training.checkpoint import load_checkpoint
from export.training.looks import draw_weights, mixed
from export.training.train import train

from ..paired_frames import pair

KNOB = "gain=0:1:1:How much red there is"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Frames whose target is red times a knob; and targets of two looks, one dark blue and one light green."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for part in ("input", "target", "guides/gain", "Deep Blue", "green"):
        (folder / part).mkdir(parents=True)
    for number in range(1, 7):
        name = f"shot_{number:04d}.exr"
        passes, _ = pair(number, 72, 104)
        image = passes["image"][..., :3].clip(0, 1)
        gain = np.full((72, 104, 1), rng.random(), np.float32)
        if number % 2:
            gain = np.linspace(0, 1, 104, dtype=np.float32)[None, :, None].repeat(72, 0)
        write_exr(folder / "input" / name, passes)
        write_exr(folder / "guides/gain" / name, {"image": gain.repeat(3, 2)})
        write_exr(folder / "target" / name, {"image": image * np.concatenate([gain, gain * 0, gain * 0 + 0.2], -1)})
        write_exr(folder / "Deep Blue" / name, {"image": (image * [0.02, 0.02, 0.5]).astype(np.float32)})
        write_exr(folder / "green" / name, {"image": (image * [0.1, 0.9, 0.1] + [0, 0.3, 0]).astype(np.float32)})
    return folder


@pytest.fixture
def config(data, tmp_path):
    return TrainConfig(
        data, tmp_path / "run", crop=64, batch=4, widths=(16, 16, 1, 1), weight_adversarial=0.0, weight_features=0.0,
        weight_edge=0.0, holdout_fraction=0.2, steps=150, threads=1, learning_rate=5e-3, preview_every=1000,
        checkpoint_every=1000, gate=True, ema=0.9,
    )  # fmt: skip


def colours(style, data, **controls) -> np.ndarray:
    """Mean red, green and blue of a frame under these controls."""
    passes = read_exr(data / "input" / "shot_0003.exr")
    return stylize(Generator(load_style(style), "cpu"), passes, controls=controls)[..., :3].mean((0, 1))


def test_a_knob_is_learned_over_its_range(config, tmp_path):
    train(replace(config, knob=(KNOB,)))
    path = export(ExportConfig(config.run, tmp_path / "red.onnx"))
    control = load_style(path).controls[0]
    assert (control.name, control.low, control.high, control.meaning) == ("gain", 0, 1, "How much red there is")
    red = [colours(path, config.data, gain=value)[0] for value in (0.0, 0.5, 1.0)]
    assert red[0] < 0.5 * red[2] and red[0] < red[1] < red[2], red
    across = np.linspace(0, 1, 104, dtype=np.float32)[None, :, None].repeat(72, 0)
    passes = read_exr(config.data / "input" / "shot_0003.exr")
    runner = Generator(load_style(path), "cpu")
    picture, low, high = (stylize(runner, passes, controls={"gain": v})[..., 0] for v in (across, 0.0, 1.0))
    assert np.abs(picture - low)[:, :20].mean() < 0.5 * np.abs(picture - high)[:, :20].mean()
    assert np.abs(picture - high)[:, -20:].mean() < 0.5 * np.abs(picture - low)[:, -20:].mean()


def test_two_looks_are_learned_and_blended(config, tmp_path):
    train(replace(config, looks=(config.data / "Deep Blue", config.data / "green")))
    path = export(ExportConfig(config.run, tmp_path / "both.onnx"))
    assert [c.name for c in load_style(path).controls] == ["deep_blue", "green"]
    blue, green, half = (colours(path, config.data, deep_blue=b, green=g) for b, g in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5)))
    assert np.array_equal(colours(path, config.data), blue), "without a word the first look counts"
    assert blue[2] > 2 * blue[1] and green[1] > 2 * green[2]
    assert blue[1] < half[1] < green[1]


def test_a_run_with_a_knob_and_looks_resumes_exactly(config, tmp_path):
    several = replace(
        config, steps=4, knob=(KNOB,), looks=(config.data / "Deep Blue", config.data / "green"), weight_temporal=1.0,
        passes=("image",),
    )  # fmt: skip
    train(several)
    train(replace(several, run=tmp_path / "parts", minutes=1e-9))
    train(resumed_config({"run": tmp_path / "parts", "resume": True, "minutes": 0.0}))
    first, second = (load_checkpoint(run)[0] for run in (several.run, tmp_path / "parts"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_weights_of_looks_add_up_and_are_sometimes_one_mixed_or_changing():
    weights = draw_weights(60, 3, 16, np.random.default_rng(0))
    assert torch.allclose(weights.sum(1), torch.ones(()), atol=1e-6) and weights.min() >= 0
    even = (weights.amax((2, 3)) - weights.amin((2, 3))).amax(1) < 1e-6
    pure = even & (weights.amax((1, 2, 3)) > 1 - 1e-6)
    assert pure.sum() > 20 and (even & ~pure).sum() > 3 and (~even).sum() > 3
    black, white = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    shares = torch.tensor([0.25, 0.75]).reshape(1, 2, 1, 1).expand(1, 2, 4, 4)
    assert torch.allclose(mixed([white, black], shares).mean(), torch.tensor((65**0.25 - 1) / 64), rtol=1e-3)


def test_the_check_lists_the_targets_of_each_look(config):
    told = check_data({"data": config.data, "crop": 64, "looks": (config.data / "Deep Blue", config.data / "green")})
    assert "Deep Blue/" in told and "green/" in told


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"knob": ("gain",)}, "line_weight=0:1:3"),
        ({"knob": ("gain=3:1:0",)}, "low <= default <= high"),
        ({"knob": ("Gain=0:1:3",)}, "small letters"),
        ({"knob": (KNOB, KNOB)}, "twice"),
        ({"knob": (KNOB,), "mode": "keyframes", "conditional": False}, "mode paired"),
        ({"looks": ("a",)}, "two or more"),
        ({"knob": (KNOB,), "generator": "few_shot", "widths": (), "gate": False}, "takes no knob"),
    ],
)
def test_wrong_settings_are_named(config, changes, words):
    with pytest.raises(ConfigError, match=words):
        replace(config, **changes).controls  # noqa: B018 - the name of a look is read only then
