"""Adopted upscalers keep the size that they give: in tiles, with alpha and light, and beside the frame's other layers."""

import numpy as np
import pytest

from core import Generator, MemoryLimitError, StyleError, load_style, stylize
from core.adopt import Settings, adopt
from core.adopt.picture import still_life
from core.adopt.tone import gain, to_display
from core.colour import decode_srgb
from core.commands import main
from core.exr import read_exr, write_part
from core.scale import enlarged
from core.style import SHIPPED, Style
from core.stylize import stylize_upscaled
from core.upscaled import upscaled
from tests.core.adopt.families import identity, model, save

pytest.importorskip("OpenEXR")
PICTURES = {"range_in": "0..1", "range_out": "0..1", "order": "rgb", "encoding": "srgb"}
SHARES = np.linspace(1, 0.6, 16, dtype=np.float32)
"""Of a pixel's display values, what an upscaler() gives each of its parts."""


def upscaler(times: int, side: int | None = None):
    """Each pixel several times over, each part darker than the one before; of any size, or of one that nothing can free."""
    parts = np.concatenate([identity() * share for share in SHARES[: times**2]])
    large = side and side * times
    nodes = [
        ("Conv", ["x", parts], ["c"], {}),
        ("DepthToSpace", ["c"], ["d"], {"blocksize": times}),
        *([("Add", ["d", np.zeros((1, 3, large, large), np.float32)], ["e"], {})] if large else []),
        ("Clip", ["e" if large else "d", np.float32(0), np.float32(1)], ["y"], {}),
    ]
    return model(nodes, [1, 3, side or "h", side or "w"], [1, 3, large or "H", large or "W"])


def adopted(folder, built, **settings) -> Style:
    path = save(folder / "foreign.onnx", built)
    return adopt(path, folder / "style.onnx", Settings(**PICTURES, **settings), Style("Upscaler", licence="MIT")).style


def expected(image: np.ndarray, times: int) -> np.ndarray:
    """What the network gives for (H, W, 3) radiance, in light, with the gain that went around it."""
    shares = np.tile(SHARES[: times**2].reshape(times, times), image.shape[:2])[..., None]
    shown = to_display(image, "srgb").repeat(times, 0).repeat(times, 1) * shares
    return decode_srgb(shown) * enlarged(gain(image), shown.shape[:2])


def relative(found: np.ndarray, wanted: np.ndarray) -> float:
    return float((np.abs(found - wanted) / np.maximum(np.abs(wanted), 0.05)).max())


@pytest.mark.parametrize("times", [2, 3, 4])
def test_the_picture_is_the_networks_own_also_in_tiles(tmp_path, times):
    style = upscaled(adopted(tmp_path, upscaler(times)))
    image = still_life(50, 70)
    generator = Generator(style, "cpu")
    whole = stylize_upscaled(generator, {"image": image})
    assert whole.shape == (50 * times, 70 * times, 4) and style.upscales == times and style.tiles_exact
    assert relative(whole[..., :3], expected(image[..., :3], times)) < 1e-3
    assert whole[..., :3].max() > 40  # the sun and the lamp
    np.testing.assert_allclose(stylize_upscaled(generator, {"image": image}, tile=24), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("times", [2, 4])
def test_the_memory_limit_counts_what_is_larger(tmp_path, times):
    plain = adopted(tmp_path, upscaler(times))
    style, image = upscaled(plain), still_life(96, 128)
    assert style.cost.pixel_bytes >= plain.cost.pixel_bytes and style.cost.pixel_bytes >= 4 * 3 * (times**2 + 1)
    generator = Generator(style, "cpu")
    whole = stylize_upscaled(generator, {"image": image})
    generator.memory_limit = generator.bytes(40 * 40)
    runs, run = [], generator.run
    generator.run = lambda inputs, *rest: (runs.append(inputs["image"].shape[2] * inputs["image"].shape[3]), run(inputs, *rest))[
        1
    ]
    np.testing.assert_allclose(stylize_upscaled(generator, {"image": image}), whole, rtol=1e-4, atol=1e-5)
    assert len(runs) > 1 and max(runs) <= 40 * 40
    generator.memory_limit = 1
    with pytest.raises(MemoryLimitError, match="even in tiles"):
        stylize_upscaled(generator, {"image": image})


@pytest.mark.parametrize("fit", ["tiles", "scale"])
def test_an_upscaler_of_one_size_too(tmp_path, fit):
    style = upscaled(adopted(tmp_path, upscaler(2, 48), fit=fit))
    image = np.ones((70, 90, 4), np.float32) * np.float32([0.2, 0.4, 0.6, 1])
    found = stylize_upscaled(Generator(style, "cpu"), {"image": image})
    assert found.shape == (140, 180, 4)
    assert relative(found.mean((0, 1))[:3], expected(image[..., :3], 2).mean((0, 1))) < 1e-2
    if fit == "tiles":
        assert relative(found[..., :3], expected(image[..., :3], 2)) < 1e-3


def test_alpha_is_enlarged_and_clear_pixels_stay(tmp_path):
    generator = Generator(upscaled(adopted(tmp_path, upscaler(2))), "cpu")
    image = np.zeros((12, 16, 4), np.float32)
    image[:, 8:] = 0.3, 0.2, 0.1, 1
    image[2, 1, :3] = 0.7  # light without cover
    found = stylize_upscaled(generator, {"image": image})
    np.testing.assert_allclose(found[..., 3], enlarged(image[..., 3:], (24, 32))[..., 0], atol=1e-6)
    np.testing.assert_array_equal(found[4:6, 2:4], np.broadcast_to(image[2, 1], (2, 2, 4)))
    covered = found[..., 3] > 0
    np.testing.assert_allclose(
        (found[..., :3] / np.maximum(found[..., 3:], 1e-6))[covered],
        np.broadcast_to(np.tile(expected(image[:1, 8:9, :3], 2), (12, 16, 1)), found[..., :3].shape)[covered],
        rtol=1e-3,
        atol=1e-4,
    )


def test_styles_that_are_no_upscalers_are_refused(tmp_path, capsys):
    for path in (SHIPPED / "graphic_novel.onnx", adopted(tmp_path, upscaler(1)).path):
        with pytest.raises(StyleError, match="has no larger picture to keep: it is no upscaler.*leave --upscale away"):
            upscaled(load_style(path))
        assert main(["apply", str(path), "x.exr", "--out", str(tmp_path / "o"), "--upscale", "--provider", "cpu"]) == 1
        assert "leave --upscale away" in capsys.readouterr().err
    adopted(tmp_path, upscaler(2))
    for further in ("--layers", "--scale=2"):
        assert main(["apply", str(tmp_path / "style.onnx"), "x.exr", "--out", "o", "--upscale", further]) == 1
        assert f"does not go together with {further[:7].rstrip('=')}" in capsys.readouterr().err


@pytest.mark.parametrize("times", [2, 4])
def test_apply_writes_exr_files_whose_other_layers_are_as_large(tmp_path, times, capsys):
    style = adopted(tmp_path, upscaler(times))
    rng, image = np.random.default_rng(0), still_life(20, 30)
    image[:5, :5] = 0
    planes = {f"View.Combined.{name}": image[..., i].copy() for i, name in enumerate("RGBA")}
    planes |= {f"View.Vector.{name}": rng.normal(0, 2, (20, 30)).astype(np.float32) for name in "XYZW"}
    planes |= {"View.CryptoObject00.R": rng.random((20, 30), np.float32), "View.Half.V": np.full((20, 30), 0.5, np.float32)}
    window = {"dataWindow": ((2, 3), (31, 22)), "displayWindow": ((0, 0), (39, 29))}
    write_part(tmp_path / "f.exr", {"colorInteropID": "lin_rec709_scene", **window}, dict(planes))
    command = ["apply", str(style.path), str(tmp_path / "f.exr"), "--provider", "cpu", "--upscale", "--tile", "16", "--out"]
    assert main([*command, str(tmp_path / "out")]) == 0, capsys.readouterr().err
    assert "of other layers, pixels are repeated" in capsys.readouterr().out
    found = read_exr(tmp_path / "out" / "f.exr")
    picture = stylize_upscaled(Generator(upscaled(style), "cpu"), {"image": image})
    np.testing.assert_allclose(found["View.Combined"], picture, rtol=1e-4, atol=1e-5)
    crypto = planes["View.CryptoObject00.R"].repeat(times, 0).repeat(times, 1)
    np.testing.assert_array_equal(found["View.CryptoObject00"][..., 0], crypto)
    motion = times * planes["View.Vector.X"].repeat(times, 0).repeat(times, 1)
    np.testing.assert_array_equal(found["View.Vector"][..., 0], motion)
    import OpenEXR

    with OpenEXR.File(str(tmp_path / "out" / "f.exr"), separate_channels=True) as file:
        kept = {name: np.array(file.parts[0].header[name]).tolist() for name in window}
    assert kept == {
        "dataWindow": [[2 * times, 3 * times], [32 * times - 1, 23 * times - 1]],
        "displayWindow": [[0, 0], [40 * times - 1, 30 * times - 1]],
    }
    assert main([*command, str(tmp_path / "out"), "--skip-existing"]) == 0
    assert "was there" in capsys.readouterr().out
    assert main([*command, str(tmp_path / "half"), "--mask", "View.Half", "--steady"]) == 0
    half = read_exr(tmp_path / "half" / "f.exr")["View.Combined"]
    plain = enlarged(image, half.shape[:2])
    np.testing.assert_allclose(half[5 * times + 2 :], ((plain + picture) / 2)[5 * times + 2 :], rtol=1e-3, atol=1e-4)


def test_apply_writes_larger_pictures_and_videos(tmp_path, capsys):
    av, image_module = pytest.importorskip("av"), pytest.importorskip("PIL.Image")
    style = adopted(tmp_path, upscaler(2))
    pixels = np.random.default_rng(0).integers(0, 255, (18, 24, 4), np.uint8)
    image_module.fromarray(pixels).save(tmp_path / "p.png")
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 24, 18, "yuv420p"
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[..., :3]), format="rgb24")))
        container.mux(stream.encode())
    command = ["apply", str(style.path), "--provider", "cpu", "--upscale"]
    both = [str(tmp_path / name) for name in ("p.png", "v.mp4")]
    assert main([*command, *both, "--out", str(tmp_path / "out")]) == 0, capsys.readouterr().err
    with image_module.open(tmp_path / "out" / "p.png") as found:
        assert (found.size, found.mode) == ((48, 36), "RGBA")
    with av.open(str(tmp_path / "out" / "v.mp4")) as container:
        assert [(f.width, f.height) for f in container.decode(video=0)] == [(48, 36)] * 2
    assert main([*command, both[0], "--out", str(tmp_path / "out"), "--format", "exr"]) == 0
    assert read_exr(tmp_path / "out" / "p.exr")["image"].shape == (36, 48, 4)


def test_without_the_option_the_frame_keeps_its_size(tmp_path):
    style = adopted(tmp_path, upscaler(2))
    assert stylize(Generator(style, "cpu"), {"image": still_life(20, 30)}).shape == (20, 30, 4)
