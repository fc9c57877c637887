import numpy as np
import pytest
import torch
from scipy.ndimage import label
from torch.nn.functional import interpolate

from core import Control
from core.colour import LUMINANCE
from export.datasets.looks.tones import stepped
from export.networks.build import make_generator
from export.networks.encoding import decode, encode
from export.networks.light import in_steps, light_of

from .in_tiles import painted_in_tiles


def ramp(low: float, high: float, columns: int = 256) -> torch.Tensor:
    """A scene-linear image (1, 3, 128, columns) whose encoded light rises evenly from left to right."""
    return decode(torch.linspace(low, high, columns).expand(1, 3, 128, columns))


def two_tones(height: float) -> torch.nn.Module:
    """Black up to a height of the light, encoded, and white above it."""
    module = make_generator(("image",), widths=(16, 16, 1, 1), tones=1, gate=True)
    with torch.no_grad():
        module.tail.weight.zero_()
        module.tail.bias[48:] = -100  # the gate is closed
        module.pens.weight.zero_()
        module.pens.bias.copy_(torch.tensor([1.0, 1.0, 1.0, height]))
    return module


@pytest.mark.parametrize("span", [0.2, 0.5, 1.0])
@torch.no_grad()
def test_the_border_of_a_tone_is_crisp_however_slowly_the_light_changes(span):
    """Also where the network has four pixels for one."""
    picture = two_tones(0.5).encoded(ramp(0.5 - span / 2, 0.5 + span / 2))[0, 0, 64]
    between = ((picture > 0.1) & (picture < 0.9)).sum()
    assert picture[:120].max() < 0.1 and picture[136:].min() > 0.9 and 1 <= between <= 12


@torch.no_grad()
def test_a_tone_keeps_the_borders_of_things_where_they_are():
    image = torch.full((1, 3, 128, 128), 0.02)
    image[..., 37:91, 42:83] = 0.8
    picture = two_tones(0.5).encoded(image)[0, 0]
    painted = picture > 0.5
    assert (painted != (image[0, 0] > 0.5)).sum() <= 4 and ((picture - 0.5).abs() > 0.45).float().mean() > 0.95


@torch.no_grad()
def test_the_noise_of_a_render_does_not_tear_a_border():
    torch.manual_seed(0)
    noisy = (ramp(0.2, 0.8) * (1 + 0.2 * torch.randn(1, 3, 128, 256))).clamp(0)
    clean, torn = (two_tones(0.5).encoded(image)[0, 0] > 0.5 for image in (ramp(0.2, 0.8), noisy))
    assert (clean != torn)[:, 16:-16].float().mean() < 0.02


@pytest.mark.parametrize(("kind", "widths"), [("cnn", (16, 16, 1, 1)), ("unet", (16, 16)), ("resnet", (16, 16, 1))])
def test_tones_are_exact_in_onnx_and_in_tiles_and_learn(kind, widths, tmp_path):
    torch.manual_seed(0)
    knob = Control("steps", 2.0, 8.0, 3.0)
    module = make_generator(("image", "normal"), widths=widths, kind=kind, tones=2, smooth=True, stepped="steps", controls=[knob])
    torch.nn.init.normal_(module.pens.weight, 0, 0.01)
    soft = interpolate(torch.rand(1, 6, 8, 8), scale_factor=16.0, mode="bilinear")
    soft = soft * torch.linspace(0, 1, 128) ** 4  # of all tones, so that every height is reached
    module.encoded(*soft.split(3, 1), torch.full((1, 1, 128, 128), 3.0)).square().mean().backward()
    assert module.pens.weight.grad.abs().sum((1, 2, 3)).min() > 0
    painted_in_tiles(module, tmp_path / "t.onnx")


@torch.no_grad()
def test_tones_start_with_next_to_no_effect_and_strokes_lie_over_them():
    torch.manual_seed(0)
    image = interpolate(torch.rand(1, 3, 16, 16), scale_factor=8.0, mode="bicubic").clamp(0)
    module = make_generator(("image",), widths=(16, 16, 1, 1), tones=3)
    added = module.pens.paint(module.change(image)[-1], image, None)
    assert 0 < added.abs().max() < 0.05
    over = make_generator(("image", "normal", "position"), widths=(16, 16, 1, 1), tones=1, strokes=1).pens
    pens = torch.tensor([0.3, 0.3, 0.3, -9.0, -0.7, -0.7, -0.7, 0.0])[:, None, None].expand(1, 8, 64, 64)
    strokes = torch.cat([torch.full((1, 1, 64, 32), -4.0), torch.full((1, 1, 64, 32), 4.0)], 3)
    painted = over.paint(pens, image[..., :64, :64], strokes)
    assert torch.allclose(painted[..., :32], torch.tensor(0.3), atol=1e-3)
    assert torch.allclose(painted[..., 32:], torch.tensor(-0.7), atol=1e-3)


@pytest.mark.parametrize(("kind", "widths"), [("cnn", (16, 16, 1, 1)), ("unet", (16, 16)), ("resnet", (16, 16, 1))])
@torch.no_grad()
def test_a_start_as_a_poster_has_its_steps_and_keeps_what_is_light_light(kind, widths):
    torch.manual_seed(0)
    module = make_generator(("image",), widths=widths, kind=kind, tones=4, smooth=True)
    module.start_as_poster()
    module.tail.weight.zero_()
    light = ramp(0.0, 1.0)
    poster = module.encoded(light)[0].mean(0)[64]
    assert (poster - torch.linspace(0, 1, 256)).abs().max() < 0.2
    steps = poster.diff().abs()
    assert steps.sort(descending=True).values[:32].sum() > 0.6 * steps.sum()


@torch.no_grad()
def test_a_closed_gate_that_is_hued_lets_hues_through_and_no_light():
    torch.manual_seed(0)
    module = make_generator(("image",), widths=(16, 16, 1, 1), gate=True, hued=True)
    module.tail.weight.zero_()
    module.tail.bias[48:] = -100
    image = torch.rand(1, 3, 64, 64)
    picture, plain = module.encoded(image), encode(image)
    assert picture.mean(1).abs().max() < 1e-5
    assert torch.allclose(picture, plain - plain.mean(1, keepdim=True), atol=1e-5)


@pytest.mark.parametrize("steps", [2, 4, 8])
@torch.no_grad()
def test_light_is_laid_in_the_steps_of_the_looks(steps):
    image = encode(ramp(0.03, 0.94))
    drawn = image[0, 0, 64].numpy() + in_steps(image, torch.full((1, 1, 128, 256), float(steps)))[0, 0, 64].numpy()
    wanted = stepped(image[0, 0].numpy(), steps)[64]
    beside = np.abs(image[0, 0, 64].numpy() * steps % 1 - 0.5) < 0.4  # a border may lie a pixel further
    assert np.abs(drawn - wanted)[beside].max() < 0.02
    assert len(np.unique((drawn[beside] * steps).astype(int))) == steps
    shining = torch.full((1, 3, 64, 64), 1.3)
    assert in_steps(shining, torch.full((1, 1, 64, 64), float(steps))).abs().max() == 0


@torch.no_grad()
def test_rough_surfaces_do_not_tear_the_steps_of_light_and_weak_borders_stay_where_they_are():
    torch.manual_seed(0)
    grain = interpolate(torch.randn(1, 1, 64, 128), scale_factor=2.0, mode="bilinear") * 0.03
    joints = 0.04 * ((torch.arange(128)[:, None] % 16 < 2) | (torch.arange(256) % 24 < 2))
    wall = encode(ramp(0.2, 0.8)) + grain - joints
    for drawn in laid(wall, 4), stepped(light_of(wall, LUMINANCE)[0, 0].numpy(), 4):  # of a network and of a look
        tones = (4 * drawn).round()
        assert [label(tones == tone)[1] for tone in (1, 2, 3)] == [1, 1, 1]
    door = torch.full((1, 3, 128, 128), 0.57)
    door[..., 40:101, 50:91] = 0.43
    assert ((laid(door, 4) > 0.5) == (door[0, 0] > 0.5).numpy()).mean() > 0.996


def laid(image: torch.Tensor, steps: float) -> np.ndarray:
    """The light of an encoded image (1, 3, H, W) in steps, (H, W)."""
    height, width = image.shape[2:]
    stepped = light_of(image, LUMINANCE) + in_steps(image, torch.full((1, 1, height, width), steps))
    return stepped[0, 0].numpy()


@torch.no_grad()
def test_a_knob_of_steps_counts_from_the_start_and_of_one_colour_s_edges_nothing_is_lost():
    module = make_generator(("image",), widths=(16, 16, 1, 1), controls=[Control("tones", 2.0, 8.0, 4.0)], stepped="tones")
    few, many = (module.encoded(ramp(0.05, 0.9), torch.full((1, 1, 128, 256), steps)) for steps in (2.0, 8.0))
    assert (few - many).abs().mean() > 0.05
    edge = torch.full((1, 3, 64, 64), 0.02)
    edge[..., 30:] = 0.5
    drawn = module.encoded(edge, torch.full((1, 1, 64, 64), 4.0))[0, 0, 32]
    assert drawn[30] - drawn[29] > 0.3
