"""Work spread over threads: every item, in order, and errors come out."""

import threading

import pytest

from core import threads


def test_results_come_in_order_and_from_several_threads(monkeypatch):
    monkeypatch.setattr(threads, "THREADS", 3)
    meeting = threading.Barrier(3, timeout=30)  # which only three at the same time get through

    def together(number: int) -> int:
        meeting.wait()
        return number * number

    assert threads.spread(together, range(6)) == [0, 1, 4, 9, 16, 25]
    assert threads.spread(together, []) == []


def test_a_single_item_starts_no_thread():
    assert threads.spread(lambda _: threading.current_thread(), [0]) == [threading.current_thread()]


def test_an_error_is_raised():
    with pytest.raises(ZeroDivisionError):
        threads.spread(lambda x: 1 / x, (2, 1, 0))
