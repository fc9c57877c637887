import importlib

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

ink = importlib.import_module("export.datasets.looks.ink_hatching")


def wall(height=64, width=96, right=0.0):
    """Position and normal of a wall that is looked at straight, 1 cm a pixel, beginning `right` pixels further right."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    position = np.stack([0.01 * (x + right), np.ones_like(x), -0.01 * y], -1)
    return position, np.broadcast_to(np.array([0, -1, 0], np.float32), position.shape)


def test_strokes_swell_as_the_tone_falls_and_end_in_black():
    position, normal = wall()
    drawn = [ink.hatching(np.full((64, 96), tone, np.float32), normal, position) for tone in (0.9, 0.6, 0.45, 0.3, 0.05)]
    strokes, black = ([pair[i].mean() for pair in drawn] for i in (0, 1))
    assert strokes[0] == 0 and all(a < b for a, b in zip(strokes, strokes[1:], strict=False))
    assert black[1] == 0 and black[-1] == 1


def test_strokes_of_a_lighter_tone_stay_in_a_darker_one():
    position, normal = wall()
    light, dark = (ink.hatching(np.full((64, 96), tone, np.float32), normal, position)[0] for tone in (0.6, 0.4))
    assert (dark >= light - 1e-6).all()


def test_strokes_stick_to_the_wall_that_moves():
    tone = np.full((128, 192), 0.5, np.float32)
    here, moved = (ink.hatching(tone, *wall(128, 192, right)[::-1])[0] for right in (0, 4))
    inner = (slice(32, -32), slice(40, -40))
    same, still = (np.corrcoef(a[inner].ravel(), here[inner].ravel())[0, 1] for a in (np.roll(moved, 4, 1), moved))
    assert same > 0.95 > 0.7 > still


def test_strokes_run_along_their_direction():
    position, normal = wall()
    grain = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((64, 96)), 2).astype(np.float32)
    direction = np.stack([np.ones_like(grain), np.zeros_like(grain)])
    streak = ink.streaks(grain, direction, normal)
    assert np.abs(np.diff(streak, axis=1)).mean() < 0.4 * np.abs(np.diff(streak, axis=0)).mean()


def test_where_there_is_no_surface_there_are_no_strokes():
    nothing = np.zeros((64, 96, 3), np.float32)
    assert ink.hatching(np.full((64, 96), 0.4, np.float32), nothing, nothing)[0].max() == 0


def test_pure_colours_do_not_begin_to_shine_and_light_keeps_its_brightness():
    colours = np.array([[[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 40], [40, 40, 40]]], np.float32)
    flat = encode_log(colours)
    brightest = decode_log(ink.wash(flat, luminance(flat))).max(-1)[0]
    assert brightest[:4].max() < 1.01
    np.testing.assert_allclose(brightest[4:], 40, rtol=0.05)
