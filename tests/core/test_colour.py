import numpy as np
import pytest

from core.colour import decode_log, decode_srgb, encode_log, encode_srgb, luminance


def test_the_log_curve_and_its_inverse():
    x = np.array([0, 1e-4, 0.18, 1, 50, 65504], np.float32)
    np.testing.assert_allclose(decode_log(encode_log(x)), x, rtol=1e-4, atol=1e-7)
    assert encode_log(np.float32(1)) == pytest.approx(1, abs=1e-6) and encode_log(np.float32(65504)) == pytest.approx(
        3.65, abs=0.01
    )
    assert encode_log(np.float32(-1)) == 0 and decode_log(np.float32(-1)) == 0


def test_the_srgb_curve_has_the_standards_values():
    """IEC 61966-2-1: 18 % grey shows as 0.4613; both pieces meet at 0.0031308."""
    assert encode_srgb(0.18) == pytest.approx(0.46135612, abs=1e-6)
    assert encode_srgb(0.0031308) == pytest.approx(0.0404499, abs=1e-5)
    x = np.linspace(0, 1, 1001, dtype=np.float32)
    np.testing.assert_allclose(decode_srgb(encode_srgb(x)), x, atol=1e-6)


def test_luminance_of_white_is_one_and_green_counts_most():
    assert luminance(np.ones((2, 3, 3), np.float32)) == pytest.approx(np.ones((2, 3)))
    red, green, blue = luminance(np.eye(3, dtype=np.float32))
    assert green > red > blue
