import numpy as np
import pytest

from export.datasets.looks.lines import BEYOND, contours, contours_inside, outlines, spread

WALL, BOX, EDGE = 10.0, 5.0, 48
"""A wall on the left and a box before it, from the column EDGE on; depths."""
TONE = np.full((64, 96), 0.6, np.float32)
"""An even grey."""


@pytest.fixture
def passes():
    depth = np.full((64, 96, 1), WALL, np.float32)
    depth[:, EDGE:] = BOX
    normal = np.broadcast_to(np.array([0, -1, 0], np.float32), (64, 96, 3))
    return {"depth": depth, "normal": normal, "albedo": np.full((64, 96, 3), 0.5, np.float32)}


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
    assert 0.1 < crease.sum() < 0.7 * outline.sum()


def test_without_depth_to_see_lines_straddle_steps_with_most_ink_on_the_nearer_side(passes):
    coverage = contours(passes, TONE)[32]
    nearer, farther = coverage[EDGE : EDGE + 6], coverage[EDGE - 6 : EDGE][::-1]
    np.testing.assert_allclose(farther, BEYOND * nearer, atol=0.02)
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


def test_a_spread_line_keeps_its_ink_and_changes_less_when_it_moves_by_part_of_a_pixel():
    line = np.zeros((8, 32), np.float32)
    line[:, 15:17] = 1
    moved = (line + np.roll(line, 1, 1)) / 2
    soft = spread(line)
    assert np.allclose(soft.sum(), line.sum(), rtol=1e-5)
    assert np.abs(spread(moved) - soft).max() < 0.6 * np.abs(moved - line).max()
    assert soft.max() < spread(line, 1.5).max() <= 1
