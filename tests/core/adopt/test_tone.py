"""The tone curve: light comes back through a model that changes nothing, in arrays and in graphs alike."""

import numpy as np
import pytest

from core.adopt.tone import ENCODINGS, gain, to_display, to_light
from core.adopt.wrap import Wrapping, wrap
from core.runtime import open_model
from tests.core.adopt.families import model

LIGHT = np.geomspace(1e-6, 65504, 400, dtype=np.float32)


@pytest.fixture
def radiance():
    """(20, 20, 3): black, colours of all strengths, and light far beyond white."""
    rng = np.random.default_rng(0)
    return rng.permutation(np.concatenate([[0, 0, 0], np.repeat(LIGHT, 3)[3:]])).reshape(20, 20, 3).astype(np.float32)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_light_comes_back(radiance, encoding):
    display = to_display(radiance, encoding)
    assert display.min() >= 0 and display.max() < 1
    assert np.allclose(to_light(display, radiance, encoding), radiance, rtol=1e-4, atol=1e-6)


def test_what_is_not_bright_is_shown_as_it_is_and_the_rest_rises_to_white():
    grey = np.repeat(LIGHT[:, None], 3, 1)
    shown = to_display(grey, "linear")[:, 0]
    assert np.array_equal(shown[LIGHT <= 0.8], LIGHT[LIGHT <= 0.8]) and np.all(np.diff(shown) >= 0)
    assert np.isclose(to_display(np.ones((1, 3)), "linear")[0, 0], 0.9)


def test_hues_stay():
    sky = np.array([0.8, 2.0, 6.0], np.float32)
    shown = to_display(sky, "linear")
    assert np.allclose(shown / shown[2], sky / sky[2]) and gain(sky) > 6


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_graph_computes_the_same(radiance, encoding):
    half = model([("Mul", ["x", np.float32(0.5)], ["y"], {})], [1, 3, "h", "w"], [1, 3, "h", "w"])
    half.graph.input[0].name = half.graph.node[0].input[0] = "net/x"
    wrapped = wrap(half, Wrapping("NCHW", "NCHW", "0..1", "0..1", "rgb", encoding, 3, 3, 1, 1, None))
    found = open_model(wrapped)({"image": radiance.transpose(2, 0, 1)[None]}, ["stylized"])[0][0].transpose(1, 2, 0)
    wanted = to_light(to_display(radiance, encoding) * 0.5, radiance, encoding)
    assert np.allclose(found, wanted, rtol=1e-3, atol=1e-6)
