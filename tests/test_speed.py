"""The table of speeds: that it runs at a tiny size, counts rightly, and judges the goals by its own figures."""

import json

import onnx
import pytest

from core import load_style
from export.lean_peers import LEAN_PEERS
from export.speed import BARE, GOALS, SpeedConfig, SpeedError, bars, goals, multiplications, node_split, speed, table
from tests.conftest import FIXTURES

torch = pytest.importorskip("torch")


@pytest.mark.slow
def test_a_tiny_run_writes_a_table_a_plot_and_figures(tmp_path):
    config = SpeedConfig(tmp_path, ("64x32",), 1, ("draft", BARE))
    text = speed(config)
    report = json.loads((tmp_path / "speed.json").read_text())
    rows = report["sizes"]["64x32"]
    assert list(rows) == ["draft onnxruntime", "draft pytorch", f"{BARE} onnxruntime"]
    assert all(cost["seconds"] > 0 and cost["rate"] > 0 for cost in rows.values())
    assert (tmp_path / "speed.txt").read_text() == text and "draft pytorch" in text and "not measured" in text
    assert (tmp_path / "speed.png").stat().st_size > 1000
    assert load_style(tmp_path / "draft.onnx").tiles_exact


def test_multiplications_are_those_of_the_convolutions():
    # 8x8 from 3 to 16 channels and 5x5 from 16 to 48, at a quarter of the size.
    expected = (64 / 4) * (128 / 4) * (16 * 3 * 8 * 8 + 48 * 16 * 5 * 5)
    assert multiplications(onnx.load(FIXTURES / "wide.onnx"), 64, 128) == expected


def made_up(seconds: float) -> dict:
    """Rows in which each generator takes a second, ours the given time."""
    names = {row for _, (_, *rows), _ in GOALS for row in rows}
    cost = {"least_seconds": 1, "most_seconds": 1, "peak_megabytes": 1000, "rate": 100}
    rows = {name: cost | {"seconds": 1.0} for name in names}
    return rows | {"default onnxruntime": cost | {"seconds": seconds, "peak_megabytes": 100, "rate": 95}}


def test_goals_are_judged_by_ratios():
    met = {goal["goal"]: goal["met"] for goal in goals(made_up(1 / 45))}
    assert met["default, at least 40x faster than CycleGAN in PyTorch"] and met["default, at most 150 MB"]
    assert met["default, at least 0.88 of the bare convolutions' rate"]
    assert not met["fast, at least 100x faster than CycleGAN in PyTorch"]
    assert not any(goal["met"] for goal in goals({}))


def test_a_row_that_could_not_be_measured_says_why():
    rows = made_up(0.5) | {"few_shot onnxruntime": {"problem": "needs up to 36 GB of memory"}}
    report = {"sizes": {"1920x1080": rows}, "goals": goals(rows), "node": {"inputs": 0.1}}
    text = table(report)
    assert "needs up to 36 GB of memory" in text and "NOT met" in text and "inputs 100 ms" in text
    assert bars(report["sizes"]).height > 18 * (len(rows) - 1)


def test_the_parts_of_the_node_are_its_whole():
    assert all(seconds > 0 for seconds in node_split(48, 64, 1).values())


@pytest.mark.parametrize("name", LEAN_PEERS)
def test_a_lean_peer_gives_a_picture_and_sees_no_statistics(name):
    generator = LEAN_PEERS[name]().eval()
    passes = [torch.rand(1, 3, 32, 48) for _ in generator.passes]
    with torch.no_grad():
        assert generator(*passes).shape == (1, 3, 32, 48)
    assert not [m for m in generator.modules() if "Norm" in type(m).__name__]


@pytest.mark.parametrize("changes, words", [({"sizes": ("big",)}, "like 1920x1080"), ({"rounds": 0}, "at least 1")])
def test_wrong_settings_are_named(tmp_path, changes, words):
    with pytest.raises(SpeedError, match=words):
        speed(SpeedConfig(tmp_path, **changes))
