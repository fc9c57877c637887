import numpy as np

from export.datasets.looks.tones import flatten


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
