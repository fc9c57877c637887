"""Reads compositor trees: which GAN Style nodes feed an output, in which order, and what feeds them. Changes nothing.

Trees may be of any size and depth, and their links may run in circles: nothing here calls itself.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

import bpy

from ...core import PASSES
from . import animation, values

NODE = "CompositorNodeGANStyle"
RENDER_LAYERS = "CompositorNodeRLayers"
SOCKET_TYPES = {1: "NodeSocketFloat", 3: "NodeSocketVector", 4: "NodeSocketColor"}
"""The sockets that carry a pass of so many channels."""
EXPOSURE, SCALE, KEEP_COLOURS = NUMBERS = "exposure", "scale", "keep_colours"
"""What is captured beside the passes and controls unless it is a plain number."""
MASK = "mask"
"""Captured if it is no plain number, as Blender itself mixes by it."""
CHANNELS_OF = {kind: channels for channels, kind in SOCKET_TYPES.items()} | {"NodeSocketFloatFactor": 1}
"""The sockets of controls are sliders."""
SINKS = ("CompositorNodeOutputFile", "CompositorNodeViewer")
"""Besides the Group Output, what Blender computes a tree for."""


def label_of(name: str) -> str:
    """The socket of a pass, of a style's own guide, of a control, or of one of NUMBERS."""
    return PASSES[name].socket if name in PASSES else name.replace("_", " ").title()


class Wiring:
    """The links of compositor trees, each tree read once: `socket.links` looks through all links of its tree every time.

    Good until a tree changes; make another one then.
    """

    def __init__(self):
        self._feeds: dict[int, dict[int, bpy.types.NodeSocket]] = {}
        self._styled: dict[int, bool] = {}

    def feed(self, socket: bpy.types.NodeSocket) -> bpy.types.NodeSocket | None:
        """The output that is linked to an input, be it a reroute's; None if there is none."""
        tree = socket.id_data
        if tree.as_pointer() not in self._feeds:
            feeds = self._feeds[tree.as_pointer()] = {}
            for link in tree.links:
                if not link.is_muted:
                    feeds.setdefault(link.to_socket.as_pointer(), link.from_socket)
        return self._feeds[tree.as_pointer()].get(socket.as_pointer())

    def source(self, socket: bpy.types.NodeSocket) -> bpy.types.NodeSocket | None:
        """The output that feeds an input socket; None if nothing does, reroutes without a source included."""
        first = feed = self.feed(socket)
        seen = set()
        while feed is not None and feed.node.bl_idname == "NodeReroute":
            if feed in seen:
                return None
            seen.add(feed)
            feed = self.feed(feed.node.inputs[0])
        return None if feed is None else first

    def origin(self, socket: bpy.types.NodeSocket, groups: Sequence[bpy.types.Node]) -> bpy.types.NodeSocket | None:
        """The output that an input's value comes from, through reroutes, out of the groups around its node and into others.

        None if there is none.
        """
        feed, around, seen = self.feed(socket), list(groups), set()
        while feed is not None and (place := (feed, *around)) not in seen:
            seen.add(place)
            if feed.node.bl_idname == "NodeReroute":
                feed = self.feed(feed.node.inputs[0])
            elif feed.node.bl_idname == "NodeGroupInput" and around:
                feed = self.feed(twin(feed, around.pop().inputs))
            elif (inside := inside_of(feed)) is not None:
                around.append(feed.node)
                feed = self.feed(inside)
            else:
                return feed
        return None

    def contains_style(self, tree: bpy.types.NodeTree) -> bool:
        """Whether the tree or a group in it has a GAN Style node, be it of use or not."""
        waiting = [tree]
        while waiting:
            tree = waiting[-1]
            inside = groups_in(tree)
            if unknown := [group for group in inside if group.as_pointer() not in self._styled]:
                waiting += unknown
                continue
            waiting.pop()
            own = any(node.bl_idname == NODE for node in tree.nodes)
            self._styled[tree.as_pointer()] = own or any(self._styled[group.as_pointer()] for group in inside)
        return self._styled[tree.as_pointer()]

    def style_nodes(
        self, tree: bpy.types.NodeTree, most: Callable[[bpy.types.NodeTree], int] = lambda _: 1
    ) -> Iterator[tuple[tuple[str, ...], bpy.types.Node]]:
        """(path, node) of each GAN Style node that feeds an output, each after those that feed it, also inside node groups.

        The path holds the names of the nodes to go through from the tree on: group nodes, then the node itself. What is in a
        group comes once for each use of the group, but only once more than is the most for it: groups in groups multiply.
        """
        entered: Counter[bpy.types.NodeTree] = Counter()
        waiting: list[tuple[tuple[str, ...], Iterator[bpy.types.Node]]] = [((), iter(self.running(tree)))]
        while waiting:
            path, nodes = waiting[-1]
            node = next(nodes, None)
            if node is None:
                waiting.pop()
            elif node.bl_idname == NODE:
                yield (*path, node.name), node
            elif (group := group_of(node)) is not None and self.contains_style(group) and entered[group] <= most(group):
                entered[group] += 1
                waiting.append(((*path, node.name), iter(self.running(group))))

    def running(self, tree: bpy.types.NodeTree) -> list[bpy.types.Node]:
        """The nodes that feed an output of the tree, without the muted."""
        sinks = [n for n in tree.nodes if n.bl_idname in SINKS or (n.bl_idname == "NodeGroupOutput" and n.is_active_output)]
        return [node for node in upstream(tree, sinks) if not node.mute]


def upstream(tree: bpy.types.NodeTree, sinks: list[bpy.types.Node]) -> list[bpy.types.Node]:
    """The sinks and all nodes that feed them, each after the nodes that feed it."""
    sources = defaultdict(list)
    for link in tree.links:
        if not link.is_muted:
            sources[link.to_node.name].append(link.from_node)
    seen, order = set(), []
    waiting: list[tuple[bpy.types.Node, Iterator[bpy.types.Node] | None]] = [(sink, None) for sink in reversed(sinks)]
    while waiting:
        node, feeding = waiting.pop()
        if feeding is None:
            if node.name in seen:
                continue
            seen.add(node.name)
            feeding = iter(sources[node.name])
        following = next(feeding, None)
        if following is None:
            order.append(node)
        else:
            waiting += [(node, feeding), (following, None)]
    return order


def group_of(node: bpy.types.Node) -> bpy.types.NodeTree | None:
    """The tree that a group node of the artist shows; None for other nodes, the GAN Style node too."""
    return node.node_tree if _shows_a_tree(type(node)) and node.bl_idname != NODE else None


@cache
def _shows_a_tree(kind: type) -> bool:
    return "node_tree" in kind.bl_rna.properties


def groups_in(tree: bpy.types.NodeTree) -> list[bpy.types.NodeTree]:
    """The trees of the group nodes in a tree, each once."""
    return list(dict.fromkeys(group for node in tree.nodes if (group := group_of(node)) is not None))


def all_trees(tree: bpy.types.NodeTree) -> list[bpy.types.NodeTree]:
    """The tree, its groups, their groups and so on, each once."""
    found = {tree: None}
    waiting = [tree]
    while waiting:
        new = [group for group in groups_in(waiting.pop()) if group not in found]
        found |= dict.fromkeys(new)
        waiting += new
    return list(found)


def structure(tree: bpy.types.NodeTree, names: frozenset[str] | None = None) -> tuple:
    """What a copy of the tree can't take over without being made anew: nodes, links, animation; names: of these nodes only.

    Two are equal if nothing of it has changed in between.
    """
    nodes = [n for n in tree.nodes if names is None or n.name in names]
    links = [link for link in tree.links if names is None or link.to_node.name in names]
    return (
        tuple((n.as_pointer(), n.name, n.mute, group_of(n), len(n.inputs), len(n.outputs), values.shape(n)) for n in nodes),
        tuple((link.from_socket.as_pointer(), link.to_socket.as_pointer(), link.is_muted) for link in links),
        animation.state(tree),
    )


def path_to(tree: bpy.types.NodeTree, node: bpy.types.Node) -> tuple[bpy.types.Node, ...] | None:
    """The group nodes to go through from the tree to a node, and that node; None if it is not there."""
    paths: dict[bpy.types.NodeTree, tuple[bpy.types.Node, ...]] = {tree: ()}
    waiting = [tree]
    while waiting:
        tree = waiting.pop()
        if tree == node.id_data:
            return (*paths[tree], node)
        for entry in tree.nodes:
            group = group_of(entry)
            if group is not None and group not in paths:
                paths[group] = *paths[tree], entry
                waiting.append(group)
    return None


def groups_around(tree: bpy.types.NodeTree, path: tuple[str, ...]) -> list[bpy.types.Node]:
    """The group nodes that lead from the tree to the node at the path, the outermost first."""
    groups = []
    for name in path[:-1]:
        groups.append(tree.nodes[name])
        tree = groups[-1].node_tree
    return groups


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
