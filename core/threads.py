"""Spreads work on arrays over threads: NumPy and hashlib release Python's lock while they compute."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = min(4, os.cpu_count() or 1)
"""Only a few: such work waits for memory rather than for cores, and Blender needs cores, too."""


def spread(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """function(item) of each, in order, computed in THREADS. Raises what the function raises."""
    items = list(items)
    if len(items) < 2:  # small tiles and frames, which take less time than a thread does to start
        return list(map(function, items))
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(function, items))
