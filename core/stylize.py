"""The pipeline: passes of a frame -> tensor -> generator -> frame."""

from collections.abc import Callable

import numpy as np

from .generator import Generator
from .passes import check_passes
from .tiles import plan_tiles, round_up

FAR = 65504.0
"""Largest half float; what an infinite radiance counts as."""

MAX_STOPS = 32.0


class Cancelled(Exception):
    """The caller's `cancel` asked to stop; there is no result."""


def stylize(
    generator: Generator,
    passes: dict[str, np.ndarray],
    *,
    exposure: float | np.ndarray = 0.0,
    tile: int | None = None,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> np.ndarray:
    """Stylise one frame.

    passes: {pass name: (H, W, c) float32, scene-linear Rec.709, top row first}, see passes.PASSES; "image" is premultiplied
    RGBA in [0, inf). Passes that the style does not use are ignored. H and W may be anything from 1 on.
    exposure: stops, one number or (H, W, 1), within MAX_STOPS: the generator sees the light times 2^exposure, and its answer is
    divided by that again.
    tile: largest side in pixels of what is run at once, None for the whole frame; it changes memory and time, not the picture.
    progress: called with the finished fraction, rising to 1. cancel: asked between tiles.

    Returns (H, W, 4) float32, scene-linear, premultiplied, with the alpha of the input. Pixels whose alpha is 0 are returned as
    they are. Raises PassError for missing or wrong passes, ProviderError if the generator fails, Cancelled.
    """
    style = generator.style
    height, width = check_passes(passes, style.passes)
    image, gain = passes["image"], _gain(exposure)
    seen = passes if gain is None else passes | {"image": np.concatenate([image[..., :3] * gain, image[..., 3:]], axis=-1)}
    inputs = {name: _tensor(name, seen[name], style.alignment) for name in style.passes}
    padded_height, padded_width = (round_up(n, style.alignment) for n in (height, width))
    tiles = plan_tiles(padded_height, padded_width, tile if style.tiles_exact else None, style.receptive_radius, style.alignment)
    rgb = np.empty((3, padded_height, padded_width), np.float32) if len(tiles) > 1 else None
    for done, part in enumerate(tiles):
        if cancel is not None and cancel():
            raise Cancelled
        window = (slice(None), slice(None), *part.window)
        result = generator.run({name: np.ascontiguousarray(tensor[window]) for name, tensor in inputs.items()})[0]
        if rgb is None:
            rgb = result
        else:
            rgb[(slice(None), *part.kept)] = result[(slice(None), *part.kept_inside)]
        if progress is not None:
            progress((done + 1) / len(tiles))
    rgb = rgb[:, :height, :width]
    return _frame(rgb if gain is None else rgb / gain.transpose(2, 0, 1), image)


def _gain(exposure: float | np.ndarray) -> np.ndarray | None:
    """Stops to a factor that fits (H, W, c); None if it is 1 everywhere."""
    stops = np.clip(np.nan_to_num(np.atleast_3d(np.float32(exposure))), -MAX_STOPS, MAX_STOPS)
    return np.exp2(stops) if stops.any() else None


def _tensor(name: str, array: np.ndarray, alignment: int) -> np.ndarray:
    """(H, W, c) to (1, c, padded H, padded W): finite, the image unpremultiplied and without alpha, edges repeated."""
    if not np.isfinite(array).all():
        array = np.nan_to_num(array, nan=0.0, posinf=FAR, neginf=-FAR)
    if name == "image":
        alpha = array[..., 3:]
        opaque = (alpha == 1).all()
        array = array[..., :3] if opaque else array[..., :3] / np.where(alpha > 0, alpha, 1)
    height, width = array.shape[:2]
    pad = ((0, 0), (0, round_up(height, alignment) - height), (0, round_up(width, alignment) - width))
    planes = np.ascontiguousarray(array.transpose(2, 0, 1))
    return np.pad(planes, pad, mode="edge")[None]


def _frame(rgb: np.ndarray, image: np.ndarray) -> np.ndarray:
    """(3, H, W) straight RGB and the input image to (H, W, 4) premultiplied, with the input's alpha."""
    frame = np.empty_like(image)
    if not np.isfinite(rgb).all():  # the exponential that undoes a log curve can overflow
        rgb = np.nan_to_num(rgb, nan=0.0, posinf=FAR, neginf=0.0)
    frame[..., :3] = rgb.transpose(1, 2, 0)
    alpha = image[..., 3:]
    frame[..., 3:] = alpha
    if not (alpha == 1).all():
        frame[..., :3] *= np.nan_to_num(alpha, nan=1.0, posinf=1.0, neginf=0.0)
        frame[..., :3] = np.where(alpha == 0, image[..., :3], frame[..., :3])
    return frame
