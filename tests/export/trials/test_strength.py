"""The strength at which a painter is as true to the frame as another."""

import numpy as np
import pytest

from export.trials.scoring import Footage, Perception, score
from export.trials.strength import mixed, strength_as_true

from ..moving_frames import moving_frame, paint, write_moving_frames


def test_mixing_goes_from_the_plain_frame_to_the_whole_style():
    passes = moving_frame(1, 24, 32)
    plain, whole = passes["image"][..., :3], paint(passes)
    assert np.array_equal(mixed(paint, 0)(passes), plain) and np.array_equal(mixed(paint, 1)(passes), whole)
    assert np.allclose(mixed(paint, 0.5)(passes), (plain + whole) / 2)


def test_at_the_strength_that_is_found_both_are_as_true(tmp_path, monkeypatch):
    monkeypatch.setattr("export.trials.scoring.PATCHES", 1500)
    footage = Footage(write_moving_frames(tmp_path / "shot", count=2))
    weak = mixed(paint, 0.4)
    strength = strength_as_true(footage, paint, weak)
    assert strength == pytest.approx(0.4, abs=0.01)
    rows, _ = score(footage, {"found": mixed(paint, strength), "weak": weak, "whole": paint}, Perception())
    truth = {name: row["ms_ssim"] for name, row in rows.items()}
    assert truth["found"] == pytest.approx(truth["weak"], abs=0.003) and truth["whole"] < truth["weak"] - 0.01


def test_there_is_none_where_the_whole_style_is_truer_or_nothing_tells(tmp_path):
    footage = Footage(write_moving_frames(tmp_path / "shot", count=1))
    assert strength_as_true(footage, mixed(paint, 0.4), paint) is None
    small = Footage(write_moving_frames(tmp_path / "small", count=1, height=64, width=80))
    assert strength_as_true(small, paint, mixed(paint, 0.4)) is None
