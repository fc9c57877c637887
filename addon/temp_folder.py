"""The private folder of this Blender session: what feeds the nodes, and the pictures that they show."""

import atexit
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

# Locks of our own: the package filelock would be one more wheel in everything that artists install, for these few lines.
if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PREFIX = "gan-style-"
LOCK = "lock"
STARTING_SECONDS = 60
MEMORY = Path("/dev/shm")
"""Linux's folder in memory: files of each frame are written and read there twice as fast, and wear no disk."""
MEMORY_ROOM = 4 * 2**30
"""Bytes that must be free in it; an 8K frame with five passes takes half of them."""
_locks: list[IO] = []
"""Held as long as the process lives, however it ends."""


@cache
def folder() -> Path:
    """Made at the first call. Removes the folders that Blenders which crashed or were killed have left."""
    for left in [left for parent in (Path(tempfile.gettempdir()), MEMORY) for left in parent.glob(f"{PREFIX}*/{LOCK}")]:
        _remove_if_left(left)
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_parent()))
    _locks.append(_lock(path / LOCK, "wb"))
    atexit.register(remove_folder)
    return path


def _parent() -> Path:
    """MEMORY where there is room, unless someone has chosen a folder for temporary files."""
    usual = Path(tempfile.gettempdir())
    chosen = usual != Path("/tmp") or "TMPDIR" in os.environ
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_ROOM
    return MEMORY if roomy and not chosen else usual


def remove_frames(kept: set[str]) -> None:
    """Remove the EXR files of frames but those of images with the given paths, whose names differ in a last number at most.

    Each .blend file that is opened gets new ones.
    """
    if folder.cache_info().currsize:
        series = {path.rpartition("-")[0] for path in kept}
        for path in folder().glob("*.exr"):
            if str(path).rpartition("-")[0] not in series:
                path.unlink(missing_ok=True)


def remove_folder() -> None:
    while _locks:
        _locks.pop().close()
    if folder.cache_info().currsize:
        shutil.rmtree(folder(), ignore_errors=True)
    folder.cache_clear()


def _lock(path: Path, mode: str) -> IO:
    """Open and lock a file. Raises OSError if another process holds it."""
    file = open(path, mode)  # noqa: SIM115 - closing it gives the lock up
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def is_locked(path: Path) -> bool:
    """Whether another process holds the lock of a file that is there."""
    try:
        _lock(path, "r+b").close()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _remove_if_left(lock: Path) -> None:
    """A process that ended holds no lock. One that is starting may not hold it yet."""
    with suppress(OSError):  # locked, or another user's
        if lock.stat().st_mtime < time.time() - STARTING_SECONDS:
            _lock(lock, "r+b").close()
            shutil.rmtree(lock.parent, ignore_errors=True)
