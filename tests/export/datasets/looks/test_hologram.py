import numpy as np
import pytest
from scipy import ndimage

from export.datasets.charts import chart
from export.datasets.looks.hologram import hologram, rims, scanned


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


def test_scan_lines_cross_the_frame_every_eight_rows_unless_they_are_left_out(ball):
    lines = scanned((40, 8), 1.0)[:, 3]
    np.testing.assert_allclose(lines[8:], lines[:-8], atol=1e-6)
    assert lines[0] == 1 and lines.min() == lines[4] < 0.8
    assert (scanned((40, 8), 0.0) == 1).all()
    ball["image"][...] = 0.3
    rows = hologram(ball, scan_lines=0.0)[:, 4].mean(-1)
    assert np.abs(np.diff(rows)).max() < 0.02 * rows.mean()


def test_bumps_of_a_plane_have_no_rims():
    depth = 5 + np.linspace(8, 0, 96, dtype=np.float32)[:, None, None] * np.ones((1, 128, 1), np.float32)
    bumps = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(96, 128, 3)), (1.5, 1.5, 0))
    normal = np.float32([0, 0, 1]) + 0.08 * (bumps / bumps.std()).astype(np.float32)
    assert rims(normal, depth[..., 0])[16:-16, 16:-16].mean() < 0.02
