import numpy as np
import pytest
import torch

from export.networks.light import even_light, in_steps, light_of


@pytest.mark.parametrize("contrast", [0.03, 0.05, 0.07, 0.1, 0.3, 0.9])
@torch.no_grad()
def test_what_stands_in_a_void_leaves_no_halo_of_even_light_around_it(contrast):
    """Nor of its steps, of which one has its border at white."""
    image = torch.ones(1, 3, 128, 192)
    image[..., 50:81, 70:123] -= contrast
    light = light_of(image)
    beside = torch.ones(128, 192, dtype=torch.bool)
    beside[42:89, 62:131] = False  # two cells around it
    assert (even_light(light)[0] - light)[0, 0, beside].abs().max() < 0.001
    assert in_steps(image, torch.full((1, 1, 128, 192), 5.0))[0, 0, beside].abs().max() < 0.04


@pytest.mark.parametrize("angle", [0.3, 0.5, 0.9])
@torch.no_grad()
def test_the_border_of_a_soft_shadow_stays_where_it_is_without_stairs(angle):
    rows, columns = np.mgrid[-96:96, -128:128]
    beyond = torch.from_numpy(columns * np.cos(angle) + rows * np.sin(angle)).float()  # pixels
    for contrast in (0.04, 0.07, 0.15):
        for softness in (3.0, 8.0, 15.0):
            light = 0.5 + 0.5 * contrast * torch.tanh(beyond / softness)[None, None]
            moved = (even_light(light)[0] > 0.5)[0, 0] != (beyond > 0)
            assert not (moved & (beyond.abs() > 1))[48:-48].any()
