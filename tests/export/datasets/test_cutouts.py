import numpy as np
import pytest

pytest.importorskip("tqdm")
pytest.importorskip("scipy")
pytest.importorskip("OpenEXR")

from scipy import ndimage

from core.exr import write_exr
from core.passes import check_passes
from export.datasets.cutouts import cutout, read_hdr
from export.datasets.render import RenderDatasetConfig, RenderDatasetError, render_dataset, wanted

SIZE = (96, 64)


@pytest.fixture
def panorama(tmp_path):
    """A panorama whose colour is the direction of the ray, from -1..1 to 0..1."""
    row, column = np.mgrid[:128, :256].astype(np.float32)
    up, around = np.pi * (0.5 - (row + 0.5) / 128), 2 * np.pi * ((column + 0.5) / 256 - 0.5)
    ray = np.stack([np.sin(around) * np.cos(up), np.cos(around) * np.cos(up), np.sin(up)], -1)
    file = tmp_path / "ball.exr"
    write_exr(file, {"image": (0.5 + 0.5 * ray).astype(np.float32)})
    return file


def test_a_cutout_is_what_a_camera_sees(panorama):
    passes = cutout(panorama, 0, 0, 1, *SIZE)
    check_passes(passes, [p.name for p in wanted(lights=False)])
    image = passes["image"][..., :3]
    assert (image >= 0).all() and (passes["depth"] == 1e10).all() and not passes["normal"].any()
    above, below = image[0, :, 2].mean(), image[-1, :, 2].mean()
    assert above > below, "up is up"


def test_the_same_arguments_give_the_same_frame_and_others_another(panorama):
    first = cutout(panorama, 0, 0, 1, *SIZE)["image"]
    np.testing.assert_array_equal(cutout(panorama, 0, 0, 1, *SIZE)["image"], first)
    for other in ((1, 0, 1), (0, 1, 1), (0, 0, 2)):
        assert np.abs(cutout(panorama, *other, *SIZE)["image"] - first).max() > 1e-3


def test_vectors_lead_to_the_same_colour_in_the_next_frame_and_the_last(panorama):
    before, here, after = (cutout(panorama, 3, 5, frame, *SIZE) for frame in (1, 2, 3))
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    for other, channels, sign in ((before, slice(0, 2), 1), (after, slice(2, 4), -1)):
        dx, dy = np.moveaxis(here["vector"][..., channels], -1, 0)
        place = [y - sign * dy, x + sign * dx]
        channels = np.moveaxis(other["image"], -1, 0)
        moved = np.stack([ndimage.map_coordinates(c, place, order=1, mode="nearest") for c in channels], -1)
        inner = (slice(6, -6), slice(6, -6))
        assert np.hypot(dx, dy).mean() > 0.3
        assert np.abs(moved - here["image"])[inner].mean() < 0.2 * np.abs(other["image"] - here["image"])[inner].mean()


def test_pictures_of_radiance_are_read_as_they_were_packed(tmp_path):
    mantissas = np.random.default_rng(0).integers(128, 256, (3, 16, 3), np.uint8)
    mantissas[1] = 200  # a run
    exponent = 130
    rows = bytearray()
    for row in mantissas:
        rows += bytes([2, 2, 0, 16])
        for channel in (*row.T, np.full(16, exponent, np.uint8)):
            if (channel == channel[0]).all():
                rows += bytes([128 + 16, channel[0]])
            else:
                rows += bytes([16, *channel])
    file = tmp_path / "small.hdr"
    file.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 3 +X 16\n" + bytes(rows))
    np.testing.assert_allclose(read_hdr(file), mantissas.astype(np.float32) * 2.0 ** (exponent - 136), rtol=1e-6)
    file.write_bytes(b"#?RADIANCE\n\n+Y 3 +X 16\n" + bytes(rows))
    with pytest.raises(ValueError, match="top row first"):
        read_hdr(file)


def test_cutouts_need_panoramas(tmp_path):
    pytest.importorskip("bpy")
    config = RenderDatasetConfig(tmp_path, "robots", cutouts=1)
    with pytest.raises(RenderDatasetError, match="--panoramas"):
        render_dataset(config, progress=lambda shots: [shot for shot in shots if shot.scene != "robots"])


def test_a_broken_panorama_is_told_in_words(tmp_path):
    pytest.importorskip("bpy")
    (tmp_path / "panoramas").mkdir()
    (tmp_path / "panoramas" / "broken.hdr").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 8 +X 16\n\x02\x02")
    config = RenderDatasetConfig(tmp_path, "robots", cutouts=1, panoramas=tmp_path / "panoramas", width=64, height=32)
    with pytest.raises(RenderDatasetError, match=r"broken\.hdr can't be read"):
        render_dataset(config, progress=lambda shots: [shot for shot in shots if shot.scene != "robots"])
