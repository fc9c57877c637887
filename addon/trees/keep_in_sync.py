"""When the hidden data-blocks are synchronised: on the main thread, after edits, file loads and undo, and before each render."""

import threading
import time

import bpy
from bpy.app.handlers import persistent

from ...core import Cancelled
from .. import main_thread
from ..callbacks import Timer, add_handlers, remove_handlers
from . import blocks, hidden_scenes, node_group, plans
from .marks import is_hidden

IDLE_SECONDS = 0.05
PATIENCE_SECONDS = 60.0
"""How long a render waits for Blender's main thread, which may be compiling shaders, before it gives up."""

_due = True
_rendering = False


def request_sync() -> None:
    """Have sync() called soon."""
    global _due
    _due = True


def render_begins() -> bool:
    """Synchronise, then leave the data-blocks alone until render_ends(). Call it before anything is rendered, from any thread.

    False if Blender's main thread did not get to it.
    """
    global _rendering
    patience_ends = time.monotonic() + PATIENCE_SECONDS
    try:
        main_thread.call(sync, cancel=lambda: time.monotonic() > patience_ends)
        return True
    except Cancelled:
        return False
    finally:
        _rendering = True


def render_ends() -> None:
    global _rendering
    _rendering = False
    plans.forget_frame()


def is_idle() -> bool:
    """Whether nothing renders or composites, so that data-blocks may come and go. To be asked on the main thread."""
    jobs = ("RENDER", "COMPOSITE")
    return not _rendering and not any(bpy.app.is_job_running(job) for job in jobs)


def sync() -> None:
    global _due
    _due = False
    hidden_scenes.sync()


def sync_if_due() -> None:
    if _due:
        sync()


def sync_or_postpone() -> bool:
    """Synchronise now if nothing speaks against it, else soon. Tells whether it did."""
    if threading.current_thread() is threading.main_thread() and is_idle():
        sync()
        return True
    request_sync()
    return False


def _when_idle() -> None:
    if _rendering and not bpy.app.is_job_running("RENDER"):
        render_ends()  # Blender says nothing more when it can't open the movie to write; timers wait for other renders
    if is_idle():
        blocks.leave_hidden_scenes()
        sync_if_due()


@persistent
def _on_edit(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Values need no sync, run/pixels.py follows them; most edits are of nothing else."""
    trees = [update.id for update in depsgraph.updates if isinstance(update.id, bpy.types.CompositorNodeTree)]
    if trees and depsgraph.mode == "VIEWPORT":
        node_group.pass_through_in_viewport(depsgraph)
    if hidden_scenes.is_outdated(edited=any(not is_hidden(tree) for tree in trees)):
        sync_or_postpone()


@persistent
def _on_file(*_: object) -> None:
    hidden_scenes.forget()
    sync_or_postpone()


@persistent
def _on_save(*_: object) -> None:
    sync_or_postpone()


@persistent
def _on_frame(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """Of a render, in its thread: what the nodes' animation says is to be read only here. Of a viewport, on the main thread."""
    if depsgraph is not None and depsgraph.mode == "VIEWPORT":
        node_group.pass_through_in_viewport(depsgraph)
    if _rendering and depsgraph is not None and depsgraph.mode == "RENDER" and not is_hidden(scene):
        plans.note_frame(scene, depsgraph, hidden_scenes.plans(scene))


HANDLERS = {
    "depsgraph_update_post": _on_edit,
    "load_post": _on_file,
    "undo_post": _on_file,
    "redo_post": _on_file,
    "save_pre": _on_save,
    "frame_change_post": _on_frame,
}


_timer = Timer(_when_idle, IDLE_SECONDS)


def register() -> None:
    add_handlers(HANDLERS)
    _timer.start()
    request_sync()


def unregister() -> None:
    remove_handlers(HANDLERS)
    _timer.stop()
    hidden_scenes.remove_all()
