import numpy as np
import pytest

pytest.importorskip("scipy")
from export.looks.oil_painting import crests, directions, stroke


def paint(form, angle=0.0):
    """One white stroke from the middle of a black canvas of 64 x 64."""
    canvas = np.zeros((64, 64, 4), np.float32)
    place = np.array([32.0, 32.0])
    stroke(canvas, form, np.ones((64, 64, 3), np.float32), np.full((64, 64), angle, np.float32), place, 1.0, 20, 5.0)
    return canvas[..., 0]


@pytest.mark.parametrize("angle", [0.0, np.pi / 2])
def test_a_stroke_is_long_in_its_direction(angle):
    covered = paint(np.zeros((64, 64, 1), np.float32), angle) > 0.5
    height, width = covered.any(1).sum(), covered.any(0).sum()
    along, across = (width, height) if angle == 0 else (height, width)
    assert along > 30 and 6 <= across <= 11


def test_a_stroke_stops_at_the_silhouette():
    form = np.zeros((64, 64, 1), np.float32)
    form[:, 40:] = 10
    covered = paint(form)
    assert covered[32, 38] > 0.9 and covered[:, 40:].max() < 0.01


def test_strokes_run_along_an_edge():
    tone = np.tile(np.linspace(0, 8, 64, dtype=np.float32), (64, 1))
    nothing = np.zeros((64, 64, 3), np.float32)
    assert abs(np.sin(directions(tone, nothing, nothing)[32, 32])) > 0.98
    assert abs(np.sin(directions(tone.T, nothing, nothing)[32, 32])) < 0.2


def test_strokes_start_where_the_noise_crests_to_a_fraction_of_a_pixel():
    y, x = np.mgrid[:32, :32]
    wave = np.exp(-((y - 15.3) ** 2 + (x - 16.4) ** 2) / 40)
    [(place, load)] = crests(wave, np.ones_like(wave))
    np.testing.assert_allclose(place, [15.3, 16.4], atol=0.05)
    assert load > 0.9
    assert crests(np.zeros((32, 32)), np.ones((32, 32))) == []
