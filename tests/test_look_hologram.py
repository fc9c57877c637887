import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("torch")

from export.charts import chart
from export.looks.hologram import bands, creases, hologram, rim


@pytest.fixture
def ball():
    """Depth and normal of a ball before an empty background, (96, 128)."""
    y, x = np.mgrid[:96, :128].astype(np.float32)
    x, y = (x - 64) / 40, (y - 48) / 40
    height = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    hit = height > 0
    normal = np.where(hit[..., None], np.stack([x, -height, -y], -1), 0)
    return np.where(hit, 5 - height, 1e10).astype(np.float32), normal.astype(np.float32)


def test_light_runs_along_the_rim_and_creases_of_a_form(ball):
    depth, normal = ball
    light = rim(np.clip(depth, 0.01, 1e4))
    assert light[48, 64] < 0.02 < 0.1 < light[48, 64 + 35]
    assert creases(normal)[48, 64 + 40] > 0.5 > 0.2 > creases(normal)[48, 64]


def test_all_light_is_of_one_colour(ball):
    depth, normal = ball
    passes = chart(1, 0, 128, 96) | {"depth": depth[..., None], "normal": normal}
    red, green, blue = hologram(passes).reshape(-1, 3).T
    assert (blue >= green - 1e-5).all() and (green >= red - 1e-5).all() and np.ptp(green) > 0.05


def test_bands_stick_to_the_surface():
    position = chart(0, 0, 128, 96)["position"]
    here, moved = bands(position), bands(np.roll(position, 10, axis=1))
    inside = slice(24, -24)
    assert here.std() > 0.2
    np.testing.assert_allclose(moved[inside, inside], np.roll(here, 10, axis=1)[inside, inside], atol=0.05)


def test_the_empty_background_is_darker_than_a_surface_as_bright():
    wall, sky = (chart(number, 0, 64, 48) for number in (0, 3))
    sky["image"] = wall["image"]
    assert hologram(sky).mean() < 0.8 * hologram(wall).mean()
