"""Frames once more in other light and other colours, before a look paints them, so that targets show what it makes of these."""

import hashlib
from collections.abc import Callable

import numpy as np

from core.chromaticities import REC709, to_xyz, white_xyz
from core.colour import HALF_MAX, luminance
from core.passes import PASSES, RADIANCE

Passes = dict[str, np.ndarray]

NIGHT = 2, 5
"""Stops by which frames are darker by night."""
DAYLIGHT, MIREDS = 154, 90
"""Light of 6500 K, and by how much other light may be warmer or cooler, both in mireds (1e6 / K): from 4100 K to 15600 K."""
TINT = 0.02
"""How far light may lie off the Planckian locus to green or magenta, in CIE 1960 u and v."""
STOPS = 1.0
"""How much lighter or darker light may be."""
SATURATION = 0.2, 1.6
CONTRAST = 0.5
"""Contrast is a power from 2 ** -CONTRAST to 2 ** CONTRAST."""


def by_night(passes: Passes, frame: str) -> Passes:
    """The passes of a frame in 1/4 to 1/32 of its light, which follows from its name."""
    image = passes["image"].copy()
    image[..., :3] *= 2 ** -_random(f"{frame}.exr").uniform(*NIGHT)
    return passes | {"image": image}


def graded(passes: Passes, frame: str) -> Passes:
    """The passes of a frame in light of another colour, in other paint and contrast, which follow from the name of its shot, so
    that neighbours stay alike.

    Lit passes take the light, albedo the paint (hue and saturation), the image both: exact where light is white, since other
    light falls on the paint before it is turned. Geometry and guides of other names stay.
    """
    rng = _random(f"graded {frame.rstrip('0123456789')}")
    light = 2 ** rng.uniform(-STOPS, STOPS) * illuminant(DAYLIGHT + MIREDS * rng.uniform(-1, 1), TINT * rng.uniform(-1, 1))
    paint = repaint(rng.uniform(-np.pi, np.pi), rng.uniform(*SATURATION))
    power = 2 ** rng.uniform(-CONTRAST, CONTRAST)
    made: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "image": lambda rgb: contrast(np.maximum(rgb @ paint.T, 0) * light, power),
        "albedo": lambda rgb: np.clip(rgb @ paint.T, 0, 1),
    }
    made |= {name: lambda rgb: rgb * light for name, each in PASSES.items() if each.holds == RADIANCE and name != "image"}
    return passes | {name: _on_colour(passes[name], grade) for name, grade in made.items() if name in passes}


def illuminant(mireds: float, tint: float) -> np.ndarray:
    """Gains of red, green and blue, (3,), for light of a temperature (1e6 / K) beside that of 6500 K, and so far off the locus of
    Planck (Krystek 1985, in CIE 1960 u and v); the luminance of grey stays."""

    def locus(mireds: float) -> np.ndarray:
        t = 1e6 / mireds
        u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t * t) / (1 + 8.42420235e-4 * t + 7.08145163e-7 * t * t)
        v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t * t) / (1 - 2.89741816e-5 * t + 1.61456053e-7 * t * t)
        return np.array([u, v])

    def rec709(uv: np.ndarray) -> np.ndarray:
        u, v = uv
        x, y = 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)
        return np.linalg.solve(to_xyz(REC709), white_xyz(x, y))

    along = locus(mireds + 1) - locus(mireds - 1)
    across = np.array([-along[1], along[0]]) / np.hypot(*along)
    gains = rec709(locus(mireds) + tint * across) / rec709(locus(DAYLIGHT))
    return (gains / luminance(gains)).astype(np.float32)


def repaint(angle: float, saturation: float) -> np.ndarray:
    """A matrix (3, 3) for linear Rec.709 that turns hues about the axis of greys and scales what differs from these; greys and
    luminance stay (Haeberli 1993)."""
    towards = luminance(np.eye(3))
    skew = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = np.cos(angle) * np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) / 3
    kept = turn + (towards - towards @ turn)  # as much grey as the turn took of luminance
    return (towards + saturation * (kept - towards)).astype(np.float32)


def contrast(rgb: np.ndarray, power: float) -> np.ndarray:
    """Luminance of (H, W, 3) linear, >= 0, as a power about its median where there is light; hues stay."""
    tone = luminance(rgb)
    if not (tone > 0).any():
        return rgb
    gain = (np.maximum(tone, np.finfo(np.float32).tiny) / np.median(tone[tone > 0])) ** (power - 1)
    return np.minimum(rgb * gain[..., None], HALF_MAX)


def _on_colour(array: np.ndarray, grade: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """(H, W, c) graded, float32, whose fourth channel, alpha, stays."""
    return np.concatenate([grade(array[..., :3]), array[..., 3:]], axis=-1).astype(np.float32)


def _random(name: str) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
