"""The Blender side: everything that imports bpy. Nodes and hidden data live in the file, pixels travel through capture.py."""

from . import commands, live, mainthread, node, operators, preferences, thumbnails, trigger, watch

MODULES = (preferences, thumbnails, operators, node, mainthread, watch, live, trigger, commands)


def register() -> None:
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()
