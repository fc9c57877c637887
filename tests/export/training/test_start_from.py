"""Fine-tuning: a tiny run and its style file as the start of another run."""

import logging
from dataclasses import replace

import pytest
import torch

from core import Style, load_style
from core.controls import Control
from export.config import ExportConfig, TrainConfig, resumed_config
from export.export_onnx import export, round_weights, write_style
from export.networks.build import make_generator
from export.networks.discriminators import make_discriminator
from export.networks.encoding import encode, places
from export.networks.guided import OPEN
from export.settings import ConfigError
from export.training.checkpoint import load_checkpoint
from export.training.start_from import StartError, start_from
from export.training.train import train

from ..paired_frames import write_paired_frames

SMALL = {"widths": (16, 16, 1, 1), "discriminator_channels": 8, "discriminator_layers": 2}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    data = write_paired_frames(folder / "data")
    config = TrainConfig(data, folder / "run", crop=64, batch=1, steps=3, threads=1, preview_every=9, learning_rate=1e-3, **SMALL)
    train(config)
    return config


@pytest.fixture(scope="module")
def style(config):
    return export(ExportConfig(config.run, config.run.parent / "first.onnx"))


def averaged(run) -> dict[str, torch.Tensor]:
    return {n.removeprefix("ema."): t for n, t in load_checkpoint(run)[0].items() if n.startswith("ema.")}


def networks(config: TrainConfig, **changes) -> tuple[torch.nn.Module, torch.nn.Module]:
    torch.manual_seed(9)
    config = replace(config, **changes)
    return make_generator(config.passes, config.size, config.widths, config.generator), make_discriminator(config)


def test_a_run_gives_its_averaged_generator_and_its_discriminator(config, caplog):
    generator, discriminator = networks(config)
    with caplog.at_level(logging.INFO):
        start_from(config.run, generator, discriminator)
    assert all(torch.equal(t, averaged(config.run)[n]) for n, t in generator.state_dict().items())
    saved = load_checkpoint(config.run)[0]
    assert all(torch.equal(t, saved[f"discriminator.{n}"]) for n, t in discriminator.state_dict().items())
    assert "comes along" in caplog.text


def test_a_discriminator_of_another_build_starts_afresh(config, caplog):
    generator, discriminator = networks(config, discriminator_channels=16)
    before = {n: t.clone() for n, t in discriminator.state_dict().items()}
    with caplog.at_level(logging.INFO):
        start_from(config.run, generator, discriminator)
    assert all(torch.equal(t, before[n]) for n, t in discriminator.state_dict().items()) and "starts afresh" in caplog.text


def test_a_style_file_gives_the_weights_that_were_exported(config, style):
    generator, discriminator = networks(config)
    start_from(style, generator, discriminator)
    for name, weight in averaged(config.run).items():
        stored = weight.half().float() if weight.ndim == 4 else weight
        assert torch.equal(stored, generator.state_dict()[name]), name


@pytest.mark.parametrize("source", ["run", "style"])
def test_passes_that_come_after_those_of_the_start_have_no_effect_at_first(config, style, source):
    alone, discriminator = networks(config)
    more = make_generator(("image", "depth", "position"), "default", SMALL["widths"], "cnn", noise=2)
    for generator in (alone, more):
        start_from(config.run if source == "run" else style, generator, discriminator)
    image, depth, position = (torch.rand(1, channels, 32, 32) for channels in (3, 1, 3))
    assert torch.allclose(more(image, depth, position), alone(image), atol=1e-5)
    more(image, depth, position).sum().backward()
    assert more.front.weight.grad[:, 3:].abs().max() > 0


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("source", ["run", "style"])
def test_gates_that_the_start_lacked_begin_almost_open_and_learn(config, style, source, smooth):
    alone, discriminator = networks(config)
    gated = make_generator(("image",), "default", SMALL["widths"], "cnn", gate=True, smooth=smooth)
    for generator in (alone, gated):
        start_from(config.run if source == "run" else style, generator, discriminator)
    image = torch.rand(1, 3, 32, 32)
    assert torch.allclose(
        gated.encoded(image) - alone.encoded(image), -encode(image) * (1 - torch.sigmoid(torch.tensor(OPEN))), atol=1e-5
    )
    gated(image).sum().backward()
    assert all(channel.abs().max() > 0 for channel in gated.tail.weight.grad[3 * 16 :].split(16))


def test_of_more_residual_blocks_those_with_the_largest_weights_stay(config, tmp_path):
    deep, discriminator = networks(config, widths=(16, 16, 1, 4))
    with torch.no_grad():
        torch.nn.init.normal_(deep.tail.weight, 0, 0.1)
        for bias in (p for p in deep.parameters() if p.ndim == 1):
            torch.nn.init.normal_(bias, 0, 0.1)  # zeros would not be in the file
        for number in (0, 2):
            deep.middle[number].conv2.weight.zero_()  # so that they change nothing
            deep.middle[number].conv2.bias.zero_()
        deep.middle[3].conv1.weight.mul_(0.5)
    round_weights(deep)
    write_style(deep, Style("Deep", passes=deep.passes, alignment=8), tmp_path / "deep.onnx")
    lean, _ = networks(config, widths=(16, 16, 1, 2))
    start_from(tmp_path / "deep.onnx", lean, discriminator)
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(lean.encoded(image), deep.encoded(image))
    assert all(
        torch.equal(a, b)
        for a, b in zip(lean.middle.parameters(), (*deep.middle[1].parameters(), *deep.middle[3].parameters()), strict=True)
    )


def test_shares_of_detail_come_to_a_start_that_has_a_gate(config, tmp_path):
    gated = replace(config, run=tmp_path / "gated", gate=True)
    train(gated)
    _, discriminator = networks(config)
    before, after = (make_generator(("image",), "default", SMALL["widths"], "cnn", gate=True, smooth=s) for s in (False, True))
    for generator in (before, after):
        start_from(gated.run, generator, discriminator)
    image = torch.rand(1, 3, 32, 32)
    assert torch.allclose(before.encoded(image), after.encoded(image), atol=1e-5)


def test_a_style_file_names_all_trainings_behind_it(config, style, tmp_path):
    again = replace(config, run=tmp_path / "again", start_from=style, steps=1, learning_rate=5e-4)
    train(again)
    second = export(ExportConfig(again.run, tmp_path / "second.onnx"))
    last = replace(config, run=tmp_path / "last", start_from=second, steps=2)
    train(last)
    train(replace(last, steps=2, resume=True))
    record = load_style(export(ExportConfig(last.run, tmp_path / "last.onnx"))).training
    assert [r["steps"] for r in record["earlier"]] == [3, 1] and record["steps"] == 2
    assert "--learning-rate 0.0005" in record["earlier"][1]["command"] and "earlier" not in record["earlier"][1]
    assert all("minutes" in r for r in (record, *record["earlier"]))


def test_fine_tuning_goes_on_from_there_and_resumes_without_the_file(config, tmp_path):
    tuned = replace(config, run=tmp_path / "tuned", start_from=config.run, steps=2, learning_rate=1e-6)
    train(tuned)
    start, end = averaged(config.run), averaged(tuned.run)
    assert max((start[n] - end[n]).abs().max() for n in start) < 1e-4, "so small a step stays near the start"
    assert any(not torch.equal(start[n], end[n]) for n in start)
    gone = replace(tuned, start_from=tmp_path / "gone", run=tmp_path / "tuned", resume=True)
    train(gone)
    with pytest.raises(ConfigError, match="start_from"):
        resumed_config({"run": tuned.run, "resume": True, "start_from": tmp_path / "gone"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": (16, 32, 1, 1)}, r"down.weight is 16 x 16 x 3 x 3 there and 32 x 16 x 3 x 3 here"),
        ({"widths": (16, 16, 1, 2)}, r"middle.1.conv1.weight is missing there"),
        (
            {"generator": "resnet", "widths": (16, 16, 1)},
            r"there and .* here.*architecture that it has \((--generator cnn|made by: .*) .*--widths 16 16 1 1",
        ),
    ],
)
@pytest.mark.parametrize("source", ["run", "style"])
def test_another_architecture_is_refused_naming_what_differs(config, style, source, changes, message):
    with pytest.raises(StartError, match=message):
        start_from(config.run if source == "run" else style, *networks(config, **changes))


def test_fewer_passes_than_those_of_the_start_are_refused(config, tmp_path):
    guided = replace(config, run=tmp_path / "guided", passes=("image", "normal"), steps=1)
    train(guided)
    with pytest.raises(StartError, match="takes the passes image normal, not image;"):
        start_from(guided.run, *networks(config))


def test_a_smaller_generator_does_not_take_a_part_of_a_larger_one(config, style):
    for source in (config.run, style):
        generator, discriminator = networks(config)
        del generator.middle[0]
        with pytest.raises(StartError, match=r"middle.0.conv1.weight is 16 x 16 x 3 x 3 there and missing here"):
            start_from(source, generator, discriminator)


def test_what_is_no_start_is_refused_before_anything_is_written(config, tmp_path):
    for wrong, message in ((tmp_path, "config.json"), (tmp_path / "none.onnx", "none.onnx")):
        with pytest.raises((StartError, ConfigError), match=message):
            train(replace(config, run=tmp_path / "new", start_from=wrong))
    assert not (tmp_path / "new").exists()


def test_a_style_file_whose_channels_are_padded_gives_the_weights_without_the_padding(tmp_path):
    """Image, depth, normal and two channels of noise are nine, which core.webgpu.pad_channels() makes twelve."""
    torch.manual_seed(3)
    passes = ("image", "depth", "normal", "position")
    generator = make_generator(passes, widths=(16, 16, 1, 1), noise=2)
    for parameter in generator.parameters():  # the exporter leaves out biases of zero
        torch.nn.init.normal_(parameter, 0, 0.05)
    round_weights(generator)
    write_style(generator, Style("Nine", passes=passes, alignment=generator.alignment), tmp_path / "nine.onnx")
    other = make_generator(passes, widths=(16, 16, 1, 1), noise=2)
    assert not torch.equal(other.front.weight, generator.front.weight)
    start_from(tmp_path / "nine.onnx", other, make_discriminator(TrainConfig(tmp_path, tmp_path, discriminator_channels=8)))
    assert other.front.weight.shape[1] == 9 and torch.equal(other.front.weight, generator.front.weight)


def test_strokes_and_knobs_take_the_place_of_noise_and_change_nothing_but_what_pens_paint(tmp_path):
    torch.manual_seed(3)
    passes = ("image", "normal", "position")
    noisy = make_generator(passes, widths=(16, 16, 1, 1), noise=2)
    for parameter in noisy.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    write_style(noisy, Style("Noisy", passes=passes, alignment=noisy.alignment), tmp_path / "noisy.onnx")
    knob = Control("line_weight", 0.0, 2.0, 1.0)
    stroked = make_generator(passes, widths=(16, 16, 1, 1), strokes=2, controls=[knob])
    start_from(tmp_path / "noisy.onnx", stroked, make_discriminator(TrainConfig(tmp_path, tmp_path, discriminator_channels=8)))
    seen, stayed = stroked.front.weight, noisy.front.weight
    assert torch.allclose(seen[:, :6], stayed[:, :6].half().float(), atol=1e-3) and not seen[:, 6:].any()
    assert seen.shape[1] == 9 and stroked.pens.weight.any()


def test_strokes_come_beside_noise_of_a_style_file_that_is_padded(tmp_path):
    """A file whose nine channels are padded to twelve has zeros for strokes already."""
    torch.manual_seed(3)
    noisy = make_generator(STROKED, widths=(16, 16), kind="unet", noise=3, everywhere=True)
    for parameter in noisy.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    write_style(noisy, Style("Noisy", passes=STROKED, alignment=noisy.alignment, placed=True), tmp_path / "noisy.onnx")
    stroked = make_generator(STROKED, widths=(16, 16), kind="unet", noise=3, everywhere=True, strokes=1)
    start_from(tmp_path / "noisy.onnx", stroked, make_discriminator(TrainConfig(tmp_path, tmp_path, discriminator_channels=8)))
    seen = stroked.downs[0].weight
    assert torch.allclose(seen[:, :9], noisy.downs[0].weight, atol=1e-3) and not seen[:, 9:].any()


def test_dabs_take_the_place_of_strokes_and_begin_anew(tmp_path):
    torch.manual_seed(5)
    stroked = stroked_style(tmp_path, (16, 16, 1, 1))
    dabbed = make_generator((*STROKED, "depth"), widths=(16, 16, 1, 1), dabs=True)
    first = dabbed.pens.bias.clone()
    start_from(tmp_path / "stroked.onnx", dabbed, make_discriminator(TrainConfig(tmp_path, tmp_path, discriminator_channels=8)))
    assert torch.allclose(dabbed.front.weight[:, :6], stroked.front.weight[:, :6], atol=1e-3)
    assert torch.allclose(dabbed.tail.weight, stroked.tail.weight, atol=1e-3) and torch.equal(dabbed.pens.bias, first)


def test_dabs_come_in_the_place_of_a_gate(tmp_path):
    torch.manual_seed(5)
    gated = make_generator(STROKED, widths=(16, 16, 1, 1), strokes=2, smooth=True)
    for parameter in gated.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    style = Style("Gated", passes=STROKED, alignment=gated.alignment, placed=True)
    write_style(gated, style, tmp_path / "gated.onnx")
    dabbed = make_generator((*STROKED, "depth"), widths=(16, 16, 1, 1), dabs=True, smooth=True)
    start_from(tmp_path / "gated.onnx", dabbed, make_discriminator(TrainConfig(tmp_path, tmp_path, discriminator_channels=8)))
    for part, other in ((slice(0, 48), slice(0, 48)), (slice(48, None), slice(64, None))):
        assert torch.allclose(dabbed.tail.weight[part], gated.tail.weight[other], atol=1e-3)


def test_noise_does_not_become_a_pass_that_only_the_generator_with_strokes_sees(tmp_path):
    noisy = make_generator(("image", "position"), widths=(16, 16, 1, 1), noise=3)
    for parameter in noisy.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    write_style(noisy, Style("Noisy", passes=("image", "position"), alignment=noisy.alignment), tmp_path / "noisy.onnx")
    stroked = make_generator(("image", "position", "normal"), widths=(16, 16, 1, 1), strokes=1)
    start_from(tmp_path / "noisy.onnx", stroked, make_discriminator(TrainConfig(tmp_path, tmp_path, discriminator_channels=8)))
    assert stroked.front.weight[:, :3].any() and not stroked.front.weight[:, 3:].any()


def test_a_style_file_that_stores_equal_biases_once_gives_both(tmp_path):
    """A skip and what it is added to learn the same bias."""
    torch.manual_seed(3)
    generator = make_generator(("image",), widths=(16, 16), kind="unet")
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    generator.merges[0].bias.data = generator.skips[0].bias.data.clone()
    round_weights(generator)
    write_style(generator, Style("Twice", alignment=generator.alignment), tmp_path / "twice.onnx")
    other = make_generator(("image",), widths=(16, 16), kind="unet")
    start_from(tmp_path / "twice.onnx", other, make_discriminator(TrainConfig(tmp_path, tmp_path, discriminator_channels=8)))
    assert torch.equal(other.merges[0].bias, generator.skips[0].bias) and torch.equal(other.skips[0].bias, other.merges[0].bias)


STROKED = ("image", "normal", "position")


def stroked_style(folder, widths):
    """A generator with strokes, which is written as stroked.onnx."""
    torch.manual_seed(3)
    generator = make_generator(STROKED, widths=widths, strokes=2)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    round_weights(generator)
    style = Style("Stroked", passes=STROKED, alignment=generator.alignment, placed=True)
    write_style(generator, style, folder / "stroked.onnx")
    return generator


def test_tones_come_to_a_start_with_strokes_which_keep_their_pens(tmp_path):
    stroked, toned = stroked_style(tmp_path, (16, 16, 1, 1)), make_generator(STROKED, widths=(16, 16, 1, 1), strokes=2, tones=2)
    start_from(tmp_path / "stroked.onnx", toned, make_discriminator(TrainConfig(tmp_path, tmp_path, discriminator_channels=8)))
    assert torch.equal(toned.pens.weight[8:], stroked.pens.weight) and torch.equal(toned.pens.bias[8:], stroked.pens.bias)
    assert torch.equal(toned.pens.bias[3:8:4], torch.tensor([1 / 3, 2 / 3])) and torch.equal(
        toned.front.weight, stroked.front.weight
    )


@pytest.mark.parametrize("laid", [{}, {"stepped": "tones"}])
def test_lines_of_the_geometry_come_to_a_start_with_other_pens_or_none(tmp_path, laid):
    knobs = [Control("line_weight", 0.0, 3.0, 1.0), Control("tones", 2.0, 8.0, 4.0)]
    before, after = (
        make_generator(("image", "depth", "normal"), widths=(16, 16, 1, 1), controls=knobs, **laid, **lines)
        for lines in ({}, {"outlined": "line_weight"})
    )
    for name, weight in before.named_parameters():  # biases that are all 0 are stored once, by another name
        torch.nn.init.normal_(weight, 0.0, 0.1) if name.endswith("bias") else None
    write_style(before, Style("b", passes=before.passes, controls=before.controls), tmp_path / "b.onnx")
    round_weights(before)
    start_from(tmp_path / "b.onnx", after, torch.nn.Module())
    for name, weight in before.state_dict().items():
        assert torch.allclose(after.state_dict()[name][: len(weight)], weight, atol=2e-3)  # stored as halves
    passes = torch.rand(1, 3, 64, 64), torch.full((1, 1, 64, 64), 3.0), torch.zeros(1, 3, 64, 64)
    planes = torch.ones(1, 1, 64, 64), torch.full((1, 1, 64, 64), 4.0)
    with torch.no_grad():  # where there are no lines nothing has changed
        assert torch.allclose(after(*passes, *planes), before(*passes, *planes), atol=2e-3)


def test_a_narrower_generator_goes_on_with_channels_of_the_wider_one(config, tmp_path):
    lean = replace(config, run=tmp_path / "lean", start_from=config.run, widths=(8, 12, 1, 1), steps=1, learning_rate=1e-5)
    train(lean)
    wide, narrow = averaged(config.run), averaged(lean.run)
    distances = torch.cdist(narrow["front.weight"].flatten(1), wide["front.weight"].flatten(1)).amin(1)
    assert narrow["front.weight"].shape[0] == 8 and narrow["down.weight"].shape[:2] == (12, 8)
    assert distances.max() < 0.01 * wide["front.weight"].flatten(1).norm(dim=1).min()


def test_fewer_channels_and_new_tones_come_at_once(tmp_path):
    stroked, toned = stroked_style(tmp_path, (32, 32, 1, 1)), make_generator(STROKED, widths=(16, 16, 1, 1), strokes=2, tones=2)
    frame = {name: torch.rand(1, 3, 16, 16) for name in STROKED}
    judge = make_discriminator(TrainConfig(tmp_path, tmp_path, discriminator_channels=8))
    start_from(tmp_path / "stroked.onnx", toned, judge, [frame])
    kept = toned.pens.weight[8:].permute(1, 0, 2, 3).flatten(1)
    assert torch.cdist(kept, stroked.pens.weight.permute(1, 0, 2, 3).flatten(1)).amin(1).max() < 1e-2


def test_a_knob_that_is_left_out_stays_in_the_middle_of_its_range(tmp_path):
    torch.manual_seed(3)
    pigment, wetness = (Control(name, 0.0, 2.0, 1.0) for name in ("pigment", "wetness"))
    both = make_generator(("image",), widths=(16, 16, 1, 1), controls=[pigment, wetness], grain=2)
    for parameter in both.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    round_weights(both)
    style = Style("Both", alignment=both.alignment, placed=True, controls=(pigment, wetness))
    write_style(both, style, tmp_path / "both.onnx")
    one = make_generator(("image",), widths=(16, 16, 1, 1), controls=[pigment], grain=2)
    start_from(tmp_path / "both.onnx", one, make_discriminator(TrainConfig(tmp_path, tmp_path, discriminator_channels=8)))
    image, where = torch.rand(1, 3, 64, 64), places(64, 64)
    much, middle = torch.full((1, 1, 64, 64), 1.7), torch.ones(1, 1, 64, 64)
    assert torch.allclose(one.encoded(image, where, much), both.encoded(image, where, much, middle), atol=1e-5)
