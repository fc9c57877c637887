"""Dabs of a brush: strokes with ends, width, bend and bristles, each of one colour from one place, laid over each other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from core.colour import encode_log

from .lines import steps
from .tones import log_depth

FAINTEST = 0.1
"""Where noise has crests lower than this there are no dabs: it is next to nothing, as where no surface is known."""


@dataclass(frozen=True)
class Brush:
    """Sizes in pixels."""

    length: float
    width: float
    bristles: float
    """Distance between the marks of two bristles."""


@dataclass
class Canvas:
    colours: np.ndarray
    """(H, W, 3) encoded."""
    relief: np.ndarray
    """(H, W): how thick the paint lies, about [0, 1]."""


def places(grain: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Where dabs are set: the crests and hollows (row, column) of noise (H, W) that sticks to surfaces, on whole surfaces (H, W)
    alone: a pixel that sees two has a place on neither."""
    found = []
    for sign in (1, -1):
        top = ndimage.maximum_filter(sign * grain, 5)
        found.append(np.argwhere((sign * grain == top) & (top > FAINTEST) & whole))
    return np.concatenate(found)


def form_of(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Surface, depth and paint of each pixel, (H, W, c), in steps of 1 from where a stroke should end to where it goes on."""
    parts = passes["normal"] / 0.5, log_depth(passes["depth"]) / 0.15, encode_log(passes["albedo"]) / 0.13
    return np.concatenate(parts, axis=-1).astype(np.float32)


def whole_surfaces(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Where pixels and those around them lie on one surface, (H, W) bool."""
    return ndimage.maximum_filter(np.maximum(*steps(passes["depth"])), 5) < 0.5


@dataclass(frozen=True)
class Stroke:
    """The surroundings of a stroke in its own coordinates, in pixels."""

    window: tuple[slice, slice]
    along: np.ndarray
    across: np.ndarray
    like: np.ndarray
    """How far the surface is the one that the stroke is on, [0, 1]."""


def strokes(
    spots: np.ndarray, order: np.ndarray, direction: np.ndarray, form: np.ndarray, length: float
) -> Iterator[tuple[tuple[int, int], Stroke]]:
    """Each of the spots (n, 2) and the stroke there, those of lower order (H, W) first.

    direction: unit vectors (x, y), y down, (2, H, W), along which strokes are drawn and with which they bend. form: (H, W, c);
    a stroke ends where it differs from that of its spot by about 1.
    """
    height, width = order.shape
    rows, columns = spots.T
    reach = int(0.55 * length) + 3
    for row, column in spots[np.lexsort((columns, rows, order[rows, columns]))]:
        x, y = direction[:, row, column]
        turned = []
        for end in (-length / 3, length / 3):
            r, c = min(max(round(row + end * y), 0), height - 1), min(max(round(column + end * x), 0), width - 1)
            turned.append(x * direction[1, r, c] - y * direction[0, r, c])
        bend = np.clip((turned[1] - turned[0]) / (length * 2 / 3), -1.2 / length, 1.2 / length)
        window = (slice(max(row - reach, 0), row + reach + 1), slice(max(column - reach, 0), column + reach + 1))
        near = form[window]
        dy, dx = np.ogrid[: near.shape[0], : near.shape[1]]
        dy, dx = dy - (row - window[0].start), dx - (column - window[1].start)
        along = dx * x + dy * y
        across = dy * x - dx * y - 0.5 * bend * along**2
        like = np.clip(2 * np.exp(-0.5 * ((near - form[row, column]) ** 2).sum(-1)), 0, 1)
        yield (row, column), Stroke(window, along, across, like)


def lay(
    canvas: Canvas,
    brush: Brush,
    spots: np.ndarray,
    order: np.ndarray,
    colours: np.ndarray,
    direction: np.ndarray,
    form: np.ndarray,
) -> None:
    """Lay dabs of paint as strokes(), each in the colour (H, W, 3) of its spot."""
    for spot, stroke in strokes(spots, order, direction, form, brush.length):
        across = stroke.across / (0.5 * brush.width)
        marks = np.cos(2 * np.pi * stroke.across / brush.bristles + 40 * order[spot])
        # Bristles leave the canvas one by one: the end of a dab is ragged, its beginning round.
        along = stroke.along / (0.5 * brush.length * (1 + 0.18 * marks * (stroke.along > 0)))
        cover = np.clip(1.6 * (1 - along**4 - across**4), 0, 1) * stroke.like
        # Paint gathers at the borders of a dab and in the furrows between bristles.
        thick = 0.45 + 0.14 * marks + 0.4 * np.clip(across, -1, 1) ** 4 - 0.2 * np.clip(along, -1, 1)
        canvas.colours[stroke.window] += cover[..., None] * (colours[spot] - canvas.colours[stroke.window])
        canvas.relief[stroke.window] += cover * (thick - canvas.relief[stroke.window])


def missed(canvas: Canvas, picture: np.ndarray, spots: np.ndarray, reach: float, most: float) -> np.ndarray:
    """Those of the spots (n, 2) about which the canvas differs from the picture (H, W, 3) by more than `most`."""
    error = ndimage.gaussian_filter(np.abs(canvas.colours - picture).max(-1), reach)
    return spots[error[tuple(spots.T)] > most]
