"""Swatches cut out of a made-up painting: two halves, told apart by a guide, each with a colour and a texture of its own."""

import numpy as np
import pytest
import torch

from export.frames.frame_store import DataError
from export.networks.encoding import places
from export.networks.swatches import SIDE, Swatches
from export.training.swatch_cutting import BLOCK, _as_strong, _octaves, _seam, _sewn, cut

HEIGHT, WIDTH = 256, 384
LEFT, RIGHT = (0.3, 0.05, 8), (0.7, 0.1, 2)
"""Colour, strength, and side in pixels of the grains of either half."""


def grains(strength: float, side: int, source: torch.Generator) -> torch.Tensor:
    coarse = torch.randn(1, 3, HEIGHT // side, WIDTH // side, generator=source)
    return strength * coarse.repeat_interleave(side, 2).repeat_interleave(side, 3)


def painting() -> tuple[torch.Tensor, torch.Tensor]:
    """A guide (1, 1, H, W) and encoded paint (1, 3, H, W)."""
    source = torch.Generator().manual_seed(0)
    left, right = (colour + grains(strength, side, source) for colour, strength, side in (LEFT, RIGHT))
    guide = (torch.arange(WIDTH) >= WIDTH // 2).float().expand(1, 1, HEIGHT, WIDTH)
    return guide, torch.where(guide > 0, right, left)


def made(kinds: int, *frames: tuple) -> Swatches:
    swatches = Swatches(frames[0][0].shape[1], kinds)
    cut(swatches, frames, np.random.default_rng(0))
    return swatches


@pytest.fixture(scope="module")
def swatches():
    return made(2, (*painting(), None))


def laid(swatches: Swatches, guide: float) -> torch.Tensor:
    return sum(swatches(torch.full((1, 1, 256, 256), guide), places(256, 256)))


def step(paint: torch.Tensor) -> float:
    """How much neighbours differ, relative to what all do."""
    return (paint.diff(dim=3).square().mean().sqrt() / paint.std((2, 3)).mean()).item()


@pytest.mark.parametrize(("guide", "half"), [(0.0, LEFT), (1.0, RIGHT)])
def test_each_place_gets_the_colour_and_the_texture_of_those_like_it(swatches, guide, half):
    colour, strength, side = half
    paint = laid(swatches, guide)
    assert paint.mean() == pytest.approx(colour, abs=0.02)
    assert paint.std((2, 3)).mean() == pytest.approx(strength, rel=0.15)
    assert step(paint) == pytest.approx((2 / side) ** 0.5, rel=0.25)  # grains are as large


@pytest.mark.parametrize("more", [0.5, 2.0])
def test_each_octave_of_a_tile_is_as_strong_as_painted(more):
    source = torch.Generator().manual_seed(2)
    paint, tile = (_octaves(torch.randn(n, 3, side, side, generator=source)) for n, side in ((9, BLOCK), (1, SIDE)))
    tile[1] *= more
    made = _as_strong(tile.sum(0)[0].permute(1, 2, 0), paint.sum(0).permute(0, 2, 3, 1))
    for octave, wanted in zip(_octaves(made[None])[:-1], paint[:-1], strict=True):
        assert octave.std() == pytest.approx(wanted.std().item(), rel=0.15)


def test_a_kind_that_is_nearly_all_flat_gets_hardly_any_texture():
    ramp = ((torch.arange(WIDTH) - WIDTH / 2) / 40 + 0.5).clamp(0, 1).expand(1, 1, HEIGHT, WIDTH).contiguous()
    cutting = made(1, (ramp, 0.2 + 0.6 * ramp.repeat(1, 3, 1, 1), None))
    assert laid(cutting, 0.0).std() < 0.01, "its ramp is colour"


def test_a_tile_has_no_border(swatches):
    tiles = swatches.tiles.view(2, 3, SIDE, SIDE).float()
    for tile in (tiles, tiles.transpose(2, 3)):
        across, inside = (tile[..., 0] - tile[..., -1]).square().mean(), tile.diff(dim=3).square().mean((0, 1, 2))
        assert across < 1.5 * inside.max()


def test_a_kind_too_small_for_a_block_takes_the_texture_of_the_next():
    guide, paint = painting()
    guide, paint = guide.clone(), paint.clone()
    guide[..., 100:130, 20:50], paint[..., 100:130, 20:50] = -1.0, 0.0
    cutting = made(3, (guide, paint, None))
    assert laid(cutting, -1.0).mean() == pytest.approx(0.0, abs=0.05), "its colour is its own"
    assert LEFT[1] < laid(cutting, -1.0).std((2, 3)).mean() < 0.7 * RIGHT[1]


def test_what_a_mask_leaves_out_is_no_paint():
    guide, paint = painting()
    spoiled = torch.where(guide > 0, 5.0, paint)
    cutting = made(2, (guide, spoiled, 1 - guide))
    assert laid(cutting, 1.0).mean() == pytest.approx(LEFT[0], abs=0.05)


def test_masks_that_leave_nothing_are_refused():
    guide, paint = painting()
    with pytest.raises(DataError, match="leave nothing"):
        made(2, (guide, paint, torch.zeros(1, 1, HEIGHT, WIDTH)))


def test_paint_of_all_frames_takes_part():
    guide, paint = painting()
    frames = [(guide[..., part], paint[..., part], None) for part in (slice(0, 192), slice(192, 384))]
    cutting = made(2, *frames)
    assert laid(cutting, 0.0).mean() == pytest.approx(LEFT[0], abs=0.02)
    assert laid(cutting, 1.0).mean() == pytest.approx(RIGHT[0], abs=0.02)


def test_a_seam_runs_where_neighbours_agree():
    misfits = np.ones((40, 9))
    way = 4 + np.array([0, 1, 2, 1] * 10) // 2
    misfits[np.arange(40), way] = 0
    assert (_seam(misfits) == way).all()
    there, misfits = np.zeros((88, 88), bool), np.ones((88, 88))
    there[:, :24], misfits[:, 10] = True, 0
    cover = _sewn(misfits, there)
    assert (cover[:, :10] == 0).all() and (cover[:, 10:] == 1).all()
