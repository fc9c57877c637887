import numpy as np
import pytest
import torch

from core.colour import HALF_MAX
from core.passes import COLOUR, PASSES, RADIANCE
from export.networks.encoding import decode, encode, network_sees


def test_decode_inverts_encode_from_black_to_the_largest_half_float():
    linear = torch.tensor(np.concatenate([[0], np.geomspace(1e-4, 65504, 200)]), dtype=torch.float32)
    assert torch.allclose(decode(encode(linear)), linear, rtol=2e-5, atol=1e-7)


def test_the_curve_keeps_black_and_white_and_rises():
    assert encode(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([0, 1], abs=1e-6)
    assert (encode(torch.linspace(0, 100, 1000)).diff() > 0).all()
    assert encode(torch.tensor(-1.0)) == 0 and decode(torch.tensor(-1.0)) == 0


@pytest.mark.parametrize("name", sorted(set(PASSES) - {"image"}))
def test_guides_of_any_size_stay_in_range(name):
    x = torch.tensor([-1e10, -50.0, 0.0, 0.3, 50.0, 1e10]).reshape(1, 1, 1, 6)
    if name == "normal" or PASSES[name].holds == COLOUR:
        x = x.clamp(-1, 1)
    most = 1.0
    if PASSES[name].holds == RADIANCE:
        x, most = x.clamp(max=HALF_MAX), 3.66
    assert network_sees(PASSES[name])(x).abs().max() <= most
