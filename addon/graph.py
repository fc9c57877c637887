"""Reads compositor trees: which GAN Style nodes feed an output, in which order, and what feeds them."""

from collections import defaultdict
from collections.abc import Iterator

import bpy

from ..core import PASSES

NODE = "CompositorNodeGANStyle"
RENDER_LAYERS = "CompositorNodeRLayers"
SOCKET_TYPES = {1: "NodeSocketFloat", 3: "NodeSocketVector", 4: "NodeSocketColor"}
"""The sockets that carry a pass of so many channels."""
EXPOSURE = "exposure"
CHANNELS = {p.name: p.channels for p in PASSES.values()} | {EXPOSURE: 1}
"""What can be captured of a node's inputs: passes, and the exposure in stops."""
SINKS = ("CompositorNodeOutputFile", "CompositorNodeViewer")


def upstream(tree: bpy.types.NodeTree, sinks: list[bpy.types.Node]) -> list[bpy.types.Node]:
    """The sinks and all nodes that feed them, each after the nodes that feed it."""
    sources = defaultdict(list)
    for link in tree.links:
        if not link.is_muted:
            sources[link.to_node.name].append(link.from_node)
    seen, order = set(), []

    def visit(node: bpy.types.Node) -> None:
        if node.name not in seen:
            seen.add(node.name)
            for source in sources[node.name]:
                visit(source)
            order.append(node)

    for sink in sinks:
        visit(sink)
    return order


def style_nodes(tree: bpy.types.NodeTree, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bpy.types.Node]]:
    """(path, node) of each GAN Style node that feeds an output, each after those that feed it, also inside node groups.

    The path holds the names of the nodes to go through from the tree on: group nodes, then the node itself.
    """
    sinks = [n for n in tree.nodes if n.bl_idname in SINKS or (n.bl_idname == "NodeGroupOutput" and n.is_active_output)]
    for node in upstream(tree, sinks):
        if node.mute:
            continue
        if node.bl_idname == NODE:
            yield (*path, node.name), node
        elif getattr(node, "node_tree", None) is not None:
            yield from style_nodes(node.node_tree, (*path, node.name))


def contains_style(tree: bpy.types.NodeTree) -> bool:
    """Whether the tree or a group in it has a GAN Style node, be it of use or not."""
    groups = [n.node_tree for n in tree.nodes if n.bl_idname != NODE and getattr(n, "node_tree", None) is not None]
    return any(n.bl_idname == NODE for n in tree.nodes) or any(contains_style(group) for group in groups)


def path_to(tree: bpy.types.NodeTree, node: bpy.types.Node) -> tuple[bpy.types.Node, ...] | None:
    """The group nodes to go through from the tree to a node, and that node; None if it is not there."""
    if node.id_data == tree:
        return (node,)
    for group in [n for n in tree.nodes if n.bl_idname != NODE and getattr(n, "node_tree", None) is not None]:
        path = path_to(group.node_tree, node)
        if path is not None:
            return group, *path
    return None


def source(socket: bpy.types.NodeSocket) -> bpy.types.NodeSocket | None:
    """The output that feeds an input socket; None if nothing does, reroutes without a source included."""
    link = next((link for link in socket.links if not link.is_muted), None)
    if link is None:
        return None
    if link.from_node.bl_idname == "NodeReroute":
        return link.from_socket if source(link.from_node.inputs[0]) else None
    return link.from_socket


def cut(tree: bpy.types.NodeTree, path: tuple[str, ...], inputs: tuple[str, ...], name: str) -> bpy.types.NodeTree:
    """A copy of the tree whose outputs are what is fed into the node at the path: passes, and EXPOSURE.

    Nodes that take no part are muted, not removed: removing one would also remove its keyframes from the action that the copy
    shares with the original. Render Layers nodes keep reading the scene that they read in the original.
    """
    copy = tree.copy()
    copy.name = name
    node = copy.nodes[path[0]]
    if len(path) > 1:
        node.node_tree = cut(node.node_tree, path[1:], inputs, name)
        feeds = {p: node.outputs[p] for p in inputs}
    else:
        feeds = {p: source(node.inputs[PASSES[p].socket]) for p in inputs if p != EXPOSURE}
        # Through the node, so that an exposure which nothing feeds has its value, keyframes and drivers too.
        feeds[EXPOSURE] = node.outputs["Exposure"]
    output = _replace_outputs(copy, inputs)
    for p in inputs:
        copy.links.new(feeds[p], output.inputs[p])
    used = {n.name for n in upstream(copy, [output])}
    for node in copy.nodes:
        node.mute = node.mute or node.name not in used
    return copy


def _replace_outputs(tree: bpy.types.NodeTree, inputs: tuple[str, ...]) -> bpy.types.Node:
    """Give the group one output for each of a node's inputs and no others; return its new Group Output node."""
    for item in [i for i in tree.interface.items_tree if i.item_type == "SOCKET" and i.in_out == "OUTPUT"]:
        tree.interface.remove(item)
    for node in [n for n in tree.nodes if n.bl_idname == "NodeGroupOutput"]:
        tree.nodes.remove(node)
    for p in inputs:
        tree.interface.new_socket(p, in_out="OUTPUT", socket_type=SOCKET_TYPES[CHANNELS[p]])
    return tree.nodes.new("NodeGroupOutput")
