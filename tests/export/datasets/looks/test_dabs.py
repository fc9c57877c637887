import numpy as np

from export.datasets.looks.dabs import Brush, Canvas, form_of, lay, missed, places, whole_surfaces

from .walls import wall

BRUSH = Brush(24, 8, 3)
EVERYWHERE = np.ones((96, 144), bool)


def level(angle=0.0):
    """Directions at an angle, radians from +x upwards."""
    return np.stack([np.full((96, 144), np.cos(angle)), np.full((96, 144), -np.sin(angle))]).astype(np.float32)


def one_dab(passes, spot=(48, 72), angle=0.0):
    """Where a white dab on a black canvas covers it."""
    canvas = Canvas(np.zeros((96, 144, 3), np.float32), np.zeros((96, 144), np.float32))
    order, white = np.zeros((96, 144), np.float32), np.ones((96, 144, 3), np.float32)
    lay(canvas, BRUSH, np.array([spot]), order, white, level(angle), form_of(passes))
    return canvas.colours[..., 0]


def test_dabs_are_set_where_noise_has_crests_and_hollows_and_nowhere_without():
    y, x = np.mgrid[:96, :144].astype(np.float32)
    waves = np.cos(2 * np.pi * x / 16) * np.cos(2 * np.pi * y / 16)
    spots = places(waves, EVERYWHERE)
    assert len(spots) > 80
    assert (np.abs(waves[tuple(spots.T)]) > 0.8).all()
    assert not len(places(0.05 * waves, EVERYWHERE)) and not len(places(waves, ~EVERYWHERE))


def test_a_dab_is_as_long_and_wide_as_its_brush_and_lies_along_its_direction():
    covered = np.argwhere(one_dab(wall()) > 0.5)
    assert np.abs(np.ptp(covered, axis=0) + 1 - [8, 24]).max() <= 4
    tall, wide = np.ptp(np.argwhere(one_dab(wall(), angle=np.pi / 2) > 0.5), axis=0)
    assert tall > 2 * wide


def test_a_dab_has_the_colour_of_its_spot_and_ends_where_the_thing_does():
    passes = wall()
    passes["depth"][:, 76:] = 9
    cover = one_dab(passes)
    assert cover[48, 70:75].min() > 0.8 and cover[:, 77:].max() < 0.01


def test_later_dabs_lie_over_earlier_ones():
    colours, order = np.zeros((96, 144, 3), np.float32), np.zeros((96, 144), np.float32)
    colours[48, 68], colours[48, 76], order[48, 76] = 0.2, 0.8, 1
    for spots in ([[48, 68], [48, 76]], [[48, 76], [48, 68]]):
        canvas = Canvas(colours.copy(), order.copy())
        lay(canvas, BRUSH, np.array(spots), order, colours, level(), form_of(wall()))
        assert abs(canvas.colours[48, 72, 0] - 0.8) < 0.01


def test_a_finer_brush_is_taken_up_only_where_the_canvas_misses_the_picture():
    canvas, picture = (
        Canvas(np.zeros((96, 144, 3), np.float32), np.zeros((96, 144), np.float32)),
        np.zeros((96, 144, 3), np.float32),
    )
    picture[:, 100:] = 0.5
    spots = np.array([[48, 20], [48, 120]])
    assert missed(canvas, picture, spots, 2.0, 0.1).tolist() == [[48, 120]]


def test_pixels_that_see_two_things_are_not_whole():
    passes = wall()
    passes["depth"][:, 72:] = 9
    whole = whole_surfaces(passes)
    assert not whole[:, 71:73].any() and whole[:, :66].all() and whole[:, 78:].all()
