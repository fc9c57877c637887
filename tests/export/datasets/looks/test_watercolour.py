import numpy as np
import pytest

from core.colour import encode_log, luminance
from export.datasets.looks.smoothing import within_edges
from export.datasets.looks.watercolour import dried, gaps, paint, run, watercolour


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
    assert (black > 0).all() and luminance(black) < 0.05 and black[2] > 2 * black[0]
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


def test_paint_runs_within_a_surface_and_not_beyond():
    density = np.zeros((40, 120, 3), np.float32)
    density[:, 30:60] = 1
    edges = np.zeros((40, 120), np.float32)
    edges[:, 59:61] = 1
    wet, water = np.ones((40, 120), np.float32), np.zeros((40, 120, 2), np.float32)
    far = within_edges(density, edges, 30)
    ran = run(density, far, wet, water)[20, :, 0]
    assert ran[25] > 0.1 and ran[64] < 0.02
    np.testing.assert_allclose(run(density, far, 0 * wet, water), density)


def test_paper_is_left_white_between_light_washes_not_in_the_dark():
    edges = np.zeros((40, 60), np.float32)
    edges[:, 30] = 1
    water = np.ones((40, 60, 2), np.float32)
    light, dark = (gaps(edges, water, np.full((40, 60, 3), density, np.float32))[20] for density in (0.3, 1.5))
    assert light[30] > 0.3 and light[20] < 0.01 and dark.max() < 0.01
