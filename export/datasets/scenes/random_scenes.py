"""Scenes drawn from broad distributions: what stands there, of what, how large, in what light and through what lens."""

import math

import bpy

from . import shapes as s
from .characters import character
from .finishes import finish, smoke
from .forms import form
from .lenses import film, view
from .lights import light
from .stage import Stage

SCALES = (0.01, 1000.0)
"""Size of what is looked at in scene units: from a coin to a city."""
FAR_OFF = 0.1
"""Share of the scenes that lie far from the origin of the scene's coordinates, up to 3000 times their size."""
SMOKY = 0.12
"""Share of the scenes with a cloud of smoke, mist or dust."""


def random(stage: Stage) -> None:
    """One of the arrangements, of any size, anywhere; its unit is about the size of what the camera looks at."""
    stage.unit = math.exp(stage.between(*map(math.log, SCALES)))
    if stage.between(0, 1) < FAR_OFF:
        stage.origin[:2] = [stage.unit * stage.between(-3000, 3000) for _ in range(2)]
    film(stage)
    figures = stage.folders.teaching("characters")
    arrangement = stage.pick(
        _one, _one, _one, _heap, _heap, _heap, _room, _room, _room, _land, _land, _town, _wall, *[_figure] * (4 if figures else 0)
    )
    arrangement(stage)
    if stage.between(0, 1) < SMOKY:
        _cloud(stage)
    # Bumps are as high as they are in the scene's units.
    for material in bpy.data.materials:
        for node in material.node_tree.nodes if material.node_tree else ():
            if node.type == "BUMP":
                node.inputs["Distance"].default_value *= stage.unit


def _ground(stage: Stage, size: float = 60.0) -> None:
    stage.add(s.box(size, size, 0.1), finish(stage), (0, 0, -0.1))


def _scatter(stage: Stage, count: int, spread: float, largest: float = 1.0) -> None:
    """Forms here and there, standing, lying or leaning; one of them moves."""
    kinds = [(form(stage), finish(stage)) for _ in range(min(count, stage.pick(2, 4, 7)))]
    for index in range(count):
        mesh, material = stage.pick(*kinds)
        at = (stage.random.gauss(0, spread), stage.random.gauss(0, spread), 0)
        size = largest * math.exp(stage.between(math.log(0.15), 0))
        lean = (stage.pick(0, 0, stage.between(-30, 30)), stage.pick(0, 0, stage.between(-30, 30)), stage.between(0, 360))
        thing = stage.add(mesh, material, at, lean, size)
        if index == 0:
            _move(stage, thing, at, lean, 0.2 * size)


def _move(stage: Stage, thing: bpy.types.Object, at, turn, reach: float) -> None:
    step, spin = [stage.between(-reach, reach) for _ in range(2)], stage.between(-40, 40)
    stage.move(thing, lambda t: ((at[0] + step[0] * t, at[1] + step[1] * t, at[2]), (turn[0], turn[1], turn[2] + spin * t)))


def _cloud(stage: Stage) -> None:
    size, at = stage.between(0.3, 1.5), (stage.random.gauss(0, 0.4), stage.random.gauss(0, 0.4), stage.between(0, 0.5))
    _move(stage, stage.add(s.ball(0.5), smoke(stage, size), at, size=size), at, (0, 0, 0), 0.1)


def _one(stage: Stage) -> None:
    """One thing on a floor, or in nothing at all."""
    light(stage)
    if stage.pick(0, 1, 1):
        _ground(stage)
    thing = stage.add(form(stage), finish(stage))
    _move(stage, thing, (0, 0, 0), (0, 0, stage.between(0, 360)), 0.05)
    view(stage, (0, 0, 0.3), 0.55)


def _heap(stage: Stage) -> None:
    light(stage)
    if stage.pick(0, 1, 1, 1):
        _ground(stage)
    _scatter(stage, stage.pick(4, 8, 16, 30), stage.between(0.3, 1.2), 0.7)
    view(stage, (0, 0, 0.25), 0.9)


def _room(stage: Stage) -> None:
    """Walls on three sides or four, sometimes with a window, and what stands between them."""
    light(stage, inside=True)
    wide, deep, high = stage.between(1.8, 4), stage.between(1.8, 4), stage.between(1.2, 2.2)
    wall, thick = finish(stage), 0.08
    stage.add(s.box(wide, deep, thick), finish(stage), (0, 0, -thick))
    sides = [((0, deep / 2, 0), (wide, thick)), ((-wide / 2, 0, 0), (thick, deep)), ((wide / 2, 0, 0), (thick, deep))]
    for at, (x, y) in sides[: stage.pick(2, 3, 3)]:
        stage.add(s.box(x + thick, y + thick, high), wall, at)
    if stage.pick(0, 1):
        stage.add(s.box(wide, deep, thick), wall, (0, 0, high))
    for _ in range(stage.pick(0, 1, 2)):  # shelves, pictures, sills
        at = (stage.between(-0.3, 0.3) * wide, deep / 2 - 0.08, stage.between(0.3, 0.8) * high)
        stage.add(s.box(stage.between(0.2, 0.6), stage.between(0.03, 0.15), stage.between(0.03, 0.4)), finish(stage), at)
    _scatter(stage, stage.pick(3, 6, 10), 0.25 * wide, 0.8)
    view(stage, (0, 0.1 * deep, 0.4), 0.8, room=0.48 * deep)


def _land(stage: Stage) -> None:
    """Hills, dunes or rocks with things on them, to the horizon."""
    light(stage)
    seed, rise, wave = stage.between(0, 99), stage.between(0.02, 0.5), stage.between(0.8, 4)

    def height(x: float, y: float) -> float:
        return rise * (s.fractal(x / wave, y / wave, seed, 5) + 0.06 * math.hypot(x, y))

    stage.add(s.terrain(40, 40, height, 150, stage.pick(0, 60)), finish(stage))
    kinds = [(form(stage), finish(stage)) for _ in range(3)]
    for index in range(stage.pick(3, 20, 60)):
        x, y = stage.random.gauss(0, 3), stage.random.gauss(0, 3)
        mesh, material = stage.pick(*kinds)
        at, turn = (x, y, height(x, y) - 0.02), stage.between(0, 360)
        thing = stage.add(mesh, material, at, turn, stage.between(0.05, 0.4))
        if index == 0:
            _move(stage, thing, at, (0, 0, turn), 0.1)
    view(stage, (0, 0, height(0, 0) + 0.3), 1.2)


def _town(stage: Stage) -> None:
    """Blocks in a grid."""
    light(stage)
    _ground(stage)
    kinds = [finish(stage) for _ in range(stage.pick(1, 3, 5))]
    for x in range(-4, 5):
        for y in range(-4, 5):
            if stage.between(0, 1) < 0.8:
                block = s.box(stage.between(0.1, 0.19), stage.between(0.1, 0.19), stage.between(0.08, 0.7))
                stage.add(block, stage.pick(*kinds), (0.22 * x, 0.22 * y, 0))
    car = stage.add(s.box(0.04, 0.02, 0.02), finish(stage), (0, 0.11, 0))
    stage.move(car, lambda t: ((0.3 * t, 0.11, 0), (0, 0, 0)))
    view(stage, (0, 0, 0.25), 1.0)


def _wall(stage: Stage) -> None:
    """A large plain wall, looked at straight or aslant, and one thing before it."""
    light(stage)
    stage.add(s.box(8, 0.1, 5), finish(stage), (0, 0.8, -1))
    if stage.pick(0, 1):
        _ground(stage, 12)
    at = (stage.between(-0.5, 0.5), stage.between(-0.2, 0.5), 0)
    _move(stage, stage.add(form(stage), finish(stage), at, 0, stage.between(0.2, 0.9)), at, (0, 0, 0), 0.1)
    view(stage, (0, 0.4, 0.5), 0.8)


def _figure(stage: Stage) -> None:
    """Characters, whole or close up."""
    light(stage)
    if stage.pick(0, 1, 1):
        _ground(stage)
    files = stage.folders.teaching("characters")
    for k in range(stage.pick(1, 1, 2, 3)):
        character(stage, stage.pick(*files), (0.8 * k * stage.pick(-1, 1), 0.5 * k, 0), stage.between(0, 360))
    if stage.pick(0, 0, 1):
        _scatter(stage, 4, 0.8, 0.4)
    view(stage, (0, 0, stage.pick(0.5, 0.75)), stage.pick(0.6, 0.25))
