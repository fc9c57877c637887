"""The table of how styles hold, on small scenes where the answer is known."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("flip_evaluator")

from core.colour import decode_log, encode_log
from core.exr import read_exr, write_exr
from export.measures import holding
from export.trials.holds import (
    Aim,
    Effect,
    HoldsConfig,
    HoldsError,
    _patches,
    effect,
    effects,
    holds,
    markdown,
    score,
    steady,
    usual,
)
from export.trials.scoring import Footage, picture_tensor

from ...conftest import FIXTURES
from ..moving_frames import moving_frame, write_moving_frames

SIZE = (128, 160)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("export.trials.holds.PATCHES", 1500)


def strokes(passes):
    """A look: every picture gets the same strong grain."""
    grain = np.random.default_rng(0).normal(0, 0.08, (*SIZE, 1)).astype(np.float32)
    return decode_log((encode_log(passes["image"][..., :3].clip(0)) + grain).clip(0))


@pytest.fixture
def footage(tmp_path):
    """Two scenes that the look has painted."""
    for name, number in (("one_0001", 3), ("two_0001", 40)):
        passes = moving_frame(number, *SIZE)
        for part, layers in (("input", passes), ("target", {"image": strokes(passes)})):
            (tmp_path / part).mkdir(exist_ok=True)
            write_exr(tmp_path / part / f"{name}.exr", layers)
    return Footage(tmp_path)


def test_a_style_that_does_nothing_on_one_scene_scores_near_nothing_there(footage):
    lazy = moving_frame(40, *SIZE)["image"]
    found = effects(footage, lambda p: p["image"][..., :3] if np.array_equal(p["image"], lazy) else strokes(p))
    whole = effects(footage, strokes)["one_0001"]
    assert score(found["one_0001"], whole) > 0.9 and score(found["two_0001"], whole) < 0.1


def test_a_style_that_learned_from_a_picture_is_held_to_what_it_does_on_the_gallery(footage, tmp_path):
    """Without painted frames: a picture of the look lies in target/."""
    picture = tmp_path / "picture.exr"
    write_exr(picture, {"image": strokes(moving_frame(20, *SIZE))})
    judged = Footage(tmp_path, looks=[picture])
    lazy = moving_frame(40, *SIZE)["image"]
    assert not judged.painted and not effects(judged, strokes)
    aims = usual(Footage(tmp_path, ("one*",), looks=[picture]), strokes)
    found = effects(judged, lambda p: p["image"][..., :3] if np.array_equal(p["image"], lazy) else strokes(p), aims=aims)
    whole = effects(judged, strokes, aims=aims)["one_0001"]
    assert score(found["one_0001"], whole) > 0.9 and score(found["two_0001"], whole) < 0.1
    assert found["one_0001"].blotches is None


def test_a_style_of_a_light_picture_comes_nearer_to_it_in_the_dark_too_though_it_stays_dark(footage, tmp_path):
    """Strokes in red paint, 4 stops darker."""

    def painted(p):
        grain = np.random.default_rng(0).uniform(0.3, 1.7, (*SIZE, 1)).astype(np.float32)
        return p["image"][..., :3].clip(0).mean(-1, keepdims=True) * grain * np.float32([1, 0.2, 0.1])

    picture = tmp_path / "picture.exr"
    write_exr(picture, {"image": painted(moving_frame(20, *SIZE))})
    one = read_exr(tmp_path / "input" / "one_0001.exr")
    write_exr(tmp_path / "input" / "dark_0001.exr", one | {"image": one["image"] * np.float32([1 / 16] * 3 + [1])})
    aims = usual(Footage(tmp_path, ("one*",), looks=[picture]), painted)
    dark = Footage(tmp_path, ("dark*",), looks=[picture])
    for paint, least, most in ((painted, 0.3, 1.0), (lambda p: p["image"][..., :3], 0.0, 0.0)):
        assert least <= effects(dark, paint, aims=aims)["dark_0001"].closeness <= most
    assert effects(dark, painted, aims=aims)["dark_0001"].share > 0.9


def test_no_frame_is_asked_to_come_nearer_than_the_reference_does(footage):
    frame = footage.frame("one_0001")
    plain, halfway = (
        frame.tensor("image"),
        (encode_log(strokes(frame.passes)) + encode_log(frame.passes["image"][..., :3].clip(0))) / 2,
    )
    output = picture_tensor(decode_log(halfway))
    looks = _patches(frame.target)
    change, far, left = holding.octaves(output, plain), *(_patches(x).distance(looks) for x in (plain, output))
    near = [effect(output, plain, Aim(change, looks, n)).closeness for n in (0.0, left, (far + left) / 2, 2 * far)]
    assert near[0] == pytest.approx(1 - left / far) and near[1:] == [1.0, 1.0, 1.0]
    assert effect(plain, plain, Aim(change, looks, left)).closeness == 0
    half = effect(output, plain, Aim(change, looks, left / 2)).closeness
    assert near[0] < half < 1


def test_half_the_strokes_are_about_half_of_the_effect(footage):
    def half(p):
        return decode_log((encode_log(strokes(p)) + encode_log(p["image"][..., :3].clip(0))) / 2)

    whole = effects(footage, strokes)["one_0001"]
    assert 0.3 < score(effects(footage, half)["one_0001"], whole) < 0.7


def test_the_smaller_part_counts_and_more_than_the_whole_is_the_whole():
    whole = Effect(0.8, 0.5, None)
    assert score(Effect(0.8, 0.25, None), whole) == 0.5 and score(Effect(0.9, 0.9, None), whole) == 1.0


def test_grain_on_the_screen_is_unsteady_and_the_plain_frame_is_as_steady_as_itself(tmp_path):
    for number in (1, 2):
        write_exr(tmp_path / f"pan_{number:04d}.exr", moving_frame(number, *SIZE))
    files = {path.stem: path for path in sorted(tmp_path.glob("*.exr"))}
    assert steady(files, lambda p: p["image"][..., :3]) == pytest.approx({"warping": 1, "flip": 1})
    unsteady = steady(files, strokes)
    assert unsteady["warping"] > 2 and unsteady["flip"] > 1.2
    assert steady({"pan_0001": files["pan_0001"]}, strokes) == {}


@pytest.fixture
def folders(tmp_path):
    """A reference and scenes to judge, for the style swap: its look is what it does, except on the scene `odd`."""
    style = tmp_path / "swap.onnx"
    shutil.copy(FIXTURES / style.name, style)
    for part in ("judging", "gallery"):
        write_moving_frames(tmp_path / part / "looks" / "swap", count=2, height=SIZE[0], width=SIZE[1])
        for path in (tmp_path / part / "looks" / "swap" / "input").glob("*.exr"):
            write_exr(path.parent.parent / "target" / path.name, {"image": read_exr(path)["image"][..., 2::-1].copy()})
        shutil.copytree(tmp_path / part / "looks" / "swap" / "input", tmp_path / part / "input")
    passes = moving_frame(9, *SIZE)
    for folder in (tmp_path / "judging" / "input", tmp_path / "judging" / "looks" / "swap" / "input"):
        write_exr(folder / "odd_0001.exr", passes)
    write_exr(tmp_path / "judging" / "looks" / "swap" / "target" / "odd_0001.exr", {"image": strokes(passes)})
    return HoldsConfig(tmp_path / "judging", tmp_path / "gallery", (style,), tmp_path / "out")


def test_a_table_and_pictures_are_written(folders):
    table = holds(folders)
    row = next(iter(json.loads((folders.out / "holds.json").read_text()).values()))
    assert row["scenes"]["pan"]["holds"] > 0.95 and row["lowest"] == row["scenes"]["odd"]["holds"] < 0.6
    assert f"**{row['lowest']:.2f}**" in table and "FLIP" in table
    assert Image.open(folders.out / "odd_swap.jpg").size == (SIZE[1], SIZE[0])
    assert {path.name for path in folders.out.iterdir()} >= {"sheet.jpg", "pan.jpg", "pan_swap.jpg"}


def test_without_painted_frames_there_is_nothing_to_compare(folders):
    shutil.rmtree(folders.data / "looks")
    with pytest.raises(HoldsError, match="paint --into"):
        holds(folders)


def test_what_falls_short_is_bold():
    scenes = {"void": {"holds": 0.4, "blotches": 2.0}, "room": {"holds": 0.9, "blotches": None}}
    line = markdown({"Oil": {"scenes": scenes, "lowest": 0.4}}).splitlines()[-1]
    assert "**0.40** (**2.0**)" in line and "0.90" in line and "None" not in line
