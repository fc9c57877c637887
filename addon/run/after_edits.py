"""Brings the pictures up to date after edits: in a thread of its own, so that the window stays alive meanwhile."""

import threading
import time
from functools import partial

import bpy
from bpy.app.handlers import persistent

from .. import main_thread
from ..callbacks import Timer, add_handlers, remove_handlers
from ..settings import Settings, settings
from ..trees import hidden_scenes, keep_in_sync
from ..trees.marks import is_hidden
from . import log, run_nodes

IDLE_SECONDS = 0.05
LONG_SECONDS = 0.5
"""A run that takes longer shows its progress, and Esc cancels it."""

_due = ""
"""Name of a scene that Blender has composited since its pictures were made."""
_watched = ""
"""Name of the scene that editors show: the one that Blender has composited since it was last asked to; empty if there is none."""
_echoes = 0
"""How many composites are still to come that only follow from the last run: after each render of the hidden scene that reads a
node's inputs, Blender composites for the image editors that show renders, though nothing has changed."""
_thread: threading.Thread | None = None
_cancelled = threading.Event()
_started = 0.0
_progress = 0.0


def is_running() -> bool:
    return _thread is not None and _thread.is_alive()


def progress() -> float | None:
    """Finished fraction of a long run in progress; None if there is none.

    A short one has none: nothing draws the nodes again when it ends, so they would go on to show that it had begun.
    """
    return _progress if is_running() and time.monotonic() > _started + LONG_SECONDS else None


def cancel() -> None:
    """Stop the run in progress; nothing of it will be shown any more."""
    global _due, _watched, _echoes, _thread, _cancelled
    _due, _watched, _echoes, _thread = "", "", 0, None
    _cancelled.set()
    _cancelled = threading.Event()


def restyle() -> None:
    """Run the nodes that editors show, though nothing was edited: a style file is another one. Main thread.

    While editors show them, Blender need not composite the old picture first, which has it draw all that shows it.
    """
    global _due
    if _watched:
        _due = _watched
    else:
        hidden_scenes.composite_again()


@persistent
def _on_composited(scene: bpy.types.Scene, *_: object) -> None:
    """After each composite for the editors, since what feeds the nodes may have changed; a render does without."""
    global _due, _watched, _echoes
    if is_hidden(scene):
        return
    if _echoes and scene.name == _watched:
        _echoes -= 1
    else:
        _due = _watched = scene.name


@persistent
def _on_edit(scene: bpy.types.Scene | None, *_: object) -> None:
    """Whatever is composited from now on may be another picture."""
    global _echoes
    if scene is None or not is_hidden(scene):
        _echoes = 0


def _when_idle() -> None:
    global _due, _echoes, _thread, _started, _progress
    if _due and keep_in_sync.is_idle() and not is_running():
        keep_in_sync.sync_if_due()
        scene, _due = bpy.data.scenes.get(_due), ""
        if scene is not None and (plans := hidden_scenes.plans(scene)):
            arguments = scene.name, scene.frame_current, plans, settings(), _cancelled.is_set
            _thread = threading.Thread(target=_run, args=arguments, name="GAN Style", daemon=True)
            _started, _progress, _echoes = time.monotonic(), 0.0, len(plans)
            _thread.start()
    elif _started and progress() is not None:
        _started = 0.0
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
            bpy.ops.gan_style.watch("INVOKE_DEFAULT")


def _note(fraction: float) -> None:
    global _progress
    _progress = fraction


def _run(scene: str, frame: int, plans: tuple[hidden_scenes.Plan, ...], wanted: Settings, is_cancelled) -> None:
    """In the thread GAN Style."""
    before = _errors(plans)
    call = partial(main_thread.call, cancel=is_cancelled, ready=keep_in_sync.is_idle)
    done = run_nodes.run_scene(scene, frame, plans, wanted, call, cancel=is_cancelled, progress=_note)
    if not is_cancelled() and (any(run.network_ran or run.cached for run in done) or _errors(plans) != before):
        call(_composite_again)


def _composite_again() -> None:
    global _watched
    _watched = ""
    hidden_scenes.composite_again()


def _errors(plans: tuple[hidden_scenes.Plan, ...]) -> list[str]:
    """What the nodes' faces say."""
    return [run.error if run else "" for run in (log.latest(plan.key) for plan in plans)]


HANDLERS = {"composite_post": _on_composited} | dict.fromkeys(
    ("depsgraph_update_post", "frame_change_post", "render_complete", "render_cancel", "undo_post", "redo_post"), _on_edit
)
_timer = Timer(_when_idle, IDLE_SECONDS)


def register() -> None:
    add_handlers(HANDLERS)
    _timer.start()


def unregister() -> None:
    remove_handlers(HANDLERS)
    _timer.stop()
    cancel()
