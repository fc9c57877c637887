from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.colour import HALF_MAX
from core.deep import FAR
from core.exr import read_exr, write_exr
from export.config import TrainConfig
from export.frames.names import BY_NIGHT, GRADED, original
from export.training.dataset import DataError, DataSet, draw_frames, draw_pairs, draw_steps, split_names

from ..paired_frames import write_paired_frames

CONFIG = TrainConfig(Path(), Path(), crop=32, batch=8, discriminator_layers=2)
GUIDED = replace(CONFIG, passes=("image", "depth", "normal"))


@pytest.fixture
def folder(tmp_path):
    return write_paired_frames(tmp_path, count=3)


def opened(folder: Path, config: TrainConfig = CONFIG, **changes) -> DataSet:
    return DataSet(replace(config, data=folder, **changes))


def draw(data: DataSet, seed: int, config: TrainConfig = CONFIG, **changes):
    return draw_pairs(data, data.pairs, replace(config, **changes), np.random.default_rng(seed))


def test_planes_are_the_files_pixels(folder):
    data = opened(folder, GUIDED)
    layers = read_exr(folder / "input" / "shot_0002.exr")
    target = read_exr(folder / "target" / "shot_0002.exr")["image"]
    found = data.inputs.whole("shot_0002") | {"target": data.targets.whole("shot_0002")["image"]}
    layers |= {
        "image": layers["image"][..., :3],
        "depth": np.where(layers["depth"] >= HALF_MAX, FAR, layers["depth"]),
        "target": target,
    }
    for name, planes in found.items():
        assert np.allclose(planes[0].permute(1, 2, 0), layers[name], rtol=1e-3, atol=1e-6), name


def test_the_image_is_not_premultiplied(folder):
    image = np.full((72, 104, 4), 0.5, np.float32)
    for part in ("input", "target"):
        write_exr(folder / part / "shot_0001.exr", {"image": image})
    data = opened(folder)
    assert (data.inputs.whole("shot_0001")["image"] == 1).all() and (data.targets.whole("shot_0001")["image"] == 1).all()


def test_everything_that_is_wrong_is_listed_at_once(folder):
    write_paired_frames(folder / "more", count=9)
    for path in (folder / "more").rglob("*.exr"):
        path.rename(folder / path.parent.name / path.name)
    files = {number: folder / "target" / f"shot_{number:04d}.exr" for number in range(1, 10)}
    files[2].write_bytes(b"no EXR")
    files[3].write_bytes(files[3].read_bytes()[:2000])
    write_exr(files[5], {"image": np.full((72, 104, 3), np.nan, np.float32)})
    write_exr(files[6], {"normal": np.ones((72, 104, 3), np.float32)})
    write_exr(folder / "input" / "shot_0007.exr", {"image": np.ones((72, 104, 4), np.float32)})
    with pytest.raises(DataError) as caught:
        opened(folder, GUIDED)
    lines = str(caught.value).splitlines()[1:]
    assert [line.split("shot_000")[1][0] for line in lines] == ["7", "2", "3", "5", "6"]
    assert "no layer 'depth' of 1 channel" in lines[0]


def test_pairs_that_do_not_fit_are_named(folder):
    write_exr(folder / "target" / "shot_0002.exr", {"image": np.ones((72, 96, 3), np.float32)})
    (folder / "target" / "shot_0001.exr").unlink()
    (folder / "input" / "shot_0003.exr").unlink()
    with pytest.raises(DataError) as caught:
        opened(folder)
    first, second, third = str(caught.value).splitlines()[1:]
    assert f"{folder / 'input' / 'shot_0001.exr'} has no counterpart: there is no frame shot_0001 in {folder / 'target'}" in first
    assert f"{folder / 'target' / 'shot_0003.exr'} has no counterpart" in second
    assert "target/shot_0002.exr is 96 x 72 pixels, but" in third and "input/shot_0002.exr is 104 x 72 pixels." in third


def test_keyframes_need_no_target_for_every_frame_but_an_input_for_every_target(folder):
    (folder / "target" / "shot_0001.exr").unlink()
    data = opened(folder, mode="keyframes")
    assert data.pairs == ["shot_0002", "shot_0003"] and list(data.inputs.frames) == ["shot_0001", *data.pairs]
    (folder / "input" / "shot_0003.exr").unlink()
    with pytest.raises(DataError, match="shot_0003.exr has no counterpart"):
        opened(folder, mode="keyframes")


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"(?s)no folder .*input.*no folder .*target"):
        opened(tmp_path)


def ramp(folder: Path, **layers: np.ndarray) -> DataSet:
    """Two frames in a row whose pixels tell their own row and column."""
    y, x = np.mgrid[:72, :104].astype(np.float32)
    for number in (9, 10):
        for part in ("input", "target"):
            (folder / part).mkdir(exist_ok=True)
            image = np.stack([y, x, np.full_like(x, number)], -1)
            write_exr(folder / part / f"a_{number:02d}.exr", {"image": image, **layers})
    return opened(folder, passes=("image", *layers))


def test_crops_are_aligned_pieces_of_one_frame(tmp_path):
    data, starts = ramp(tmp_path), set()
    for seed in range(80):
        crops = draw(data, seed)
        image = crops.passes["image"]
        assert image.shape == (8, 3, 32, 32) and torch.equal(image, crops.target) and crops.mask is None
        starts |= {(int(c[0, 0, 0]), int(c[1, 0, 0])) for c in image}
        assert torch.equal(image[:, 0, -1, 0] - image[:, 0, 0, 0], torch.full((8,), 31.0))
    assert starts == {(8 * i, 8 * j) for i in range(6) for j in range(10)}


def test_crops_of_a_step_are_of_one_place_in_two_frames_that_follow(tmp_path):
    data = ramp(tmp_path)
    assert data.steps == [("a_09", "a_10")]
    crops = draw_steps(data, data.steps, replace(CONFIG, flip=True, exposure_jitter=1.0), np.random.default_rng(0))
    now, later = crops.passes["image"].chunk(2)
    gain = now[:, 2:] / 9
    assert torch.allclose(later[:, :2], now[:, :2], rtol=1e-5) and torch.allclose(later[:, 2:], 10 * gain, rtol=1e-5)
    assert len(gain[:, 0, 0, 0].unique()) == 8 and crops.target is None


def test_steps_may_bring_the_targets_of_the_frames_that_are_painted(tmp_path):
    ramp(tmp_path)
    (tmp_path / "target" / "a_09.exr").unlink()
    data = opened(tmp_path, mode="keyframes")
    crops = draw_steps(data, data.steps, CONFIG, np.random.default_rng(0), anchored=True)
    now, later = crops.mask.chunk(2)
    assert (now == 0).all() and (later == 1).all()
    assert torch.equal(crops.target[8:], crops.passes["image"][8:]) and (crops.target[:8] == 0).all()


def test_crops_of_one_store_need_no_other(tmp_path):
    data = ramp(tmp_path)
    crops = draw_frames(data.targets, ["a_10"], CONFIG, np.random.default_rng(0))
    assert set(crops) == {"image", "place"} and crops["image"].shape == (8, 3, 32, 32) and (crops["image"][:, 2] == 10).all()


def test_crops_depend_on_the_generator_of_numbers_alone(folder):
    data = opened(folder)
    first, again, other = (draw(data, seed).passes["image"] for seed in (5, 5, 6))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_exposure_changes_input_and_target_alike_and_guides_not(folder):
    data = opened(folder, GUIDED)
    plain, bright = (draw(data, 1, batch=1, exposure_jitter=stops) for stops in (0.0, 2.0))
    gain = (bright.target.sum() / plain.target.sum()).item()
    assert gain != pytest.approx(1, abs=0.01)
    assert torch.allclose(bright.target, plain.target * gain, rtol=1e-4)
    assert torch.allclose(bright.passes["image"], plain.passes["image"] * gain, rtol=1e-4)
    assert torch.equal(bright.passes["normal"], plain.passes["normal"])


def test_flips_mirror_the_picture_and_turn_sideways_motion_round(tmp_path):
    data = ramp(tmp_path, vector=np.random.default_rng(0).random((72, 104, 4), np.float32))
    turned = torch.tensor([-1.0, 1, -1, 1])[:, None, None]
    crops = draw(data, 0, flip=True, batch=16)
    flips = 0
    for image, vector, target in zip(crops.passes["image"], crops.passes["vector"], crops.target, strict=True):
        y, x, flipped = int(image[0, 0, 0]), int(image[1].min()), bool(image[1, 0, 0] > image[1, 0, 1])
        name = f"a_{int(image[2, 0, 0]):02d}"
        whole = data.inputs.whole(name)["vector"][0, :, y : y + 32, x : x + 32]
        assert torch.equal(vector, whole.flip(-1) * turned if flipped else whole) and torch.equal(image, target)
        flips += flipped
    assert 0 < flips < 16


def masked(folder: Path, mask: np.ndarray, **changes) -> DataSet:
    """The frames of ramp(), of which a_10 counts inside the mask alone."""
    ramp(folder)
    (folder / "mask").mkdir()
    Image.fromarray(mask).save(folder / "mask" / "a_10.png")
    return opened(folder, **changes)


def test_crops_come_with_their_mask_and_hardly_any_lies_outside_it(tmp_path):
    mask = np.zeros((72, 104), np.uint8)
    mask[40:60, 70:90] = 255
    data = masked(tmp_path, mask)
    shares = []
    for seed in range(20):
        crops = draw(data, seed, flip=True)
        for image, found in zip(crops.passes["image"], crops.mask, strict=True):
            y, x = int(image[0, 0, 0]), int(image[1].min())
            expected = torch.from_numpy(mask[y : y + 32, x : x + 32] / np.float32(255))
            flipped = bool(image[1, 0, 0] > image[1, 0, 1])
            of_10 = int(image[2, 0, 0]) == 10
            assert torch.equal(found[0], (expected.flip(-1) if flipped else expected) if of_10 else torch.ones(32, 32))
            shares.append(found.mean().item())
    assert min(shares) > 0 and min(shares) < 0.2 and max(shares) == 1
    assert set(draw_frames(data.targets, ["a_10"], CONFIG, np.random.default_rng(0))) == {"image", "mask", "place"}


def test_targets_count_where_they_are_opaque(tmp_path):
    ramp(tmp_path)
    target = read_exr(tmp_path / "target" / "a_09.exr")["image"]
    alpha = np.indices((72, 104))[1, ..., None] < 64
    write_exr(tmp_path / "target" / "a_09.exr", {"image": np.concatenate([target, alpha], -1).astype(np.float32)})
    crops = draw_pairs(opened(tmp_path), ["a_09"], CONFIG, np.random.default_rng(0))
    assert torch.equal(crops.mask[:, 0], (crops.passes["image"][:, 1] < 64).float()) and crops.mask.mean() < 1


def test_masks_that_fit_no_target_or_leave_nothing_are_named(tmp_path):
    white, black = np.full((72, 104), 255, np.uint8), np.zeros((72, 104), np.uint8)
    masked(tmp_path, white)
    Image.fromarray(white).save(tmp_path / "mask" / "a_11.png")
    Image.fromarray(white[:-1]).save(tmp_path / "mask" / "a_10.png")
    with pytest.raises(DataError, match=r"(?s)a_11.png has no counterpart.*a_10.png is 104 x 71 pixels, but .* is 104 x 72"):
        opened(tmp_path)
    (tmp_path / "mask" / "a_11.png").unlink()
    for name in ("a_09", "a_10"):
        Image.fromarray(black).save(tmp_path / "mask" / f"{name}.png")
    with pytest.raises(DataError, match="black everywhere"):
        opened(tmp_path)


def test_a_matte_rendered_for_the_whole_shot_serves_as_masks(tmp_path):
    masked(tmp_path, np.full((72, 104), 255, np.uint8))
    (tmp_path / "target" / "a_09.exr").unlink()
    for name in ("a_09", "a_10"):
        Image.fromarray(np.full((72, 104), 255, np.uint8)).save(tmp_path / "mask" / f"{name}.png")
    data = opened(tmp_path, mode="keyframes")
    assert data.pairs == ["a_10"] and data.targets.masked


def test_input_and_target_may_be_of_different_kinds_and_are_scaled_alike(folder):
    for number in (1, 2, 3):
        path = folder / "target" / f"shot_000{number}.exr"
        Image.fromarray(np.full((144, 208, 3), 60 * number, np.uint8)).save(path.with_suffix(".png"))
        path.unlink()
    with pytest.raises(DataError, match="shot_0001.png is 208 x 144 pixels, but .*shot_0001.exr is 104 x 72"):
        opened(folder)
    data = opened(folder, frame_height=36)
    assert data.pairs == ["shot_0001", "shot_0002", "shot_0003"]
    assert data.inputs.whole("shot_0001")["image"].shape == data.targets.whole("shot_0001")["image"].shape == (1, 3, 36, 52)


def test_holdout_by_pattern_by_sequence_and_by_frame():
    shots = [f"{scene}_s0_{n:04d}" for scene in "abcdefghij" for n in (1, 2)]
    training, held = split_names(shots, ("c_*", "*_s0_0002"), 0.5)
    assert len(held) == 11 and all(name.startswith("c_") or name.endswith("2") for name in held)
    training, held = split_names(shots, (), 0.2)
    assert len({name[0] for name in held}) == 2 and len(held) == 4 and len(training) == 16
    one_shot = [f"shot_{n:04d}" for n in range(10)]
    assert split_names(one_shot, (), 0.2)[1] == ["shot_0008", "shot_0009"]
    assert split_names(one_shot, (), 0.0)[1] == []


def test_a_frame_by_night_or_in_other_colours_is_held_out_with_its_own():
    """Else a frame that judges would have taught, in other light."""
    shots = [f"{scene}_s0_{n:04d}" for scene in "abcdefghij" for n in (1, 2)]
    names = sorted(shots + [f"{BY_NIGHT}{name}" for name in shots] + [f"{GRADED}{name}" for name in shots[::2]])
    for one, fraction in ((names, 0.3), ([name for name in names if "a_s0" in name], 0.4)):
        training, held = split_names(one, (), fraction)
        assert any(name.startswith(BY_NIGHT) for name in held)
        assert not {original(name) for name in held} & {original(name) for name in training}


def test_holding_out_nothing_that_exists_or_everything_is_an_error():
    with pytest.raises(DataError, match="nobody"):
        split_names(["a_1"], ("nobody*",), 0)
    with pytest.raises(DataError, match="none is left"):
        split_names(["a_1"], ("*",), 0)


def test_frames_smaller_than_a_crop_are_named(folder):
    with pytest.raises(DataError, match="shot_0001.exr is 104 x 72 pixels, smaller than a crop of 128"):
        opened(folder, crop=128)
