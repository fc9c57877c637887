import numpy as np
import pytest

from core.tiles import plan_tiles, round_up


@pytest.mark.parametrize("height, width", [(8, 8), (8, 800), (64, 120), (296, 1600), (544, 960)])
@pytest.mark.parametrize("tile", [None, 1, 64, 130, 256, 5000])
@pytest.mark.parametrize("radius", [0, 13, 40])
def test_tiles_cover_each_pixel_once_in_equal_windows_with_enough_context(height, width, tile, radius):
    tiles = plan_tiles(height, width, tile, radius, 8)
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
    assert all(part.height <= 128 and part.width <= 128 for part in plan_tiles(1080, 1920, 130, 40, 8))


def test_round_up():
    assert [round_up(n, 8) for n in (0, 1, 8, 9)] == [0, 8, 8, 16]
