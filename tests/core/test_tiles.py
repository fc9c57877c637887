import numpy as np
import pytest

from core.tiles import blended_spans, bounds_of, fit_window, plan_tiles, plan_within, round_up


@pytest.mark.parametrize("height, width", [(8, 8), (8, 800), (64, 120), (296, 1600), (544, 960)])
@pytest.mark.parametrize("tile", [None, 1, 64, 130, 256, 5000])
@pytest.mark.parametrize("radius", [0, 13, 40])
def test_tiles_cover_each_pixel_once_in_equal_windows_with_enough_context(height, width, tile, radius):
    tiles = plan_tiles(height, width, tile and (tile, 2 * tile), radius, 8)
    covered = np.zeros((height, width), int)
    for part in tiles:
        covered[part.kept] += 1
        for start, size, keep, keep_size, end in (
            (part.y, part.height, part.keep_y, part.keep_height, height),
            (part.x, part.width, part.keep_x, part.keep_width, width),
        ):
            assert start >= 0 and start + size <= end and start % 8 == 0 and size % 8 == 0
            assert start == 0 or keep - start >= radius
            assert start + size == end or start + size - (keep + keep_size) >= radius
    assert (covered == 1).all()
    assert len({(part.height, part.width) for part in tiles}) == 1


def test_a_tile_limit_is_kept_when_there_is_room_for_the_overlap():
    assert all(part.height <= 128 and part.width <= 128 for part in plan_tiles(1080, 1920, (130, 130), 40, 8))


@pytest.mark.parametrize("height, width", [(8, 8), (8, 3000), (544, 960), (4320, 7680)])
@pytest.mark.parametrize("area", [1000, 90_000, 500_000, 10**9])
@pytest.mark.parametrize("radius", [0, 13, 145])
def test_a_fitted_window_keeps_to_its_area_and_does_no_more_work_than_squares_would(height, width, area, radius):
    window = fit_window(height, width, area, radius, 8)
    overlap = round_up(radius, 8)
    least = min(height, 2 * overlap + 8) * min(width, 2 * overlap + 8)
    assert (window is None) == (least > area)
    if window:
        tiles, side = plan_tiles(height, width, window, radius, 8), int(area**0.5)
        assert {(part.height, part.width) for part in tiles} == {window} and window[0] * window[1] <= area
        if min(height, width) >= side >= 2 * overlap + 8:
            squares = plan_tiles(height, width, (side, side), radius, 8)
            assert sum(t.height * t.width for t in tiles) <= sum(t.height * t.width for t in squares)


def test_a_frame_that_fits_is_one_window():
    assert fit_window(1080, 1920, 1080 * 1920, 145, 8) == (1080, 1920)


def test_round_up():
    assert [round_up(n, 8) for n in (0, 1, 8, 9)] == [0, 8, 8, 16]


@pytest.mark.parametrize(("size", "most"), [(2048, 1.35), (1024, 1.75)])
def test_windows_share_a_frame_evenly_so_that_little_is_computed_twice(size, most):
    plan = plan_tiles(2160, 3840, (size, size), 145, 8)
    assert len({(tile.height, tile.width) for tile in plan}) == 1 and max(plan[0].height, plan[0].width) <= size
    assert sum(tile.height * tile.width for tile in plan) < most * 2160 * 3840


@pytest.mark.parametrize("rows, columns", [((0, 1), (0, 1)), ((97, 98), (200, 201)), ((30, 70), (5, 190)), ((0, 104), (0, 208))])
@pytest.mark.parametrize("window", [None, (96, 96)])
def test_a_part_is_covered_once_and_seen_with_its_margin(rows, columns, window):
    frame, radius = (104, 208), 13
    kept = np.zeros(frame, int)
    plan = plan_within((slice(*rows), slice(*columns)), frame, window, radius, 8)
    for tile in plan:
        kept[tile.kept] += 1
        for at, size, keep, length, end in (
            (tile.y, tile.height, tile.keep_y, tile.keep_height, frame[0]),
            (tile.x, tile.width, tile.keep_x, tile.keep_width, frame[1]),
        ):
            assert at % 8 == 0 and at >= 0 and at + size <= end
            assert keep - at >= radius or at == 0
            assert at + size - keep - length >= radius or at + size == end
    wanted = np.zeros(frame, int)
    wanted[slice(*rows), slice(*columns)] = 1
    assert (kept == wanted).all() and len({(tile.height, tile.width) for tile in plan}) == 1


def test_the_bounds_of_a_mask():
    mask = np.zeros((20, 30, 1), np.float32)
    assert bounds_of(mask, 2) == (slice(0, 0), slice(0, 0))
    mask[1, 7], mask[9, 28] = np.nan, -0.1
    assert bounds_of(mask) == (slice(1, 10), slice(7, 29))
    assert bounds_of(mask, 2) == (slice(0, 12), slice(5, 31))


@pytest.mark.parametrize("length, size, overlap", [(64, 64, 16), (65, 64, 16), (1000, 64, 16), (300, 64, 0), (129, 64, 63)])
def test_blended_windows_add_up_to_one_and_overlap(length, size, overlap):
    total = np.zeros(length)
    spans = blended_spans(length, size, overlap)
    for start, weights in spans:
        assert weights.shape == (size,) and 0 <= start <= length - size and weights.min() >= 0
        total[start : start + size] += weights
    assert np.allclose(total, 1, atol=1e-6)
    assert all(later - earlier <= size - overlap for (earlier, _), (later, _) in zip(spans, spans[1:], strict=False))
