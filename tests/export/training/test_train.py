"""Training runs of a few steps, small and on one thread, which is quickest for them."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from core import load_style
from core.exr import read_exr, write_exr
from export.config import ExportConfig, TrainConfig, resumed_config
from export.export_onnx import export
from export.settings import ConfigError, TrainerError
from export.training import losses
from export.training.checkpoint import load_checkpoint
from export.training.train import TrainingError, train

from ..paired_frames import write_paired_frames
from ..vgg_weights import write_vgg_weights


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_paired_frames(tmp_path_factory.mktemp("data"))


@pytest.fixture
def config(data, tmp_path):
    return TrainConfig(
        data,
        tmp_path / "run",
        crop=64,
        batch=1,
        widths=(16, 16, 1, 1),
        discriminator_channels=8,
        discriminator_layers=2,
        holdout_fraction=0.25,
        steps=6,
        threads=1,
        log_every=1,
        preview_every=3,
        checkpoint_every=3,
    )


def weights(run) -> dict[str, torch.Tensor]:
    return load_checkpoint(run)[0]


def test_previews_come_by_the_clock_too(config):
    train(replace(config, steps=2, preview_every=100, preview_seconds=1e-9))
    assert [p.stem for p in sorted((config.run / "previews").iterdir())] == ["step_00000001", "step_00000002"]


def test_training_nears_the_target_and_leaves_pictures_curves_and_scores(config):
    train(replace(config, steps=60, preview_every=30, learning_rate=2e-3))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(config.run / "tensorboard")).Reload()
    assert {"train/l1", "train/edge", "train/adversarial", "train/features", "train/discriminator", "held_out/psnr"} <= set(
        board.Tags()["scalars"]
    )
    l1 = [e.value for e in board.Scalars("train/l1")]
    assert len(l1) == 60 and np.mean(l1[-10:]) < 0.7 * np.mean(l1[:10])
    first, last = (e.value for e in board.Scalars("held_out/l1"))
    assert last < first
    assert load_checkpoint(config.run)[1]["scores"]["l1"] == pytest.approx(last)
    sheet = np.asarray(Image.open(config.run / "previews" / "step_00000060.png"))
    assert sheet.shape[1] >= 3 * 104 and sheet[:72].std() > 20
    assert json.loads((config.run / "data.json").read_text())["held_out"] == ["shot_0004"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_resumed_run_reaches_exactly_the_weights_of_an_uninterrupted_one(config, tmp_path, precision):
    config = replace(config, precision=precision)
    whole = train(config)
    stopped = replace(config, run=tmp_path / "stopped")
    stop_after(stopped, steps=4)
    assert load_checkpoint(stopped.run)[1]["step"] == 4
    train(resumed_config({"run": stopped.run, "resume": True}))
    expected, actual = weights(whole), weights(stopped.run)
    assert set(expected) == set(actual) and all(torch.equal(expected[k], actual[k]) for k in expected)


def test_a_resumed_run_may_change_weights_and_rates_and_its_record_says_so(config, tmp_path):
    stop_after(config, steps=4)
    train(resumed_config({"run": config.run, "resume": True, "weight_l1": 20.0, "learning_rate": 1e-3}))
    assert json.loads((config.run / "data.json").read_text())["changes"] == [
        {"after": 4, "weight_l1": 20.0, "learning_rate": 1e-3}
    ]
    again = resumed_config({"run": config.run, "resume": True})
    assert (again.weight_l1, again.learning_rate) == (20.0, 1e-3)
    train(again)
    style = load_style(export(ExportConfig(config.run, tmp_path / "a.onnx")))
    assert [change["after"] for change in style.training["changes"]] == [4] and "--weight-l1 20" in style.training["command"]
    with pytest.raises(ConfigError, match="began without it"):
        resumed_config({"run": config.run, "resume": True, "weight_temporal": 1.0})
    with pytest.raises(ConfigError, match="other settings: batch"):
        resumed_config({"run": config.run, "resume": True, "batch": 7})


def test_dropout_is_repeated_by_a_resumed_run(config, tmp_path):
    """pix2pix's generator draws numbers while it trains (Isola et al. 2017, section 3.1)."""
    config = replace(config, generator="pix2pix_unet", widths=(4, 6), steps=4)
    whole = train(config)
    stopped = replace(config, run=tmp_path / "stopped")
    stop_after(stopped, steps=2)
    torch.rand(5)
    train(resumed_config({"run": stopped.run, "resume": True}))
    expected, actual = weights(whole), weights(stopped.run)
    assert all(torch.equal(expected[k], actual[k]) for k in expected)


def stop_after(config: TrainConfig, steps: int, number: int = signal.SIGTERM) -> None:
    """Train, and let the process send itself a signal during a step."""
    calls = []
    original = losses.l1

    def counted(*arguments):
        calls.append(1)
        if len(calls) == steps:
            os.kill(os.getpid(), number)
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(losses, "l1", counted)
        train(config)


def test_ctrl_c_stops_with_a_checkpoint_and_gives_the_signal_back(config):
    before = signal.getsignal(signal.SIGINT)
    stop_after(config, steps=2, number=signal.SIGINT)
    assert load_checkpoint(config.run)[1]["step"] == 2 and signal.getsignal(signal.SIGINT) is before


def test_the_time_limit_stops_with_a_checkpoint(config):
    train(replace(config, steps=10**6, minutes=0.01))
    assert 0 < load_checkpoint(config.run)[1]["step"] < 10**6


def test_nothing_is_learned_from_targets_outside_the_mask(config, tmp_path):
    runs = []
    for name in ("painted", "spoilt"):
        data = write_paired_frames(tmp_path / name, count=1)
        (data / "mask").mkdir()
        Image.fromarray(np.uint8(np.indices((72, 104))[1] < 60) * 255).save(data / "mask" / "shot_0001.png")
        if name == "spoilt":
            target = read_exr(data / "target" / "shot_0001.exr")["image"]
            target[:, 60:] = 7
            write_exr(data / "target" / "shot_0001.exr", {"image": target})
        runs.append(weights(train(replace(config, data=data, run=tmp_path / f"run_{name}", holdout_fraction=0.0, steps=3))))
    assert all(torch.equal(runs[0][key], runs[1][key]) for key in runs[0])


def test_an_existing_run_is_refused_and_left_alone(config):
    config.run.mkdir()
    with pytest.raises(TrainingError, match="exists already"):
        train(config)
    assert list(config.run.iterdir()) == []


def test_every_term_is_logged_by_itself_and_the_pretrained_ones_train(config, tmp_path):
    vgg = write_vgg_weights(tmp_path / "vgg19.pth")
    extra = {f"weight_{name}": 1.0 for name in ("l2", "variation", "content", "style", "r1")}
    train(
        replace(
            config,
            steps=4,
            r1_every=3,
            preview_every=9,
            vgg_weights=vgg,
            content_layers=("relu2_1",),
            style_layers=("relu1_1", "relu2_2"),
            **extra,
        )
    )
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(config.run / "tensorboard")).Reload()
    for name in ("l1", "l2", "edge", "variation", "content", "style", "r1", "features", "adversarial", "discriminator"):
        values = [e.value for e in board.Scalars(f"train/{name}")]
        assert len(values) == 4 and np.isfinite(values).all() and any(values), name
    assert not any(name.startswith("vgg") for name in weights(config.run))


def test_weights_of_vgg_that_cannot_be_read_stop_before_anything_is_written(config, tmp_path):
    with pytest.raises(TrainerError, match="VGG-19's weights can't be read"):
        train(replace(config, weight_style=1.0, vgg_weights=tmp_path / "none.pth"))
    assert not config.run.exists()


def test_a_crop_that_does_not_fit_the_generator_is_refused_before_anything_is_written(config):
    with pytest.raises(TrainerError, match="multiple of 16 px, not 72"):
        train(replace(config, generator="unet", widths=(16, 16, 16, 16), crop=72))
    assert not config.run.exists()


def test_resuming_on_other_data_is_refused(config, tmp_path):
    train(replace(config, steps=1))
    other = write_paired_frames(tmp_path / "other", count=3)
    with pytest.raises(TrainingError, match="changed since"):
        train(replace(config, data=other, resume=True))


def lost_from(monkeypatch, first: int, last: int) -> None:
    """Have a loss be no number in some steps."""
    calls = []
    original = losses.edge

    def breaks(output, target):
        calls.append(1)
        return original(output, target) * (float("nan") if first <= len(calls) <= last else 1)

    monkeypatch.setattr(losses, "edge", breaks)


def test_a_loss_that_is_no_number_for_long_stops_with_its_name_and_keeps_the_good_checkpoint(config, monkeypatch):
    lost_from(monkeypatch, 5, 10**9)
    with pytest.raises(TrainingError, match="'edge' is nan at step 14, and was not finite for 10 steps"):
        train(replace(config, steps=30))
    assert load_checkpoint(config.run)[1]["step"] == 12
    assert all(t.isfinite().all() for t in weights(config.run).values())


def test_one_step_without_a_finite_loss_is_passed_over(config, monkeypatch):
    lost_from(monkeypatch, 5, 5)
    train(config)
    assert load_checkpoint(config.run)[1]["step"] == 6
    assert all(t.isfinite().all() for t in weights(config.run).values())


@pytest.mark.parametrize(
    "changes",
    [
        {"adversarial": "hinge"},
        {"adversarial": "non_saturating", "conditional": False},
        {"adversarial": "cross_entropy", "spectral_norm": False},
        {"weight_adversarial": 0.0, "weight_features": 0.0},
        {"weight_features": 0.0, "weight_edge": 0.0},
        {"passes": ("image", "depth", "normal")},
        {"generator": "unet", "widths": (16, 16, 16), "passes": ("image", "normal")},
        {"generator": "resnet", "widths": (16, 16, 1)},
        {"discriminator": "dense"},
        {"weight_r1": 1.0, "r1_every": 2, "spectral_norm": False, "precision": "bfloat16"},
        {"weight_l1": 0.0, "weight_l2": 10.0, "weight_variation": 0.1},
        {"passes": ("image", "position"), "noise": 2, "weight_temporal": 5.0},
        {"mode": "keyframes", "conditional": False},
        {"mode": "keyframes", "weight_temporal": 5.0, "batch": 2},
        {"discriminator": "multiscale", "discriminator_layers": 1, "discriminator_scales": 2, "spectral_norm": False},
    ],
)
def test_every_setting_trains(config, changes):
    before = replace(config, steps=2, preview_every=9, **changes)
    train(before)
    assert load_checkpoint(config.run)[1]["step"] == 2


def test_paired_steadiness_also_learns_from_neighbours_that_are_only_rendered(config, tmp_path):
    data = write_paired_frames(tmp_path / "halves", count=8)
    for number in (2, 4, 6, 8):
        (data / "target" / f"shot_000{number}.exr").unlink()
    with pytest.raises(TrainerError, match="has no counterpart"):
        train(replace(config, data=data))
    train(replace(config, data=data, weight_temporal=1.0, steps=2, holdout=("shot_0001", "shot_0003")))
    record = json.loads((config.run / "data.json").read_text())
    assert record["frames"] == ["shot_0005", "shot_0007"] and record["held_out"] == ["shot_0001", "shot_0003"]


def test_keyframes_without_a_rendered_neighbour_are_refused_before_anything_is_written(config, tmp_path):
    data = write_paired_frames(tmp_path / "gaps", count=4)
    for path in (data / "input" / "shot_0003.exr", *(data / "target" / f"shot_000{n}.exr" for n in (1, 2, 3))):
        path.unlink()
    with pytest.raises(TrainerError, match="No painted frame has a neighbour"):
        train(replace(config, data=data, mode="keyframes", weight_temporal=1.0))
    assert not config.run.exists()
