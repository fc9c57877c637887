"""Frozen statistics: the frame they were taken from keeps its picture, others no longer flicker, and tiles are exact."""

import numpy as np
import pytest

from core import Generator, Style, StyleError, stylize
from core.adopt import Settings, adopt
from core.adopt.picture import still_life
from tests.core.adopt.families import identity, model, save

SHAPE = [1, 3, "h", "w"]
SCALE, BIAS = np.full(3, 0.2, np.float32), np.full(3, 0.5, np.float32)
END = ("Clip", ["z", np.float32(0), np.float32(1)], ["y"], {})
NORMALISED = [
    ("Conv", ["x", identity(side=3)], ["c"], {"pads": [1, 1, 1, 1]}),
    ("InstanceNormalization", ["c", SCALE, BIAS], ["z"], {}),
    END,
]
BY_HAND = [
    ("ReduceMean", ["x"], ["mean"], {"axes": [2, 3]}),
    ("Sub", ["x", "mean"], ["apart"], {}),
    ("Mul", ["apart", "apart"], ["squares"], {}),
    ("GlobalAveragePool", ["squares"], ["variance"], {}),
    ("Add", ["variance", np.float32(1e-5)], ["safe"], {}),
    ("Sqrt", ["safe"], ["deviation"], {}),
    ("Div", ["apart", "deviation"], ["norm"], {}),
    ("Mul", ["norm", np.float32(0.2)], ["scaled"], {}),
    ("Add", ["scaled", np.float32(0.5)], ["z"], {}),
    END,
]


@pytest.fixture
def make(tmp_path):
    """A function (nodes, frames) -> the generator of the adopted model."""

    def adopted(nodes, frames=()) -> Generator:
        path = save(tmp_path / "foreign.onnx", model(nodes, SHAPE, SHAPE))
        settings = Settings(range_in="0..1", range_out="0..1", order="rgb", encoding="srgb")
        return Generator(adopt(path, tmp_path / f"{len(frames)}.onnx", settings, Style("F"), frames=frames).style, "cpu")

    return adopted


@pytest.mark.parametrize("nodes", [NORMALISED, BY_HAND])
def test_the_frame_that_was_frozen_keeps_its_picture(make, nodes):
    image = still_life(90, 132)
    before, after = make(nodes), make(nodes, [image])
    assert not before.style.tiles_exact and after.style.tiles_exact
    np.testing.assert_allclose(stylize(after, {"image": image}), stylize(before, {"image": image}), rtol=1e-3, atol=1e-4)
    whole, tiled = (stylize(after, {"image": image}, tile=tile) for tile in (None, 40))
    np.testing.assert_allclose(tiled, whole, rtol=1e-4, atol=1e-5)


def test_what_enters_the_frame_no_longer_changes_the_rest(make):
    image = still_life(90, 132)
    entered = image.copy()
    entered[:, 66:, :3] = 0.01
    before, after = make(NORMALISED), make(NORMALISED, [image, entered])
    changes = [np.abs(stylize(g, {"image": entered}) - stylize(g, {"image": image}))[:, :60].max() for g in (before, after)]
    assert changes[0] > 0.1 and changes[1] < 1e-5


def test_a_model_without_statistics_has_nothing_to_freeze(make):
    nodes = [("Clip", ["x", np.float32(0), np.float32(1)], ["y"], {})]
    with pytest.raises(StyleError, match="no statistics of the picture, so that there is nothing to freeze"):
        make(nodes, [still_life(20, 20)])
