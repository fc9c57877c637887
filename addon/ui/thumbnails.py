"""The styles' thumbnails as Blender icons."""

from hashlib import sha256

from .. import temp_folder
from ..library import Installed
from . import icons


def icon(installed: Installed | None) -> int:
    """Number of the icon of a style; 0 without a thumbnail, and in background, where Blender has no icons."""
    thumbnail = installed.style.thumbnail if installed and installed.style else b""
    previews = icons.previews()
    if not thumbnail or previews is None:
        return 0
    name = sha256(thumbnail).hexdigest()
    if name not in previews:
        path = temp_folder.folder() / f"{name}.png"
        path.write_bytes(thumbnail)
        previews.load(name, str(path), "IMAGE")
    return previews[name].icon_id
