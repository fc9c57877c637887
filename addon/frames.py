"""Runs the GAN Style nodes of a scene on one frame, from any thread: Blender's data are touched on the main thread only."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b

import numpy as np

from ..core import Cancelled, PassError, ProviderError, StyleError, stylize
from ..core.exr import ExrError
from . import graph, library, runs, stage
from .capture import CaptureError, capture, show, show_unstyled


class NodeError(RuntimeError):
    """A GAN Style node can't run as it stands in its tree."""


EXPECTED = (NodeError, StyleError, PassError, ProviderError, ExrError, CaptureError, OSError, MemoryError)
UNEXPECTED = "There was an unexpected error; please report what the console shows."
_shown: dict[int, bytes] = {}
"""By plan key: digest of what the node's picture was made from."""


def run_scene(
    scene: str,
    frame: int,
    plans: tuple[stage.Plan, ...],
    call: Callable,
    *,
    cancel: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[runs.Run]:
    """Run the nodes in order, each on what the ones before it show now. Errors are in the Runs, they are not raised.

    call: a function like mainthread.call.
    """
    done = []
    with _nothing_unnoticed(scene, frame, plans):
        for plan in plans:
            run = _run(plan, runs.Run(scene, plan.node, frame, plan.style), call, cancel, progress)
            runs.record(plan.key, run)
            done.append(run)
    return done


def check(plan: stage.Plan) -> None:
    """Open all that the node will need. Raises what would stop it, one of EXPECTED."""
    if plan.problem:
        raise NodeError(plan.problem)
    library.generator(plan.style)


def forget() -> None:
    """The pictures are not what they were."""
    _shown.clear()


def _run(plan: stage.Plan, run: runs.Run, call: Callable, cancel: Callable | None, progress: Callable | None) -> runs.Run:
    """Capture, stylise and show one node's frame."""
    passes = None
    try:
        if plan.problem:
            raise NodeError(plan.problem)
        started = time.perf_counter()
        passes = call(capture, plan, run.scene)
        captured = time.perf_counter()
        generator, identity = library.generator(plan.style)
        run = replace(run, provider=generator.provider, reason=generator.reason, inputs_seconds=captured - started)
        source = _digest(passes, identity, generator.provider)
        if _shown.get(plan.key) == source:
            return run
        opened = time.perf_counter()
        frame = stylize(generator, passes, exposure=passes[graph.EXPOSURE], progress=progress, cancel=cancel)
        stylized = time.perf_counter()
        call(show, plan, frame)
        _shown[plan.key] = source
        written = time.perf_counter()
        return replace(run, generator_seconds=stylized - opened, write_seconds=written - stylized, network_ran=True)
    except Cancelled:
        _shown.pop(plan.key, None)
        return replace(run, error="Cancelled.")
    except EXPECTED as error:
        source = _digest(passes or {}, "not stylised")
        if _shown.get(plan.key) != source:
            call(show_unstyled, plan, passes)
            _shown[plan.key] = source
        return replace(run, error=str(error) or type(error).__name__)


def _digest(passes: dict[str, np.ndarray], *identity: object) -> bytes:
    """Tells one set of inputs and style from another."""
    digest = blake2b(repr(identity).encode(), digest_size=16)
    for name in sorted(passes):
        digest.update(repr((name, passes[name].shape)).encode())
        digest.update(np.ascontiguousarray(passes[name]))
    return digest.digest()


@contextmanager
def _nothing_unnoticed(scene: str, frame: int, plans: tuple[stage.Plan, ...]) -> Iterator[None]:
    """Our own mistakes too must show on the nodes: Blender goes on after an exception in a render engine."""
    finished = False
    try:
        yield
        finished = True
    finally:
        if not finished:
            for plan in plans:
                _shown.pop(plan.key, None)
                runs.record(plan.key, runs.Run(scene, plan.node, frame, plan.style, error=UNEXPECTED))
