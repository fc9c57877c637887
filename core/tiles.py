"""Tiles of a frame: pure geometry. All tiles of a plan have one shape, so that a provider tunes itself to it once."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tile:
    """A window that is run, and the part of it that is kept; rows and columns are those of the whole (padded) frame."""

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


def plan_tiles(height: int, width: int, tile: int | None, radius: int, alignment: int) -> list[Tile]:
    """Cover a (height, width) frame, both multiples of the alignment, with equal windows of at most (tile, tile) pixels.

    Each kept part lies at least `radius` (rounded up to the alignment) inside its window, unless the window ends where the
    frame ends: so the result is that of the whole frame for every generator with that receptive radius. The kept parts cover
    every pixel once. None is the whole frame. A tile too small to keep anything grows to twice the overlap plus one step.
    """
    overlap = round_up(radius, alignment)
    rows = _spans(height, tile, overlap, alignment)
    columns = _spans(width, tile, overlap, alignment)
    return [Tile(y, x, h, w, ky, kx, kh, kw) for y, h, ky, kh in rows for x, w, kx, kw in columns]


def _spans(length: int, tile: int | None, overlap: int, alignment: int) -> list[tuple[int, int, int, int]]:
    """One axis of plan_tiles: (start, length, kept start, kept length) of each window."""
    size = length if tile is None else max(tile // alignment * alignment, 2 * overlap + alignment)
    if size >= length:
        return [(0, length, 0, length)]
    spans, kept = [], 0
    while kept < length:
        start = min(max(kept - overlap, 0), length - size)
        end = length if start + size == length else start + size - overlap
        spans.append((start, size, kept, end - kept))
        kept = end
    return spans
