import numpy as np
import pytest

from core.colour import encode_log, luminance
from export.datasets.looks.watercolour import watercolour


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


def test_wet_paint_runs_within_a_surface_and_dry_brush_leaves_flecks_of_paper(plain):
    passes = plain(0.5, (48, 160))
    passes["image"] = np.where(np.arange(160)[None, :, None] < 80, 0.5, 0.12).astype(np.float32) * np.ones((48, 1, 3), np.float32)
    dry, crisp, wet = (encode_log(watercolour(passes, wetness=wetness)).mean(-1) for wetness in (0, 1, 2))
    steepest = [np.abs(np.diff(picture.mean(0)))[40:120].max() for picture in (crisp, wet)]
    assert steepest[0] > 1.5 * steepest[1]
    assert (dry[:, 20:60].std() > 1.5 * crisp[:, 20:60].std()) or (dry[:, 100:140].std() > 1.5 * crisp[:, 100:140].std())


def test_paper_is_left_bare_between_two_walls(plain):
    passes = plain(0.4, (96, 160))
    left = np.arange(160)[None, :, None] < 80
    passes["normal"] = np.where(left, np.float32([1, 0, 0]), np.float32([0, 1, 0])) * np.ones((96, 1, 1), np.float32)
    meeting = luminance(encode_log(watercolour(passes))) - luminance(
        encode_log(watercolour(passes | {"normal": 0 * passes["normal"]}))
    )
    assert meeting[:, 76:84].max() > 0.05 and np.abs(meeting[:, :60]).max() < 0.02
