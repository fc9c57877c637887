"""Runs the GAN Style nodes of a scene on one frame, from any thread: Blender's data are touched on the main thread only."""

import logging
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core import Cancelled, Generator, PassError, ProviderError, StyleError, stylize
from ...core.cache import FrameCache, content_key
from ...core.exr import ExrError
from ...core.kept_colours import keep_colours, keep_colours_of_layers
from ...core.layered import Layers
from ...core.stylize import stylize_layers
from ...core.tiles import bounds_of, round_up
from .. import library
from ..settings import Settings
from ..trees import hidden_scenes, read
from ..trees.plans import as_it_stands
from . import log
from .pixels import CaptureError, NotRenderedError, capture, show, show_unstyled

logger = logging.getLogger(__name__)


class NodeError(RuntimeError):
    """A GAN Style node can't run as it stands in its tree."""


EXPECTED = (NodeError, StyleError, PassError, ProviderError, ExrError, CaptureError, OSError, MemoryError)
MANIFEST = Path(__file__).parents[2] / "blender_manifest.toml"
UNEXPECTED = "There was an unexpected error; please report what the console shows."
MASK_MARGIN = 2
"""Pixels around the mask that are stylised too: the GPU's compositor may take a mask that was moved a little wider."""
_shown: dict[Path, str] = {}
"""By file of a picture: digest of what it was made from."""
_cache = FrameCache(0)
_frame = 0
"""Number of the frame that was run last."""


def run_scene(
    scene: str,
    frame: int,
    plans: tuple[hidden_scenes.Plan, ...],
    wanted: Settings,
    call: Callable,
    *,
    cancel: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[log.Run]:
    """Run the nodes in order, each on what the ones before it show now. Errors are in the Runs, they are not raised.

    Called from render and live threads. call: a function like main_thread.call. progress: called with the finished fraction of
    all nodes.
    """
    done = []
    library.installed(wanted)  # what is new is read in this thread, before the main one asks for it
    _limit_cache(wanted, frame)
    library.make_room(len({style for plan in plans for style in (plan.style, *plan.styles)}))
    with _nothing_unnoticed(scene, frame, plans):
        for index, plan in enumerate(plans):
            overall = progress and (lambda part, before=index: progress((before + part) / len(plans)))
            run_generator = partial(_run_generator, progress=overall, cancel=cancel)
            run = _run(plan, log.Run(scene, plan.node, frame, plan.style), wanted, call, run_generator)
            done.append(run)
        # The worst last: a node whose one stereo view failed has failed.
        for plan, run in sorted(zip(plans, done, strict=True), key=lambda pair: (bool(pair[1].error), pair[1].cancelled)):
            log.record(plan.key, run)
    return done


def check(plan: hidden_scenes.Plan, wanted: Settings) -> Generator:
    """Open all that the node will need, and return what will run it. Raises what would stop it, one of EXPECTED."""
    if plan.problem:
        raise NodeError(plan.problem)
    try:
        return _ready(plan, wanted.device, wanted)
    except ProviderError:
        if not wanted.cpu_fallback:
            raise
        return _ready(plan, "cpu", wanted)


def _ready(plan: hidden_scenes.Plan, device: str, wanted: Settings) -> Generator:
    """The node's generator, which has the memory for a frame of the render's size; of an animated style, all are opened."""
    for style in dict.fromkeys((*plan.styles, plan.style)):
        generator = library.generator(style, device, wanted, bool(plan.layers))[0]
        generator.window(*(round_up(side, generator.style.alignment) for side in plan.size))
    return generator


def forget() -> None:
    """The pictures are not what they were."""
    _shown.clear()


def empty_memory() -> None:
    """Forget the stylised frames in memory; those on disk stay."""
    _cache.limit(0, None, 0)


def clear_cache() -> None:
    """Forget all stylised frames, in memory and on disk."""
    _cache.clear()


def _run(plan: hidden_scenes.Plan, run: log.Run, wanted: Settings, call: Callable, run_generator: Callable) -> log.Run:
    """Capture, stylise and show one node's frame. Called from render and live threads."""
    passes = None
    try:
        plan = call(as_it_stands, plan, run.scene)
        run = replace(run, style=plan.style)
        if plan.problem:
            raise NodeError(plan.problem)
        started = time.perf_counter()
        passes = call(capture, plan, run.scene)
        run = replace(run, inputs_seconds=time.perf_counter() - started)
        try:
            return _stylize(plan, run, passes, wanted, call, run_generator)
        except ProviderError as error:
            if wanted.device == "cpu" or not wanted.cpu_fallback:
                raise
            logger.warning("GAN Style: node '%s': %s The CPU takes over.", run.node, error)
            run = replace(run, warning=f"The CPU took over. {error}")
            return _stylize(plan, run, passes, replace(wanted, device="cpu"), call, run_generator)
    except Cancelled:
        return replace(run, cancelled=True)
    except EXPECTED as error:
        source = content_key(passes or {}, "not stylised")
        with suppress(Cancelled):  # whoever cancelled shows something newer
            if not _is_shown(plan, source):
                call(_show, plan, source, show_unstyled, passes)
        return replace(run, error=str(error) or type(error).__name__, not_rendered=isinstance(error, NotRenderedError))


def _show(plan: hidden_scenes.Plan, source: str, show_picture: Callable, picture: object) -> None:
    """Show a picture and note what it was made from. On the main thread, so that two runs never mix one with the other's."""
    made = _digests(plan, source)
    for path in made:
        _shown.pop(path, None)
    show_picture(plan, picture)
    _shown.update(made)


def _digests(plan: hidden_scenes.Plan, source: str) -> dict[Path, str]:
    """By file of the picture and its layers: what it is made from."""
    return {plan.picture: source} | {path: f"{source} {layer}" for layer, path in plan.layers}


def _is_shown(plan: hidden_scenes.Plan, source: str) -> bool:
    return _digests(plan, source).items() <= _shown.items()


def _stylize(
    plan: hidden_scenes.Plan,
    run: log.Run,
    passes: dict[str, np.ndarray],
    wanted: Settings,
    call: Callable,
    run_generator: Callable,
) -> log.Run:
    """Show the stylised frame: as it is, from the cache, or by running the network, whichever comes first.

    Called from render and live threads.
    """
    generator, style = library.generator(plan.style, wanted.device, wanted, bool(plan.layers))
    run = replace(run, provider=generator.provider, reason=generator.reason)
    exposure = passes[read.EXPOSURE] if plan.exposure is None else plan.exposure
    # A scale that is a picture counts by its middle: strokes have one size.
    scale = float(np.median(passes[read.SCALE])) if plan.scale is None else plan.scale
    values = dict(plan.controls) | passes  # what is linked or animated was captured with the passes
    controls = {control.name: values[control.name] for control in generator.style.controls}
    kept = passes[read.KEEP_COLOURS] if plan.keep_colours is None else np.asarray(plan.keep_colours)
    mask = passes.get(read.MASK)
    bounds = None if mask is None else bounds_of(mask, MASK_MARGIN)
    seen = {name: array for name, array in passes.items() if name not in (read.MASK, read.SCALE, read.KEEP_COLOURS)}
    identity = style, generator.provider, generator.device, generator.precision, plan.exposure, scale, plan.controls, _version()
    of_whole = content_key(seen, *identity)
    source = of_whole if bounds is None else content_key({}, of_whole, bounds)
    shown = _with_colours(source, kept)
    # A picture of the whole frame is as good as one of a part.
    if _is_shown(plan, shown) or _is_shown(plan, _with_colours(of_whole, kept)):
        return run
    started = time.perf_counter()
    frame = _remembered(source, bool(plan.layers))
    cached = frame is not None
    if frame is None:
        frame = run_generator(generator, seen, exposure=exposure, scale=scale, controls=controls, bounds=bounds)
        _remember(source, frame)
    if kept.any():
        image = passes["image"]
        layered = isinstance(frame, Layers)
        frame = keep_colours_of_layers(image, frame, kept) if layered else keep_colours(image, frame, kept)
    stylized = time.perf_counter()
    call(_show, plan, shown, show, frame)
    seconds = {"generator_seconds": 0.0 if cached else stylized - started, "write_seconds": time.perf_counter() - stylized}
    return replace(run, **seconds, network_ran=not cached, cached=cached)


def _with_colours(source: str, kept: np.ndarray) -> str:
    """The digest of a picture with colours of the image; that of the plain picture if none are kept."""
    return content_key({read.KEEP_COLOURS: kept}, source) if kept.any() else source


def _run_generator(generator: Generator, passes: dict[str, np.ndarray], **options: Any) -> np.ndarray | Layers:
    return (stylize_layers if generator.style.gives_layers else stylize)(generator, passes, **options)


def _remembered(source: str, layers: bool) -> np.ndarray | Layers | None:
    """The frame from the cache; None if it is not there."""
    picture = _cache.get(source)
    if picture is None or not layers:
        return picture
    base, coverage = (_cache.get(content_key({}, source, layer)) for layer in ("base", "coverage"))
    return None if base is None or coverage is None else Layers(picture, base, picture - base, coverage[..., :1])


def _remember(source: str, frame: np.ndarray | Layers) -> None:
    """The cache holds frames of four channels; the paint follows from the others."""
    if not isinstance(frame, Layers):
        _cache.put(source, frame)
        return
    _cache.put(source, frame.picture)
    _cache.put(content_key({}, source, "base"), frame.base)
    _cache.put(content_key({}, source, "coverage"), frame.coverage.repeat(4, axis=2))


def _limit_cache(wanted: Settings, frame: int) -> None:
    """In background only the frame at hand is remembered in memory: none of an animation's frames comes back."""
    global _frame
    folder, disk_bytes = wanted.disk_folder if wanted.disk_cache else None, wanted.disk_cache * 2**20
    if bpy.app.background and frame != _frame:
        _cache.limit(0, folder, disk_bytes)
    _frame = frame
    limits = wanted.memory_cache * 2**20, folder, disk_bytes
    if limits != (_cache.memory_bytes, _cache.folder, _cache.disk_bytes):
        _cache.limit(*limits)


@cache
def _version() -> str:
    """Of the add-on: another one may stylise otherwise, and frames on disk outlive it."""
    return tomllib.loads(MANIFEST.read_text(encoding="utf-8"))["version"]


@contextmanager
def _nothing_unnoticed(scene: str, frame: int, plans: tuple[hidden_scenes.Plan, ...]) -> Iterator[None]:
    """Our own mistakes too must show on the nodes: Blender goes on after an exception in a render engine."""
    finished = False
    try:
        yield
        finished = True
    finally:
        if not finished:
            for plan in plans:
                for path in _digests(plan, ""):
                    _shown.pop(path, None)
                log.record(plan.key, log.Run(scene, plan.node, frame, plan.style, error=UNEXPECTED))
