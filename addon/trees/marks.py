"""The mark by which our data-blocks are told from those of artists and scripts."""

import bpy

HIDDEN = ".GAN Style"
"""How the names of our data-blocks begin, but for scenes; Blender's menus hide names that begin with a dot."""
MARK = "gan_style"
"""The custom property that tells our data-blocks; its value is what they are for."""


def hide(data: bpy.types.ID, role: str) -> None:
    """Mark a data-block as ours."""
    data[MARK] = role


def is_hidden(data: bpy.types.ID, role: str | None = None) -> bool:
    """Whether a data-block is ours, and there for that, if anything."""
    mark = data.get(MARK)
    return mark is not None and role in (None, mark)
