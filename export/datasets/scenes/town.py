"""A sunny street, an alley at night and a yard of robots."""

import math

from . import materials as m
from . import props
from . import shapes as s
from .stage import Stage, line

PAINTS = (
    (0.72, 0.28, 0.16),
    (0.75, 0.58, 0.25),
    (0.28, 0.45, 0.5),
    (0.65, 0.62, 0.55),
    (0.42, 0.52, 0.3),
    (0.7, 0.42, 0.38),
    (0.3, 0.34, 0.55),
)


def street(stage: Stage) -> None:
    """Old houses along a street with trees, lamps and cars."""
    asphalt = m.surface("Asphalt", m.mottled((0.09, 0.09, 0.1), (0.13, 0.13, 0.13), 8.0), 0.8)
    paving = m.surface("Paving", m.bricks((0.42, 0.39, 0.35), (0.34, 0.32, 0.29), (0.16, 0.15, 0.14), 0.6, 0.6, 0.02, 0.0), 0.75)
    white, iron = m.surface("Trim", (0.78, 0.75, 0.68), 0.5), m.surface("Iron", (0.03, 0.05, 0.05), 0.4)
    stage.add(s.box(200, 200, 0.1), m.surface("Earth", (0.25, 0.24, 0.18), 0.9), (0, 0, -0.4))
    stage.add(s.box(7, 120, 0.1), asphalt, (0, 30, -0.1))
    for k in range(14):
        stage.add(s.box(0.15, 1.6, 0.01), white, (0, -4 + 4 * k, 0))
    for side in (-1, 1):
        stage.add(s.box(4, 120, 0.25, 0.04), paving, (5.5 * side, 30, -0.1))
        y = -4.0
        while y < 60:
            width = stage.between(5.0, 8.0)
            _facade(stage, side, y + width / 2, width, white)
            y += width
    leaf = m.surface("Leaves", m.mottled((0.1, 0.26, 0.03), (0.3, 0.42, 0.06), 1.5), 0.5)
    tree = props.broadleaf(stage, leaf, m.surface("Bark", (0.16, 0.1, 0.06), 0.9), 5.0)
    bulb = m.glow("Bulb", (1.0, 0.85, 0.6), 2.0)
    for k in range(6):
        props.plant(stage, tree, (4.3, 3 + 8.5 * k, 0.1), stage.between(0.85, 1.15))
        props.plant(stage, tree, (-4.3, 7 + 8.5 * k, 0.1), stage.between(0.85, 1.15))
        props.street_lamp(stage, iron, bulb, (-4.1, 2.5 + 9 * k, 0.15))
    tyre, pane, chrome = (
        m.surface("Tyre", (0.03, 0.03, 0.03), 0.8),
        m.surface("Pane", (0.02, 0.03, 0.04), 0.05),
        m.metal("Chrome", (0.8, 0.8, 0.82), 0.15),
    )
    for k in range(4):
        paint = m.surface(
            "Paint", stage.pick((0.65, 0.04, 0.03), (0.05, 0.25, 0.55), (0.8, 0.6, 0.05), (0.1, 0.4, 0.3)), 0.25, Coat_Weight=0.8
        )
        side = 1 if k % 2 else -1
        props.car(stage, paint, pane, tyre, chrome, (2.6 * side, 5.5 + 6.5 * k, 0), 90 * side)
    taxi = props.car(stage, m.surface("Moving paint", (0.85, 0.42, 0.03), 0.25, Coat_Weight=0.8), pane, tyre, chrome)
    speed = stage.between(3.5, 5.0)
    stage.move(taxi, lambda t: ((-0.9, 16 - speed * t, 0), (0, 0, -90)))
    azimuth = stage.between(-70, -20) if stage.pick(0, 1) else stage.between(200, 250)
    sun = stage.sun((1.0, 0.84, 0.6), 4.2, azimuth, stage.between(32, 48))
    stage.sky((0.16, 0.4, 1.0), (1.25, 1.2, 1.1), (0.3, 0.28, 0.22), sun, (0.9, 0.7, 0.45), 0.6)
    stage.camera(
        line((stage.between(0.6, 2.0), -5.5, 1.9), (stage.between(-0.6, 0.6), -4.6, 2.2)),
        line((-0.6, 12, 2.6), (-0.4, 12, 2.6)),
        28,
    )


def _facade(stage: Stage, side: int, y: float, width: float, white) -> None:
    """One terraced house with shop or door, windows, cornice and roof; it faces the street."""
    height, floors = stage.between(6.5, 11.0), stage.pick(2, 3, 3)
    colour = stage.pick(*PAINTS)
    plaster = m.mottled(colour, tuple(0.85 * c for c in colour), 0.9)
    brick = m.bricks(colour, tuple(0.7 * c for c in colour), (0.5, 0.47, 0.42), 0.5, 0.18, 0.02)
    wall = m.surface("Facade", stage.pick(plaster, brick), 0.8)
    pane = m.surface("Pane", (0.03, 0.05, 0.07), 0.06)
    group = stage.group((7.5 * side + 3.0 * side, y, 0), -90 * side)
    stage.add(s.box(width - 0.02, 6.0, height), wall, parent=group)
    stage.add(s.box(width, 6.4, 0.35, 0.05), white, (0, 0, height - 0.2), parent=group)
    tiles = m.surface("Roof", m.bricks((0.42, 0.14, 0.07), (0.3, 0.09, 0.05), (0.14, 0.05, 0.03), 0.4, 0.3, 0.03), 0.7)
    stage.add(s.prism([(-3.1, 0), (3.1, 0), (0, stage.between(1.2, 2.6))], width), tiles, (0, 0, height + 0.15), 90, parent=group)
    props.windows(
        stage,
        stage.group((0, 0, height / (floors + 1)), 0, group),
        width,
        6.0,
        height * floors / (floors + 1),
        white,
        pane,
        floors,
    )
    awning = m.surface(
        "Awning",
        m.stripes((0.85, 0.82, 0.75), stage.pick((0.6, 0.05, 0.04), (0.05, 0.3, 0.2), (0.05, 0.15, 0.45)), 0.5, 0, 0.5),
        0.8,
    )
    stage.add(s.box(width - 1.4, 0.1, 1.9), pane, (0, -3.02, 0.35), parent=group)
    stage.add(s.box(width - 1.2, 0.06, 1.3), awning, (0, -3.45, 2.25), (62, 0, 0), parent=group)


def alley(stage: Stage) -> None:
    """Wet stones and neon signs at night."""
    neon = [(1.0, 0.08, 0.3), (0.08, 0.6, 1.0), (1.0, 0.5, 0.06), (0.25, 1.0, 0.35), (0.7, 0.15, 1.0)]
    stage.random.shuffle(neon)
    wet = m.surface(
        "Wet stones",
        m.bricks((0.1, 0.11, 0.14), (0.07, 0.08, 0.1), (0.02, 0.02, 0.03), 0.45, 0.3, 0.03),
        0.14,
        bump=0.35,
        grain=5.0,
    )
    stage.add(s.box(6, 50, 0.1), wet, (0, 18, -0.1))
    walls = [
        m.surface("Wall", m.bricks(c, tuple(0.65 * x for x in c), (0.1, 0.09, 0.09), 0.5, 0.18, 0.02), 0.7)
        for c in ((0.36, 0.15, 0.1), (0.22, 0.24, 0.28), (0.38, 0.28, 0.18))
    ]
    trim, iron = m.surface("Trim", (0.2, 0.22, 0.24), 0.6), m.surface("Iron", (0.05, 0.05, 0.055), 0.4)
    for side in (-1, 1):
        y = -5.0
        while y < 36:
            width, height = stage.between(4, 6.5), stage.between(6, 11)
            group = stage.group((5.0 * side + stage.between(0, 0.5) * side, y + width / 2, 0), -90 * side)
            stage.add(s.box(width - 0.03, 4, height), stage.pick(*walls), parent=group)
            lit = m.glow("Lit window", stage.pick((1.0, 0.62, 0.25), (0.95, 0.8, 0.5), (0.4, 0.6, 0.9)), stage.between(0.4, 2.5))
            props.windows(
                stage, stage.group((0, 0, 2.6), 0, group), width, 4, height - 3, trim, lit, max(int((height - 3) / 3), 1)
            )
            stage.add(
                s.box(1.1, 0.1, 2.1, 0.03),
                m.surface("Door", stage.pick((0.35, 0.05, 0.04), (0.05, 0.2, 0.25), (0.25, 0.15, 0.05)), 0.5),
                (stage.between(-1, 1), -2.02, 0),
                parent=group,
            )
            stage.add(s.tube([(width / 2 - 0.3, -2.1, 0), (width / 2 - 0.3, -2.1, height)], 0.07, 8), iron, parent=group)
            y += width
    words = ["BAR", "HOTEL", "JAZZ", "NOODLES", "OPEN", "CAFE", "RADIO", "24H"]
    for k in range(9):
        side, colour = (-1) ** k, neon[k % len(neon)]
        at = (stage.between(2.1, 2.5) * side, 0.6 + 2.6 * k, stage.between(2.7, 4.6))
        stage.add(s.box(1.5, 0.16, 0.75, 0.04), iron, (at[0], at[1] + 0.12, at[2] - 0.2))
        letters = s.text(stage.pick(*words), 0.5, 0.08)
        fit = min(1.0, 1.35 / max(0.1, max(v.co.x for v in letters.vertices) * 2))
        stage.add(letters, m.glow("Neon", colour, 9.0), at, 0, fit)
        stage.lamp(colour, 85, (at[0] * 0.8, at[1] - 0.5, at[2]), 0.3)
    rope = stage.pick((1.0, 0.7, 0.3), (1.0, 0.4, 0.2))
    for k in range(5):
        y = 2.0 + 4.0 * k
        stage.add(s.tube([(-2.9, y, 4.6), (-1.2, y, 4.15), (1.2, y, 4.15), (2.9, y, 4.6)], 0.015, 6), iron)
        for x in (-1.8, -0.6, 0.6, 1.8):
            stage.add(
                s.lathe(s.rounded([(0, 0), (0.14, 0.06), (0.2, 0.2), (0.14, 0.34), (0, 0.4)]), 20),
                m.glow("Lantern", rope, 4.0),
                (x, y, 3.8),
            )
    staves, hoops = (
        m.surface("Staves", m.wood((0.3, 0.15, 0.06), (0.16, 0.08, 0.03)), 0.6),
        m.metal("Hoops", (0.4, 0.4, 0.42), 0.4),
    )
    crate = m.surface("Crate", m.wood((0.45, 0.28, 0.13), (0.3, 0.17, 0.07), plank=0.18), 0.7)
    for k in range(8):
        at = (stage.pick(-1, 1) * stage.between(1.9, 2.4), stage.between(0.5, 14), 0)
        if k % 2:
            props.barrel(stage, staves, hoops, at)
        else:
            stage.add(s.box(0.7, 0.7, 0.7, 0.03), crate, at, stage.between(-20, 20))
    shell = m.surface("Coat", stage.pick((0.75, 0.62, 0.1), (0.6, 0.06, 0.05), (0.8, 0.8, 0.8)), 0.35)
    walker = props.robot(stage, shell, trim, m.glow("Eyes", neon[0], 8.0), (0, 6, 0))
    stage.move(walker, lambda t: ((-0.5 + 0.2 * t, 6 - 1.6 * t, 0.04 * abs(math.sin(9 * t))), (0, 0, 4 * math.sin(9 * t))))
    stage.backdrop((0.05, 0.07, 0.16))
    stage.lamp((0.75, 0.85, 1.0), 600, (0, 26, 8), 1.0)
    stage.camera(
        line((stage.between(-0.6, 0.0), -4.4, 1.5), (stage.between(0.2, 0.7), -3.6, 1.7)), line((0, 6, 2.2), (0.1, 6, 2.2)), 28
    )


def robots(stage: Stage) -> None:
    """A parade of robots in a yard with towers, tanks and crates."""
    paving = m.surface("Paving", m.bricks((0.58, 0.5, 0.38), (0.5, 0.42, 0.32), (0.25, 0.21, 0.17), 1.2, 1.2, 0.03, 0.0), 0.6)
    stage.add(s.box(160, 160, 0.1), paving, (0, 0, -0.1))
    dark, steel = m.surface("Joint", (0.06, 0.065, 0.07), 0.4), m.metal("Steel", (0.7, 0.72, 0.75), 0.25)
    colours = [
        (0.8, 0.1, 0.05),
        (0.05, 0.35, 0.65),
        (0.9, 0.6, 0.05),
        (0.8, 0.8, 0.76),
        (0.1, 0.5, 0.3),
        (0.85, 0.35, 0.1),
        (0.4, 0.15, 0.5),
    ]
    stage.random.shuffle(colours)
    eyes = m.glow("Eyes", stage.pick((0.2, 0.8, 1.0), (1.0, 0.6, 0.1)), 8.0)
    spots = ((-2.6, 1.2), (-1.0, 2.4), (0.9, 1.0), (2.7, 2.2), (-4.2, 4.0), (4.6, 4.6), (0.4, 5.0))
    for k, (x, y) in enumerate(spots):
        finish = m.surface("Shell", colours[k], 0.22, Coat_Weight=0.7) if k % 3 else m.metal("Shell", colours[k], 0.3)
        size = stage.between(0.85, 1.5)
        one = props.robot(stage, finish, dark, eyes, (x, y, 0), 0, size)
        start, phase, pace = stage.between(-35, 35), stage.between(0, 6), stage.between(0.3, 0.8)
        if k in (0, 2, 3):
            stage.move(
                one,
                lambda t, x=x, y=y, a=start, p=phase, v=pace: (
                    (x + 0.15 * math.sin(p + 3 * t), y - v * t, 0.06 * abs(math.sin(p + 7 * t))),
                    (0, 5 * math.sin(p + 7 * t), a + 25 * t),
                ),
            )
        else:
            one.rotation_euler[2] = math.radians(start)
    crate = m.surface("Crate", m.stripes((0.85, 0.55, 0.05), (0.08, 0.08, 0.08), 0.4, 0, 0.5), 0.5)
    for _ in range(9):
        x, y, size = stage.pick(-1, 1) * stage.between(3.6, 7.0), stage.between(2, 9), stage.between(0.5, 1.2)
        stage.add(
            s.box(size, size, size, 0.05),
            stage.pick(crate, dark, m.surface("Box", stage.pick(*colours), 0.5)),
            (x, y, 0),
            stage.between(0, 90),
        )
    tank = s.lathe(s.rounded([(0, 0), (1.6, 0), (1.7, 0.4), (1.7, 4.0), (1.2, 4.9), (0, 5.2)], 5), 48)
    hall = m.surface("Hall", m.stripes((0.35, 0.5, 0.52), (0.26, 0.38, 0.4), 0.5, 0, 0.2), 0.5)
    for k in range(5):
        x = -13 + 6.5 * k + stage.between(-1, 1)
        stage.add(
            tank,
            stage.pick(steel, m.surface("Tank", m.bands((0.8, 0.78, 0.72), (0.75, 0.15, 0.08), 2.2, 0.3), 0.4)),
            (x, stage.between(11, 14), 0),
            0,
            stage.between(0.8, 1.4),
        )
        stage.add(s.box(5.5, 6, stage.between(3, 8), 0.1), hall, (x + 3, stage.between(19, 25), 0))
    for x in (-9, 8):
        stage.add(
            s.cylinder(0.9, stage.between(12, 16), 0.6),
            m.surface("Chimney", m.bands((0.75, 0.72, 0.68), (0.7, 0.08, 0.05), 3.0, 0.5), 0.6),
            (x, 24, 0),
        )
    pipe = [(-12, 10, 3), (-5, 10, 3), (-5, 10, 4.2), (5, 10, 4.2), (5, 10, 3), (13, 10, 3)]
    stage.add(s.tube(pipe, 0.22), m.metal("Copper pipe", (0.85, 0.42, 0.22), 0.3))
    sun = stage.sun((1.0, 0.86, 0.62), 4.0, stage.pick(-140, -40) + stage.between(-15, 15), stage.between(28, 45))
    stage.sky((0.2, 0.45, 0.95), (1.4, 1.25, 1.0), (0.4, 0.35, 0.28), sun, (0.9, 0.7, 0.45), stage.between(0.4, 0.8))
    stage.camera(
        line((stage.between(-2.6, -1.6), -7.4, 2.0), (stage.between(-0.6, 0.4), -7.0, 1.6)), line((0, 2, 1.75), (0.1, 2, 1.8)), 30
    )
