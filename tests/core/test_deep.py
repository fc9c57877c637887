import numpy as np
import pytest

from core.deep import FAR, flatten


def deep(*pixels) -> np.ndarray:
    """(1, n) of lists of samples."""
    objects = np.empty((1, len(pixels)), object)
    for x, samples in enumerate(pixels):
        objects[0, x] = np.array(samples, np.float32) if samples else None
    return objects


def test_samples_are_laid_over_each_other_from_near_to_far_whatever_their_order():
    channels = {"R": deep([0.1, 0.5], [], [3.0]), "A": deep([1.0, 0.5], [], [1.0]), "Z": deep([9.0, 2.0], [], [4.0])}
    flat, exact = flatten(channels | {"id": deep([1, 2], [], [3])})
    np.testing.assert_allclose(flat["R"], [[0.5 + 0.5 * 0.1, 0, 3.0]])
    np.testing.assert_allclose(flat["A"], [[1, 0, 1]])
    np.testing.assert_allclose(flat["Z"], [[2, FAR, 4]])
    assert exact and "id" not in flat


def test_volumes_that_overlap_are_said_to():
    apart = {"R": deep([1, 1]), "A": deep([0.5, 0.5]), "Z": deep([1, 3]), "ZBack": deep([2, 4])}
    assert flatten(apart)[1]
    assert not flatten(apart | {"ZBack": deep([3.5, 4])})[1]


@pytest.mark.parametrize("samples", [[], [5.0, 2.0]])
def test_without_alpha_the_nearest_sample_counts(samples):
    flat, _ = flatten({"R": deep(samples), "Z": deep([7, 3] if samples else [])})
    np.testing.assert_allclose(flat["R"], [[samples[1] if samples else 0]])
