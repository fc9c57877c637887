"""The frames of one folder, decoded once into a cache file that is mapped into memory and that processes share."""

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import AcquireReturnProxy, FileLock, Timeout
from torch import Tensor
from tqdm import tqdm

from core.colour import HALF_MAX
from core.deep import FAR
from core.passes import PASSES, RADIANCE

from ..settings import TrainerError
from .guides import GuideSource
from .sources import find_files, read_frames, read_masks, resize

log = logging.getLogger(__name__)

CHANNELS = {name: p.channels for name, p in PASSES.items()} | {"image": 3, "mask": 1}
"""Channels that a store gives of each pass: the image without its alpha, which is the mask."""
LIGHT = {name for name, p in PASSES.items() if p.holds == RADIANCE}
FINE = {"position"}
"""Passes that half floats are too coarse for: the waves of surface_noise.py are 16 pixels long, half floats 6 cm apart at 100 m
from the origin. They are kept as two half floats, the second holding what the first left out: 22 bits."""
KEPT_DAYS = 14
"""Days after which a cache is deleted that was not opened any more."""
CACHE_VERSION = 4
"""Raised when the same files would be decoded into other values, so that older caches are made anew."""


class DataError(TrainerError):
    """Files of the data set are missing or unusable; the message lists them all."""


@dataclass(frozen=True)
class Frame:
    """A decoded frame in a store."""

    name: str
    file: str
    """Name of the file that it came from."""
    height: int
    width: int
    offset: int
    """Index of the frame's first value in the cache."""
    covered: float
    """Mean of its mask; 1 if it has none."""


class FrameStore:
    """The decoded frames of one folder: planes of the passes as half floats, those of FINE passes twice.

    passes: names of PASSES, and, last, "mask": after "image" its alpha, alone the grey value of mask files.
    height: in pixels that frames are scaled to, 0 for their own. layer: the view layer of multilayer EXR files.
    finite: whether a value that is infinite or no number makes a file unusable; else it counts as HALF_MAX or 0.
    masks: more masks for frames of the same names, by which those from alpha are multiplied.
    guides: of the style's own, whose planes come after those of the passes.
    problems: gets a sentence for each file that can't be used; such a store knows its frames' sizes, but has no planes.
    Raises DataError if the cache can't be written.
    """

    def __init__(
        self,
        folder: Path,
        passes: Sequence[str],
        cache: Path,
        problems: list[str],
        *,
        height: int = 0,
        layer: str = "",
        finite: bool = False,
        masks: "FrameStore | None" = None,
        guides: Sequence[GuideSource] = (),
    ):
        self.folder, self.height, self.layer, self.finite, self.masks, self.guides = folder, height, layer, finite, masks, guides
        self.passes = (*passes, *(source.guide.name for source in guides))
        self.channels = CHANNELS | {source.guide.name: source.guide.channels for source in guides}
        self.light = {name for name in self.passes if name in LIGHT or self.channels[name] == 3 and name not in PASSES}
        """Passes that grow with the exposure."""
        self.planes_of = {name: self.channels[name] * (2 if name in FINE else 1) for name in self.passes}
        """Pass -> how many planes it has in the cache."""
        files = find_files(folder, problems)
        self.fingerprint = digest([])
        """Changes when files come, go or hold something else; a resumed run must find the same."""
        self.frames: dict[str, Frame] = {}
        self.unreadable: set[str] = set()
        """Names, without their endings, of files that can't be used."""
        read_as = [(source.layer, source.guide.channels) for source in guides]
        settings = [str(folder.resolve()), self.passes, height, layer, finite, read_as]
        apart = [f for source in guides if source.apart for f in sorted(source.folder.iterdir())]
        key = digest([CACHE_VERSION, [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files + apart]])
        if files:
            self._open(cache / f"{folder.name}_{digest(settings)[:12]}.f16", key, files, problems)
        self.masked = masks is not None or any(f.covered < 1 for f in self.frames.values())
        """Whether any mask leaves something out."""

    def of(self, name: str) -> Path:
        """The file of a frame."""
        return self.folder / self.frames[name].file

    def planes(self, frame: Frame) -> np.ndarray:
        """(planes of all passes, H, W) float16, not yet read from disk."""
        size = sum(self.planes_of.values()) * frame.height * frame.width
        return self._values[frame.offset : frame.offset + size].reshape(-1, frame.height, frame.width)

    def split(self, planes: Tensor) -> dict[str, Tensor]:
        """(B, planes of all passes, H, W) float32 to one tensor per pass."""
        passes = dict(zip(self.passes, planes.split(list(self.planes_of.values()), dim=1), strict=True))
        passes |= {name: sum(passes[name].chunk(2, dim=1)) for name in FINE & passes.keys()}
        if "depth" in passes:  # half floats end far before a sky
            passes["depth"] = torch.where(passes["depth"] >= HALF_MAX, FAR, passes["depth"])
        return passes

    def whole(self, name: str) -> dict[str, Tensor]:
        """All passes of a frame, each (1, c, H, W) float32."""
        passes = self.split(torch.from_numpy(self.planes(self.frames[name]).copy()).float()[None])
        if "mask" in passes:
            passes["mask"] = self.mask(name, slice(None), slice(None))[None, None]
        return passes

    def mask(self, name: str, rows: slice, columns: slice) -> Tensor:
        """(h, w) float32 in [0, 1] of a part of a frame in a store that has the pass "mask"."""
        mask = torch.from_numpy(self.planes(self.frames[name])[-1, rows, columns].copy()).float()
        return mask * self.masks.mask(name, rows, columns) if self.masks and name in self.masks.frames else mask

    def _open(self, path: Path, key: str, files: list[Path], problems: list[str]) -> None:
        """Map the cache file, made anew if it is not of these files; only one process at a time makes or opens it."""
        try:
            with _locked(path):
                if (index := _read_index(path, key)) is None:
                    self._decode(files, path, key, problems)
                    index = _read_index(path, key)
                if index:
                    self.frames = {f["name"]: Frame(**f) for f in index["frames"]}
                    self.fingerprint = index["contents"]
                    self._values = np.memmap(path, np.float16, "r")
                    path.touch()
            _remove_unused(path.parent)
        except OSError as error:
            raise DataError(
                f"The decoded frames can't be kept in {path.parent} ({error.strerror or error}); make space there, "
                "or choose a smaller frame-height, fewer passes or shorter videos."
            ) from error

    def _decode(self, files: list[Path], path: Path, key: str, problems: list[str]) -> None:
        """Write the cache file under another name, then rename it, then write its index; neither if a file can't be used."""
        partial, index, offset = path.with_suffix(".partial"), path.with_suffix(".json"), 0
        contents = []
        try:
            with open(partial, "wb") as out:
                for file in tqdm(files, desc=f"decoding {self.folder.name}", unit="file", leave=False):
                    try:
                        with open(file, "rb") as content:
                            contents.append((file.stem, hashlib.file_digest(content, "sha256").hexdigest()))
                        for name, planes in self._read(file):
                            if name in self.frames:
                                raise DataError(f"{file} has a frame {name}, as {self.of(name)} has.")
                            covered = float(planes[-1].mean(dtype=np.float64)) if self.passes[-1] == "mask" else 1.0
                            self.frames[name] = Frame(name, file.name, *planes.shape[1:], offset, covered)
                            out.write(planes.data)
                            offset += planes.size
                    except TrainerError as error:
                        problems.append(str(error))
                        self.unreadable.add(file.stem)
                    except MemoryError:
                        problems.append(f"{file} takes more memory to read than is free; scale it down.")
                        self.unreadable.add(file.stem)
            if not self.unreadable:
                index.unlink(missing_ok=True)
                os.replace(partial, path)
                frames = [asdict(f) for f in self.frames.values()]
                size = path.stat().st_size
                index.write_text(json.dumps({"key": key, "bytes": size, "contents": digest(contents), "frames": frames}))
        finally:
            partial.unlink(missing_ok=True)

    def _read(self, file: Path) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the name and the planes (planes of all passes, H, W) float16 of the file's frames."""
        if self.passes == ("mask",):
            found = ((name, {"mask": mask}) for name, mask in read_masks(file))
        else:
            found = read_frames(file, self.layer, self.guides)
        for name, passes in found:
            passes = {p: self._cleaned(file, array) for p, array in passes.items() if p in self.passes}
            yield name, self._stack(file, resize(passes, self.height) if self.height else passes)

    def _cleaned(self, file: Path, array: np.ndarray) -> np.ndarray:
        """The array within the range of half floats."""
        if self.finite and not np.isfinite(array).all():
            raise DataError(f"{file} holds values that are infinite or not a number.")
        return np.nan_to_num(array, nan=0.0, posinf=HALF_MAX, neginf=-HALF_MAX).clip(-HALF_MAX, HALF_MAX)

    def _stack(self, file: Path, passes: dict[str, np.ndarray]) -> np.ndarray:
        if "image" in passes:
            alpha = passes["image"][..., 3:]
            passes = passes | {"image": passes["image"][..., :3] / np.where(alpha > 0, alpha, 1), "mask": alpha}
        if "mask" in passes:
            passes["mask"] = passes["mask"].clip(0, 1)
        for name in self.passes:
            if name not in passes or passes[name].shape[2] != self.channels[name]:
                raise DataError(f"{file} has no layer '{name}' of {self.channels[name]} channels.")
            if passes[name].shape[:2] != (size := passes[self.passes[0]].shape[:2]):
                raise DataError(f"{file}: the guide '{name}' has not the size of its frame, {size[1]} x {size[0]} pixels.")
        planes = []
        for name in self.passes:
            exact = torch.from_numpy(passes[name].transpose(2, 0, 1)).clamp(-HALF_MAX, HALF_MAX)
            planes.append(exact.half())
            if name in FINE:
                planes.append((exact - planes[-1]).half())
        return torch.cat(planes).contiguous().numpy()


def cache_folder(data: Path) -> Path:
    """Where decoded frames are kept: DATA/.cache or, if nothing can be written there, a folder among the temporary files.

    Raises DataError if that can't be written either.
    """
    for folder in (data / ".cache", Path(tempfile.gettempdir()) / "gan_style"):
        try:
            folder.mkdir(exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            log.info("The decoded frames can't be kept in %s (%s).", folder, error.strerror)
        else:
            return folder
    raise DataError(f"The decoded frames can be kept neither in {data} nor in {folder}; name a folder in the variable TMPDIR.")


def _remove_unused(cache: Path) -> None:
    """Delete the caches that nobody has opened for long: each set of passes and each height has a whole one of its own."""
    for old in cache.glob("*.f16"):
        if time.time() - old.stat().st_mtime > KEPT_DAYS * 24 * 3600:
            with suppress(OSError):  # on Windows, one that is in use stays
                old.unlink()
                old.with_suffix(".json").unlink(missing_ok=True)


def _locked(path: Path) -> AcquireReturnProxy:
    """Wait for the lock on a cache file; the system frees it when its holder ends in any way."""
    lock = FileLock(path.with_suffix(".lock"))
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        log.info("Another process is decoding %s; waiting for it.", path.stem)
        return lock.acquire()


def _read_index(path: Path, key: str) -> dict | None:
    """The index of a cache file; None if it is of other files or not whole."""
    try:
        index = json.loads(path.with_suffix(".json").read_text())
        return index if index["key"] == key and index["bytes"] == path.stat().st_size else None
    except (OSError, ValueError, KeyError):
        return None


def digest(values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()
