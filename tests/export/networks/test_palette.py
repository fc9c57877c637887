import numpy as np
import pytest
import torch

from core.colour import LUMINANCE
from export.networks.palette import SHINES, TONES, mixed


def tones(lights: torch.Tensor) -> torch.Tensor:
    """Greys of lights (N,) mixed, each in a row of squares of its own: (3, N)."""
    rows = lights.repeat_interleave(12)[:, None].expand(1, 3, -1, 4)
    return mixed(rows, rows)[0, :, 6::12, 0]


def luminance(colours: torch.Tensor) -> torch.Tensor:
    return (torch.tensor(LUMINANCE)[:, None] * colours).sum(0)


def test_black_and_what_shines_stay_as_they_are():
    for light in (0.0, SHINES, 3.65):
        assert torch.allclose(tones(torch.tensor([light])), torch.full((3, 1), light), atol=1e-6)


def test_shadows_are_cool_lights_are_warm_and_contrast_is_higher():
    dark, light = tones(torch.tensor([0.2, 0.9])).T
    assert dark[2] > dark[0] and light[0] > light[2]
    low, high = luminance(tones(torch.tensor([0.4, 0.8])))
    assert low < 0.38 and high > 0.82


def test_colours_are_a_third_richer():
    red = torch.tensor([0.5, 0.2, 0.2])[None, :, None, None].expand(1, 3, 4, 4)
    grey = luminance(red[0, :, 0, 0, None]).expand(1, 3, 4, 4)
    there, mean = mixed(red, red)[0, :, 0, 0], mixed(grey, grey)[0, :, 0, 0]
    assert (there[0] - there[1] - (mean[0] - mean[1])).item() == pytest.approx(1.35 * 0.3, abs=1e-4)


def test_light_lies_in_tones_where_it_changes_slowly_and_never_jumps():
    light = torch.linspace(0.0, 1.3, 5201)
    slope = np.gradient(luminance(tones(light)).numpy(), light.numpy())
    nearest = (light[200:3600] * TONES).round() / TONES
    between = (light[200:3600] * TONES % 1 - 0.5).abs() < 0.05
    within = ((light[200:3600] - nearest).abs() * TONES) < 0.05
    assert slope[200:3600][within].mean() > 1.1 * slope[200:3600][between].mean() and np.abs(slope).max() < 4
