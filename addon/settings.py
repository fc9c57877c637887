"""What the preferences say, as plain data; the defaults where the add-on has no preferences (farms, scripts)."""

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

import bpy

from .. import __package__ as extension
from ..core.commands import DEVICE_VARIABLE
from ..core.runtime import DEVICE_SEPARATOR

SEVERAL = ("cuda", "webgpu")
"""Providers of which a device can be chosen."""


@dataclass(frozen=True)
class Settings:
    """The preferences; ui/preferences.py explains each to the artist."""

    device: str = "auto"
    """A provider as core.Generator knows it, with a device of it or without."""
    cpu_fallback: bool = True
    """Whether the CPU takes over, with a warning, when another device fails."""
    precision: str = "full"
    """One of core's PRECISIONS."""
    memory_limit: int = 0
    """MiB that the device may spend on a frame; 0 for half of what is free. Larger frames are run in tiles."""
    memory_cache: int = 1024
    """MiB of stylised frames to remember in memory."""
    disk_cache: int = 0
    """MiB of stylised frames to remember on disk; 0 for none."""
    disk_folder: Path = Path()
    """Where the frames on disk lie; the preferences leave it empty for the folder `cache` in `own_folder`."""
    style_folders: tuple[Path, ...] = ()
    """Further folders with styles."""
    trainer_python: str = ""
    """The Python that trains; empty for the one of Set Up Training."""
    paint_program: str = ""
    """The program that frames are painted in; empty for Blender."""
    own_folder: Path = Path()
    """The add-on's folder among the user's files; settings() says which."""


_shown: list[Path] = []
"""Folders whose styles are there in this session, without being in the preferences."""


def show_styles_of(folder: Path) -> None:
    """Have the styles of a folder be found too until Blender ends, such as that of a training."""
    if folder not in _shown:
        _shown.append(folder)


def settings() -> Settings:
    """The settings now: the device that the variable for farms names, and no other, whatever the preferences say.

    Reads the preferences, so on the main thread only: runs in other threads get them handed in.
    """
    read = replace(_preferences(), own_folder=own_folder())
    read = replace(read, style_folders=(*read.style_folders, *_shown))
    if read.disk_folder == Path():
        read = replace(read, disk_folder=read.own_folder / "cache")
    device = os.environ.get(DEVICE_VARIABLE)
    return replace(read, device=device, cpu_fallback=False) if device else read


def _preferences() -> Settings:
    addon = bpy.context.preferences.addons.get(extension)
    preferences = addon.preferences if addon else None
    if preferences is None:
        return Settings()
    values = {f.name: getattr(preferences, f.name) for f in fields(Settings) if f.name != "own_folder"}
    if preferences.gpu and preferences.device in SEVERAL:
        values["device"] += DEVICE_SEPARATOR + preferences.gpu
    values["disk_folder"] = Path(bpy.path.abspath(preferences.disk_folder))
    values["style_folders"] = tuple(Path(bpy.path.abspath(item.path)) for item in preferences.style_folders if item.path)
    return Settings(**values)


def own_folder() -> Path:
    """The add-on's folder among the user's files; it need not exist."""
    try:
        return Path(bpy.utils.extension_path_user(extension))
    except ValueError:  # not installed as an extension: a legacy add-on, or registered by a script
        return Path(bpy.utils.user_resource("CONFIG")) / "gan_style"
