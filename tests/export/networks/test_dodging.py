import pytest
import torch

from export.networks.build import make_generator
from export.networks.dodging import exposed, exposures
from export.networks.encoding import decode, encode

from ..spheres import spheres
from .in_tiles import painted_in_tiles

LIGHT = 0.1


def dodging(dodge: float = LIGHT, passes: tuple[str, ...] = ("image",)) -> torch.nn.Module:
    torch.manual_seed(0)
    module = make_generator(passes, widths=(16, 16), kind="unet", gate=True, black=0.005, dodge=dodge)
    torch.nn.init.normal_(module.tail.weight, 0, 0.03)
    return module


def frame(brightest: float = 1.0) -> torch.Tensor:
    """Spheres (1, 3, 144, 208), scene-linear, without black, since of black nothing is lent."""
    image = torch.from_numpy(spheres(144, 208)["image"][..., :3].copy()).permute(2, 0, 1)[None]
    return (image + 0.05) * (brightest / (image.max() + 0.05))


@torch.no_grad()
def test_what_is_dark_is_painted_as_what_is_light():
    """In half of the light the picture is the same, in about half of the light."""
    dim, plain = frame(0.15), dodging(0.0)
    share = 2 * (exposures(dim / 2, LIGHT)[1] / exposures(dim, LIGHT)[1])  # less dark, as paintings are
    dodged = (dodging()(dim / 2) * 2 / share - dodging()(dim)).square().mean().sqrt()
    undodged = (plain(dim / 2) * 2 - plain(dim)).square().mean().sqrt()
    change = (dodging()(dim) - dim).square().mean().sqrt()
    assert change > 0.002 and dodged < 0.1 * change and undodged > 2 * dodged
    assert (exposures(dim / 2, LIGHT)[1] >= exposures(dim / 2, LIGHT)[0]).all()


@torch.no_grad()
def test_what_is_as_light_as_asked_stays_as_it_was():
    bright = frame() + LIGHT
    assert torch.allclose(dodging()(bright), dodging(0.0)(bright), rtol=1e-4)


@torch.no_grad()
def test_passes_of_light_are_lent_as_much():
    """Half of all light: about half of the picture, by what both frames are lent."""
    module, dim = dodging(passes=("image", "diffuse_direct")), frame(0.15)
    share = 2 * (exposures(dim / 2, LIGHT)[1] / exposures(dim, LIGHT)[1])
    both, image = ((module(dim / 2, dim / part) * 2 / share - module(dim, dim)).square().mean().sqrt() for part in (2, 1))
    assert both < 0.5 * image


@torch.no_grad()
def test_black_stays_black_whatever_is_learned():
    module = dodging()
    module.tail.bias[:3] = 9.0
    assert module(torch.zeros(1, 3, 64, 64)).max() <= 0.005 * 1.01


def test_a_lamp_hides_nothing_and_light_is_lent_smoothly():
    image = torch.full((1, 3, 128, 256), LIGHT / 8)
    image[..., 128:] = LIGHT * 2
    share = exposures(image, LIGHT)[0][0, 0, 64]
    assert share[:64] == pytest.approx(1 / 8, rel=0.02) and torch.equal(share[192:], torch.ones(64))
    assert (share.diff().abs() < 0.05).all()
    image[..., 60:64, 60:64] = 100.0
    assert exposures(image, LIGHT)[0][0, 0, 62, 62] < 1 / 4


def test_light_that_was_lent_is_taken_back_and_what_is_below_black_keeps_its_slope():
    picture = torch.tensor([-0.2, 0.01, 0.1, 1.0, 3.0]).expand(1, 3, 1, 5).clone().requires_grad_()
    share = torch.full((1, 1, 1, 5), 1 / 16)
    back = exposed(exposed(picture, 1 / share), share)
    assert torch.allclose(back, picture, atol=1e-5)
    exposed(picture, share).sum().backward()
    assert picture.grad.min() > 0.02
    assert torch.allclose(decode(exposed(encode(torch.tensor([0.4])), torch.tensor([0.25]))), torch.tensor([0.1]))


def test_dodging_is_exact_in_onnx_and_in_tiles(tmp_path):
    painted_in_tiles(dodging(), tmp_path / "dodged.onnx")
