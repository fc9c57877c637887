import numpy as np
import pytest

from export.datasets.charts import chart
from export.datasets.looks.anchored import surface_noise
from export.datasets.looks.hologram import hologram, rims, scan_lines


@pytest.fixture
def ball():
    """The passes of a dim ball before an empty background, (96, 128)."""
    y, x = np.mgrid[:96, :128].astype(np.float32)
    x, y = (x - 64) / 40, (y - 48) / 40
    height = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    hit = (height > 0)[..., None]
    passes = chart(3, 0, 128, 96)
    passes["image"][..., :3] = 0.2 * hit
    passes["normal"][...] = np.where(hit, np.stack([x, -height, -y], -1), 0)
    passes["depth"][...] = np.where(hit, (5 - height)[..., None], 1e10)
    return passes


def test_light_runs_along_the_rim_of_a_form(ball):
    light = rims(ball["normal"], np.clip(ball["depth"][..., 0], 0.01, 1e4))
    assert light[48, 64] < 0.02 < 0.1 < light[48, 64 + 36]
    picture = hologram(ball).sum(-1)
    assert picture[48, 64 + 36 : 64 + 44].max() > 3 * picture[48, 64]


def test_warm_colours_are_projected_in_another_light_than_cold_ones(ball):
    cold, warm = dict(ball, image=ball["image"] * [0.2, 0.6, 1, 1]), dict(ball, image=ball["image"] * [1, 0.5, 0.2, 1])
    cold, warm = (hologram(passes)[40:56, 56:72].mean((0, 1)) for passes in (cold, warm))
    assert cold[1] > 2 * cold[0] and warm[0] > 2 * warm[1]


def test_scan_lines_stick_to_the_surface():
    position = chart(0, 0, 192, 144)["position"]
    here, moved = (scan_lines(surface_noise(p, 2)[..., 0]) for p in (position, np.roll(position, (10, 20), (0, 1))))
    inside = slice(48, -48)
    assert here.std() > 0.2
    np.testing.assert_allclose(moved[inside, inside], np.roll(here, (10, 20), (0, 1))[inside, inside], atol=0.1)
