"""What Blender calls by itself: timers that outlive an exception, our handlers, and none at all during our own renders."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import bpy

logger = logging.getLogger(__name__)

RENDERS = (
    "render_init", "render_pre", "render_post", "render_write", "render_stats", "render_complete", "render_cancel",
    "composite_pre", "composite_post", "composite_cancel", "frame_change_pre", "frame_change_post",
    "depsgraph_update_pre", "depsgraph_update_post",
)  # fmt: skip
"""The lists of handlers that Blender may call while it renders."""


class Timer:
    """Calls a function on the main thread every so many seconds, from start() to stop().

    Blender drops a timer whose function raises, for the rest of the session. Here the exception is logged, each kind once, and
    the next call comes all the same.
    """

    def __init__(self, function: Callable[[], None], seconds: float):
        self.function, self.seconds = function, seconds
        self._seen: set[str] = set()
        self._registered = self._call
        """Blender knows a timer by the object; each mention of a method makes another."""

    def start(self) -> None:
        if not bpy.app.timers.is_registered(self._registered):
            bpy.app.timers.register(self._registered, persistent=True)

    def stop(self) -> None:
        if bpy.app.timers.is_registered(self._registered):
            bpy.app.timers.unregister(self._registered)

    def _call(self) -> float:
        try:
            self.function()
        except Exception as error:  # whatever it is, the session goes on
            kind = f"{type(error).__name__}: {error}"
            if kind not in self._seen:
                self._seen.add(kind)
                logger.exception("GAN Style: there was an unexpected error; please report it.")
        return self.seconds


def add_handlers(handlers: dict[str, Callable]) -> None:
    """{name of a list in bpy.app.handlers: function}, each at the end of its list, once."""
    remove_handlers(handlers)
    for name, handler in handlers.items():
        getattr(bpy.app.handlers, name).append(handler)


def remove_handlers(handlers: dict[str, Callable]) -> None:
    for name, handler in handlers.items():
        functions = getattr(bpy.app.handlers, name)
        functions[:] = [function for function in functions if function is not handler]


@contextmanager
def no_handlers() -> Iterator[None]:
    """Inside, a render calls nobody's handlers, ours included; whatever happens they are back afterwards, in their order.

    For the renders of hidden scenes: scripts that publish, count or shut down when a render ends would take them for the
    artist's. Call it on the main thread.
    """
    lists = [getattr(bpy.app.handlers, name) for name in RENDERS if hasattr(bpy.app.handlers, name)]
    before = [list(functions) for functions in lists]
    for functions in lists:
        functions.clear()
    try:
        yield
    finally:
        for functions, kept in zip(lists, before, strict=True):
            functions[:] = [*kept, *functions]  # what came meanwhile stays


@contextmanager
def no_handlers_of_ours() -> Iterator[None]:
    """Inside, Blender calls everybody's handlers but this add-on's; afterwards ours are back in their places. Main thread.

    For a render of the artist's scene that runs no nodes, but all scripts that set the scene up.
    """
    lists = [getattr(bpy.app.handlers, name) for name in RENDERS if hasattr(bpy.app.handlers, name)]
    before = [list(functions) for functions in lists]
    for functions in lists:
        functions[:] = [function for function in functions if not _is_ours(function)]
    try:
        yield
    finally:
        for functions, known in zip(lists, before, strict=True):
            kept = [function for function in known if _is_ours(function) or function in functions]
            functions[:] = kept + [function for function in functions if function not in known]


def _is_ours(function: Callable) -> bool:
    return (getattr(function, "__module__", None) or "").startswith(f"{__package__}.")
