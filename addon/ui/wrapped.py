"""Sentences in panels: Blender does not wrap labels."""

import textwrap

import bpy

LETTER_WIDTH = 6.5
"""Pixels, at a scale of 1."""


def letters(width: float, least: int) -> int:
    """How many fit into so many pixels, at a scale of 1."""
    return max(least, int(width / LETTER_WIDTH))


def wrap(column: bpy.types.UILayout, text: str, length: int, icon: str = "NONE") -> None:
    """One label for each line of so many letters."""
    for number, line in enumerate(textwrap.wrap(text, length)):
        column.label(text=line, icon=icon if number == 0 or icon == "NONE" else "BLANK1")


def alert(layout: bpy.types.UILayout, text: str, length: int) -> None:
    """As wrap(), of what went wrong."""
    column = layout.column(align=True)
    column.alert = True
    wrap(column, text, length, "ERROR")
