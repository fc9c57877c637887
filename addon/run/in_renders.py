"""Runs the GAN Style nodes between rendering and compositing, in renders from the window and in background.

Blender renders every scene that a Render Layers node names before it composites. The TRIGGER scene is one of them and its
render engine is ours.
"""

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

import bpy
from bpy.app.handlers import persistent

from ...core import Cancelled
from .. import library, main_thread, temp_folder
from ..callbacks import add_handlers, remove_handlers
from ..settings import Settings, settings
from ..trees import blocks, hidden_scenes, keep_in_sync, marks, problems, read
from . import after_edits, log, run_nodes

WINDOW_PATIENCE_SECONDS = 5.0
SINGLE_LAYER = (
    "With Render Single Layer, Blender renders no other scene and so never calls the node; switch it off, and switch off "
    "Use for Rendering in the view layers that are not wanted."
)
NOT_CALLED = (
    "Blender composited without calling the node. Was one view layer rendered alone, by layer=...? Then render all of them, and "
    "switch off Use for Rendering in those that are not wanted. Or did a script mute or remove 'GAN Style Trigger'?"
)
_scene = ""
"""Name of the artist's scene that is being rendered."""
_plans: tuple[hidden_scenes.Plan, ...] = ()
_wanted = Settings()
"""The preferences when the render began."""
_tenths = -1
"""Progress that the window shows."""
_triggered = False
"""Whether the nodes were run for the frame that is being rendered."""
_missed = False
"""Whether a frame in a window is done for which they were not run, unless the render was cancelled."""


class TriggerEngine(bpy.types.RenderEngine):
    """Renders nothing; Blender calling it is the sign that the artist's scene is rendered and not composited yet."""

    bl_idname = blocks.ENGINE
    bl_label = "GAN Style Trigger"

    def render(self, depsgraph: bpy.types.Depsgraph) -> None:
        if marks.is_hidden(depsgraph.scene, blocks.TRIGGER):
            _run_nodes(depsgraph.scene.frame_current, self)


def _run_nodes(frame: int, engine: bpy.types.RenderEngine) -> None:
    """On the render's thread. In background a frame that can't be stylised ends Blender, also after our own mistakes."""
    global _triggered
    _triggered = True
    cancel = engine.test_break
    with _nothing_unnoticed():
        call = partial(main_thread.call, cancel=cancel)
        progress = partial(_show_progress, engine)
        # Handlers may have changed the settings since Blender read them, which it does once for an animation.
        plans = tuple(replace(plan, rendered=(engine.resolution_x, engine.resolution_y)) for plan in _plans)
        if not bpy.app.background and not all(library.is_open(p.style, _wanted, bool(p.layers)) for p in plans):
            engine.update_stats("", "GAN Style: preparing the style, once per session")
        for run in run_nodes.run_scene(_scene, frame, plans, _wanted, call, cancel=cancel, progress=progress):
            if bpy.app.background and (run.error or run.cancelled):
                _abort(f"node '{run.node}'", run.error or "The render was cancelled.")
            elif run.error and not cancel():
                engine.report({"ERROR"}, f"GAN Style: node '{run.node}': {run.error}")


def _show_progress(engine: TriggerEngine, fraction: float) -> None:
    """In the window's render view; the status bar shows the progress of the scene's own engine, which is done."""
    global _tenths
    if not bpy.app.background and int(10 * fraction) != _tenths:  # each call draws the window anew
        _tenths = int(10 * fraction)
        engine.update_stats("", f"GAN Style: {_tenths}0%")


@contextmanager
def _nothing_unnoticed() -> Iterator[None]:
    """In background our own mistakes, and files that can't be written, end Blender."""
    finished = not bpy.app.background
    try:
        yield
        finished = True
    except OSError as error:
        if finished:
            raise
        _abort("", f"Temporary files can't be written ({error}); make space, or name another folder in TMPDIR.")
    finally:
        if not finished:
            traceback.print_exc()
            _abort("", run_nodes.UNEXPECTED)


def _abort(place: str, message: str) -> None:
    """End a background Blender before it writes the frame: it ignores exceptions in handlers and engines."""
    sys.stdout.flush()
    sys.stderr.write(f"Error: GAN Style: {place or 'render'} in scene '{_scene}': {message}\n")
    sys.stderr.flush()
    try:
        temp_folder.remove_folder()
    finally:
        os._exit(1)


@persistent
def _on_render_init(scene: bpy.types.Scene, *_: object) -> None:
    """On the render's thread in a window, as all of these handlers but those of files: the settings are read by the main one."""
    global _scene, _plans, _wanted, _missed
    if marks.is_hidden(scene):
        return
    _missed = False
    log.render_begins()
    after_edits.cancel()
    _scene = scene.name
    with _nothing_unnoticed():
        ready = keep_in_sync.render_begins()
        _plans = hidden_scenes.plans(scene)
        patience_ends = time.monotonic() + keep_in_sync.PATIENCE_SECONDS
        with suppress(Cancelled):  # the preferences of the render before then
            _wanted = main_thread.call(settings, cancel=lambda: time.monotonic() > patience_ends)
        if not ready:
            busy = "Blender was too busy to prepare the node; render again."
            _plans = tuple(replace(plan, problem=busy) for plan in _plans)
        if bpy.app.background:
            _check(scene)
        elif _plans and (problem := problem_of(scene)):
            _not_called(scene.frame_current, problem)
            _plans = ()


def problem_of(scene: bpy.types.Scene) -> str:
    """Why a scene's settings keep Blender from calling its nodes; empty if nothing is known to."""
    if not scene.render.use_compositing:
        return ""
    return SINGLE_LAYER if scene.render.use_single_layer else problems.of_sequence(scene)


def _not_called(frame: int, problem: str) -> None:
    """In a window, and on the thread of its render: say so on the nodes, and have them show no older picture."""
    patience_ends = time.monotonic() + WINDOW_PATIENCE_SECONDS  # the main thread may be waiting for the render to end
    call = partial(main_thread.call, cancel=lambda: time.monotonic() > patience_ends)
    for plan in _plans:
        log.record_missed(plan.key, problem)
    run_nodes.run_scene(_scene, frame, tuple(replace(plan, problem=problem) for plan in _plans), _wanted, call)


def _check(scene: bpy.types.Scene) -> None:
    for strip in hidden_scenes.strips_with_style(scene):
        _abort(f"strip '{strip}'", problems.IN_STRIP)
    if _plans and (problem := problem_of(scene)):
        _abort(f"node '{_plans[0].node}'", problem)
    library.make_room(len({style for plan in _plans for style in (plan.style, *plan.styles)}))
    for plan in _plans:
        try:
            run_nodes.check(plan, _wanted)
        except run_nodes.EXPECTED as error:
            _abort(f"node '{plan.node}'", str(error))


@persistent
def _on_frame(scene: bpy.types.Scene, *_: object) -> None:
    """A frame begins."""
    global _triggered
    if marks.is_hidden(scene):
        return
    _tell_missed(scene)
    _triggered = False
    tree = scene.compositing_node_group
    named = [node.scene for node in tree.nodes if node.bl_idname == read.RENDER_LAYERS] if tree is not None else []
    log.record_render([scene, *(other for other in named if other is not None)])
    trigger = blocks.find(blocks.TRIGGER)
    if _plans and trigger is not None and bpy.app.background:
        blocks.set_switches(trigger)  # scripts may have set them since the render began


@persistent
def _on_stats(statistics: str | None = None, *_: object) -> None:
    """In background Blender says all the time what it is doing, compositing too: the last chance before it writes the frame.

    What it says is translated, and an engine may say the same, so that this only saves the frame's file: _on_frame_done() misses
    nothing.
    """
    scene = bpy.data.scenes.get(_scene)
    if not _plans or _triggered or scene is None or not scene.render.use_compositing:
        return
    composites = statistics in ("Compositing", bpy.app.translations.pgettext_rpt("Compositing"))
    if composites or not blocks.calls_trigger(scene):
        _abort("", NOT_CALLED)


@persistent
def _on_frame_done(scene: bpy.types.Scene, *_: object) -> None:
    """Blender has composited a frame, and written it: the nodes must have run, whatever scripts and settings say."""
    global _missed
    if marks.is_hidden(scene) or not _plans or _triggered or not scene.render.use_compositing:
        return
    if bpy.app.background:
        _abort("", f"The frame {scene.frame_current} was written without the style. {NOT_CALLED}")
    _missed = True


def _tell_missed(scene: bpy.types.Scene) -> None:
    """On the nodes, once it is clear that the render was not just cancelled."""
    global _missed
    if _missed and _plans:
        _not_called(scene.frame_current, NOT_CALLED)
    _missed = False


@persistent
def _on_render_complete(scene: bpy.types.Scene, *_: object) -> None:
    if not marks.is_hidden(scene):
        _tell_missed(scene)
        _on_render_end(scene)


@persistent
def _on_render_end(scene: bpy.types.Scene, *_: object) -> None:
    global _plans
    if not marks.is_hidden(scene):
        _plans = ()
        keep_in_sync.render_ends()


@persistent
def _on_load(*_: object) -> None:
    after_edits.cancel()
    run_nodes.forget()
    log.forget()


@persistent
def _on_loaded(*_: object) -> None:
    temp_folder.remove_frames(kept={image.filepath for image in bpy.data.images})


HANDLERS = {
    "render_init": _on_render_init,
    "render_pre": _on_frame,
    "render_post": _on_frame_done,
    "render_complete": _on_render_complete,
    "render_cancel": _on_render_end,
    "load_pre": _on_load,
    "load_post": _on_loaded,
}
if bpy.app.background:
    # Not in a window: Cycles would call it under a lock that the main thread waits for, holding Python's, to draw the render.
    HANDLERS["render_stats"] = _on_stats


def register() -> None:
    bpy.utils.register_class(TriggerEngine)
    add_handlers(HANDLERS)


def unregister() -> None:
    remove_handlers(HANDLERS)
    bpy.utils.unregister_class(TriggerEngine)
    run_nodes.forget()
    run_nodes.empty_memory()
    log.forget()
    library.forget()
    temp_folder.remove_folder()
