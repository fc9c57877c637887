"""Levels of detail: grains, blotches and flat colour."""

import torch

from export.networks.detail import LEVELS, keep


def test_shares_of_detail_keep_the_image_take_textures_away_and_leave_flat_colour_alone():
    torch.manual_seed(0)
    grains, blotches = torch.rand(1, 3, 160, 160), torch.rand(1, 3, 10, 10).repeat_interleave(16, 2).repeat_interleave(16, 3)
    flat, every = torch.full_like(grains, 0.7), [torch.ones(1, 1, 160, 160)] * LEVELS
    assert torch.allclose(keep(grains, *every), grains, atol=1e-6)
    none = [torch.zeros(1, 1, 160, 160)] * LEVELS
    assert torch.allclose(keep(flat, *none), flat, atol=1e-6), "up to the border"
    first_away = none[:1] + every[1:]
    assert keep(grains, *first_away).std() < 0.3 * grains.std()
    assert keep(blotches, *first_away).std() > 0.8 * blotches.std()
    assert keep(blotches, *none).std() < 0.4 * blotches.std()
