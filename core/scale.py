"""Strokes of another size: passes at a share of their resolution, and what a style made of them at the full one again."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .colour import HALF_MAX, decode_log, encode_log
from .threads import spread

LEAST, MOST = 0.25, 8.0
"""What the scale is cut to: memory grows with the square of its inverse, and of a small picture nothing is left."""
SAMPLED = {"depth", "position", "vector"}
"""Passes of which a mean, say of two surfaces, is nowhere: the pixel in the middle of several stands for all, and one that
becomes several for each of them."""
NOISE = 1e-4
"""Variance of encoded values below which a picture counts as flat."""
STEEPEST = 3.0
"""How often a style may steepen an edge that the scaled picture has lost."""
BAND = 64


def clipped(scale: float) -> float:
    """A scale within LEAST and MOST; 1 for what is no number."""
    return float(np.clip(scale, LEAST, MOST)) if np.isfinite(scale) else 1.0


def resized(passes: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """Passes and other pictures (H, W, c) at 1 / scale of their height and width; numbers stay. Motion is in the new pixels."""
    height, width = passes["image"].shape[:2]
    size = max(1, round(height / scale)), max(1, round(width / scale))
    small = {}
    for name, array in passes.items():
        if not isinstance(array, np.ndarray) or array.ndim < 3:
            small[name] = array
            continue
        if not np.isfinite(array).all():
            array = np.nan_to_num(array, nan=0.0, posinf=HALF_MAX, neginf=-HALF_MAX)
        if name in SAMPLED:
            rows, columns = (((np.arange(n) + 0.5) * full / n).astype(int) for n, full in zip(size, (height, width), strict=True))
            small[name] = np.ascontiguousarray(array[rows][:, columns])
        else:
            small[name] = (enlarged if scale < 1 else mean)(array, size)
        if name == "image" and (array[..., 3] == 0).any():  # colours are not premultiplied there, see clear_pixels.py
            visible = (enlarged if scale < 1 else mean)(np.where(array[..., 3:] == 0, np.float32(0), array), size)
            small[name] = np.where(visible[..., 3:] == 0, small[name], visible)
        if name == "vector":
            small[name] = small[name] * np.float32(1 / scale)
    return small


def mean(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, c) to a smaller (h, w, c), each pixel the mean of what it covers."""
    rows = _mean_rows(array, size[0])
    return np.ascontiguousarray(_mean_rows(rows.swapaxes(0, 1), size[1]).swapaxes(0, 1))


def _mean_rows(array: np.ndarray, count: int) -> np.ndarray:
    edges, result = np.linspace(0, len(array), count + 1), np.empty((count, *array.shape[1:]), np.float32)

    def fill(row: int) -> None:
        first, last = int(edges[row]), min(int(np.ceil(edges[row + 1])), len(array))
        covered = np.arange(first, last)
        weights = np.minimum(covered + 1, edges[row + 1]) - np.maximum(covered, edges[row])
        result[row] = np.tensordot((weights / weights.sum()).astype(np.float32), array[first:last], 1)

    spread(fill, range(count))
    return result


def enlarged(array: np.ndarray, size: tuple[int, int], rows: slice = slice(None)) -> np.ndarray:
    """Rows of (h, w, c) made (H, W, c), bilinear."""
    (above, below, down), (left, right, across) = (_between(n, full) for n, full in zip(array.shape, size, strict=False))
    down, across = down[rows, None, None], across[:, None]
    lines = array[above[rows]] * (1 - down) + array[below[rows]] * down
    return lines[:, left] * (1 - across) + lines[:, right] * across


def _between(count: int, full: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of `full` pixels: between which two of `count` it lies, and how near the second, float32."""
    place = np.clip((np.arange(full) + 0.5) * count / full - 0.5, 0, count - 1)
    first = np.minimum(place.astype(int), max(count - 2, 0))
    return first, np.minimum(first + 1, count - 1), (place - first).astype(np.float32)


def carried_over(seen: np.ndarray, made: np.ndarray, image: np.ndarray) -> np.ndarray:
    """What a style made (h, w, 4) of a smaller picture that it saw (h, w, 4), brought to the full image (H, W, 4).

    Between the small pixels, log encoded, the result follows the image as far as the small result follows the small picture
    nearby: edges stay as crisp as the image has them, and texture that the style took away stays away (He and Sun 2015, Fast
    Guided Filter).
    """
    small, painted = _straight(seen), _straight(made)
    level, slope = _near(small), _near(small * painted)
    slope = np.clip((slope - level * _near(painted)) / (_near(small * small) - level**2 + NOISE), 0, STEEPEST)
    maps = np.concatenate([painted, _near(slope), small], axis=-1).astype(np.float32)
    frame, size = image.copy(), (image.shape[0], image.shape[1])

    def fill(rows: slice) -> None:
        base, share, blurred = np.split(enlarged(maps, size, rows), 3, axis=-1)
        alpha = np.nan_to_num(image[rows, :, 3:])
        frame[rows, :, :3] = decode_log(base + share * (_straight(image[rows]) - blurred)) * alpha

    spread(fill, (slice(row, min(row + BAND, size[0])) for row in range(0, size[0], BAND)))
    return frame


def _straight(image: np.ndarray) -> np.ndarray:
    """(h, w, 4) to its colours without alpha, log encoded, (h, w, 3)."""
    alpha = image[..., 3:]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        colours = image[..., :3] / np.where(alpha > 0, alpha, np.float32(1))
    return encode_log(np.nan_to_num(colours, nan=0.0, posinf=HALF_MAX, neginf=0.0)).astype(np.float32)


def _near(array: np.ndarray) -> np.ndarray:
    """Means over three by three pixels."""
    padded = np.pad(array, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) * np.float32(1 / 9)
