import numpy as np
import pytest

from core.colour import luminance
from export.datasets.grading import contrast, graded, illuminant, repaint

rng = np.random.default_rng(7)
COLOURS = rng.uniform(0, 4, (16, 24, 3)).astype(np.float32)


def passes(light=(1.0, 1.0, 1.0), seed=1):
    """A frame of flat paint in light of one colour, with alpha, a pass of light, depth, and a guide of an artist's own."""
    rng = np.random.default_rng(seed)
    albedo = rng.uniform(0.3, 0.5, (16, 24, 3)).astype(np.float32)
    lit = rng.uniform(0.1, 2, (16, 24, 1)).astype(np.float32) * np.float32(light)
    image = np.concatenate([albedo * lit, rng.uniform(0, 1, (16, 24, 1))], -1).astype(np.float32)
    return {"image": image, "albedo": albedo, "diffuse_direct": lit, "depth": lit[..., :1] + 3, "rust": lit}


def test_light_at_6500_kelvin_is_white_and_warmer_light_redder_with_the_luminance_kept():
    assert np.allclose(illuminant(154, 0), 1, atol=1e-5)
    warm, cool, green, magenta = illuminant(230, 0), illuminant(80, 0), illuminant(154, 0.02), illuminant(154, -0.02)
    assert warm[0] > 1 > warm[2] and cool[2] > 1 > cool[0] and {np.sign(green[1] - 1), np.sign(magenta[1] - 1)} == {-1, 1}
    assert np.allclose([luminance(g) for g in (warm, cool, green, magenta)], 1, atol=1e-5)
    # What x, y = 0.3805, 0.3768, the Planckian radiator of 4000 K (CIE 1931), has of 0.3135, 0.3237, that of 6500 K.
    assert np.allclose(illuminant(250, 0), [1.360, 0.942, 0.517], atol=0.005)


def test_turned_hues_keep_greys_and_luminance_and_come_back():
    for angle in (0.5, 2, -3):
        assert np.allclose(repaint(angle, 1).sum(1), 1, atol=1e-6)
        assert np.allclose(luminance(COLOURS @ repaint(angle, 1.3).T), luminance(COLOURS), rtol=1e-4)
        assert np.allclose(repaint(angle, 1) @ repaint(-angle, 1), np.eye(3), atol=1e-5)
    assert np.allclose(COLOURS @ repaint(1, 0).T, luminance(COLOURS)[..., None], rtol=1e-4)
    red = repaint(2 * np.pi / 3, 1) @ (1, 0, 0)
    assert red.argmax() != 0


def test_contrast_is_a_power_about_the_median_free_of_the_unit_of_light_and_leaves_black_black():
    harder = contrast(COLOURS, 1.4)
    assert np.allclose(harder / luminance(harder)[..., None], COLOURS / luminance(COLOURS)[..., None], rtol=1e-4)
    assert np.median(luminance(harder)) == pytest.approx(np.median(luminance(COLOURS)), rel=0.02)
    assert np.log(luminance(harder)).std() == pytest.approx(1.4 * np.log(luminance(COLOURS)).std(), rel=1e-4)
    assert np.allclose(contrast(COLOURS * 1000, 0.75), contrast(COLOURS, 0.75) * 1000, rtol=1e-4)
    black = np.zeros_like(COLOURS)
    black[0, 0] = 3e4
    assert np.array_equal(contrast(black * 0, 0.75), black * 0) and np.isfinite(contrast(black + COLOURS * 1e-9, 1.4)).all()
    assert (contrast(black, 0.75)[1:] == 0).all()


def test_a_graded_frame_is_paint_of_other_hues_in_light_of_another_colour():
    before, after = passes(), graded(passes(), "shot_0001")
    light = after["diffuse_direct"] / before["diffuse_direct"]
    assert np.allclose(light, light[0, 0], rtol=1e-4) and np.ptp(light[0, 0]) > 0.01
    linear = after["albedo"] * after["diffuse_direct"]  # what the light makes of the paint, but for contrast
    hues, expected = (rgb / luminance(rgb)[..., None] for rgb in (after["image"][..., :3], linear))
    assert np.allclose(hues, expected, rtol=1e-3)
    assert np.abs(after["albedo"] - before["albedo"]).max() > 0.01
    assert np.array_equal(after["image"][..., 3], before["image"][..., 3])
    assert all(np.array_equal(after[name], before[name]) for name in ("depth", "rust"))


def test_frames_of_a_shot_are_graded_alike_and_shots_differently():
    first, next_, other = (graded(passes(), name)["diffuse_direct"] for name in ("shot_0001", "shot_0002", "scene_0001"))
    assert np.array_equal(first, next_) and not np.allclose(first, other, rtol=0.01)
