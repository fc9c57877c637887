from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.colour import decode_srgb, encode_srgb
from core.exr import write_exr
from export.frames.sources import SourceError, find_files, read_frames, read_masks, resize
from export.settings import TrainerError
from tests.media import write_deep, write_video

from ..paired_frames import pair

RNG = np.random.default_rng(0)


def frame(path: Path, **options) -> dict[str, np.ndarray]:
    ((name, passes),) = read_frames(path, **options)
    assert name == path.stem and all(p.dtype == np.float32 and p.ndim == 3 for p in passes.values())
    return passes


def test_litter_is_passed_over_and_what_can_not_be_frames_is_named(tmp_path):
    kept = ["a.exr", "b.PNG", "c.jpg", "d.tiff", "e.webp", "f.mp4"]
    for name in [*kept, ".hidden.png", "Thumbs.db", "desktop.ini", "notes.txt", "g.psd"]:
        (tmp_path / name).touch()
    for name in (".cache", "more"):
        (tmp_path / name).mkdir()
    problems = []
    assert [p.name for p in find_files(tmp_path, problems)] == kept
    assert [p.split()[0] for p in problems] == [str(tmp_path / n) for n in ("g.psd", "more", "notes.txt")]


def test_a_missing_and_an_empty_folder_are_named(tmp_path):
    problems = []
    (tmp_path / "empty").mkdir()
    assert find_files(tmp_path / "missing", problems) == find_files(tmp_path / "empty", problems) == []
    assert problems == [f"There is no folder {tmp_path / 'missing'}.", f"There are no frames in {tmp_path / 'empty'}."]


def test_exr_layers_are_passes_by_our_names_and_by_blender_s(tmp_path):
    passes, _ = pair(1, 24, 32)
    write_exr(tmp_path / "ours.exr", passes)
    blender = {"image": "Combined", "depth": "Depth", "normal": "Normal", "position": "Position", "vector": "Vector"}
    layers = {f"ViewLayer.{blender[name]}": array for name, array in passes.items()}
    layers["ViewLayer.Combined"] = layers["ViewLayer.Combined"].astype(np.float16)
    write_blender(tmp_path / "blender.exr", layers)
    ours, theirs = frame(tmp_path / "ours.exr"), frame(tmp_path / "blender.exr")
    assert set(ours) == set(theirs) == set(passes)
    for name, array in passes.items():
        assert np.array_equal(ours[name], array) and np.allclose(theirs[name], array, rtol=1e-3), name


def write_blender(path: Path, layers: dict[str, np.ndarray]) -> None:
    import OpenEXR

    names = {"Combined": "RGBA", "Depth": "Z"}
    channels = {
        f"{layer}.{(names.get(layer.split('.')[1], 'XYZW'))[i]}": np.ascontiguousarray(array[..., i])
        for layer, array in layers.items()
        for i in range(array.shape[2])
    }
    OpenEXR.File({"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION}, channels).write(str(path))


def test_of_several_view_layers_one_must_be_chosen(tmp_path):
    image = pair(1, 24, 32)[0]["image"]
    write_blender(tmp_path / "a.exr", {"front.Combined": image, "back.Combined": image / 2})
    assert np.array_equal(frame(tmp_path / "a.exr", layer="back")["image"], image / 2)
    with pytest.raises(TrainerError, match="several layers .*'back', 'front'.* --layer"):
        frame(tmp_path / "a.exr")


def test_pictures_are_linear_and_premultiplied(tmp_path):
    pixels = RNG.integers(0, 256, (24, 32, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    write_deep(tmp_path / "b.tif", pixels.astype(np.uint16) * 257)
    alpha = pixels[..., 3:] / np.float32(255)
    expected = np.concatenate([decode_srgb(pixels[..., :3] / np.float32(255)) * alpha, alpha], -1)
    for name in ("a.png", "b.tif"):
        passes = frame(tmp_path / name)
        assert set(passes) == {"image"} and np.allclose(passes["image"], expected, atol=1e-6), name


def test_the_frames_of_a_video_are_numbered_from_1(tmp_path):
    frames = [np.full((16, 16, 3), 50 * n, np.uint8) for n in range(5)]
    path = write_video(tmp_path / "clip.mkv", frames, "ffv1", "yuv444p")
    found = dict(read_frames(path))
    assert list(found) == [f"clip_{n:06d}" for n in range(1, 6)]
    for number, passes in enumerate(found.values()):
        assert np.allclose(passes["image"][..., :3], decode_srgb(np.float32(50 * number / 255)), atol=0.01)


def test_masks_are_grey_as_stored_times_alpha(tmp_path):
    grey = RNG.integers(0, 256, (24, 32), np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack([grey, grey, grey, 255 - grey])).save(tmp_path / "clear.webp", lossless=True, exact=True)
    write_exr(tmp_path / "linear.exr", {"image": np.dstack([grey / 128, grey, grey]).astype(np.float32)})
    write_video(tmp_path / "film.mkv", [np.dstack([grey] * 3)] * 2, "ffv1", "yuv444p")
    stored = grey / 255
    expected = {
        "grey": stored,
        "clear": stored * (1 - stored),
        "linear": (grey / 128).clip(0, 1),
        "film_000001": stored,
        "film_000002": stored,
    }
    found = dict(m for path in sorted(tmp_path.iterdir()) for m in read_masks(path))
    assert found.keys() == expected.keys()
    for name, mask in found.items():
        assert mask.shape == (24, 32, 1) and mask.dtype == np.float32, name
        assert np.allclose(mask[..., 0], expected[name], atol=0.01 if "film" in name else 1e-6), name


def test_files_that_are_not_what_they_seem_are_named(tmp_path):
    for suffix in (".exr", ".png", ".mp4"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(b"something else")
        for read in (read_frames, read_masks):
            with pytest.raises(TrainerError, match=f"a{suffix} can't be read"):
                list(read(path))
    write_exr(tmp_path / "b.exr", {"normal": np.ones((8, 8, 3), np.float32)})
    for read in (read_frames, read_masks):
        with pytest.raises(TrainerError, match="b.exr has no"):
            list(read(tmp_path / "b.exr"))


@pytest.mark.parametrize("suffix", [".exr", ".png", ".jpg", ".webp", ".mp4", ".mkv"])
def test_damaged_files_are_read_or_named_but_never_crash(tmp_path, suffix):
    pixels, path = RNG.integers(0, 256, (24, 32, 3), np.uint8), tmp_path / f"a{suffix}"
    if suffix == ".exr":
        write_exr(path, {"image": pixels.astype(np.float32)}, compress=True)
    elif suffix in (".mp4", ".mkv"):
        write_video(path, [pixels] * 3, "libx264", "yuv420p")
    else:
        Image.fromarray(pixels).save(path)
    whole, rng, named = path.read_bytes(), np.random.default_rng(0), 0
    for number in range(40):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[rng.integers(0, min(300, len(whole)), 4)] = rng.integers(0, 256, 4)
        path.write_bytes(damaged[: None if number % 4 else rng.integers(len(whole))].tobytes())
        try:
            assert all(passes["image"].shape[2] == 4 for _, passes in read_frames(path))
        except TrainerError as error:
            assert path.name in str(error)
            named += 1
    assert named > 5


def test_a_resized_frame_keeps_its_shape_and_its_light():
    passes, _ = pair(3, 72, 104)
    small, large = resize(passes, 36), resize(passes, 108)
    for name, array in passes.items():
        assert small[name].shape == (36, 52, array.shape[2]) and large[name].shape == (108, 156, array.shape[2])
    # The mean over blocks of pixels survives in linear light; it would fall if the square root were filtered.
    assert np.allclose(small["image"].mean(axis=(0, 1)), passes["image"].mean(axis=(0, 1)), rtol=0.01)
    assert (small["image"] >= 0).all() and small["image"].dtype == np.float32


def test_resizing_filters_colours_but_mixes_no_surfaces():
    checker = np.float32(np.indices((64, 64)).sum(0)[..., None] % 2)
    passes = {
        "image": np.repeat(checker, 4, -1),
        "albedo": np.repeat(checker, 3, -1),
        "depth": 1 + checker * 1e10,
        "normal": np.repeat(checker, 3, -1) * 2 - 1,
        "position": np.repeat(checker, 3, -1) * 50,
    }
    small = resize(passes, 16)
    inner = slice(4, -4), slice(4, -4)
    for name in ("image", "albedo"):
        assert np.allclose(small[name][inner], 0.5, atol=0.02), name
    for name in ("depth", "normal", "position"):
        assert set(np.unique(small[name])) <= set(np.unique(passes[name])), name


def test_a_resized_vector_reaches_the_same_place():
    vector = np.broadcast_to(np.float32([8, -4, 2, 6]), (64, 128, 4))
    assert (resize({"vector": vector}, 16)["vector"] == [2, -1, 0.5, 1.5]).all()


def test_other_programs_channels_come_in_order_and_views_apart(tmp_path):
    import OpenEXR

    names = {"R": 1, "G": 2, "B": 3, "albedo.red": 4, "albedo.green": 5, "albedo.blue": 6}
    parts = []
    for view, more in (("left", 0), ("right", 10)):
        channels = {name: np.full((2, 3), value + more, np.float32) for name, value in names.items()}
        parts.append(OpenEXR.Part({"type": OpenEXR.scanlineimage, "view": view}, channels, view))
    OpenEXR.File(parts).write(str(tmp_path / "a.exr"))
    frames = dict(read_frames(tmp_path / "a.exr"))
    assert list(frames) == ["a_left", "a_right"]
    assert frames["a_right"]["image"][0, 0].tolist() == [11, 12, 13, 1]
    assert frames["a_left"]["albedo"][0, 0].tolist() == [4, 5, 6]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_pictures_that_move_are_frames(tmp_path, suffix):
    frames = [Image.fromarray(np.full((4, 4, 3), 80 * n, np.uint8)) for n in range(3)]
    frames[0].save(
        tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], **({"lossless": True} if suffix == ".webp" else {})
    )
    found = dict(read_frames(tmp_path / f"a{suffix}"))
    assert list(found) == ["a_000001", "a_000002", "a_000003"]
    assert [round(255 * float(encode_srgb(passes["image"][0, 0, 0]))) for passes in found.values()] == [0, 80, 160]


def test_a_picture_larger_than_memory_is_an_error_with_its_size(tmp_path, monkeypatch):
    Image.new("1", (12000, 12000)).save(tmp_path / "a.png")
    monkeypatch.setattr("core.pictures.free_memory", lambda provider: 4e9)
    with pytest.raises(SourceError, match="has 12000 x 12000 pixels and takes 6.9 GB to read, but 4.0 GB of memory are free"):
        list(read_frames(tmp_path / "a.png"))
