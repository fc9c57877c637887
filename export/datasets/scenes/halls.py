"""A hall of statues and the corridor of a space station."""

import math

import bpy

from . import materials as m
from . import props
from . import shapes as s
from .stage import Stage, line


def statues(stage: Stage) -> None:
    """Sculptures of many kinds on plinths between columns, under a skylight."""
    floor = m.surface(
        "Floor", m.checker((0.62, 0.58, 0.5), stage.pick((0.1, 0.13, 0.14), (0.35, 0.1, 0.06), (0.08, 0.18, 0.2)), 0.8), 0.18
    )
    stucco = stage.pick((0.55, 0.18, 0.12), (0.16, 0.32, 0.4), (0.55, 0.42, 0.2))
    wall = m.surface("Stucco", m.mottled(stucco, tuple(0.8 * c for c in stucco), 1.5), 0.8)
    pale = m.surface("Limestone", m.mottled((0.7, 0.64, 0.54), (0.55, 0.49, 0.4), 3.0), 0.6, bump=0.15)
    stage.add(s.box(18, 16, 0.2), floor, (0, 1, -0.2))
    stage.add(s.box(18, 0.4, 7), wall, (0, 6, 0))
    for x in (-7.5, 7.5):
        stage.add(s.box(0.4, 14, 7), wall, (x, 1, 0))
    column = s.lathe(
        [(0, 0), (0.55, 0), (0.55, 0.2), (0.45, 0.3), (0.38, 0.4), (0.33, 4.6), (0.42, 4.75), (0.55, 4.9), (0.55, 5.1), (0, 5.1)],
        32,
    )
    for x in (-6.0, -3.6, -1.2, 1.2, 3.6, 6.0):
        stage.add(column, pale, (x, 4.9, 0))
    stage.add(s.box(15, 1.2, 0.8, 0.05), pale, (0, 5.0, 5.1))
    niche = m.glow("Niche", (1.0, 0.75, 0.4), 1.6)
    for x in (-4.8, -2.4, 0.0, 2.4, 4.8):
        arch = [(-0.6, 1.0), (0.6, 1.0), *[(a, 2.8 + b) for a, b in s.arc(0.6)]]
        stage.add(s.prism(arch, 0.1), niche, (x, 5.8, 0))
    plinth = s.box(1.1, 1.1, 0.9, 0.06)
    makers = [_figure, _blobs, _knot, _twist, _head, _rings]
    stage.random.shuffle(makers)
    for maker, (x, y) in zip(makers, ((-3.6, 2.2), (-1.3, 0.6), (1.4, 1.4), (3.6, 2.6), (-5.2, -0.4), (4.6, -0.2)), strict=True):
        stage.add(
            plinth, m.surface("Plinth", m.veins((0.75, 0.73, 0.7), (0.25, 0.23, 0.22), 1.5), 0.3), (x, y, 0), stage.between(-8, 8)
        )
        mesh, material = maker(stage)
        stage.add(mesh, material, (x, y, 0.9), stage.between(0, 360))
    turning = stage.add(*_rings(stage), (0.2, -1.4, 0.12), 0, 0.75)
    start = stage.between(0, 180)
    stage.add(s.cylinder(0.8, 0.12, bevel=0.03), pale, (0.2, -1.4, 0))
    stage.move(turning, lambda t: ((0.2, -1.4, 0.12), (0, 0, start + 70 * t)))
    side = stage.pick(-1, 1)
    sun = stage.sun((1.0, 0.86, 0.66), 4.5, -90 + side * stage.between(25, 55), stage.between(40, 55))
    stage.sky((0.3, 0.5, 0.95), (1.3, 1.25, 1.15), (0.3, 0.25, 0.2), sun, (1.0, 0.9, 0.7), 0.4)
    stage.camera(
        line((stage.between(-2.2, -1.2), -7.0, 1.9), (stage.between(0.6, 1.6), -6.6, 2.2)),
        line((-0.2, 1.5, 1.75), (0.2, 1.5, 1.75)),
        34,
    )


def _figure(stage: Stage) -> tuple[bpy.types.Mesh, bpy.types.Material]:
    profile = [
        (0, 0),
        (0.45, 0),
        (0.42, 0.1),
        (0.3, 0.6),
        (0.2, 0.95),
        (0.28, 1.2),
        (0.34, 1.4),
        (0.12, 1.55),
        (0.1, 1.62),
        (0.2, 1.75),
        (0.2, 1.92),
        (0.1, 2.04),
        (0, 2.06),
    ]
    mesh = s.lathe(s.rounded(profile), 48, 60)
    for vertex in mesh.vertices:  # drapery: folds that fade out upwards
        angle, fade = math.atan2(vertex.co.y, vertex.co.x), max(0.0, 1.25 - vertex.co.z)
        swell = 1 + 0.12 * fade * math.sin(11 * angle + 2.5 * vertex.co.z)
        vertex.co.x, vertex.co.y = vertex.co.x * swell, vertex.co.y * swell * 0.8
    return mesh, m.surface("Marble", m.veins((0.8, 0.78, 0.74), (0.45, 0.42, 0.4), 2.0), 0.3)


def _blobs(stage: Stage) -> tuple[bpy.types.Mesh, bpy.types.Material]:
    """Balls melted into one body by a voxel remesh."""
    heap = s.merged(
        s.ball(1.0, 3),
        [
            s.place((stage.random.gauss(0, 0.22), stage.random.gauss(0, 0.22), 0.35 + 0.26 * k), size=stage.between(0.24, 0.42))
            for k in range(7)
        ],
    )
    mesh = s.modified(heap, ("REMESH", {"mode": "VOXEL", "voxel_size": 0.05}), ("SMOOTH", {"factor": 0.6, "iterations": 8}))
    mesh.shade_smooth()
    return mesh, m.metal("Bronze", (0.75, 0.4, 0.16), 0.28, bump=0.2, grain=8.0)


def _knot(stage: Stage) -> tuple[bpy.types.Mesh, bpy.types.Material]:
    p, q = stage.pick((2, 3), (3, 2), (2, 5))
    ring = [k * math.tau / 160 for k in range(161)]
    points = [
        (
            (0.5 + 0.22 * math.cos(q * a)) * math.cos(p * a),
            0.26 * math.sin(q * a),
            0.85 + (0.5 + 0.22 * math.cos(q * a)) * math.sin(p * a),
        )
        for a in ring
    ]
    return s.tube(points, 0.11, 16), m.surface(
        "Enamel", stage.pick((0.75, 0.06, 0.04), (0.04, 0.2, 0.6), (0.9, 0.5, 0.03)), 0.12, Coat_Weight=0.8
    )


def _twist(stage: Stage) -> tuple[bpy.types.Mesh, bpy.types.Material]:
    block = s.box(0.7, 0.7, 2.0)
    turns = stage.between(1.5, 3.0) * stage.pick(-1, 1)
    mesh = s.modified(
        block,
        ("SUBSURF", {"levels": 5, "subdivision_type": "SIMPLE"}),
        ("SIMPLE_DEFORM", {"deform_method": "TWIST", "angle": turns, "deform_axis": "Z"}),
        ("SIMPLE_DEFORM", {"deform_method": "TAPER", "factor": -0.5, "deform_axis": "Z"}),
    )
    mesh.shade_smooth()
    mesh.set_sharp_from_angle(angle=0.6)
    return mesh, m.surface("Sandstone", m.bands((0.75, 0.45, 0.22), (0.5, 0.22, 0.1), 0.22, 0.5), 0.7)


def _head(stage: Stage) -> tuple[bpy.types.Mesh, bpy.types.Material]:
    """A monolithic head: brow, nose and chin in the profile, ears left to the imagination."""
    face = [
        (-0.45, 0),
        (0.3, 0),
        (0.38, 0.12),
        (0.5, 0.3),
        (0.36, 0.48),
        (0.56, 0.62),
        (0.36, 0.72),
        (0.62, 0.86),
        (0.42, 1.35),
        (0.56, 1.45),
        (0.5, 1.85),
        (0.1, 2.05),
        (-0.5, 1.95),
    ]
    mesh = s.modified(
        s.prism(face, 0.85, 0.12),
        ("REMESH", {"mode": "VOXEL", "voxel_size": 0.045}),
        ("SMOOTH", {"factor": 0.5, "iterations": 6}),
    )
    mesh.shade_smooth()
    return mesh, m.surface("Basalt", m.mottled((0.2, 0.22, 0.24), (0.1, 0.11, 0.12), 5.0), 0.7, bump=0.5, grain=25.0)


def _rings(stage: Stage) -> tuple[bpy.types.Mesh, bpy.types.Material]:
    ring = s.tube([(x, 0, y) for x, y in s.arc(1.0, 0, 360, 64)], 0.07, 12)
    places = [s.place((0, 0, 1.05), (stage.between(0, 90), 0, 60 * k), 1.0 - 0.16 * k) for k in range(5)]
    return s.merged(ring, places), m.metal("Gold", (1.0, 0.68, 0.22), 0.16)


def corridor(stage: Stage) -> None:
    """Ribs, pipes and light strips that lead to a window on a bright planet."""
    tint = stage.pick(
        ((0.1, 0.55, 1.0), (1.0, 0.4, 0.08)), ((0.1, 0.9, 0.55), (1.0, 0.15, 0.3)), ((0.75, 0.25, 1.0), (1.0, 0.7, 0.15))
    )
    base = stage.pick((0.5, 0.53, 0.56), (0.55, 0.5, 0.42), (0.34, 0.42, 0.44))
    plating = m.surface(
        "Plating", m.bricks(base, tuple(0.75 * c for c in base), (0.05, 0.05, 0.06), 1.6, 0.8, 0.02), 0.35, metallic=0.15
    )
    deck = m.surface(
        "Deck", m.bricks((0.22, 0.23, 0.25), (0.17, 0.18, 0.2), (0.03, 0.03, 0.03), 0.8, 0.8, 0.02, 0.0), 0.22, metallic=0.3
    )
    frame = m.surface("Frame", stage.pick((0.75, 0.38, 0.05), (0.7, 0.72, 0.74), (0.08, 0.2, 0.32)), 0.35)
    dark, steel = m.surface("Dark", (0.04, 0.045, 0.05), 0.5), m.metal("Steel", (0.65, 0.68, 0.72), 0.25)
    strips = [m.glow("Strip", colour, 7.0) for colour in tint]
    stage.add(s.box(4.4, 26, 0.1), deck, (0, 8, -0.1))
    stage.add(s.box(4.4, 26, 0.1), dark, (0, 8, 3.4))
    for side in (-1, 1):
        stage.add(s.box(0.1, 26, 2.2), plating, (2.2 * side, 8, 0))
        stage.add(s.box(0.1, 26, 1.6), plating, (1.85 * side, 8, 2.1), (0, -32 * side, 0))
        for x, z, radius in ((1.9, 2.2, 0.09), (1.98, 2.0, 0.06), (2.05, 1.85, 0.06)):
            stage.add(s.tube([(x * side, -5, z), (x * side, 21, z)], radius), steel)
        stage.add(s.box(0.12, 24, 0.08), strips[0], (2.08 * side, 8, 0.12))
    rib = [
        (-2.2, 0),
        (-1.9, 0),
        (-1.9, 2.1),
        (-1.2, 3.1),
        (1.2, 3.1),
        (1.9, 2.1),
        (1.9, 0),
        (2.2, 0),
        (2.2, 2.3),
        (1.4, 3.45),
        (-1.4, 3.45),
        (-2.2, 2.3),
    ]
    arch = s.prism(rib, 0.45, 0.05)
    for k in range(9):
        y = -2.5 + 2.6 * k
        stage.add(arch, frame, (0, y, 0))
        stage.add(s.box(1.8, 0.25, 0.06), m.glow("Ceiling", (0.9, 0.95, 1.0), 6.0) if k % 2 else strips[1], (0, y + 1.3, 3.3))
        for side in (-1, 1):
            _console(stage, side, y + 1.3, steel, dark, strips[stage.pick(0, 1)])
    ring = s.tube([(x, 0, z + 1.7) for x, z in s.arc(1.65, 0, 360, 48)], 0.16, 12)
    stage.add(ring, frame, (0, 20.6, 0))
    planet = m.surface("Planet", (0, 0, 0), 0.9, Emission_Strength=1.8, Emission_Color=tint[0])
    stage.add(s.ball(7.0, 5), planet, (stage.between(-4, 4), 45, 4.0))
    crate = m.surface("Crate", m.stripes((0.1, 0.1, 0.1), (0.85, 0.6, 0.05), 0.3, 0, 0.5), 0.5)
    for _ in range(7):
        size = stage.between(0.35, 0.75)
        stage.add(
            s.box(size, size, size, 0.04),
            stage.pick(crate, steel, frame),
            (stage.pick(-1, 1) * stage.between(1.2, 1.6), stage.between(1, 12), 0),
            stage.between(-25, 25),
        )
    shell = m.surface("Shell", (0.85, 0.85, 0.82), 0.25, Coat_Weight=0.5)
    guard = props.robot(stage, shell, dark, strips[1], (stage.between(0.3, 0.7), 4.2, 0), 20)
    stage.move(guard, lambda t: ((0.55 - 0.15 * t, 4.2 - 0.8 * t, 0), (0, 0, 15 - 20 * t)))
    drone = stage.add(s.lathe(s.rounded([(0, 0), (0.25, 0.06), (0.34, 0.16), (0.2, 0.26), (0, 0.3)]), 32), frame, (-0.7, 3, 1.9))
    stage.add(s.ball(0.08, 3), strips[0], (0.0, -0.28, 0.12), parent=drone)
    stage.move(drone, lambda t: ((-0.8 + 0.5 * t, 3.2 + 1.2 * t, 1.9 + 0.15 * math.sin(5 * t)), (10, 0, 120 * t)))
    for k in range(5):
        stage.lamp((1.0, 0.95, 0.9) if k % 2 else tint[k // 2 % 2], 70, (0, -1.5 + 4.2 * k, 2.9), 0.3)
    stage.backdrop((0.02, 0.025, 0.04))
    stage.camera(
        line((stage.between(-0.6, -0.2), -3.2, 1.5), (stage.between(0.0, 0.4), -2.4, 1.65)),
        line((0.0, 6, 1.55), (0.1, 6, 1.5)),
        26,
    )


def _console(stage: Stage, side: int, y: float, steel, dark, strip) -> None:
    """Something on the wall between two ribs: a screen, a locker or a round port."""
    kind = stage.pick("screen", "locker", "port", "bare")
    if kind == "screen":
        stage.add(
            s.prism([(0, 0.9), (0.5, 0.9), (0.25, 1.6), (0, 1.6)], 1.5, 0.04), dark, (-2.15 * side, y, 0), 0 if side > 0 else 180
        )
        stage.add(s.box(0.02, 1.2, 0.5), strip, (-1.74 * side, y, 1.02), (0, -20 * side, 0))
    elif kind == "locker":
        for shift in (-0.5, 0.5):
            stage.add(s.box(0.4, 0.9, 1.9, 0.05), steel, (-2.0 * side, y + shift, 0.1))
    elif kind == "port":
        stage.add(s.tube([(0, x, z) for x, z in s.arc(0.45, 0, 360, 32)], 0.07), steel, (-2.12 * side, y, 1.3))
        stage.add(s.cylinder(0.42, 0.04), m.glow("Port", (0.5, 0.7, 1.0), 1.5), (-2.12 * side - 0.02, y, 1.3), (0, 90, 0))
