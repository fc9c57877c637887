import argparse
import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from export.__main__ import main
from export.config import ExportConfig, TrainConfig, resumed_config, run_config, train_config
from export.modes import SIZES
from export.settings import ConfigError, add_arguments, explicit_values, from_values, to_values


def parse(config_class: type, *words: str) -> dict:
    parser = argparse.ArgumentParser()
    add_arguments(parser, config_class)
    return explicit_values(config_class, parser.parse_args(words))


def test_a_flag_that_is_given_again_adds_to_what_it_named_before():
    values = parse(TrainConfig, "--passes", "image", "depth", "--knob", "a=0:1:2", "--passes", "normal", "--knob", "b=0:1:2")
    assert values["passes"] == ["image", "depth", "normal"] and values["knob"] == ["a=0:1:2", "b=0:1:2"]
    assert "widths" not in values


def test_flags_become_the_fields_they_name():
    values = parse(
        TrainConfig,
        "--data",
        "d",
        "--run",
        "r",
        "--crop",
        "128",
        "--passes",
        "image",
        "depth",
        "--flip",
        "--no-spectral-norm",
        "--betas",
        "0",
        "0.9",
        "--widths",
        "16",
        "32",
        "1",
        "2",
    )
    config = from_values(TrainConfig, values)
    assert config.data == Path("d") and config.crop == 128 and config.passes == ("image", "depth")
    assert config.flip and not config.spectral_norm and config.betas == (0.0, 0.9) and config.widths == (16, 32, 1, 2)
    assert config.seed == 0


def test_every_setting_says_what_it_means():
    for config_class in (TrainConfig, ExportConfig):
        assert all(f.metadata.get("help") for f in fields(config_class))


def test_json_gives_back_the_same_settings():
    config = TrainConfig(Path("d"), Path("r"), betas=(0.1, 0.2), holdout=("a_*",), size="fast")
    assert config.vgg_weights is None
    assert from_values(TrainConfig, json.loads(json.dumps(to_values(config)))) == config


def test_flags_override_the_config_file(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text('data = "d"\ncrop = 64\nseed = 3\nlearning-rate = 1\n')
    values = parse(TrainConfig, "--config", str(file), "--run", "r", "--crop", "128")
    config = from_values(TrainConfig, values)
    assert (config.crop, config.seed, config.learning_rate) == (128, 3, 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": None}, "--data"),
        ({"colour": 1}, "colour"),
        ({"crop": "large"}, "crop must be of type int"),
        ({"crop": 100}, "multiple of 8"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"size": "huge"}, "draft, fast"),
        ({"passes": ["depth"]}, "start with image"),
        ({"passes": ["image", "heat"]}, "heat"),
        ({"contoured": "line_weight"}, "contoured must be one of the knobs"),
        ({"outlined": "line_weight"}, "outlined must be one of the knobs"),
        ({"washed": "wetness"}, "washed must be one of the knobs"),
        (
            {"washed": "wetness", "knob": ["wetness=0:1:2"], "noise": 1, "noise_everywhere": True, "grain": 1},
            "needs two channels",
        ),
        ({"dabs": True, "passes": ["image", "normal"]}, "dabs need depth, normal and position"),
        ({"ema": 1.5}, "ema"),
        ({"weight_adversarial": 0}, "weight-features"),
        ({"weight_style": 1}, "weight-style needs VGG-19's weights: give vgg-weights"),
        ({"weight_content": 1, "vgg_weights": "vgg19.pth", "content_layers": []}, "weight-content needs at least one layer"),
        ({"flip": True, "passes": ["image", "normal"]}, "flip can't mirror the passes normal or position"),
        ({"frame_height": -1}, "frame-height must be at least 0"),
        ({"style_layers": ["relu6_1"]}, "relu6_1"),
        ({"weight_r1": 1, "weight_adversarial": 0, "weight_features": 0}, "weight-r1 needs a discriminator"),
        ({"weight_l2": -1}, "weight-l2 must be at least 0"),
        ({"weight_l1": 0, "weight_edge": 0, "weight_adversarial": 0, "weight_features": 0}, "must not all be 0"),
        ({"widths": [16, 16, 1]}, "widths must be 4 whole numbers above 0 for the cnn"),
        ({"generator": "resnet", "widths": [16, 16, 1, 1]}, "widths must be 3 whole"),
        ({"generator": "unet", "widths": [16]}, "widths must be 2 whole"),
        ({"discriminator": "multiscale", "crop": 128}, "needs crops of 256 px"),
        ({"discriminator": "dense", "crop": 24, "discriminator_side": 32}, "needs crops of 32 px"),
    ],
)
def test_wrong_settings_are_named(changes, message):
    values = {"data": "d", "run": "r"} | changes
    with pytest.raises(ConfigError, match=message):
        from_values(TrainConfig, {k: v for k, v in values.items() if v is not None})


def test_a_resumed_run_keeps_its_settings(tmp_path):
    started = TrainConfig(Path("d"), tmp_path, crop=128)
    (tmp_path / "config.json").write_text(json.dumps(to_values(started)))
    resumed = resumed_config({"run": tmp_path, "resume": True, "minutes": 3.0})
    assert (resumed.crop, resumed.minutes, resumed.resume) == (128, 3.0, True)
    with pytest.raises(ConfigError, match=r"crop \(128, now 64\), seed \(0, now 1\)"):
        resumed_config({"run": tmp_path, "resume": True, "crop": 64, "seed": 1})


def test_a_run_keeps_its_widths_whatever_the_sizes_are_today(tmp_path):
    values = to_values(TrainConfig(Path("d"), tmp_path, size="fast"))
    assert values["widths"] == list(SIZES["cnn"]["fast"])
    for size, widths in (("fast", (32, 64, 1, 4)), ("default", (48, 96, 2, 3)), ("draft", SIZES["cnn"]["draft"])):
        (tmp_path / "config.json").write_text(json.dumps(values | {"size": size, "widths": []}))  # as runs were written
        assert resumed_config({"run": tmp_path, "resume": True}).widths == widths
    (tmp_path / "config.json").write_text(json.dumps(values | {"widths": [16, 32, 1, 2]}))
    assert run_config(tmp_path).widths == (16, 32, 1, 2)


def test_with_keyframes_the_frames_detail_can_go_and_a_projected_judge_and_published_networks_are_as_they_were():
    ours, projected, published = (
        train_config({"data": Path(), "run": Path(), "mode": "keyframes", **values})
        for values in ({}, {"discriminator": "projected"}, {"generator": "few_shot"})
    )
    assert ours.smooth and not projected.smooth and not published.smooth
    assert (projected.gate, projected.discriminator_channels) == (True, TrainConfig.discriminator_channels)
    assert not train_config({"data": Path(), "run": Path()}).smooth


def test_a_mistake_on_the_command_line_is_one_sentence(tmp_path, caplog):
    assert main(["train", "--data", str(tmp_path), "--run", str(tmp_path / "run"), "--crop", "100"]) == 1
    assert "crop must be a multiple of 8" in caplog.text


def test_help_begins_with_examples_that_parse_and_has_groups(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "130")
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = capsys.readouterr().out
    assert "a look from pictures (mode exemplar):" in shown and "the machine:" in shown
    examples = shown[shown.index("examples") : shown.index("options:")].split("\n\n")[0]
    lines = [line[line.index("--data") :] for line in examples.splitlines()[1:]]
    assert shown.index("examples") < 300, "they come in front of the settings"
    modes = [train_config(parse(TrainConfig, *line.split())).mode for line in lines]
    assert modes == ["paired", "keyframes", "exemplar", "contrastive"]


def test_rendering_needs_no_pytorch_and_settings_neither():
    code = "import export.__main__, sys; assert not {'torch', 'bpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
