"""Why a GAN Style node can't run where it stands, as sentences that an artist can act on."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import bpy

from . import guides, read
from .uses import MOST

logger = logging.getLogger(__name__)
UNEXPECTED = "There was an unexpected error; please report what the console shows."
MEDIA = {"CompositorNodeImage": "image", "CompositorNodeMovieClip": "clip"}
"""The nodes that read files, and their property that says which."""
PROBE_BYTES = 2**24
"""What is written to see whether a disk is full."""
IN_STRIP = (
    "Blender never calls the node in a strip or modifier of the video sequencer, where it lets the image through; put it into "
    "the compositor of the scene that a scene strip shows."
)
IN_BOTH = (
    "The node is in a strip or modifier of the video sequencer too, where it can't run and would show another picture; give the "
    "sequencer a copy of the group."
)
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


def of_missing_pixels(nodes: Iterable[bpy.types.Node], folder: Path) -> str:
    """Why Blender composited nothing for a GAN Style node which these nodes feed; its inputs should lie in the folder."""
    for node in nodes:
        if node.bl_idname in MEDIA and (problem := _of_media(node)):
            return problem
        layers = node.scene.view_layers.get(node.layer) if node.bl_idname == read.RENDER_LAYERS and node.scene else None
        if layers is not None and not layers.use:
            return f"The view layer '{layers.name}' feeds the node and is not rendered: switch on its Use for Rendering."
    try:
        (folder / "probe").write_bytes(bytes(PROBE_BYTES))
    except OSError as error:
        return f"Blender could not write the node's inputs into {folder} ({error.strerror}); make space on that disk."
    finally:
        with suppress(OSError):
            (folder / "probe").unlink()
    return "What is connected to the input Image has no pixels, such as one colour for all of the frame; connect an image."


def _of_media(node: bpy.types.Node) -> str:
    """Why an Image or Movie Clip node gives nothing; empty if nothing is known."""
    media = getattr(node, MEDIA[node.bl_idname])
    if media is None:
        return f"The node '{node.name}' feeds this one and has no file: choose one in it."
    packed = getattr(media, "packed_file", None) is not None
    if packed or media.source not in ("FILE", "MOVIE", "SEQUENCE") or not media.filepath:
        return ""
    path = Path(bpy.path.abspath(media.filepath, library=media.library))
    there = path.parent.is_dir() if media.source == "SEQUENCE" else path.is_file()
    return "" if there else f"The file of '{media.name}', which feeds the node, is missing: {path}; choose it again in its node."


def of_unknown_nodes(scene: bpy.types.Scene) -> str:
    """Blender 5.0 lets images through all groups, ours too, as long as the tree has a node of a kind that it doesn't know."""
    if bpy.app.version >= (5, 1, 0):
        return ""
    trees = read.all_trees(scene.compositing_node_group)
    unknown = next((node for tree in trees for node in tree.nodes if node.bl_idname == "NodeUndefined"), None)
    if unknown is None:
        return ""
    return (
        "Blender 5.0 skips all groups while the compositor has a node of a kind that it does not know: delete "
        f"'{unknown.name}' in '{unknown.id_data.name}', switch on the add-on that it comes from, or use Blender 5.1 or newer."
    )


def of_node(scene: bpy.types.Scene, path: tuple[str, ...], node: bpy.types.Node, uses: int) -> str:
    """Why the node at the path can't run in the scene, where so many places use it; empty if it can."""
    if uses > MOST:
        return f"The node is in groups that are used {uses} times in all, more than {MOST}; make some of them single-user."
    if problem := of_unknown_nodes(scene):
        return problem
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
