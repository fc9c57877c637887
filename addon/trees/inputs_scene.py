"""What computes the inputs of the GAN Style nodes: for each node a copy of the artist's tree, in the tree of the INPUTS scene.

A copy serves as long as the part of the artist's tree that feeds the node keeps its structure(); follow() gives it the values of
now. In the copy a group stands in the place of the node that writes what it gets into a file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import bpy

from . import read, values
from .marks import hide, is_hidden

GROUPS = ".GAN Style Inputs"
"""How the names of the copies begin."""
FILE_ITEMS = {1: "FLOAT", 3: "VECTOR", 4: "RGBA"}
"""The items of a File Output node that hold a pass of so many channels."""
ROLE = "inputs"


@dataclass
class _Copy:
    """What was made for one GAN Style node."""

    signature: tuple
    twins: list[tuple[int, int, frozenset[str]]] = field(default_factory=list)
    """session_uids of an artist's tree and of its copy, and the names of the nodes whose values count."""
    trees: list[int] = field(default_factory=list)
    """session_uids of all that goes with it."""


_copies: dict[str, _Copy] = {}
"""By the name of the group node in the INPUTS tree."""


def forget() -> None:
    """The file is another one, or an older state of itself: none of the copies is what it was."""
    _copies.clear()


def new_tree() -> bpy.types.NodeTree:
    """The tree of the INPUTS scene."""
    tree = bpy.data.node_groups.new(GROUPS, "CompositorNodeTree")
    hide(tree, ROLE)
    return tree


def keep(tree: bpy.types.NodeTree, names: set[str]) -> None:
    """Remove all copies from the INPUTS tree but those with the names."""
    for name in _copies.keys() - names:
        del _copies[name]
    kept = {uid for copy in _copies.values() for uid in copy.trees} | {tree.session_uid}
    for node in [n for n in tree.nodes if n.name not in _copies]:
        tree.nodes.remove(node)
    remove({group.session_uid for group in bpy.data.node_groups if is_hidden(group, ROLE)} - kept)


def remove(uids: Iterable[int]) -> None:
    """Remove trees of copies by their session_uids.

    What shows a group goes before the group: else its node loses sockets first, and with them Blender 5.2 throws away what
    animates these in the action that the copy shares with the artist's tree.
    """
    uids = set(uids)
    for tree in sorted(bpy.data.node_groups, key=lambda tree: tree.session_uid, reverse=True):
        if tree.session_uid in uids:
            bpy.data.node_groups.remove(tree)


def signature(scene: bpy.types.Scene, path: tuple[str, ...], inputs: tuple[str, ...], directory: str) -> tuple:
    """What the copy for the node at the path depends on; see read.structure()."""
    parts, tree = [inputs, directory, scene.session_uid], scene.compositing_node_group
    for name in path:
        feeding = read.upstream(tree, [tree.nodes[name]])
        parts.append((tree.session_uid, read.structure(tree, frozenset(n.name for n in feeding))))
        for group in [g for n in feeding if n.name != name and (g := read.group_of(n)) is not None]:
            parts += [(g.session_uid, read.structure(g)) for g in read.all_trees(group)]
        tree = tree.nodes[name].node_tree
    return tuple(parts)


def ensure(
    tree: bpy.types.NodeTree, scene: bpy.types.Scene, path: tuple[str, ...], inputs: tuple[str, ...], directory: str, name: str
) -> None:
    """Have the INPUTS tree write the inputs of the node at the path into directory/name.exr, unless it does so already."""
    wanted = signature(scene, path, inputs, directory)
    if name in _copies and _copies[name].signature == wanted and name in tree.nodes:
        return
    if name in tree.nodes:
        tree.nodes.remove(tree.nodes[name])
    made = _Copy(wanted)
    group = tree.nodes.new("CompositorNodeGroup")
    group.name = name
    group.node_tree = _copy(scene, path, inputs, directory, name, made)
    for socket in group.inputs:
        if socket.type in ("VALUE", "VECTOR", "RGBA"):
            socket.default_value = 0.0 if socket.type == "VALUE" else [0.0] * len(socket.default_value)
    _copies[name] = made  # the old one's trees go with keep()


def new_copy(scene: bpy.types.Scene, path: tuple[str, ...], directory: str, name: str) -> tuple[bpy.types.NodeTree, list[int]]:
    """A copy of the scene's tree that writes the image of the node at the path into directory/name.exr.

    Also the session_uids of all trees that were made for it. It is the caller's, and knows nothing of later edits.
    """
    made = _Copy(())
    return _copy(scene, path, ("image",), directory, name, made), made.trees


def follow(scene: bpy.types.Scene, path: tuple[str, ...], inputs: tuple[str, ...], directory: str, name: str) -> bool:
    """Give the copy the values that the artist's tree has now. False if the tree has changed by more than values."""
    made = _copies.get(name)
    try:
        if made is None or made.signature != signature(scene, path, inputs, directory):
            return False
    except KeyError:  # a node of the path is gone
        return False
    trees = {tree.session_uid: tree for tree in bpy.data.node_groups}
    for original, copy, names in made.twins:
        for node in trees[original].nodes:
            if node.name in names:
                values.mirror(node, trees[copy].nodes[node.name])
    return True


def feeding(name: str) -> Iterator[bpy.types.Node]:
    """The nodes that feed the GAN Style node of the copy of that name, those in groups too, as they are in the artist's trees."""
    trees = {tree.session_uid: tree for tree in bpy.data.node_groups}
    for uid, _, names in _copies[name].twins if name in _copies else ():
        for node in trees[uid].nodes:
            if node.name in names and not node.mute:
                yield node
                if (group := read.group_of(node)) is not None:
                    yield from _nodes_inside(group)


def reads(tree: bpy.types.NodeTree, name: str) -> set[bpy.types.Scene]:
    """The artist's scenes whose render the copy of that name reads."""
    trees = read.all_trees(tree.nodes[name].node_tree) if name in tree.nodes else []
    layers = (node for inside in trees for node in inside.nodes if node.bl_idname == read.RENDER_LAYERS and not node.mute)
    return {node.scene for node in layers if node.scene is not None and not is_hidden(node.scene)}


def _copy(
    scene: bpy.types.Scene, path: tuple[str, ...], inputs: tuple[str, ...], directory: str, name: str, made: _Copy
) -> bpy.types.NodeTree:
    """The artist's tree with a group that writes the inputs in the place of the node at the path."""
    originals = [scene.compositing_node_group]
    for step in path[:-1]:
        originals.append(originals[-1].nodes[step].node_tree)
    inner = _writer(originals[-1].nodes[path[-1]].node_tree, inputs, directory, name)
    made.trees.append(inner.session_uid)
    for original, step in zip(reversed(originals), reversed(path), strict=True):
        copy = _new_copy(original, made)
        copy.nodes[step].node_tree = inner
        copy.nodes[step].mute = False  # a node that is muted has inputs all the same
        names = frozenset(n.name for n in read.upstream(copy, [copy.nodes[step]]))
        made.twins.append((original.session_uid, copy.session_uid, names))
        _settle(copy, names, copy.nodes[step], scene, made)
        inner = copy
    _feed_group_inputs(inner, scene)
    return inner


def _new_copy(original: bpy.types.NodeTree, made: _Copy) -> bpy.types.NodeTree:
    """Nothing is removed from it: that would remove keyframes from the action that it shares with the original."""
    copy = original.copy()
    copy.name = GROUPS
    hide(copy, ROLE)
    made.trees.append(copy.session_uid)
    return copy


def _settle(tree: bpy.types.NodeTree, used: frozenset[str], entry: bpy.types.Node, scene: bpy.types.Scene, made: _Copy) -> None:
    """Keep a copy's nodes from writing files, and have them ask the artist's scene for its camera; all but the entry."""
    waiting = [(tree, used)]
    while waiting:
        tree, used = waiting.pop()
        for node in tree.nodes:
            if node == entry or node.mute:
                continue
            group = read.group_of(node)
            if node.bl_idname in read.SINKS or (group is not None and node.name not in used):
                node.mute = True
            elif _asks_for_scene(node):
                node.scene = scene
            elif group is not None and any(n.bl_idname in read.SINKS or _asks_for_scene(n) for n in _nodes_inside(group)):
                node.node_tree = _new_copy(group, made)
                everything = frozenset(group.nodes.keys())
                made.twins.append((group.session_uid, node.node_tree.session_uid, everything))
                waiting.append((node.node_tree, everything))


def _asks_for_scene(node: bpy.types.Node) -> bool:
    """Whether the node uses the scene that is composited. A Render Layers node without a scene gives nothing."""
    return getattr(node, "scene", node) is None and node.bl_idname != read.RENDER_LAYERS


def _nodes_inside(group: bpy.types.NodeTree) -> Iterator[bpy.types.Node]:
    for tree in read.all_trees(group):
        yield from tree.nodes


def _feed_group_inputs(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> None:
    """In a scene's own tree the Group Input gives the scene's render, and nothing at its other sockets; in a group it can't.

    The render comes out of the first socket; before Blender 5.2, out of the one named Image.
    """
    for link in [link for link in tree.links if link.from_node.bl_idname == "NodeGroupInput"]:
        first = link.from_socket == link.from_node.outputs[0]
        if first if bpy.app.version >= (5, 2, 0) else link.from_socket.name == "Image":
            layers = tree.nodes.new(read.RENDER_LAYERS)
            layers.scene, layers.layer = scene, scene.view_layers[0].name
            tree.links.new(layers.outputs["Image"], link.to_socket)


def _writer(group: bpy.types.NodeTree, inputs: tuple[str, ...], directory: str, name: str) -> bpy.types.NodeTree:
    """A group with the sockets of a GAN Style node's inside, which writes the inputs: unstyled, as they are."""
    writer = group.copy()  # with the identifiers of the sockets, so that links stay
    writer.name = GROUPS
    hide(writer, ROLE)
    writer.nodes.clear()
    source, output = writer.nodes.new("NodeGroupInput"), new_file_output(writer, directory, name)
    place = _move_back(writer, source.outputs["Image"])
    for p in inputs:
        socket = source.outputs[read.label_of(p)]
        if p in (read.MASK, read.KEEP_COLOURS):
            socket = _in_place_of(writer, source.outputs["Image"], socket)
        output.file_output_items.new(FILE_ITEMS[read.CHANNELS_OF[socket.bl_idname]], p)
        writer.links.new(socket if p in (read.EXPOSURE, read.SCALE) else place(socket), output.inputs[p])
    return writer


def new_file_output(tree: bpy.types.NodeTree, directory: str, name: str) -> bpy.types.Node:
    """A File Output node without items, which writes directory/name.exr uncompressed and unconverted."""
    output = tree.nodes.new("CompositorNodeOutputFile")
    output.format.media_type = "MULTI_LAYER_IMAGE"
    output.format.file_format = "OPEN_EXR_MULTILAYER"
    output.format.exr_codec = "NONE"
    output.format.color_depth = "32"
    output.format.color_management = "OVERRIDE"
    output.format.linear_colorspace_settings.is_data = True  # in the working space, see colour.py
    output.directory, output.file_name = directory, name
    output.file_output_items.clear()
    return output


def _in_place_of(tree: bpy.types.NodeTree, image: bpy.types.NodeSocket, mask: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """The mask at the image's pixels, wherever it lies and whatever its size, as a Mix node takes it."""
    whole, parts = tree.nodes.new("CompositorNodeSetAlpha"), tree.nodes.new("CompositorNodeSeparateColor")
    whole.inputs["Type"].default_value = "Replace Alpha"
    tree.links.new(image, whole.inputs["Image"])
    tree.links.new(mask, whole.inputs["Alpha"])
    tree.links.new(whole.outputs["Image"], parts.inputs["Image"])
    return parts.outputs["Alpha"]


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
