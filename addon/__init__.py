"""The Blender side: everything that imports bpy. Nodes and hidden data live in the file, pixels travel through run/pixels.py."""

from . import commands, main_thread
from .run import after_edits, in_renders
from .trees import keep_in_sync
from .ui import node, operators, preferences, thumbnails

MODULES = (preferences, thumbnails, operators, node, main_thread, keep_in_sync, after_edits, in_renders, commands)


def register() -> None:
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()
