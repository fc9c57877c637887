import numpy as np
import pytest
import torch

from core import Control
from export.networks.build import make_generator
from export.networks.encoding import NOTHING, encode
from export.networks.outlines import coverage, creases, geometry_lines, outlines

from .in_tiles import painted_in_tiles

KNOB = Control("line_weight", 0.0, 3.0, 1.0)
FRONT, SIDE, TOP = (0.0, -1.0, 0.0), (0.8, -0.6, 0.0), (0.0, 0.0, 1.0)


def edge(lean: float) -> torch.Tensor:
    """Pixels right of the edge, (96, 96), which leans by so many pixels in each row."""
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    return x + 0.5 >= 48 + lean * (y - 48)


def surfaces(right: torch.Tensor, left: float | tuple, there: float | tuple) -> torch.Tensor:
    """(1, c, 96, 96): one value left of an edge and another right of it."""
    left, there = (torch.tensor(value, dtype=torch.float32).view(1, -1, 1, 1) for value in (left, there))
    return torch.where(right, there, left)


def along(line: torch.Tensor, lean: float) -> torch.Tensor:
    """The most that a line (1, 1, 96, 96) covers beside the edge in each row."""
    middle = [int(48 + lean * (row - 48)) for row in range(8, 88)]
    return torch.stack([line[0, 0, row, x - 4 : x + 5].max() for row, x in zip(range(8, 88), middle, strict=True)])


@pytest.mark.parametrize("lean", [0.0, 0.09, 0.37, 1.0])
@pytest.mark.parametrize("behind", [1.02, 1.5, 100.0, float(NOTHING) * 4])
def test_an_outline_is_whole_and_as_wide_at_any_step_and_slant_and_lies_on_the_nearer_side(lean, behind):
    right = edge(lean)
    near, far = outlines(surfaces(right, 2.0 * behind, 2.0))
    assert along(near, lean).min() > 0.95
    for side, other in ((near, ~right), (far, right)):  # but for the corners of the staircase, which are rounded off
        assert side[..., other].sum() < 0.15 * side.sum()
    width = near[0, 0, 8:88].sum(1)
    assert width.min() > 2 and width.max() < 5 and width.max() - width.min() < 1.5


@pytest.mark.parametrize("flip", [False, True])
def test_a_floor_has_no_outlines_up_to_its_horizon_and_a_box_none_at_its_edges(flip):
    rows = torch.arange(96.0).view(1, 1, 96, 1).expand(1, 1, 96, 96)
    floor = torch.where(rows > 20, 100 / (rows - 20).clamp(min=1), 4.0 * NOTHING)
    corner = 1 / (0.2 - 0.002 * (rows - 48).abs())
    for depth, clear in ((floor, slice(26, 90)), (corner, slice(6, 90))):
        depth = depth.mT if flip else depth
        near, far = (side.mT if flip else side for side in outlines(depth.contiguous()))
        assert max(near[..., clear, :].max(), far[..., clear, :].max()) < 0.01


def test_an_edge_rounded_over_two_pixels_is_one_step_wherever_it_crosses_the_rows():
    """The upper edge of a board, as rendered: 1.5 percent of the distance, then 0.4 and 0.2 over the rounded rim."""
    y, x = np.mgrid[:96, :96].astype(np.float32)
    below = y - 48 + 0.06 * (x - 48)
    nearness = 1 + np.interp(below, [0, 0.01, 1, 2, 3], [0, 0.015, 0.019, 0.021, 0.0215])
    near, _ = outlines(torch.from_numpy(1 / nearness)[None, None].float())
    assert near[0, 0, :, 8:88].max(0).values.min() > 0.9


@pytest.mark.parametrize(("share", "most"), [(0.05, 0.02), (0.2, 0.05), (0.5, 0.2)])
def test_depth_out_of_focus_has_no_outlines_and_what_is_in_focus_beside_it_keeps_its_own(share, most):
    """There depth is that of one ray in each pixel: of either surface, or uneven on one that is slanted."""
    torch.manual_seed(0)
    depth = surfaces(edge(0.0), 5.0, 2.0)
    depth[..., 40:, :40] = torch.where(torch.rand(56, 40) < share, 2.0, 5.0)
    depth[..., 40:, 56:] *= 1 + 0.01 * torch.rand(56, 40)
    near, _ = outlines(depth)
    assert near[..., 46:, :34].mean() < most and near[..., 46:, 62:].mean() < 0.05
    assert along(near, 0.0)[:26].min() > 0.95


@pytest.mark.parametrize("blur", [12, 24])
def test_a_silhouette_out_of_focus_has_no_specks_and_one_nearly_in_focus_is_whole(blur):
    """Each pixel has the depth of one ray: of the thing, the nearer to it the likelier, or of none."""
    torch.manual_seed(0)
    x, ray = torch.arange(96.0), torch.rand(96, 96)
    blurred, sharp = (
        outlines(torch.where(ray < (x - 48) / width + 0.5, 2.0, 4.0 * NOTHING)[None, None])[0] for width in (blur, 4)
    )
    assert blurred[..., 48 - blur // 2 : 48 + blur // 2].mean() < 0.07
    assert sharp[0, 0, 8:-8].amax(1).min() > 0.95


def test_bumpy_ground_seen_at_a_flat_angle_has_a_whole_outline():
    """Bumps bend it less than 1/16 of what its outline does."""
    torch.manual_seed(0)
    bumps = torch.nn.functional.avg_pool2d(torch.randn(1, 98, 98), 3, stride=1)
    row = torch.arange(96.0)[:, None]
    ground = torch.where(row < 48, 0.06, 0.1 + 0.0012 * (row - 48) + 0.00026 * bumps)
    near, _ = outlines((1 / ground)[None])
    assert near[..., 48:51, 16:-16].amax(2).min() > 0.9 and near[..., 54:, :].max() < 0.05


@pytest.mark.parametrize(("step", "roundness"), [(0.008, 0.004), (0.012, 0.008)])
def test_the_crest_of_a_round_hill_is_one_line_where_pixels_fall_short_of_a_step_by_turns(step, roundness):
    """Nearness falls off faster and faster up to the crest, and from there at once by about what a step must be."""
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    below = y - 48 + 0.12 * (x - 48)
    hill = torch.where(below > 0, 1 + step + roundness * below.clamp(min=0).sqrt(), 1.0)
    assert outlines((1 / hill)[None, None])[0][0, 0, :, 8:-8].amax(0).min() > 0.95


@pytest.mark.parametrize("flip", [False, True])
def test_ridges_one_behind_the_other_have_a_whole_outline_however_close_they_are(flip):
    """As at a flat angle on dunes and far hills: every four pixels up to the outline ground lies a 20th farther."""
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    behind = torch.clamp(torch.floor((y - 40 + 2 * torch.sin(x / 9)) / 4), 0, 5)
    ground = torch.where(behind > 0, 1.05**behind, 0.7)[None, None]
    near, far = (side.mT if flip else side for side in outlines((1 / (ground.mT if flip else ground)).contiguous()))
    assert near[0, 0, 36:48, 8:-8].amax(0).min() > 0.85 and far[0, 0, 32:46, 8:-8].amax(0).min() > 0.85


def test_a_step_of_a_few_pixels_is_no_line_but_what_is_small_is_outlined():
    y, x = torch.meshgrid(torch.arange(-48.0, 48), torch.arange(-48.0, 48), indexing="ij")
    facing = torch.tensor(FRONT).view(1, 3, 1, 1).expand(1, 3, 96, 96)
    rising = (5 - 0.08 * torch.clamp(1 - y.abs() / length, min=0) * (x > 0) for length in (4, 24))
    button = torch.where(x * x + y * y < 16, 4.5, 5.0)
    dash, line, ring = (geometry_lines(depth[None, None], facing)[0] for depth in (*rising, button))
    assert dash.max() < 0.4 and (line[0, 0].amax(1) > 0.9).sum() > 24 and ring.max() > 0.9 and ring.sum() > 35


def test_hair_is_not_outlined_and_a_wire_is():
    strands = torch.arange(96) % 4 < 2
    hair = torch.where(strands, 2.0, 5.0).expand(1, 1, 96, 96)
    assert outlines(hair)[0][..., 8:-8].max() < 0.1
    wire = surfaces(edge(0.37), 5.0, 2.0)
    wire[edge(0.37).roll(3, 1)[None, None]] = 5.0
    assert along(outlines(wire)[0], 0.37).min() > 0.5


@pytest.mark.parametrize("lean", [0.0, 0.09, 0.37, 1.0])
def test_a_crease_is_whole_and_even_at_any_slant(lean):
    line = creases(surfaces(edge(lean), FRONT, SIDE))
    assert along(line, lean).min() > 0.85 and line[0, 0, 8:88].sum(1).min() > 1 and line[0, 0, 8:88].sum(1).max() < 4.5


@pytest.mark.parametrize("lean", [0.25, 0.37])
@pytest.mark.parametrize("width", [1.5, 2, 3, 4, 5])
def test_a_narrow_face_aslant_has_no_dots(lean, width):
    """As of a window's frame, antialiased: along it lines are even. Those of looks.lines.creases() differ by 0.34 to 0.51."""
    y, x = np.mgrid[:96, :96].astype(np.float32)
    beyond = x - 48 - lean * (y - 48) + 0.5
    share = torch.from_numpy(np.clip(beyond, 0, 1) - np.clip(beyond - width, 0, 1)).float()
    front, top = (torch.tensor(normal).view(1, 3, 1, 1) for normal in (FRONT, TOP))
    line = creases(front + (top - front) * share)[0, 0].numpy()
    upright = [np.interp(np.arange(30, 66) + lean * (row - 48), np.arange(96), line[row]) for row in range(16, 80)]
    assert np.ptp(upright, 0).max() < 0.3 and line[16:80].max(1).min() > 0.95


def test_a_round_thing_has_no_creases_and_an_outline_hides_those_beside_it():
    x = torch.linspace(-0.95, 0.95, 32)
    post = torch.stack([x, -(1 - x * x).sqrt(), torch.zeros(32)])[None, :, None].expand(1, 3, 96, 32)
    assert creases(post)[..., 8:24].max() < 0.05
    right = edge(0.37)
    near, _, crease = geometry_lines(surfaces(right, 5.0, 2.0), surfaces(right, FRONT, SIDE))
    assert near.max() > 0.95 and crease.max() < 0.01


def test_specks_beside_a_crease_leave_no_gap_in_it():
    """As where a thing is a little out of focus: creases end where there is an outline, not where there are bits of one."""
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    specks = torch.where((y % 16 - 8) ** 2 + (x - 46) ** 2 < 5, 4.5, 5.0)[None, None]
    near, _, crease = geometry_lines(specks, surfaces(edge(0.0), FRONT, SIDE))
    line = along(torch.maximum(near, crease), 0.0)
    assert near.max() > 0.9 and line.min() > 0.2 and line.mean() > 0.85


def test_lines_know_no_unit_and_without_depth_or_normals_there_are_none():
    torch.manual_seed(0)
    depth = surfaces(edge(0.37), 5.0, 2.0) * (1 + 0.02 * torch.rand(1, 1, 96, 96) * edge(0.0).roll(20, 1))
    for side, large in zip(outlines(depth), outlines(depth * 4096), strict=True):
        assert torch.equal(side, large) and side.max() > 0.9
    assert all(side.max() < 1e-6 for side in geometry_lines(torch.zeros(1, 1, 64, 64), torch.zeros(1, 3, 64, 64)))


def test_a_greater_weight_is_a_broader_line_and_none_is_no_line():
    near, _ = outlines(surfaces(edge(0.0), 5.0, 2.0))
    assert coverage(near, torch.ones_like(near)).diff().abs().max() < 0.6 * near.diff().abs().max()  # soft, lest it flicker
    none, half, plain, broad = (coverage(near, torch.full_like(near, w))[0, 0, 48].sum() for w in (0.0, 0.5, 1.0, 3.0))
    assert none == 0 and torch.isclose(half, plain / 2) and torch.isclose(broad, plain + 6, atol=0.1)


def outlining(**options) -> torch.nn.Module:
    torch.manual_seed(0)
    return make_generator(("image", "depth", "normal"), widths=(16, 16, 1, 1), smooth=True, controls=[KNOB], **options)


def taken(weight: float) -> tuple[torch.Tensor, ...]:
    right = edge(0.37)
    image, depth, normal = (
        surfaces(right, 0.3, 0.3).expand(1, 3, 96, 96),
        surfaces(right, 5.0, 2.0),
        surfaces(right, FRONT, FRONT),
    )
    return image, depth, normal, torch.full((1, 1, 96, 96), weight)


def test_outlines_are_exact_in_onnx_and_in_tiles_and_learn(tmp_path):
    module = outlining(outlined="line_weight")
    torch.nn.init.normal_(module.pens.weight, 0, 0.01)
    module.encoded(*taken(1.0)).square().mean().backward()
    assert module.pens.weight.grad.abs().sum((1, 2, 3))[[0, 1, 2, 3]].min() > 0
    painted_in_tiles(module, tmp_path / "o.onnx")


@torch.no_grad()
def test_an_untaught_generator_has_ink_along_outlines_and_none_where_the_knob_is_0():
    none, inked = (encode(outlining(outlined="line_weight")(*taken(w))).mean(1)[0, 48] for w in (0.0, 1.0))
    assert none.min() > 0.5 and inked[48:50].max() < 0.6 * none[48:50].min()
    assert torch.allclose(inked[8:40], none[8:40], atol=0.02)
