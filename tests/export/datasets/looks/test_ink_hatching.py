import importlib

import numpy as np

from core.colour import decode_log, encode_log, luminance

from .walls import wall

ink = importlib.import_module("export.datasets.looks.ink_hatching")


def test_strokes_come_and_swell_as_the_tone_falls():
    drawn = [ink.hatching(np.full((96, 144), tone, np.float32), wall()).mean() for tone in (0.95, 0.75, 0.55, 0.35, 0.2)]
    assert drawn[0] == 0 and all(a < b for a, b in zip(drawn, drawn[1:], strict=False))


def test_strokes_of_a_lighter_tone_stay_in_a_darker_one():
    light, dark = (ink.hatching(np.full((96, 144), tone, np.float32), wall()) for tone in (0.6, 0.4))
    assert (dark >= light - 1e-6).all() and dark.mean() > 1.3 * light.mean()


def test_strokes_are_lines_with_paper_between_that_are_as_dark_in_the_light_as_in_the_shade():
    for tone, most in ((0.7, 0.2), (0.5, 0.5)):
        drawn = ink.hatching(np.full((96, 144), tone, np.float32), wall())
        assert 0.01 < (drawn > 0.5).mean() < most and drawn.max() > 0.9


def test_strokes_stick_to_the_wall_that_moves():
    tone = np.full((128, 192), 0.5, np.float32)
    here, moved = (ink.hatching(tone, wall(128, 192, right)) for right in (0, 4))
    inner = (slice(32, -32), slice(40, -40))
    same, still = (np.corrcoef(a[inner].ravel(), here[inner].ravel())[0, 1] for a in (np.roll(moved, 4, 1), moved))
    assert same > 0.9 > 0.6 > still


def test_strong_colours_are_hatched_but_do_not_drown_in_black():
    red = wall() | {"image": np.full((96, 144, 4), [0.5, 0.01, 0.01, 1], np.float32)}
    picture = ink.ink_hatching(red)
    assert np.median(picture[..., 0]) > 5 * np.median(picture[..., 2]) and (picture[..., 0] > 0.2).mean() > 0.4


def test_where_there_is_no_surface_there_are_no_strokes():
    nothing = {name: 0 * array for name, array in wall().items()}
    assert ink.hatching(np.full((96, 144), 0.4, np.float32), nothing).max() == 0


def test_pure_colours_do_not_begin_to_shine_and_light_keeps_its_brightness():
    colours = np.array([[[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 40], [40, 40, 40]]], np.float32)
    flat = encode_log(colours)
    brightest = decode_log(ink.wash(flat, luminance(flat))).max(-1)[0]
    assert brightest[:4].max() < 1.01
    np.testing.assert_allclose(brightest[4:], 40, rtol=0.05)
