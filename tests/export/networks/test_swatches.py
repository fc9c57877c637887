"""Swatches of made-up paint: two kinds of place, each with a colour and a texture of its own."""

import pytest
import torch

from core.controls import Control
from export.networks.build import make_generator
from export.networks.encoding import decode, encode, places
from export.networks.guided import CLOSED
from export.networks.pens import INK
from export.networks.swatches import COLOURS, SIDE, Swatches

from .in_tiles import painted_in_tiles

PAINT = torch.tensor([[0.2, 0.3, 0.8], [0.9, 0.7, 0.1]])
STRENGTH = 0.02, 0.1


def fill(swatches: Swatches) -> None:
    """Dark places are painted in the first colour with a weak texture, bright ones in the second with a strong one."""
    source = torch.Generator().manual_seed(0)
    light = torch.linspace(0, 1, COLOURS)
    kinds = (light > 0.5).long()
    tiles = torch.randn(2, 3, SIDE, SIDE, generator=source) * torch.tensor(STRENGTH)[:, None, None, None]
    centres = light[:, None].expand(COLOURS, swatches.low.shape[1])
    swatches.know(centres, 1e-4, PAINT[kinds])
    swatches.keep(kinds, tiles)


@pytest.fixture
def swatches():
    made = Swatches(3, 2)
    fill(made)
    return made


def flat(light: float, height: int = 128, width: int = 128) -> torch.Tensor:
    return torch.full((1, 3, height, width), light)


def test_a_part_of_the_frame_has_the_frames_paint_to_the_bit_however_far_out(swatches):
    light = flat(0.3, 320, 336)
    for start in (0, 8192):
        whole = swatches(light, places(320, 336, start, start))
        part = swatches(light[..., :64, :80], places(64, 80, start + 192, start + 232))
        for here, there in zip(part, whole, strict=True):
            assert torch.equal(here, there[..., 192:256, 232:312])


@pytest.mark.parametrize(("light", "kind"), [(0.1, 0), (0.9, 1), (-5.0, 0), (40.0, 1)])
def test_places_are_painted_as_the_likest_ones_were_however_unlike_all_they_are(swatches, light, kind):
    colour, texture = swatches(flat(light), places(128, 128))
    assert torch.allclose(colour, PAINT[kind][:, None, None], atol=1e-3)
    assert texture.mean() == pytest.approx(0.0, abs=0.01)
    assert texture.std((2, 3)).mean() == pytest.approx(STRENGTH[kind], rel=0.05)


def test_texture_is_as_strong_where_kinds_are_mixed(swatches):
    with torch.no_grad():
        swatches.mixture[3:] = 0.5
    wanted = (sum(s**2 for s in STRENGTH) / 2) ** 0.5
    assert swatches(flat(0.9), places(128, 128))[1].std((2, 3)).mean() == pytest.approx(wanted, rel=0.05)


def test_a_tile_does_not_come_again_beside_itself(swatches):
    _, paint = swatches(flat(0.9, 3 * SIDE, 3 * SIDE), places(3 * SIDE, 3 * SIDE))
    for turned in (paint[0, 0], paint[0, 0].T):
        pair = torch.stack([turned[..., :-SIDE].flatten(), turned[..., SIDE:].flatten()])
        assert torch.corrcoef(pair)[0, 1] < 0.2


def test_a_generator_with_them_is_exact_in_onnx_and_in_tiles_and_learns(tmp_path):
    torch.manual_seed(0)
    module = make_generator(("image", "normal"), widths=(16, 16, 1, 1), swatches=2, smooth=True)
    fill(module.swatches)
    module.encoded(torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128), places(128, 128)).square().mean().backward()
    assert all(p.grad is not None for p in module.parameters())
    painted_in_tiles(module, tmp_path / "s.onnx")


@torch.no_grad()
def test_a_generator_starts_from_their_paint_with_next_to_nothing_of_the_image():
    torch.manual_seed(0)
    module = make_generator(("image",), widths=(16, 16), kind="unet", swatches=2, gate=True, black=1.0)
    fill(module.swatches)
    module.open_gate(CLOSED)
    image = torch.full((1, 3, 128, 128), 0.5)
    paint = sum(module.swatches(encode(image), places(128, 128)))
    assert (module.encoded(image, places(128, 128)) - paint).abs().mean() < 0.06


@torch.no_grad()
@pytest.mark.parametrize("gate", [-9.0, 9.0])
def test_texture_is_as_strong_whatever_a_generator_has_learned(gate):
    torch.manual_seed(0)
    module = make_generator(("image",), widths=(16, 16), kind="unet", fine=8, swatches=2, gate=True, black=1.0)
    fill(module.swatches)
    for weight in module.parameters():
        weight.add_(0.1 * torch.randn_like(weight))
    module.open_gate(gate)
    image = torch.full((1, 3, 128, 128), 0.5)
    there, elsewhere = places(128, 128), places(128, 128, SIDE + 40, 3 * SIDE)
    textures = [module.swatches(encode(image), place)[1] for place in (there, elsewhere)]
    apart = module.encoded(image, there) - module.encoded(image, elsewhere)
    assert torch.allclose(apart, textures[0] - textures[1], atol=1e-4)


@torch.no_grad()
def test_contours_are_inked_over_swatches_as_over_the_image():
    torch.manual_seed(0)
    knob = Control("line_weight", 0.0, 3.0, 1.0)
    module = make_generator(("image",), widths=(16, 16, 1, 1), smooth=True, swatches=2, contoured=knob.name, controls=[knob])
    fill(module.swatches)
    image = flat(0.8, 64, 64)
    image[..., 32:] = 0.4
    bare, inked = (
        encode(module(decode(image), places(64, 64), torch.full((1, 1, 64, 64), weight)))[0, :, 16:48] for weight in (0.0, 3.0)
    )
    assert torch.allclose(inked[..., 30:32].mean((1, 2)), torch.tensor(INK[:3]), atol=0.08)
    assert bare[..., 30:34].mean() > inked[..., 30:34].mean() + 0.2
