import numpy as np
import pytest
from PIL import Image

from core.exr import write_exr
from export.networks.perceptual import load_features
from export.settings import TrainerError
from export.trials.scoring import Footage, FootageError, Perception, score
from tests.media import write_video

from ..moving_frames import moving_frame, paint, write_moving_frames
from ..networks.test_perceptual import real


@pytest.fixture(scope="module", autouse=True)
def few_patches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.trials.scoring.PATCHES", 1500)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_moving_frames(tmp_path_factory.mktemp("shot"))


def flickering():
    """The look, every other frame brighter."""
    frames = iter((1.0, 1.5, 1.0))
    return lambda passes: paint(passes) * np.float32(next(frames))


@pytest.fixture(scope="module")
def scored(folder):
    painters = {
        "look": paint,
        "nothing": lambda passes: passes["image"],
        "flicker": flickering(),
        "mirrored": lambda passes: paint(passes)[:, ::-1],
    }
    return score(Footage(folder), painters, Perception())


def test_the_look_itself_scores_as_the_target_does_and_nothing_as_the_plain_frame(scored):
    rows, _ = scored
    assert list(rows) == ["plain", "look", "nothing", "flicker", "mirrored", "target"]
    assert rows["look"] == pytest.approx(rows["target"], rel=1e-3, abs=1e-3) and rows["nothing"] == rows["plain"]
    assert rows["target"]["sliced_wasserstein"] == rows["target"]["gram_gabor"] == 0
    assert rows["target"]["ssim"] == pytest.approx(1, abs=1e-4)
    assert rows["plain"]["edge_agreement"] == rows["plain"]["warping_ratio"] == 1
    assert rows["plain"]["ms_ssim"] == pytest.approx(1)
    assert rows["plain"]["sliced_wasserstein"] > 0 < rows["plain"]["gram_gabor"]


def test_faults_show_in_the_score_that_is_about_them(scored):
    rows, _ = scored
    assert rows["flicker"]["warping_ratio"] > 3 * rows["look"]["warping_ratio"]
    assert rows["mirrored"]["ms_ssim"] < 0.5 * rows["look"]["ms_ssim"]
    assert rows["mirrored"]["edge_agreement"] < 0.5 * rows["look"]["edge_agreement"]
    assert rows["mirrored"]["psnr"] < rows["look"]["psnr"]


def test_pictures_of_a_few_frames_are_kept_for_the_sheet(scored, folder):
    rows, pictures = scored
    assert list(pictures) == ["pan_0001", "pan_0002", "pan_0003"]
    for name, shown in pictures.items():
        assert list(shown) == list(rows) and {tuple(p.shape) for p in shown.values()} == {(3, 192, 208)}
        assert np.allclose(shown["look"], paint(moving_frame(int(name[-1]), 192, 208)).transpose(2, 0, 1))


def test_what_frames_lack_has_no_score(tmp_path):
    for part in ("input", "target"):
        (tmp_path / part).mkdir()
    for number in (1, 3):  # no two in a row
        passes = moving_frame(number, 64, 80)
        write_exr(tmp_path / "input" / f"pan_{number:04d}.exr", {"image": passes["image"][..., :3]})
    write_exr(tmp_path / "target" / "any.exr", {"image": paint(moving_frame(9, 100, 90))})  # only footage of the look
    rows, _ = score(Footage(tmp_path), {"look": lambda passes: passes["image"][..., 2::-1]}, Perception())
    assert list(rows) == ["plain", "look"]
    for values in rows.values():
        assert set(values) == {"sliced_wasserstein", "gram_gabor"}


def test_pretrained_networks_are_asked_where_there_are_any(folder):
    perception = Perception(
        inception=lambda squares: squares[:, :, ::50, ::50].flatten(1),
        lpips=lambda picture, image: (picture - image).abs().mean()[None],
    )
    rows, _ = score(Footage(folder), {"look": paint}, perception)
    assert rows["plain"]["lpips"] == 0 < rows["look"]["lpips"]
    assert rows["plain"]["kid"] > rows["look"]["kid"] == rows["target"]["kid"]


@real
def test_a_network_judges_style_and_content_and_both_in_one_number(folder, monkeypatch):
    monkeypatch.setattr("export.trials.scoring.PLACES", 500)
    network = load_features()
    rows, _ = score(Footage(folder), {"look": paint, "nothing": lambda passes: passes["image"]}, Perception(network=network))
    style, content, both = (f"{name}_efficientnet" for name in ("nearest", "content", "both"))
    assert rows["target"][style] == pytest.approx(0, abs=1e-6) and rows["plain"][content] == pytest.approx(0, abs=1e-6)
    assert rows["look"][style] < 0.1 * rows["nothing"][style] and rows["look"][content] > 0.01
    for values in rows.values():
        assert values[both] == pytest.approx((1 + values[style]) * (1 + values[content]))


def test_painted_frames_are_judged_by_their_targets_and_the_others_by_the_look(tmp_path):
    folder = write_moving_frames(tmp_path, height=64, width=80)
    (folder / "target" / "pan_0002.exr").unlink()
    footage = Footage(folder)
    assert footage.painted == ["pan_0001", "pan_0003"]
    rows, _ = score(footage, {"look": paint}, Perception())
    assert rows["look"]["psnr"] > 60 and rows["look"]["sliced_wasserstein"] < 0.2 * rows["plain"]["sliced_wasserstein"]
    assert "warping_error" in rows["look"] and "warping_error" not in rows["target"]


def test_soft_frames_are_seen_over_black(tmp_path):
    for part in ("input", "target"):
        (tmp_path / part).mkdir()
    passes = moving_frame(1, 64, 80)
    half = passes["image"] * np.float32(0.5)
    write_exr(tmp_path / "input" / "a_1.exr", {"image": half})
    write_exr(tmp_path / "target" / "a_1.exr", {"image": passes["image"][..., :3]})
    frame = Footage(tmp_path).frame("a_1")
    assert np.allclose(frame.tensor("image"), frame.target, atol=1e-3)


def test_pictures_of_other_formats_are_read_as_the_trainer_reads_them(tmp_path):
    folder = write_moving_frames(tmp_path, count=1, height=64, width=80)
    (folder / "target" / "pan_0001.exr").unlink()
    Image.new("RGB", (80, 64), (255, 0, 188)).save(folder / "target" / "pan_0001.png")
    target = Footage(folder).frame("pan_0001").target
    assert target[0, :, 5, 5].tolist() == pytest.approx([1, 0, 0.503], abs=0.002)


def test_of_a_video_of_the_look_some_frames_count(tmp_path):
    folder = write_moving_frames(tmp_path, count=1, height=64, width=80, targets=False)
    write_video(folder / "target" / "film.mp4", [np.full((64, 80, 3), 4 * n, np.uint8) for n in range(50)], "libx264", "yuv444p")
    greys = [picture.mean().item() for picture in Footage(folder).pictures_of_the_look()]
    assert len(greys) == 3 and greys == sorted(greys) and greys[0] < 0.01 < 0.3 < greys[2]


def test_bad_folders_are_refused_in_words(tmp_path):
    with pytest.raises(FootageError, match="There is no folder .*input. There is no folder .*target"):
        Footage(tmp_path)
    folder = write_moving_frames(tmp_path / "shot", count=1, height=64, width=80)
    with pytest.raises(FootageError, match="There is no frame in .* whose name fits street_\\* or x"):
        Footage(folder, ("street_*", "x"))
    write_exr(folder / "target" / "pan_0001.exr", {"image": np.ones((64, 64, 3), np.float32)})
    with pytest.raises(FootageError, match="not the size of its input, 80 x 64"):
        Footage(folder).frame("pan_0001")
    write_exr(folder / "input" / "pan_0001.exr", {"image": np.ones((8, 64, 3), np.float32)})
    with pytest.raises(FootageError, match="64 x 8 pixels, but scores need 16 x 16"):
        Footage(folder).frame("pan_0001")
    (folder / "input" / "pan_0001.exr").write_bytes(b"no EXR")
    with pytest.raises(TrainerError, match="can't be read"):
        Footage(folder).frame("pan_0001")
    (folder / "input" / "pan_0001.exr").rename(folder / "input" / "clip.MP4")
    with pytest.raises(FootageError, match="clip.MP4 is a video, which has no passes"):
        Footage(folder)
