"""From what a viewport shows to the picture that lies over it. In the thread of worker.py."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from ...core import Cancelled, Generator, PassError, ProviderError, StyleError, stylize
from ...core.kept_colours import keep_colours
from ...core.threads import spread
from .. import library
from . import guides
from .read_view import Reading


@dataclass(frozen=True, eq=False)
class Picture:
    """A stylised view."""

    reading: Reading
    """What it was made of, at full size."""
    frame: np.ndarray
    """(h, w, 4) float32, scene-linear, premultiplied, bottom row first."""
    to_clip: np.ndarray
    """(4, 4), world to clip space of the picture."""
    anchor: np.ndarray
    """(3,), a point in the middle at the distance of what the view shows."""
    over: bool
    """Whether the background is part of the picture, rather than what Blender draws with the overlays."""
    step: int
    """How many pixels of the view are one of the picture, each way."""
    seconds: float
    """For the passes and the network."""
    name: str
    """Of the style."""
    notes: tuple[str, ...]
    """What the style was not given truly."""


@dataclass(frozen=True)
class Refusal:
    """Why there is no picture."""

    error: str
    seconds: float = 0.0


def stylise(reading: Reading, step: int, cancel: Callable[[], bool]) -> Picture | Refusal | None:
    """Stylise a view at 1 / step of its size; None if cancel() agreed."""
    look, wanted = reading.look, reading.look.settings
    try:
        try:
            return _stylise(reading, step, cancel, library.generator(look.style, wanted.device, wanted)[0])
        except ProviderError:
            if wanted.device == "cpu" or not wanted.cpu_fallback:
                raise
            return _stylise(reading, step, cancel, library.generator(look.style, "cpu", wanted)[0])
    except Cancelled:
        return None
    except (StyleError, PassError, ProviderError, OSError, MemoryError) as error:
        return Refusal(str(error) or type(error).__name__)


def _stylise(reading: Reading, step: int, cancel: Callable[[], bool], generator: Generator) -> Picture:
    started = perf_counter()
    style, look = generator.style, reading.look
    seen = reading.colours, reading.depth, reading.view, reading.projection
    passes = guides.passes(*seen, step, style.passes, reading.lines, reading.unlit, spread)
    passes |= guides.neutral({name: p.channels for name, p in style.table.items()}, passes["image"].shape[:2])
    controls = {name: value for name, value in look.controls if name in {c.name for c in style.controls}}
    frame = stylize(generator, passes, exposure=look.exposure, scale=look.scale, controls=controls, cancel=cancel)
    if look.keep_colours:
        frame = keep_colours(passes["image"], frame, look.keep_colours)
    if look.strength != 1:
        frame = passes["image"] + np.float32(look.strength) * (frame - passes["image"])
    to_clip = reading.projection @ reading.view
    return Picture(
        reading=reading,
        frame=np.ascontiguousarray(frame[::-1]),
        to_clip=to_clip,
        anchor=guides.anchor(reading.depth, to_clip),
        over=bool(passes["image"][..., 3].min() > 0),
        step=step,
        seconds=perf_counter() - started,
        name=style.name,
        notes=guides.notes(style.passes, has_depth=bool(reading.depth.min() < 1), has_albedo=reading.unlit is not None),
    )
