"""Shows files in Blender's image editor."""

from pathlib import Path

import bpy


def show(context: bpy.types.Context, path: Path, mode: str) -> None:
    """In an image editor that does not show the render, which the compositor works for; in a new window if there is none.

    Read anew, unless it is being painted. Raises RuntimeError if it can't be read.
    """
    image = bpy.data.images.load(str(path), check_existing=True)
    if not image.is_dirty:
        image.reload()
    if bpy.app.background:
        return
    areas = [area for window in context.window_manager.windows for area in window.screen.areas if area.type == "IMAGE_EDITOR"]
    free = [a for a in areas if (shown := a.spaces.active.image) is None or shown.type not in ("RENDER_RESULT", "COMPOSITING")]
    if not free:
        bpy.ops.wm.window_new()
        free = [max(context.window_manager.windows[-1].screen.areas, key=lambda a: a.width * a.height)]
        free[0].ui_type = "IMAGE_EDITOR"
    free[0].spaces.active.image = image
    free[0].spaces.active.mode = mode
