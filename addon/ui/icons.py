"""Icons of the add-on's own, for thumbnails of styles and curves."""

import bpy.utils.previews

_previews = None


def previews() -> bpy.utils.previews.ImagePreviewCollection | None:
    """The icons by name, as long as the add-on is on; None in background, where Blender has none."""
    return _previews


def register() -> None:
    global _previews
    if not bpy.app.background:
        _previews = bpy.utils.previews.new()


def unregister() -> None:
    global _previews
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
        _previews = None
