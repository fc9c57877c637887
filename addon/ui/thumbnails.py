"""The styles' thumbnails as Blender icons."""

from hashlib import sha256

import bpy.utils.previews

from .. import temp_folder
from ..library import Installed

_previews = None


def icon(installed: Installed | None) -> int:
    """Number of the icon of a style; 0 without a thumbnail, and in background, where Blender has no icons."""
    thumbnail = installed.style.thumbnail if installed and installed.style else b""
    if not thumbnail or _previews is None:
        return 0
    name = sha256(thumbnail).hexdigest()
    if name not in _previews:
        path = temp_folder.folder() / f"{name}.png"
        path.write_bytes(thumbnail)
        _previews.load(name, str(path), "IMAGE")
    return _previews[name].icon_id


def register() -> None:
    global _previews
    if not bpy.app.background:
        _previews = bpy.utils.previews.new()


def unregister() -> None:
    global _previews
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
        _previews = None
