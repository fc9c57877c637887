"""Steadies a stylised sequence: each picture is mixed with the one before, moved along the motion, where it shows the same.

The result of a frame depends on all frames before it, so it is the same only for a sequence that begins with the same frame.
"""

import numpy as np

from .colour import decode_log, encode_log

WEIGHT = 0.8
"""Of the picture before: it lasts for about five frames."""
MISSED = 0.5, 0.05
"""Pixels, and parts of the motion, by which a surface's way there and back may differ until it counts as another surface."""
RELIT = 0.1
"""Difference of the plain frames, in log encoding, at which the picture before counts for a third of its weight."""
COVERAGE = 0.02
"""Difference of alpha from which on a pixel counts as something else."""


class Steadier:
    """Mixes one picture after the other; to be called with every frame of a sequence in its order."""

    def __init__(self, weight: float = WEIGHT):
        """weight: of the picture before, in [0, 1)."""
        self.weight = weight
        self._before: tuple[dict[str, np.ndarray], np.ndarray] | None = None

    def __call__(self, passes: dict[str, np.ndarray], picture: np.ndarray) -> np.ndarray:
        """The picture (H, W, 4) float32, steadied.

        passes: of the same frame, "image" and "vector", see passes.PASSES. A frame of another size begins anew.
        """
        steadied = picture
        if self._before is not None and self._before[1].shape == picture.shape:
            steadied = self._mix(*self._before, passes, picture)
        self._before = passes, steadied
        return steadied

    def _mix(
        self, passes_before: dict[str, np.ndarray], before: np.ndarray, passes: dict[str, np.ndarray], picture: np.ndarray
    ) -> np.ndarray:
        rows, columns = previous_places(passes["vector"])
        moved = sample(before, rows, columns)
        covered = np.abs(moved[..., 3] - picture[..., 3]) < COVERAGE
        weight = self.weight * covered * visibility(passes_before, passes, rows, columns)
        old, new = encode_log(moved[..., :3]), encode_log(picture[..., :3])
        mixed = picture.copy()
        changed = weight > 0
        mixed[changed, :3] = decode_log(new + weight[..., None] * (old - new))[changed]
        return mixed


def previous_places(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns), (H, W) each, where what a pixel shows was in the frame before; vector: the pass, y up."""
    height, width = vector.shape[:2]
    motion = np.nan_to_num(vector, nan=1e6, posinf=1e6, neginf=-1e6)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return rows - motion[..., 1], columns + motion[..., 0]


def visibility(
    passes_before: dict[str, np.ndarray], passes: dict[str, np.ndarray], rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """(H, W) in [0, 1]: how surely the frame before shows the same surface in the same light at these places.

    A surface is the same if its motion from there leads back here; export/measures/motion.py judges by depth as well.
    """
    height, width = rows.shape
    inside = (rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)
    onward = sample(np.nan_to_num(passes_before["vector"]), rows, columns)
    here_rows, here_columns = np.mgrid[0:height, 0:width].astype(np.float32)
    missed = np.hypot(columns - onward[..., 2] - here_columns, rows + onward[..., 3] - here_rows)
    allowed = MISSED[0] + MISSED[1] * np.hypot(rows - here_rows, columns - here_columns)
    plain, plain_before = passes["image"][..., :3], sample(passes_before["image"], rows, columns)[..., :3]
    relit = np.abs(encode_log(plain) - encode_log(plain_before)).max(-1) / RELIT
    return inside * (missed <= allowed) * np.exp(-(relit**2))


def sample(picture: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The picture (H, W, c) at places between its pixels, (H, W, c): Catmull and Rom's cubic, kept within the four pixels around,
    so that what is sampled again and again gets neither soft nor ringing. Places outside take the nearest pixel."""
    height, width = picture.shape[:2]
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    top, left = np.floor(rows).astype(np.int32), np.floor(columns).astype(np.int32)
    down, across = _cubic(rows - top), _cubic(columns - left)
    total = np.zeros((*rows.shape, picture.shape[2]), np.float32)
    low, high = np.full_like(total, np.inf), np.full_like(total, -np.inf)
    for row in range(4):
        line = np.clip(top + row - 1, 0, height - 1)
        for column in range(4):
            pixels = picture[line, np.clip(left + column - 1, 0, width - 1)]
            total += pixels * (down[row] * across[column])[..., None]
            if row in (1, 2) and column in (1, 2):
                low, high = np.minimum(low, pixels), np.maximum(high, pixels)
    return np.clip(total, low, high)


def _cubic(t: np.ndarray) -> tuple[np.ndarray, ...]:
    """Weights of the four pixels around a place, t in [0, 1) from the second to the third (Catmull and Rom 1974)."""
    return (
        ((2 - t) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((4 - 3 * t) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    )
