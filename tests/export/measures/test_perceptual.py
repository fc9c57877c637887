"""Style and content by EfficientNet-Lite0: random weights see everything nearly alike."""

import pytest
import torch

from export.measures.perceptual import Places, content_distance, nearest_distance, seen_by
from export.networks.perceptual import LEVELS, load_features

from ..networks.test_perceptual import real


@pytest.fixture(scope="module")
def network():
    return load_features()


def striped(period: int) -> torch.Tensor:
    """(1, 3, 96, 128): red and blue stripes."""
    dark = (torch.arange(128) // period % 2).float()
    return torch.stack([dark, torch.full_like(dark, 0.1), 1 - dark])[None, :, None].expand(-1, -1, 96, -1).contiguous()


def test_the_nearest_of_the_others_counts_both_ways():
    wanted = torch.eye(3)
    assert nearest_distance(5 * wanted[:, [2, 0, 1]], wanted) == pytest.approx(0, abs=1e-6)
    assert nearest_distance(wanted[:, :1], wanted) == pytest.approx(2 / 3)  # two of the wanted have nobody near
    assert nearest_distance(-wanted[:, :1], wanted[:, :1]) == pytest.approx(2)


@real
def test_content_is_what_is_where_and_neither_brightness_nor_order_of_channels_hides_it(network):
    plain, other = (seen_by(network, striped(period)) for period in (8, 20))
    assert set(plain) == set(LEVELS) and plain["1/4"].shape[1:] == (24, 32)
    assert content_distance(plain, plain) == pytest.approx(0, abs=1e-6)
    moved = {level: f.roll(f.shape[2] // 2 + 1, 2) for level, f in plain.items()}
    assert content_distance({level: 3 * f for level, f in plain.items()}, plain) == pytest.approx(0, abs=1e-6)
    assert min(content_distance(moved, plain), content_distance(other, plain)) > 0.05


@real
def test_style_forgets_places_and_tells_grain_of_another_size(network):
    def places(side: int, seed: int) -> Places:
        source = torch.Generator().manual_seed(seed)
        squares = torch.rand(1, 3, 96 // side, 128 // side, generator=source).round()
        found = Places(400)
        found.add(seen_by(network, squares.repeat_interleave(side, 2).repeat_interleave(side, 3)))
        return found

    look = places(4, 0)
    assert look.distance(places(4, 0)) == pytest.approx(0, abs=1e-6)
    assert places(4, 1).distance(look) < 0.5 * places(16, 1).distance(look)
