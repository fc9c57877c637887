"""What can be set of the looks: ends that differ plainly, a middle between them, and values that change across the frame."""

import numpy as np
import pytest

from core.colour import encode_log
from export.datasets.looks import KNOBS, LOOKS

from ...paired_frames import pair


@pytest.fixture(scope="module")
def passes():
    found, _ = pair(3, 72, 120)
    return found | {"albedo": np.minimum(found["image"][..., :3], 1)}


@pytest.mark.parametrize("look, knob", [(look, knob.name) for look, knobs in KNOBS.items() for knob in knobs])
def test_ends_differ_and_the_middle_lies_between_them(passes, look, knob):
    control = next(c for c in KNOBS[look] if c.name == knob)
    plain = LOOKS[look](passes)
    values = (control.low, control.default, control.high)
    low, default, high = (encode_log(LOOKS[look](passes, **{knob: value})) for value in values)
    assert np.array_equal(default, encode_log(plain)), "a knob at its default leaves the look as it is"
    ends = np.abs(high - low).mean()
    assert ends > 0.004, ends
    assert max(np.abs(low - default).mean(), np.abs(high - default).mean()) < 1.2 * ends


@pytest.mark.parametrize("look", KNOBS)
def test_a_plane_of_one_value_is_the_number_and_half_a_plane_counts_there(passes, look):
    shape = passes["image"].shape[:2]
    for control in KNOBS[look]:
        number, plane = (
            LOOKS[look](passes, **{control.name: v}) for v in (control.high, np.full(shape, control.high, np.float32))
        )
        np.testing.assert_allclose(plane, number, rtol=1e-3, atol=1e-4)
        # Looks average around a pixel: wet paint runs some 30 of them.
        halves = np.full(shape, control.default, np.float32)
        halves[:, 60:] = control.high
        both, plain = LOOKS[look](passes, **{control.name: halves}), LOOKS[look](passes)
        np.testing.assert_allclose(both[:, :25], plain[:, :25], rtol=1e-3, atol=2e-3)
        np.testing.assert_allclose(both[:, 95:], number[:, 95:], rtol=1e-3, atol=2e-3)
