"""Remembers stylised frames by what they were made from: in memory, and on disk if the artist wants."""

import os
import tempfile
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import numpy as np
from xxhash import xxh3_128

DIGEST_BYTES = 16
MAX_SIDE = 2**16


def content_key(arrays: dict[str, np.ndarray], *identity: object) -> str:
    """A key for what is made from these arrays and the identity, compared by its repr(): 32 hexadecimal digits.

    XXH3 digests frames as fast as memory is read; nothing here guards against somebody who wants two frames to collide.
    """
    ordered = sorted(arrays.items())
    digest = xxh3_128(repr((identity, [(name, array.shape, array.dtype.str) for name, array in ordered])).encode())
    for _, array in ordered:
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


class FrameCache:
    """Frames (H, W, 4) float32 under keys of hexadecimal digits. Any thread may use it; processes may share a folder.

    memory_bytes, disk_bytes: beyond these the least recently used frames are forgotten; 0 keeps none there.
    folder: where the frames on disk lie, each with a checksum; damaged files and other kinds of files are never returned.
    """

    def __init__(self, memory_bytes: int, folder: Path | None = None, disk_bytes: int = 0):
        self.memory_bytes, self.folder, self.disk_bytes = memory_bytes, folder, disk_bytes
        self._frames: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> np.ndarray | None:
        """The frame that put() was given under the key, if it is still there. Do not write into it."""
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
                return self._frames[key]
        frame = self._read(key)
        if frame is not None:
            self._remember(key, frame)
        return frame

    def put(self, key: str, frame: np.ndarray) -> None:
        """Remember a frame. A disk that is full or can't be written is no error: the cache only saves time."""
        self._remember(key, frame)
        if self.folder is not None and 0 < frame.nbytes <= self.disk_bytes:
            with suppress(OSError):
                self._write(self.folder, key, frame)
                self._trim_folder()

    def limit(self, memory_bytes: int, folder: Path | None, disk_bytes: int) -> None:
        """Change the bounds; what no longer fits is forgotten."""
        self.memory_bytes, self.folder, self.disk_bytes = memory_bytes, folder, disk_bytes
        self._trim_memory()
        if folder is not None:
            with suppress(OSError):
                self._trim_folder()

    def clear(self) -> None:
        """Forget all frames, those on disk too. Raises OSError if one can't be removed."""
        with self._lock:
            self._frames.clear()
        for path in self._files():
            path.unlink(missing_ok=True)

    def _remember(self, key: str, frame: np.ndarray) -> None:
        with self._lock:
            self._frames[key] = frame
            self._frames.move_to_end(key)
        self._trim_memory()

    def _trim_memory(self) -> None:
        with self._lock:
            size = sum(frame.nbytes for frame in self._frames.values())
            while size > self.memory_bytes:
                size -= self._frames.popitem(last=False)[1].nbytes

    def _read(self, key: str) -> np.ndarray | None:
        if self.folder is None or not self.disk_bytes:
            return None
        path = self.folder / f"{key}.frame"
        try:
            content = path.read_bytes()
            os.utime(path)  # puts off its removal
        except OSError:
            return None
        head, pixels = content[: DIGEST_BYTES + 8], memoryview(content)[DIGEST_BYTES + 8 :]
        height, width = np.frombuffer(head[DIGEST_BYTES:], "<u4") if len(head) == DIGEST_BYTES + 8 else (0, 0)
        fits = 0 < height < MAX_SIDE and 0 < width < MAX_SIDE and len(pixels) == int(height) * int(width) * 16
        if not fits or head[:DIGEST_BYTES] != _checksum(key, head[DIGEST_BYTES:], pixels):
            return None
        return np.frombuffer(pixels, "<f4").reshape(height, width, 4)

    def _write(self, folder: Path, key: str, frame: np.ndarray) -> None:
        """Whole or not at all: others may read the folder meanwhile."""
        folder.mkdir(parents=True, exist_ok=True)
        size, pixels = np.array(frame.shape[:2], "<u4").tobytes(), np.ascontiguousarray(frame, "<f4").data.cast("B")
        handle, temporary = tempfile.mkstemp(suffix=".part", dir=folder)
        try:
            with open(handle, "wb") as file:
                file.write(_checksum(key, size, pixels) + size)
                file.write(pixels)
            os.replace(temporary, folder / f"{key}.frame")
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _files(self) -> list[Path]:
        """The frames on disk, and the parts of one that a killed process may have left."""
        return [*self.folder.glob("*.frame"), *self.folder.glob("*.part")] if self.folder is not None else []

    def _trim_folder(self) -> None:
        """Remove the frames that have been unused longest; another process may be doing the same."""
        files = []
        for path in self._files():
            with suppress(OSError):
                files.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        size = sum(length for _, length, _ in files)
        for _, length, path in sorted(files):
            if size <= self.disk_bytes:
                break
            path.unlink(missing_ok=True)
            size -= length


def _checksum(key: str, size: bytes, pixels: memoryview) -> bytes:
    digest = xxh3_128(key.encode() + size)
    digest.update(pixels)
    return digest.digest()
