"""Why a GAN Style node can't run where it stands, as sentences that an artist can act on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import bpy

from . import guides, read

logger = logging.getLogger(__name__)
UNEXPECTED = "There was an unexpected error; please report what the console shows."
CHANGED = "A script has changed the compositor's nodes or links during the render; only values may change then."


def of_error(error: Exception) -> str:
    """What to say of an error while the node was prepared."""
    if isinstance(error, OSError):
        return f"Temporary files can't be written ({error}); make space, or name another folder in TMPDIR."
    return UNEXPECTED


def of_sequence(scene: bpy.types.Scene) -> str:
    """Why the scene's compositor is skipped altogether: Blender renders the video sequence instead if it has a visible strip."""
    editor = scene.sequence_editor if scene.render.use_sequencer else None
    strip = next((s for s in (editor.strips if editor else ()) if s.type != "SOUND" and not s.mute), None)
    if strip is None:
        return ""
    return (
        f"Blender renders the strip '{strip.name}' of the video sequencer and skips the compositor: "
        "switch off Sequencer in Output > Post Processing, or mute the strip."
    )


def of_node(scene: bpy.types.Scene, path: tuple[str, ...], node: bpy.types.Node, uses: int) -> str:
    """Why the node at the path can't run in the scene, where so many places use it; empty if it can."""
    if uses > 1:
        return "The node is in a group that is used several times; make the group single-user."
    groups = read.groups_around(scene.compositing_node_group, path)
    if read.Wiring().origin(node.inputs["Image"], groups) is None:
        if node.inputs["Image"].is_linked:
            return "What is connected to the input Image leads to no image: muted, through reroutes in a circle, or from none."
        return "Nothing is connected to the input Image; connect it."
    return guides.problem(scene, node, groups)


@contextmanager
def contained(nodes: list[bpy.types.Node], failed: dict[bpy.types.Node, str]) -> Iterator[None]:
    """Whatever goes wrong is these nodes' problem."""
    try:
        yield
    except Exception as error:  # the nodes must not show pictures of another frame, whatever it is
        logger.exception("GAN Style could not prepare %s.", ", ".join(f"'{node.name}'" for node in nodes))
        failed |= dict.fromkeys(nodes, of_error(error))
