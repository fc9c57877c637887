"""The cache gives back exactly what it was given, stays within its bounds, and never returns a damaged frame."""

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from core.cache import FrameCache, content_key

MEGABYTE = 2**20


def frame(seed: int, height: int = 64, width: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 10, (height, width, 4)).astype(np.float32)


def key(seed: int) -> str:
    return f"{seed:032x}"


def test_the_key_of_content_changes_with_anything_and_with_nothing_else():
    arrays = {"image": frame(1, 700, 600), "depth": frame(2)[..., :1], "empty": np.empty((0, 3, 1), np.float32)}
    first = content_key(arrays, "style", 1.0)
    assert len(bytes.fromhex(first)) == 16
    assert content_key({name: array.copy() for name, array in reversed(arrays.items())}, "style", 1.0) == first
    last = arrays["image"].copy()
    last[-1, -1, -1] += 1e-3
    renamed = {"image": arrays["image"], "albedo": arrays["depth"], "empty": arrays["empty"]}
    others = [
        arrays | {"image": last},
        arrays | {"image": arrays["image"].reshape(600, 700, 4)},
        renamed,
        arrays | {"image": arrays["image"].view(np.int32)},
        {"image": arrays["image"]},
    ]
    keys = {content_key(other, "style", 1.0) for other in others} | {content_key(arrays, "style", 2.0), content_key(arrays)}
    assert len(keys | {first}) == len(others) + 3


def test_memory_keeps_what_was_used_last():
    cache = FrameCache(3 * frame(0).nbytes)
    for seed in range(3):
        cache.put(key(seed), frame(seed))
    cache.get(key(0))
    cache.put(key(3), frame(3))
    assert cache.get(key(1)) is None
    for seed in (0, 2, 3):
        assert np.array_equal(cache.get(key(seed)), frame(seed))
    cache.limit(frame(0).nbytes, None, 0)
    assert sum(cache.get(key(seed)) is not None for seed in range(4)) == 1
    cache.clear()
    assert cache.get(key(3)) is None


def test_nothing_is_kept_without_room():
    cache = FrameCache(0)
    cache.put(key(0), frame(0))
    assert cache.get(key(0)) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (64, 64)])
def test_disk_outlives_the_memory(tmp_path, size):
    original = frame(1, *size)
    original[0, 0, 0] = np.inf
    FrameCache(0, tmp_path / "new", MEGABYTE).put(key(1), original)
    assert np.array_equal(FrameCache(MEGABYTE, tmp_path / "new", MEGABYTE).get(key(1)), original)
    assert FrameCache(MEGABYTE, tmp_path / "new", MEGABYTE).get(key(2)) is None
    assert FrameCache(MEGABYTE).get(key(1)) is None
    FrameCache(0, tmp_path / "new", MEGABYTE).clear()
    assert list((tmp_path / "new").iterdir()) == []


def test_the_folder_stays_within_its_bound(tmp_path):
    limit = int(3.5 * frame(0).nbytes)
    cache = FrameCache(0, tmp_path, limit)
    for seed in range(6):
        cache.put(key(seed), frame(seed))
        os.utime(tmp_path / f"{key(seed)}.frame", (seed, seed))
        assert sum(f.stat().st_size for f in tmp_path.iterdir()) <= limit
    assert [cache.get(key(seed)) is not None for seed in range(6)] == [False] * 3 + [True] * 3
    cache.put(key(9), frame(9, 1000, 1000))
    assert cache.get(key(9)) is None and cache.get(key(5)) is not None


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "foreign", "renamed", "size"])
def test_damaged_frames_are_ignored(tmp_path, damage):
    cache = FrameCache(0, tmp_path, MEGABYTE)
    cache.put(key(1), frame(1))
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "bit":
        content[5000] ^= 1
    elif damage == "size":
        content[16:24] = np.array([128, 32], "<u4").tobytes()
    path.write_bytes({"cut": content[:-4], "empty": b"", "foreign": b"P6 1 1 255 abc"}.get(damage, content))
    other = key(2) if damage == "renamed" else key(1)
    path.rename(tmp_path / f"{other}.frame")
    assert cache.get(other) is None
    cache.put(other, frame(2))
    assert np.array_equal(cache.get(other), frame(2))


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    cache = FrameCache(MEGABYTE, tmp_path / "file" / "cache", MEGABYTE)
    cache.put(key(1), frame(1))
    assert np.array_equal(cache.get(key(1)), frame(1))


def use_folder(folder: Path, first: int) -> None:
    cache = FrameCache(0, folder, 5 * frame(0).nbytes)
    for seed in range(first, first + 60):
        cache.put(key(seed % 10), frame(seed % 10))
        found = cache.get(key((seed + 3) % 10))
        assert found is None or np.array_equal(found, frame((seed + 3) % 10))


def test_two_processes_share_a_folder(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=use_folder, args=(tmp_path, first)) for first in (0, 5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert not list(tmp_path.glob("*.part"))
