"""The pipeline's properties, on generators whose result is known or can be compared with itself."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from core import Cancelled, Generator, PassError, ProviderError, load_style, stylize
from core.style import save_style
from tests.conftest import FIXTURES


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (7, 3), (9, 16), (61, 125)])
def test_every_size_comes_back_with_red_and_blue_swapped(generators, frame, size):
    image = frame(*size)
    result = stylize(generators["swap"], {"image": image})
    assert result.shape == (*size, 4) and result.dtype == np.float32
    np.testing.assert_allclose(result, image[..., [2, 1, 0, 3]], rtol=1e-5, atol=1e-6)


def test_an_opaque_frame_is_not_rounded_by_alpha(generators, frame):
    image = frame(33, 20, opaque=True)
    assert np.array_equal(stylize(generators["swap"], {"image": image}), image[..., [2, 1, 0, 3]])


@pytest.mark.parametrize("size", [(5, 5), (97, 203), (256, 128)])
@pytest.mark.parametrize("tile", [1, 40, 96])
def test_tiles_give_the_whole_frame(generators, frame, size, tile):
    passes = {"image": frame(*size)}
    whole, tiled = (stylize(generators["wide"], passes, tile=t) for t in (None, tile))
    np.testing.assert_allclose(tiled, whole, atol=1e-4, rtol=1e-5)
    assert np.abs(whole - passes["image"]).max() > 0.1


def test_alpha_and_transparent_pixels_come_out_as_they_went_in(generators, frame):
    image = frame(32, 32)
    image[:8, :, 3] = 0
    image[:4, :, :3] = 0
    image[4:8, :, :3] = 0.5  # glow without coverage
    result = stylize(generators["wide"], {"image": image})
    assert np.array_equal(result[..., 3], image[..., 3])
    assert np.array_equal(result[:8], image[:8])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_pixel_spreads_no_further_than_itself(generators, frame, bad):
    image = frame(24, 24, opaque=True)
    clean = stylize(generators["swap"], {"image": image})
    broken = image.copy()
    broken[10, 11] = bad
    result = stylize(generators["swap"], {"image": broken})
    assert np.isfinite(result[..., :3]).all()
    mask = np.ones((24, 24), bool)
    mask[10, 11] = False
    assert np.array_equal(result[mask], clean[mask])


def test_highlights_survive(generators):
    image = np.full((8, 8, 4), 1, np.float32)
    image[..., 0] = 50
    assert (stylize(generators["swap"], {"image": image})[..., 2] == 50).all()


def test_a_guide_reaches_the_graph(generators, frame):
    image, normal = frame(9, 9, opaque=True), np.random.default_rng(0).normal(size=(9, 9, 3)).astype(np.float32)
    result = stylize(generators["normal"], {"image": image, "normal": normal})
    np.testing.assert_allclose(result[..., :3], image[..., :3] + normal, rtol=1e-6)


@pytest.mark.parametrize(
    "passes, words",
    [
        ({}, "needs the pass 'image'"),
        ({"image": np.zeros((4, 4, 3), np.float32)}, r"shape \(height, width, 4\)"),
        ({"image": np.zeros((4, 4, 4))}, "float32, but it is float64"),
        ({"image": np.zeros((0, 4, 4), np.float32)}, "empty"),
    ],
)
def test_wrong_passes_are_named(generators, passes, words):
    with pytest.raises(PassError, match=words):
        stylize(generators["swap"], passes)


def test_a_missing_or_differently_sized_guide_is_named(generators, frame):
    with pytest.raises(PassError, match="needs the pass 'normal'"):
        stylize(generators["normal"], {"image": frame(4, 4)})
    with pytest.raises(PassError, match="'normal' is 5 x 4 pixels, the others are 4 x 4 pixels"):
        stylize(generators["normal"], {"image": frame(4, 4), "normal": np.zeros((4, 5, 3), np.float32)})


def test_progress_rises_to_one(generators, frame):
    seen = []
    stylize(generators["wide"], {"image": frame(100, 100)}, tile=40, progress=seen.append)
    assert len(seen) > 4 and seen == sorted(seen) and seen[-1] == 1


@pytest.mark.parametrize("after", [0, 3])
def test_cancel_stops_before_the_next_tile(generators, frame, after):
    seen = []
    with pytest.raises(Cancelled):
        stylize(generators["wide"], {"image": frame(100, 100)}, tile=40, progress=seen.append, cancel=lambda: len(seen) == after)
    assert len(seen) == after


def test_inputs_stay_as_they_were(generators, frame):
    image = frame(10, 10)
    image[0, 0] = np.nan
    before = image.copy()
    stylize(generators["swap"], {"image": image})
    np.testing.assert_array_equal(image, before)


def test_a_generator_that_overflows_gives_a_finite_frame(generators, frame, monkeypatch):
    broken = np.full((1, 3, 8, 8), np.inf, np.float32)
    monkeypatch.setattr(generators["swap"], "run", lambda inputs, release, cancel: broken)
    assert (stylize(generators["swap"], {"image": frame(8, 8, opaque=True)})[..., :3] == 65504).all()


@pytest.mark.parametrize("stops", [0.0, 3.0, -2.5])
def test_exposure_scales_what_the_generator_sees_and_back(generators, frame, stops):
    image = frame(24, 31)
    light, alpha = image[..., :3] / image[..., 3:], image[..., 3:]
    result = stylize(generators["tone"], {"image": image}, exposure=stops)
    np.testing.assert_allclose(result[..., :3], np.log1p(light * 2**stops) / 2**stops * alpha, rtol=1e-4, atol=1e-6)
    assert np.array_equal(result[..., 3:], alpha)


def test_exposure_may_differ_from_pixel_to_pixel(generators, frame):
    image = frame(16, 12)
    image[3, 4] = [0.5, 0.25, 0.125, 0]
    stops = np.linspace(-3, 3, 16 * 12, dtype=np.float32).reshape(16, 12, 1)
    stops[5, 5] = np.nan
    result = stylize(generators["swap"], {"image": image}, exposure=stops)
    expected = image[..., [2, 1, 0, 3]]
    expected[3, 4] = image[3, 4]
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def failing(generator, monkeypatch, pixels: int, error: Exception) -> list[int]:
    """Lets the generator fail on more than so many pixels; returns the list of what is run."""
    run, seen = generator.run, []

    def limited(inputs, release=False, cancel=None):
        seen.append(inputs["image"][0, 0].size)
        if seen[-1] > pixels:
            raise error
        return run(inputs, release, cancel)

    monkeypatch.setattr(generator, "run", limited)
    return seen


@pytest.fixture
def generator():
    """One of its own, since its memory limit changes."""
    return Generator(load_style(FIXTURES / "wide.onnx"), "cpu")


@pytest.mark.parametrize("error", [ProviderError("The GPU's memory is full."), MemoryError()])
def test_out_of_memory_halves_the_tile_and_goes_on_with_a_warning(generator, frame, monkeypatch, caplog, error):
    passes, seen = {"image": frame(100, 120)}, []
    whole = stylize(generator, passes)
    runs = failing(generator, monkeypatch, 9000, error)
    np.testing.assert_allclose(stylize(generator, passes, progress=seen.append), whole, atol=1e-4, rtol=1e-5)
    assert runs[0] == 12000 and max(runs[1:]) <= 6000
    assert "Going on in tiles of" in caplog.text and (str(error) or "not enough memory") in caplog.text
    assert seen == sorted(seen) and seen[-1] == 1
    del runs[:], caplog.records[:]
    np.testing.assert_allclose(stylize(generator, passes), whole, atol=1e-4, rtol=1e-5)
    assert max(n for n in runs if n < 100_000) <= 6000 and not caplog.records, "the next frame begins with what worked"


def test_a_failure_that_smaller_tiles_do_not_mend_is_raised(generator, frame, monkeypatch):
    passes = {"image": frame(100, 120)}
    failing(generator, monkeypatch, 0, ProviderError("The GPU is gone."))
    with pytest.raises(ProviderError, match="is gone"):
        stylize(generator, passes)


def test_a_memory_limit_makes_tiles_and_the_same_picture(generator, frame):
    passes = {"image": frame(700, 900)}
    whole = stylize(generator, passes)
    generator.memory_limit = 25_000_000
    seen = []
    np.testing.assert_allclose(stylize(generator, passes, progress=seen.append), whole, atol=1e-4, rtol=1e-5)
    assert len(seen) > 1


@pytest.mark.parametrize("tile", [None, 1, 40])
def test_a_graph_is_told_where_in_the_frame_its_pixels_lie(generators, tile):
    image = np.ones((97, 203, 4), np.float32)
    result = stylize(generators["placed"], {"image": image}, tile=tile)
    rows, columns = np.indices(image.shape[:2])
    assert np.array_equal(result, np.dstack([1 + columns, 1 + rows, image[..., 2:]]))


def test_windows_of_one_size_are_told_too(fixed):
    image = np.ones((60, 70, 4), np.float32)
    result = stylize(fixed("placed"), {"image": image})
    np.testing.assert_allclose(result[..., 0], np.broadcast_to(1 + np.arange(70), (60, 70)), rtol=1e-6)


@pytest.fixture
def fixed(tmp_path):
    """A function (fixture's name) -> its generator, for windows of 32 x 48 pixels only."""

    def open_fixed(name: str) -> Generator:
        style = load_style(FIXTURES / f"{name}.onnx")
        save_style(tmp_path / f"{name}.onnx", onnx.load(FIXTURES / f"{name}.onnx"), replace(style, window=(32, 48)))
        return Generator(load_style(tmp_path / f"{name}.onnx"), "cpu")

    return open_fixed


@pytest.mark.parametrize("size", [(1, 1), (20, 100), (32, 48), (33, 49), (97, 203)])
def test_a_style_of_one_size_runs_in_windows_of_it_that_add_up(fixed, frame, monkeypatch, size):
    generator, sizes = fixed("swap"), set()
    run = generator.run
    monkeypatch.setattr(generator, "run", lambda inputs, *rest: sizes.add(inputs["image"].shape[2:]) or run(inputs, *rest))
    image, fractions = frame(*size), []
    result = stylize(generator, {"image": image}, progress=fractions.append)
    assert sizes == {(32, 48)} and fractions == sorted(fractions) and fractions[-1] == 1
    assert np.array_equal(result[..., 3], image[..., 3])
    np.testing.assert_allclose(result, image[..., [2, 1, 0, 3]], rtol=1e-5, atol=1e-6)


def test_borders_of_fixed_windows_are_blended(fixed, monkeypatch):
    """However much neighbouring windows differ, neighbouring pixels of the frame don't."""
    generator, rng = fixed("swap"), np.random.default_rng(0)
    monkeypatch.setattr(generator, "run", lambda inputs, *_: np.full_like(inputs["image"], rng.random()))
    result = stylize(generator, {"image": np.ones((90, 200, 4), np.float32)})
    assert np.ptp(result[..., 0]) > 0.5
    assert all(np.abs(np.diff(result, axis=axis)).max() < 0.15 for axis in (0, 1))


def test_clear_pixels_stay_in_fixed_windows(fixed, frame):
    image = frame(60, 70)
    image[10:50, 20:60, 3] = 0
    result = stylize(fixed("swap"), {"image": image})
    assert np.array_equal(result[10:50, 20:60], image[10:50, 20:60])
