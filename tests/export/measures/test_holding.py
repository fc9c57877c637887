import pytest
import torch
from torch.nn.functional import interpolate

from export.measures.holding import blotch_ratio, blotches, flat_areas, in_the_light_of, octaves, share_of_effect
from export.measures.metrics import luminance


def noise(size: int, amount: float, seed: int = 0) -> torch.Tensor:
    """Noise of waves of about 2 * size pixels, (1, 3, 256, 384)."""
    grain = torch.randn(1, 3, -(-256 // size), -(-384 // size), generator=torch.Generator().manual_seed(seed))
    return amount * interpolate(grain, (256, 384), mode="bicubic", align_corners=False)


@pytest.fixture
def image():
    """A slow ramp of greys."""
    return (0.3 + 0.05 * torch.linspace(0, 1, 384)).expand(1, 3, 256, 384).clone()


def test_a_change_is_found_in_its_octave(image):
    fine, coarse = (octaves((image + noise(size, 0.02)).clamp(0), image) for size in (1, 16))
    assert fine.argmax() == 0 and coarse.argmax() in (3, 4)


def test_a_style_that_does_nothing_has_no_share_and_the_look_itself_all(image):
    look = (image + noise(1, 0.03) + noise(8, 0.03, 1)).clamp(0)
    wanted = octaves(look, image)
    assert share_of_effect(octaves(image, image), wanted) == 0
    assert share_of_effect(wanted, wanted) == pytest.approx(1)
    half = share_of_effect(octaves(image + (look - image) / 2, image), wanted)
    assert 0.4 < half < 0.6


def test_too_much_in_one_octave_does_not_make_up_for_too_little_in_another(image):
    wanted = octaves((image + noise(1, 0.03) + noise(16, 0.03, 1)).clamp(0), image)
    coarse = octaves((image + noise(16, 0.06, 1)).clamp(0), image)
    assert share_of_effect(coarse, wanted) < 0.8


@pytest.mark.parametrize("exposure", [0.3, 0.01, 1e-4])
def test_in_the_light_of_a_dark_frame_a_picture_is_as_dark(image, exposure):
    picture = (image * torch.tensor([1.0, 0.5, 0.2])[:, None, None] + noise(4, 0.1)).clamp(0)
    dimmed = picture * in_the_light_of(image * exposure, picture)
    assert luminance(dimmed).mean() == pytest.approx(luminance(image * exposure).mean().item(), rel=1e-3)


def test_a_light_frame_leaves_the_picture_as_it_is(image):
    assert in_the_light_of(image * 3, image) == 1


def test_flat_areas_are_flat_in_spite_of_a_slow_ramp_and_single_bright_pixels(image):
    image[..., 100, 100] = 1.0
    image[..., 128:, 192:] += 0.3 * torch.rand(128, 192, generator=torch.Generator().manual_seed(0))
    flat = flat_areas(image)
    assert flat[0, 0, :80, :].float().mean() > 0.95 and flat[0, 0, 150:, 215:].float().mean() < 0.05


def test_blotches_are_found_and_fine_grain_is_none(image):
    grained, blotched = ((image + noise(size, 0.03)).clamp(0) for size in (1, 24))
    assert blotches(blotched, image) > 4 * blotches(grained, image)
    assert blotch_ratio(blotched, grained, image) > 1.3 > blotch_ratio(grained, grained, image)
    assert blotch_ratio(image, grained, image) <= 1


def test_where_nothing_is_flat_there_is_nothing_to_measure():
    busy = torch.rand(1, 3, 256, 384, generator=torch.Generator().manual_seed(0)) ** 3
    busy = interpolate(busy[..., ::16, ::16], (256, 384), mode="bicubic").clamp(0)
    assert blotches(busy, busy) is None
