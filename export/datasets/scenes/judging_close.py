"""Scenes that styles are judged by, close to: a doughnut, a car, a face, hair, a figure at night.

They share neither shapes nor materials, lights, panoramas or characters with the scenes that teach.
"""

import math

import bmesh
import bpy

from . import materials as m
from . import shapes as s
from .characters import character
from .stage import Stage, line, still


def doughnut(stage: Stage) -> None:
    """A doughnut of 10 cm with icing and sprinkles, close up before black."""
    stage.unit = 0.1

    def drip(a: float) -> float:
        return 0.05 * math.sin(3 * a + 0.4) + 0.035 * math.sin(7 * a) + 0.02 * math.sin(11 * a + 1)

    dough = torus(lambda a, b: 0.17 * (1 - 0.1 * (math.sin(b) < -0.8)))
    stage.add(dough, m.surface("Dough", m.mottled((0.62, 0.36, 0.13), (0.45, 0.22, 0.06), 6.0), 0.6, bump=0.02, grain=30.0))
    icing = torus(lambda a, b: 0.19 if math.sin(b) > drip(a) else 0.12)
    stage.add(icing, m.surface("Icing", (0.85, 0.2, 0.36), 0.25, Coat_Weight=0.3))
    sugar = s.cylinder(0.011, 0.06, sides=8, bevel=0.004)
    colours = ((0.9, 0.8, 0.1), (0.1, 0.5, 0.8), (0.95, 0.95, 0.9), (0.2, 0.6, 0.2), (0.8, 0.1, 0.05))
    for _ in range(130):
        a, b = stage.between(0, 360), stage.between(35, 145)
        up, out = math.sin(math.radians(b)), 0.33 + 0.19 * math.cos(math.radians(b))
        at = (out * math.cos(math.radians(a)), out * math.sin(math.radians(a)), 0.17 + 0.19 * up)
        stage.add(sugar, m.surface("Sugar", stage.pick(*colours), 0.4), at, (90, stage.between(0, 60), stage.between(0, 360)))
    stage.backdrop((0, 0, 0))
    stage.panel((1.0, 0.95, 0.88), 26, (-1.2, -0.8, 1.4), (0, 0, 0.1), 0.7, 0.7)
    stage.panel((0.7, 0.8, 1.0), 8, (1.3, 0.6, 0.7), (0, 0, 0.1), 0.5, 0.5)
    stage.camera(line((0.12, -1.75, 1.15), (0.22, -1.73, 1.16)), still((0, 0, 0.12)), 50).data.clip_start = 0.001


def torus(thickness) -> bpy.types.Mesh:
    """A ring of radius 0.33 around z, as thick as thickness(angle around, angle across) says."""
    shape, around, across = bmesh.new(), 160, 48
    rows = []
    for i in range(around):
        a, row = 2 * math.pi * i / around, []
        for j in range(across):
            b = 2 * math.pi * j / across
            r = thickness(a, b)
            out = 0.33 + r * math.cos(b)
            row.append(shape.verts.new((out * math.cos(a), out * math.sin(a), 0.17 + r * math.sin(b))))
        rows.append(row)
    for i in range(around):
        for j in range(across):
            here, there = rows[i], rows[(i + 1) % around]
            shape.faces.new((here[j], there[j], there[(j + 1) % across], here[(j + 1) % across]))
    return s.finished(shape, "Torus", 180)


def dark_studio(stage: Stage) -> None:
    """A red car in a dark studio, drawn by strips of light."""
    body = _lofted(
        (
            (-2.2, 0.62, 0.35, 0.72),
            (-1.9, 0.86, 0.24, 0.84),
            (-1.0, 0.92, 0.22, 0.92),
            (0.6, 0.92, 0.22, 0.95),
            (1.7, 0.88, 0.26, 0.98),
        )
        + ((2.1, 0.74, 0.4, 0.9),)
    )
    cabin = _lofted(((-0.75, 0.7, 0.85, 0.9), (-0.1, 0.66, 0.85, 1.32), (0.7, 0.64, 0.85, 1.36), (1.55, 0.68, 0.85, 0.98)))
    paint = m.surface("Paint", (0.5, 0.01, 0.015), 0.25, 0.3, Coat_Weight=1.0)
    pane, tyre, rim = (
        m.surface("Pane", (0.01, 0.012, 0.015), 0.03),
        m.surface("Tyre", (0.015, 0.015, 0.015), 0.7),
        m.metal("Rim", (0.8, 0.8, 0.82), 0.2),
    )
    group = stage.group((0, 0, 0), 0)
    stage.add(body, paint, parent=group)
    stage.add(cabin, pane, parent=group)
    wheel, hub = torus(lambda a, b: 0.11), s.cylinder(0.24, 0.06, 0.2, 5, 0.01)
    for x in (-1.35, 1.35):
        for side in (-1, 1):
            stage.add(wheel, tyre, (x, side * 0.74, 0.34), (90, 0, 0), 0.78, group)
            stage.add(hub, rim, (x, side * 0.8, 0.34), (90 * side, 0, 0), 0.95, group)
    for side in (-1, 1):
        stage.add(s.box(0.08, 0.3, 0.09, 0.03), m.glow("Lamp", (1.0, 0.95, 0.85), 12), (-2.08, side * 0.5, 0.6), 0, 1, group)
        stage.add(s.box(0.06, 0.34, 0.06, 0.02), m.glow("Tail", (1.0, 0.05, 0.02), 4), (2.1, side * 0.5, 0.75), 0, 1, group)
    stage.move(group, lambda t: ((0, 0, 0), (0, 0, 3 * t)))
    stage.add(s.box(60, 60, 0.1), m.surface("Floor", (0.06, 0.06, 0.065), 0.35), (0, 0, -0.1))
    stage.backdrop((0.001, 0.001, 0.0015))
    for y, power in ((-1.6, 90), (0.2, 140), (2.0, 90)):
        stage.panel((1, 0.98, 0.95), power, (0, y, 3.6), (0, y, 0), 5, 0.25)
    stage.panel((0.5, 0.65, 1.0), 120, (5, 3, 1.5), (0, 0, 0.6), 0.4, 3)
    stage.camera(line((-5.2, -4.4, 1.25), (-5.0, -4.6, 1.27)), still((-0.2, 0, 0.6)), 50)


def _lofted(sections) -> bpy.types.Mesh:
    """A smooth body through sections (x, half width, bottom, top) along x."""
    shape, rings = bmesh.new(), []
    for x, half, low, high in sections:
        middle = low + 0.62 * (high - low)
        outline = (
            (-0.7 * half, low),
            (-half, middle),
            (-0.82 * half, high),
            (0.82 * half, high),
            (half, middle),
            (0.7 * half, low),
        )
        rings.append([shape.verts.new((x, y, z)) for y, z in outline])
    for one, next_one in zip(rings, rings[1:], strict=False):
        for k in range(6):
            shape.faces.new((one[k], one[(k + 1) % 6], next_one[(k + 1) % 6], next_one[k]))
    shape.faces.new(rings[0][::-1])
    shape.faces.new(rings[-1])
    mesh = s.modified(s.finished(shape, "Body", 180), ("SUBSURF", {"levels": 4, "render_levels": 4}))
    mesh.shade_smooth()
    return mesh


def mage(stage: Stage) -> None:
    """A mage's face close up, in an old house."""
    group = character(stage, stage.folders.named("characters", "Mage"), (0, 0, 0), 0, "Idle")
    stage.move(group, lambda t: ((0, 0, 0), (0, 0, 4 * t)))
    stage.panorama(stage.folders.named("panoramas", "st_fagans_interior_1k"), 240, 1.4)
    stage.panel((1.0, 0.9, 0.75), 14, (-0.9, -1.2, 1.5), (0, 0, 0.7), 0.4, 0.4)
    camera = stage.camera(line((0.24, -1.15, 0.74), (0.27, -1.14, 0.75)), still((0, 0, 0.72)), 50).data
    camera.dof.use_dof, camera.dof.focus_distance, camera.dof.aperture_fstop = True, 1.0, 1.4


def monkey(stage: Stage) -> None:
    """A hairy head with a bare face, in a photographer's studio."""
    shape = bmesh.new()
    bmesh.ops.create_monkey(shape)
    head = s.modified(s.finished(shape, "Monkey", 180), ("SUBSURF", {"levels": 2, "render_levels": 2}))
    head.shade_smooth()
    stage.add(head, m.surface("Hide", (0.36, 0.2, 0.12), 0.55, Subsurface_Weight=0.3, Subsurface_Scale=0.05), (0, 0, 0.3))
    places = []
    for face in head.polygons:
        at = face.center
        if at.y > -0.25 and abs(at.x) < 0.95:  # neither face nor ears
            turn = face.normal.to_track_quat("Z", "Y").to_euler()
            degrees = tuple(math.degrees(a) + stage.random.gauss(0, 9) for a in turn)
            places += [s.place((at.x, at.y, at.z + 0.3), degrees, stage.between(0.7, 1.2)) for _ in range(3)]
    strand = s.tube(
        [(0.1 * t * t, 0, 0.3 * t) for t in (0, 0.25, 0.5, 0.75, 1)], [0.007 * (1.05 - t) for t in (0, 0.25, 0.5, 0.75, 1)], 3
    )
    stage.add(s.merged(strand, places, "Hair"), m.surface("Hair", (0.5, 0.22, 0.06), 0.4))
    scarf = stage.add(
        torus(lambda a, b: 0.15 + 0.02 * math.sin(9 * a)),
        m.surface("Scarf", m.stripes((0.1, 0.3, 0.5), (0.8, 0.75, 0.6), 0.08, 1), 0.95),
        (0, 0.1, -0.95),
        0,
        (1.7, 1.7, 1.3),
    )
    stage.move(scarf, lambda t: ((0, 0.1, -0.95), (0, 0, 5 * t)))
    stage.panorama(stage.folders.named("panoramas", "studio_small_03_1k"), 30, 0.9)
    stage.camera(line((1.6, -4.6, 0.7), (1.7, -4.55, 0.72)), still((0, 0, 0.3)), 60)


def hooded(stage: Stage) -> None:
    """A hooded figure under a lantern, at night, before a wall."""
    group = character(stage, stage.folders.named("characters", "Rogue_Hooded"), (0, 0, 0), 20, "Walking_A")
    stage.move(group, lambda t: ((0.1 * t, -0.1 * t, 0), (0, 0, 20)))
    stones = m.surface(
        "Setts", m.bricks((0.2, 0.2, 0.22), (0.14, 0.14, 0.16), (0.05, 0.05, 0.05), 0.16, 0.1, 0.01), 0.5, bump=0.2, grain=20.0
    )
    stage.add(s.box(20, 12, 0.1), stones, (0, 2, -0.1))
    stage.add(s.box(20, 0.3, 4), m.surface("Plaster", m.mottled((0.4, 0.34, 0.28), (0.3, 0.25, 0.2), 1.5), 0.9), (0, 1.6, 0))
    stage.add(
        s.prism([(-0.4, 0), (0.4, 0), (0.4, 1.0), *[(x, 1.0 + z) for x, z in s.arc(0.4, 0, 180, 12)][1:-1], (-0.4, 1.0)], 0.1),
        m.surface("Gate", m.wood((0.16, 0.08, 0.04), (0.1, 0.05, 0.02), 0.12), 0.6),
        (-1.0, 1.44, 0),
    )
    stage.add(s.tube([(0.7, 1.45, 1.6), (0.7, 1.1, 1.66), (0.7, 1.0, 1.55)], 0.02, 8), m.surface("Iron", (0.03, 0.03, 0.03), 0.5))
    stage.add(
        s.lathe([(0, 0), (0.08, 0.02), (0.1, 0.2), (0.03, 0.28), (0, 0.3)], 6, 0),
        m.glow("Flame", (1.0, 0.55, 0.18), 14),
        (0.7, 1.0, 1.25),
    )
    stage.lamp((1.0, 0.55, 0.2), 45, (0.7, 0.85, 1.3), 0.1)
    stage.lamp((0.25, 0.4, 1.0), 160, (-4, -4, 4), 0.6)
    stage.panorama(stage.folders.named("panoramas", "venice_sunset_1k"), 0, 0.06)
    stage.camera(line((-0.5, -2.6, 0.75), (-0.45, -2.55, 0.76)), still((0, 0.3, 0.62)), 35)
