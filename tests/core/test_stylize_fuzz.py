"""Frames from anywhere: whatever numbers, sizes and exposures come, a frame comes out or a PassError, and bad pixels stay alone.

GAN_STYLE_FUZZ sets the number of inputs per test, and lets each run try other ones.
"""

import os

import numpy as np
import pytest

from core import Generator, PassError, load_style, stylize
from core.passes import PASSES
from tests.conftest import FIXTURES

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

EXAMPLES = os.environ.get("GAN_STYLE_FUZZ")
NAMES = ("swap", "tone", "guided", "wide")
SANE = 1e20
"""Alpha beyond this times a radiance may leave the range of floats."""

fuzz = hypothesis.settings(
    max_examples=int(EXAMPLES or 80),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
sides = st.integers(1, 40)
strange = st.sampled_from((0.0, -0.0, 1.0, -1.0, 1e-45, 1e-38, 65504.0, 65520.0, 1e10, 3e38, -3e38, np.inf, -np.inf, np.nan))


@pytest.fixture(scope="module")
def styles():
    return {name: Generator(load_style(FIXTURES / f"{name}.onnx"), "cpu") for name in NAMES}


def frame(rng: np.random.Generator, height: int, width: int, specials: list[float]) -> dict[str, np.ndarray]:
    """All passes, of usual numbers with special ones strewn in."""
    passes = {}
    for name, p in PASSES.items():
        array = rng.lognormal(-1, 2, (height, width, p.channels)).astype(np.float32)
        if specials:
            chosen = rng.random(array.shape) < 0.1
            array[chosen] = rng.choice(np.float32(specials), int(chosen.sum()))
        passes[name] = array
    if rng.random() < 0.5:
        passes["image"][..., 3] = 1
    return passes


@fuzz
@hypothesis.given(
    name=st.sampled_from(NAMES),
    height=sides,
    width=sides,
    seed=st.integers(0, 2**32),
    specials=st.lists(strange),
    exposure=st.floats(allow_nan=True, allow_infinity=True, width=32),
    tile=st.none() | st.integers(1, 64),
)
def test_any_numbers_give_a_frame_with_its_alpha_and_finite_colours(styles, name, height, width, seed, specials, exposure, tile):
    passes = frame(np.random.default_rng(seed), height, width, specials)
    before = {p: array.copy() for p, array in passes.items()}
    with np.errstate(all="ignore"):
        result = stylize(styles[name], passes, exposure=exposure, tile=tile)
    assert result.shape == (height, width, 4) and result.dtype == np.float32
    alpha = passes["image"][..., 3]
    assert np.array_equal(result[..., 3], alpha, equal_nan=True)
    seen = np.isfinite(alpha) & (alpha != 0) & (np.abs(alpha) <= SANE)
    assert np.isfinite(result[seen]).all()
    assert all(np.array_equal(passes[p], before[p], equal_nan=True) for p in passes), "the inputs stay as they were"


@fuzz
@hypothesis.given(
    shapes=st.lists(st.lists(st.integers(0, 6), max_size=4).map(tuple), min_size=2, max_size=2),
    kind=st.sampled_from((np.float32, np.float64, np.float16, np.uint8, np.bool_)),
)
def test_any_shapes_and_types_are_taken_or_named(styles, shapes, kind):
    passes = dict(zip(("image", "depth"), (np.ones(shape, kind) for shape in shapes), strict=True))
    try:
        result = stylize(styles["swap"], passes)
    except PassError as error:
        assert "image" in str(error)
    else:
        assert kind is np.float32 and result.shape == shapes[0]
