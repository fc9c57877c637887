"""Spreads work on arrays over threads: NumPy and hashlib let others run while they are at it."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = min(4, os.cpu_count() or 1)
"""A few: such work waits for memory more than for cores, and others want some too."""


def spread(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """function(item) of each, in order, computed in THREADS. Raises what the function raises."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(function, items))
