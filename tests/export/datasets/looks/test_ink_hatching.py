import importlib

import numpy as np

from core.colour import decode_log, encode_log, luminance
from export.datasets.looks.anchored import strokes

from .walls import wall

ink = importlib.import_module("export.datasets.looks.ink_hatching")


def hatching(tone: float, passes: dict | None = None) -> np.ndarray:
    """The strokes of the first direction on a wall of one tone."""
    passes = passes or wall()
    shade = np.full(passes["depth"].shape[:2], (ink.LIGHT - tone) / (ink.LIGHT - ink.DARK), np.float32)
    return ink.hatched(strokes(passes, 2, ink.WIDTH, ink.LENGTH)[..., 0], shade)


def test_strokes_come_and_swell_as_the_tone_falls():
    drawn = [hatching(tone).mean() for tone in (0.95, 0.75, 0.55, 0.35, 0.2)]
    assert drawn[0] == 0 and all(a < b for a, b in zip(drawn, drawn[1:], strict=False))


def test_strokes_of_a_lighter_tone_stay_in_a_darker_one():
    light, dark = (hatching(tone) for tone in (0.6, 0.4))
    assert (dark >= light - 1e-6).all() and dark.mean() > 1.3 * light.mean()


def test_strokes_are_lines_with_paper_between_that_are_as_dark_in_the_light_as_in_the_shade():
    for tone, most in ((0.7, 0.2), (0.5, 0.5)):
        drawn = hatching(tone)
        assert 0.01 < (drawn > 0.5).mean() < most and drawn.max() > 0.9


def test_strokes_stick_to_the_wall_that_moves():
    here, moved = (hatching(0.5, wall(128, 192, right)) for right in (0, 6))
    inner = (slice(32, -32), slice(40, -40))
    same, still = (np.corrcoef(a[inner].ravel(), here[inner].ravel())[0, 1] for a in (np.roll(moved, 6, 1), moved))
    assert same > 0.9 > 0.6 > still


def test_knobs_leave_out_strokes_and_hatch_earlier():
    passes = wall() | {"image": np.full((96, 144, 4), 0.25, np.float32)}
    none, usual, early = (encode_log(ink.ink_hatching(passes, hatching=amount)).mean() for amount in (0.0, 1.0, 2.0))
    assert none > usual + 0.004 > early + 0.01


def test_strong_colours_are_hatched_but_do_not_drown_in_black():
    red = wall() | {"image": np.full((96, 144, 4), [0.5, 0.01, 0.01, 1], np.float32)}
    picture = ink.ink_hatching(red)
    assert np.median(picture[..., 0]) > 5 * np.median(picture[..., 2]) and (picture[..., 0] > 0.2).mean() > 0.4


def test_in_the_black_outlines_are_left_light():
    passes = wall()
    passes["depth"][:, 72:] = 50
    passes["image"][..., :3] = 0.002
    picture = luminance(encode_log(ink.ink_hatching(passes)))
    assert picture[:, 66:74].max(axis=1).min() > np.median(picture) + 0.02


def test_hair_is_drawn_by_its_own_strands_alone():
    """Neither outlined strand by strand nor hatched, up to its roots; what it grows on is hatched."""
    passes = wall(128, 192)
    strand = (np.arange(192) // 4 % 2 == 0) & (np.arange(128) < 64)[:, None]
    passes["depth"][strand] = 4
    passes["normal"][strand] = [0.8, -0.6, 0]
    passes["image"][..., :3] = 0.2
    picture = luminance(encode_log(ink.ink_hatching(passes)))
    assert np.ptp(picture[8:72, 32:-32]) < 0.03 < 0.2 < np.ptp(picture[100:, 32:-32])


def test_pure_colours_do_not_begin_to_shine_and_light_keeps_its_brightness():
    colours = np.array([[[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 40], [40, 40, 40]]], np.float32)
    flat = encode_log(colours)
    brightest = decode_log(ink.wash(flat, luminance(flat))).max(-1)[0]
    assert brightest[:4].max() < 1.01
    np.testing.assert_allclose(brightest[4:], 40, rtol=0.05)
