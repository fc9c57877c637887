"""Installed styles and the generators opened from them, shared by all nodes."""

import os
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bpy

from .. import __package__ as extension
from ..core import Generator, Style, StyleError, load_style

SHIPPED = Path(__file__).parent / "styles"
PATH_VARIABLE = "GAN_STYLE_PATH"
"""Environment variable with further folders of styles, separated like PATH; for farms and tests."""


@dataclass(frozen=True)
class Installed:
    """A style file on this machine; `style` is None and `error` says why if it can't be used."""

    identifier: str
    path: Path
    style: Style | None
    error: str = ""


def number(identifier: str) -> int:
    """Stands for a style in Blender's enum properties; small enough for an F-curve's float to hold exactly."""
    return zlib.crc32(identifier.encode()) & 0xFFFFFF


def user_folder() -> Path:
    """Where the user's own styles lie; it need not exist."""
    try:
        return Path(bpy.utils.extension_path_user(extension, path="styles"))
    except ValueError:  # not installed as an extension: a legacy add-on, or registered by a script
        return Path(bpy.utils.user_resource("CONFIG")) / "gan_style" / "styles"


def folders() -> list[Path]:
    """Folders with styles; in case of equal identifiers the later folder wins."""
    further = os.environ.get(PATH_VARIABLE, "").split(os.pathsep)
    return [SHIPPED, user_folder(), *(Path(f) for f in further if f)]


def installed() -> dict[str, Installed]:
    """All style files by identifier (the file's name without its ending), broken ones too."""
    files = [path for folder in folders() for path in sorted(folder.glob("*.onnx"))]
    return {path.stem: _read(path, *_version(path)) for path in files}


def find(identifier: str) -> Installed:
    """Raises StyleError if there is no such style, or if its file can't be used."""
    style = installed().get(identifier)
    if style is None:
        wanted = f"The style '{identifier}' is not installed" if identifier else "No style is chosen"
        raise StyleError(f"{wanted}; install it into {user_folder()} or choose another in the node.")
    if style.style is None:
        raise StyleError(style.error)
    return style


def generator(identifier: str, provider: str = "auto") -> tuple[Generator, tuple]:
    """The style's generator and the identity of its file. Raises StyleError, ProviderError."""
    path = find(identifier).path
    identity = (path, *_version(path))
    return _open(*identity, provider), identity


def forget() -> None:
    """Close all generators."""
    _open.cache_clear()
    _read.cache_clear()


def _version(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=256)
def _read(path: Path, mtime: int, size: int) -> Installed:
    try:
        return Installed(path.stem, path, load_style(path))
    except (StyleError, OSError) as error:
        return Installed(path.stem, path, None, str(error))


@lru_cache(maxsize=4)
def _open(path: Path, mtime: int, size: int, provider: str) -> Generator:
    return Generator(load_style(path), provider)
