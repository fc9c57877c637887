"""Group nodes that use one group several times: which use the GAN Style nodes inside run for, and show the picture of.

A group is evaluated once for each of its uses, and all that differs there are its inputs. So a group that has several uses gets
one more, SOCKET: the number of the use, a plain value at the group node. Inside, it is linked on to the GAN Style nodes and to
the nodes of further groups, plus a number where these would otherwise be the same use. Groups of linked files get the same, in
memory.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

import bpy

from . import animation, read
from .pictures import USE

SOCKET = USE
"""The input of groups, also the label of the nodes that are added."""
MOST = 64
"""Uses of a group, over which it is refused: groups in groups multiply."""


@dataclass
class Uses:
    """How compositor trees are used."""

    count: dict[bpy.types.NodeTree, int] = field(default_factory=lambda: defaultdict(lambda: 1))
    """By tree with GAN Style nodes in it: how many uses have to be told apart."""
    first: dict[bpy.types.Node, int] = field(default_factory=dict)
    """By group node: the use of its group in the first use of the tree that it is in; the others follow one by one."""

    def told(self, tree: bpy.types.NodeTree) -> int:
        """How many uses of the tree are told apart: one if they are too many."""
        return count if (count := self.count.get(tree, 1)) <= MOST else 1

    def of(self, tree: bpy.types.NodeTree, path: tuple[str, ...]) -> int:
        """The use of the tree that the node at the path is in, when the tree is a scene's."""
        return sum(self.first.get(group, 0) for group in read.groups_around(tree, path))


def find(tops: Iterable[bpy.types.NodeTree]) -> Uses:
    """The uses of all groups with GAN Style nodes that feed an output of the trees of scenes."""
    wiring, tops, uses = read.Wiring(), list(dict.fromkeys(tops)), Uses()
    users = _users(wiring, tops)
    above = {group: {node.id_data for node in nodes} for group, nodes in users.items()}
    for group in [tree for tree in TopologicalSorter(above).static_order() if tree in users]:
        # Two scenes never run at once: what a scene's own tree uses is numbered anew for each scene.
        together = [node for node in users[group] if node.id_data in users]
        number = int(group in tops)
        for node in together:
            uses.first[node] = number
            number += uses.count[node.id_data]
        by_scene = defaultdict(list)
        for node in users[group]:
            if node.id_data not in users:
                by_scene[node.id_data].append(node)
        for nodes in by_scene.values():
            uses.first |= {node: number + place for place, node in enumerate(nodes)}
        uses.count[group] = number + max((len(nodes) for nodes in by_scene.values()), default=0)
    return uses


def _users(wiring: read.Wiring, tops: list[bpy.types.NodeTree]) -> dict[bpy.types.NodeTree, list[bpy.types.Node]]:
    """By group: the group nodes that use it."""
    users, waiting, seen = defaultdict(list), list(tops), set(tops)
    while waiting:
        for node in wiring.running(waiting.pop()):
            group = read.group_of(node)
            if group is not None and wiring.contains_style(group):
                users[group].append(node)
                if group not in seen:
                    seen.add(group)
                    waiting.append(group)
    return dict(users)


def tell(trees: Iterable[bpy.types.NodeTree], uses: Uses) -> None:
    """Have all group nodes with several uses, and the GAN Style nodes in them, get the number of the use; others no more."""
    trees = list(trees)
    told = {tree for tree in trees if uses.told(tree) > 1}
    sockets = {tree: [item for item in tree.interface.items_tree if item.name == SOCKET] for tree in trees}
    changed = {tree for tree in trees if (tree in told) != bool(sockets[tree])}
    users = [node for tree in trees for node in tree.nodes if read.group_of(node) in changed] if changed else []
    for node in users:
        animation.park(node)
    for tree in changed:
        if tree in told:
            _add_socket(tree.interface)
        for socket in sockets[tree]:
            tree.interface.remove(socket)
    for node in users:
        animation.follow(node)
    for tree in trees:
        inside = [node for node in tree.nodes if SOCKET in node.inputs]
        for node in inside:
            _feed(node.inputs[SOCKET], uses.first.get(node, 0), tree in told)
        _clean_up(tree)


def _add_socket(interface: bpy.types.NodeTreeInterface) -> None:
    text = "Tells the GAN Style nodes inside which use of the group this is, so that each shows its own picture"
    socket = interface.new_socket(SOCKET, in_out="INPUT", socket_type="NodeSocketFloat", description=text)
    socket.hide_value = True


def _feed(socket: bpy.types.NodeSocket, number: int, told: bool) -> None:
    """Give an input the number, plus the use of the tree that it is in if the tree is told."""
    tree, link = socket.id_data, next(iter(socket.links), None)
    if not told:
        if link is not None:
            tree.links.remove(link)
        if socket.default_value != number:
            socket.default_value = number
        if not socket.hide:
            socket.hide = True
        return
    if link is None or not _gives(link.from_socket, number):
        tree.links.new(_plus(tree, _entry(tree), number), socket)


def _gives(output: bpy.types.NodeSocket, number: int) -> bool:
    """Whether an output is what _plus() gives."""
    node = output.node
    if node.bl_idname == "NodeGroupInput":
        return output.name == SOCKET and number == 0
    added = node.label == SOCKET and node.bl_idname == "ShaderNodeMath" and node.inputs[0].is_linked
    return added and number != 0 and node.inputs[1].default_value == number


def _entry(tree: bpy.types.NodeTree) -> bpy.types.NodeSocket:
    """The output of a Group Input that gives the use."""
    node = next((n for n in tree.nodes if n.bl_idname == "NodeGroupInput"), None)
    return (node or _new(tree, "NodeGroupInput")).outputs[SOCKET]


def _plus(tree: bpy.types.NodeTree, use: bpy.types.NodeSocket, number: int) -> bpy.types.NodeSocket:
    if not number:
        return use
    add = _new(tree, "ShaderNodeMath")  # its operation is Add
    add.inputs[1].default_value = number
    tree.links.new(use, add.inputs[0])
    return add.outputs[0]


def _new(tree: bpy.types.NodeTree, kind: str) -> bpy.types.Node:
    anchor = next(n for n in tree.nodes if SOCKET in n.inputs)
    node = tree.nodes.new(kind)
    node.label, node.hide, node.select = SOCKET, True, False
    node.location = anchor.location_absolute.x - 180, anchor.location_absolute.y + 50
    return node


def _clean_up(tree: bpy.types.NodeTree) -> None:
    """Remove what _new() made and nothing needs."""
    for node in [n for n in tree.nodes if n.label == SOCKET and n.bl_idname in ("ShaderNodeMath", "NodeGroupInput")]:
        if not any(output.is_linked for output in node.outputs):
            tree.nodes.remove(node)
