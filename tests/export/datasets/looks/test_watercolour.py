import numpy as np
import pytest

from core.colour import encode_log, luminance
from export.datasets.looks.watercolour import backruns, glazes, grain, simplify, turbulence, watercolour


@pytest.fixture
def plain():
    """A surface without noise or features, and a function that gives it a radiance."""

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
    assert max(encode_log(picture).std(axis=(0, 1)).max() for picture in pictures) < 0.04
    assert (np.diff([luminance(picture).mean() for picture in pictures]) > 0).all()


def test_black_is_dark_and_blue_and_white_is_warm_paper(plain):
    black, white = watercolour(plain(0.0))[24, 32], watercolour(plain(1.0))[24, 32]
    assert (black > 0).all() and luminance(black) < 0.05 and black[2] > black[0]
    assert white.min() > 0.75 and white[0] > white[2]


def test_a_glaze_dries_darker_inside_its_border_only():
    tone = np.repeat(np.array([[0.9, 0.4]], np.float32), 100, axis=1) * np.ones((80, 1), np.float32)
    stepped, edges = glazes(tone, np.zeros((80, 200, 2), np.float32))
    assert stepped[40, 20] > stepped[40, 180] + 0.2
    assert edges[40, 101] > 0.1 and edges[40, 20] < 0.01 and edges[40, 180] < 0.01


def test_narrow_lines_join_their_surroundings_and_broad_ones_stay():
    encoded = np.full((60, 60, 3), 0.8, np.float32)
    encoded[:, 10:12], encoded[:, 30:46] = 0.2, 0.2
    simple = simplify(encoded)
    assert simple[30, 10].min() > 0.7 and simple[30, 38].max() < 0.3


def test_without_noise_there_is_no_texture():
    nothing = np.zeros((32, 32, 2), np.float32)
    assert not turbulence(nothing).any() and not grain(nothing).any()
    assert not backruns(turbulence(nothing), nothing).any()
