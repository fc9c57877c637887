import numpy as np
import pytest
import torch

from core.colour import HALF_MAX
from core.passes import PASSES, RADIANCE
from export.networks.encoding import decode, encode, network_sees, relative_depth

from ..spheres import spheres


def test_decode_inverts_encode_from_black_to_the_largest_half_float():
    linear = torch.tensor(np.concatenate([[0], np.geomspace(1e-4, 65504, 200)]), dtype=torch.float32)
    assert torch.allclose(decode(encode(linear)), linear, rtol=2e-5, atol=1e-7)


def test_the_curve_keeps_black_and_white_and_rises():
    assert encode(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([0, 1], abs=1e-6)
    assert (encode(torch.linspace(0, 100, 1000)).diff() > 0).all()
    assert encode(torch.tensor(-1.0)) == 0 and decode(torch.tensor(-1.0)) == 0


@pytest.mark.parametrize("name", sorted(set(PASSES) - {"image"}))
def test_guides_of_any_size_stay_in_range(name):
    x, most = torch.tensor([-3e38, -1e10, -50.0, 0.0, 0.3, 50.0, 1e10, 3e38]).expand(1, 1, 8, 8), 1.0
    if PASSES[name].holds == RADIANCE:
        x, most = x.clamp(max=HALF_MAX), 3.66
    assert network_sees(PASSES[name])(x).abs().max() <= most


def scene(**changes) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(a).permute(2, 0, 1)[None] for name, a in spheres(160, 240, **changes).items()}


@pytest.mark.parametrize("factor", [0.001, 0.01, 0.3, 3, 7, 100, 1000])
def test_a_scene_of_any_size_has_the_same_depth(factor):
    assert torch.allclose(relative_depth(scene(factor=factor)["depth"]), relative_depth(scene()["depth"]), atol=1e-4)


def test_depth_shows_what_is_nearer_than_its_surroundings_and_the_sky():
    depth = torch.full((1, 1, 64, 64), 10.0)
    assert (relative_depth(depth) - 0.5).abs().max() < 1e-5, "a wall, parallel to the picture"
    depth[..., 32:] = 11.0
    guide = relative_depth(depth)[0, 0, 32]
    assert guide[31] > 0.6 and guide[32] < 0.4 and (guide[:16] - 0.5).abs().max() < 1e-5, "a step, of a tenth"
    depth[..., 32:] = 1e10
    guide = relative_depth(depth)[0, 0, 32]
    assert (guide[32:] == 0).all() and (guide[:32] - 0.5).abs().max() < 1e-4, "a sky says nothing about what stands before it"
    assert (relative_depth(torch.zeros(1, 1, 32, 32)) == 0.5).all(), "no depth"
