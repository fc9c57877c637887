"""Characters with textures and armatures, from files that the user brings."""

from pathlib import Path

import bpy

from ..capture import quiet
from .shapes import Point
from .stage import Stage

HEIGHT = 2.4
"""Height of the characters of KayKit Adventurers in their own units."""


def character(stage: Stage, file: Path, at: Point = (0, 0, 0), turn: float = 0.0, action: str = "") -> bpy.types.Object:
    """Put the character of a .glb file on the stage, about one unit tall, playing the action, or any of its actions.

    It carries one of its tools at most. Returns the group that it belongs to, which may be moved.
    """
    before, actions = set(bpy.data.objects), set(bpy.data.actions)
    with quiet():
        bpy.ops.import_scene.gltf(filepath=str(file))
    new = sorted(set(bpy.data.objects) - before, key=lambda thing: thing.name)
    rig = next(thing for thing in new if thing.type == "ARMATURE")
    parts = [thing for thing in new if thing.parent == rig and thing.type == "MESH"]
    body = [part for part in parts if part.name.startswith(file.stem.split("_")[0])]
    tools = [part for part in parts if part not in body]
    kept = {rig, *body, *([stage.pick(*tools)] if tools and stage.pick(0, 1) else [])}
    bpy.data.batch_remove([thing for thing in new if thing not in kept])
    group = stage.group(at, turn, size=1 / HEIGHT)
    rig.parent = group
    if names := sorted(one.name for one in set(bpy.data.actions) - actions):
        chosen = next((name for name in names if name.split(".")[0] == action), None) or stage.pick(*names)
        rig.animation_data_create().action = bpy.data.actions[chosen]
        rig.animation_data.action_slot = bpy.data.actions[chosen].slots[0]
    return group
