"""When the network runs for a viewport, and at which size: the order of work, the pace, and the thread. No bpy here."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

STEPS = (1, 2, 3)
"""The network runs on every pixel, or on the means of 2 x 2 or 3 x 3."""
PACE_SECONDS = 0.1
"""What a picture may take while the view moves."""
REST_SECONDS = 0.3
"""A view that has not changed for so long is at rest, and gets all its pixels."""
TOO_LONG_SECONDS = 2.0
"""A style that takes longer for a picture is no preview."""
POLL_SECONDS = 0.05


class Task(Protocol):
    """What is to be stylised."""

    @property
    def pixels(self) -> int: ...

    @property
    def digest(self) -> Hashable:
        """Equal for equal pictures."""
        ...


class Result(Protocol):
    @property
    def seconds(self) -> float:
        """That the network and the passes took; 0 if they did not run."""
        ...


V = TypeVar("V", bound=Hashable)
"""What tells views apart."""
T = TypeVar("T", bound=Task)
R = TypeVar("R", bound=Result)


class Pace:
    """The step that keeps the pace, from how long pictures have taken so far."""

    def __init__(self) -> None:
        self._taken: dict[int, tuple[int, float]] = {}
        """By step: pixels and seconds of the last picture."""
        self._begun = False

    def step(self, pixels: int, moving: bool) -> int:
        """One of STEPS for a view of so many pixels: the finest that is quick enough, the coarsest as long as none has run."""
        limit = PACE_SECONDS if moving else 0.7 * TOO_LONG_SECONDS
        quick = (step for step in STEPS if self._taken and self._expected(pixels // step**2) <= limit)
        return next(quick, STEPS[-1])

    def note(self, step: int, pixels: int, seconds: float) -> None:
        """A picture of so many pixels, after the step, has taken so many seconds; the first is slower than all others."""
        if self._begun:
            self._taken[step] = max(1, pixels), seconds
        self._begun = True

    def is_known(self) -> bool:
        return bool(self._taken)

    def _expected(self, pixels: int) -> float:
        """Seconds: in proportion to the pixels at first, then some for every picture and some for every pixel."""
        (fewest, quickest), (most, longest) = min(self._taken.values()), max(self._taken.values())
        each = (longest - quickest) / (most - fewest) if most > fewest else longest / most
        each = max(0.0, min(each, longest / most))
        return max(0.0, longest - each * most) + each * pixels


@dataclass
class _View(Generic[T]):
    waiting: T | None = None
    latest: T | None = None
    """What was run last."""
    step: int = 0
    """With which step; 0 if it was interrupted."""
    changed: float = 0.0
    """When another picture came than the one before."""

    def has_news(self) -> bool:
        """Whether what waits differs from what was run last."""
        return self.waiting is not None and (self.latest is None or self.waiting.digest != self.latest.digest)


class Schedule(Generic[V, T]):
    """What is run next for which view. Views that moved come first and are never interrupted; views at rest are refined."""

    def __init__(self) -> None:
        self.pace = Pace()
        self._views: dict[V, _View[T]] = {}
        self._running: tuple[V, bool] | None = None

    def accepts(self, view: V) -> bool:
        """Whether a new picture of the view would be of use now: else it is dropped rather than kept waiting."""
        return self._running != (view, True) and (view not in self._views or self._views[view].waiting is None)

    def submit(self, view: V, task: T) -> None:
        self._views.setdefault(view, _View()).waiting = task

    def next(self, now: float) -> tuple[V, T, int] | None:
        """(view, task, step) to run now; None if there is nothing to do. Call finished() afterwards."""
        for name, view in self._views.items():
            news, task, view.waiting = view.has_news(), view.waiting, None
            if task is not None and news:
                view.latest, view.changed, view.step = task, now, 0
                return self._begin(name, task, self.pace.step(task.pixels, moving=True), True)
        for name, view in self._views.items():
            if view.latest is not None and view.step != STEPS[0] and now >= view.changed + REST_SECONDS:
                step = self.pace.step(view.latest.pixels, moving=False)
                if view.step == 0 or step < view.step or not self.pace.is_known():
                    return self._begin(name, view.latest, step, False)
        return None

    def _begin(self, name: V, task: T, step: int, moving: bool) -> tuple[V, T, int]:
        self._running, self._views[name] = (name, moving), self._views.pop(name)  # to the end of the queue
        return name, task, step

    def interrupted(self) -> bool:
        """Whether what runs refines a view at rest, while another picture waits."""
        refines = self._running is not None and not self._running[1]
        return refines and any(view.has_news() for view in self._views.values())

    def finished(self, view: V, step: int, result: Result | None) -> None:
        """What next() gave is done; the result is None if it was interrupted."""
        self._running, known = None, self._views.get(view)
        if known is not None and known.latest is not None and result is not None:
            known.step = step
            if result.seconds:
                self.pace.note(step, known.latest.pixels // step**2, result.seconds)

    def forget(self, view: V) -> None:
        self._views.pop(view, None)


class Worker(Generic[V, T, R]):
    """Runs the schedule in a thread of its own.

    run: (task, step, cancel) -> what is to be shown, or None if cancel() agreed. Called in the thread.
    """

    def __init__(self, run: Callable[[T, int, Callable[[], bool]], R | None]):
        self._run = run
        self._schedule: Schedule[V, T] = Schedule()
        self._done: dict[V, R] = {}
        self._lock = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._loop, name="GAN Style viewport", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether the thread still runs: a mistake of our own ends it."""
        return self._thread.is_alive()

    def accepts(self, view: V) -> bool:
        with self._lock:
            return self._schedule.accepts(view)

    def submit(self, view: V, task: T) -> None:
        with self._lock:
            self._schedule.submit(view, task)
            self._lock.notify()

    def take(self) -> dict[V, R]:
        """What was done since the last call, the newest of each view."""
        with self._lock:
            done, self._done = self._done, {}
        return done

    def forget(self, view: V) -> None:
        with self._lock:
            self._schedule.forget(view)
            self._done.pop(view, None)

    def stop(self) -> None:
        """End the thread, and wait for it."""
        with self._lock:
            self._stopped = True
            self._lock.notify()
        self._thread.join()

    def _cancel(self) -> bool:
        with self._lock:
            return self._stopped or self._schedule.interrupted()

    def _loop(self) -> None:
        while True:
            with self._lock:
                while not self._stopped and (chosen := self._schedule.next(time.monotonic())) is None:
                    self._lock.wait(POLL_SECONDS)
                if self._stopped:
                    return
            view, task, step = chosen
            result = self._run(task, step, self._cancel)
            with self._lock:
                self._schedule.finished(view, step, result)
                if result is not None:
                    self._done[view] = result
