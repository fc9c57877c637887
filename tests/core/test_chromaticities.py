import numpy as np
import pytest

from core.chromaticities import REC709, XYZ, decode_luminance_chroma, luminance_weights, to_rec709
from core.passes import PassError

pytest.importorskip("OpenEXR")

AP0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
REC2020 = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290)


def test_rec709_needs_no_conversion():
    for header in ({}, {"chromaticities": REC709}, {"colorInteropID": "lin_rec709_scene"}, {"colorInteropID": "unknown"}):
        assert to_rec709(header) is None


@pytest.mark.parametrize("header", [{"chromaticities": (*XYZ, 1 / 3, 1 / 3)}, {"colorInteropID": "lin_ciexyzd65_scene"}])
def test_xyz_is_the_standards_matrix(header):
    """IEC 61966-2-1, annex F."""
    expected = [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
    np.testing.assert_allclose(to_rec709(header), expected, atol=5e-4)


def test_bt2020_is_the_standards_matrix():
    """ITU-R BT.2087."""
    expected = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
    np.testing.assert_allclose(to_rec709({"chromaticities": REC2020}), expected, atol=2e-4)


@pytest.mark.parametrize(
    "header", [{"chromaticities": AP0}, {"colorInteropID": "lin_ap0_scene"}, {"colorInteropID": "lin_ap1_scene"}]
)
def test_white_stays_white_under_another_white_point(header):
    np.testing.assert_allclose(to_rec709(header).sum(axis=1), 1, atol=1e-6)


def test_what_is_not_linear_or_says_two_things_is_refused():
    with pytest.raises(PassError, match="srgb_rec709_scene"):
        to_rec709({"colorInteropID": "srgb_rec709_scene"})
    with pytest.raises(PassError, match="which is wrong"):
        to_rec709({"colorInteropID": "lin_rec709_scene", "chromaticities": AP0})
    with pytest.raises(PassError, match="not those of any colour space"):
        to_rec709({"chromaticities": (0.3,) * 8})


@pytest.mark.parametrize("size", [(8, 12), (7, 9), (1, 1), (2, 3)])
def test_luminance_and_chroma_give_back_smooth_colours(size):
    """Encoded as the OpenEXR Technical Introduction says: RY and BY of every second pixel."""
    y, x = np.mgrid[: size[0], : size[1]] / 12
    rgb = np.stack([0.5 + 0.2 * x, 0.6 + 0.1 * y, 0.4 + 0.1 * x * y], -1)
    weights = luminance_weights({})
    luminance = rgb @ weights
    chroma = {name: ((rgb[..., i] - luminance) / luminance)[::2, ::2] for name, i in (("RY", 0), ("BY", 2))}
    np.testing.assert_allclose(weights, [0.2126, 0.7152, 0.0722], atol=1e-4)
    np.testing.assert_allclose(decode_luminance_chroma({"Y": luminance, **chroma}, weights), rgb, atol=0.02)
    np.testing.assert_allclose(decode_luminance_chroma({"Y": luminance}, weights)[..., 1], luminance, rtol=1e-6)
