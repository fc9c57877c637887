import pytest

from export.measures.cost import CostError, frame_cost

from ...conftest import FIXTURES


def test_memory_grows_with_the_frame():
    small, large = (frame_cost(FIXTURES / "wide.onnx", "cpu", size) for size in ((32, 32), (1024, 1024)))
    assert all(cost["provider"] == "cpu" and cost["seconds"] > 0 for cost in (small, large))
    assert large["peak_megabytes"] > small["peak_megabytes"] + 3 * 4 * 1024**2 / 1e6  # the output at least


def test_a_style_that_cannot_run_is_one_sentence(tmp_path):
    with pytest.raises(CostError, match="can't be measured: There is no style file"):
        frame_cost(tmp_path / "none.onnx")
