import numpy as np
import pytest

from core.passes import PASSES, check_passes
from export.datasets.charts import FIELDS, chart

EACH = range(2 * len(FIELDS))


@pytest.mark.parametrize("number", EACH)
def test_a_chart_has_all_passes_and_is_the_same_each_time(number):
    passes, again = chart(number, 3, 48, 32), chart(number, 3, 48, 32)
    check_passes(passes, tuple(PASSES))
    assert {name: p.shape for name, p in passes.items()} == {name: (32, 48, p.channels) for name, p in PASSES.items()}
    for name, array in passes.items():
        assert array.dtype == np.float32 and np.isfinite(array).all() and np.array_equal(array, again[name])
    assert (passes["image"] >= 0).all() and (passes["image"][..., 3] == 1).all()


def test_another_seed_and_another_number_of_the_same_kind_give_other_charts():
    first, seed, number = chart(1, 0, 48, 32), chart(1, 1, 48, 32), chart(1 + len(FIELDS), 0, 48, 32)
    assert not np.allclose(first["image"], seed["image"]) and not np.allclose(first["image"], number["image"])


def test_the_charts_show_what_scenes_do_not():
    pictures = [chart(number, 0, 96, 64)["image"][..., :3] for number in EACH]
    assert any(not p.any() for p in pictures) and max(p.max() for p in pictures) > 20
    flat = [p for p in pictures if p.any() and np.ptp(p) == 0]
    assert flat and all(p[0, 0, 0] == p[0, 0, 1] == p[0, 0, 2] for p in flat)
    assert any(abs(np.corrcoef(p[:, :-1, 0].ravel(), p[:, 1:, 0].ravel())[0, 1]) < 0.1 for p in pictures if np.ptp(p) > 0)


def test_the_wall_faces_the_camera_and_neighbouring_pixels_are_neighbours_on_it():
    passes = chart(0, 0, 96, 64)
    assert (passes["normal"] == (0, -1, 0)).all() and (passes["position"][..., 1] == passes["depth"][..., 0]).all()
    steps = np.diff(passes["position"][..., 0], axis=1)
    assert steps.min() > 0 and np.allclose(steps, steps[0, 0], rtol=1e-3)
    assert np.allclose(np.diff(passes["position"][..., 2], axis=0), -steps[0, 0], rtol=1e-3)
