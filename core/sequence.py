"""Styles on sequences of frames: checks them all by their headers, and writes each stylised frame whole or not at all."""

import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .controls import Value
from .generator import Generator
from .kept_colours import keep_colours, keep_colours_of_layers
from .layered import Layers, masked, masked_layers
from .layers import EVERYTHING, Selection
from .media import describe, is_complete, stylize_file, target_name
from .passes import KEEP_COLOURS, MASK, PASSES, check_passes
from .scale import resized
from .steady import Steadier
from .stylize import stylize, stylize_layers, stylize_upscaled
from .tiles import bounds_of

STEADIED = "ganStyleSteadied"
"""Attribute of frames that were mixed with those before them: the first of these, and the weight."""


class SequenceError(ValueError):
    """The frames asked for can't be told apart, or not be written where they should go."""


@dataclass(frozen=True)
class Written:
    """A frame that is done."""

    path: Path
    skipped: bool
    """Whether it was there before."""
    notes: Sequence[str] = ()
    """Clauses about what of the frame before could not be kept."""


def check_sequence(
    needed: tuple[str, ...], frames: Sequence[Path], folder: Path, selection: Selection = EVERYTHING, kind: str = ""
) -> tuple[dict[Path, Path], dict[Path, str]]:
    """Read every frame's header; return {frame: file in the folder that it will be stylised into} and {frame: what was found}.

    Only frames in which something else was found than in the one before are in the latter.
    kind: the format to write, of media.FORMATS; empty for each frame's own.
    Raises SequenceError if two frames would go to one file or a frame would be overwritten; ExrError, LayerError, PassError or
    MediaError naming the first frame that can't be used.
    """
    targets = {frame: folder / target_name(frame, kind) for frame in frames}
    sources = {frame.resolve() for frame in frames}
    goals = Counter(targets.values())
    for frame, target in targets.items():
        if target.resolve() in sources:
            raise SequenceError(f"{target} is one of the frames to read; choose another folder for the stylised ones.")
        if goals[target] > 1:
            raise SequenceError(f"Several frames are called {frame.stem}; stylise them into different folders.")
    found: dict[Path, str] = {}
    for frame, target in targets.items():
        told = describe(frame, needed, selection, target)
        if not found or told != next(reversed(found.values())):
            found[frame] = told
    return targets, found


def stylize_sequence(
    generator: Generator,
    targets: Mapping[Path, Path],
    *,
    scale: float = 1.0,
    tile: int | None = None,
    selection: Selection = EVERYTHING,
    skip_existing: bool = False,
    steady: float | None = None,
    controls: Mapping[str, Value] | None = None,
    keep: float = 0.0,
    mask: bool = False,
    layers: bool = False,
) -> Iterator[Written]:
    """Stylise {frame: file to write}, as check_sequence() gives it, in all views of each frame.

    A frame is written under a hidden name next to its place and then renamed, so that it appears whole or not at all.
    skip_existing: leave alone files that exist already, are readable and have the picture's size.
    steady: weight of the picture before, for a sequence in its order with the pass "vector"; see steady.Steadier. The frames say
    so in their attribute STEADIED, as they hang on the first frame of the sequence. Not to be used with skip_existing.
    scale, controls: as for stylize(); controls among the selection's guides come from the frames' layers, or files beside them.
    keep: the share by which the pictures keep the colours of the frames, see keep_colours(), unless the selection knows where to
    find the pass KEEP_COLOURS.
    mask: mix the pictures in by the pass MASK alone, which the selection knows where to find, and run no more than its bounds.
    layers: write the layers of the pictures beside them, into EXR files; the generator is that of a layered() style then. Not to
    be used with steady.
    The generator may be that of an upscaled() style: then pictures are written in its size, and scale does not count.
    Raises ExrError, LayerError, SequenceError, PassError, MediaError, ProviderError.
    """
    steadiers: defaultdict[int, Steadier] = defaultdict(lambda: Steadier(steady or 0.0))
    drawn = [control.name for control in generator.style.controls if control.guide in selection.guides]
    kept = KEEP_COLOURS in selection.guides
    further = [*(["vector"] if steady is not None else []), *(p.name for p, on in ((MASK, mask), (KEEP_COLOURS, kept)) if on)]
    needed = (*generator.style.passes, *drawn, *further)
    times = generator.style.upscales

    def change(view: int, passes: dict[str, np.ndarray]) -> np.ndarray | Layers:
        values = {**(controls or {}), **{name: passes[name] for name in drawn}}
        check_passes(passes, ("image", *further), {**PASSES, MASK.name: MASK, KEEP_COLOURS.name: KEEP_COLOURS})
        # What was before is in the picture outside the mask too, so that steadying needs all of it.
        bounds = bounds_of(passes[MASK.name], margin=int(times > 1)) if mask and steady is None else None
        options = {"controls": values, "bounds": bounds, "tile": tile}
        if layers:
            made = stylize_layers(generator, passes, scale=scale, **options)
            made = keep_colours_of_layers(passes["image"], made, passes[KEEP_COLOURS.name] if kept else keep)
            return masked_layers(passes["image"], made, passes[MASK.name]) if mask else made
        if times == 1:
            picture = stylize(generator, passes, scale=scale, **options)
        else:
            picture = stylize_upscaled(generator, passes, **options)
            passes = resized(passes, 1 / times) if further or keep else passes
        picture = keep_colours(passes["image"], picture, passes[KEEP_COLOURS.name] if kept else keep)
        picture = picture if steady is None else steadiers[view](passes, picture)
        return masked(passes["image"], picture, passes[MASK.name]) if mask else picture

    attributes = {} if steady is None else {STEADIED: f"from {next(iter(targets)).name} on, weight {steady:g}"}
    for source, target in targets.items():
        if skip_existing and is_complete(source, target, selection, times):
            yield Written(target, True)
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with _whole(target) as partial:
                notes = stylize_file(source, partial, target, needed, selection, change, attributes)
        except OSError as error:
            problem = f"{target} can't be written ({error.strerror}); is there space, and may you write there?"
            raise SequenceError(problem) from error
        yield Written(target, False, notes)


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A hidden name to write under, which becomes the target's; nothing is left of what fails or is stopped by a signal."""
    partial = target.with_name(f".gan_style_{secrets.token_hex(4)}.partial")  # not .exr, which others' patterns would find
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
