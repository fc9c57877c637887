import os
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from core.exr import read_exr, write_exr
from export.config import TrainConfig
from export.datasets.looks import KNOBS, LOOKS
from export.datasets.paint import PaintConfig, PaintError, _code_digest, knob_plane, paint
from export.settings import from_values, read_values

from ..paired_frames import pair


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "input").mkdir()
    for number in (1, 2, 3):
        passes, _ = pair(number, 48, 64)
        write_exr(tmp_path / "input" / f"shot_{number:04d}.exr", passes | {"albedo": passes["image"][..., :3]})
    return tmp_path


def written(files):
    return [file.stat().st_mtime_ns for file in files]


def test_chosen_frames_get_the_looks_picture_and_the_others_none(folder):
    painted = paint(PaintConfig(folder, frames=("*_0001", "shot_0003")))
    assert painted == [folder / "target" / f"shot_000{n}.exr" for n in (1, 3)] == sorted((folder / "target").iterdir())
    expected = LOOKS["graphic_novel"](read_exr(folder / "input" / "shot_0003.exr"))
    assert np.allclose(read_exr(painted[1])["image"], expected, rtol=1e-3, atol=1e-4)


def test_frames_that_are_not_there_or_lack_passes_are_named(folder):
    with pytest.raises(PaintError, match="fits nobody"):
        paint(PaintConfig(folder, frames=("nobody*",)))
    write_exr(folder / "input" / "shot_0002.exr", {"image": np.ones((48, 64, 3), np.float32)})
    with pytest.raises(PaintError, match=r"shot_0002.exr can't be painted: '\w+'"):
        paint(PaintConfig(folder, frames=("shot_0002",)))


def test_another_data_folder_shares_the_frames_and_has_targets_of_its_own(folder, tmp_path):
    other = tmp_path / "of_the_look"
    for _ in range(2):  # the second time all is there
        painted = paint(PaintConfig(folder, frames=("*_000[12]",), into=other))
        assert painted == sorted((other / "target").iterdir()) and not (folder / "target").exists()
        assert [path.name for path in painted] == sorted(path.name for path in (other / "input").iterdir())
        assert all((other / "input" / path.name).samefile(folder / "input" / path.name) for path in painted)
    passes, _ = pair(9, 48, 64)
    partial = folder / "input" / ".partial"
    write_exr(partial, passes | {"albedo": passes["image"][..., :3]})
    partial.replace(folder / "input" / "shot_0002.exr")  # rendered again
    painted = paint(PaintConfig(folder, frames=("*_000[12]",), into=other))
    assert (other / "input" / "shot_0002.exr").samefile(folder / "input" / "shot_0002.exr")
    assert np.allclose(
        read_exr(painted[1])["image"], LOOKS["graphic_novel"](passes | {"albedo": passes["image"][..., :3]}), rtol=1e-3, atol=1e-4
    )


def test_only_what_changed_is_painted_again(folder, monkeypatch):
    calls = []

    def invert(passes):
        calls.append(1)
        return 1 / (1 + passes["image"][..., :3])

    monkeypatch.setitem(LOOKS, "invert", invert)
    config = PaintConfig(folder, "invert")
    painted = paint(config)
    before = written(painted)
    assert paint(config) == painted and written(painted) == before and len(calls) == 3
    painted[0].unlink()
    painted[1].write_bytes(painted[1].read_bytes()[:500])
    frame = folder / "input" / painted[2].name
    times = frame.stat()
    write_exr(folder / "input" / ".partial", {"image": np.ones((48, 64, 3), np.float32)})
    (folder / "input" / ".partial").replace(frame)
    os.utime(frame, ns=(times.st_atime_ns, times.st_mtime_ns))  # as files of one tick of the clock have
    paint(config)
    assert len(calls) == 6 and np.all(read_exr(painted[2])["image"] == 0.5)


def test_targets_of_another_look_or_of_older_code_are_painted_over(folder, monkeypatch):
    frames = ("shot_0001",)
    monkeypatch.setitem(LOOKS, "white", lambda passes: np.ones_like(passes["image"][..., :3]))
    paint(PaintConfig(folder, frames=frames))
    (painted,) = paint(PaintConfig(folder, "white", frames))
    assert np.all(read_exr(painted)["image"] == 1)
    monkeypatch.setattr("export.datasets.paint._code_digest", lambda look: "changed")
    monkeypatch.setitem(LOOKS, "white", lambda passes: np.zeros_like(passes["image"][..., :3]))
    paint(PaintConfig(folder, "white", frames))
    assert np.all(read_exr(painted)["image"] == 0)


def test_several_processes_paint_the_same(folder):
    alone = [read_exr(path)["image"] for path in paint(PaintConfig(folder, into=folder / "alone"))]
    together = [read_exr(path)["image"] for path in paint(PaintConfig(folder, into=folder / "together", processes=2))]
    assert np.array_equal(alone, together)
    with pytest.raises(PaintError, match="processes must be at least 1"):
        PaintConfig(folder, processes=0)


LOOKS_OF = "export.datasets.looks"


@pytest.mark.parametrize("module", [f"{LOOKS_OF}.tones", f"{LOOKS_OF}.anchored", "export.networks.surface_noise", "core.colour"])
def test_a_look_is_painted_again_when_any_code_that_it_uses_changes(module, monkeypatch, tmp_path):
    """Ink Hatching reaches all of these, the third through one of the others, and nothing of another look."""
    before, other = _code_digest("ink_hatching"), _code_digest("cel")
    changed = import_module(module)
    (tmp_path / "changed.py").write_text(Path(changed.__file__).read_text("utf-8") + "\n", "utf-8")
    monkeypatch.setattr(changed, "__file__", str(tmp_path / "changed.py"))
    assert _code_digest("ink_hatching") != before
    assert (_code_digest("cel") != other) == (module in (f"{LOOKS_OF}.tones", "core.colour"))


def test_a_turned_knob_leaves_its_values_beside_the_frame_that_was_painted_with_them(folder):
    painted = paint(PaintConfig(folder, knobs=("line_weight",)))
    planes = [read_exr(folder / "guides" / "line_weight" / file.name)["image"][..., 0] for file in painted]
    low, high = min(p.min() for p in planes), max(p.max() for p in planes)
    assert low >= 0 and high <= 3 and len({p.mean() for p in planes}) == 3
    passes = read_exr(folder / "input" / painted[0].name)
    expected = LOOKS["graphic_novel"](passes, line_weight=planes[0])
    assert np.allclose(read_exr(painted[0])["image"], expected, rtol=1e-2, atol=1e-2)
    training = from_values(TrainConfig, {"data": folder, "run": folder / "run"} | read_values(folder / "knobs.json"))
    assert training.controls == KNOBS["graphic_novel"][:1]
    before = written(painted)
    assert written(paint(PaintConfig(folder, knobs=("line_weight",)))) == before
    assert written(paint(PaintConfig(folder, knobs=("line_weight", "tones")))) != before


def test_a_knob_stands_at_its_default_in_a_third_of_the_frames_and_anywhere_in_the_others():
    knob = KNOBS["cel"][0]
    planes = [knob_plane(knob, f"shot_{number:04d}", 8, 12) for number in range(300)]
    usual = [plane for plane in planes if (plane == knob.default).all()]
    assert 70 < len(usual) < 130
    others = np.array([plane.mean() for plane in planes if not (plane == knob.default).all()])
    assert len(np.unique(others)) == len(others) and others.min() < 0.3 and others.max() > 2.7


def test_a_knob_that_the_look_does_not_have_is_named(folder):
    with pytest.raises(PaintError, match="no knob size; it has line_weight, tones"):
        PaintConfig(folder, knobs=("size",))


def test_some_frames_are_painted_again_by_little_light(folder, tmp_path):
    other = tmp_path / "by_night"
    for _ in range(2):  # the second time all is there
        painted = paint(PaintConfig(folder, into=other, night=2))
        assert [p.stem for p in painted] == [*(f"shot_000{n}" for n in (1, 2, 3)), *(f"night_shot_000{n}" for n in (1, 3))]
    day, night = (read_exr(other / "input" / f"{name}shot_0003.exr") for name in ("", "night_"))
    share = night["image"][..., :3].sum() / day["image"][..., :3].sum()
    assert 1 / 33 < share < 1 / 3.9 and np.array_equal(night["depth"], day["depth"])
    assert np.allclose(read_exr(painted[-1])["image"], LOOKS["graphic_novel"](night), rtol=1e-3, atol=1e-4)
    with pytest.raises(PaintError, match="--into"):
        PaintConfig(folder, night=2)


def test_some_frames_are_painted_again_in_other_colours(folder, tmp_path):
    other = tmp_path / "graded"
    painted = paint(PaintConfig(folder, into=other, night=3, graded=2))
    assert [p.stem for p in painted[3:]] == ["night_shot_0001", "graded_shot_0001", "graded_shot_0003"]
    before, after = (read_exr(other / "input" / f"{name}shot_0003.exr") for name in ("", "graded_"))
    assert not np.allclose(after["image"], before["image"], rtol=0.05) and np.array_equal(after["normal"], before["normal"])
    assert np.allclose(read_exr(painted[-1])["image"], LOOKS["graphic_novel"](after), rtol=1e-3, atol=1e-4)
    kept = written(painted)
    assert written(paint(PaintConfig(folder, into=other, night=3, graded=2))) == kept
    with pytest.raises(PaintError, match="graded must be a number from 0.*--into"):
        PaintConfig(folder, graded=2)
