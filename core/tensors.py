"""A frame's pixels to the network's tensors and back: (H, W, c) to (1, c, H, W), light times the exposure's gain, alpha taken out
and put in again."""

from collections.abc import Callable

import numpy as np

from .colour import HALF_MAX
from .passes import RADIANCE, Pass
from .threads import spread
from .tiles import Tile

MAX_STOPS = 32.0
BAND = 64
"""Rows that arrays are worked on at a time: few enough to stay in a core's cache from one step to the next."""


def places_of(tile: Tile) -> np.ndarray:
    """(1, 2, height, width) float32: where in the frame the pixels of a tile lie."""
    places = np.empty((1, 2, tile.height, tile.width), np.float32)
    places[0, 0], places[0, 1] = np.arange(tile.x, tile.x + tile.width), np.arange(tile.y, tile.y + tile.height)[:, None]
    return places


def gain_of(exposure: float | np.ndarray, window: tuple[slice, slice]) -> np.ndarray | None:
    """Stops to a factor that fits the (c, H, W) of a window; None if it is 1 everywhere."""
    stops = np.asarray(exposure, np.float32)
    stops = stops[window].transpose(2, 0, 1) if stops.ndim else stops
    stops = np.clip(np.nan_to_num(stops), -MAX_STOPS, MAX_STOPS)
    return np.exp2(stops) if stops.any() else None


def tensor_of(kind: Pass, array: np.ndarray, size: tuple[int, int], gain: np.ndarray | None) -> np.ndarray:
    """(h, w, c) to (1, c, *size), edges repeated: finite, light times the gain, the image unpremultiplied, without alpha."""
    height, width = array.shape[:2]
    tensor = np.empty((1, kind.input_channels, *size), np.float32)

    def fill(rows: slice) -> None:
        planes = tensor[0, :, rows, :width]
        planes[...] = array[rows].transpose(2, 0, 1)[: len(planes)]
        with np.errstate(over="ignore", invalid="ignore"):
            if gain is not None and kind.holds == RADIANCE:
                planes *= gain if gain.ndim == 0 else gain[:, rows]
            if kind.name == "image" and not ((alpha := array[rows, :, 3]) == 1).all():
                planes /= np.where(alpha > 0, alpha, np.float32(1))
        _clean(planes, -HALF_MAX)

    _in_bands(fill, height)
    tensor[..., height:, :width] = tensor[..., height - 1 : height, :width]
    tensor[..., width:] = tensor[..., width - 1 : width]
    return tensor


def place(rgb: np.ndarray, image: np.ndarray, gain: np.ndarray | None, frame: np.ndarray) -> None:
    """Write straight RGB, (3, h, w) or more, into (h, w, 4): divided by the gain, premultiplied, with the alpha of the image.

    The RGB is overwritten: planes are quicker to compute with than pixels of four channels.
    """
    height, width = image.shape[:2]

    def fill(rows: slice) -> None:
        planes, alpha = rgb[:, rows, :width], image[rows, :, 3]  # the padding that aligned the frame
        opaque = (alpha == 1).all()
        with np.errstate(over="ignore", invalid="ignore"):
            if gain is not None:
                planes /= gain if gain.ndim == 0 else gain[:, rows]
            _clean(planes, 0.0)  # the exponential that undoes a log curve can overflow
            if not opaque:
                planes *= alpha if np.isfinite(alpha).all() else np.nan_to_num(alpha, nan=1.0, posinf=1.0, neginf=0.0)
                _clean(planes, -HALF_MAX)
        frame[rows, :, :3], frame[rows, :, 3] = planes.transpose(1, 2, 0), alpha
        if not opaque and (clear := alpha == 0).any():
            for channel in range(3):
                np.copyto(frame[rows, :, channel], image[rows, :, channel], where=clear)

    _in_bands(fill, height)


def place_parts(rgb: np.ndarray, gain: np.ndarray | None, frame: np.ndarray) -> None:
    """Write straight RGB of parts of pixels, (c, h, w) or more, into (h, w, c), divided by the gain. The RGB is overwritten."""
    height, width = frame.shape[:2]

    def fill(rows: slice) -> None:
        planes = rgb[:, rows, :width]
        if gain is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                planes /= gain if gain.ndim == 0 else gain[:, rows]
        _clean(planes, 0.0)
        frame[rows] = planes.transpose(1, 2, 0)

    _in_bands(fill, height)


def _in_bands(fill: Callable[[slice], None], height: int) -> None:
    """Call fill() for all rows, BAND at a time."""
    spread(fill, (slice(row, min(row + BAND, height)) for row in range(0, height, BAND)))


def _clean(planes: np.ndarray, lowest: float) -> None:
    """Make each plane finite in place; plane by plane, as the comparison takes memory too."""
    for plane in planes:
        if not np.isfinite(plane).all():
            np.nan_to_num(plane, copy=False, nan=0.0, posinf=HALF_MAX, neginf=lowest)
