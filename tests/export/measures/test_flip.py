import pytest
import torch

pytest.importorskip("flip_evaluator")

from export.measures.flip import flip, flip_over_time


@pytest.fixture
def picture():
    return torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))


def test_equal_pictures_do_not_differ_and_black_and_white_differ_most(picture):
    assert flip(picture, picture).max() == 0
    worst = flip(torch.zeros(1, 3, 48, 64), torch.ones(1, 3, 48, 64))
    assert worst.shape == (48, 64) and worst.mean() > 0.9


def test_a_larger_difference_counts_more(picture):
    small, large = (flip(picture, (picture + change).clamp(0, 1)).mean() for change in (0.02, 0.2))
    assert 0 < small < large


def test_what_moves_with_its_vectors_is_steady(picture):
    later = torch.roll(picture, 2, dims=3)
    still, moving = torch.zeros(1, 4, 48, 64), torch.zeros(1, 4, 48, 64)
    moving[:, 2] = -2  # this place less the next one
    seen = torch.ones(1, 1, 48, 64)
    seen[..., :4], seen[..., -4:] = 0, 0
    assert flip_over_time(picture, later, seen, moving) < 0.1 * flip_over_time(picture, later, seen, still)
    assert flip_over_time(picture, later, 0 * seen, moving) is None
