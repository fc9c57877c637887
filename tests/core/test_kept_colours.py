"""The image's own colours under the lightness of a style."""

import numpy as np
import pytest

from core import Generator, load_style, stylize
from core.colour import HALF_MAX, encode_log, luminance
from core.commands import main
from core.exr import read_exr, write_part
from core.kept_colours import WHITE, keep_colours
from core.layered import layered
from core.style import SHIPPED
from core.stylize import stylize_layers
from tests.conftest import FIXTURES


@pytest.fixture
def both() -> tuple[np.ndarray, np.ndarray]:
    """Two opaque pictures of any colours, from black to far above white."""
    rng = np.random.default_rng(5)
    image, picture = np.exp(rng.normal(-1.5, 2, (2, 70, 40, 4))).astype(np.float32)
    image[3, :9, :3] = picture[4, :9, :3] = 0
    image[..., 3] = picture[..., 3] = 1
    return image, picture


def hue(pixel: np.ndarray) -> np.ndarray:
    """Direction of the log encoded colour from grey."""
    chroma = encode_log(pixel) - encode_log(luminance(pixel))
    return chroma / np.linalg.norm(chroma)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_lightness_is_the_styles(both, share):
    image, picture = both
    kept = keep_colours(image, picture, share)
    np.testing.assert_allclose(luminance(kept[..., :3]), luminance(picture[..., :3]), rtol=1e-5, atol=1e-6)
    assert (
        kept.min() >= 0
        and (kept[..., :3].max(-1) <= np.maximum(np.maximum(image, picture)[..., :3].max(-1), WHITE) * 1.0001).all()
    )


def test_colours_are_the_images():
    image, picture = (np.float32([[[*rgb, 1]]]) for rgb in ((0.5, 0.2, 0.1), (0.1, 0.3, 0.4)))
    kept = keep_colours(image, picture, 1.0)
    np.testing.assert_allclose(hue(kept[0, 0, :3]), hue(image[0, 0, :3]), atol=1e-2)
    grey = np.float32([[[0.3, 0.3, 0.3, 1]]])
    assert np.ptp(keep_colours(grey, picture, 1.0)[0, 0, :3]) < 1e-6
    half = keep_colours(image, picture, 0.5)
    np.testing.assert_allclose(half, (picture + kept) / 2, atol=1e-6)


def test_a_picture_that_is_the_image_stays_and_so_does_all_where_nothing_is_kept(both):
    image, picture = both
    np.testing.assert_allclose(keep_colours(image, image, 1.0), image, rtol=1e-5, atol=1e-5)
    share = np.zeros((70, 40, 1), np.float32)
    share[30:, :, 0] = 1
    kept = keep_colours(image, picture, share)
    assert np.array_equal(keep_colours(image, picture, 0.0), picture) and np.array_equal(kept[:30], picture[:30])
    assert np.array_equal(kept[30:], keep_colours(image, picture, 1.0)[30:])


def test_white_paper_stays_white_and_ink_black():
    blue = np.float32([[[0, 0, 1, 1]]])
    for grey in (0.0, 1.0):
        pixel = np.float32([[[grey, grey, grey, 1]]])
        np.testing.assert_allclose(keep_colours(blue, pixel, 1.0), pixel, atol=1e-6)


def test_alpha_is_only_how_much_there_is_of_it(both):
    image, picture = both
    alpha = np.random.default_rng(1).random((70, 40, 1)).astype(np.float32)
    alpha[10:20] = 0
    kept = keep_colours(image * alpha, picture * alpha, 1.0)
    np.testing.assert_allclose(kept, keep_colours(image, picture, 1.0) * alpha, rtol=1e-4, atol=1e-5)


def test_what_is_no_number_stays_out(both):
    image, picture = both
    image[0, 0], image[1, 1, :3], image[2, 2] = np.nan, -1, np.inf
    share = np.full((70, 40, 1), np.nan, np.float32)
    assert np.array_equal(keep_colours(image, picture, share), picture)
    kept = keep_colours(image, picture, np.inf)
    assert np.isfinite(kept).all() and kept.max() <= HALF_MAX


def test_the_command_keeps_colours_by_numbers_files_and_layers(tmp_path, frame, capfd):
    image, share = frame(20, 30), np.linspace(0, 1, 30, dtype=np.float32).repeat(20).reshape(30, 20).T.copy()
    planes = {name: image[..., i].copy() for i, name in enumerate("RGBA")}
    write_part(tmp_path / "f.exr", {}, planes | {"Hero.V": share})
    write_part(tmp_path / "m.exr", {}, {name: share.copy() for name in "RGB"})
    picture = stylize(Generator(load_style(FIXTURES / "wide.onnx"), "cpu"), {"image": image})
    arguments = [
        "apply",
        str(FIXTURES / "wide.onnx"),
        str(tmp_path / "f.exr"),
        "--provider",
        "cpu",
        "--out",
        str(tmp_path / "out"),
    ]
    for given, expected in (("0.5", 0.5), ("Hero", share[..., None]), (str(tmp_path / "m.exr"), share[..., None])):
        assert main([*arguments, "--keep-colours", given]) == 0, capfd.readouterr().err
        kept = keep_colours(image, picture, expected)
        assert np.abs(kept - picture).max() > 0.01
        np.testing.assert_allclose(read_exr(tmp_path / "out" / "f.exr")["image"], kept, rtol=1e-5, atol=1e-6)
    for wrong, word in (("2", "from 0 to 1"), ("", "from 0 to 1"), ("Villain", "Villain")):
        assert main([*arguments, "--keep-colours", wrong]) == 1
        assert word in capfd.readouterr().err


def test_layers_still_add_up(tmp_path, frame, capfd):
    style, image = load_style(SHIPPED / "graphic_novel.onnx"), frame(40, 56)
    write_part(tmp_path / "f.exr", {}, {name: image[..., i].copy() for i, name in enumerate("RGBA")})
    arguments = ["apply", str(style.path), str(tmp_path / "f.exr"), "--provider", "cpu", "--layers", "--keep-colours", "1"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0, capfd.readouterr().err
    found = read_exr(tmp_path / "out" / "f.exr")
    layers = stylize_layers(Generator(layered(style), "cpu"), {"image": image})
    np.testing.assert_allclose(found["image"], keep_colours(image, layers.picture, 1.0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["Base"] + found["Paint"], found["image"], atol=1e-5)
    np.testing.assert_allclose(found["Base"], layers.base, rtol=1e-5, atol=1e-6)
