"""Where nothing was rendered the network sees what lies nearest, so that no style draws a rim along soft edges."""

import numpy as np
import pytest

from core import Generator, load_style, stylize
from core.clear_pixels import carry_on
from core.colour import luminance

from ..conftest import FIXTURES

SHIPPED = sorted((FIXTURES.parents[1] / "addon" / "styles").glob("*.onnx"))
COLOUR, ALBEDO = np.float32([0.4, 0.3, 0.25]), np.float32([0.5, 0.4, 0.3])
GUIDES = ("image", "depth", "normal", "albedo", "position", "vector")


def disc(height=192, width=256, radius=60.0, soft=3.0):
    """A round card that faces the camera before nothing, with a soft edge, in all passes as Cycles gives them."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x, y = columns - width / 2, rows - height / 2
    away = np.hypot(x, y)
    alpha = np.clip((radius - away) / soft + 0.5, 0, 1).astype(np.float32)
    cover, hit = alpha[..., None], (np.random.default_rng(0).random(alpha.shape) < alpha)[..., None]
    passes = {
        "image": np.concatenate([COLOUR * cover, cover], -1),
        "depth": np.where(hit, 5.0, 1e10),
        "normal": np.array([0, -1, 0]) * cover,
        "albedo": ALBEDO * cover,
        "position": np.where(hit, np.stack([x / 50, 0 * x, -y / 50], -1), 0),
        "vector": np.zeros((height, width, 4)),
    }
    return {name: array.astype(np.float32) for name, array in passes.items()}, alpha, away


@pytest.mark.parametrize("size", [(1, 2), (1, 7), (45, 1), (64, 64), (65, 129), (131, 70)])
def test_one_colour_is_carried_everywhere(size):
    """To its own value, whatever the size and however soft the edge: nothing of black or of the far distance is left."""
    rng = np.random.default_rng(size[1])
    alpha = np.clip(rng.uniform(-2, 1, size), 0, 1).astype(np.float32)
    alpha.flat[0], alpha.flat[-1] = 0, 0.5
    cover = alpha[..., None]
    passes = {"image": np.concatenate([COLOUR * cover, cover], -1), "albedo": ALBEDO * cover, "normal": [0, 0, 1] * cover}
    passes |= {"depth": np.where(cover > 0, 7, np.float32(1e10)), "position": np.where(cover > 0, np.float32([1, 2, 3]), 0)}
    seen = carry_on({name: array.astype(np.float32) for name, array in passes.items()}, tuple(passes))
    straight = seen["image"][..., :3] / np.where(cover > 0, cover, 1)
    np.testing.assert_allclose(straight, np.broadcast_to(COLOUR, straight.shape), rtol=1e-4)
    for name, value in {"albedo": ALBEDO, "normal": [0, 0, 1], "depth": [7], "position": [1, 2, 3]}.items():
        np.testing.assert_allclose(seen[name], np.broadcast_to(np.float32(value), seen[name].shape), rtol=1e-4, err_msg=name)


def test_what_is_visible_stays_to_the_bit_and_what_lies_nearest_is_carried_on():
    passes, alpha, _ = disc()
    passes["image"][:, :128, :3] *= np.float32([1, 0.1, 0.1])
    passes["depth"][:, :128] *= 2
    before = {name: array.copy() for name, array in passes.items()}
    seen = carry_on(passes, GUIDES)
    assert all((passes[name] == before[name]).all() for name in passes)  # the frame itself is not touched
    assert (seen["image"][alpha > 0] == before["image"][alpha > 0]).all() and (seen["image"][..., 3] == alpha).all()
    for name in GUIDES[1:]:
        assert (seen[name][alpha == 1] == before[name][alpha == 1]).all(), name
    left, right = seen["image"][96, 50:66], seen["image"][96, 190:206]  # outside, close to the edge
    assert (left[:, 1] < 0.04).all() and (right[:, 1] > 0.28).all()
    np.testing.assert_allclose(seen["depth"][96, 50:66, 0], 10, rtol=0.02)
    np.testing.assert_allclose(seen["depth"][96, 190:206, 0], 5, rtol=0.02)


@pytest.mark.parametrize("alpha", [0.0, 0.001, 0.5, 1.0])
def test_frames_without_clear_pixels_or_with_no_others_cost_nothing(alpha):
    passes = {"image": np.full((9, 9, 4), alpha, np.float32), "depth": np.full((9, 9, 1), 1e10, np.float32)}
    seen = carry_on(passes, ("image", "depth"))
    assert all(seen[name] is passes[name] for name in passes)


def test_numbers_that_are_none_are_not_carried_on():
    passes, alpha, _ = disc(64, 64, 20)
    passes["image"][20:44, 20:30, :3] = np.nan
    passes["image"][20:44, 30:40, 1] = np.inf
    passes["depth"][20:44, 20:30] = -np.inf
    passes["image"][alpha == 0, 0] = np.nan
    seen = carry_on(passes, ("image", "depth"))
    assert np.isfinite(seen["image"][alpha == 0]).all() and np.isfinite(seen["depth"][alpha == 0]).all()
    np.testing.assert_allclose(seen["image"][alpha == 0, :3], np.broadcast_to(COLOUR, ((alpha == 0).sum(), 3)), rtol=1e-3)


def test_reach_changes_nothing_that_counts():
    """What lies further than the receptive radius from all that is visible is left alone."""
    passes, alpha, away = disc(400, 600, 30)
    near, everything = carry_on(passes, GUIDES, 40), carry_on(passes, GUIDES)
    assert (near["depth"][away > 200] == 1e10).all() and (everything["depth"] < 10).all()
    assert (near["depth"][away < 60] < 10).all()


def test_tiles_are_exact_beside_clear_pixels():
    generator = Generator(load_style(FIXTURES / "wide.onnx"), "cpu")
    passes, *_ = disc(150, 210, 55)
    passes["image"][..., :3] *= np.random.default_rng(1).uniform(0.5, 2, (150, 210, 1)).astype(np.float32)
    whole = stylize(generator, passes)
    for tile in (40, 64, 97):
        np.testing.assert_allclose(stylize(generator, passes, tile=tile), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_soft_edge_gets_no_rim(path):
    """Over a bright and over a dark plate the edge is as bright as the middle: the style paints it as if the card went on."""
    generator = Generator(load_style(path), "cpu")
    passes, alpha, away = disc()
    result = stylize(generator, passes)
    assert (result[..., 3] == alpha).all() and not result[alpha == 0, :3].any()
    light = luminance(result[..., :3])
    middle = light[away < 45].mean()
    edge = (away > 57) & (alpha > 0.1)
    for plate in (0.0, 4.0):
        shown, fair = light + (1 - alpha) * plate, middle * alpha + (1 - alpha) * plate
        assert abs((shown - fair)[edge].mean()) < 0.12 * middle, (plate, (shown - fair)[edge].mean(), middle)
