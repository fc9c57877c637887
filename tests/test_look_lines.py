import numpy as np
import pytest

pytest.importorskip("scipy")
from export.looks.lines import outlines


def test_an_outline_lies_on_the_nearer_surface():
    depth = np.full((64, 96, 1), 10, np.float32)
    depth[:, 48:] = 5
    normal = np.broadcast_to(np.array([0, -1, 0], np.float32), (64, 96, 3))
    coverage = outlines({"depth": depth, "normal": normal}, np.full((64, 96), 0.6, np.float32))[32]
    assert coverage[48:51].sum() > 3 * coverage[45:48].sum() and coverage[48] > 0.6
    assert max(coverage[:40].max(), coverage[56:].max()) < 0.01
