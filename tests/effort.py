"""How much work something is, told by counts rather than by the clock: no test may hang on how busy the machine is."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def calls(work: Callable[[], object]) -> int:
    """How many functions the work calls on this thread, in Python and in C."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@contextmanager
def no_hang(seconds: float = 60) -> Iterator[None]:
    """A bound on CPU time where nothing can be counted: far above what a slow machine needs, far below minutes without end."""
    started = time.process_time()
    try:
        yield
    finally:
        assert time.process_time() - started < seconds
