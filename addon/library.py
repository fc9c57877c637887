"""Installed styles and the generators opened from them, shared by all nodes."""

import os
import re
import shutil
import threading
import time
import zlib
from dataclasses import dataclass
from dataclasses import replace as with_changes
from functools import lru_cache
from hashlib import file_digest
from pathlib import Path

from ..core import Generator, Style, StyleError, load_style
from ..core.layered import layered
from ..core.style import SHIPPED, ForeignModelError
from . import devices
from .settings import Settings, settings

PATH_VARIABLE = "GAN_STYLE_PATH"
"""Environment variable with further folders of styles, separated like PATH; for farms and tests."""

LOOK_SECONDS = 1.0
TICK_NANOSECONDS = 50_000_000
"""More than one tick of the clock of any file system but FAT."""
OPEN_GENERATORS = 4
"""How many generators stay open; each keeps the memory that a frame took."""


UNKNOWN = "number "
"""How the identifier begins of a style that a keyframe names and that is not installed: the keyframe holds a number only."""


@dataclass(frozen=True)
class Installed:
    """A style file on this machine; `style` is None and `error` says why if it can't be used."""

    identifier: str
    path: Path
    style: Style | None
    error: str = ""


@dataclass(frozen=True)
class _Seen:
    """The styles in the folders as they were last looked at, good until a time.monotonic()."""

    folders: tuple[Path, ...]
    versions: tuple[int, ...]
    until: float
    styles: dict[str, Installed]


_seen: _Seen | None = None
_generators: dict[tuple, Generator] = {}
"""Those that are open, the one that was used last at the end."""
_opening = threading.Lock()
_preparing = ""
"""The name of the style that is being opened."""
_room = OPEN_GENERATORS


class MissingStyleError(StyleError):
    """No style file has the identifier."""


def number(identifier: str) -> int:
    """Stands for a style in Blender's enum properties; so small that an F-curve can add a half, to round, in a float."""
    if unknown := re.fullmatch(rf"{UNKNOWN}(\d+)", identifier):
        return int(unknown[1])
    return zlib.crc32(identifier.encode()) & 0x7FFFFF


def identifier(number_of: int) -> str:
    """The identifier of the installed style with the number; one that no style has if none of them is it. From any thread."""
    styles = seen.styles if (seen := _seen) is not None else installed()
    return next((i for i in styles if number(i) == number_of), f"{UNKNOWN}{number_of}")


def user_folder(wanted: Settings | None = None) -> Path:
    """Where the user's own styles lie; it need not exist. wanted: as for installed()."""
    return (wanted or settings()).own_folder / "styles"


def folders(wanted: Settings | None = None) -> list[Path]:
    """Folders with styles; in case of equal identifiers the later folder wins. wanted: as for installed()."""
    wanted = wanted or settings()
    further = os.environ.get(PATH_VARIABLE, "").split(os.pathsep)
    return [SHIPPED, user_folder(wanted), *wanted.style_folders, *(Path(f) for f in further if f)]


def installed(wanted: Settings | None = None) -> dict[str, Installed]:
    """All style files by identifier (the file's name without its ending), broken ones too. Do not change it.

    wanted: the settings, which other threads than the main one must hand in; None for those of now.
    The node asks at each redraw, so the files are looked at again only when their folders have changed, or after LOOK_SECONDS.
    """
    global _seen
    searched = tuple(folders(wanted))
    now, versions = time.monotonic(), tuple(folder_version(folder) for folder in searched)
    seen = _seen  # read once: any thread may come here
    if seen is None or (seen.folders, seen.versions) != (searched, versions) or now > seen.until:
        files = [path for folder in searched for path in sorted(folder.glob("*.onnx"))]
        # What changed a moment ago may change again within the same tick of the file system's clock.
        settled = all(version < time.time_ns() - TICK_NANOSECONDS for version in versions)
        styles = {_as_text(path.stem): _look_at(path) for path in files}
        seen = _seen = _Seen(searched, versions, now + LOOK_SECONDS if settled else now, styles)
    return seen.styles


def look_again() -> None:
    """Have installed() look at the files again, those too that were written into since."""
    global _seen
    _seen = None


def first_choice() -> str:
    """The style of a new node: the first that sees the image alone, and so runs wherever the node stands. Empty without any."""
    usable = {found.identifier: found.style for found in installed().values() if found.style is not None}
    alone = (identifier for identifier, style in usable.items() if style.passes == ("image",))
    return next(alone, next(iter(usable), ""))


def find(identifier: str, wanted: Settings | None = None) -> Style:
    """Raises MissingStyleError if there is no such style, StyleError if its file can't be used. wanted: as for installed()."""
    found = installed(wanted).get(identifier)
    if found is None:
        problem = f"The style '{identifier}' is not installed" if identifier else "No style is chosen"
        raise MissingStyleError(f"{problem}; install it into {user_folder(wanted)} or choose another in the node.")
    if found.style is None:
        raise StyleError(found.error)
    return found.style


def place(style: Installed) -> str:
    """Where the style comes from, in words."""
    return "Shipped with the add-on" if style.path.parent == SHIPPED else str(style.path.parent)


def is_own(style: Installed) -> bool:
    """Whether the user installed the style, and so may remove it."""
    return style.path.parent == user_folder()


def is_foreign(path: Path) -> bool:
    """Whether a file is a network of another tool, which has to be adopted."""
    try:
        load_style(path)
    except ForeignModelError:
        return True
    except StyleError:
        return False
    return False


def install(path: Path, replace: bool = False) -> str:
    """Copy a style file into the user's folder and return its identifier.

    Raises StyleError, and leaves all as it was, if the file can't be used or another style has the identifier; with `replace`,
    a style that the user installed gives way. Raises OSError if the folder can't be written.
    """
    _check_name(path)
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
    look_again()
    return path.stem


def remove(identifier: str) -> None:
    """Delete a style that the user installed. Raises StyleError if there is none, OSError."""
    style = installed().get(identifier)
    if style is None or not is_own(style):
        raise StyleError(f"There is no style '{identifier}' among your own.")
    style.path.unlink()
    look_again()


def generator(identifier: str, provider: str, wanted: Settings, layers: bool = False) -> tuple[Generator, str]:
    """The style's generator, with the memory limit and the precision of the settings, and the digest of its graph.

    layers: that of the layered() style.

    Called from render and live threads too. Raises StyleError, ProviderError.
    """
    opened = _open(*_key(identifier, provider, wanted, layers))
    return opened, opened.style.digest


def preparing() -> str:
    """What to say while a style is opened, which on a GPU compiles it; empty if none is. From any thread."""
    return f"Preparing {_preparing}, once per session" if _preparing else ""


def is_open(identifier: str, wanted: Settings, layers: bool) -> bool:
    """Whether generator() would find the style open, or it can't be opened at all. From any thread."""
    try:
        return _key(identifier, wanted.device, wanted, layers) in _generators
    except (StyleError, OSError):
        return True


def make_room(styles: int) -> None:
    """Have the generators of so many styles stay open, if that is more than usual: a run goes through all of its styles."""
    global _room
    _room = max(OPEN_GENERATORS, styles)


def forget() -> None:
    """Close all generators."""
    look_again()
    with _opening:
        _generators.clear()
    for cached in (_read, _content, devices.names, devices.state):
        cached.cache_clear()


def _version(path: Path) -> tuple[int, int, int]:
    """Changes with a file's content; two files moved here in one tick of the file system's clock still differ in inode."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def folder_version(folder: Path) -> int:
    """Changes when files in it come, go or are renamed; 0 for a folder that is away."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _as_text(name: str) -> str:
    """A file's name as Blender can show it."""
    return name.encode("utf-8", "replace").decode()


def _check_name(path: Path) -> None:
    """Raises StyleError for a name that is no text, as files have that were unpacked from an archive in another encoding."""
    if _as_text(str(path)) != str(path):
        raise StyleError(
            f"The name of the style file {_as_text(str(path))} can't be read as text; rename the file or its folder."
        )


def _look_at(path: Path) -> Installed:
    try:
        return _read(path, _version(path))
    except OSError as error:  # a link to nowhere, or a file that went away meanwhile
        problem = f"The style file {_as_text(str(path))} can't be read: {error.strerror}."
        return Installed(_as_text(path.stem), path, None, problem)


@lru_cache(maxsize=256)
def _read(path: Path, version: tuple[int, int, int]) -> Installed:
    try:
        _check_name(path)
        return Installed(path.stem, path, with_changes(load_style(path), content=b""))  # its generator holds that, if any
    except (StyleError, OSError) as error:
        return Installed(_as_text(path.stem), path, None, str(error))


def _key(identifier: str, provider: str, wanted: Settings, layers: bool) -> tuple:
    """What _open() takes. Raises MissingStyleError, StyleError, OSError."""
    path = find(identifier, wanted).path
    assert path is not None  # installed styles are read from files
    return path, _version(path), provider, wanted.memory_limit * 2**20 or None, wanted.precision, layers


def _open(
    path: Path, version: tuple[int, int, int], provider: str, memory_limit: int | None, precision: str, layers: bool
) -> Generator:
    """When there are too many, the one unused for longest is closed."""
    global _preparing
    key = path, version, provider, memory_limit, precision, layers
    with _opening:
        opened = _generators.pop(key, None)
        if opened is None:
            style = layered(load_style(path)) if layers else load_style(path)
            _preparing = style.name
            try:
                opened = Generator(style, provider, memory_limit=memory_limit, precision=precision)
            finally:
                _preparing = ""
        _generators[key] = opened
        while len(_generators) > _room:
            _generators.pop(next(iter(_generators)))
    return opened


@lru_cache(maxsize=256)
def _content(path: Path, version: tuple[int, int, int]) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
