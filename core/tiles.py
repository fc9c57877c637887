"""Tiles of a frame: pure geometry. All tiles of a plan have one shape, so that a provider tunes itself to it once."""

from dataclasses import dataclass

import numpy as np

STEPS = 16
"""The sides of what is run of a frame are multiples of so many times the alignment."""


@dataclass(frozen=True)
class Tile:
    """A window that is run, and the part of its result that is kept, in rows and columns of the whole (padded) frame."""

    y: int
    x: int
    height: int
    width: int
    keep_y: int
    keep_x: int
    keep_height: int
    keep_width: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the frame that the tile reads."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    @property
    def kept(self) -> tuple[slice, slice]:
        """Rows and columns of the frame that the tile writes."""
        return slice(self.keep_y, self.keep_y + self.keep_height), slice(self.keep_x, self.keep_x + self.keep_width)

    @property
    def kept_inside(self) -> tuple[slice, slice]:
        """Rows and columns of the tile's own result that are kept."""
        y, x = self.keep_y - self.y, self.keep_x - self.x
        return slice(y, y + self.keep_height), slice(x, x + self.keep_width)


def round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def fit_window(height: int, width: int, area: int, radius: int, alignment: int) -> tuple[int, int] | None:
    """The (height, width) of at most `area` pixels whose windows cover a frame with the fewest pixels computed in all.

    height, width: of the frame, multiples of the alignment. None if even the smallest window is larger.
    """
    overlap = round_up(radius, alignment)
    least = 2 * overlap + alignment
    best = None
    for rows in range(1, height // alignment + 1):
        window_height = _equal(height, rows, overlap, alignment)
        widest = area // window_height // alignment * alignment
        if widest >= min(width, least):
            columns = 1 if widest >= width else _count(width, widest, overlap)
            window_width = _equal(width, columns, overlap, alignment)
            work = rows * window_height * columns * window_width
            if best is None or work < best[0]:
                best = work, (window_height, window_width)
        if window_height <= least:
            break
    return best and best[1]


def _count(length: int, size: int, overlap: int) -> int:
    """How many windows of a size, which is less than the length, cover the length."""
    return -(-(length - 2 * overlap) // (size - 2 * overlap))


def _equal(length: int, count: int, overlap: int, alignment: int) -> int:
    """Length of `count` equal windows that overlap and cover a length."""
    return min(length, max(round_up(-(-(length + 2 * overlap * (count - 1)) // count), alignment), 2 * overlap + alignment))


def plan_tiles(height: int, width: int, window: tuple[int, int] | None, radius: int, alignment: int) -> list[Tile]:
    """Cover a (height, width) frame, both multiples of the alignment, with equal windows of at most the given (height, width).

    Each kept part lies at least `radius` (rounded up to the alignment) inside its window, unless the window ends where the
    frame ends: so the result is that of the whole frame for every generator with that receptive radius. The kept parts cover
    every pixel once. None is the whole frame. A window too small to keep anything grows to twice the overlap plus one step.
    """
    overlap = round_up(radius, alignment)
    rows_at_once, columns_at_once = window or (height, width)
    rows = _spans(height, rows_at_once, overlap, alignment)
    columns = _spans(width, columns_at_once, overlap, alignment)
    return [Tile(y, x, h, w, ky, kx, kh, kw) for y, h, ky, kh in rows for x, w, kx, kw in columns]


def _spans(length: int, size: int, overlap: int, alignment: int) -> list[tuple[int, int, int, int]]:
    """One axis of plan_tiles: (start, length, kept start, kept length) of each window."""
    size = max(size // alignment * alignment, 2 * overlap + alignment)
    if size >= length:
        return [(0, length, 0, length)]
    size = _equal(length, _count(length, size, overlap), overlap, alignment)
    spans, kept = [], 0
    while kept < length:
        start = min(max(kept - overlap, 0), length - size)
        end = length if start + size == length else start + size - overlap
        spans.append((start, size, kept, end - kept))
        kept = end
    return spans


def bounds_of(mask: np.ndarray, margin: int = 0) -> tuple[slice, slice]:
    """The rows and columns of a mask (H, W, 1) where it is not 0, and so many more on each side; two empty slices if it is 0."""
    found = []
    for axis in (1, 0):
        places = np.flatnonzero((mask[..., 0] != 0).any(axis))  # what is no number counts
        found.append(slice(max(0, int(places[0]) - margin), int(places[-1]) + 1 + margin) if places.size else slice(0, 0))
    return found[0], found[1]


def plan_within(
    bounds: tuple[slice, slice], frame: tuple[int, int], window: tuple[int, int] | None, radius: int, alignment: int
) -> list[Tile]:
    """plan_tiles() for a part of a frame, in rows and columns of the frame: what is kept covers the bounds and nothing else."""
    area = around(bounds, frame, radius, alignment)
    (top, left), (height, width) = ((span.start for span in area), (span.stop - span.start for span in area))
    tiles = []
    for tile in plan_tiles(height, width, window, radius, alignment):
        first = max(top + tile.keep_y, bounds[0].start), max(left + tile.keep_x, bounds[1].start)
        last = (
            min(top + tile.keep_y + tile.keep_height, bounds[0].stop),
            min(left + tile.keep_x + tile.keep_width, bounds[1].stop),
        )
        if first[0] < last[0] and first[1] < last[1]:
            kept = last[0] - first[0], last[1] - first[1]
            tiles.append(Tile(top + tile.y, left + tile.x, tile.height, tile.width, *first, *kept))
    return tiles


def around(bounds: tuple[slice, slice], frame: tuple[int, int], radius: int, alignment: int) -> tuple[slice, slice]:
    """What has to be seen of a (height, width) frame for the picture within the bounds to be that of the whole frame.

    A little more, so that bounds that move do not ask the provider for another shape at each frame.
    """
    found = []
    for span, length in zip(bounds, frame, strict=True):
        start = max(span.start - radius, 0) // alignment * alignment
        size = min(round_up(span.stop + radius - start, alignment * STEPS), length)
        start = min(start, length - size)
        found.append(slice(start, start + size))
    return found[0], found[1]


def blended_spans(length: int, size: int, overlap: int) -> list[tuple[int, np.ndarray]]:
    """Windows of one size along an axis at least as long: (start, weights of its pixels), the weights of a pixel adding up to 1.

    Neighbours overlap by `overlap`, less than the size, or more; where they do, one gives way to the other in a ramp.
    """
    count = 1 + max(-(-(length - size) // (size - overlap)), 0)
    starts = [round(index * (length - size) / max(count - 1, 1)) for index in range(count)]
    ramp = (np.minimum(np.arange(size), np.arange(size)[::-1]) + 1).clip(max=max(overlap, 1)).astype(np.float32)
    weights = [ramp.copy() for _ in starts]
    weights[0][: size // 2] = weights[-1][size // 2 :] = ramp.max()
    total = np.zeros(length, np.float32)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + size] += weight
    return [(start, weight / total[start : start + size]) for start, weight in zip(starts, weights, strict=True)]
