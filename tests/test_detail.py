"""Levels of detail: grains, blotches and flat colour."""

import torch

from export.detail import CELL, LEVELS, keep, keep_sees


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


def test_it_sees_as_far_as_it_says():
    side = 200
    for pixel in range(100, 100 + CELL):
        image = torch.zeros(1, 1, CELL, side, dtype=torch.float64, requires_grad=True)
        keep(image, *[torch.full((1, 1, CELL, side), 0.3, dtype=torch.float64)] * LEVELS)[0, 0, 0, pixel].backward()
        seen = image.grad.abs().sum((0, 1, 2)).nonzero().flatten()
        assert (seen[0].item(), seen[-1].item()) == keep_sees((pixel, pixel))
