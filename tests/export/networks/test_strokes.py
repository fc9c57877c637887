import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

from core import stylize
from export.networks.build import make_generator
from export.networks.encoding import places
from export.networks.strokes import StrokeNoise, sine

from ..spheres import spheres
from .in_tiles import painted_in_tiles
from .test_surface_noise import per_octave, wall


def facing(side: int = 256) -> torch.Tensor:
    """The normals of wall()."""
    return torch.tensor([0.0, 0.0, -1.0])[None, :, None, None].expand(1, 3, side, side)


def on_wall(scale: float = 0.01, shift: float = 0.0, **options) -> torch.Tensor:
    return StrokeNoise(2, **options)(wall(scale, shift), facing(), places(256, 256))


def on_spheres(directions: int = 2, side: int = 320, **changes) -> torch.Tensor:
    passes = spheres(side, side, **changes)
    position, normal = (torch.from_numpy(passes[name]).permute(2, 0, 1)[None] for name in ("position", "normal"))
    return StrokeNoise(directions)(position, normal, places(side, side))


def lengths(strokes: torch.Tensor) -> tuple[float, float, float]:
    """How far one direction of strokes (H, W) is alike along and across itself, in pixels, and its angle from level: by the
    tensor of its slopes (Bigun and Granlund 1987)."""
    dy, dx = (strokes.diff(dim=axis)[: len(strokes) - 1, : strokes.shape[1] - 1] for axis in (0, 1))
    tensor = torch.tensor([[(dx * dx).mean(), (dx * dy).mean()], [(dx * dy).mean(), (dy * dy).mean()]])
    slopes, vectors = torch.linalg.eigh(tensor)
    along = vectors[:, 0]
    return (1 / slopes[0].sqrt()).item(), (1 / slopes[1].sqrt()).item(), torch.atan2(-along[1], along[0]).item() % np.pi


def test_the_sine_is_made_of_products_and_sums_and_is_one():
    turns = torch.linspace(-70, 70, 10_001)
    assert torch.allclose(sine(turns).double(), torch.sin(turns.double() * (2 * np.pi)), atol=5e-5)
    assert torch.allclose(sine(turns[4900:5101] / 70), torch.sin(turns[4900:5101] / 70 * (2 * np.pi)), atol=1e-5)


@pytest.mark.parametrize("scale", [0.003, 0.01, 0.2])
def test_strokes_are_long_in_one_direction_and_crossed_by_the_second_near_and_far(scale):
    first, second = (lengths(s) for s in on_wall(scale)[0])
    for along, across, _ in (first, second):
        assert along > 2 * across and 0.7 < across * 2 * np.pi / 12.0 < 1.4
    apart = abs(first[2] - second[2]) % np.pi
    assert min(apart, np.pi - apart) > 0.7


def test_out_of_focus_strokes_are_as_long_and_the_same_in_every_frame():
    """There each pixel has a point of its own, 3 pixels from its place."""
    noise, sharp, source = StrokeNoise(1), wall(0.01), torch.Generator().manual_seed(0)
    first, later, calm = (
        noise(sharp + blur * torch.randn(sharp.shape, generator=source), facing(), places(256, 256)) for blur in (0.03, 0.03, 0)
    )
    assert (first - later).square().mean() < 0.07 * 2 * first.var()
    assert lengths(first[0, 0])[0] > 0.8 * lengths(calm[0, 0])[0]


def test_width_and_length_are_those_asked_for():
    usual, broad, short = (lengths(on_wall(**options)[0, 0]) for options in ({}, {"width": 24.0}, {"length": 2.0}))
    assert broad[1] == pytest.approx(2 * usual[1], rel=0.2)
    assert usual[0] / usual[1] > 1.4 * short[0] / short[1]


def test_strokes_stay_where_the_surface_is():
    here, moved = on_wall(), on_wall(shift=10)
    inner = slice(16, -16)
    same, still = (
        np.corrcoef(here[..., inner, 26:-16].flatten(), other.flatten())[0, 1]
        for other in (moved[..., inner, 16:-26], moved[..., inner, 26:-16])
    )
    assert same > 0.95 and still < 0.6


def test_strokes_turn_with_the_form():
    """Round a ball, as nothing on the screen does: what is level there climbs on the left and falls on the right, or the
    other way round."""
    side = 320
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    across, up = (x - side / 2) / side * 2.2, (side / 2 - y) / side * 2.2
    deep = (1 - across**2 - up**2).clamp(min=0.01).sqrt()
    ball = torch.stack([across, -deep, up])[None].float()
    strokes = StrokeNoise(1)(ball + 5.0, ball, places(side, side))[0, 0]
    left, right = (lengths(strokes[120:200, part])[2] for part in (slice(60, 120), slice(200, 260)))
    assert 0.3 < abs(left - right) < np.pi - 0.3


def test_they_have_deviation_one_and_two_directions_have_little_in_common():
    strokes = on_spheres()[0].flatten(1)
    assert ((strokes.std(1) > 0.7) & (strokes.std(1) < 1.2)).all() and abs(torch.corrcoef(strokes)[0, 1]) < 0.3


def test_what_has_no_surface_is_a_wall_on_the_screen():
    nothing = torch.zeros(1, 3, 256, 256)
    found = StrokeNoise(1)(nothing, nothing, places(256, 256))
    along, across, _ = lengths(found[0, 0])
    assert along > 2 * across and 0.7 < across * 2 * np.pi / 12.0 < 1.4
    part = StrokeNoise(1)(nothing[..., :64, :64], nothing[..., :64, :64], places(64, 64, 32, 64))
    assert torch.allclose(found[..., 40:88, 72:120], part[..., 8:56, 8:56], atol=1e-4)


@pytest.mark.parametrize("power", [-10, -1, 1, 10])
def test_a_scene_that_is_larger_by_a_power_of_two_has_the_same_strokes(power):
    assert torch.allclose(on_spheres(factor=2.0**power), on_spheres(), atol=2e-4)


@pytest.mark.parametrize("changes", [{"factor": 0.001}, {"factor": 7}, {"factor": 1000}, {"shift": 10_000.0}])
def test_a_scene_of_any_size_and_place_has_strokes_of_the_same_statistics(changes):
    """As the mean of some places, since a few waves make more of one place than of another."""

    def energy(factor: float = 1.0, shift: float = 0.0) -> torch.Tensor:
        places = np.random.default_rng(0).uniform(-30, 30, (12, 3)) * factor + shift
        return sum(per_octave(on_spheres(factor=factor, shift=tuple(place), side=192)) for place in places)

    assert (energy(**changes) / energy() - 1).abs().max() < 0.15


def test_out_of_focus_strokes_stay_smooth():
    """Where each pixel has a point of its own, by a quarter of a pixel's size."""
    rng = torch.Generator().manual_seed(0)
    blurred = wall(0.01) + 0.005 * torch.randn(1, 3, 256, 256, generator=rng)
    rough, sharp = (
        conv2d(s, torch.tensor([[[[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]]]])).square().mean()
        for s in (StrokeNoise(1)(p, facing(), places(256, 256)) for p in (blurred, wall(0.01)))
    )
    assert rough < 3 * sharp


@pytest.mark.parametrize(("kind", "widths"), [("cnn", (16, 16, 1, 1)), ("unet", (16, 16))])
def test_a_style_with_strokes_is_exact_in_onnx_and_in_tiles_and_paints_them(kind, widths, tmp_path):
    torch.manual_seed(0)
    module = make_generator(("image", "normal", "position"), widths=widths, kind=kind, strokes=2, smooth=True)
    torch.nn.init.normal_(module.pens.weight, 0, 0.05)
    opened, frame, whole = painted_in_tiles(module, tmp_path / "s.onnx")
    moved = stylize(opened, frame | {"position": frame["position"] * 1.01})
    assert np.abs(whole - moved).max() > 1e-2


def test_strokes_are_crisp_even_where_all_else_is_smooth():
    """Of the lean generator, whose pens are at a quarter of the size."""
    module = make_generator(("image", "normal", "position"), widths=(16, 16, 1, 1), strokes=1)
    with torch.no_grad():
        module.tail.weight.zero_()
        module.pens.weight.zero_()
        module.pens.bias.copy_(torch.tensor([-0.4, -0.4, -0.4, 0.0]))
        picture = module.encoded(torch.full((1, 3, 256, 256), 0.5), facing(), wall(0.01), places(256, 256))
    light, dark = picture.max(), picture.min()
    between = ((picture - dark) / (light - dark) - 0.5).abs() < 0.4
    assert (light - dark) > 0.35 and between.float().mean() < 0.5
