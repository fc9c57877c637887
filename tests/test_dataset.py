from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.exr import read_exr, write_exr
from export.config import TrainConfig
from export.dataset import DataError, Frame, PairedFrames, check_crop, draw_crops, split_frames

from .paired_frames import write_paired_frames

CONFIG = TrainConfig(Path(), Path(), crop=32, batch=8, discriminator_layers=2)


@pytest.fixture
def folder(tmp_path):
    return write_paired_frames(tmp_path, count=3)


def test_planes_are_the_files_pixels(folder):
    data = PairedFrames(folder, ("image", "depth", "normal"))
    layers = read_exr(folder / "input" / "shot_0002.exr")
    target = read_exr(folder / "target" / "shot_0002.exr")["image"]
    planes = data.planes(data.frames[1])
    expected = np.concatenate([layers["image"][..., :3], layers["depth"].clip(max=65504), layers["normal"], target], -1)
    assert np.allclose(planes.transpose(1, 2, 0), expected, rtol=1e-3, atol=1e-6)


def test_the_image_is_not_premultiplied(folder):
    image = np.full((72, 104, 4), 0.5, np.float32)
    write_exr(folder / "input" / "shot_0001.exr", {"image": image})
    data = PairedFrames(folder, ("image",))
    assert (data.planes(data.frames[0])[:3] == 1).all()


def test_files_are_decoded_again_only_when_they_change(folder, monkeypatch):
    PairedFrames(folder, ("image",))
    import export.dataset as dataset

    reads = []
    original = dataset.read_exr
    monkeypatch.setattr(dataset, "read_exr", lambda path: reads.append(path) or original(path))
    PairedFrames(folder, ("image",))
    assert reads == []
    write_exr(folder / "target" / "shot_0003.exr", {"image": np.ones((72, 104, 3), np.float32)})
    data = PairedFrames(folder, ("image",))
    assert reads and (data.planes(data.frames[2])[3:] == 1).all()


def test_everything_that_is_wrong_is_listed_at_once(folder):
    write_paired_frames(folder / "more", count=9)
    for path in (folder / "more").rglob("*.exr"):
        path.rename(folder / path.parent.name / path.name)
    files = {number: folder / "target" / f"shot_{number:04d}.exr" for number in range(1, 10)}
    files[2].write_bytes(b"no EXR")
    files[3].write_bytes(files[3].read_bytes()[:2000])
    write_exr(files[4], {"image": np.ones((72, 96, 3), np.float32)})
    write_exr(files[5], {"image": np.full((72, 104, 3), np.nan, np.float32)})
    write_exr(files[6], {"normal": np.ones((72, 104, 3), np.float32)})
    image = {"image": np.ones((72, 104, 4), np.float32)}
    write_exr(folder / "input" / "shot_0007.exr", image)
    with pytest.raises(DataError) as caught:
        PairedFrames(folder, ("image", "depth"))
    lines = str(caught.value).splitlines()[1:]
    assert [line.split("shot_000")[1][0] for line in lines] == ["2", "3", "4", "5", "6", "7"]
    assert "96 x 72 pixels, but its input is 104 x 72" in lines[2] and "no layer 'depth' of 1 channel" in lines[5]


def test_pairs_that_lack_a_side_are_named(folder):
    (folder / "target" / "shot_0001.exr").unlink()
    (folder / "input" / "shot_0003.exr").unlink()
    with pytest.raises(DataError, match=r"(?s)target.shot_0001.exr is missing.*input.shot_0003.exr is missing"):
        PairedFrames(folder, ("image",))


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no EXR files"):
        PairedFrames(tmp_path, ("image",))


def test_crops_are_aligned_pieces_of_one_frame(tmp_path):
    """Rows and columns written into the pixels tell where a crop was cut."""
    y, x = np.mgrid[:72, :104].astype(np.float32)
    ramp = np.stack([y, x, np.zeros_like(x)], -1)
    for part in ("input", "target"):
        (tmp_path / part).mkdir()
        write_exr(tmp_path / part / "a_1.exr", {"image": ramp})
    data = PairedFrames(tmp_path, ("image",))
    starts = set()
    for seed in range(80):
        image, target = draw_crops(data, data.frames, CONFIG, np.random.default_rng(seed))
        assert image.shape == (8, 3, 32, 32) and torch.equal(image, target)
        starts |= {(int(c[0, 0, 0]), int(c[1, 0, 0])) for c in image}
        assert torch.equal(image[:, 0, -1, 0] - image[:, 0, 0, 0], torch.full((8,), 31.0))
    assert starts == {(8 * i, 8 * j) for i in range(6) for j in range(10)}


def test_crops_depend_on_the_generator_of_numbers_alone(folder):
    data = PairedFrames(folder, ("image",))
    first, again, other = (draw_crops(data, data.frames, CONFIG, np.random.default_rng((0, s)))[0] for s in (5, 5, 6))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_exposure_changes_input_and_target_alike_and_guides_not(folder):
    data = PairedFrames(folder, ("image", "normal"))
    plain = draw_crops(data, data.frames[:1], replace(CONFIG, batch=1), np.random.default_rng(1))
    bright = draw_crops(data, data.frames[:1], replace(CONFIG, batch=1, exposure_jitter=2.0), np.random.default_rng(1))
    gain = (bright[0].sum() / plain[0].sum()).item()
    assert gain != pytest.approx(1, abs=0.01)
    for index, factor in enumerate((gain, 1.0, gain)):
        assert torch.allclose(bright[index], plain[index] * factor, rtol=1e-4)


def test_flips_mirror_the_picture_and_turn_sideways_motion_round(tmp_path):
    rng = np.random.default_rng(0)
    layers = {"image": rng.random((32, 32, 3), np.float32), "vector": rng.random((32, 32, 4), np.float32)}
    for part in ("input", "target"):
        (tmp_path / part).mkdir()
        write_exr(tmp_path / part / "a_1.exr", layers)
    data = PairedFrames(tmp_path, ("image", "vector"))
    config = replace(CONFIG, batch=16, flip=True)
    image, vector, target = draw_crops(data, data.frames, config, np.random.default_rng(0))
    original = torch.from_numpy(np.array(data.planes(data.frames[0]), np.float32))
    flipped = [not torch.equal(crop, original[:3]) for crop in image]
    assert 0 < sum(flipped) < 16 and torch.equal(image, target)
    mirrored = original[3:7].flip(-1) * torch.tensor([-1, 1, -1, 1])[:, None, None]
    assert all(torch.equal(v, mirrored if f else original[3:7]) for v, f in zip(vector, flipped, strict=True))


def frames(*names: str) -> list[Frame]:
    return [Frame(n, 64, 96, 0) for n in names]


def test_holdout_by_pattern_by_sequence_and_by_frame():
    shots = frames(*(f"{scene}_s0_{n:04d}" for scene in "abcdefghij" for n in (1, 2)))
    training, held = split_frames(shots, ("c_*", "*_s0_0002"), 0.5)
    assert len(held) == 11 and all(f.name.startswith("c_") or f.name.endswith("2") for f in held)
    training, held = split_frames(shots, (), 0.2)
    assert len({f.name[0] for f in held}) == 2 and len(held) == 4 and len(training) == 16
    one_shot = frames(*(f"shot_{n:04d}" for n in range(10)))
    assert [f.name for f in split_frames(one_shot, (), 0.2)[1]] == ["shot_0008", "shot_0009"]
    assert split_frames(one_shot, (), 0.0)[1] == []


def test_holding_out_nothing_that_exists_or_everything_is_an_error():
    with pytest.raises(DataError, match="nobody"):
        split_frames(frames("a_1"), ("nobody*",), 0)
    with pytest.raises(DataError, match="none is left"):
        split_frames(frames("a_1"), ("*",), 0)


def test_frames_smaller_than_a_crop_are_named():
    with pytest.raises(DataError, match="a_1 is 96 x 64 pixels, smaller than a crop of 128"):
        check_crop(frames("a_1"), 128)
