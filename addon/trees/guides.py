"""Guide passes: the input sockets that a style's passes besides the image need, and the links that feed them."""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import takewhile

import bpy

from ...core import PASSES
from ...core.passes import Pass
from . import animation, read, uses

SOCKETS = {p.socket: p.name for p in PASSES.values() if p.name != "image"}
"""Pass by the name of its socket, on the GAN Style node as on Blender's Render Layers node."""
MARK = "Pass: "
"""How the descriptions of the sockets of guides begin."""


class GuideError(RuntimeError):
    """The passes can't be linked by themselves."""


def offer(node: bpy.types.Node, passes: Sequence[Pass]) -> None:
    """Give the node an input for each guide and for no other; a link comes back with its socket.

    What animates the node's inputs is parked; follow it with animation.follow().
    """
    interface, offered = node.node_tree.interface, _offered(node)
    wanted = {guide.socket: guide for guide in passes}
    if {name: g.channels for name, g in offered.items()} == {name: g.channels for name, g in wanted.items()}:
        return
    animation.park(node)
    kept = json.loads(node.guide_links or "{}")
    gone = [name for name, guide in offered.items() if name not in wanted or wanted[name].channels != guide.channels]
    for name in gone:
        if node.inputs[name].links:
            feed = node.inputs[name].links[0]
            kept[name] = feed.from_node.name, feed.from_socket.name
        for _ in ("input", "output"):
            interface.remove(next(i for i in interface.items_tree if i.name == name))
    for name in [name for name in wanted if name not in offered or name in gone]:
        _lead_through(node, wanted[name])
        source, output = kept.pop(name, ("", ""))
        if source in node.id_data.nodes and output in node.id_data.nodes[source].outputs:
            node.id_data.links.new(node.id_data.nodes[source].outputs[output], node.inputs[name])
    node.guide_links = json.dumps(kept) if kept else ""


def _offered(node: bpy.types.Node) -> dict[str, Pass]:
    """The guides that the node has sockets for, passes and a style's own, by the sockets' names."""
    items = node.node_tree.interface.items_tree if node.node_tree is not None else ()
    marked = [i for i in items if i.item_type == "SOCKET" and i.in_out == "INPUT" and i.description.startswith(MARK)]
    return {item.name: PASSES[SOCKETS[item.name]] if item.name in SOCKETS else _own(item) for item in marked}


def _own(item: bpy.types.NodeTreeInterfaceSocket) -> Pass:
    channels = read.CHANNELS_OF[item.socket_type]
    return Pass(item.name, channels, item.name, "", item.description.removeprefix(MARK))


def missing(node: bpy.types.Node, groups: Sequence[bpy.types.Node] = ()) -> list[str]:
    """The sockets of the node's guides that nothing feeds, or a pass that its view layer does not render.

    groups: the group nodes around the node, to look outside too.
    """
    wiring = read.Wiring()
    feeds = {name: wiring.origin(node.inputs[name], groups) for name in _offered(node)}
    return [name for name, feed in feeds.items() if feed is None or not _is_rendered(feed)]


def _is_rendered(feed: bpy.types.NodeSocket) -> bool:
    """Whether a node's output is more than a promise. Before Blender 5.2 the outputs inside groups lag behind the view layer."""
    node = feed.node
    if node.bl_idname != read.RENDER_LAYERS or node.scene is None or feed.name not in SOCKETS:
        return feed.enabled
    layer = node.scene.view_layers.get(node.layer)
    return feed.enabled and (layer is None or getattr(layer, PASSES[SOCKETS[feed.name]].switch))


def problem(scene: bpy.types.Scene, node: bpy.types.Node, groups: Sequence[bpy.types.Node]) -> str:
    """Why the node can't have its guides; empty if it can."""
    if lacking := missing(node, groups):
        return f"The style needs the passes {', '.join(lacking)}: click Link Passes, or connect what renders them."
    feed = read.Wiring().origin(node.inputs["Vector"], groups) if "Vector" in node.inputs else None
    vector = feed.node if feed is not None else None
    if vector is not None and vector.bl_idname == read.RENDER_LAYERS and (vector.scene or scene).render.use_motion_blur:
        return "Blender renders no Vector pass with motion blur: switch the motion blur off, or choose another style."
    return ""


def link_by_itself(node: bpy.types.Node) -> bool:
    """Link the passes that the node lacks if one Render Layers node alone feeds its image. Tells whether it did."""
    for scene in (s for s in bpy.data.scenes if s.compositing_node_group is not None):
        path = read.path_to(scene.compositing_node_group, node)
        lacking = missing(node, path[:-1]) if path is not None else []
        if path is not None and lacking and len({layers for layers, _ in all_render_layers(path)}) == 1:
            with suppress(GuideError):
                link(scene, node, lacking)
                return True
    return False


def link(scene: bpy.types.Scene, node: bpy.types.Node, names: Sequence[str] | None = None) -> None:
    """Feed guides of the node from the Render Layers node that feeds its image, and have the view layer render them.

    names: of the sockets; None for all. Either may stand in groups that the other is not in: these get an output or an input for
    each pass, and if they are used several times, each use is fed. Raises GuideError if there is no such Render Layers node.
    """
    tree = scene.compositing_node_group
    path = read.path_to(tree, node) if tree is not None else None
    if tree is None or path is None:
        raise GuideError(f"The node '{node.name}' is not in the compositor tree of the scene '{scene.name}'.")
    running = read.Wiring().style_nodes(tree, uses.find([tree]).told)
    paths = [(*read.groups_around(tree, steps), node) for steps, found in running if found == node]
    for use in paths or [path]:
        _link_use(scene, use, names)


def _link_use(scene: bpy.types.Scene, path: tuple[bpy.types.Node, ...], names: Sequence[str] | None) -> None:
    """link() for one use of the path's last node."""
    node, (layers, around) = path[-1], next(all_render_layers(path), (None, ()))
    if layers is None:
        raise GuideError("No Render Layers node feeds the image here; link the passes by hand.")
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(around, path[:-1], strict=False)))
    for group in (*around[shared:], *path[shared:-1]):
        if not group.node_tree.is_editable:
            raise GuideError(f"The group '{group.node_tree.name}' belongs to another file; link the passes there.")
    rendered = layers.scene or scene
    layer = rendered.view_layers[layers.layer] if layers.layer in rendered.view_layers else rendered.view_layers[0]
    lacking, offered = [], _offered(node)
    wanted = list(offered) if names is None else names
    for name in wanted:
        if offered[name].switch:
            setattr(layer, offered[name].switch, True)
    layers.layer = layer.name  # before Blender 5.2 the outputs of a node inside a group follow only now
    for name in wanted:
        feed = _called(layers, name)
        if feed is None or not feed.enabled:
            lacking.append(name)
            continue
        for group in reversed(around[shared:]):
            feed = _out_of(group, feed, offered[name])
        for group in path[shared:-1]:
            feed = _into(group, feed, offered[name])
        node.id_data.links.new(feed, node.inputs[name])
    if own := [name for name in lacking if not offered[name].switch]:
        raise GuideError(f"No output of the node '{layers.name}' is called {', '.join(own)}: connect by hand what should.")
    if lacking:
        raise GuideError(f"The engine of the scene '{rendered.name}' gives no pass {', '.join(lacking)}; choose another engine.")


def _called(layers: bpy.types.Node, name: str) -> bpy.types.NodeSocket | None:
    """The output of a Render Layers node for a socket of that name: a pass, or an AOV that is called alike."""
    alike = (s for s in layers.outputs if s.enabled and s.name.lower().replace("_", " ") == name.lower())
    return layers.outputs.get(name) or next(alike, None)


def all_render_layers(path: tuple[bpy.types.Node, ...]) -> Iterator[tuple[bpy.types.Node, tuple[bpy.types.Node, ...]]]:
    """The Render Layers nodes that feed the image of the path's last node, and the group nodes around each, outermost first.

    The nearest comes first.
    """
    waiting, seen, wiring = deque([(path[-1].inputs["Image"], path[:-1])]), set(), read.Wiring()
    while waiting:
        socket, groups = waiting.popleft()
        if (feed := wiring.feed(socket)) is not None and (place := (feed, *groups)) not in seen:
            node = feed.node
            seen.add(place)
            if node.bl_idname == read.RENDER_LAYERS:
                yield node, groups
            elif node.bl_idname == "NodeGroupInput" and groups:
                waiting.append((read.twin(feed, groups[-1].inputs), groups[:-1]))
            elif (inside := read.inside_of(feed)) is not None:
                waiting.append((inside, (*groups, node)))
            else:
                waiting.extend((other, groups) for other in node.inputs)


def _out_of(group: bpy.types.Node, feed: bpy.types.NodeSocket, guide: Pass) -> bpy.types.NodeSocket:
    """Have a group node give a pass that is rendered inside, and return the socket that gives it."""
    kind, label = read.SOCKET_TYPES[guide.channels], guide.socket
    given = [s for s in group.outputs if s.name == label and s.bl_idname == kind]
    for socket in given:
        if read.Wiring().source(read.inside_of(socket)) in (None, feed):
            break
    else:
        _new_socket(group.node_tree.interface, guide, "OUTPUT")
        socket = [s for s in group.outputs if s.name == label and s.bl_idname == kind][-1]
    feed.id_data.links.new(feed, read.inside_of(socket))
    return socket


def _into(group: bpy.types.Node, feed: bpy.types.NodeSocket, guide: Pass) -> bpy.types.NodeSocket:
    """Feed a pass into a group node, and return the socket that gives it inside."""
    kind, label = read.SOCKET_TYPES[guide.channels], guide.socket
    if not any(s.name == label and s.bl_idname == kind for s in group.inputs):
        _new_socket(group.node_tree.interface, guide, "INPUT")
    socket = next(s for s in group.inputs if s.name == label and s.bl_idname == kind)
    group.id_data.links.new(feed, socket)
    inside = next((n for n in group.node_tree.nodes if n.bl_idname == "NodeGroupInput"), None)
    inside = inside or group.node_tree.nodes.new("NodeGroupInput")
    return next(s for s in inside.outputs if s.identifier == socket.identifier)


def _lead_through(node: bpy.types.Node, guide: Pass) -> None:
    """Give a GAN Style node an input for a pass, and a hidden output: Blender greys out what leads nowhere."""
    group, label = node.node_tree, guide.socket
    for direction in ("INPUT", "OUTPUT"):
        _new_socket(group.interface, guide, direction)
    source = next(n for n in group.nodes if n.bl_idname == "NodeGroupInput")
    target = next(n for n in group.nodes if n.bl_idname == "NodeGroupOutput")
    group.links.new(source.outputs[label], target.inputs[label])
    node.outputs[label].hide = True


def _new_socket(interface: bpy.types.NodeTreeInterface, guide: Pass, direction: str) -> None:
    socket = interface.new_socket(
        guide.socket, in_out=direction, socket_type=read.SOCKET_TYPES[guide.channels], description=f"{MARK}{guide.meaning}"
    )
    socket.hide_value = True
