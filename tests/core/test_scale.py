"""Strokes of another size: what the scale argument of stylize() promises."""

import numpy as np
import pytest

from core import Generator, load_style, stylize
from core.colour import encode_log
from core.scale import LEAST, MOST, carried_over, clipped, mean, resized
from tests.conftest import FIXTURES


@pytest.fixture(scope="module")
def identity_like() -> Generator:
    return Generator(load_style(FIXTURES / "swap.onnx"), "cpu")


def test_means_keep_the_light_at_any_size():
    array = np.random.default_rng(0).random((61, 97, 3), np.float32)
    for size in ((61, 97), (30, 48), (17, 23), (1, 1)):
        small = mean(array, size)
        assert small.shape == (*size, 3) and np.allclose(small.mean((0, 1)), array.mean((0, 1)), atol=1e-5)
    assert np.array_equal(mean(array, (61, 97)), array)


def test_passes_are_resized_by_what_they_hold():
    depth = np.full((40, 60, 1), 5, np.float32)
    depth[:, 30:] = 1e10
    passes = {"image": np.ones((40, 60, 4), np.float32), "depth": depth, "vector": np.full((40, 60, 4), 6, np.float32)}
    for scale in (0.3, 0.5, 0.7, 2, 2.7):
        small = resized(passes, scale)
        assert small["image"].shape == (round(40 / scale), round(60 / scale), 4) and np.allclose(small["image"], 1)
        assert np.allclose(small["vector"], 6 / scale), "motion is in pixels"
        assert set(np.unique(small["depth"])) == {np.float32(5), np.float32(1e10)}, "no surface between two"


@pytest.mark.parametrize("scale", [0.5, 1.5, 2, 3, 8])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (40, 61)])
def test_a_style_of_colours_alone_is_the_same_at_any_scale(identity_like, scale, size):
    """A frame of smooth colours, swapped: at full size, whatever the network saw."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    colours = np.stack([0.3 + 0.004 * x, 0.2 + 0.005 * y, 0.5 + 0 * x], axis=-1)
    image = np.concatenate([colours, np.ones((*size, 1))], axis=-1).astype(np.float32)
    frame = stylize(identity_like, {"image": image}, scale=scale)
    assert frame.shape == image.shape and np.array_equal(frame[..., 3], image[..., 3])
    assert np.abs(encode_log(frame) - encode_log(image[..., [2, 1, 0, 3]])).max() < (0.06 if scale == 8 else 0.02)


def test_edges_stay_crisp_and_what_the_style_took_away_stays_away():
    image = np.ones((96, 96, 4), np.float32)
    image[:, 49:, :3] = 0.1  # not between two small pixels
    small = mean(image, (24, 24))
    darker = small * np.float32((0.5, 0.5, 0.5, 1))
    full = carried_over(small, darker, image)[48, :, 0]
    assert (np.abs(full[:44] - 0.5) < 0.05).all() and (np.abs(full[54:] - 0.05) < 0.01).all()
    assert full[48] > 0.35 and full[49] < 0.1, "within one pixel"
    rough = image.copy()
    rough[..., :3] = np.random.default_rng(0).uniform(0.2, 0.8, (96, 96, 1))
    flat = np.ones((24, 24, 4), np.float32)
    flat[..., :3] = 0.4
    assert np.allclose(carried_over(mean(rough, (24, 24)), flat, rough)[..., :3], 0.4, atol=0.01)


def test_tiles_of_a_scaled_frame_give_the_whole(generators, frame):
    passes = {"image": frame(160, 203)}
    for scale in (0.5, 2.0):
        whole, tiled = (stylize(generators["wide"], passes, scale=scale, tile=tile) for tile in (None, 96))
        np.testing.assert_allclose(tiled, whole, atol=1e-4, rtol=1e-4)


def test_only_the_bounds_are_run(generators, frame):
    passes, bounds = {"image": frame(160, 203)}, (slice(40, 70), slice(100, 150))
    for scale in (0.5, 2.0):
        whole, part = (stylize(generators["wide"], passes, scale=scale, bounds=b) for b in (None, bounds))
        np.testing.assert_allclose(part[bounds], whole[bounds], atol=1e-4, rtol=1e-4)
        assert np.array_equal(part[:40], passes["image"][:40])


def test_strokes_are_so_many_times_as_large(generators):
    """A dot that the style spreads, spread as far again."""
    image = np.zeros((128, 128, 4), np.float32)
    image[..., 3], image[60:68, 60:68, :3] = 1, 1
    changed = [np.abs(stylize(generators["wide"], {"image": image}, scale=s) - image)[..., 0] > 1e-3 for s in (1.0, 2.0)]
    reach = [np.abs(np.argwhere(c) - 64).max() for c in changed]
    assert 1.5 < reach[1] / reach[0] < 2.5


def test_a_scale_is_cut_to_what_makes_sense():
    assert [clipped(s) for s in (0, -1, 1e9, float("nan"), float("inf"), 2)] == [LEAST, LEAST, MOST, 1, 1, 2]


def test_bad_and_clear_pixels_at_another_scale(identity_like, frame):
    image = frame(48, 48)
    image[:8, :, 3] = 0
    image[20, 20] = np.nan
    result = stylize(identity_like, {"image": image}, scale=2)
    assert np.array_equal(result[:8], image[:8]) and np.isfinite(result[..., :3]).all()


@pytest.mark.parametrize("scale", [0.5, 2, 3, 8])
def test_a_card_before_nothing_keeps_its_colour_to_the_edge(scale):
    """Clear pixels are filled with plain colour, which must not count beside premultiplied ones."""
    card = np.zeros((45, 61, 4), np.float32)
    card[:, :31] = (0.4, 0.4, 0.4, 1)
    card[:, 31:, :3] = 0.4
    small = resized({"image": card}, scale)["image"]
    alpha = small[..., 3:]
    assert np.allclose(small[..., :3], 0.4 * np.where(alpha > 0, alpha, 1), atol=1e-5)
