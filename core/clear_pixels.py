"""What the network sees where a frame has no alpha: what lies nearest, carried on, and no edge against black or the far distance.

The values are pulled into ever coarser planes and pushed back out to where there are none: Gortler, Grzeszczuk, Szeliski, Cohen,
"The Lumigraph" (1996), section 3.4.2. That takes time and memory in proportion to the pixels, and is done on the whole frame, so
that tiles see what the whole frame sees.
"""

import numpy as np

from .threads import spread

FAR = 1e9
"""Depth from which on nothing was hit; renderers say 1e10 and more."""
BAND = 64
"""Rows that are worked on at a time, an even number; as in stylize.py."""
AVERAGED = ("normal", "albedo")
"""Passes that renderers average over a pixel, with 0 for what hit nothing: they come premultiplied by the alpha, as the image."""


def carry_on(passes: dict[str, np.ndarray], names: tuple[str, ...], reach: int | None = None) -> dict[str, np.ndarray]:
    """The passes; those of the names with values for the pixels whose alpha is 0, and for guides of soft edges that hit nothing.

    passes: as for stylize(). Pixels with an alpha keep their colour to the bit, and the alpha stays as it is: where it is 0, the
    colour is not premultiplied. Without pixels whose alpha is 0, or with no others, these are the passes as they are.
    reach: pixels that lie further than so many rows or columns from all with an alpha are left as they are; None fills them all.
    """
    alpha = passes["image"][..., 3]
    if alpha.all() or not (alpha > 0).any():
        return passes
    window = _around(alpha > 0, max(alpha.shape) if reach is None else reach)
    filled = dict(passes)
    for name in names:
        filled[name] = passes[name].copy()
        _fill(name, filled[name][window], alpha[window])
    return filled


def _around(visible: np.ndarray, reach: int) -> tuple[slice, slice]:
    """The rows and columns with all that is visible, and so many more on each side."""
    spans = []
    for axis in (1, 0):
        places = np.flatnonzero(visible.any(axis))
        start = max(0, int(places[0]) - reach)
        spans.append(slice(start - start % BAND, int(places[-1]) + 1 + reach))  # so that what moves leaves the planes' grid alone
    return spans[0], spans[1]


def _fill(name: str, array: np.ndarray, alpha: np.ndarray) -> None:
    """Fill one pass (H, W, c) in place by what is known of it."""
    height, width = alpha.shape
    channels = min(array.shape[2], 3) if name == "image" else array.shape[2]
    halves = np.empty((channels + 1, -(-height // 2), -(-width // 2)), np.float32)
    wanted = np.empty(alpha.shape, bool)

    @np.errstate(over="ignore", invalid="ignore")
    def pull(rows: slice) -> None:
        part, half = array[rows], halves[:, rows.start // 2 : -(-rows.stop // 2)]
        known = _known(name, part[..., :channels], alpha[rows])
        wanted[rows] = alpha[rows] == 0 if name == "image" else (alpha[rows] < 1) & ~known
        if name in AVERAGED:
            _straighten(name, part, np.where(known, alpha[rows], 1))
        for channel in range(channels):
            _halve(np.where(known, part[..., channel], np.float32(0)), half[channel])
        # The image is premultiplied: the less there is of a colour, the less it counts.
        _halve(np.where(known, np.minimum(alpha[rows], 1) if name == "image" else np.float32(1), np.float32(0)), half[-1])

    def push(rows: slice) -> None:
        for channel, coarse in enumerate(outwards):
            near = coarse[rows.start // 2 : -(-rows.stop // 2)]
            for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
                where = wanted[rows][y::2, x::2]
                np.copyto(array[rows][y::2, x::2, channel], near[: where.shape[0], : where.shape[1]], where=where)

    bands = [slice(row, min(row + BAND, height)) for row in range(0, height, BAND)]
    spread(pull, bands)
    if halves[-1].any():
        outwards = _push(halves[:-1], halves[-1])
        spread(push, bands)


def _known(name: str, part: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """(h, w) of a pass (h, w, c): where it says something of what is visible, in numbers."""
    total = part[..., 0].copy()
    for channel in range(1, part.shape[2]):
        total += part[..., channel]
    known = (alpha > 0) & np.isfinite(total)
    if name == "depth":
        known &= total < FAR
    elif name in ("normal", "position"):
        known &= (part != 0).any(-1)
    return known


def _straighten(name: str, part: np.ndarray, alpha: np.ndarray) -> None:
    """Undo in place, in the soft pixels, that a pass was averaged with what hit nothing."""
    soft = alpha < 1
    if not soft.any():
        return
    values = part[soft]
    # A normal is 1 long, an albedo 1 at most.
    most = np.linalg.norm(values, axis=-1, keepdims=True) if name == "normal" else values
    part[soft] = values / np.maximum(most, alpha[soft][:, None])


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def _push(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(c, H, W) values times their weights (H, W): the values, also where the weight is 0. At least one weight is not."""
    if weight.all():
        return values / weight
    halves = _halves(np.concatenate([values, weight[None]]))
    coarse = _push(halves[:-1], halves[-1])
    fine = _twice(_twice(coarse, 1), 2)[:, : weight.shape[0], : weight.shape[1]]
    np.divide(values, weight, out=fine, where=weight > 0)
    return fine


def _halves(planes: np.ndarray) -> np.ndarray:
    """(c, H, W) to half the size."""
    halves = np.empty((len(planes), -(-planes.shape[1] // 2), -(-planes.shape[2] // 2)), np.float32)
    for plane, half in zip(planes, halves, strict=True):
        _halve(plane, half)
    return halves


def _halve(plane: np.ndarray, half: np.ndarray) -> None:
    """Write the sums of each 2 x 2 pixels, divided by 4; at an odd end, of those that there are."""
    height, width = plane.shape
    rows = plane[::2] * np.float32(0.25)
    rows[: height // 2] += plane[1::2] * np.float32(0.25)
    half[...] = rows[:, ::2]
    half[:, : width // 2] += rows[:, 1::2]


def _twice(planes: np.ndarray, axis: int) -> np.ndarray:
    """Twice as many samples along an axis, by linear interpolation; the ends are held."""
    near = np.moveaxis(planes, axis, 0)
    result = np.empty((2 * near.shape[0], *near.shape[1:]), np.float32)
    np.multiply(near, 0.75, out=result[::2])
    result[1::2] = result[::2]
    quarter = near * 0.25
    result[2::2] += quarter[:-1]
    result[0] += quarter[0]
    result[1:-1:2] += quarter[1:]
    result[-1] += quarter[-1]
    return np.moveaxis(result, 0, axis)
