"""What the GAN Style nodes did last: timings for scripts, errors and device for the nodes' faces."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import bpy

REMEMBERED = 10_000


@dataclass(frozen=True)
class Run:
    """One GAN Style node on one frame."""

    scene: str
    node: str
    frame: int
    style: str
    provider: str = ""
    """"cuda" or "cpu"; empty if the generator could not be opened."""
    reason: str = ""
    """Why this provider."""
    inputs_seconds: float = 0.0
    """Compositing what feeds the node and reading it."""
    generator_seconds: float = 0.0
    """0 if the network did not run because inputs and style had not changed."""
    write_seconds: float = 0.0
    """Writing the stylised frame and giving it to Blender."""
    network_ran: bool = False
    cached: bool = False
    """Whether the frame was remembered from an earlier run."""
    warning: str = ""
    """What went wrong without stopping the run."""
    error: str = ""
    not_rendered: bool = False
    """Whether the error is only that there is nothing to stylise yet, since a scene was not rendered in this session."""
    cancelled: bool = False
    """Whether the run was stopped on demand, and the node shows an older picture."""


_runs: deque[Run] = deque(maxlen=REMEMBERED)
_latest: dict[int, Run] = {}
_rendered: set[int] = set()
_missed: dict[int, str] = {}


def record(key: int, run: Run) -> None:
    """Remember a run of the node whose inner group has the session_uid `key`."""
    _runs.append(run)
    _latest[key] = run


def last_runs() -> tuple[Run, ...]:
    """The runs of this session, oldest first."""
    return tuple(_runs)


def latest(key: int) -> Run | None:
    return _latest.get(key)


def record_render(scenes: Iterable[bpy.types.Scene]) -> None:
    """Remember that the scenes are rendered, and so have pixels for the compositor. From any thread."""
    _rendered.update(scene.session_uid for scene in scenes)


def is_rendered(scene: bpy.types.Scene) -> bool:
    """Whether the scene was rendered in this session: Blender keeps no renders in files."""
    return scene.session_uid in _rendered


def record_missed(key: int, problem: str) -> None:
    """Remember that the last render did without the node, and why; what runs after edits takes nothing of that back."""
    _missed[key] = problem


def missed(key: int) -> str:
    """Why the last render did without the node; empty if it did not."""
    return _missed.get(key, "")


def render_begins() -> None:
    _missed.clear()


def forget() -> None:
    _missed.clear()
    _rendered.clear()
    _runs.clear()
    _latest.clear()
