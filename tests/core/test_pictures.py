import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("PIL")

from PIL import Image, ImageCms, ImageOps

from core.colour import decode_srgb
from core.pictures import PictureError, read_picture

from ..media import write_deep

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (20, 30, 4), np.uint8)
DEEP = RNG.integers(0, 65536, (20, 30, 4), np.uint16)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_8_bits_are_read_as_they_are_with_their_alpha(tmp_path, suffix):
    Image.fromarray(COLOURS).save(tmp_path / f"a{suffix}", **({"lossless": True, "exact": True} if suffix == ".webp" else {}))
    assert np.array_equal(read_picture(tmp_path / f"a{suffix}"), COLOURS / np.float32(255))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_are_read_as_they_are(tmp_path, suffix, channels):
    pixels = DEEP[..., :channels]
    found = read_picture(write_deep(tmp_path / f"a{suffix}", pixels[..., 0] if channels == 1 else pixels))
    expected = np.concatenate([np.broadcast_to(pixels, (20, 30, 3)) if channels == 1 else pixels], -1) / np.float32(65535)
    assert np.allclose(found[..., : expected.shape[2]], expected, atol=1e-6) and (channels == 4 or (found[..., 3] == 1).all())


def test_jpeg_is_near_what_was_saved(tmp_path):
    smooth = np.broadcast_to(np.arange(0, 240, 8, dtype=np.uint8)[:, None], (20, 30, 3))
    Image.fromarray(smooth).save(tmp_path / "a.JPG", quality=95)
    assert np.abs(read_picture(tmp_path / "a.JPG")[..., :3] - smooth / 255).max() < 0.02


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "YCbCr"])
def test_pictures_of_other_kinds_become_rgb(tmp_path, mode):
    image = Image.fromarray(COLOURS[..., :3]).convert(mode)
    path = tmp_path / ("a.jpg" if mode in ("CMYK", "YCbCr") else "a.png")
    image.save(path)
    with Image.open(path) as stored:
        expected = np.asarray(stored.convert("RGB")) / np.float32(255)
    assert np.allclose(read_picture(path)[..., :3], expected, atol=1e-6)


def test_the_transparent_colour_of_a_palette_is_alpha(tmp_path):
    image = Image.fromarray(np.uint8([[0, 1]]), "P")
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.save(tmp_path / "a.png", transparency=1)
    assert read_picture(tmp_path / "a.png").tolist() == [[[1, 0, 0, 1], [0, 1, 0, 0]]]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_turned_pictures_are_set_upright(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for orientation in range(1, 9):
        image = Image.fromarray(COLOURS[..., 0])
        image.getexif()[0x112] = orientation
        image.save(path, exif=image.getexif(), **({"lossless": True} if suffix == ".webp" else {"quality": 100}))
        expected = np.asarray(ImageOps.exif_transpose(image)) / np.float32(255)
        found = read_picture(path)[..., 0]
        assert found.shape == expected.shape and np.allclose(found, expected, atol=0.02), orientation


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_turned_pictures_of_16_bits_are_set_upright(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for orientation in range(1, 9):
        image = Image.fromarray(DEEP[..., 0])
        image.getexif()[0x112] = orientation
        image.save(path, exif=image.getexif())
        expected = np.asarray(ImageOps.exif_transpose(image)) / np.float32(65535)
        found = read_picture(path)[..., 0]
        assert found.shape == expected.shape and np.allclose(found, expected, atol=1e-6), orientation


def test_premultiplied_alpha_is_divided_out_again(tmp_path):
    """FFmpeg writes straight alpha; a patched byte (ExtraSamples, TIFF 6.0 p. 31) declares it associated."""
    colours = np.uint16([[[10000, 20000, 0, 20000], [7, 7, 7, 65535], [0, 0, 0, 0]]])
    path = write_deep(tmp_path / "a.tif", colours)
    straight, associated = (b"\x52\x01\x03\x00\x01\x00\x00\x00" + kind for kind in (b"\x02", b"\x01"))
    assert path.read_bytes().count(straight) == 1
    path.write_bytes(path.read_bytes().replace(straight, associated))
    expected = [[[0.5, 1, 0, 20000 / 65535], [7 / 65535] * 3 + [1], [0, 0, 0, 0]]]
    assert np.allclose(read_picture(path), expected, atol=1e-6)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SWAPPED = SRGB.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
"""A profile whose red is sRGB's blue and the other way round."""


def test_a_colour_profile_is_converted_to_srgb(tmp_path):
    Image.fromarray(COLOURS).save(tmp_path / "plain.png", icc_profile=SRGB)
    Image.fromarray(COLOURS).save(tmp_path / "swapped.png", icc_profile=SWAPPED)
    plain, swapped = (read_picture(tmp_path / f"{name}.png") * 255 for name in ("plain", "swapped"))
    assert np.abs(plain - COLOURS).max() <= 2 and np.abs(swapped - COLOURS[..., [2, 1, 0, 3]]).max() <= 2


def test_16_bits_may_have_the_profile_of_srgb_and_no_other(tmp_path):
    Image.fromarray(DEEP[..., 0]).save(tmp_path / "plain.png", icc_profile=SRGB)
    Image.fromarray(DEEP[..., 0]).save(tmp_path / "swapped.png", icc_profile=SWAPPED)
    assert np.allclose(read_picture(tmp_path / "plain.png")[..., 0], DEEP[..., 0] / 65535, atol=1e-6)
    with pytest.raises(PictureError, match="swapped.png has 16 bits and a colour profile other than sRGB"):
        read_picture(tmp_path / "swapped.png")


def test_a_colour_profile_that_does_not_fit_is_named(tmp_path):
    Image.fromarray(COLOURS).convert("CMYK").save(tmp_path / "a.jpg", icc_profile=SRGB)
    Image.fromarray(COLOURS).save(tmp_path / "b.png", icc_profile=b"no profile")
    for name in ("a.jpg", "b.png"):
        with pytest.raises(PictureError, match=f"The colour profile in .*{name} can't be used"):
            read_picture(tmp_path / name)


def test_what_is_no_picture_or_not_whole_is_named(tmp_path):
    whole = write_deep(tmp_path / "whole.png", DEEP).read_bytes()
    (tmp_path / "none.png").write_bytes(b"no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(COLOURS[..., :3]).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:-200])
    for name in ("none.png", "empty.jpg", "cut.png", "cut.jpg", "missing.png"):
        with pytest.raises(PictureError, match=f"{name} can't be read as a picture"):
            read_picture(tmp_path / name)
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(PictureError, match="float.tif holds pixels of the type F; .*EXR"):
        read_picture(tmp_path / "float.tif")


def test_srgb_becomes_linear_as_the_standard_says():
    assert np.allclose(decode_srgb(np.float32([0, 0.04045, 0.5, 1])), [0, 0.0031308, 0.2140411, 1], atol=1e-6)
