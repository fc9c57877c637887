import numpy as np
import pytest
import torch

from core import Control
from export.networks.build import make_generator
from export.networks.contours import FINEST, HEIGHT, along, coverage, crests, directions, supported
from export.networks.encoding import decode, encode

from .in_tiles import painted_in_tiles

KNOB = Control("line_weight", 0.0, 3.0, 1.0)


def drawn(image: torch.Tensor, weight: float = 1.0) -> torch.Tensor:
    """Coverage (H, W) of the contours of an encoded image."""
    return coverage(crests(image), HEIGHT, torch.full_like(image[:, :1], weight))[0, 0]


def halves(dark: float, light: float) -> torch.Tensor:
    image = torch.full((1, 3, 64, 64), dark)
    image[..., 30:] = light
    return image


@pytest.mark.parametrize("step", [0.1, 0.3, 0.9])
def test_a_contour_is_as_thick_and_as_dark_whatever_the_contrast(step):
    line = drawn(halves(0.05, 0.05 + step))[32]
    assert line[28:32].max() > 0.95 and 2 <= line[24:38].sum() <= 6 and line[:24].max() < 0.05 and line[38:].max() < 0.05


def test_colour_alone_has_contours_but_slopes_and_faint_noise_and_what_is_within_a_lamp_have_none():
    torch.manual_seed(0)
    hue = torch.tensor([0.6, 0.4, 0.5])[None, :, None, None].repeat(1, 1, 64, 64)
    hue[..., 30:] = hue[:, [1, 0, 2], :, 30:]
    assert drawn(hue)[32, 28:32].max() > 0.95
    slope = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    noise = 0.5 + 0.001 * torch.randn(1, 3, 64, 64)
    for image in (slope, noise, halves(1.3, 2.0)):
        assert drawn(image)[8:-8, 8:-8].max() < 0.2


def test_specks_that_a_denoiser_leaves_in_corners_are_no_contours_and_lines_run_to_the_borders():
    speck = torch.tensor([[0.05, -0.03, -0.03], [0.01, -0.02, -0.03]])  # as found in frames, from the corner inwards
    image = torch.full((1, 3, 64, 64), 0.9)
    image[..., :2, :3] += speck
    for side in (2, 3, 2, 3):
        assert drawn(image).max() < 0.3
        image = image.flip(side)
    lines = drawn(halves(0.2, 0.6))
    assert torch.allclose(lines, lines[32:33], atol=1e-5)


def bars(height: int) -> torch.Tensor:
    """A wall with bars of 3 px, 7 px apart, in so many rows of its middle."""
    image = torch.full((1, 3, 160, 160), 0.7)
    for column in range(3, 6):
        image[..., 80 - height // 2 : 80 + height // 2, column::7] = 0.3
    return image


def test_thickets_are_thinned_but_no_railing_and_no_edge_of_a_slope():
    hair, railing = drawn(bars(160)), drawn(bars(20))
    assert hair.mean() < 0.1 and railing[72:88].mean() > 0.5
    lit = torch.linspace(0.1, 0.9, 160).expand(1, 3, 160, 160).clone()
    lit[..., 80:, :] *= 0.5
    assert drawn(lit)[77:83, 40:].amax(0).min() > 0.9


@pytest.mark.parametrize("width", [16, 32])
def test_a_band_of_noise_too_narrow_for_a_thicket_is_not_drawn_either(width):
    """As distant water is: noise of single pixels, and what a denoiser makes of it."""
    torch.manual_seed(0)
    noise = 0.02 * torch.randn(1, 3, 160, 160)
    smear = 2.5 * torch.nn.functional.avg_pool2d(noise, 3, stride=1, padding=1)
    band = (torch.arange(160) >= 64) & (torch.arange(160) < 64 + width)
    for rough in (noise, smear):
        assert drawn(0.5 + rough * band)[8:-8, 68 : 60 + width].mean() < 0.08


def test_lines_that_cross_have_no_gap():
    chequered = torch.full((1, 3, 96, 96), 0.3)
    chequered[..., :48, :48] = chequered[..., 48:, 48:] = 0.8
    assert drawn(chequered)[45:51, 45:51].min() > 0.6


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.8, 1.5, 2.6])
def test_dashes_of_a_staircase_are_evened_out_along_an_edge_and_no_wider_and_what_has_no_direction_is_as_it_is(angle):
    y, x = torch.meshgrid(torch.arange(96.0) - 47.5, torch.arange(96.0) - 47.5, indexing="ij")
    across, forth = y * np.cos(angle) - x * np.sin(angle), x * np.cos(angle) + y * np.sin(angle)
    line = torch.exp(-(across**2) / 2)
    dashed = (line * (1 + torch.cos(forth * (2 * torch.pi / 4))))[None, None]
    edge = torch.clamp(across * 0.3 + 0.5, 0.2, 0.8).expand(1, 3, 96, 96)
    even = along(dashed, directions(edge))[0, 0]
    inside = (forth.abs() < 24) & (across.abs() <= 0.5)
    assert dashed[0, 0][inside].min() < 0.4 and even[inside].min() > 0.7 and even[inside].max() < 1.6
    assert even[(forth.abs() < 24) & (across.abs() > 3)].max() < 0.1
    assert torch.allclose(along(dashed, torch.zeros(1, 2, 48, 48)), dashed, atol=0.04)


def test_highlights_have_fewer_lines_than_paint_as_narrow_and_lamps_keep_theirs():
    narrow = torch.exp(-(((torch.arange(64.0) - 32) / 3) ** 2) / 2)
    polish, paint = (drawn((0.6 + step * narrow).expand(1, 3, 64, 64)).mean() for step in (0.7, 0.3))
    assert polish < 0.6 * paint
    lamp = halves(0.4, 1.3)
    lamp[..., 54:] = 0.4
    assert drawn(lamp)[32, 28:32].max() > 0.95


def test_a_greater_weight_is_a_broader_line_and_none_is_no_line():
    none, faint, fine, plain, broad = (
        drawn(halves(0.2, 0.6), weight)[32].sum() for weight in (0.0, FINEST / 2, FINEST, 1.0, 3.0)
    )
    assert (
        none == 0 and torch.isclose(faint, fine / 2) and fine + 1.5 <= plain <= fine + 2 and plain + 3.5 <= broad <= plain + 4.5
    )


def contouring() -> torch.nn.Module:
    torch.manual_seed(0)
    module = make_generator(("image",), widths=(16, 16, 1, 1), smooth=True, contoured="line_weight", controls=[KNOB])
    torch.nn.init.normal_(module.pens.weight, 0, 0.01)
    return module


def test_contours_are_exact_in_onnx_and_in_tiles_and_learn(tmp_path):
    module = contouring()
    module.encoded(decode(halves(0.2, 0.6)), torch.ones(1, 1, 64, 64)).square().mean().backward()
    assert module.pens.weight.grad.abs().sum((1, 2, 3)).min() > 0
    painted_in_tiles(module, tmp_path / "c.onnx")


def test_faint_dashes_of_a_line_become_one_and_alone_they_fade_and_strong_lines_stay_as_they_are():
    upright = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 48, 48)
    line, dash, strong = (torch.zeros(1, 1, 96, 96) for _ in range(3))
    line[..., 46:51] = torch.where(torch.arange(96) % 12 < 6, HEIGHT + 0.1, HEIGHT - 0.3)[:, None]
    dash[..., 45:51, 46:51] = HEIGHT + 0.1
    strong[..., 46:51] = 3.0
    assert supported(line, upright)[0, 0, 24:-24, 48].min() > HEIGHT
    assert supported(dash, upright).max() < HEIGHT
    assert torch.equal(supported(strong, upright), strong)


@torch.no_grad()
def test_an_untaught_generator_has_ink_along_edges_and_none_where_the_knob_is_0():
    module, image = contouring(), decode(halves(0.4, 0.8))
    none, inked = (encode(module(image, torch.full((1, 1, 64, 64), weight))).mean(1)[0, 32] for weight in (0.0, 1.0))
    assert inked[29:31].max() < 0.3 and none[8:-8].min() > 0.3 and np.allclose(inked[8:24], none[8:24], atol=0.02)


@torch.no_grad()
def test_light_ink_keeps_the_bound_on_black():
    module = contouring()
    module.pens.weight.zero_()
    module.pens.bias[:] = torch.tensor([9.0, 9.0, 9.0, -9.0])
    assert module(torch.zeros(1, 3, 64, 64), torch.ones(1, 1, 64, 64)).max() <= 0.1 + 1e-5
