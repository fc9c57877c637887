"""Linear colours of EXR files to linear Rec.709 and back, by the chromaticities in their headers.

SMPTE RP 177 says how primaries and white make a matrix; whites are adapted by Bradford's (Lam 1985), as in ACES.
"""

import numpy as np

from .passes import PassError

REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""x and y of red, green, blue and white, ITU-R BT.709."""
XYZ = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
"""The primaries of CIE XYZ itself, whose white is a convention: such values need no adaptation."""
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SAME = 2e-3
"""By how much chromaticities may differ and still be those of Rec.709: writers round them."""


def chromaticities_of(header: dict) -> tuple[float, ...]:
    """x and y of red, green, blue and white; those of Rec.709 where the header doesn't say.

    Raises PassError if the colours are not linear, or the header says two things.
    """
    import OpenEXR  # here, so that importing core stays light

    told = header.get("chromaticities")
    name = header.get("colorInteropID", "")
    if name in ("", "unknown"):
        return REC709 if told is None else tuple(float(x) for x in np.ravel(told))
    named = (*XYZ, 1 / 3, 1 / 3) if name == "lin_ciexyzd65_scene" else OpenEXR.colorInteropIDToChromaticities(name)
    if named is None:
        raise PassError(f"The colours are {name}, which is no known linear space; convert the frame to linear Rec.709 first.")
    count = 6 if named[:6] == XYZ else 8
    if told is not None and not np.allclose(np.ravel(told)[:count], named[:count], atol=SAME):
        raise PassError(f"The colours are {name} by their header, which has other chromaticities, too; which is wrong?")
    return tuple(named)


def to_rec709(header: dict) -> np.ndarray | None:
    """(3, 3) that makes RGB of a part with this header linear Rec.709; None if it is. Raises PassError."""
    found = chromaticities_of(header)
    if np.allclose(found, REC709, atol=SAME):
        return None
    neutral = found[6:] if found[:6] != XYZ else REC709[6:]
    if "adoptedNeutral" in header:
        neutral = tuple(float(x) for x in np.ravel(header["adoptedNeutral"]))
    try:
        return np.linalg.inv(to_xyz(REC709)) @ _adapted(white_xyz(*neutral), white_xyz(*REC709[6:])) @ to_xyz(found)
    except (np.linalg.LinAlgError, ZeroDivisionError) as error:
        raise PassError(f"The header's chromaticities {found} are not those of any colour space.") from error


def luminance_weights(header: dict) -> np.ndarray:
    """(3,) weights of red, green and blue in the luminance Y of a part with this header. Raises PassError."""
    weights = to_xyz(chromaticities_of(header))[1]
    return weights / weights.sum()


def decode_luminance_chroma(planes: dict[str, np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Y, and RY = (R - Y) / Y and BY, of half the size if they are subsampled, to RGB (H, W, 3) float32."""
    luminance = planes["Y"].astype(np.float32)
    if "RY" not in planes:
        return np.repeat(luminance[..., None], 3, axis=2)
    red, blue = ((_enlarged(planes[name], luminance.shape) + 1) * luminance for name in ("RY", "BY"))
    green = (luminance - weights[0] * red - weights[2] * blue) / weights[1]
    return np.stack([red, green, blue], axis=-1).astype(np.float32)


def _enlarged(plane: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(h, w) to (H, W) of about twice that: every second value kept, cubic between them."""
    plane = plane.astype(np.float32)
    for axis in (0, 1):
        if plane.shape[axis] != size[axis]:
            edge = np.pad(plane, [(1, 2) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
            before, here, after, beyond = (edge.take(range(k, k + plane.shape[axis]), axis) for k in range(4))
            between = (9 * (here + after) - before - beyond) / 16
            plane = np.stack([here, between], axis + 1).reshape(*(n * (1 + (a == axis)) for a, n in enumerate(plane.shape)))
            plane = plane.take(range(size[axis]), axis)
    return plane


def to_xyz(chromaticities: tuple[float, ...]) -> np.ndarray:
    """(3, 3) that makes RGB of these chromaticities CIE XYZ (SMPTE RP 177)."""
    primaries = np.array([[x, y, 1 - x - y] for x, y in np.reshape(chromaticities[:6], (3, 2))]).T
    if chromaticities[:6] == XYZ:
        return primaries
    return primaries * np.linalg.solve(primaries, white_xyz(*chromaticities[6:]))


def white_xyz(x: float, y: float) -> np.ndarray:
    """CIE XYZ (3,) of light of these chromaticities whose luminance is 1."""
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adapted(white: np.ndarray, to: np.ndarray) -> np.ndarray:
    """(3, 3) on XYZ: what looks white under one light looks white under the other."""
    return np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ to) / (BRADFORD @ white)) @ BRADFORD
