"""The pipeline: passes of a frame -> tensor -> generator -> frame."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .clear_pixels import carry_on
from .controls import Value, check_controls
from .generator import Generator
from .layered import Layers, finite
from .memory import return_freed
from .passes import check_passes
from .runtime import Cancelled, ProviderError
from .scale import carried_over, clipped, enlarged, mean, resized
from .style import PLACE, Style
from .tensors import gain_of, place, place_parts, places_of, tensor_of
from .tiles import Tile, around, blended_spans, fit_window, plan_tiles, plan_within, round_up
from .upscaled import larger

log = logging.getLogger(__name__)

BLENDED = 4
"""The part of a fixed window over which it gives way to its neighbour: a fourth of its side."""


def stylize(
    generator: Generator,
    passes: dict[str, np.ndarray],
    *,
    exposure: float | np.ndarray = 0.0,
    scale: float = 1.0,
    controls: Mapping[str, Value] | None = None,
    bounds: tuple[slice, slice] | None = None,
    tile: int | None = None,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> np.ndarray:
    """Stylise one frame.

    passes: {pass name: (H, W, c) float32, scene-linear Rec.709, top row first}, see passes.PASSES; "image" is premultiplied
    RGBA in [0, inf). Passes that the style does not use are ignored. H and W may be anything from 1 on.
    exposure: stops, one number or (H, W, 1), within tensors.MAX_STOPS: the generator sees the light times 2^exposure, and its
    answer is divided by that again.
    scale: how many times as large strokes shall be, within scale.LEAST and MOST: the generator sees the frame at 1 / scale of its
    size, and what it makes is brought back to the full one, as crisp as the image is. Below 1 it takes more memory and time.
    controls: {name: number or (H, W, 1)}, cut to the range that the style gives each; those left out have their default.
    bounds: the rows and columns that are wanted, such as tiles.bounds_of() a mask; None for all. Within them the picture is that
    of the whole frame; outside, the image is returned as it is, but finite, and is not run but for a margin, if tiles are exact.
    tile: largest side in pixels of what is run at once, None for all that the generator's memory limit allows; it changes memory
    and time, not the picture; styles of one size ignore it. If the provider still fails for lack of memory, a warning is logged
    and half as much is tried.
    progress: called with the finished fraction, which rises to 1. cancel: asked again and again, also from another thread.

    Returns (H, W, 4) float32, scene-linear, premultiplied, with the alpha of the input. Pixels whose alpha is 0 are returned as
    they are; the network sees there what lies nearest, so that it draws no edge against them (clear_pixels.py).
    Raises PassError for missing or wrong passes and controls, MemoryLimitError, ProviderError if the generator fails, Cancelled.
    """
    frame = _stylize(generator, passes, exposure, scale, controls, bounds, tile, progress, cancel)
    return frame if frame.shape[2] == 4 else np.ascontiguousarray(frame[..., :4])


def stylize_layers(generator: Generator, passes: dict[str, np.ndarray], **options: Any) -> Layers:
    """stylize() with the layers of its picture. generator: of a layered() style; options: those of stylize(), whose errors these
    are, too."""
    settings: dict[str, Any] = dict.fromkeys(("controls", "bounds", "tile", "progress", "cancel")) | {
        "exposure": 0.0,
        "scale": 1.0,
    }
    frame = _stylize(generator, passes, **settings | options)
    picture, base, coverage = (np.ascontiguousarray(frame[..., part]) for part in (slice(4), slice(4, 8), slice(8, 9)))
    return Layers(picture, base, picture - base, coverage)


def stylize_upscaled(generator: Generator, passes: dict[str, np.ndarray], **options: Any) -> np.ndarray:
    """stylize() with the picture as large as the network makes it. generator: of an upscaled() style; options: those of stylize()
    but for scale, whose errors these are, too."""
    settings: dict[str, Any] = dict.fromkeys(("controls", "bounds", "tile", "progress", "cancel")) | {"exposure": 0.0}
    parts = _stylize(generator, passes, scale=1.0, **settings | options)
    return larger(parts, passes["image"], generator.style.upscales)


def _stylize(
    generator: Generator,
    passes: dict[str, np.ndarray],
    exposure: float | np.ndarray,
    scale: float,
    controls: Mapping[str, Value] | None,
    bounds: tuple[slice, slice] | None,
    tile: int | None,
    progress: Callable[[float], None] | None,
    cancel: Callable[[], bool] | None,
) -> np.ndarray:
    """stylize(): (H, W, 4); of a layered() style (H, W, 9), the picture, the base and the coverage; of an upscaled() one straight
    RGB for each part of a pixel, (H, W, 3 * parts)."""
    style = generator.style
    size = check_passes(passes, style.passes, style.table)
    image, values = passes["image"], check_controls(style.controls, controls or {}, size)
    if bounds is not None:
        bounds = _cut(bounds, size)
        if any(span.start >= span.stop for span in bounds):
            return _as_frame(finite(image), style)
    scale = clipped(scale)
    reach = int(np.ceil((style.receptive_radius + (scale != 1)) * max(scale, 1.0)))  # in pixels of the frame
    seen = carry_on(passes, style.passes, reach if style.tiles_exact else None) | values
    if scale == 1:
        frame = _run(generator, seen, exposure, bounds, tile, progress, cancel)
    else:
        frame = _run_resized(generator, seen, exposure, scale, bounds, tile, progress, cancel)
    if seen["image"] is not image and style.upscales == 1:
        clear = image[..., 3] == 0
        frame[clear] = _as_frame(image[clear], style)
    if bounds is not None:
        whole = _as_frame(finite(image), style)
        whole[bounds] = frame[bounds]
        return whole
    return frame


def _as_frame(image: np.ndarray, style: Style) -> np.ndarray:
    """What a frame is where there is no style."""
    if style.upscales > 1:
        alpha = image[..., 3:]
        return np.tile(image[..., :3] / np.where(alpha > 0, alpha, np.float32(1)), style.upscales**2)
    return np.concatenate([image, image, np.zeros_like(image[..., :1])], axis=-1) if style.gives_layers else image


def _new_frame(size: tuple[int, ...], style: Style) -> np.ndarray:
    channels = 9 if style.gives_layers else 3 * style.upscales**2 if style.upscales > 1 else 4
    return np.empty((*size[:2], channels), np.float32)


def _cut(bounds: tuple[slice, slice], size: tuple[int, int]) -> tuple[slice, slice]:
    rows, columns = (slice(*span.indices(length)[:2]) for span, length in zip(bounds, size, strict=True))
    return rows, columns


def _run_resized(
    generator: Generator,
    passes: dict[str, np.ndarray],
    exposure: float | np.ndarray,
    scale: float,
    bounds: tuple[slice, slice] | None,
    tile: int | None,
    progress: Callable[[float], None] | None,
    cancel: Callable[[], bool] | None,
) -> np.ndarray:
    """_run() with strokes of another size."""
    style, image = generator.style, passes["image"]
    names = {*style.passes, *(control.name for control in style.controls)}
    small = resized({n: a for n, a in passes.items() if n in names} | {"exposure": exposure}, scale)
    size, seen = (image.shape[0], image.shape[1]), (small["image"].shape[0], small["image"].shape[1])
    part = bounds and (_among(bounds[0], size[0], seen[0]), _among(bounds[1], size[1], seen[1]))
    made = _run(generator, small, small.pop("exposure"), part, tile, progress, cancel)
    if scale > 1:
        colours = [carried_over(small["image"], made[..., i : i + 4], image) for i in range(0, made.shape[2] // 4 * 4, 4)]
        return np.concatenate([*colours, enlarged(made[..., 4 * len(colours) :], size).clip(0, 1)], axis=-1)
    frame = mean(made, size)
    frame[..., 3:8:4] = image[..., 3:]
    return frame


def _among(span: slice, full: int, count: int) -> slice:
    """The pixels, of `count` in place of `full`, from which those of a span are made."""
    return slice(max(0, span.start * count // full - 3), min(count, -(-span.stop * count // full) + 3))


def _run(
    generator: Generator,
    passes: dict[str, np.ndarray],
    exposure: float | np.ndarray,
    bounds: tuple[slice, slice] | None,
    tile: int | None,
    progress: Callable[[float], None] | None,
    cancel: Callable[[], bool] | None,
) -> np.ndarray:
    """stylize() passes, and controls, as the network is to see them."""
    style, (height, width) = generator.style, passes["image"].shape[:2]
    if style.window is not None:
        return _run_blended(generator, passes, exposure, style.window, bounds, _rising(progress), cancel)
    padded = round_up(height, style.alignment), round_up(width, style.alignment)
    bounds = bounds if style.tiles_exact else None
    rows, columns = around(bounds or (slice(0, height), slice(0, width)), padded, style.receptive_radius, style.alignment)
    area = rows.stop - rows.start, columns.stop - columns.start
    window = generator.window(*area)
    if tile is not None and style.tiles_exact:
        window = min(window[0], tile), min(window[1], tile)
    report = _rising(progress)
    try:
        return _run_tiles(generator, passes, exposure, _plan(style, padded, bounds, window), report, cancel)
    except (ProviderError, MemoryError) as error:
        half = window[0] * window[1] // 2
        smaller = fit_window(*area, half, style.receptive_radius, style.alignment) if style.tiles_exact else None
        if smaller is None:
            raise
        log.warning("%s Going on in tiles of %d x %d pixels.", str(error) or "There is not enough memory.", *reversed(smaller))
    frame = _run_tiles(generator, passes, exposure, _plan(style, padded, bounds, smaller), report, cancel)
    generator.most_pixels = half  # later frames begin with what works
    return frame


def _plan(
    style: Style, padded: tuple[int, int], bounds: tuple[slice, slice] | None, window: tuple[int, int] | None
) -> list[Tile]:
    if bounds is None:
        return plan_tiles(*padded, window, style.receptive_radius, style.alignment)
    return plan_within(bounds, padded, window, style.receptive_radius, style.alignment)


def _rising(progress: Callable[[float], None] | None) -> Callable[[float], None]:
    """Passes on only fractions above all earlier ones, so that progress does not go back at a second attempt."""
    furthest = 0.0

    def report(fraction: float) -> None:
        nonlocal furthest
        if progress is not None and fraction > furthest:
            furthest = fraction
            progress(fraction)

    return report


def _run_tiles(
    generator: Generator,
    passes: dict[str, np.ndarray],
    exposure: float | np.ndarray,
    tiles: list[Tile],
    report: Callable[[float], None],
    cancel: Callable[[], bool] | None,
) -> np.ndarray:
    """stylize() in the given tiles: only the frame itself is held whole."""
    frame = _new_frame(passes["image"].shape, generator.style)
    for done, tile in enumerate(tiles):
        if cancel is not None and cancel():
            raise Cancelled
        _run_tile(generator, passes, exposure, tile, frame[tile.kept], len(tiles) > 1, cancel)
        if len(tiles) > 1:
            return_freed()
        report((done + 1) / len(tiles))
    return frame


def _run_blended(
    generator: Generator,
    passes: dict[str, np.ndarray],
    exposure: float | np.ndarray,
    size: tuple[int, int],
    bounds: tuple[slice, slice] | None,
    report: Callable[[float], None],
    cancel: Callable[[], bool] | None,
) -> np.ndarray:
    """stylize() in windows of one size, whose borders are blended; a frame that is smaller is continued by its edges."""
    image = passes["image"]
    generator.window(*size)  # raises MemoryLimitError if one takes too much
    rows, columns = (
        blended_spans(max(length, side), side, side // BLENDED) for length, side in zip(image.shape, size, strict=False)
    )
    frame, done = _new_frame(image.shape, generator.style), 0
    frame[...] = 0
    for y, row_weights in rows:
        for x, column_weights in columns:
            if cancel is not None and cancel():
                raise Cancelled
            done += 1
            tile = Tile(y, x, *size, y, x, min(size[0], image.shape[0]), min(size[1], image.shape[1]))
            if bounds is not None and not _meet(tile.kept, bounds):
                report(done / (len(rows) * len(columns)))
                continue
            part = _new_frame((tile.keep_height, tile.keep_width), generator.style)
            _run_tile(generator, passes, exposure, tile, part, False, cancel)
            weights = row_weights[: tile.keep_height, None, None] * column_weights[: tile.keep_width, None]
            frame[tile.kept] += part * weights
            report(done / (len(rows) * len(columns)))
    if generator.style.upscales == 1:
        clear = image[..., 3] == 0
        frame[clear], frame[..., 3:8:4] = _as_frame(image[clear], generator.style), image[..., 3:]
    return frame


def _meet(first: tuple[slice, slice], second: tuple[slice, slice]) -> bool:
    return all(max(a.start, b.start) < min(a.stop, b.stop) for a, b in zip(first, second, strict=True))


def _run_tile(
    generator: Generator,
    passes: dict[str, np.ndarray],
    exposure: float | np.ndarray,
    tile: Tile,
    part: np.ndarray,
    release: bool,
    cancel: Callable[[], bool] | None,
) -> None:
    """Fill in the part of the frame that a tile keeps, and free all that this took."""
    size, gain = (tile.height, tile.width), gain_of(exposure, tile.window)
    inputs = {name: tensor_of(p, passes[name][tile.window], size, gain) for name, p in generator.style.table.items()}
    if generator.style.placed:
        inputs[PLACE] = places_of(tile)
    inputs |= {c.name: c.tensor(passes[c.name], size, tile.window) for c in generator.style.controls}
    planes = generator.run(inputs, release, cancel)[(0, slice(None), *tile.kept_inside)]
    image, gain = passes["image"][tile.kept], gain_of(exposure, tile.kept)
    if generator.style.upscales > 1:
        place_parts(planes, gain, part)
        return
    place(planes[:3], image, gain, part[..., :4])
    if generator.style.gives_layers:
        place(planes[3:6], image, gain, part[..., 4:8])
        height, width = image.shape[:2]
        part[..., 8] = np.nan_to_num(planes[6, :height, :width]) * np.nan_to_num(image[..., 3], nan=1.0, posinf=1.0, neginf=0.0)
