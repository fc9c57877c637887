import numpy as np
import pytest
from scipy import ndimage

from core.colour import encode_log
from export.datasets.looks.oil_painting import oil_painting
from export.networks.dabs import SKY

from ...paired_frames import pair
from .walls import wall

DETAIL_AND_PLAIN = slice(190, 300), slice(20, 120)
"""Columns of the walls below."""


def test_strokes_break_a_flat_colour_and_stick_to_the_wall_that_moves():
    here, moved = (oil_painting(wall(128, 192, right)) for right in (0, 10))
    inner = (slice(32, -32), slice(40, -40))
    assert here[inner].std() > 0.01
    same, still = (np.corrcoef(a[inner].ravel(), here[inner].ravel())[0, 1] for a in (np.roll(moved, 10, 1), moved))
    assert same > 0.9 > 0.6 > still


def test_paint_stays_on_its_own_material_and_covers_a_faint_shadow_s_edge():
    passes = wall()
    passes["image"][:, 72:, :3] = 0.29
    shadow = oil_painting(passes, 0.0, 0.0)
    passes["albedo"][:, 72:] = 0.05
    material = oil_painting(passes, 0.0, 0.0)
    step, wide = (np.abs(encode_log(picture[:, 72]) - encode_log(picture[:, 71])).mean() for picture in (material, shadow))
    assert step > 3 * wide


def test_a_highlight_stays_as_crisp_as_it_is():
    passes = wall()
    passes["image"][..., :3] = 0.02
    passes["image"][46:49, 60:80, :3] = 20.0
    painted = oil_painting(passes)
    assert painted[47, 62:78].min() > 10 and painted[44, 62:78].max() < 0.04


def test_a_void_is_painted_in_strokes_but_without_blotches():
    passes = wall(192, 256)
    void = passes | {name: 0 * passes[name] for name in ("normal", "albedo", "position")} | {"depth": passes["depth"] * 2e9}
    painted = encode_log(oil_painting(void))
    slow = ndimage.gaussian_filter(painted, (24, 24, 0))[32:-32, 32:-32]
    assert painted.std(axis=(0, 1)).max() > 0.01 and slow.std(axis=(0, 1)).max() < 0.3 * painted.std(axis=(0, 1)).max()


def test_light_keeps_its_radiance_and_the_sky_has_no_strokes():
    passes, _ = pair(1, 48, 64)
    passes = passes | {
        "albedo": passes["image"][..., :3].clip(0, 1),
        "normal": 0 * passes["normal"],
        "image": np.full((48, 64, 4), 20, np.float32),
    }
    np.testing.assert_allclose(oil_painting(passes), 20, rtol=0.05)


def test_knobs_take_away_the_marks_of_the_brush_and_the_broken_colour():
    usual, smooth, even, plain = (
        encode_log(oil_painting(wall(96, 144), **knobs)).std()
        for knobs in (
            {"broken_colour": 1},
            {"broken_colour": 1, "brush_marks": 0},
            {"broken_colour": 0},
            {"broken_colour": 0, "brush_marks": 0},
        )
    )
    assert usual > smooth > plain and usual > even > plain and plain < 0.25 * usual


def test_dabs_are_calmer_in_the_sky_and_in_what_is_all_but_white():
    passes = wall()
    sky = passes | {"depth": passes["depth"] * 2e9}
    white, void = (p | {"image": np.full_like(p["image"], 0.95)} for p in (passes, sky))
    lively, in_sky, on_white, in_void = (encode_log(oil_painting(p)).std(axis=(0, 1)).max() for p in (passes, sky, white, void))
    assert in_sky == pytest.approx((1 - SKY) * lively, rel=0.02) and on_white < 0.65 * lively and in_void < 0.46 * lively


def half_striped():
    """A wall that is plain on the left and has painted stripes, 8 px wide, on the right."""
    passes = wall(160, 320)
    stripes = (np.arange(320) >= 160) & (np.arange(320) // 8 % 2 == 0)
    passes["image"][:, stripes, :3], passes["albedo"][:, stripes] = 0.12, 0.2
    return passes


def test_broad_dabs_lie_on_plain_ground_and_fine_ones_where_there_is_detail():
    passes = half_striped()
    change = encode_log(oil_painting(passes))[..., 2] - encode_log(oil_painting(passes, 0.0, 0.0))[..., 2]
    fine, coarse = (ndimage.gaussian_filter(change[:, part], (5, 0)).std() / change[:, part].std() for part in DETAIL_AND_PLAIN)
    assert fine < 0.75 * coarse


def test_detail_is_kept_and_plain_ground_loses_its_grain():
    passes = half_striped()
    passes["image"][:, :140:6, :3] *= 1.02
    before, after = (encode_log(picture[..., :3]).mean(-1) for picture in (passes["image"], oil_painting(passes, 0.0, 0.0)))
    kept, gone = (after[:, part].std() / before[:, part].std() for part in DETAIL_AND_PLAIN)
    assert kept > 0.7 > 0.3 > gone
