import numpy as np
import pytest

from export.datasets.looks.lines import BEYOND, contours, contours_inside, creases, hair, outlines

from .walls import wall

WALL, BOX, EDGE = 10.0, 5.0, 48
"""A wall on the left and a box before it, from the column EDGE on; depths."""
TONE = np.full((64, 96), 0.6, np.float32)
"""An even grey."""


@pytest.fixture
def passes():
    depth = np.full((64, 96, 1), WALL, np.float32)
    depth[:, EDGE:] = BOX
    normal = np.broadcast_to(np.array([0, -1, 0], np.float32), (64, 96, 3))
    grey = np.full((64, 96, 3), 0.5, np.float32)
    return {"image": grey, "depth": depth, "normal": normal, "albedo": grey.copy()}


@pytest.mark.parametrize("lines", [contours_inside, outlines])
def test_a_line_lies_on_the_nearer_surface(passes, lines):
    coverage = lines(passes, TONE)[32]
    assert coverage[EDGE : EDGE + 3].sum() > 3 * coverage[EDGE - 3 : EDGE].sum() and coverage[EDGE] > 0.6
    assert max(coverage[:40].max(), coverage[56:].max()) < 0.01


def test_a_line_moves_with_the_nearer_surface_whatever_lies_behind(passes):
    line = contours_inside(passes, TONE)
    passes["depth"][:, :EDGE] = 4 * WALL
    assert np.abs(contours_inside(passes, TONE)[:, EDGE - 8 :] - line[:, EDGE - 8 :]).max() < 1e-3


def test_what_shines_is_outlined_from_outside(passes):
    tone = TONE.copy()
    tone[:, EDGE:] = 1.8
    coverage = contours_inside(passes, tone)[32]
    assert coverage[EDGE - 3 : EDGE].max() > 0.6 and coverage[EDGE:].max() < 0.01


def test_a_wire_has_no_outline_on_either_side(passes):
    passes["depth"][:] = WALL
    passes["depth"][:, EDGE] = BOX
    assert contours_inside(passes, TONE).max() < 0.1


def test_creases_are_thinner_than_outlines(passes):
    outline = contours_inside(passes, TONE)[32]
    passes["depth"][:] = WALL
    passes["normal"] = np.where(np.arange(96)[:, None] < EDGE, [0.0, -1, 0], [0.7, -0.7, 0]) * np.ones((64, 1, 1), np.float32)
    crease = contours_inside(passes, TONE)[32]
    assert 0.1 < crease.sum() < 0.8 * outline.sum()


def test_without_depth_to_see_lines_straddle_steps_with_most_ink_on_the_nearer_side(passes):
    coverage = contours(passes, TONE)[32]
    nearer, farther = coverage[EDGE : EDGE + 6], coverage[EDGE - 6 : EDGE][::-1]
    assert np.isclose(farther[0], BEYOND * nearer[0], atol=0.02) and (farther <= BEYOND * nearer + 1e-3).all()
    assert 0.3 * BEYOND * nearer.sum() < farther.sum() < 0.8 * BEYOND * nearer.sum()  # there it is also thinner
    assert nearer[0] > 0.6 and 0 < BEYOND < 1


def test_where_surfaces_part_there_is_one_line_whatever_else_changes_there(passes):
    line = contours(passes, TONE)[32]
    passes["albedo"][:, EDGE:] = 0.1
    passes["normal"] = np.where(np.arange(96)[:, None] < EDGE, [0.0, -1, 0], [0.7, -0.7, 0]) * np.ones((64, 1, 1), np.float32)
    np.testing.assert_allclose(contours(passes, TONE)[32], line, atol=0.02)


def test_borders_of_paint_are_thinner_than_outlines(passes):
    passes["depth"][:] = WALL
    passes["albedo"][:, EDGE:] = 0.1
    inner = contours(passes, TONE)[32]
    assert 0.3 < inner.max() < 0.7 and inner[: EDGE - 6].max() < 0.01


@pytest.mark.parametrize("behind", [1.02, 1.2, 30.0])
def test_lines_are_as_strong_at_a_small_step_as_at_a_large_one(passes, behind):
    passes["depth"][:, :EDGE] = behind * BOX
    for lines in (contours, contours_inside, outlines):
        assert lines(passes, TONE)[32, EDGE : EDGE + 2].min() > 0.8


@pytest.mark.parametrize("lines", [contours, contours_inside, outlines])
def test_where_two_walls_meet_the_line_is_not_dashed(passes, lines):
    """A corner that runs aslant through the picture: its pixels step from column to column."""
    y, x = np.mgrid[:64, :96].astype(np.float32)
    left = x < 40 + 0.37 * y
    distance = np.where(left, 40 + 0.37 * y - x, x - 40 - 0.37 * y)
    passes["depth"] = (1 / (0.1 - 0.0008 * distance))[..., None].astype(np.float32)
    passes["normal"] = np.where(left[..., None], [0.7, -0.7, 0], [-0.7, -0.7, 0]).astype(np.float32)
    drawn = lines(passes, TONE)
    along = [drawn[row, int(40 + 0.37 * row) - 2 : int(40 + 0.37 * row) + 4].max() for row in range(4, 60)]
    assert min(along) > 0.6 and max(along) - min(along) < 0.3


def test_a_round_thing_has_no_creases_however_small():
    x = np.linspace(-1, 1, 24, dtype=np.float32)
    normal = np.tile(np.array([0, -1, 0], np.float32), (48, 72, 1))
    normal[:, 24:48, 0], normal[:, 24:48, 1] = 0.95 * x, -np.sqrt(1 - (0.95 * x) ** 2)
    assert creases(normal)[24, 28:44].max() < 0.05


def test_a_crease_is_as_wide_where_it_falls_within_a_pixel_as_between_two():
    x = np.arange(48)[None] - (20 + np.arange(48)[:, None] / 12)  # it leans by a pixel in twelve
    share = np.clip(x, 0, 1)[..., None]
    normal = (1 - share) * np.float32([0.7, -0.7, 0]) + share * np.float32([-0.7, -0.7, 0])
    ink = creases(normal.astype(np.float32)).sum(1)[4:-4]
    assert ink.min() > 1.5 and ink.max() < 1.7 * ink.min()


def test_lines_do_not_know_how_large_the_scene_is(passes):
    passes["depth"] = passes["depth"] * (1 + 0.2 * np.random.default_rng(0).random((64, 96, 1), np.float32))
    drawn = contours(passes, TONE)
    for size in (1e-3, 1e3):
        np.testing.assert_allclose(contours(passes | {"depth": passes["depth"] * np.float32(size)}, TONE), drawn, atol=1e-3)


@pytest.mark.parametrize("lines", [contours, contours_inside, outlines])
def test_a_nearly_level_corner_below_a_ceiling_has_no_gaps(passes, lines):
    """Its pixels step from row to row only every ten columns, and there depth bends a little."""
    y, x = np.mgrid[:64, :96].astype(np.float32)
    corner = 40 - 0.09 * x
    above = y < corner
    nearness = np.where(above, 0.0556 + 0.00035 * (corner - y), 0.0556 + 0.000008 * (y - corner))
    passes["depth"] = (1 / nearness)[..., None].astype(np.float32)
    passes["normal"] = np.where(above[..., None], [0, 0, -1.0], [0, -1.0, 0]).astype(np.float32)
    drawn = lines(passes, TONE)
    along = [drawn[int(corner[0, column]) - 3 : int(corner[0, column]) + 4, column].max() for column in range(4, 92)]
    assert min(along) > 0.6 and max(along) - min(along) < 0.3


def test_depth_that_is_noise_as_out_of_focus_is_not_drawn(passes):
    passes["depth"][:] = WALL
    for share, most in ((0.2, 0.01), (0.5, 0.25)):
        blur = np.random.default_rng(0).random((64, 20, 1)) < share
        passes["depth"][:, 38:58] = np.where(blur, BOX, WALL)
        assert contours(passes, TONE)[:, 43:53].mean() < most


def test_a_round_thing_that_the_border_of_the_frame_cuts_has_no_creases_either():
    x = np.linspace(0, 1, 12, dtype=np.float32)
    normal = np.tile(np.array([0, -1, 0], np.float32), (48, 72, 1))
    normal[:, :12, 0], normal[:, :12, 1] = (0.95 * x)[::-1], -np.sqrt(1 - (0.95 * x[::-1]) ** 2)
    assert creases(np.roll(normal, 24, 1))[24, 26:34].max() < 0.05
    for cut in (normal, normal[:, ::-1], normal.swapaxes(0, 1)):
        assert creases(cut).max() < 0.05


def test_hair_is_not_outlined_strand_by_strand(passes):
    strands = np.where(np.arange(96) // 5 % 2, WALL, BOX).astype(np.float32)
    passes["depth"] = np.broadcast_to(strands[None, :, None], (64, 96, 1)).copy()
    assert contours_inside(passes, TONE)[16:48, 24:72].max() < 0.05


@pytest.mark.parametrize("lines", [contours, contours_inside, outlines])
def test_sides_of_what_shines_evenly_are_one_patch_of_light(passes, lines):
    """Creases are drawn between lit sides, however bright, and not where these shine alike, as those of a letter of a sign do."""
    passes["depth"][:] = WALL
    passes["normal"] = np.where(np.arange(96)[:, None] < EDGE, [0.0, -1, 0], [0.7, -0.7, 0]) * np.ones((64, 1, 1), np.float32)
    lit = np.where(np.arange(96)[:, None] < EDGE, 3.0, 2.5) * np.ones((64, 1, 3), np.float32)
    assert lines(passes | {"image": lit}, TONE)[32].max() > 0.6
    assert lines(passes | {"image": np.full_like(lit, 3)}, TONE)[32].max() < 0.05


@pytest.mark.parametrize("lines", [contours, contours_inside, outlines])
@pytest.mark.parametrize("gap", [3, 5, 8])
def test_an_outline_does_not_end_where_another_runs_beside_it(passes, lines, gap):
    passes["depth"][:32, EDGE - gap : EDGE] = 7
    drawn = lines(passes, TONE)[8:56, EDGE : EDGE + 3].max(1)
    assert drawn.min() > 0.7 * drawn.max() and drawn.max() > 0.6


def thicket(width):
    """Passes of a wall with bars before it, over so many of its columns around the 96th."""
    passes, x = wall(128, 320), np.arange(320)
    passes["depth"][:96, (x % 8 < 4) & (np.abs(x - 96) < width / 2)] = 2
    return passes


def test_hair_is_a_thicket_and_not_a_few_posts():
    assert hair(thicket(96))[48, 64:128].min() > 0.95 and hair(thicket(96))[48, :16].max() < 0.05
    assert hair(thicket(20)).max() < 0.05


def test_a_strand_that_sticks_out_of_hair_is_hair_to_its_tip():
    passes = thicket(96)
    passes["depth"][40:44, 140:210] = 2
    passes["depth"][80:84, 140:] = 2  # a twig
    passes["depth"][118:122, 8:180] = 2  # another one, apart
    found = hair(passes)
    assert found[42, 144:210].min() > 0.9
    assert found[82, 280:].max() < 0.1 and found[120].max() < 0.1
