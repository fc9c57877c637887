"""Work for Blender's main thread. Renders run in threads of their own, where touching Blender's data crashes sooner or later."""

import concurrent.futures
import threading
from collections.abc import Callable
from typing import TypeVar

import bpy

from ..core import Cancelled

POLL_SECONDS = 0.02
Result = TypeVar("Result")


class _Call:
    """A function that waits for the main thread."""

    def __init__(self, function: Callable[[], object], ready: Callable[[], bool] | None):
        self.function, self.ready = function, ready
        self.future: concurrent.futures.Future = concurrent.futures.Future()

    def settle(self) -> bool:
        """Run it if it is time; False if it has to wait."""
        if self.ready is not None and not self.ready() and not self.future.cancelled():
            return False
        if self.future.set_running_or_notify_cancel():
            try:
                self.future.set_result(self.function())
            except BaseException as error:
                self.future.set_exception(error)  # the caller raises it
        return True


_calls: list[_Call] = []


def call(
    function: Callable[..., Result],
    *arguments: object,
    cancel: Callable[[], bool] | None = None,
    ready: Callable[[], bool] | None = None,
) -> Result:
    """Call a function on the main thread and return its result or raise its exception.

    cancel: asked again and again while waiting, since the main thread may be waiting for the caller to end. Raises Cancelled.
    ready: asked on the main thread until it agrees. On the main thread itself there is no waiting.
    """

    def checked() -> Result:
        if cancel is not None and cancel():
            raise Cancelled
        return function(*arguments)

    if threading.current_thread() is threading.main_thread():
        return checked()
    waiting = _Call(checked, ready)
    _calls.append(waiting)
    while waiting.future not in concurrent.futures.wait([waiting.future], POLL_SECONDS).done:
        if cancel is not None and cancel() and waiting.future.cancel():
            raise Cancelled
    return waiting.future.result()


def _pump() -> float:
    for waiting in list(_calls):
        if waiting.settle():
            _calls.remove(waiting)
    return POLL_SECONDS


def register() -> None:
    bpy.app.timers.register(_pump, persistent=True)


def unregister() -> None:
    bpy.app.timers.unregister(_pump)
    for waiting in _calls:
        waiting.future.cancel()
    _calls.clear()
