"""The stylised viewports of this session: which are on, and what happens while one is.

Blender draws a view: the handlers read what it shows, if the worker can use it, and draw the last picture over it. The worker
stylises in its thread. A timer takes its pictures and has the views drawn again. All else here runs on the main thread.
"""

import time
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import bpy
import gpu
import numpy as np
from bpy.app.handlers import persistent

from ..callbacks import Timer, add_handlers, remove_handlers
from . import draw, read_view, unlit
from .look import look_of, reason
from .read_view import Look, Reading
from .stylise import Picture, Refusal, stylise
from .worker import TOO_LONG_SECONDS, Worker

TICK_SECONDS = 0.02
CHECK_SECONDS = 0.25
"""How often it is looked for changes that draw no viewport: another style, another value on the node, a closed editor."""
MESSAGE_SECONDS = 20.0
"""How long a view that switched itself off says why."""
Place = tuple[int, int, str]
"""Pointers of editor and region, and the stereo eye."""


@dataclass
class Shown:
    """What lies over a part of a view: nothing at first."""

    picture: Picture | None = None
    texture: gpu.types.GPUTexture | None = None
    """Of the picture, from its first drawing on."""
    error: str = ""


@dataclass
class View:
    """A 3D viewport editor."""

    on: bool = True
    node: int = 0
    """session_uid of the inner group of the node that is shown; 0 for the active one."""
    look: Look | None = None
    """What it was last asked for."""
    message: str = ""
    until: float = 0.0
    """When the message of a view that is off ends."""
    shown: dict[Place, Shown] = field(default_factory=dict)
    waiting: dict[Place, Reading] = field(default_factory=dict)
    """What was read in this drawing and lacks its colours without light, which can't be drawn before its end."""
    unlit: dict[Place, tuple[Hashable, np.ndarray]] = field(default_factory=dict)
    """The last of these colours, with the digest of what they belong to."""
    reading_seconds: float = 0.0
    drawing_seconds: float = 0.0
    """That the last of each took of the main thread."""


views: dict[int, View] = {}
"""By the pointer of the editor's space, which Blender does not move."""
_worker: Worker | None = None
_handlers: list = []
_scene_framebuffer: gpu.types.GPUFrameBuffer | None = None
_next_check = 0.0


def is_on(space: bpy.types.Space, node: int | None = None) -> bool:
    """Whether the editor is stylised, and by that node if one is named."""
    view = views.get(space.as_pointer())
    return view is not None and view.on and node in (None, view.node)


def switch_on(space: bpy.types.Space, node: int = 0) -> None:
    """Have the editor show the style of a node, or of whichever is active."""
    views[space.as_pointer()] = View(node=node)
    _start()


def switch_off(space: bpy.types.Space) -> None:
    _remove(space.as_pointer())


def switch_all_off() -> None:
    for pointer in list(views):
        _remove(pointer)


def picture_of(space: bpy.types.Space, region: bpy.types.Region) -> Picture | None:
    """The picture that lies over a region of the editor; None if there is none yet."""
    shown = views[space.as_pointer()].shown.get((space.as_pointer(), region.as_pointer(), space.stereo_3d_eye))
    return None if shown is None else shown.picture


def _start() -> None:
    global _worker
    if _worker is not None and _worker.is_alive():
        return
    _stop()
    _worker = Worker(stylise)
    add = bpy.types.SpaceView3D.draw_handler_add
    for function, moment in ((_before_scene, "PRE_VIEW"), (_after_scene, "POST_VIEW"), (_on_top, "POST_PIXEL")):
        _handlers.append(add(function, (), "WINDOW", moment))
    _timer.start()


def _stop() -> None:
    """Leave nothing behind."""
    global _worker, _scene_framebuffer
    while _handlers:
        bpy.types.SpaceView3D.draw_handler_remove(_handlers.pop(), "WINDOW")
    _timer.stop()
    if _worker is not None:
        _worker.stop()
    _worker = _scene_framebuffer = None
    draw.forget()


def _remove(pointer: int) -> None:
    view = views.pop(pointer, None)
    if view is not None:
        _forget_pictures(view)
    if not views:
        _stop()
    _redraw(pointer)


def _forget_pictures(view: View) -> None:
    for place in view.shown:
        if _worker is not None:
            _worker.forget(place)
    view.shown.clear()
    view.waiting.clear()
    view.unlit.clear()


def _before_scene() -> None:
    """PRE_VIEW: the framebuffer that the scene will be drawn into is bound."""
    global _scene_framebuffer
    view = views.get(bpy.context.space_data.as_pointer())
    _scene_framebuffer = gpu.state.active_framebuffer_get() if view is not None and view.on else None


def _after_scene() -> None:
    """POST_VIEW: the scene has been drawn."""
    global _scene_framebuffer
    framebuffer, _scene_framebuffer = _scene_framebuffer, None
    context = bpy.context
    space = context.space_data
    view = views.get(space.as_pointer())
    seen = read_view.window(context) if framebuffer is not None and view is not None else None
    if seen is None or _worker is None or view is None:
        return
    place = space.as_pointer(), context.region.as_pointer(), space.stereo_3d_eye
    if read_view.is_stereo(context):
        _forget_pictures(view)
        return
    started = time.perf_counter()
    view.look = look_of(context.scene, view.node)
    if view.look is not None and _worker.accepts(place) and not bpy.app.is_job_running("RENDER"):
        reading = read_view.read(framebuffer, seen, view.look, space.overlay.show_overlays)
        if view.look.albedo and unlit.is_known(space):
            view.waiting[place] = reading
        else:
            _worker.submit(place, reading)
        view.reading_seconds = time.perf_counter() - started
        view.shown.setdefault(place, Shown())
    started = time.perf_counter()
    shown = view.shown.get(place)
    if shown is not None and shown.picture is not None and view.look is not None:
        picture = shown.picture
        if shown.texture is None:
            shown.texture = draw.texture(picture.frame)
        draw.picture(framebuffer, shown.texture, picture.to_clip, picture.anchor, seen, picture.over)
        view.drawing_seconds = time.perf_counter() - started


def _on_top() -> None:
    """POST_PIXEL: what is to be said."""
    context = bpy.context
    view = views.get(context.space_data.as_pointer())
    if view is None:
        return
    place = context.space_data.as_pointer(), context.region.as_pointer(), context.space_data.stereo_3d_eye
    _submit_waiting(view, place)
    shown = view.shown.get(place)
    lacking = view.on and (view.look is None or read_view.is_stereo(context))
    if message := view.message or (reason(context) if lacking else ""):
        draw.text(context, message, alert=True)
    elif shown is not None and shown.error:
        draw.text(context, shown.error, alert=True)
    elif shown is not None and shown.picture is not None:
        notes = "; ".join(shown.picture.notes)
        draw.text(context, f"{shown.picture.name}{': ' if notes else ''}{notes}", alert=False)


def _submit_waiting(view: View, place: Place) -> None:
    """Give the worker what was read in this drawing, with its colours without light, which are drawn for each other view once."""
    reading = view.waiting.pop(place, None)
    if reading is None or _worker is None:
        return
    if place not in view.unlit or view.unlit[place][0] != reading.digest:
        view.unlit[place] = reading.digest, unlit.colours(bpy.context, bpy.context.region, reading)
    _worker.submit(place, replace(reading, unlit=view.unlit[place][1]))


def _tick() -> None:
    global _next_check
    if _worker is None:
        return
    if not _worker.is_alive():
        for view in views.values():
            _switch_itself_off(view, "there was an unexpected error; please report what the console shows.")
    for place, result in _worker.take().items():
        view = views.get(place[0])
        if view is not None and view.on:
            before = view.shown[place].picture if place in view.shown else None
            view.shown[place] = Shown(error=result.error) if isinstance(result, Refusal) else Shown(result)
            if isinstance(result, Picture) and _is_too_slow(result, before):
                _switch_itself_off(view, _too_slow(result))
            _redraw(place[0])
    if time.monotonic() >= _next_check:
        _next_check = time.monotonic() + CHECK_SECONDS
        _check()


def _is_too_slow(picture: Picture, before: Picture | None) -> bool:
    """A style's first picture does not count: the network warms up."""
    return before is not None and before.name == picture.name and picture.seconds > TOO_LONG_SECONDS


def _too_slow(picture: Picture) -> str:
    height, width = picture.frame.shape[:2]
    return (
        f"{picture.name} takes {picture.seconds:.1f} s for {width} x {height} pixels here; "
        "make the view smaller, or choose a faster style or device."
    )


def _switch_itself_off(view: View, reason: str) -> None:
    view.on, view.message = False, f"Stylised view off: {reason}"
    view.until = time.monotonic() + MESSAGE_SECONDS
    _forget_pictures(view)


def _check() -> None:
    """Draw views anew whose node has changed, and forget those that were closed or have had their say."""
    there = {s.as_pointer() for screen in bpy.data.screens for area in screen.areas for s in area.spaces if s.type == "VIEW_3D"}
    for pointer, view in list(views.items()):
        if pointer not in there or (not view.on and time.monotonic() > view.until):
            _remove(pointer)
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            view = views.get(area.spaces.active.as_pointer()) if area.type == "VIEW_3D" else None
            if view is not None and view.on and look_of(window.scene, view.node) != view.look:
                area.tag_redraw()


def _redraw(pointer: int) -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D" and area.spaces.active.as_pointer() == pointer:
                area.tag_redraw()


@persistent
def _on_load(*_: object) -> None:
    switch_all_off()


_timer = Timer(_tick, TICK_SECONDS)
HANDLERS = {"load_pre": _on_load}


def register() -> None:
    add_handlers(HANDLERS)


def unregister() -> None:
    switch_all_off()
    remove_handlers(HANDLERS)
