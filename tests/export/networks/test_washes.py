from itertools import pairwise

import numpy as np
import pytest
import torch

from core import Control
from export.datasets.looks.watercolour import watercolour
from export.networks.build import make_generator
from export.networks.encoding import decode, encode, places, relative_depth
from export.networks.light import CELL
from export.networks.washes import (
    FLAT,
    HEIGHTS,
    LAMP,
    PAPER,
    STEEPEST,
    colours,
    dried,
    gaps,
    laid,
    on_paper,
    painted,
    relief,
    turbulence,
    washes,
)

from .in_tiles import painted_in_tiles

KNOB = Control("wetness", 0.0, 2.0, 1.0)


def washing() -> torch.nn.Module:
    """A generator that was taught nothing, and whose tail is silent."""
    torch.manual_seed(0)
    options = {"noise": 2, "everywhere": True, "grain": 1, "smooth": True, "controls": [KNOB], "washed": "wetness"}
    module = make_generator(("image",), widths=(16, 16, 1, 1), **options)
    torch.nn.init.zeros_(module.tail.weight)
    return module


def taken(image: torch.Tensor, wetness: float = 1.0) -> tuple[torch.Tensor, ...]:
    return image, places(*image.shape[2:]), torch.full_like(image[:, :1], wetness)


def slope() -> torch.Tensor:
    """Scene-linear, from black to white from left to right."""
    return decode(torch.linspace(0, 1, 384).expand(1, 3, 64, 384))


@torch.no_grad()
def test_an_untaught_generator_paints_the_watercolour_of_the_look():
    """Where nothing is to be smoothed and there are no borders of things, the look lays the same paint."""
    module = washing()
    module.pens.weight.zero_()
    image = decode(torch.linspace(0.05, 1, 384).expand(1, 3, 64, 384) * torch.tensor([1, 0.9, 0.7])[:, None, None])
    held_back = encode(image) * (1 - torch.sigmoid(torch.tensor(3.0)))
    own = (module.encoded(*taken(image)) + held_back)[0].permute(1, 2, 0)
    still = np.zeros((64, 384, 3), np.float32)
    frame = {"image": image[0].permute(1, 2, 0).numpy(), "depth": still[..., :1], "normal": still, "albedo": still}
    wanted = torch.from_numpy(watercolour(frame | {"position": still}).transpose(2, 0, 1))[None]
    difference = (own.permute(2, 0, 1) - encode(wanted)[0])[:, 4:-4, 4:-8].abs()
    assert encode(wanted).std() > 0.1 and difference.mean() < 0.02
    assert (encode(image)[0, :, 4:-4, 4:-8] - encode(wanted)[0, :, 4:-4, 4:-8]).abs().mean() > 5 * difference.mean()


def test_washes_are_exact_in_onnx_and_in_tiles_and_learn(tmp_path):
    module = washing()
    torch.nn.init.normal_(module.pens.weight, 0, 0.01)
    module.encoded(*taken(slope())).square().mean().backward()
    assert module.pens.weight.grad.abs().sum((1, 2, 3)).min() > 0
    painted_in_tiles(module, tmp_path / "w.onnx")


@torch.no_grad()
def test_black_stays_within_its_bound_and_lamps_shine_through_washes():
    module = washing()
    black, lamp = torch.zeros(1, 3, 64, 64), torch.full((1, 3, 64, 64), 20.0)
    assert module(*taken(black)).max() <= 0.1 + 1e-5
    assert (module(*taken(lamp)) / lamp - 1).abs().max() < 0.2


@torch.no_grad()
def test_wet_washes_run_into_each_other_and_dry_ones_show_the_grain_where_they_are_light():
    light = encode(slope())
    paper = relief(torch.randn(1, 1, 64, 384))

    def density(wetness):
        return laid(light, torch.zeros(1, 1, 64, 384), paper, torch.full((1, 1, 64, 384), wetness))

    dry, crisp, wet = (density(wetness) for wetness in (0.0, 1.0, 2.0))
    assert crisp.diff(dim=3).abs().max() > 2 * wet.diff(dim=3).abs().max() and dried(crisp).mean() > 1.5 * dried(wet).mean()
    dry, crisp = dry[0, 0], crisp[0, 0]
    assert dry[:, 250:].std(0).mean() > 0.02 and max(dry[:, :70].std(0).max(), crisp.std(0).max()) < 1e-4


@torch.no_grad()
def test_a_slope_of_light_becomes_flat_washes_with_crisp_borders_and_dark_rims():
    light = torch.linspace(1, 0, 400).expand(1, 1, 40, 400)
    still = torch.zeros_like(light)
    flat = washes(light, still, still, still + 1)
    row, rims = flat[0, 0, 20], dried(flat)[0, 0, 20]
    for height, (below, above) in zip(HEIGHTS, pairwise(FLAT), strict=True):
        assert abs((row < (below + above) / 2).sum() - 399 * (1 - height)) < 3
        share = (row - below) / (above - below)
        assert ((share > 0.05) & (share < 0.95)).sum() <= 8, "a border is a few pixels wide, however slow the slope"
    start = int(399 * (1 - HEIGHTS[1]))
    assert rims[start : start + 4].max() > 0.05 and rims[start - 12 : start - 3].max() < 0.01 and rims[start + 30] < 0.01


@torch.no_grad()
def test_noise_moves_borders_by_pixels_and_lays_no_blotches_where_light_hardly_changes():
    def dark(change, noise):
        light = HEIGHTS[1] + change * torch.arange(100.0, -100, -1).expand(1, 1, 40, 200)
        still = torch.zeros_like(light)
        return (washes(light, still + noise, still, still + 1)[0, 0, 20] > (FLAT[1] + FLAT[2]) / 2).sum().item()

    for change in (0.0001, 0.002):
        assert 3 <= abs(dark(change, 1) - dark(change, 0)) <= 6
    assert dark(4 * STEEPEST, 1) - dark(4 * STEEPEST, 0) <= 2, "borders of things stay"


@torch.no_grad()
def test_a_grey_wash_is_bluish_darks_are_blue_or_brown_and_strong_colours_keep_their_hue():
    def paint(*rgb):
        return colours(encode(torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 8, 8)))[0, :, 4, 4]

    (red, green, blue), black = paint(0.1, 0.1, 0.1), paint(0.001, 0.001, 0.001)
    assert blue < green <= red, "paint that takes less blue away looks blue"
    assert black.argmin() == 2 and paint(0.004, 0.002, 0.001).argmin() == 0
    assert paint(0.4, 0.02, 0.02).argmin() == 0 and paint(0.02, 0.3, 0.05).argmin() == 1


@torch.no_grad()
@pytest.mark.parametrize("light", [1.0, LAMP[0]])
def test_white_is_bare_warm_paper_whose_grain_is_seen(light):
    grain, noise = torch.randn(1, 1, 64, 64), torch.zeros(1, 2, 64, 64)
    white = painted(torch.full((1, 3, 64, 64), light), noise, grain, torch.ones(1, 1, 64, 64))[0]
    assert torch.allclose(white.mean((1, 2)), torch.tensor(PAPER), atol=2e-3) and white.std((1, 2)).min() > 0.005


@torch.no_grad()
def test_turbulence_is_slow_and_makes_light_washes_more_uneven_than_dark_ones():
    noise = torch.randn(1, 2, 40, 64).repeat_interleave(CELL, 2).repeat_interleave(CELL, 3)
    water = turbulence(noise)
    assert water.std() > 0.05 and water.diff(dim=3).abs().max() < water.std()
    plain = torch.zeros_like(water)

    def unevenness(density):
        shown = on_paper(plain.expand(-1, 3, -1, -1), plain + 1, plain + density, water, plain)[:, 0]
        return torch.log(shown).std() / density

    assert unevenness(0.4) > 2 * unevenness(1.5) > 0


@torch.no_grad()
def test_paper_is_left_bare_between_things_less_in_the_dark_and_not_on_round_ones_nor_in_foliage():
    row, column = torch.meshgrid(torch.arange(160.0), torch.arange(160.0), indexing="ij")
    wall, foliage = (torch.sign(column - 80.0), torch.sign(torch.sin(column) * torch.sin(row)))
    turned = torch.stack([(column - 80) / 80, torch.zeros_like(row), (1 - ((column - 80) / 80) ** 2).clamp(0).sqrt()])
    even = torch.full((1, 1, 160, 160), 7.0)

    def bare(normal, depth=even, density=0.3, water=1.0):
        return gaps(normal, relative_depth(depth), torch.full_like(even, density), torch.full_like(even, water))[0, 0]

    def plane(x):
        return torch.stack([x, torch.zeros_like(x), torch.zeros_like(x)])[None]

    crease = bare(plane(wall * 0.4))
    assert crease[40:120, 76:84].amax(1).min() > 0.3 and crease[:, :70].max() == crease[:, 90:].max() == 0
    step = bare(plane(wall * 0), torch.where(column < 80, 7.0, 8.0)[None, None])
    assert step[40:120, 76:84].amax(1).min() > 0.3
    assert bare(plane(wall * 0.4), density=1.5).max() < 0.6 * crease.max() and bare(plane(wall * 0.4), water=-1.0).max() == 0
    assert bare(turned[None])[20:140, 20:140].max() == 0 and bare(plane(foliage)).max() == 0


@torch.no_grad()
def test_a_bare_border_is_even_wherever_in_a_pair_of_pixels_it_lies():
    """A threshold before all is smooth would dash lines that lie a little aslant."""
    row, column = torch.meshgrid(torch.arange(64.0), torch.arange(640.0), indexing="ij")
    aslant = torch.sign(row - 32 - column / 60)
    normal = torch.stack([aslant, torch.zeros_like(row), torch.zeros_like(row)])[None] * 0.4
    even = torch.full((1, 1, 64, 640), 0.5)
    line = gaps(normal, even, even * 0.6, even * 2)[0, 0, :, 20:-20].sum(0)
    assert line.std() < 0.2 * line.mean()
