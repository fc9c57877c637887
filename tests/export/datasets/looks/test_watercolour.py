from itertools import pairwise

import numpy as np
import pytest

from core.colour import encode_log, luminance
from export.datasets.looks.watercolour import dried, gaps, laid, layered, paint, watercolour
from export.networks.washes import FLAT, HEIGHTS, STEEPEST


@pytest.fixture
def plain():
    """A surface without features, and a function that gives it a radiance."""

    def passes(radiance, shape=(48, 64)):
        image = np.broadcast_to(np.asarray(radiance, np.float32), (*shape, 3))
        nothing = np.zeros((*shape, 3), np.float32)
        return {
            "image": image,
            "depth": np.full((*shape, 1), 1e10, np.float32),
            "normal": nothing,
            "albedo": nothing,
            "position": nothing,
        }

    return passes


def test_flat_grey_is_a_wash_of_even_grain_and_keeps_its_order_at_any_exposure(plain):
    pictures = [watercolour(plain(0.18 * 2.0**stops)) for stops in range(-4, 5)]
    assert max(encode_log(picture).std(axis=(0, 1)).max() for picture in pictures) < 0.05
    assert (np.diff([luminance(picture).mean() for picture in pictures]) > 0).all()


def test_black_is_dark_and_blue_and_white_is_warm_paper(plain):
    black, white = watercolour(plain(0.0)).mean((0, 1)), watercolour(plain(1.0)).mean((0, 1))
    assert (black > 0).all() and luminance(black) < 0.07 and black[2] > 2 * black[0]
    assert white.min() > 0.75 and white[0] > white[2]


def test_a_grey_wash_is_bluish_and_strong_colours_keep_their_hue():
    grey, red, green = (
        paint(encode_log(np.float32([[colour]])))[0, 0] for colour in ([0.1] * 3, [0.4, 0.02, 0.02], [0.02, 0.3, 0.05])
    )
    assert grey[2] < grey[1] <= grey[0], "paint that takes less blue away looks blue"
    assert red.argmin() == 0 and red[1:].min() > 3 * red[0]
    assert green.argmin() == 1


def test_pigment_gathers_inside_the_border_of_a_wash_only():
    density = np.repeat(np.float32([0.1, 0.9]), 100)[None, :, None] * np.ones((80, 1, 3), np.float32)
    more = dried(density)[40]
    assert more[101].min() > 0.1 and more[98].max() < 0.01 and max(more[20].max(), more[180].max()) < 0.01


def test_a_slope_of_light_becomes_flat_washes_with_crisp_borders_and_dark_rims():
    slope = np.linspace(1, 0, 400, dtype=np.float32)[None, :, None] * np.ones((40, 1, 3), np.float32)
    still = np.zeros((40, 400), np.float32)
    flat, rims = laid(slope, still, still, still + 1)[:, 20]
    for height, (below, above) in zip(HEIGHTS, pairwise(FLAT), strict=True):
        assert abs((flat < (below + above) / 2).sum() - 399 * (1 - height)) < 3
        share = (flat - below) / (above - below)
        assert ((share > 0.05) & (share < 0.95)).sum() <= 8, "a border is a few pixels wide, however slow the slope"
    steps = np.abs(np.diff(layered(paint(slope), flat)[20].mean(-1)))
    assert np.sort(steps)[::-1][:16].sum() > 0.5 * steps.sum()
    start = int(399 * (1 - HEIGHTS[1]))
    assert rims[start : start + 4].max() > 0.15 and rims[start - 8 : start - 3].max() < 0.05 and rims[start + 20] < 0.05


def test_noise_moves_borders_by_pixels_and_lays_no_blotches_where_light_hardly_changes():
    def washed(change, noise):
        light = HEIGHTS[1] + change * np.arange(100, -100, -1, dtype=np.float32)[None, :, None] * np.ones((40, 1, 3), np.float32)
        still = np.zeros((40, 200), np.float32)
        return (laid(light, still + noise, still, still + 1)[0, 20] > (FLAT[1] + FLAT[2]) / 2).sum()

    for change in (0.0001, 0.002):
        assert 3 <= abs(washed(change, 1) - washed(change, 0)) <= 6
    assert washed(4 * STEEPEST, 1) - washed(4 * STEEPEST, 0) <= 2, "borders of things stay"


def test_wet_paint_runs_within_a_surface_and_dry_brush_leaves_flecks_of_paper(plain):
    passes = plain(0.5, (48, 160))
    passes["image"] = np.where(np.arange(160)[None, :, None] < 80, 0.5, 0.12).astype(np.float32) * np.ones((48, 1, 3), np.float32)
    dry, crisp, wet = (encode_log(watercolour(passes, wetness=wetness)).mean(-1) for wetness in (0, 1, 2))
    steepest = [np.abs(np.diff(picture.mean(0)))[40:120].max() for picture in (crisp, wet)]
    assert steepest[0] > 1.5 * steepest[1]
    assert (dry[:, 20:60].std() > 1.5 * crisp[:, 20:60].std()) or (dry[:, 100:140].std() > 1.5 * crisp[:, 100:140].std())


def test_paper_is_left_bare_between_light_washes_and_less_so_in_the_dark():
    edges = np.zeros((40, 60), np.float32)
    edges[:, 30] = 1
    water = np.ones((40, 60, 2), np.float32)
    light, dark = (gaps(edges, water, np.full((40, 60, 3), density, np.float32))[20] for density in (0.3, 1.5))
    assert light[30] > 0.3 and light[20] < 0.01 and 0 < dark[30] < 0.6 * light[30]
