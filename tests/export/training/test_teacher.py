"""The slow painter, on small pictures, with features of random weights."""

import itertools
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from core.exr import read_exr
from export.networks import perceptual
from export.training import teach_targets as targets
from export.training import teacher as teacher_module
from export.training.teach_targets import TeachTargetsConfig, teach_targets
from export.training.teacher import Teacher, Teaching, _nearest

from ..moving_frames import write_moving_frames
from ..networks.test_perceptual import WrittenOut
from .test_exemplar import striped


@pytest.fixture
def features(monkeypatch):
    torch.manual_seed(0)
    network = perceptual.KINDS["efficientnet"](WrittenOut().state_dict())
    monkeypatch.setattr(targets, "load_features", lambda: network)
    return network


def test_the_nearest_is_the_one_in_the_most_similar_direction():
    bank = torch.eye(4)
    found = torch.tensor([[0.1, 0.9, 0.2, 0.0], [-1.0, -0.5, 0.0, 0.1], [5.0, 0.0, 0.0, 1.0]])
    assert _nearest(found, bank).argmax(1).tolist() == [1, 3, 0]


def test_a_frame_comes_near_the_look_and_begins_with_the_frame_before(features):
    look = torch.from_numpy(striped()).permute(2, 0, 1)[None].float() / 255
    teacher = Teacher([look], features, Teaching(steps=30))
    torch.manual_seed(0)
    frame = torch.rand(1, 3, 12, 12).repeat_interleave(8, 2).repeat_interleave(8, 3) * 0.5 + 0.25
    mean, bank = teacher.banks[-1]

    def misses(picture: torch.Tensor) -> float:
        found = teacher._directions(picture, mean)
        return (1 - (found * _nearest(found, bank)).sum(1)).mean().item()

    painted = teacher.paint(frame)
    assert misses(painted) < 0.7 * misses(frame)
    held = teacher.paint(frame, painted, torch.ones(1, 1, 96, 96))
    assert (held - painted).abs().mean() < 0.3 * (painted - frame).abs().mean()
    free = teacher.paint(frame, 1 - frame, torch.zeros(1, 1, 96, 96))
    assert torch.allclose(free, painted, atol=1e-4)


def test_paint_writes_targets_by_pictures_and_paints_again_only_for_other_ones(tmp_path, features):
    data = write_moving_frames(tmp_path / "data", count=2, height=96, width=112, targets=False)
    Image.fromarray(striped()).save(tmp_path / "look.png")
    config = TeachTargetsConfig((tmp_path / "look.png",), data, brush=0.125, steps=4)
    files = teach_targets(config)
    assert [f.name for f in files] == ["pan_0001.exr", "pan_0002.exr"]
    pictures = [read_exr(f)["image"] for f in files]
    assert all(p.shape == (96, 112, 3) and np.isfinite(p).all() and p.min() >= 0 for p in pictures)
    before = [f.stat().st_mtime_ns for f in files]
    assert teach_targets(config) == files and [f.stat().st_mtime_ns for f in files] == before
    Image.fromarray(255 - striped()).save(tmp_path / "look.png")
    teach_targets(config)
    assert all(f.stat().st_mtime_ns != time for f, time in zip(files, before, strict=True))


def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not_been(tmp_path, features, monkeypatch):
    write_moving_frames(tmp_path / "whole", count=3, height=96, width=112, targets=False)
    Image.fromarray(striped()).save(tmp_path / "look.png")

    def paint(data, *names):
        config = TeachTargetsConfig((tmp_path / "look.png",), data, names or ("*",), brush=0.125, steps=4)
        return [read_exr(file)["image"] for file in teach_targets(config)]

    shutil.copytree(tmp_path / "whole", tmp_path / "stopped")
    wanted = paint(tmp_path / "whole")
    paint(tmp_path / "stopped", "pan_0001")
    painted = []
    write = targets.write_painted
    monkeypatch.setattr(targets, "write_painted", lambda path, *rest: painted.append(path.stem) or write(path, *rest))
    found = paint(tmp_path / "stopped")
    assert painted == ["pan_0002", "pan_0003"] and all(map(np.array_equal, found, wanted))

    # Another first frame changes what follows.
    painted.clear()
    shutil.copy(tmp_path / "stopped" / "input" / "pan_0003.exr", tmp_path / "stopped" / "input" / "pan_0001.exr")
    paint(tmp_path / "stopped")
    assert painted == ["pan_0001", "pan_0002", "pan_0003"]

    # A frame of somebody else's is left as it is, and no frame begins with it.
    alone = paint(tmp_path / "whole", "pan_0003")
    shutil.copytree(tmp_path / "whole" / "input", tmp_path / "theirs" / "input")
    (tmp_path / "theirs" / "target").mkdir()
    write(tmp_path / "theirs" / "target" / "pan_0002.exr", np.ones((96, 112, 3), np.float32), "somebody")
    assert not np.array_equal(paint(tmp_path / "theirs", "pan_0003")[0], alone[0])


def test_a_frame_is_done_after_its_seconds_and_the_coarse_scales_take_fewer(features, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(teacher_module.time, "monotonic", lambda: next(ticks))
    look = torch.from_numpy(striped()).permute(2, 0, 1)[None].float() / 255
    taken = []
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: taken.append(self.param_groups[0]["params"][0].shape[2]))
    Teacher([look], features, Teaching(steps=10**8, seconds=50)).paint(torch.rand(1, 3, 128, 128))
    assert taken.count(64) == 9 and taken.count(128) == 39  # a fifth and four fifths, less the tick at which the scale began
