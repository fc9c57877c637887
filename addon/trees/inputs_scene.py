"""The tree of the INPUTS scene: for each GAN Style node a copy of the artist's tree, cut down to what feeds the node."""

from collections.abc import Iterator

import bpy

from ...core import PASSES
from ...core.style import WORKING_SPACE
from . import read
from .node_group import is_hidden

FILE_ITEMS = {1: "FLOAT", 3: "VECTOR", 4: "RGBA"}
"""The items of a File Output node that hold a pass of so many channels."""


def add(
    tree: bpy.types.NodeTree, scene: bpy.types.Scene, path: tuple[str, ...], inputs: tuple[str, ...], directory: str, name: str
) -> None:
    """Add to the INPUTS tree what computes inputs of the node at the path and writes them into directory/name.exr."""
    group = tree.nodes.new("CompositorNodeGroup")
    group.node_tree = _cut(scene.compositing_node_group, path, inputs, tree.name)
    _settle(group, scene)
    _feed_group_inputs(group, scene)
    output = tree.nodes.new("CompositorNodeOutputFile")
    output.name = name
    output.format.media_type = "MULTI_LAYER_IMAGE"
    output.format.file_format = "OPEN_EXR_MULTILAYER"
    output.format.exr_codec = "NONE"
    output.format.color_depth = "32"
    output.format.color_management = "OVERRIDE"
    output.format.linear_colorspace_settings.name = WORKING_SPACE
    output.directory, output.file_name = directory, name
    output.file_output_items.clear()
    for p in inputs:
        output.file_output_items.new(FILE_ITEMS[read.CHANNELS[p]], p)
    place = _move_back(tree, group.outputs["image"])
    for p in inputs:
        tree.links.new(group.outputs[p] if p == read.EXPOSURE else place(group.outputs[p]), output.inputs[p])


def _cut(tree: bpy.types.NodeTree, path: tuple[str, ...], inputs: tuple[str, ...], name: str) -> bpy.types.NodeTree:
    """A copy of the tree whose outputs are what is fed into the node at the path: passes, and EXPOSURE.

    Nodes that take no part are muted, not removed: removing one would also remove its keyframes from the action that the copy
    shares with the original.
    """
    copy = tree.copy()
    copy.name = name
    node = copy.nodes[path[0]]
    if len(path) > 1:
        node.node_tree = _cut(node.node_tree, path[1:], inputs, name)
        feeds = {p: node.outputs[p] for p in inputs}
    else:
        feeds = {p: read.source(node.inputs[PASSES[p].socket]) for p in inputs if p != read.EXPOSURE}
        # Through the node, so that an exposure which nothing feeds has its value, keyframes and drivers too.
        feeds[read.EXPOSURE] = node.outputs["Exposure"]
    output = _replace_outputs(copy, inputs)
    for p in inputs:
        copy.links.new(feeds[p], output.inputs[p])
    used = {n.name for n in read.upstream(copy, [output])}
    for other in copy.nodes:
        other.mute = other.mute or other.name not in used
    return copy


def _replace_outputs(tree: bpy.types.NodeTree, inputs: tuple[str, ...]) -> bpy.types.Node:
    """Give the group one output for each of a node's inputs and no others; return its new Group Output node."""
    for item in [i for i in tree.interface.items_tree if i.item_type == "SOCKET" and i.in_out == "OUTPUT"]:
        tree.interface.remove(item)
    for node in [n for n in tree.nodes if n.bl_idname == "NodeGroupOutput"]:
        tree.nodes.remove(node)
    for p in inputs:
        tree.interface.new_socket(p, in_out="OUTPUT", socket_type=read.SOCKET_TYPES[read.CHANNELS[p]])
    return tree.nodes.new("NodeGroupOutput")


def _settle(group: bpy.types.Node, scene: bpy.types.Scene) -> None:
    """Keep the nodes in a group, which is ours, from writing files, and have them ask the artist's scene for its camera."""
    for node in group.node_tree.nodes:
        if node.bl_idname in read.SINKS:
            node.mute = True
        elif _asks_for_scene(node):
            node.scene = scene
        elif any(n.bl_idname in read.SINKS or _asks_for_scene(n) for n in _nodes_inside(node)):
            if not is_hidden(node.node_tree):
                node.node_tree = node.node_tree.copy()
                node.node_tree.name = group.node_tree.name
            _settle(node, scene)


def _asks_for_scene(node: bpy.types.Node) -> bool:
    """Whether the node uses the scene that is composited. A Render Layers node without a scene gives nothing."""
    return getattr(node, "scene", node) is None and node.bl_idname != read.RENDER_LAYERS


def _nodes_inside(node: bpy.types.Node) -> Iterator[bpy.types.Node]:
    for inside in node.node_tree.nodes if not node.mute and getattr(node, "node_tree", None) is not None else ():
        yield inside
        yield from _nodes_inside(inside)


def _feed_group_inputs(group: bpy.types.Node, scene: bpy.types.Scene) -> None:
    """In a scene's own tree the Group Input gives the scene's render, and nothing at its other sockets; in a group it can't.

    The render comes out of the first socket; before Blender 5.2, out of the one named Image.
    """
    tree = group.node_tree
    for link in [link for link in tree.links if link.from_node.bl_idname == "NodeGroupInput"]:
        first = link.from_socket == link.from_node.outputs[0]
        if first if bpy.app.version >= (5, 2, 0) else link.from_socket.name == "Image":
            layers = tree.nodes.new(read.RENDER_LAYERS)
            layers.scene, layers.layer = scene, scene.view_layers[0].name
            tree.links.new(layers.outputs["Image"], link.to_socket)
    for socket in group.inputs:
        if socket.type in ("VALUE", "VECTOR", "RGBA"):
            socket.default_value = 0.0 if socket.type == "VALUE" else [0.0] * len(socket.default_value)


def _move_back(tree: bpy.types.NodeTree, image: bpy.types.NodeSocket):
    """A function that undoes, for a socket, the translation of the image: files cut off what is moved out of the middle.

    The node's inner group moves its picture to the image's place again.
    """
    info, back, axes = (
        tree.nodes.new(kind) for kind in ("CompositorNodeImageInfo", "ShaderNodeVectorMath", "ShaderNodeSeparateXYZ")
    )
    back.operation = "SCALE"
    back.inputs["Scale"].default_value = -1.0
    tree.links.new(image, info.inputs["Image"])
    tree.links.new(info.outputs["Location"], back.inputs[0])
    tree.links.new(back.outputs[0], axes.inputs[0])

    def moved(socket: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
        translate = tree.nodes.new("CompositorNodeTranslate")
        tree.links.new(socket, translate.inputs["Image"])
        for axis in "XY":
            tree.links.new(axes.outputs[axis], translate.inputs[axis])
        return translate.outputs["Image"]

    return moved
