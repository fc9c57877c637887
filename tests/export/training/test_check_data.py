import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.frames.frame_store import DataError
from export.training.check_data import check_data

from ..paired_frames import write_paired_frames


@pytest.fixture
def folder(tmp_path):
    return write_paired_frames(tmp_path, count=4)


def test_the_report_tells_frames_sizes_pairs_masks_and_steps(folder):
    (folder / "mask").mkdir()
    Image.fromarray(np.full((72, 104), 255, np.uint8)).save(folder / "mask" / "shot_0002.png")
    Image.new("RGBA", (104, 72)).save(folder / "target" / "shot_0001.webp")
    (folder / "target" / "shot_0001.exr").unlink()
    report = check_data({"data": folder, "crop": 64, "passes": ["image", "depth"], "holdout_fraction": 0.25})
    assert "input/  4 frames in 1 sequence, 104 x 72 pixels, image depth;" in report
    assert "target/ 4 frames" in report and "mask/   1 frame in" in report and "1 target with transparent parts" in report
    assert "4 pairs of an input and a target: 3 to train on, 1 held out" in report and "3 steps from an input" in report


def test_what_train_would_refuse_is_refused(folder):
    (folder / "target" / "shot_0003.exr").write_bytes(b"no EXR")
    (folder / "input" / "notes.txt").touch()
    with pytest.raises(DataError) as caught:
        check_data({"data": folder, "passes": ["image", "albedo"]})
    lines = str(caught.value).splitlines()[1:]
    assert "notes.txt is of no known type" in lines[0] and "shot_0003.exr can't be read" in lines[5]
    assert all(f"shot_000{n}.exr has no layer 'albedo'" in lines[n] for n in (1, 2, 3, 4))
    assert "shot_0001.exr is 104 x 72 pixels, smaller than a crop of 256" in lines[6]


def test_the_command_ends_with_1_if_the_data_can_not_be_used(folder):
    command = [sys.executable, "-m", "export", "check-data", "--data", str(folder)]
    failed = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert failed.returncode == 1 and "smaller than a crop of 256" in failed.stderr and failed.stdout == ""
