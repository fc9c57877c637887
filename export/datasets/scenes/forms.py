"""Random forms: a mesh of any kind, about one unit large, standing on its origin."""

import math
from collections.abc import Callable

import bpy

from . import props
from . import shapes as s
from .stage import Stage


def form(stage: Stage) -> bpy.types.Mesh:
    """A form drawn from FORMS, its largest side 1."""
    mesh = stage.pick(*FORMS)(stage)
    points = [v.co.copy() for v in mesh.vertices]
    low, high = ([side(p[i] for p in points) for i in range(3)] for side in (min, max))
    size = max(b - a for a, b in zip(low, high, strict=True))
    mesh.transform(s.place((-(low[0] + high[0]) / 2 / size, -(low[1] + high[1]) / 2 / size, -low[2] / size), size=1 / size))
    return mesh


def _box(stage: Stage) -> bpy.types.Mesh:
    sides = [stage.between(0.2, 1) for _ in range(3)]
    return s.box(*sides, bevel=stage.pick(0, 0, 0.02, 0.1) * min(sides))


def _slab(stage: Stage) -> bpy.types.Mesh:
    return s.box(1, stage.between(0.02, 0.1), stage.between(0.4, 1))


def _cylinder(stage: Stage) -> bpy.types.Mesh:
    radius, sides = stage.between(0.1, 0.5), stage.pick(3, 5, 6, 8, 32, 64)
    return s.cylinder(radius, stage.between(0.1, 1), radius * stage.pick(0, 0.4, 1, 1, 1.3), sides, 0.02 * stage.pick(0, 1))


def _ball(stage: Stage) -> bpy.types.Mesh:
    return s.ball(0.5, stage.pick(1, 2, 5, 5, 5))


def _vessel(stage: Stage) -> bpy.types.Mesh:
    heights = sorted(stage.between(0, 1) for _ in range(stage.pick(3, 4, 6)))
    profile = [(0, 0), *((stage.between(0.08, 0.5), z) for z in heights), (0, 1)]
    return s.lathe(s.rounded(profile) if stage.pick(0, 1, 1) else profile, stage.pick(6, 48, 48), stage.pick(0, 50, 50))


def _ring(stage: Stage) -> bpy.types.Mesh:
    return s.tube([(x, y, 0) for x, y in s.arc(0.4, 0, 360, 64)], stage.between(0.03, 0.25), 24)


def _knot(stage: Stage) -> bpy.types.Mesh:
    p, q = stage.pick((2, 3), (3, 2), (2, 5), (3, 4), (1, 4))
    turns = [2 * math.pi * k / 160 for k in range(161)]
    points = [
        ((1 + 0.4 * math.cos(q * a)) * math.cos(p * a), (1 + 0.4 * math.cos(q * a)) * math.sin(p * a), 0.5 * math.sin(q * a))
        for a in turns
    ]
    return s.tube(points, stage.between(0.06, 0.22), 16)


def _star(stage: Stage) -> bpy.types.Mesh:
    count, inner = stage.pick(3, 4, 5, 6, 8, 12), stage.between(0.3, 0.9)
    corners = [(1 if k % 2 else inner, math.pi * k / count) for k in range(2 * count)]
    outline = [(r * math.cos(a), r * math.sin(a)) for r, a in corners]
    return s.prism(outline, stage.between(0.1, 0.8), 0.02 * stage.pick(0, 1))


def _rock(stage: Stage) -> bpy.types.Mesh:
    return s.rock(stage.random, 0.5, stage.between(0.1, 0.6), stage.pick(2, 4, 5), stage.pick(0, 35, 180))


def _words(stage: Stage) -> bpy.types.Mesh:
    letters = "".join(stage.pick(*"ABCDEFGHJKLMNPRSTUVWXYZ2345678&?") for _ in range(stage.pick(1, 1, 2, 3)))
    return s.text(letters, 1.0, stage.between(0.05, 0.5))


def _wires(stage: Stage) -> bpy.types.Mesh:
    """A lattice of thin rods."""
    count, radius = stage.pick(2, 3, 4), stage.between(0.005, 0.03)
    rod, places = s.cylinder(radius, 1, sides=8), []
    for a in range(count + 1):
        for b in range(count + 1):
            x, y = a / count, b / count
            places += [s.place((x, y, 0)), s.place((0, x, y), (0, 90, 0)), s.place((x, 0, y), (-90, 0, 0))]
    return s.merged(rod, places)


def _leaves(stage: Stage) -> bpy.types.Mesh:
    return props.foliage(stage.random, 0.5, stage.pick(150, 400, 900), stage.between(0.04, 0.14), stage.pick(1, 4, 8))


def _fur(stage: Stage) -> bpy.types.Mesh:
    """A ball of hairs."""
    return s.merged(hair(stage.between(0.15, 0.7), stage.between(-0.5, 0.5)), hairs(stage, 0.35, stage.pick(1500, 3000)), "Fur")


def hair(length: float, bend: float, radius: float = 0.006) -> bpy.types.Mesh:
    """One tapering hair that stands on its origin and bends over."""
    ts = [k / 5 for k in range(6)]
    return s.tube([(bend * length * t * t, 0, length * t) for t in ts], [radius * (1.05 - t) for t in ts], 3)


def hairs(stage: Stage, radius: float, count: int) -> list:
    """Places of hairs on a ball around the origin, evenly spread (Fibonacci's lattice) and combed roughly one way."""
    places = []
    for k in range(count):
        z = 1 - 2 * (k + 0.5) / count
        around, tilt = math.pi * (1 + 5**0.5) * k, math.degrees(math.acos(z))
        flat = math.sqrt(1 - z * z)
        at = (radius * flat * math.cos(around), radius * flat * math.sin(around), radius * z)
        turn = (stage.random.gauss(0, 12), tilt + stage.random.gauss(15, 10), math.degrees(around))
        places.append(s.place(at, turn, stage.between(0.7, 1.2)))
    return places


def _cloth(stage: Stage) -> bpy.types.Mesh:
    """A hanging or lying sheet in folds."""
    seed, folds = stage.between(0, 99), stage.between(2, 7)
    sheet = s.terrain(1, 1, lambda x, y: 0.12 * s.fractal(folds * x, 0.7 * folds * y, seed, 3), 60, 180)
    if stage.pick(0, 1):
        sheet.transform(s.place((0, 0, 0), (90, 0, 0)))
    return sheet


FORMS: tuple[Callable[[Stage], bpy.types.Mesh], ...] = (
    _box,
    _slab,
    _cylinder,
    _ball,
    _vessel,
    _vessel,
    _ring,
    _knot,
    _star,
    _rock,
    _words,
    _wires,
    _leaves,
    _fur,
    _cloth,
)
