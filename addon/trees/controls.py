"""Controls of a style: an input of the node with a slider for each, whose value and link stay by name from style to style."""

import json
from collections.abc import Iterator, Sequence

import bpy

from ...core import Control
from . import animation, read

MARK = "Control: "
"""How the descriptions of these sockets begin."""


def offer(node: bpy.types.Node, controls: Sequence[Control]) -> None:
    """Give the node an input for each control and for no other.

    What goes away is remembered by name: its value and its link. What animates the node's inputs is parked; follow it with
    animation.follow().
    """
    interface, offered, kept = node.node_tree.interface, _offered(node), _kept(node)
    wanted = {control.label: control for control in controls}
    if offered.keys() != wanted.keys():
        animation.park(node)
    for label in [label for label in offered if label not in wanted]:
        socket = node.inputs[label]
        links = [[link.from_node.name, link.from_socket.identifier] for link in socket.links]
        kept[label] = [socket.default_value, *links[:1]]
        for _ in ("input", "output"):
            interface.remove(next(item for item in interface.items_tree if item.name == label))
    for label, control in wanted.items():
        if label in offered:
            _describe(offered[label], control)
            continue
        _add(node, control)
        value, *links = kept.pop(label, [control.default])
        node.inputs[label].default_value = value
        for name, identifier in links:
            source = node.id_data.nodes.get(name)
            output = next((o for o in source.outputs if o.identifier == identifier), None) if source is not None else None
            if output is not None:
                node.id_data.links.new(output, node.inputs[label])
    told = json.dumps(kept) if kept else ""
    if node.control_values != told:
        node.control_values = told


def captured(node: bpy.types.Node, controls: Sequence[Control]) -> Iterator[str]:
    """Names of the controls whose values only Blender's compositor knows: those that are linked, and all in an animated tree."""
    animated = node.id_data.animation_data is not None
    yield from (control.name for control in controls if animated or node.inputs[control.label].is_linked)


def value(node: bpy.types.Node, name: str) -> float:
    """What stands in the slider of a control."""
    return node.inputs[read.label_of(name)].default_value


def _offered(node: bpy.types.Node) -> dict[str, bpy.types.NodeTreeInterfaceSocket]:
    """The sockets for controls that the node has, by their names."""
    items = node.node_tree.interface.items_tree
    marked = (i for i in items if i.item_type == "SOCKET" and i.in_out == "INPUT" and i.description.startswith(MARK))
    return {item.name: item for item in marked}


def _kept(node: bpy.types.Node) -> dict[str, list]:
    return json.loads(node.control_values or "{}")


def _add(node: bpy.types.Node, control: Control) -> None:
    """Besides the input a hidden output: Blender greys out what leads nowhere."""
    group, label = node.node_tree, control.label
    socket = group.interface.new_socket(label, in_out="INPUT", socket_type="NodeSocketFloat")
    group.interface.new_socket(label, in_out="OUTPUT", socket_type="NodeSocketFloat")
    socket.subtype = "FACTOR"
    _describe(socket, control)
    source = next(n for n in group.nodes if n.bl_idname == "NodeGroupInput")
    target = next(n for n in group.nodes if n.bl_idname == "NodeGroupOutput")
    group.links.new(source.outputs[label], target.inputs[label])
    node.outputs[label].hide = True


def _describe(socket: bpy.types.NodeTreeInterfaceSocket, control: Control) -> None:
    """Set only what differs: each setting makes Blender composite again."""
    text = f"{MARK}{control.meaning or control.label}" + ". Per frame: of a picture, its mean counts" * control.per_frame
    wanted = {"description": text, "min_value": control.low, "max_value": control.high, "default_value": control.default}
    for name, value in wanted.items():
        before = getattr(socket, name)
        if before != value if isinstance(value, str) else abs(before - value) > 1e-6 * max(1.0, abs(value)):
            setattr(socket, name, value)
