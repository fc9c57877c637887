import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from core import stylize
from core.colour import encode_log
from core.controls import Control
from export.datasets.looks.anchored import dabs
from export.networks.build import make_generator
from export.networks.dabs import (
    BARE,
    BROAD,
    BROADER,
    BROKEN,
    CALMER,
    CELL,
    DARK,
    MARKS,
    SKY,
    DabNoise,
    brushed,
    empty,
    enlarged,
    lively,
    lost,
)
from export.networks.encoding import encode, places
from export.networks.palette import mixed

from ..spheres import spheres
from .in_tiles import painted_in_tiles
from .test_strokes import facing, lengths
from .test_surface_noise import wall

SEEN = "image", "depth", "normal", "position"


@pytest.fixture(scope="module")
def noise() -> tuple[torch.Tensor, torch.Tensor]:
    """Of broad and of fine dabs, on a wall of 256 x 256 px."""
    return DabNoise()(wall(0.01), facing(), places(256, 256), wide(0.0))


def wide(share: float, side: int = 256) -> torch.Tensor:
    """How wide and empty it is, everywhere alike."""
    return torch.full((1, 1, side // CELL, side // CELL), share)


def raised(broad: float, fine: float, side: int = 256) -> torch.Tensor:
    return torch.tensor([broad, fine])[None, :, None, None].expand(1, 2, side, side)


def test_dabs_are_long_and_broad_ones_about_three_times_as_broad_as_fine_ones(noise):
    broad, fine = (
        lengths(interpolate(layer, size=(256, 256), mode="bilinear")[0, number])[:2] for number, layer in enumerate(noise)
    )
    assert broad[0] > 2 * broad[1] and fine[0] > 2 * fine[1]
    assert 2 < broad[1] / fine[1] < 5


def test_broad_dabs_are_broader_where_it_is_wide_and_empty_and_fine_ones_are_not(noise):
    emptier = DabNoise()(wall(0.01), facing(), places(256, 256), wide(1.0))
    near, far = (lengths(interpolate(layer[0], size=(256, 256), mode="bilinear")[0, 0])[1] for layer in (noise, emptier))
    assert far / near == pytest.approx(1 + BROADER, rel=0.25) and torch.equal(noise[1], emptier[1])


def test_each_dab_of_a_layer_has_noise_of_its_own(noise):
    for layer in noise:
        planes = layer[0].flatten(1)
        alike = torch.corrcoef(planes) - torch.eye(len(planes))
        assert alike.abs().max() < 0.75 and ((planes.std(1) > 0.6) & (planes.std(1) < 1.4)).all()


def test_dabs_stay_where_the_surface_is(noise):
    moved = DabNoise()(wall(0.01, 16), facing(), places(256, 256), wide(0.0))
    for here, there, step in zip(noise, moved, (4, 8), strict=True):
        here, there = here[..., 8:-8, 8:-8], there[..., 8:-8, 8:-8]
        same, still = (
            np.corrcoef(a.flatten(), b.flatten())[0, 1] for a, b in ((here[..., step:], there[..., :-step]), (here, there))
        )
        assert same > 0.95 and still < 0.6


def test_a_scene_that_is_larger_by_a_power_of_two_has_the_same_dabs():
    def painted(factor: float) -> tuple[np.ndarray, ...]:
        frame = spheres(128, 128, factor=factor)
        return dabs(frame, encode_log(frame["image"][..., :3]))

    for one, other in zip(painted(1.0), painted(2.0**10), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_where_the_noise_would_have_to_be_high_no_dab_lies_and_fine_ones_lie_over_broad_ones(noise):
    bare, light = brushed(*noise, raised(99.0, 99.0), wide(0.0))
    assert bare.abs().max() < 1e-6 and light.abs().max() < 1e-6
    broad, covered = (brushed(*noise, raised(-99.0, fine), wide(0.0)) for fine in (99.0, -99.0))
    lighter, warmer, _ = BROAD[-1]
    assert torch.allclose(broad[0][:, 0].mean(), torch.tensor(lighter + warmer), atol=1e-4), "the last dab lies on top"
    assert not torch.allclose(broad[0], covered[0], atol=1e-2) and BARE < 1


def test_raking_light_falls_from_the_upper_left():
    """On one square dab: light where its border looks up and left, dark where it looks down and right."""
    broad, fine = torch.full((1, 4, 32, 32), -9.0), torch.full((1, 2, 64, 64), -9.0)
    broad[:, 0, 8:24, 8:24] = 9.0
    change, light = (plane[0, 0] for plane in brushed(broad, fine, raised(0.0, 0.0, 128), wide(0.0, 128)))
    assert change[64, 64] > 0.02 and change[8, 8].abs() < 1e-6
    assert light[64, 28:36].max() > 0.2 and light[28:36, 64].max() > 0.2
    assert light[64, 92:100].min() < -0.2 and light[92:100, 64].min() < -0.2 and light[60:68, 60:68].abs().max() < 1e-6


def test_detail_is_lost_in_broad_dabs_where_there_is_some_and_a_slow_change_of_light_is_not():
    row, column = torch.meshgrid(torch.arange(64.0), torch.arange(192.0), indexing="ij")
    squares = 0.2 + 0.1 * torch.sign(torch.sin(row / 4) * torch.sin(column / 4)) * (column < 96)
    detail = lost((squares + column * 1e-4).expand(1, 3, 64, 192))[0, 0]
    assert detail[2:-2, 2:20].min() > 0.7 and detail[:, 30:].max() < 0.01


def test_in_the_dark_smaller_differences_are_detail():
    row, column = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    squares = 0.015 * torch.sign(torch.sin(row / 4) * torch.sin(column / 4)).expand(1, 3, 64, 64)
    dark, light = (lost(squares + tone).mean() for tone in (0.1, 0.9))
    assert dark > 0.5 > 0.1 > light


def test_it_is_wide_and_empty_far_from_detail():
    detail = torch.zeros(1, 1, 64, 128)
    detail[..., :32] = 1.0
    share = empty(detail)[0, 0]
    assert share[:, :32].max() == 0 and share[:, 48:].min() == 1 and 0 < share[0, 36] < share[0, 42]


@torch.no_grad()
def test_a_generator_keeps_the_detail_that_broad_dabs_would_lose_whatever_it_has_learned():
    torch.manual_seed(0)
    module = make_generator(SEEN, widths=(16, 16, 1, 1), dabs=True, smooth=True)
    for layer in (module.tail, module.pens):
        layer.weight.zero_()
    module.pens.bias.zero_()
    module.tail.bias.zero_()
    module.tail.bias[3 * 16 :] = -20.0  # no detail at all
    row, column = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    image = (0.2 + 0.1 * torch.sign(torch.sin(row / 4) * torch.sin(column / 4))).expand(1, 3, 64, 64)
    painted = module(image, torch.ones(1, 1, 64, 64), facing(64), wall(0.01)[..., :64, :64], places(64, 64))
    assert painted[..., 8:-8, 8:-8].std() > 0.8 * image[..., 8:-8, 8:-8].std()


@torch.no_grad()
def test_an_untaught_generator_lays_the_dabs_of_the_look():
    torch.manual_seed(0)
    module = make_generator(SEEN, widths=(16, 16, 1, 1), dabs=True)
    module.tail.weight.zero_()
    module.pens.weight.zero_()
    frame = spheres(128, 192)
    taken = [torch.from_numpy(frame[name][..., :3]).permute(2, 0, 1)[None] for name in SEEN]
    image = encode(taken[0])
    change = (module.encoded(*taken, places(128, 192)) - mixed(image, image))[0].permute(1, 2, 0).numpy()
    paint, _, detail, share = dabs(frame, image[0].permute(1, 2, 0).numpy())
    wanted = paint * share[..., None]
    assert np.array_equal(detail, enlarged(lost(image))[0, 0])
    unlit = make_generator(SEEN, widths=(16, 16, 1, 1), dabs=True, controls=[Control(MARKS, 0.0, 2.0, 1.0)])
    unlit.load_state_dict(module.state_dict())
    smooth = unlit.encoded(*taken, places(128, 192), torch.zeros(1, 1, 128, 192)) - mixed(image, image)
    np.testing.assert_allclose(smooth[0].permute(1, 2, 0).numpy(), wanted, atol=1e-4)
    assert np.abs(wanted).max() > 0.03 and np.abs(change - wanted).max() > 0.02, "light rakes the paint"


@torch.no_grad()
def test_knobs_change_dabs_by_as_much_as_they_say_and_the_network_does_not_see_them():
    torch.manual_seed(0)
    knobs = [Control(MARKS, 0.0, 2.0, 1.0), Control(BROKEN, 0.0, 2.5, 0.5)]
    module = make_generator(SEEN, widths=(16, 16, 1, 1), dabs=True, smooth=True, controls=knobs)
    assert module.in_channels == 7 and not module.gate
    frame = spheres(64, 96)
    taken = [torch.from_numpy(frame[name][..., :3]).permute(2, 0, 1)[None] for name in SEEN]

    def painted(marks: float, broken: float) -> torch.Tensor:
        return module.encoded(*taken, places(64, 96), *(torch.full((1, 1, 64, 96), value) for value in (marks, broken)))

    plain, usual, twice = (painted(0.0, broken) for broken in (0.0, 0.5, 1.0))
    assert (usual - plain).abs().max() > 0.02
    assert torch.allclose(twice - plain, 2 * (usual - plain), atol=1e-5)
    assert torch.allclose(painted(2.0, 0.0) - plain, 2 * (painted(1.0, 0.0) - plain), atol=1e-5)


def test_the_brush_is_calm_in_the_dark_in_skies_where_it_is_empty_in_what_is_pale_and_where_it_shines():
    def of(light: float, depth: float = 1.0, share: float = 0.0) -> float:
        return lively(torch.full((1, 3, 8, 8), light), torch.full((1, 1, 8, 8), depth), wide(share, 8))[0, 0, 4, 4].item()

    assert 0.1 < of(0.0) < of(DARK / 2) < of(DARK) == pytest.approx(1) and of(0.5, 1e10) == pytest.approx(1 - SKY)
    assert of(1.0) == pytest.approx(0.5) and of(1.2) == 0 and of(0.5, share=1.0) == pytest.approx(1 - CALMER)


def test_a_style_with_dabs_is_exact_in_onnx_and_in_tiles_and_paints_and_learns_them(tmp_path):
    torch.manual_seed(0)
    module = make_generator(SEEN, widths=(16, 16, 1, 1), dabs=True, smooth=True)
    torch.nn.init.normal_(module.pens.weight, 0, 0.02)
    opened, frame, whole = painted_in_tiles(module, tmp_path / "d.onnx")
    moved = stylize(opened, frame | {"position": frame["position"] * 1.01})
    assert np.abs(whole - moved).max() > 1e-2
    taken = [torch.from_numpy(frame[n][:64, :64, :3].copy()).permute(2, 0, 1)[None] for n in SEEN]
    module.encoded(*taken, places(64, 64)).square().mean().backward()
    assert module.pens.weight.grad.abs().sum((1, 2, 3)).min() > 0
