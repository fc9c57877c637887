"""Installed styles and the generators opened from them, shared by all nodes."""

import os
import shutil
import zlib
from dataclasses import dataclass
from dataclasses import replace as with_changes
from functools import lru_cache
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path

from ..core import Generator, Style, StyleError, load_style
from ..core.generator import LABELS, provider_problem
from ..core.style import SHIPPED
from .settings import own_folder, settings

PATH_VARIABLE = "GAN_STYLE_PATH"
"""Environment variable with further folders of styles, separated like PATH; for farms and tests."""


@dataclass(frozen=True)
class Installed:
    """A style file on this machine; `style` is None and `error` says why if it can't be used."""

    identifier: str
    path: Path
    style: Style | None
    error: str = ""


class MissingStyleError(StyleError):
    """No style file has the identifier."""


def number(identifier: str) -> int:
    """Stands for a style in Blender's enum properties; small enough for an F-curve's float to hold exactly."""
    return zlib.crc32(identifier.encode()) & 0xFFFFFF


def user_folder() -> Path:
    """Where the user's own styles lie; it need not exist."""
    return own_folder("styles")


def folders() -> list[Path]:
    """Folders with styles; in case of equal identifiers the later folder wins."""
    further = os.environ.get(PATH_VARIABLE, "").split(os.pathsep)
    return [SHIPPED, user_folder(), *settings().style_folders, *(Path(f) for f in further if f)]


def installed() -> dict[str, Installed]:
    """All style files by identifier (the file's name without its ending), broken ones too."""
    files = [path for folder in folders() for path in sorted(folder.glob("*.onnx"))]
    return {path.stem: _read(path, _version(path)) for path in files}


def find(identifier: str) -> Style:
    """Raises MissingStyleError if there is no such style, StyleError if its file can't be used."""
    found = installed().get(identifier)
    if found is None:
        wanted = f"The style '{identifier}' is not installed" if identifier else "No style is chosen"
        raise MissingStyleError(f"{wanted}; install it into {user_folder()} or choose another in the node.")
    if found.style is None:
        raise StyleError(found.error)
    return found.style


def place(style: Installed) -> str:
    """Where the style comes from, in words."""
    return "Shipped with the add-on" if style.path.parent == SHIPPED else str(style.path.parent)


def is_own(style: Installed) -> bool:
    """Whether the user installed the style, and so may remove it."""
    return style.path.parent == user_folder()


def install(path: Path, replace: bool = False) -> str:
    """Copy a style file into the user's folder and return its identifier.

    Raises StyleError, and leaves all as it was, if the file can't be used or another style has the identifier; with `replace`,
    a style that the user installed gives way. Raises OSError if the folder can't be written.
    """
    load_style(path)
    other = installed().get(path.stem)
    if other is not None and _content(other.path, _version(other.path)) == _content(path, _version(path)):
        return path.stem
    if other is not None and not (replace and is_own(other)):
        advice = "remove it first" if is_own(other) else "give the file another name"
        raise StyleError(f"There is another style '{path.stem}' in {other.path.parent}; {advice}.")
    user_folder().mkdir(parents=True, exist_ok=True)
    part = user_folder() / f"{path.name}.part"  # whole or not at all
    try:
        shutil.copyfile(path, part)
        os.replace(part, user_folder() / f"{path.stem}.onnx")
    finally:
        part.unlink(missing_ok=True)
    return path.stem


def remove(identifier: str) -> None:
    """Delete a style that the user installed. Raises StyleError if there is none, OSError."""
    style = installed().get(identifier)
    if style is None or not is_own(style):
        raise StyleError(f"There is no style '{identifier}' among your own.")
    style.path.unlink()


def generator(identifier: str, provider: str = "auto") -> tuple[Generator, str]:
    """The style's generator, with the memory limit and the precision of the settings, and the digest of its file.

    Raises StyleError, ProviderError.
    """
    path, wanted = find(identifier).path, settings()
    assert path is not None  # installed styles are read from files
    opened = _open(path, _version(path), provider, wanted.memory_limit * 2**20 or None, wanted.precision)
    return opened, opened.style.digest


@lru_cache
def device_problem(provider: str) -> str:
    """Why the provider can't be used on this machine, as a sentence; empty if nothing speaks against it."""
    if find_spec("onnxruntime") is None:
        return "Blender's Python has no ONNX Runtime; install it as the add-on's README says."
    provider = "cuda" if provider == "auto" else provider
    problem = provider_problem(provider)
    return f"{LABELS[provider]} can't be used: {problem}." if problem else ""


def forget() -> None:
    """Close all generators."""
    for cached in (_open, _read, _content, device_problem):
        cached.cache_clear()


def _version(path: Path) -> tuple[int, int, int]:
    """Changes with a file's content; two files moved here in one tick of the file system's clock still differ in inode."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


@lru_cache(maxsize=256)
def _read(path: Path, version: tuple[int, int, int]) -> Installed:
    try:
        return Installed(path.stem, path, with_changes(load_style(path), content=b""))  # its generator holds that, if any
    except (StyleError, OSError) as error:
        return Installed(path.stem, path, None, str(error))


@lru_cache(maxsize=4)
def _open(path: Path, version: tuple[int, int, int], provider: str, memory_limit: int | None, precision: str) -> Generator:
    return Generator(load_style(path), provider, memory_limit=memory_limit, precision=precision)


@lru_cache(maxsize=256)
def _content(path: Path, version: tuple[int, int, int]) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
