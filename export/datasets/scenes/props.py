"""Things that several scenes share: trees, houses, vehicles, boats, robots, lamps."""

import math
from random import Random

import bpy

from . import materials as m
from . import shapes as s
from .stage import Stage


def foliage(random: Random, radius: float, leaves: int = 700, leaf: float = 0.16, lobes: int = 6) -> bpy.types.Mesh:
    """A crown of leaf blades around the origin, grouped in lobes so that it has light and shade."""
    blade = s.terrain(leaf, leaf * 1.6, lambda x, y: -0.9 * abs(x), cells=3, smooth=0)
    centres = [[random.gauss(0, 0.42 * radius) for _ in range(3)] for _ in range(lobes)]
    places = []
    for _ in range(leaves):
        centre, reach = random.choice(centres), 0.6 * radius
        x, y, z = (random.gauss(0, 1) for _ in range(3))
        length = math.sqrt(x * x + y * y + z * z) or 1.0
        shell = reach * random.uniform(0.75, 1.0) / length
        at = (centre[0] + x * shell, centre[1] + y * shell, 0.8 * (centre[2] + z * shell))
        outward = math.degrees(math.atan2(y, x)) - 90
        places.append(
            s.place(
                at,
                (random.uniform(-70, 30), random.uniform(-35, 35), outward + random.uniform(-40, 40)),
                random.uniform(0.7, 1.3),
            )
        )
    return s.merged(blade, places, "Foliage")


def trunk(random: Random, height: float, radius: float) -> bpy.types.Mesh:
    lean = [random.uniform(-0.12, 0.12) * height for _ in range(2)]
    ts = [k / 6 for k in range(7)]
    points = [(lean[0] * t * t, lean[1] * math.sin(2 * t), height * t) for t in ts]
    return s.tube(points, [radius * (1.25 - 0.8 * t) + 0.3 * radius * (t == 0) for t in ts], 10)


def broadleaf(stage: Stage, leaf_material, bark, height: float = 5.0) -> list[tuple[bpy.types.Mesh, bpy.types.Material]]:
    """The parts of a tree, to place again and again with plant()."""
    random = stage.random
    crown = foliage(random, 0.36 * height, leaves=1600, leaf=0.032 * height, lobes=8)
    crown.transform(s.place((0, 0, 0.68 * height)))
    return [(trunk(random, 0.62 * height, 0.035 * height), bark), (crown, leaf_material)]


def conifer(stage: Stage, needle_material, bark, height: float = 6.0) -> list[tuple[bpy.types.Mesh, bpy.types.Material]]:
    """A fir: tiers of drooping ragged skirts."""
    random = stage.random
    profile = [(0.0, height * 0.14)]
    for k in range(7):
        z, reach = height * (0.12 + 0.115 * k), height * 0.24 * (1 - k / 7.6)
        profile += [(reach, z), (reach * 0.42, z + 0.1 * height)]
    profile.append((0.0, height))
    skirt = s.lathe(profile, sides=20, smooth=0)
    for vertex in skirt.vertices:
        if math.hypot(vertex.co.x, vertex.co.y) > 0.01:
            vertex.co.x *= random.uniform(0.8, 1.2)
            vertex.co.y *= random.uniform(0.8, 1.2)
            vertex.co.z += random.uniform(-0.025, 0.02) * height
    return [(s.cylinder(0.03 * height, 0.3 * height, sides=10), bark), (skirt, needle_material)]


def plant(stage: Stage, parts, at, size: float = 1.0) -> None:
    turn = stage.between(0, 360)
    for mesh, material in parts:
        stage.add(mesh, material, at, turn, size)


def house(
    stage: Stage, at, width: float, depth: float, height: float, wall, roof, trim, pane, turn: float = 0.0, floors: int = 2
) -> None:
    """A gabled house with framed windows, a door and a chimney; its front faces -y."""
    group = stage.group(at, turn)
    stage.add(s.box(width, depth, height, 0.03), wall, parent=group)
    peak = 0.42 * width
    gable = s.prism([(-width / 2, 0), (width / 2, 0), (0, peak)], depth - 0.02)
    stage.add(gable, wall, (0, 0, height), parent=group)
    slope = math.degrees(math.atan2(peak, width / 2))
    slab = s.box(math.hypot(peak, width / 2) * 1.16, depth + 0.7, 0.14, 0.02)
    for side in (-1, 1):
        stage.add(slab, roof, (side * width * 0.272, 0, height + peak * 0.48), (0, side * slope, 0), parent=group)
    stage.add(s.box(0.5, 0.5, peak * 1.1, 0.03), trim, (width * 0.25, depth * 0.2, height + 0.3 * peak), parent=group)
    stage.add(s.box(1.15, 0.1, 2.08, 0.03), trim, (-width * 0.2, -depth / 2, 0), parent=group)
    stage.add(s.box(0.95, 0.14, 1.98, 0.03), roof, (-width * 0.2, -depth / 2, 0), parent=group)
    windows(stage, group, width, depth, height, trim, pane, floors, skip_door=True)


def windows(
    stage: Stage, group, width: float, depth: float, height: float, trim, pane, floors: int, skip_door: bool = False
) -> None:
    """Rows of framed windows on the front (-y) and both sides of a box."""
    frame, hole = s.box(1.0, 0.14, 1.3, 0.03), s.box(0.8, 0.18, 1.1)
    bar, sill = s.box(0.06, 0.2, 1.1), s.box(1.15, 0.32, 0.1, 0.02)
    for length, offset, turn in ((width, depth / 2, 0.0), (depth, width / 2, 90.0), (depth, width / 2, -90.0)):
        count = max(int(length / 2.0), 1)
        for floor in range(floors):
            for k in range(count):
                along = (k + 0.5) / count * length - length / 2
                if skip_door and turn == 0 and floor == 0 and abs(along + width * 0.2) < 1.1:
                    continue
                z = (floor + 0.32) * height / floors
                angle = math.radians(turn)
                spot = (along * math.cos(angle) + offset * math.sin(angle), along * math.sin(angle) - offset * math.cos(angle), z)
                holder = stage.group(spot, turn, group)
                for mesh, material, lift in ((frame, trim, 0.0), (hole, pane, 0.1), (bar, trim, 0.1), (sill, trim, -0.1)):
                    stage.add(mesh, material, (0, 0, lift), parent=holder)


def car(stage: Stage, paint, pane, tyre, chrome, at=(0, 0, 0), turn: float = 0.0) -> bpy.types.Object:
    """A small round car, 4 m long, nose to +x. Returns the group to move."""
    group = stage.group(at, turn)
    body = [
        (-2.0, 0.35),
        (1.9, 0.35),
        (2.05, 0.6),
        (1.9, 0.85),
        (1.0, 1.0),
        (0.4, 1.45),
        (-0.9, 1.5),
        (-1.7, 1.05),
        (-2.05, 0.95),
    ]
    cabin = [(0.85, 0.98), (0.33, 1.38), (-0.85, 1.43), (-1.5, 1.02)]
    stage.add(s.prism(body, 1.6, 0.12), paint, parent=group)
    stage.add(s.prism(cabin, 1.64, 0.02), pane, parent=group)
    stage.add(s.box(0.02, 1.3, 0.42), pane, (0.72, 0, 0.98), (0, -38, 0), parent=group)
    wheel = s.lathe(s.rounded([(0, 0), (0.24, 0.0), (0.34, 0.06), (0.34, 0.2), (0.24, 0.26), (0, 0.26)]), 24)
    hub = s.cylinder(0.17, 0.3, sides=16, bevel=0.02)
    for x in (-1.2, 1.25):
        for y in (-0.93, 0.67):
            stage.add(wheel, tyre, (x, y + 0.26, 0.36), (90, 0, 0), parent=group)
            stage.add(hub, chrome, (x, y + 0.28, 0.36), (90, 0, 0), parent=group)
    lamp = s.ball(0.13, 3)
    for y in (-0.55, 0.55):
        stage.add(lamp, m.glow("Headlight", (1.0, 0.9, 0.65), 6.0), (1.98, y, 0.68), parent=group)
        stage.add(lamp, m.glow("Tail light", (1.0, 0.05, 0.03), 3.0), (-2.0, y, 0.75), parent=group)
    return group


def boat(
    stage: Stage, hull, deck, sail, at=(0, 0, 0), turn: float = 0.0, length: float = 5.0, mast: float = 6.0
) -> bpy.types.Object:
    """A sailing boat, bow to +x, waterline at its origin; without a mast if that is 0. Returns the group to move."""
    group = stage.group(at, turn)
    half = [
        (t, 0.18 * length * math.sin(math.pi * (0.12 + 0.88 * t)) ** 0.7 if t < 1 else 0.0)
        for t in (0, 0.15, 0.35, 0.55, 0.75, 0.9, 1)
    ]
    outline = [((t - 0.5) * length, y) for t, y in half] + [((t - 0.5) * length, -y) for t, y in half[-2::-1]]
    for mesh_depth, lift, scale, material in (
        (0.13 * length, 0.08 * length, 1.0, hull),
        (0.03 * length, 0.145 * length, 0.93, deck),
    ):
        shell = s.prism(outline, mesh_depth, 0.02)
        for vertex in shell.vertices:
            keel = 0.78 if vertex.co.y > 0 else 1.0
            vertex.co.x, vertex.co.z = vertex.co.x * keel, vertex.co.z * (keel - 0.1 * (keel < 1))
        stage.add(shell, material, (0, 0, lift), (-90, 0, 0), scale, group)
    stage.add(s.box(0.3 * length, 0.18 * length, 0.12 * length, 0.05), deck, (-0.1 * length, 0, 0.14 * length), parent=group)
    if mast:
        stage.add(s.cylinder(0.06, mast, 0.03, 12), deck, (0.08 * length, 0, 0.1 * length), parent=group)
        main = s.prism([(-0.42 * length, 0.14 * mast), (-0.02, 0.14 * mast), (-0.02, 0.97 * mast)], 0.03)
        jib = s.prism([(0.04, 0.14 * mast), (0.36 * length, 0.12 * mast), (0.04, 0.85 * mast)], 0.03)
        for cloth in (main, jib):
            stage.add(cloth, sail, (0.08 * length, 0, 0.15 * length), 6.0, parent=group)
    return group


def robot(stage: Stage, shell, joint, eye, at=(0, 0, 0), turn: float = 0.0, size: float = 1.0) -> bpy.types.Object:
    """A rounded robot about 1.9 m tall, facing -y. Returns the group to move."""
    group = stage.group(at, turn)
    group.scale = (size, size, size)
    torso = s.lathe(s.rounded([(0, 0.72), (0.22, 0.74), (0.34, 0.95), (0.38, 1.2), (0.28, 1.4), (0.1, 1.44), (0, 1.44)]), 32)
    head = s.lathe(s.rounded([(0, 1.46), (0.2, 1.48), (0.27, 1.62), (0.24, 1.8), (0.12, 1.9), (0, 1.91)]), 32)
    stage.add(torso, shell, parent=group)
    stage.add(head, shell, parent=group)
    stage.add(s.cylinder(0.09, 0.12), joint, (0, 0, 1.4), parent=group)
    stage.add(s.tube([(0, 0, 1.9), (0.04, 0, 2.02), (0.02, 0, 2.14)], 0.012), joint, parent=group)
    stage.add(s.ball(0.04, 3), eye, (0.02, 0, 2.15), parent=group)
    for side in (-1, 1):
        stage.add(s.ball(0.062, 3), eye, (0.11 * side, -0.22, 1.68), parent=group)
        swing = stage.between(-0.3, 0.3)
        elbow, hand = (0.56 * side, -0.1 + swing, 1.0), (0.6 * side, -0.4 + swing, 0.85)
        stage.add(
            s.tube([(0.34 * side, 0, 1.28), (0.5 * side, 0, 1.2), elbow, hand], [0.08, 0.075, 0.07, 0.06]), joint, parent=group
        )
        stage.add(s.ball(0.11, 3), shell, hand, parent=group)
        stage.add(
            s.tube([(0.16 * side, 0, 0.78), (0.19 * side, -0.05, 0.42), (0.19 * side, 0.02, 0.1)], [0.11, 0.09, 0.1]),
            joint,
            parent=group,
        )
        stage.add(s.box(0.2, 0.36, 0.13, 0.05), shell, (0.19 * side, -0.05, 0), parent=group)
    return group


def street_lamp(stage: Stage, iron, bulb, at, height: float = 4.0) -> None:
    pole = [(0, 0), (0.16, 0), (0.14, 0.3), (0.06, 0.5), (0.05, height), (0.16, height + 0.05), (0.0, height + 0.06)]
    stage.add(s.lathe(pole, 16), iron, at)
    stage.add(s.ball(0.22, 3), bulb, (at[0], at[1], at[2] + height + 0.26))
    stage.add(s.cylinder(0.24, 0.16, 0.03, 16), iron, (at[0], at[1], at[2] + height + 0.42))


def barrel(stage: Stage, staves, hoops, at, size: float = 1.0) -> None:
    stage.add(
        s.lathe(s.rounded([(0, 0), (0.32, 0), (0.42, 0.5), (0.32, 1.0), (0, 1.0)], 4), 24),
        staves,
        at,
        stage.between(0, 360),
        size,
    )
    for z in (0.18, 0.82):
        stage.add(s.lathe([(0.36, z - 0.04), (0.395, z - 0.04), (0.395, z + 0.04), (0.36, z + 0.04)], 24), hoops, at, 0, size)
