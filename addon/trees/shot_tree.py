"""One frame of a shot as training data: what feeds the GAN Style node, and all passes of the view layer that feeds it.

For one render a copy of the artist's compositor tree takes its place, so that Blender itself renders every scene that the image
needs. All of it is on the main thread, and everything is put back afterwards.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import bpy

from ...core import PASSES
from . import blocks, colour, guides, inputs_scene, plans, read
from .marks import hide

IMAGE, GUIDES = "shot-image", "shot-passes"
"""The stems of the files that a render writes into the temporary folder."""
SWITCHES = {
    "use_compositing": True,
    "use_sequencer": False,
    "use_single_layer": False,
    "compositor_device": "CPU",
    "compositor_precision": "FULL",
}
"""What the compositor needs to write the passes, as the node gets them in a render."""


class ShotError(RuntimeError):
    """The shot can't be rendered as training data."""


@dataclass(frozen=True)
class Source:
    """Where a shot's frames come from."""

    path: tuple[str, ...]
    """Names of the nodes to go through to the GAN Style node; empty if the compositor has none: the plain render counts."""
    scene: bpy.types.Scene
    """The scene whose passes are written: the one of the Render Layers node that feeds the image."""
    layer: bpy.types.ViewLayer


def source(scene: bpy.types.Scene) -> Source:
    """Where the frames come from as the scene's tree stands; the first GAN Style node counts. Raises ShotError."""
    tree, nodes = scene.compositing_node_group, ()
    if tree is not None and (node := _style_node(tree)) is not None:
        nodes = read.path_to(tree, node)
    if not nodes:
        return Source((), scene, next((layer for layer in scene.view_layers if layer.use), scene.view_layers[0]))
    layers, _ = next(guides.all_render_layers(nodes), (None, ()))
    if layers is None:
        raise ShotError(f"No Render Layers node feeds the node '{nodes[-1].name}', so it has no passes; connect one.")
    rendered = layers.scene or scene
    layer = rendered.view_layers.get(layers.layer) or rendered.view_layers[0]
    return Source(tuple(node.name for node in nodes), rendered, layer)


@contextmanager
def in_place(scene: bpy.types.Scene, frame: int, scale: float, passes: tuple[str, ...]) -> Iterator[dict[str, int]]:
    """Inside, a render of the scene writes the frame's image, passes and AOVs; gives the channels of all that it will write.

    scale: share of the scene's size, which Blender gives to the other scenes of its compositor, too. Left out are passes that the
    engine does not give, and with motion blur the vector.
    Raises ShotError.
    """
    found = source(scene)
    colour.measure()
    with ExitStack() as stack:
        stack.callback(scene.frame_set, scene.frame_current, subframe=scene.frame_subframe)
        for p in PASSES.values():
            if p.switch and p.name in passes:
                _set(stack, found.layer, p.switch, True)
        for name, value in SWITCHES.items():
            _set(stack, scene.render, name, value)
        _set(stack, scene.render, "resolution_percentage", scaled(scene.render.resolution_percentage, scale))
        tree, uids = _new_tree(scene, found)
        stack.callback(inputs_scene.remove, uids)
        written = _write_passes(tree, found, passes)
        _set(stack, scene, "compositing_node_group", tree)
        scene.frame_set(frame)
        yield written


def scaled(percentage: int, scale: float) -> int:
    """A share of a resolution's percentage, at least 1."""
    return max(1, round(percentage * scale))


def _style_node(tree: bpy.types.NodeTree) -> bpy.types.Node | None:
    """The first GAN Style node that runs, or else the first that could: it may be muted while there is no style for it."""
    running = next((node for _, node in read.Wiring().style_nodes(tree)), None)
    others = (n for inside in read.all_trees(tree) for n in inside.nodes if n.bl_idname == read.NODE and n.inputs["Image"].links)
    return running or next(others, None)


def _new_tree(scene: bpy.types.Scene, found: Source) -> tuple[bpy.types.NodeTree, list[int]]:
    """What takes the place of the artist's tree, and the session_uids of all trees made for it."""
    if not found.path:
        tree = bpy.data.node_groups.new(inputs_scene.GROUPS, "CompositorNodeTree")
        hide(tree, inputs_scene.ROLE)
        return tree, [tree.session_uid]
    tree, uids = inputs_scene.new_copy(scene, found.path, plans.directory(), IMAGE)
    for node in tree.nodes:
        if blocks.is_trigger(node):
            node.mute = True  # no style is wanted; nothing is removed from a copy, see inputs_scene.py
    for link in [link for link in tree.links if link.to_node.bl_idname == "NodeGroupOutput"]:
        tree.links.remove(link)  # what comes after the node need not be computed
    return tree, uids


def _write_passes(tree: bpy.types.NodeTree, found: Source, passes: tuple[str, ...]) -> dict[str, int]:
    """Have the tree write the passes, the AOVs, and the plain image if nothing else gives one; the channels of all that."""
    layers = tree.nodes.new(read.RENDER_LAYERS)
    layers.scene, layers.layer = found.scene, found.layer.name
    file = inputs_scene.new_file_output(tree, plans.directory(), GUIDES)
    lacking = {"vector"} if found.scene.render.use_motion_blur else set()
    sockets = {name: PASSES[name].socket for name in passes if name not in lacking}
    channels = {name: PASSES[name].channels for name in sockets}
    for aov in (aov for aov in found.layer.aovs if aov.is_valid and aov.name not in PASSES):
        sockets[aov.name], channels[aov.name] = aov.name, 3 if aov.type == "COLOR" else 1
    given = {name: layers.outputs.get(socket) for name, socket in sockets.items()}
    channels = {name: count for name, count in channels.items() if given[name] is not None and given[name].enabled}
    for name in [name for name in channels if name != "image" or not found.path]:
        file.file_output_items.new(inputs_scene.FILE_ITEMS[channels[name]], name)
        tree.links.new(given[name], file.inputs[name])
    for output in [n for n in tree.nodes if n.bl_idname == "NodeGroupOutput" and n.is_active_output and n.inputs]:
        tree.links.new(layers.outputs["Image"], output.inputs[0])  # for whoever looks on
    return channels


def _set(stack: ExitStack, owner: bpy.types.bpy_struct, name: str, value: object) -> None:
    """Set a property, and have the stack put it back."""
    before = getattr(owner, name)
    if before != value:
        stack.callback(setattr, owner, name, before)
        setattr(owner, name, value)
