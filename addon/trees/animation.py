"""What animates a compositor tree, and how keyframes follow the sockets of a GAN Style node."""

import re
from collections import Counter
from collections.abc import Iterator

import bpy

from .. import library


def state(tree: bpy.types.NodeTree) -> tuple:
    """What animates the tree: its action, the strips of its NLA tracks, its drivers; keyframes aside."""
    data = tree.animation_data
    if data is None:
        return ()
    strips = tuple(
        (track.mute, strip.mute, _uid(strip.action), strip.frame_start, strip.frame_end, strip.action_frame_start, strip.scale)
        for track in data.nla_tracks
        for strip in track.strips
    )
    drivers = tuple(
        (curve.data_path, curve.array_index, curve.mute, curve.driver.type, curve.driver.expression, *_variables(curve.driver))
        for curve in data.drivers
    )
    return _uid(data.action), data.action_slot_handle, strips, drivers


def styles(node: bpy.types.Node) -> tuple[str, ...]:
    """The styles that a GAN Style node's keyframes name, or that it has now if a driver chooses; none without animation."""
    data = node.id_data.animation_data
    if data is None:
        return ()
    path = f'nodes["{bpy.utils.escape_identifier(node.name)}"].style'
    numbers = {round(point.co.y) for curve in _curves(data) if curve.data_path == path for point in curve.keyframe_points}
    driven = any(curve.data_path == path for curve in data.drivers)
    return tuple(sorted({library.identifier(number) for number in numbers} | ({node.style_id} if driven else set())))


def park(node: bpy.types.Node) -> None:
    """Have keyframes and drivers of the node's inputs wait under the names of these, before sockets come and go.

    Blender tells an input by its number, and from 5.2 on throws away what animates one that goes. A name drives nothing.
    """
    names = list(_names(node))
    for curve, place, rest in _of_inputs(node):
        if place.isdigit() and int(place) < len(names):
            curve.data_path = f"{_inputs(node)}[{names[int(place)]}]{rest}"


def follow(node: bpy.types.Node) -> None:
    """Have what park() left waiting drive the inputs of these names, as far as there are any."""
    numbers = {name: number for number, name in enumerate(_names(node))}
    for curve, place, rest in _of_inputs(node):
        if place in numbers:
            curve.data_path = f"{_inputs(node)}[{numbers[place]}]{rest}"


def _names(node: bpy.types.Node) -> Iterator[str]:
    """The quoted names of the node's inputs, with a number behind each that has come before: "Light", then "Light"2."""
    seen = Counter()
    for socket in node.inputs:
        seen[socket.name] += 1
        number = seen[socket.name] if seen[socket.name] > 1 else ""
        yield f'"{bpy.utils.escape_identifier(socket.name)}"{number}'


def _inputs(node: bpy.types.Node) -> str:
    return f'nodes["{bpy.utils.escape_identifier(node.name)}"].inputs'


def _of_inputs(node: bpy.types.Node) -> Iterator[tuple[bpy.types.FCurve, str, str]]:
    """(curve, number or name of the input as of _names(), rest of the path) of what animates a node's inputs."""
    data = node.id_data.animation_data
    path = re.compile(re.escape(_inputs(node)) + r'\[(\d+|".*"\d*)\](.*)')
    for curve in [*_curves(data), *data.drivers] if data is not None else ():
        if found := path.fullmatch(curve.data_path):
            yield curve, found[1], found[2]


def moves(socket: bpy.types.NodeSocket) -> bool:
    """Whether the value of an input is animated or driven."""
    data = socket.id_data.animation_data
    if data is None:
        return False
    path = socket.path_from_id("default_value")
    return any(curve.data_path == path for curve in (*_curves(data), *data.drivers))


def _curves(data: bpy.types.AnimData) -> Iterator[bpy.types.FCurve]:
    """The F-curves of the action and of the strips' actions."""
    strips = [strip for track in data.nla_tracks for strip in track.strips]
    for action, slot in [(data.action, data.action_slot), *((strip.action, strip.action_slot) for strip in strips)]:
        for layer in action.layers if action is not None and slot is not None else ():
            for strip in layer.strips:
                bag = strip.channelbag(slot)
                yield from bag.fcurves if bag is not None else ()


def _variables(driver: bpy.types.Driver) -> Iterator[tuple]:
    for variable in driver.variables:
        for target in variable.targets:
            yield variable.name, variable.type, _uid(target.id), target.data_path, target.transform_type, target.bone_target


def _uid(data: bpy.types.ID | None) -> int:
    return data.session_uid if data is not None else 0
