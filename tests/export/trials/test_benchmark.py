import json

import pytest
import torch
from PIL import Image

from export.__main__ import main
from export.networks.build import make_generator
from export.networks.perceptual import load_features
from export.networks.published import ReflectingResidual
from export.settings import from_values
from export.training.teacher import Teaching
from export.training.unpaired import encoder_layers
from export.trials.benchmark import BenchmarkConfig, BenchmarkError, _plan, benchmark
from export.trials.methods import EXEMPLAR, METHODS

from ..moving_frames import write_moving_frames
from ..networks.test_perceptual import WrittenOut
from ..training.test_exemplar import striped
from ..vgg_weights import write_vgg_weights

TINY = {"crop": 32, "batch": 1, "discriminator_layers": 2, "discriminator_channels": 4, "threads": 1}


@pytest.fixture
def quick(monkeypatch):
    """Two tiny methods, few patches, and no measuring of 1080p frames."""
    methods = {"ours": {**TINY, "widths": (16, 16, 1, 1)}, "few_shot": {**METHODS["few_shot"], **TINY, "widths": (4, 1)}}
    monkeypatch.setattr("export.trials.benchmark.METHODS", methods)
    monkeypatch.setattr("export.trials.scoring.PATCHES", 1500)
    monkeypatch.setattr("export.trials.benchmark.frame_cost", lambda style, provider: {"seconds": 0.5, "provider": provider})


def test_methods_train_for_the_same_time_and_stand_in_one_table(tmp_path, quick, capsys):
    data, out = write_moving_frames(tmp_path / "data", count=4, height=64, width=80), tmp_path / "out"
    command = [
        "benchmark",
        "--data",
        str(data),
        "--out",
        str(out),
        "--minutes",
        "0.01",
        "--holdout",
        "pan_0003",
        "pan_0004",
        "--methods",
        "ours",
        "few_shot",
    ]
    assert main(command) == 0
    report = json.loads((out / "scores.json").read_text())
    assert list(report["rows"]) == ["plain", "ours", "few_shot", "target"] and report["frames"] == ["pan_0003", "pan_0004"]
    assert all("psnr" in row and "warping_ratio" in row for row in report["rows"].values())
    for name, training in report["training"].items():
        assert training["steps"] > 0 and training["held_out"] == ["pan_0003", "pan_0004"]
        assert training["command"].count("--minutes 0.01") == 1 and (out / "runs" / name).is_dir()
    assert list(report["training"]) == ["ours-0", "few_shot-0"] and not any(report["spreads"].values())
    assert "few_shot" in capsys.readouterr().out and (out / "scores.png").is_file()

    times = {p: p.stat().st_mtime_ns for p in (out / "runs").rglob("*.safetensors")}
    assert main(command) == 0  # again: nothing is left to train
    assert {p: p.stat().st_mtime_ns for p in (out / "runs").rglob("*.safetensors")} == times
    with pytest.raises(BenchmarkError, match="made with other settings; give another --out"):
        benchmark(BenchmarkConfig(data, out, 0.02, ("ours",)))


def test_of_several_seeds_the_table_has_means_with_their_spread(tmp_path, quick):
    data, out = write_moving_frames(tmp_path / "data", count=2, height=64, width=80), tmp_path / "out"
    rows, spreads = benchmark(BenchmarkConfig(data, out, 0.01, ("ours",), seeds=(3, 5)))
    report = json.loads((out / "scores.json").read_text())
    assert list(rows) == ["plain", "ours", "target"] and report["seeds"] == [3, 5]
    assert report["rows"] == rows and report["spreads"] == spreads and list(report["runs"]) == ["ours-3", "ours-5"]
    one, other = (run["psnr"] for run in report["runs"].values())
    assert one != other, "each seed has a run of its own"
    assert rows["ours"]["psnr"] == pytest.approx((one + other) / 2)
    assert spreads["ours"]["psnr"] == pytest.approx(abs(one - other) / 2**0.5), "of the sample, with n - 1"
    assert "seconds" in rows["ours"] and "seconds" not in spreads["ours"], "a network's cost is measured once"
    assert rows["ours"]["provider"] == "auto" and "provider" not in spreads["ours"], "which is no number"
    assert not spreads["plain"]


def test_a_method_that_was_stopped_goes_on(tmp_path, quick, monkeypatch):
    from export.training.train import train
    from export.trials import benchmark as module

    data = write_moving_frames(tmp_path / "data", count=2, height=64, width=80)
    config = BenchmarkConfig(data, tmp_path / "out", 0.01, ("ours",))
    stopped = monkeypatch.context()
    with stopped as patch:
        patch.setattr(module, "load_checkpoint", lambda run: ({}, {"seconds": 0.1}))
        with pytest.raises(BenchmarkError, match="ours-0 was stopped early; the same command goes on"):
            benchmark(config)
    resumed = []
    monkeypatch.setattr(module, "train", lambda plan: resumed.append(plan.resume) or train(plan))
    rows, _ = benchmark(config)
    assert resumed == [True] and set(rows) == {"plain", "ours", "target"}


def test_with_keyframes_the_published_methods_get_pairs_and_all_are_judged_on_the_rest(tmp_path):
    data = write_moving_frames(tmp_path / "data", count=4, height=64, width=80)
    for number in (1, 2, 4):
        (data / "target" / f"pan_000{number}.exr").unlink()
    config = BenchmarkConfig(data, tmp_path / "out", vgg_weights=write_vgg_weights(tmp_path / "vgg.pth"))
    ours, few_shot = _plan("ours", 0, config), _plan("few_shot", 0, config)
    assert (ours.mode, ours.data) == ("keyframes", data)
    projected = _plan("ours_projected", 0, BenchmarkConfig(data, tmp_path / "out"))
    assert (projected.mode, projected.discriminator, projected.fine) == ("keyframes", "projected", 16)
    assert (few_shot.mode, few_shot.data, few_shot.holdout_fraction) == ("paired", tmp_path / "out" / "pairs", 0)
    assert [p.name for p in sorted(few_shot.data.rglob("*.exr"))] == ["pan_0003.exr"] * 2
    cyclegan = _plan("cyclegan", 0, config)
    assert (cyclegan.mode, cyclegan.data, cyclegan.holdout_fraction) == ("cycle", data, 0)
    assert few_shot.weight_content == 6 and few_shot.vgg_weights == config.vgg_weights


def test_every_method_is_a_valid_setting_of_the_trainer(tmp_path):
    data = write_moving_frames(tmp_path / "data", count=1, height=64, width=80)
    with pytest.raises(BenchmarkError, match="ours_projected learns from keyframes"):
        _plan("ours_projected", 0, BenchmarkConfig(data, tmp_path / "out"))
    for name in METHODS.keys() - {"ours_projected"}:
        pictures = (tmp_path / "look.png",) if name in EXEMPLAR else ()
        plan = _plan(name, 7, BenchmarkConfig(data, tmp_path / "out", exemplar=pictures))
        assert plan.minutes == 10 and plan.run == tmp_path / "out" / "runs" / f"{name}-7" and plan.seed == 7
    (data / "target" / "pan_0001.exr").rename(data / "target" / "film.exr")
    assert _plan("cyclegan", 0, BenchmarkConfig(data, tmp_path / "out")).mode == "cycle"
    with pytest.raises(
        BenchmarkError,
        match="pix2pix learns from painted frames.*give --methods ours_unpaired cyclegan cut ours_unpaired_projected",
    ):
        _plan("pix2pix", 0, BenchmarkConfig(data, tmp_path / "out"))
    with pytest.raises(BenchmarkError, match="one seed at least, and none twice"):
        BenchmarkConfig(data, tmp_path, seeds=(1, 1))
    with pytest.raises(BenchmarkError, match="minutes must be above 0"):
        from_values(BenchmarkConfig, {"data": data, "out": tmp_path, "minutes": 0})


def test_methods_that_learn_from_a_picture_are_judged_by_it_as_large_as_its_strokes_shall_be(tmp_path, quick, monkeypatch):
    data = write_moving_frames(tmp_path / "data", count=3, height=128, width=128, targets=False)
    Image.fromarray(striped()).save(tmp_path / "look.png")
    torch.manual_seed(0)
    torch.save(WrittenOut().state_dict(), tmp_path / "features.pth")
    tiny = {"features_weights": tmp_path / "features.pth", "batch": 1, "crop": 112, "threads": 1}
    methods = {
        "ours_exemplar": {**METHODS["ours_exemplar"], **tiny, "passes": ("image",), "widths": (16, 16)},
        "fast_neural_style": {**METHODS["fast_neural_style"], **tiny, "widths": (4, 1)},
    }
    module = "export.trials.benchmark."
    monkeypatch.setattr(module + "METHODS", methods)
    monkeypatch.setattr(module + "load_features", lambda: load_features(weights=tmp_path / "features.pth"))
    monkeypatch.setattr(module + "Teaching", lambda **settings: Teaching(steps=2))
    config = BenchmarkConfig(data, tmp_path / "out", 0.01, holdout=("pan_0003",), exemplar=(tmp_path / "look.png",), brush=0.1)
    rows, _ = benchmark(config)
    assert list(rows) == ["plain", "ours_exemplar", "fast_neural_style", "per_frame"]
    assert json.loads((config.out / "scores.json").read_text())["frames"] == ["pan_0003"]
    assert all("sliced_wasserstein" in row and "psnr" not in row for row in rows.values())
    assert "seconds" in rows["fast_neural_style"] and "seconds" not in rows["per_frame"]
    with Image.open(config.out / "look" / "1.png") as judged:
        assert judged.size == (192, 128)  # 0.1 of 1920 px
    terms = METHODS["fast_neural_style"]
    assert terms["weight_adversarial"] == 0 and terms["style_distance"] == "gram" and terms["weight_content"] > 0


def test_cut_is_the_published_network_with_its_patches_and_settings(tmp_path):
    data = write_moving_frames(tmp_path / "data", count=2, height=64, width=80)
    cut = _plan("cut", 0, BenchmarkConfig(data, tmp_path / "out"))
    assert (cut.mode, cut.generator, cut.discriminator) == ("contrastive", "cyclegan_resnet", "patch")
    generator = make_generator(cut.passes, cut.size, cut.widths, cut.generator)
    compared = encoder_layers(generator)
    numbers = [list(generator.layers).index(layer) for layer in compared]
    blocks = [n for n, layer in enumerate(generator.layers) if isinstance(layer, ReflectingResidual)]
    assert len(blocks) == 9 and numbers[2:] == [blocks[0], blocks[4]] and [compared[n].stride for n in (0, 1)] == [(2, 2)] * 2


def test_methods_and_what_they_learn_from_must_fit(tmp_path):
    values = {"data": tmp_path, "out": tmp_path / "out"}
    with pytest.raises(
        BenchmarkError, match="per_frame learns from pictures .* needs exemplar; the methods that do are ours_exemplar"
    ):
        from_values(BenchmarkConfig, values | {"methods": ["per_frame"]})
    with pytest.raises(BenchmarkError, match="pix2pix learns from painted frames, and can't go with exemplar"):
        from_values(BenchmarkConfig, values | {"methods": ["pix2pix"], "exemplar": ["look.png"]})
    assert BenchmarkConfig(tmp_path, tmp_path).rows == (
        "ours",
        "ours_guided",
        "ours_unpaired",
        "pix2pix",
        "few_shot",
        "cyclegan",
        "cut",
    )
