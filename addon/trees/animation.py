"""Reads what animates a compositor tree. Changes nothing."""

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
