"""The table of speeds: that it runs at a tiny size, writes as it goes, and leaves out what there is no time or memory for."""

import json
from types import SimpleNamespace

import pytest

from core import load_style
from export.speed import run as speed_module
from export.speed.generators import BARE
from export.speed.run import SpeedConfig, SpeedError, speed
from tests.conftest import FIXTURES


@pytest.mark.slow
def test_a_tiny_run_writes_a_table_a_plot_and_figures(tmp_path):
    config = SpeedConfig(tmp_path, ("64x32",), 1, 0, ("draft", BARE))
    text = speed(config)
    report = json.loads((tmp_path / "speed.json").read_text())
    rows = report["results"]["64x32"]
    assert list(rows) == ["draft onnxruntime", "draft pytorch", f"{BARE} onnxruntime"]
    assert all(cost["least_seconds"] <= cost["seconds"] <= cost["most_seconds"] and cost["rate"] > 0 for cost in rows.values())
    assert (tmp_path / "speed.txt").read_text() == text and "draft pytorch" in text and "not measured" in text
    assert (tmp_path / "speed.png").stat().st_size > 1000
    assert load_style(tmp_path / "draft.onnx").tiles_exact


@pytest.fixture
def pretended(monkeypatch, tmp_path):
    """A function that runs speed() with made up figures and returns (what was asked for, the report)."""

    def run(answer: dict, **settings: object) -> tuple[list, dict]:
        asked = []

        def process(job: str, *arguments: object, timeout: float | None) -> dict:
            asked.append((job, *arguments))
            return answer | ({"rate": 1.0} if job == "frame" and "seconds" in answer else {})

        monkeypatch.setattr(speed_module, "own_process", process)
        monkeypatch.setattr(speed_module, "write", lambda name, folder: FIXTURES / "wide.onnx")
        monkeypatch.setattr(speed_module, "bars", lambda results: SimpleNamespace(savefig=str))  # drawn after each figure
        speed(SpeedConfig(tmp_path, **settings))
        return asked, json.loads((tmp_path / "speed.json").read_text())

    return run


def test_what_the_goals_need_is_asked_for(pretended):
    sizes = "1920x1080", "3840x2160", "7680x4320"
    asked, report = pretended({"seconds": 0.1}, sizes=sizes, rounds=1, generators=("default",))
    assert {"node", "tiles", "limit", "start", "profile", "parts", "enabling"} <= {job for job, *_ in asked}
    assert [a[1] for a in asked if a[0] == "frame" and a[-1] == 7680] == ["default"]
    assert "node" in report["results"]["3840x2160"]


def test_what_takes_long_has_one_turn(pretended):
    slow, _ = pretended({"seconds": 30}, sizes=("64x32",), rounds=3, generators=("draft", BARE))
    quick, _ = pretended({"seconds": 1}, sizes=("64x32",), rounds=3, generators=("draft", BARE))
    assert len(slow) == 3 and len(quick) == 9


def test_a_problem_is_reported_and_not_tried_again(pretended):
    asked, report = pretended({"problem": "ended by signal 9"}, sizes=("64x32",), rounds=3, generators=("draft",))
    assert len(asked) == 2 and report["results"]["64x32"]["draft pytorch"]["problem"] == "ended by signal 9"


def test_what_would_not_end_in_time_is_left_out(pretended):
    asked, report = pretended({"seconds": 20}, sizes=("64x32", "640x320"), rounds=1, minutes=3, generators=("draft",))
    assert [arguments[-1] for _, *arguments in asked] == [64, 64]
    assert "it would take about" in report["results"]["640x320"]["draft onnxruntime"]["problem"]


def test_what_the_memory_does_not_hold_is_left_out(pretended, monkeypatch):
    monkeypatch.setattr(speed_module, "free_memory", lambda provider: 10_000)
    asked, report = pretended({"seconds": 1}, sizes=("64x32",), rounds=1, generators=("draft",))
    assert not asked and "GB of memory" in report["results"]["64x32"]["draft pytorch"]["problem"]


@pytest.mark.parametrize("changes, words", [({"sizes": ("big",)}, "like 1920x1080"), ({"rounds": 0}, "at least 1")])
def test_wrong_settings_are_named(tmp_path, changes, words):
    with pytest.raises(SpeedError, match=words):
        speed(SpeedConfig(tmp_path, **changes))
