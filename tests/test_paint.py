import numpy as np
import pytest

pytest.importorskip("scipy")

from core.exr import read_exr, write_exr  # noqa: E402
from export.looks import LOOKS  # noqa: E402
from export.paint import PaintConfig, PaintError, paint  # noqa: E402

from .paired_frames import pair  # noqa: E402


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "input").mkdir()
    for number in (1, 2, 3):
        passes, _ = pair(number, 48, 64)
        write_exr(tmp_path / "input" / f"shot_{number:04d}.exr", passes | {"albedo": passes["image"][..., :3]})
    return tmp_path


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
