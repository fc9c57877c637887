import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.exr import read_exr, write_exr
from export.frames import frame_store
from export.frames.frame_store import DataError, FrameStore, cache_folder
from export.networks.surface_noise import SurfaceNoise
from tests.media import write_video

from ..paired_frames import write_paired_frames


@pytest.fixture
def folder(tmp_path):
    return write_paired_frames(tmp_path / "data", count=3)


def opened(folder: Path, passes=("image",), part: str = "input", **options) -> FrameStore:
    problems = []
    store = FrameStore(folder / part, passes, cache_folder(folder), problems, **options)
    assert problems == []
    return store


@pytest.fixture
def decoded(monkeypatch):
    """The names of files, as they are decoded."""
    names, original = [], frame_store.read_frames
    monkeypatch.setattr(frame_store, "read_frames", lambda path, *rest: names.append(path.name) or original(path, *rest))
    return names


def test_frames_are_decoded_again_only_when_their_files_or_settings_change(folder, decoded):
    opened(folder)
    assert decoded == [f"shot_000{n}.exr" for n in (1, 2, 3)]
    opened(folder)
    assert len(decoded) == 3
    path = folder / "input" / "shot_0002.exr"
    status = path.stat()
    path.write_bytes(path.read_bytes()[:-4] + b"\1\2\3\4")  # as large as before
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert path.stat().st_size == status.st_size
    opened(folder)
    assert len(decoded) == 6
    opened(folder, height=36)
    opened(folder, ("image", "depth"))
    assert len(decoded) == 12
    opened(folder)
    opened(folder, height=36)
    assert len(decoded) == 12


@pytest.mark.parametrize("origin", [0, 100, 3000])
def test_noise_is_trained_on_as_the_node_will_see_it(folder, origin):
    """Far from the origin, too: half floats are 0.06 apart at 100 units, and the finest waves 0.02 long."""
    y, x = np.mgrid[:72, :104]
    position = np.stack([origin + 0.004 * x, origin - 0.004 * y, np.full(x.shape, origin / 3)], axis=-1).astype(np.float32)
    path = folder / "input" / "shot_0002.exr"
    write_exr(path, read_exr(path) | {"position": position})
    stored = opened(folder, ("image", "position", "depth")).whole("shot_0002")["position"]
    exact = torch.from_numpy(position).permute(2, 0, 1)[None]
    assert (stored - exact).abs().max() <= 2**-21 * max(origin, 1)
    noise = SurfaceNoise(2)
    assert torch.corrcoef(torch.stack([noise(stored).flatten(), noise(exact).flatten()]))[0, 1] > (
        0.999 if origin < 1000 else 0.97
    )


@pytest.mark.parametrize("harm", ["no index", "half an index", "half the frames", "no frames", "nonsense"])
def test_a_cache_that_is_not_whole_is_made_again(folder, decoded, harm):
    whole = opened(folder).whole("shot_0002")["image"]
    (cache,) = (folder / ".cache").glob("*.f16")
    index = cache.with_suffix(".json")
    {
        "no index": index.unlink,
        "half an index": lambda: index.write_text(index.read_text()[: len(index.read_text()) // 2]),
        "half the frames": lambda: os.truncate(cache, cache.stat().st_size // 2),
        "no frames": cache.unlink,
        "nonsense": lambda: index.write_text("{}"),
    }[harm]()
    assert (opened(folder).whole("shot_0002")["image"] == whole).all() and len(decoded) == 6


def test_of_two_that_start_at_once_one_decodes_and_the_other_waits(folder, decoded, monkeypatch):
    begun, go, original = threading.Event(), threading.Event(), frame_store.read_frames

    def paused(path, *rest):
        begun.set()
        assert go.wait(60)
        return original(path, *rest)

    monkeypatch.setattr(frame_store, "read_frames", paused)
    first = threading.Thread(target=opened, args=(folder,))
    first.start()
    assert begun.wait(60)
    threading.Timer(0.2, go.set).start()
    store = opened(folder)
    first.join()
    assert decoded == ["shot_0001.exr", "shot_0002.exr", "shot_0003.exr"] and len(store.frames) == 3


KILLED = """
import os, signal, sys
from pathlib import Path
import export.frames.frame_store as module
original, folder = module.read_frames, Path(sys.argv[1])

def killed(path, *rest):
    if path.stem.endswith("3"):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(path, *rest)

module.read_frames = killed
module.FrameStore(folder / "input", ("image",), module.cache_folder(folder), [])
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such signal")
def test_after_a_kill_while_decoding_the_next_decodes_anew(folder, decoded):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder)], cwd=Path(__file__).parents[3])
    assert killed.returncode == -signal.SIGKILL and list((folder / ".cache").glob("*.partial"))
    assert len(opened(folder).frames) == len(decoded) == 3 and not list((folder / ".cache").glob("*.partial"))


def test_a_data_folder_that_can_not_be_written_is_cached_elsewhere(folder, tmp_path, monkeypatch, decoded):
    (folder / ".cache").write_text("a file in the place of the folder")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    opened(folder)
    assert len(opened(folder).frames) == len(decoded) == 3
    assert list((tmp_path / "temporary" / "gan_style").glob("*.f16"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="can be kept neither .* TMPDIR"):
        cache_folder(folder)


def test_a_full_disk_is_reported_and_leaves_nothing_behind(folder):
    """A limit on the size of files makes writes fail as a full disk does."""
    resource = pytest.importorskip("resource")
    cache = cache_folder(folder)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        with pytest.raises(DataError, match="can't be kept .* make space"):
            FrameStore(folder / "input", ("image",), cache, [])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {p.suffix for p in cache.iterdir()} <= {".lock"}
    assert len(opened(folder).frames) == 3


def test_every_file_that_can_not_be_used_is_named_and_the_others_are_known(folder):
    files = sorted((folder / "input").iterdir())
    files[0].write_bytes(files[0].read_bytes()[:2000])
    write_exr(folder / "input" / "shot_0004.exr", {"image": np.ones((72, 104, 3), np.float32)})
    problems = []
    store = FrameStore(folder / "input", ("image", "normal"), cache_folder(folder), problems)
    assert len(problems) == 2 and "shot_0001.exr" in problems[0] and "shot_0004.exr has no layer 'normal' of 3" in problems[1]
    assert store.unreadable == {"shot_0001", "shot_0004"} and list(store.frames) == ["shot_0002", "shot_0003"]
    assert not list((folder / ".cache").glob("*.json"))


def test_two_files_of_one_frame_are_named(folder):
    Image.new("RGB", (104, 72)).save(folder / "input" / "shot_0002.png")
    write_video(folder / "input" / "shot.mkv", [np.zeros((72, 104, 3), np.uint8)] * 2, "ffv1", "yuv444p")
    Image.new("RGB", (104, 72)).save(folder / "input" / "shot_000002.png")
    problems = []
    FrameStore(folder / "input", ("image",), cache_folder(folder), problems)
    assert len(problems) == 2 and "shot_000002.png has a frame shot_000002" in problems[0] and "shot.mkv has." in problems[0]
    assert "shot_0002.png has a frame shot_0002" in problems[1]


def test_values_that_are_no_numbers_are_cleaned_or_refused(folder):
    image = np.full((72, 104, 3), 2.0, np.float32)
    image[0, :3, 0] = np.nan, np.inf, -np.inf
    for part in ("input", "target"):
        write_exr(folder / part / "shot_0001.exr", {"image": image})
    assert opened(folder).whole("shot_0001")["image"][0, 0, 0, :4].tolist() == [0, 65504, -65504, 2]
    problems = []
    FrameStore(folder / "target", ("image",), cache_folder(folder), problems, finite=True)
    assert len(problems) == 1 and "shot_0001.exr holds values that are infinite or not a number" in problems[0]


def test_frames_of_all_kinds_become_planes(folder):
    for path in (folder / "target").iterdir():
        path.unlink()
    grey = np.linspace(0, 255, 72 * 104).astype(np.uint8).reshape(72, 104)
    Image.fromarray(grey).save(folder / "target" / "shot_0001.png")
    write_exr(folder / "target" / "shot_0002.exr", {"image": np.full((72, 104, 3), 3.0, np.float32)})
    write_video(folder / "target" / "clip.mkv", [np.dstack([grey] * 3)] * 2, "ffv1", "yuv444p")
    store = opened(folder, ("image", "mask"), "target")
    assert list(store.frames) == ["clip_000001", "clip_000002", "shot_0001", "shot_0002"] and not store.masked
    assert (store.whole("shot_0002")["image"] == 3).all()
    picture, film = (store.whole(name)["image"] for name in ("shot_0001", "clip_000002"))
    assert picture.shape == film.shape == (1, 3, 72, 104) and (picture - film).abs().max() < 0.02 and picture.max() == 1
    assert store.of("clip_000002") == folder / "target" / "clip.mkv"


def test_frames_are_scaled_when_they_are_read(folder):
    store = opened(folder, ("image", "depth"), height=36)
    whole = store.whole("shot_0003")
    assert whole["image"].shape == (1, 3, 36, 52) and whole["depth"].shape == (1, 1, 36, 52)
    original = read_exr(folder / "input" / "shot_0003.exr")["image"][..., :3]
    assert np.allclose(whole["image"].mean((0, 2, 3)), original.mean((0, 1)), rtol=0.02)


def test_a_value_that_is_no_number_does_not_spread_when_a_frame_is_scaled(folder):
    image = np.full((72, 104, 3), 2.0, np.float32)
    image[36, 52] = np.nan
    write_exr(folder / "input" / "shot_0001.exr", {"image": image})
    scaled = opened(folder, height=36).whole("shot_0001")["image"]
    assert (scaled != 2).sum() <= 3 * 49 and (scaled > 0).all()


def test_alpha_and_mask_files_are_multiplied(folder):
    alpha = np.ones((72, 104, 4), np.float32)
    alpha[:36] = 0.5
    write_exr(folder / "target" / "shot_0001.exr", {"image": alpha})
    mask = np.zeros((72, 104), np.uint8)
    mask[:, :52] = 255
    (folder / "mask").mkdir()
    for name in ("shot_0001", "shot_0002"):
        Image.fromarray(mask).save(folder / "mask" / f"{name}.png")
    store = opened(folder, ("image", "mask"), "target", masks=opened(folder, ("mask",), "mask"))
    assert store.masked and not opened(folder).masked
    half = mask / 255
    for name, expected in (("shot_0001", alpha[..., 3] * half), ("shot_0002", half), ("shot_0003", np.ones_like(half))):
        assert np.array_equal(store.whole(name)["mask"][0, 0], expected), name
        assert np.array_equal(store.mask(name, slice(30, 40), slice(50, 60)), expected[30:40, 50:60]), name


def test_the_index_tells_what_the_cache_holds(folder):
    store = opened(folder, ("image", "depth"))
    (index,) = (folder / ".cache").glob("*.json")
    assert json.loads(index.read_text())["bytes"] == 3 * 4 * 72 * 104 * 2
    assert [f.offset for f in store.frames.values()] == [n * 4 * 72 * 104 for n in range(3)]


def test_files_of_the_same_size_that_hold_something_else_are_other_data_and_copies_are_not(folder, tmp_path):
    before = opened(folder).fingerprint
    shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns(".cache"))
    assert opened(tmp_path / "copy").fingerprint == before
    path = folder / "input" / "shot_0002.exr"
    path.write_bytes(path.read_bytes()[:-4] + b"\1\2\3\4")
    assert opened(folder).fingerprint != before


def test_caches_that_nobody_opens_any_more_are_deleted(folder):
    opened(folder)
    opened(folder, height=36)
    (first, second) = sorted((folder / ".cache").glob("*.f16"), key=lambda path: path.stat().st_size)
    os.utime(first, (0, 0))
    opened(folder)
    assert list((folder / ".cache").glob("*.f16")) == [second] and not first.with_suffix(".json").exists()


def test_a_file_larger_than_memory_is_named(folder, monkeypatch):
    def read(path, *rest):
        raise MemoryError

    monkeypatch.setattr(frame_store, "read_frames", read)
    problems = []
    FrameStore(folder / "input", ("image",), cache_folder(folder), problems)
    assert len(problems) == 3 and "shot_0001.exr takes more memory to read than is free" in problems[0]
