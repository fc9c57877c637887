import numpy as np
import pytest

from export.datasets.looks.tones import flatten, stepped


def test_a_wash_does_not_reach_around_the_frame():
    rng = np.random.default_rng(0)
    encoded = 0.5 + 0.02 * rng.standard_normal((24, 40, 3)).astype(np.float32)
    passes = {"normal": np.full((24, 40, 3), [0, -1, 0], np.float32), "albedo": np.full((24, 40, 3), 0.5, np.float32)}
    depth = np.full((24, 40, 1), 5, np.float32)
    washed = flatten(encoded, **passes, depth=depth)
    brighter = encoded.copy()
    brighter[:, 30:], brighter[18:] = brighter[:, 30:] + 0.05, brighter[18:] + 0.05
    np.testing.assert_array_equal(flatten(brighter, **passes, depth=depth)[:11, :23], washed[:11, :23])
    assert washed.std() < 0.5 * encoded.std()


@pytest.mark.parametrize("steps", [2, 4, 8])
def test_borders_of_tones_are_crisp_however_slowly_the_light_changes(steps):
    for width in (200, 800):
        tone = np.broadcast_to(np.linspace(0.02, 0.93, width, dtype=np.float32), (16, width))
        drawn = stepped(tone, steps)[8]
        between = np.abs(drawn * steps % 1 - 0.5) > 0.1  # neither of the two tones beside a border
        assert between.sum() < 6 * steps and len(np.unique((drawn * steps).astype(int))) == steps
