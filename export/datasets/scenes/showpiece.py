"""The scene that newcomers see first: a lighthouse on a rocky coast, boats and a village in the evening sun."""

import math

from . import materials as m
from . import props
from . import shapes as s
from .stage import Stage, line


def lighthouse(stage: Stage) -> None:
    stage.add(s.box(700, 700, 0.1), m.water("Sea", (0.015, 0.12, 0.17), 0.55, 0.5), (0, 200, -0.1))
    _headland(stage)
    _tower(stage, (6.2, 15.0, 5.2))
    _village(stage)
    sail, deck = (
        m.surface("Sail", (0.9, 0.86, 0.76), 0.8),
        m.surface("Deck", m.wood((0.5, 0.3, 0.14), (0.36, 0.2, 0.08), plank=0.2), 0.5),
    )
    fleet = (
        (-3.4, 6.5, 5.6, 6.6, (0.65, 0.06, 0.04), 155),
        (-11.5, 17, 6.0, 7.5, (0.05, 0.2, 0.42), 165),
        (-5.5, 30, 6.5, 8.0, (0.85, 0.82, 0.75), 10),
        (-24, 45, 7, 9, (0.08, 0.35, 0.3), 20),
    )
    for k, (x, y, length, mast, colour, heading) in enumerate(fleet):
        hull = m.surface("Hull", m.by_height((0.85, 0.82, 0.75), colour, 0.24, 0.02), 0.3, Coat_Weight=0.5)
        one, speed = props.boat(stage, hull, deck, sail, length=length, mast=mast), 0.5 + 0.25 * k
        stage.move(
            one,
            lambda t, x=x, y=y, a=heading, v=speed, k=k: (
                (x + v * t * math.cos(math.radians(a)), y + v * t * math.sin(math.radians(a)), 0.06 * math.sin(5 * t + k)),
                (4 * math.sin(4 * t + k), 2 * math.sin(3 * t), a),
            ),
        )
    gull = s.prism(
        [(0, 0), (0.35, 0.14), (0.85, 0.02), (0.34, 0.2), (0, 0.07), (-0.34, 0.2), (-0.85, 0.02), (-0.35, 0.14)], 0.16, 0.01
    )
    white = m.surface("Gull", (0.85, 0.85, 0.85), 0.7)
    for k in range(6):
        bird, x, y, z = stage.add(gull, white), stage.between(-7, 3), stage.between(8, 18), stage.between(7, 10)
        stage.move(
            bird,
            lambda t, x=x, y=y, z=z, k=k: (
                (x + 1.6 * t, y - 0.5 * t, z + 0.2 * math.sin(4 * t + k)),
                (15 * math.sin(3 * t + k), 12, 60 + 25 * k),
            ),
        )
    sun = stage.sun((1.0, 0.72, 0.42), 7.5, 190 + stage.between(-6, 6), 19 + stage.between(-2, 2), 1.0)
    stage.sky((0.06, 0.28, 0.85), (1.6, 1.05, 0.6), (0.04, 0.12, 0.16), sun, (1.5, 0.9, 0.45), 0.65, (1.9, 1.35, 1.0))
    stage.camera(line((-4.0, -15, 3.6), (-2.0, -14, 4.1)), line((0.4, 14, 6.8), (0.7, 14, 6.9)), 28)


def _headland(stage: Stage) -> None:
    """Cliffs that rise from the sea to a green top, a spit of rocks, hills beyond."""

    def height(x: float, y: float) -> float:
        ragged = 1.6 * s.fractal(x / 4.5, y / 4.5, 11.0, 5)
        edge = math.hypot((x - 10.0) / 9.5, (y - 16.0) / 11.0) + 0.14 * s.fractal(x / 5, y / 5, 3.0, 4)
        plateau = 5.6 / (1 + math.exp(16 * (edge - 0.86)))
        return plateau + ragged * (0.9 if 0.6 < edge < 1.15 else 0.2) - 0.7 - max(0.0, edge - 1) * 3.0

    grass = m.mottled((0.16, 0.3, 0.05), (0.36, 0.38, 0.1), 0.6)
    cliff = m.by_height((0.1, 0.085, 0.075), m.mottled((0.34, 0.25, 0.19), (0.17, 0.14, 0.13), 1.2), 0.3, 0.35)
    cape = m.surface("Cape", m.by_slope(grass, cliff, 0.72, 0.9), 0.9, bump=0.5, grain=4.0)
    stage.add(s.terrain(36, 34, lambda x, y: height(x + 11, y + 16), cells=210, smooth=32), cape, (11, 16, 0))
    stone = m.surface(
        "Rocks",
        m.by_height((0.09, 0.075, 0.065), m.mottled((0.42, 0.33, 0.26), (0.28, 0.22, 0.18), 1.6), 0.25, 0.3),
        0.85,
        bump=0.4,
        grain=6.0,
    )
    for k in range(34):
        x, y = stage.between(-2.5, 8), stage.between(1.0, 9)
        if x > -1.0 + 0.2 * y or k % 4 == 0:
            stage.add(
                s.rock(stage.random, stage.between(0.35, 1.25)), stone, (x, y, stage.between(-0.3, 0.15)), stage.between(0, 360)
            )
    for x, y, size in ((4.6, -4.8, 1.2), (6.4, -4.0, 1.7), (3.4, -6.2, 0.7), (-7.5, -6.5, 0.8)):
        stage.add(s.rock(stage.random, size), stone, (x, y, -0.1), stage.between(0, 360))
    hills = m.surface("Hills", m.mottled((0.14, 0.22, 0.1), (0.26, 0.28, 0.14), 0.08), 0.95)
    ridge = s.terrain(
        260, 60, lambda x, y: 17 * max(0.0, 1 - (y / 30) ** 2) * (0.55 + 0.6 * s.fractal(x / 40, y / 40, 9.0)), cells=130
    )
    stage.add(ridge, hills, (-40, 130, -0.5))


def _tower(stage: Stage, at) -> None:
    """The lighthouse itself, with gallery, lantern and keeper's house."""
    group = stage.group(at)
    white, red = (0.85, 0.83, 0.78), (0.62, 0.05, 0.03)
    iron, glassy = m.surface("Ironwork", (0.08, 0.03, 0.03), 0.4), m.glow("Lantern", (1.0, 0.72, 0.32), 12.0)
    shaft = s.lathe(s.rounded([(0, 0), (1.75, 0), (1.5, 1.5), (1.22, 5.0), (1.08, 8.4), (0, 8.4)], 8), 48, 50)
    stage.add(shaft, m.surface("Shaft", m.bands(white, red, 2.8, 0.5), 0.45, bump=0.08, grain=7.0), parent=group)
    stage.add(s.cylinder(1.6, 0.22, sides=48, bevel=0.05), iron, (0, 0, 8.35), parent=group)
    stage.add(s.cylinder(0.78, 1.3, sides=24), glassy, (0, 0, 8.57), parent=group)
    for k in range(10):
        a = k * math.tau / 10
        stage.add(s.cylinder(0.05, 1.35, sides=8), iron, (0.82 * math.cos(a), 0.82 * math.sin(a), 8.55), parent=group)
        stage.add(s.cylinder(0.03, 0.6, sides=8), iron, (1.5 * math.cos(a), 1.5 * math.sin(a), 8.55), parent=group)
    for z in (8.85, 9.15):
        stage.add(s.tube([(x, y, z) for x, y in s.arc(1.5, 0, 360, 40)], 0.035, 8), iron, parent=group)
    cap = s.lathe(s.rounded([(0, 0), (1.05, 0), (1.0, 0.1), (0.6, 0.65), (0.15, 0.95), (0.1, 1.15), (0.14, 1.25), (0, 1.4)]), 32)
    stage.add(cap, m.surface("Cap", red, 0.35, Coat_Weight=0.4), (0, 0, 9.85), parent=group)
    for z, turn in ((1.2, 0), (3.6, 20), (6.0, -15)):
        angle, out = math.radians(-100 + turn), 1.52 - 0.08 * z + 0.05
        stage.add(
            s.box(0.55, 0.3, 0.9, 0.04),
            m.surface("Frame", (0.2, 0.16, 0.13), 0.6),
            (out * math.cos(angle), out * math.sin(angle), z),
            turn - 10,
            parent=group,
        )
        stage.add(s.box(0.4, 0.34, 0.7), glassy, (out * math.cos(angle), out * math.sin(angle), z + 0.1), turn - 10, parent=group)
    stage.lamp((1.0, 0.7, 0.35), 300, (at[0], at[1] - 1.6, at[2] + 9.2), 0.5)
    _cottages(stage)


def _cottages(stage: Stage) -> None:
    plaster = m.surface("Plaster", m.mottled((0.82, 0.78, 0.7), (0.72, 0.66, 0.56), 1.5), 0.8)
    roof = m.surface("Tiles", m.bricks((0.55, 0.15, 0.06), (0.4, 0.1, 0.05), (0.15, 0.05, 0.03), 0.4, 0.28, 0.03), 0.7)
    trim, pane = m.surface("Trim", (0.12, 0.25, 0.34), 0.5), m.glow("Lit window", (1.0, 0.62, 0.22), 4.0)
    props.house(stage, (10.6, 13.6, 4.5), 4.0, 4.6, 2.6, plaster, roof, trim, pane, -18, 1)
    props.house(stage, (14.6, 16.5, 4.5), 3.6, 4.4, 2.6, plaster, roof, trim, pane, 25, 1)


def _village(stage: Stage) -> None:
    """Painted houses on the far shore, with trees."""
    shore = s.terrain(
        46,
        18,
        lambda x, y: 2.6 / (1 + math.exp(3.0 * (math.hypot(x / 21, y / 8) - 0.8) * 6)) + 0.5 * s.fractal(x / 5, y / 5, 6.0) - 0.8,
        cells=90,
    )
    stage.add(shore, m.surface("Shore", m.by_slope((0.2, 0.28, 0.08), (0.34, 0.27, 0.2), 0.7, 0.9), 0.9), (-17, 60, 0))
    roof, white = m.surface("Roofs", m.varied((0.5, 0.15, 0.07), 0.02), 0.7), m.surface("Sashes", (0.85, 0.83, 0.78), 0.6)
    pane = m.glow("Far windows", (1.0, 0.62, 0.25), 2.5)
    for k in range(9):
        colour = stage.pick((0.8, 0.35, 0.2), (0.82, 0.65, 0.35), (0.78, 0.75, 0.68), (0.4, 0.55, 0.6), (0.75, 0.5, 0.45))
        props.house(
            stage,
            (-33 + 4.1 * k, 57 + stage.between(-1.5, 2.5), 1.2),
            3.8,
            4.4,
            stage.between(3.2, 5.4),
            m.surface("Walls", colour, 0.8),
            roof,
            white,
            pane,
            stage.between(-20, 20),
        )
    leaf, bark = m.surface("Leaves", m.varied((0.1, 0.2, 0.05), 0.03), 0.7), m.surface("Bark", (0.15, 0.1, 0.06), 0.9)
    fir = props.conifer(stage, leaf, bark, 6.0)
    for _ in range(26):
        props.plant(stage, fir, (stage.between(-36, 2), stage.between(61, 66), 0.8), stage.between(0.6, 1.2))
    for x, y in ((12.8, 20), (9.0, 20.5), (16.5, 13), (17.5, 19)):
        props.plant(stage, fir, (x, y, 4.6), stage.between(0.55, 0.9))
