"""The Blender side: everything that imports bpy. Nodes and hidden data live in the file, pixels travel through run/pixels.py."""

from contextlib import ExitStack

from . import commands, main_thread
from .run import after_edits, in_renders
from .training import session
from .trees import keep_in_sync
from .ui import (
    adopt,
    icons,
    node,
    operators,
    preferences,
    render_frames,
    training_look,
    training_operators,
    training_paint,
    training_panel,
    training_settings,
    training_setup,
)
from .viewport import keep, live, switch

MODULES = (
    preferences,
    icons,
    operators,
    adopt,
    render_frames,
    training_settings,
    training_paint,
    training_look,
    training_operators,
    training_setup,
    training_panel,
    node,
    main_thread,
    keep_in_sync,
    after_edits,
    in_renders,
    session,
    live,
    keep,
    switch,
    commands,
)


def register() -> None:
    """All modules or, after an exception, none."""
    with ExitStack() as registered:
        for module in MODULES:
            module.register()
            registered.callback(module.unregister)
        registered.pop_all()


def unregister() -> None:
    """All modules, the last one first; what one raises does not keep the others."""
    with ExitStack() as registered:
        for module in MODULES:
            registered.callback(module.unregister)
