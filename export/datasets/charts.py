"""Test charts: frames of what no scene shows, so that a style learns to keep grey plain and to leave noise alone."""

from collections.abc import Callable
from zlib import crc32

import numpy as np

from core.passes import LIGHT

Field = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]
DISTANCE = 6.0
"""Of the wall that a chart hangs on, in scene units."""
FOCAL = 1.4
"""Focal length of the camera before it, in heights of the frame."""


def chart(number: int, seed: int, width: int, height: int) -> dict[str, np.ndarray]:
    """The passes of a chart, {name: (H, W, c) float32}, image linear Rec.709 and opaque.

    It hangs on a wall that faces the camera, every fourth one in the empty background. Charts whose numbers differ by
    len(FIELDS) are of the same kind, with other values. The same arguments give the same chart.
    """
    rng = np.random.default_rng(crc32(f"chart {number} {seed}".encode()))
    y, x = np.mgrid[:height, :width].astype(np.float32) / height
    rgb = np.broadcast_to(FIELDS[number % len(FIELDS)](rng, x, y), (height, width, 3))
    wall = np.float32(number % 4 != 3)
    place = np.stack([(x - 0.5 * width / height) / FOCAL, np.ones_like(x), (0.5 - y) / FOCAL], -1) * DISTANCE
    flat = np.broadcast_to(np.array([0, -1, 0], np.float32), (height, width, 3))
    light = {name: np.zeros((height, width, 3), np.float32) for name in LIGHT}
    return light | {
        "image": np.concatenate([rgb, np.ones((height, width, 1))], -1).astype(np.float32),
        "emission": rgb.astype(np.float32),
        "ambient_occlusion": np.ones((height, width, 3), np.float32),
        "depth": np.full((height, width, 1), DISTANCE if wall else 1e10, np.float32),
        "normal": (flat * wall).astype(np.float32),
        "albedo": (np.clip(rgb, 0, 0.8) * wall).astype(np.float32),
        "position": (place * wall).astype(np.float32),
        "vector": np.zeros((height, width, 4), np.float32),
    }


def _level(rng: np.random.Generator) -> np.ndarray:
    """A colour (3,), from near black to far above white."""
    return np.exp2(rng.uniform(-7, 3)) * rng.uniform(0.5, 1, 3)


def _flat(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.full(3, np.exp2(rng.uniform(-6, 1)))


def _black(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.zeros(3)


def _ramp(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """From one colour to another in even stops."""
    angle = rng.uniform(0, 2 * np.pi)
    along = 0.5 + 0.5 * np.sin(np.cos(angle) * x + np.sin(angle) * y)[..., None]
    return np.exp((1 - along) * np.log(_level(rng)) + along * np.log(_level(rng)))


def _noise(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """White noise, as in a render with too few samples."""
    return _level(rng) * rng.gamma(1.0, 1.0, (*x.shape, 3))


def _lights(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Discs of radiance 1 to 100 before a dark ground."""
    picture = np.full((*x.shape, 3), 0.02) * rng.uniform(0.5, 1, 3)
    for _ in range(12):
        middle, radius = rng.uniform(0, (x.max(), 1)), rng.uniform(0.01, 0.12)
        inside = np.hypot(x - middle[0], y - middle[1]) < radius
        picture[inside] = np.exp2(rng.uniform(0, 6.6)) * rng.uniform(0.6, 1, 3)
    return picture


FIELDS: tuple[Field, ...] = (_flat, _ramp, _noise, _lights, _black)
