"""Scenes that styles are judged by, of places: a room in a void, a motel, an island, a bedroom at night, a canyon.

They share neither shapes nor materials, lights or panoramas with the scenes that teach.
"""

import math

import bmesh
import bpy

from . import materials as m
from . import shapes as s
from .judging_close import torus
from .stage import Stage, line, still


def white_room(stage: Stage) -> None:
    """A small room, cut open, in a white void, without perspective."""
    wall, floor = (
        m.surface("Wall", (0.55, 0.7, 0.72), 0.8),
        m.surface("Boards", m.wood((0.55, 0.36, 0.2), (0.42, 0.26, 0.13), 0.14), 0.5),
    )
    white, pine = m.surface("Linen", (0.86, 0.84, 0.8), 0.9), m.surface("Pine", (0.7, 0.5, 0.28), 0.6)
    dark, coral = m.surface("Dark", (0.05, 0.06, 0.08), 0.5), m.surface("Coral", (0.85, 0.28, 0.2), 0.7)
    stage.add(s.box(3, 3, 0.12), floor, (0, 0, -0.12))
    stage.add(s.box(3.1, 0.1, 2.2), wall, (0, 1.55, -0.12))
    stage.add(s.box(0.1, 3.0, 2.2), wall, (1.55, 0, -0.12))
    stage.add(s.box(1.1, 0.06, 0.9, 0.02), white, (-0.5, 1.48, 0.9))
    stage.add(s.box(1.0, 0.08, 0.8), m.glow("Sky", (0.6, 0.85, 1.0), 1.2), (-0.5, 1.47, 0.95))
    stage.add(s.box(1.2, 2.0, 0.28, 0.04), pine, (0.8, 0.4, 0))
    stage.add(s.box(1.14, 1.94, 0.22, 0.08), white, (0.8, 0.4, 0.25))
    stage.add(s.box(1.18, 1.2, 0.1, 0.05), coral, (0.8, 0.05, 0.4))
    stage.add(s.box(0.8, 0.4, 0.16, 0.07), white, (0.8, 1.1, 0.45), (12, 0, 0))
    stage.add(s.box(1.1, 0.55, 0.05), pine, (-0.75, 1.1, 0.7))
    for x in (-1.25, -0.25):
        for y in (0.87, 1.33):
            stage.add(s.box(0.05, 0.05, 0.7), pine, (x, y, 0))
    stage.add(s.box(0.6, 0.03, 0.36, 0.01), dark, (-0.75, 1.25, 0.82))
    stage.add(s.box(0.05, 0.05, 0.1), dark, (-0.75, 1.27, 0.74))
    stage.add(s.cylinder(0.16, 0.42, 0.16, 24), coral, (-0.75, 0.55, 0))
    stage.add(s.cylinder(0.02, 1.2, sides=12), dark, (-1.3, 0.2, 0))
    stage.add(s.cylinder(0.2, 0.25, 0.1), m.glow("Shade", (1.0, 0.8, 0.5), 1.5), (-1.3, 0.2, 1.2))
    stage.add(
        s.box(1.3, 0.9, 0.02, 0.01), m.surface("Rug", m.stripes((0.8, 0.75, 0.65), (0.2, 0.3, 0.45), 0.18), 0.95), (-0.5, -0.5, 0)
    )
    for k, colour in enumerate(((0.2, 0.4, 0.6), (0.8, 0.6, 0.2), (0.6, 0.2, 0.3), (0.3, 0.5, 0.3), (0.85, 0.8, 0.7))):
        stage.add(s.box(0.22, 0.07, 0.26 + 0.03 * (k % 3)), m.surface("Book", colour, 0.6), (1.38, -0.9 + 0.09 * k, 1.2))
    stage.add(s.box(0.3, 0.9, 0.04), pine, (1.36, -0.7, 1.16))
    ball = stage.add(s.ball(0.17, 5), coral, (-0.2, -0.9, 0.17))
    stage.move(ball, lambda t: ((-0.2 + 0.3 * t, -0.9, 0.17), (0, 100 * t, 0)))
    stage.backdrop((1, 1, 1))
    stage.sun((1.0, 0.95, 0.85), 1.6, 205, 52, 4)
    camera = stage.camera(line((-4.2, -6.4, 5.0), (-4.0, -6.5, 5.0)), still((0.1, 0.25, 0.75)), 50).data
    camera.type, camera.ortho_scale = "ORTHO", 6.4


def motel(stage: Stage) -> None:
    """A motel by the road, by day."""
    plaster, trim = (
        m.surface("Plaster", m.mottled((0.8, 0.66, 0.48), (0.72, 0.58, 0.42), 0.6, 0.3, 0.7), 0.85),
        m.surface("Trim", (0.85, 0.82, 0.76), 0.6),
    )
    teal, glass = m.surface("Door", (0.03, 0.32, 0.34), 0.5), m.surface("Window", (0.05, 0.07, 0.08), 0.04)
    road, iron = (
        m.surface("Asphalt", m.mottled((0.1, 0.1, 0.105), (0.16, 0.155, 0.15), 3.0, 0.2, 0.8), 0.9, bump=0.1, grain=40.0),
        m.metal("Rail", (0.6, 0.6, 0.58), 0.4),
    )
    stage.add(s.box(140, 140, 0.1), road, (0, 0, -0.1))
    stage.add(s.box(22, 2.2, 0.16), m.surface("Kerb", (0.5, 0.48, 0.44), 0.9), (0, 5.4, 0))
    for floor in (0, 1):
        z = 0.16 + 2.9 * floor
        stage.add(s.box(21, 5, 2.7), plaster, (0, 9, z))
        stage.add(s.box(21.6, 1.9, 0.16), trim, (0, 5.6, z + 2.7))
        for k in range(6):
            x = -8.6 + 3.45 * k
            stage.add(s.box(0.95, 0.08, 2.1, 0.01), teal, (x, 6.48, z))
            stage.add(s.ball(0.05, 3), iron, (x + 0.36, 6.4, z + 1.0))
            stage.add(s.box(1.5, 0.06, 1.1), glass, (x + 1.6, 6.49, z + 0.9))
            stage.add(s.box(1.66, 0.1, 0.08), trim, (x + 1.6, 6.47, z + 0.82))
            stage.add(s.text(str(100 * (floor + 1) + k), 0.22, 0.02), trim, (x, 6.42, z + 1.55))
    for k in range(9):
        stage.add(s.cylinder(0.06, 5.6, sides=12), trim, (-10.4 + 2.6 * k, 4.75, 0.1))
    stage.add(s.tube([(-10.4, 4.72, 4.0), (10.4, 4.72, 4.0)], 0.035, 8), iron)
    stage.add(s.merged(s.cylinder(0.012, 0.95, sides=6), [s.place((-10.3 + 0.16 * k, 4.72, 3.06)) for k in range(129)]), iron)
    stage.add(s.cylinder(0.14, 7.5, sides=16), iron, (-7.2, 0.2, 0))
    stage.add(s.box(3.4, 0.4, 1.5, 0.1), m.surface("Sign", (0.75, 0.1, 0.06), 0.4), (-7.2, 0.2, 6.2))
    stage.add(s.text("MOTEL", 0.85, 0.12), m.glow("Letters", (1.0, 0.85, 0.5), 3.0), (-7.2, -0.06, 6.65))
    for k in range(5):
        stage.add(s.box(0.12, 4.4, 0.01), trim, (-6 + 3.2 * k, 2.2, 0))
    can = stage.add(s.lathe(s.rounded([(0, 0), (0.3, 0), (0.34, 0.8), (0.3, 0.95), (0, 1.0)], 4), 32), iron, (4.6, 4.0, 0))
    stage.move(can, lambda t: ((4.6 + 0.3 * t, 4.0, 0), (0, 0, 90 * t)))
    stage.panorama(stage.folders.named("panoramas", "rooitou_park_1k"), 200, 1.0)
    stage.sun((1.0, 0.92, 0.8), 3.2, 240, 48, 0.8)
    stage.camera(line((1.8, -9.5, 1.7), (2.1, -9.4, 1.7)), still((-1.9, 6, 3.0)), 24)


def island(stage: Stage) -> None:
    """An island of sand with palms in a calm sea."""

    def height(x: float, y: float) -> float:
        r = math.hypot(x / 7.5, y / 5.5)
        return (
            1.5 * math.exp(-1.6 * r * r)
            - 0.42
            + 0.05 * s.fractal(x, y, 3.0, 4)
            + 0.012 * math.sin(9 * (x + 0.6 * y + s.fractal(x / 2, y / 2, 8.0, 2)))
        )

    sand = m.surface("Sand", m.mottled((0.78, 0.6, 0.36), (0.68, 0.5, 0.28), 14.0, 0.2, 0.8, 8.0), 0.95, bump=0.35, grain=120.0)
    stage.add(s.terrain(26, 22, height, 240, 180), sand)
    stage.add(s.box(400, 400, 0.1), m.water("Sea", (0.02, 0.3, 0.33), 1.2, 0.15), (0, 0, -0.1))
    bark = m.surface("Palm", m.bands((0.34, 0.24, 0.14), (0.24, 0.16, 0.09), 0.16, 0.4), 0.9)
    frond, leaf = _frond(), m.surface("Frond", (0.08, 0.24, 0.04), 0.45)
    for x, y, lean, tall in ((-0.9, 0.5, -22, 3.6), (0.5, 0.9, 14, 4.3), (0.1, -0.2, -6, 2.7)):
        group = stage.group((x, y, height(x, y) - 0.1), (0, lean, stage.between(0, 60)))
        trunk = [(0.5 * t * t, 0, tall * t) for t in (0, 0.2, 0.4, 0.6, 0.8, 1.0)]
        stage.add(s.tube(trunk, [0.16 - 0.015 * k for k in range(6)], 14), bark, parent=group)
        for k in range(13):
            turn = (stage.between(-12, 12), stage.between(-10, 40), 27.7 * k)
            stage.add(frond, leaf, (0.5, 0, tall), turn, stage.between(0.85, 1.15), group)
        for k in range(3):
            stage.add(s.ball(0.12, 4), bark, (0.5 + 0.14 * math.cos(2 * k), 0.14 * math.sin(2 * k), tall - 0.14), parent=group)
    chest = stage.group((1.8, -1.3, height(1.8, -1.3) - 0.04), (0, 6, 24))
    stage.add(s.box(0.8, 0.5, 0.4, 0.03), m.surface("Chest", m.wood((0.3, 0.15, 0.06), (0.2, 0.1, 0.04), 0.1), 0.6), parent=chest)
    stage.add(s.box(0.84, 0.54, 0.06, 0.01), m.metal("Brass", (0.9, 0.65, 0.25), 0.3), (0, 0, 0.38), parent=chest)
    float_ = stage.add(
        torus(lambda a, b: 0.11), m.surface("Ring", m.stripes((0.85, 0.85, 0.82), (0.8, 0.1, 0.05), 0.3), 0.4), (-4.8, -4.2, 0.0)
    )
    stage.move(float_, lambda t: ((-4.8 + 0.2 * t, -4.2, -0.1), (6 * t, 0, 30 * t)))
    sun = stage.sun((1.0, 0.8, 0.55), 3.5, 215, 30, 1.0)
    stage.sky((0.1, 0.42, 0.9), (0.85, 1.05, 1.1), (0.3, 0.4, 0.4), sun, (0.9, 0.7, 0.5), 0.35, (1.5, 1.4, 1.35))
    stage.camera(line((-1.2, -10.5, 1.7), (-0.9, -10.4, 1.75)), still((0, 0, 1.5)), 35)


def _frond() -> bpy.types.Mesh:
    """A palm leaf along x, hanging over."""
    shape = bmesh.new()
    for k in range(26):
        t = k / 26
        x, z = 2.0 * t, 0.35 * t - 1.3 * t * t
        for side in (-1, 1):
            wide = 0.62 * math.sin(math.pi * (0.12 + 0.8 * t)) * side
            corners = ((x, 0, z), (x + 0.05, 0, z), (x + 0.28, wide, z - 0.28 * abs(wide)), (x + 0.24, wide, z - 0.3 * abs(wide)))
            shape.faces.new([shape.verts.new(c) for c in corners])
    return s.finished(shape, "Frond", 0)


def bedroom(stage: Stage) -> None:
    """A bedroom at night: a small lamp, and the moon in the window."""
    wall, wood = (
        m.surface("Wallpaper", m.stripes((0.34, 0.42, 0.4), (0.28, 0.36, 0.36), 0.3), 0.9),
        m.surface("Walnut", m.wood((0.2, 0.1, 0.05), (0.12, 0.06, 0.03)), 0.45),
    )
    sheet, quilt = (
        m.surface("Sheet", (0.75, 0.72, 0.68), 0.9),
        m.surface("Quilt", m.checker((0.45, 0.1, 0.1), (0.1, 0.12, 0.3), 0.22), 0.95),
    )
    stage.add(
        s.box(5, 5, 0.1),
        m.surface("Parquet", m.bricks((0.26, 0.14, 0.07), (0.2, 0.11, 0.05), (0.08, 0.04, 0.02), 0.5, 0.09, 0.004), 0.4),
        (0, 0, -0.1),
    )
    stage.add(s.box(1.3, 0.1, 2.7), wall, (-1.85, 2.5, 0))
    stage.add(s.box(2.4, 0.1, 2.7), wall, (1.3, 2.5, 0))
    stage.add(s.box(1.3, 0.1, 0.9), wall, (-0.55, 2.5, 0))
    stage.add(s.box(1.3, 0.1, 0.5), wall, (-0.55, 2.5, 2.2))
    for x in (-2.5, 2.5):
        stage.add(s.box(0.1, 5, 2.7), wall, (x, 0, 0))
    stage.add(s.box(5, 5, 0.1), sheet, (0, 0, 2.7))
    for x in (-1.15, -0.55, 0.05):
        stage.add(s.box(0.06, 0.06, 1.3), wood, (x, 2.46, 0.9))
    for z in (0.9, 1.55, 2.14):
        stage.add(s.box(1.3, 0.06, 0.06), wood, (-0.55, 2.46, z))
    curtain = s.terrain(0.7, 1.9, lambda x, y: 0.05 * math.sin(26 * x), 70, 180)
    curtain.transform(s.place((0, 0, 0), (90, 0, 0)))
    for x in (-1.4, 0.3):
        stage.add(curtain, m.surface("Curtain", (0.5, 0.12, 0.1), 0.95), (x, 2.36, 1.45))
    stage.add(s.box(1.7, 2.1, 0.3, 0.04), wood, (1.3, 1.2, 0))
    stage.add(s.box(1.64, 2.0, 0.22, 0.09), sheet, (1.3, 1.2, 0.28))
    stage.add(s.box(1.72, 1.3, 0.12, 0.05), quilt, (1.3, 0.8, 0.42))
    stage.add(s.box(0.62, 0.4, 0.17, 0.08), sheet, (1.0, 2.0, 0.48), (14, 0, 6))
    stage.add(s.box(1.74, 0.08, 1.1, 0.03), wood, (1.3, 2.38, 0))
    stage.add(s.box(0.5, 0.45, 0.55, 0.02), wood, (0.1, 2.1, 0))
    stage.add(
        s.lathe(s.rounded([(0, 0), (0.1, 0.01), (0.05, 0.06), (0.08, 0.16), (0.02, 0.24), (0, 0.25)]), 32),
        m.surface("Foot", (0.1, 0.3, 0.35), 0.2),
        (0.1, 2.1, 0.55),
    )
    stage.add(s.lathe([(0.17, 0), (0.1, 0.2)], 32), m.glow("Lampshade", (1.0, 0.6, 0.25), 2.2), (0.1, 2.1, 0.76))
    stage.lamp((1.0, 0.6, 0.28), 26, (0.1, 1.95, 1.05), 0.08)
    chair = stage.group((-1.5, 0.9, 0), 35)
    stage.add(s.box(0.5, 0.5, 0.06, 0.02), wood, (0, 0, 0.42), parent=chair)
    stage.add(s.box(0.5, 0.05, 0.55, 0.02), wood, (0, 0.23, 0.46), parent=chair)
    for x, y in ((-0.22, -0.22), (0.22, -0.22), (-0.22, 0.22), (0.22, 0.22)):
        stage.add(s.box(0.05, 0.05, 0.42), wood, (x, y, 0), parent=chair)
    stage.move(chair, lambda t: ((-1.5, 0.9, 0), (0, 0, 35 + 4 * t)))
    stage.backdrop((0.012, 0.02, 0.05))
    stage.panel((0.4, 0.55, 1.0), 90, (-1.8, 5.5, 3.6), (0, 0.5, 0.3), 0.8, 0.8)
    stage.camera(line((-1.2, -2.2, 1.5), (-1.1, -2.15, 1.5)), still((0.35, 2, 0.95)), 26)


def canyon(stage: Stage) -> None:
    """Table mountains to the horizon, a river between them, kilometres wide."""
    stage.unit = 100.0

    def height(x: float, y: float) -> float:
        h = 1.1 * s.fractal(x / 7, y / 7, 21.0, 5) + 0.5 - 1.6 * math.exp(-((x - 1.4 * math.sin(y / 4)) ** 2) / 1.5)
        step = 0.42
        low = step * math.floor(h / step)
        t = (h - low) / step
        return low + step * t**4 + 0.05 * s.fractal(2 * x, 2 * y, 4.0, 4)

    rock = m.surface("Rock", m.by_slope((0.62, 0.4, 0.2), m.bands((0.6, 0.2, 0.1), (0.72, 0.4, 0.24), 0.3), 0.5, 0.8), 0.95)
    stage.add(s.terrain(60, 60, lambda x, y: height(x, y + 24), 330, 30), rock, (0, 24, 0))
    stage.add(s.box(60, 60, 0.02), m.water("River", (0.05, 0.2, 0.22), 3.0, 0.05), (0, 24, -1.0))
    bush = s.merged(
        s.rock(stage.random, 0.05, 0.5, 2, 0),
        [s.place((stage.random.gauss(0, 0.4), stage.random.gauss(0, 0.4), 0)) for _ in range(30)],
    )
    for _ in range(24):
        x, y = stage.between(-4, 4), stage.between(-2, 9)
        stage.add(bush, m.surface("Sage", (0.2, 0.24, 0.12), 0.9), (x, y, height(x, y)), stage.between(0, 360))
    kite = stage.add(
        s.prism([(-0.3, 0), (0, -0.1), (0.3, 0), (0, 0.05)], 0.1), m.surface("Glider", (0.9, 0.9, 0.88), 0.5), (1, 3, 2.2)
    )
    stage.move(kite, lambda t: ((1 + 0.4 * t, 3, 2.2 + 0.1 * t), (0, 20 * t, 40)))
    sun = stage.sun((1.0, 0.72, 0.45), 4.5, 200, 22, 0.8)
    stage.sky((0.12, 0.3, 0.8), (1.1, 0.85, 0.65), (0.4, 0.25, 0.15), sun, (1.2, 0.7, 0.35), 0.25, (1.3, 1.1, 1.0))
    stage.camera(line((-0.6, -5.5, 2.0), (-0.4, -5.4, 2.02)), still((0.3, 6, 0.4)), 28)
