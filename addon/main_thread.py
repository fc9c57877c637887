"""Work for Blender's main thread. Renders run in threads of their own, where touching Blender's data crashes sooner or later."""

import concurrent.futures
import threading
from collections.abc import Callable
from typing import TypeVar

from ..core import Cancelled
from .callbacks import Timer

POLL_SECONDS = 0.02
Result = TypeVar("Result")


class _Call:
    """A function that waits for the main thread."""

    def __init__(self, function: Callable[[], object], ready: Callable[[], bool] | None):
        self.function, self.ready = function, ready
        self.future: concurrent.futures.Future = concurrent.futures.Future()

    def settle(self) -> bool:
        """Run it if it is time; False if it has to wait."""
        try:
            if self.ready is not None and not self.future.cancelled() and not self.ready():
                return False
            if self.future.set_running_or_notify_cancel():
                self.future.set_result(self.function())
        except BaseException as error:
            self.future.set_exception(error)  # the caller raises it
        return True

    def drop(self) -> None:
        """It will never run: its caller gets Cancelled."""
        if self.future.cancel():
            self.future.set_running_or_notify_cancel()  # only now does whoever waits for it wake up


_calls: list[_Call] = []


def call(
    function: Callable[..., Result],
    *arguments: object,
    cancel: Callable[[], bool] | None = None,
    ready: Callable[[], bool] | None = None,
) -> Result:
    """Call a function on the main thread and return its result or raise its exception.

    May be called from any thread. cancel: asked again and again while waiting, since the main thread may be waiting for the
    caller to end. Raises Cancelled, also when the add-on is switched off meanwhile.
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
    try:
        return waiting.future.result()
    except concurrent.futures.CancelledError:
        raise Cancelled from None


def _pump() -> None:
    for waiting in list(_calls):
        if waiting.settle():
            _calls.remove(waiting)


_timer = Timer(_pump, POLL_SECONDS)


def register() -> None:
    _timer.start()


def unregister() -> None:
    _timer.stop()
    while _calls:
        _calls.pop().drop()
