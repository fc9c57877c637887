"""Reads compositor trees: which GAN Style nodes feed an output, in which order, and what feeds them. Changes nothing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import bpy

from ...core import PASSES

NODE = "CompositorNodeGANStyle"
RENDER_LAYERS = "CompositorNodeRLayers"
SOCKET_TYPES = {1: "NodeSocketFloat", 3: "NodeSocketVector", 4: "NodeSocketColor"}
"""The sockets that carry a pass of so many channels."""
EXPOSURE = "exposure"
CHANNELS = {p.name: p.channels for p in PASSES.values()} | {EXPOSURE: 1}
"""What can be captured of a node's inputs: passes, and the exposure in stops."""
SINKS = ("CompositorNodeOutputFile", "CompositorNodeViewer")
"""Besides the Group Output, what Blender computes a tree for."""


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


def groups_around(tree: bpy.types.NodeTree, path: tuple[str, ...]) -> list[bpy.types.Node]:
    """The group nodes that lead from the tree to the node at the path, the outermost first."""
    groups = []
    for name in path[:-1]:
        groups.append(tree.nodes[name])
        tree = groups[-1].node_tree
    return groups


def origin(socket: bpy.types.NodeSocket, groups: Sequence[bpy.types.Node]) -> bpy.types.NodeSocket | None:
    """The output that an input's value comes from, through reroutes, out of the groups around its node and into others.

    None if there is none.
    """
    feed, around = source(socket), list(groups)
    while feed is not None:
        if feed.node.bl_idname == "NodeReroute":
            feed = source(feed.node.inputs[0])
        elif feed.node.bl_idname == "NodeGroupInput" and around:
            feed = source(twin(feed, around.pop().inputs))
        elif (inside := inside_of(feed)) is not None:
            around.append(feed.node)
            feed = source(inside)
        else:
            return feed
    return None


def inside_of(output: bpy.types.NodeSocket) -> bpy.types.NodeSocket | None:
    """The input inside a group that a group node's output comes from; None for other nodes, and for groups without an output."""
    group = output.node
    if group.bl_idname != "CompositorNodeGroup" or group.mute or group.node_tree is None:
        return None
    target = next((n for n in group.node_tree.nodes if n.bl_idname == "NodeGroupOutput" and n.is_active_output), None)
    return None if target is None else twin(output, target.inputs)


def twin(socket: bpy.types.NodeSocket, others: Iterable[bpy.types.NodeSocket]) -> bpy.types.NodeSocket:
    """The socket at the other side of a group's border."""
    return next(s for s in others if s.identifier == socket.identifier)


def source(socket: bpy.types.NodeSocket) -> bpy.types.NodeSocket | None:
    """The output that feeds an input socket; None if nothing does, reroutes without a source included."""
    link = next((link for link in socket.links if not link.is_muted), None)
    if link is None:
        return None
    if link.from_node.bl_idname == "NodeReroute":
        return link.from_socket if source(link.from_node.inputs[0]) else None
    return link.from_socket
