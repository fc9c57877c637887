"""A part of a frame is the part of the picture, and little more than the part is run."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from core import Generator, load_style, stylize
from core.commands import main
from core.exr import read_exr, write_part
from core.layered import masked
from core.style import SHIPPED, save_style
from core.tiles import bounds_of
from tests.conftest import FIXTURES

PARTS = [
    (slice(0, 3), slice(0, 5)),
    (slice(40, 90), slice(10, 60)),
    (slice(95, 97), slice(190, 203)),
    (slice(0, 97), slice(0, 203)),
]


def count_pixels(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the pixels of each run of the generator."""
    counts: list[int] = []
    run = generator.run

    def counted(inputs: dict[str, np.ndarray], *more: object) -> np.ndarray:
        counts.append(inputs["image"].shape[2] * inputs["image"].shape[3])
        return run(inputs, *more)

    monkeypatch.setattr(generator, "run", counted)
    return counts


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("tile", [None, 40])
@pytest.mark.parametrize("name", ["swap", "wide", "placed"])
def test_within_the_bounds_is_the_whole_frames_picture(generators, frame, name, part, tile):
    image = frame(97, 203)
    image[60:70, 20:40] = 0
    whole = stylize(generators[name], {"image": image})
    result = stylize(generators[name], {"image": image}, bounds=part, tile=tile)
    np.testing.assert_allclose(result[part], whole[part], atol=1e-5, rtol=1e-5)
    outside = np.ones((97, 203), bool)
    outside[part] = False
    assert np.array_equal(result[outside], image[outside])


def test_only_the_bounds_and_a_margin_are_run(generators, frame, monkeypatch):
    generator = generators["wide"]
    counts = count_pixels(generator, monkeypatch)
    stylize(generator, {"image": frame(512, 512)}, bounds=(slice(200, 260), slice(100, 180)))
    margin = 2 * generator.style.receptive_radius + 17 * generator.style.alignment
    assert sum(counts) <= (60 + margin) * (80 + margin)
    counts.clear()
    image = frame(64, 64)
    image[3, 4] = np.nan
    result = stylize(generator, {"image": image}, bounds=bounds_of(np.zeros((64, 64, 1), np.float32)))
    assert not counts and np.isfinite(result).all() and np.array_equal(result[10:], image[10:])


def test_windows_of_one_size_outside_the_bounds_are_not_run(tmp_path, frame, monkeypatch):
    style = replace(load_style(FIXTURES / "wide.onnx"), window=(32, 48))
    save_style(tmp_path / "fixed.onnx", onnx.load(FIXTURES / "wide.onnx"), style)
    generator = Generator(load_style(tmp_path / "fixed.onnx"), "cpu")
    image, part = frame(200, 300), (slice(100, 130), slice(20, 50))
    counts = count_pixels(generator, monkeypatch)
    whole = stylize(generator, {"image": image})
    every = len(counts)
    result = stylize(generator, {"image": image}, bounds=part)
    assert np.array_equal(result[part], whole[part]) and len(counts) - every <= 9 < every


def test_a_shipped_style_paints_its_part_of_the_frame():
    generator = Generator(load_style(SHIPPED / "oil_painting.onnx"), "cpu")
    rng = np.random.default_rng(3)
    table = generator.style.table
    passes = {name: rng.random((160, 240, p.channels), np.float32) for name, p in table.items()}
    passes["image"][..., 3] = 1
    part = slice(70, 90), slice(100, 150)
    whole, result = stylize(generator, passes), stylize(generator, passes, bounds=part)
    np.testing.assert_allclose(result[part], whole[part], atol=1e-4, rtol=1e-4)


def test_a_mask_mixes_and_never_spreads_what_is_no_number():
    image, picture = np.full((2, 2, 4), 1, np.float32), np.full((2, 2, 4), 3, np.float32)
    image[0, 0], picture[0, 1] = np.inf, 5
    mask = np.float32([[1, 0], [0.5, 2]])[..., None]
    assert masked(image, picture, mask)[..., 0].tolist() == [[3, 1], [2, 3]]


def test_the_command_takes_masks_from_files_and_layers(tmp_path, frame, capfd):
    image, mask = frame(20, 30), np.zeros((20, 30, 1), np.float32)
    mask[5:15, 10:25] = np.linspace(0, 1, 15, dtype=np.float32)[:, None]
    planes = {name: image[..., i].copy() for i, name in enumerate("RGBA")}
    write_part(tmp_path / "f.exr", {}, planes | {"Hero.V": mask[..., 0].copy()})
    write_part(tmp_path / "m.exr", {}, {name: mask[..., 0].copy() for name in "RGB"})
    expected = masked(image, stylize(Generator(load_style(FIXTURES / "wide.onnx"), "cpu"), {"image": image}), mask)
    for place in ("Hero", tmp_path / "m.exr"):
        arguments = (FIXTURES / "wide.onnx", tmp_path / "f.exr", "--provider", "cpu", "--out", tmp_path / "out", "--mask", place)
        assert main(["apply", *map(str, arguments)]) == 0, capfd.readouterr().err
        np.testing.assert_allclose(read_exr(tmp_path / "out" / "f.exr")["image"], expected, rtol=1e-5, atol=1e-6)
    assert main(["apply", *map(str, arguments[:-1]), "Villain"]) == 1
    assert "Villain" in capfd.readouterr().err
