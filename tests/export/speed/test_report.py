"""The table and the plot of speeds, from made up figures."""

from export.speed.goals import judged
from export.speed.report import bars, table

COST = {"least_seconds": 0.4, "most_seconds": 0.6, "seconds": 0.5, "peak_megabytes": 100.0, "rate": 100.0}
RESULTS = {
    "1920x1080": {
        "default onnxruntime": COST, "pix2pix_unet pytorch": COST | {"seconds": 6.0},
        "few_shot onnxruntime": {"problem": "left out: needs up to 36 GB of memory"},
        "node": {"generator": 0.5, "rest": 0.3},
    },
    "any size": {"enabling": {"seconds": 0.02, "least_seconds": 0.02, "most_seconds": 0.02, "heavy_modules": 0.0}},
}  # fmt: skip


def report(results: dict) -> dict:
    return {"machine": {"cores": "2"}, "results": results, "goals": judged(results)}


def test_the_table_tells_figures_problems_and_goals():
    text = table(report(RESULTS))
    assert "0.400..0.600" in text and "needs up to 36 GB of memory" in text and "cores: 2" in text
    assert "1920x1080 node" in text and "generator 0.5, rest 0.3" in text
    for line in (
        "  met          default against pix2pix in PyTorch, times as fast: 12, wanted at least 10",
        "  NOT met      node in Blender without the generator at 1080p, seconds: 0.3, wanted at most 0.25",
        "  not measured default, MB of a 4K frame: wanted at most 500",
    ):
        assert line in text.splitlines()


def test_nothing_measured_is_a_table_too():
    assert "0 met" in table(report({}))


def test_each_generator_has_a_bar():
    (axes,) = bars(RESULTS).axes
    assert {(bar.get_y() + bar.get_height() / 2, bar.get_width()) for bar in axes.patches} == {(0, 0.5), (1, 6.0)}
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "1920x1080  default onnxruntime",
        "1920x1080  pix2pix_unet pytorch",
    ]


def test_nothing_measured_is_a_plot_too():
    assert not bars({}).axes[0].patches
