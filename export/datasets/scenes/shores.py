"""Desert ruins and a small harbour."""

import math

from . import materials as m
from . import props
from . import shapes as s
from .stage import Stage, line
from .town import PAINTS


def ruins(stage: Stage) -> None:
    """Columns and arches half buried in sand, pyramids behind."""
    shift = stage.between(0, 50)

    def dune(x: float, y: float) -> float:
        return (
            1.0 * s.fractal(x / 13, y / 9, shift, 2)
            + 0.22 * abs(s.fractal(x / 3, y / 5, shift + 5, 2))
            + 3.0 * max(0.0, (y - 24) / 40) ** 2
        )

    sand = m.surface("Sand", m.mottled((0.72, 0.45, 0.2), (0.6, 0.35, 0.15), 0.25), 0.95, bump=0.35, grain=14.0)
    stage.add(s.terrain(150, 110, lambda x, y: dune(x, y + 35), cells=170), sand, (0, 35, 0))
    stone = m.surface("Stone", m.mottled((0.66, 0.52, 0.36), (0.48, 0.35, 0.23), 2.2), 0.85, bump=0.35)
    blocks = m.surface(
        "Blocks", m.bricks((0.62, 0.46, 0.3), (0.5, 0.36, 0.22), (0.22, 0.14, 0.08), 1.0, 0.5, 0.03), 0.85, bump=0.3
    )
    for k in range(7):
        for side in (-1, 1):
            x, y, height = 3.4 * side, 1.0 + 3.4 * k, stage.pick(4.6, 4.6, stage.between(1.0, 3.4))
            flute = s.lathe(
                [(0, 0), (0.7, 0), (0.7, 0.3), (0.5, 0.42), (0.44, height), (0.0, height + stage.between(0, 0.25))], 20, 20
            )
            stage.add(flute, stone, (x, y, dune(x, y) - 0.4), (stage.between(-3, 3), stage.between(-3, 3), 18 * k))
            if height == 4.6:
                stage.add(s.box(1.4, 1.4, 0.45, 0.07), stone, (x, y, dune(x, y) + 4.2), stage.between(-6, 6))
    arch = [
        (-2.6, 0),
        (-1.5, 0),
        *[(-a, 3.0 + b) for a, b in s.arc(1.5)],
        (1.5, 0),
        (2.6, 0),
        (2.6, 5.6),
        (1.0, 6.1),
        (-0.8, 5.7),
        (-2.6, 5.9),
    ]
    stage.add(s.prism(arch, 1.5, 0.08), blocks, (stage.between(-0.6, 0.6), 27, -0.2), stage.between(-8, 8))
    for side in (-1, 1):
        for k in range(3):
            x, y = side * (7.5 + 2.5 * k), 6 + 6.5 * k
            stage.add(s.box(4.2, 0.9, stage.between(1.5, 4.5), 0.06), blocks, (x, y, dune(x, y) - 0.5), stage.between(-20, 20))
    for x, y, size in ((-26, 62, 16), (22, 74, 22), (2, 92, 13)):
        stage.add(s.cylinder(size, size * 1.05, 0.05, sides=4), blocks, (x + stage.between(-3, 3), y, -1), 45)
    for _ in range(26):
        x, y = stage.between(-9, 9), stage.between(-2, 22)
        size = stage.between(0.2, 0.75)
        lump = stage.pick(s.rock(stage.random, size, level=3), s.box(size * 1.6, size, size, 0.05))
        stage.add(lump, stone, (x, y, dune(x, y)), (stage.between(-20, 20), stage.between(-20, 20), stage.between(0, 360)))
    idol = s.lathe(s.rounded([(0, 0), (0.7, 0), (0.6, 0.5), (0.8, 1.2), (0.5, 1.8), (0.55, 2.2), (0.3, 2.7), (0, 2.8)]), 32)
    stage.add(idol, m.metal("Gold", (1.0, 0.66, 0.2), 0.22), (-0.3, 12, dune(0, 12)))
    frond = s.terrain(0.34, 2.4, lambda x, y: -0.22 * (y + 1.2) ** 2 - 0.8 * abs(x), cells=12, smooth=0)
    crown = s.merged(
        frond,
        [
            s.place((1.0 * math.cos(a), 1.0 * math.sin(a), 0), (12, 0, math.degrees(a) - 90))
            for a in (k * math.tau / 11 for k in range(11))
        ],
    )
    green, bark = (
        m.surface("Palm", m.mottled((0.14, 0.3, 0.05), (0.3, 0.4, 0.08), 2.0), 0.5),
        m.surface("Palm bark", m.bands((0.3, 0.19, 0.1), (0.2, 0.12, 0.06), 0.3, 0.5), 0.9),
    )
    for x, y in ((-6.2, 3.5), (6.4, 5.0), (-8.5, 12), (9.5, 14)):
        lean, z, tall = stage.between(-1, 1), dune(x, y) - 0.2, stage.between(3.6, 5.2)
        stage.add(
            s.tube(
                [(x + lean * t * t, y, z + tall * t) for t in (k / 8 for k in range(9))], [0.24 - 0.012 * k for k in range(9)], 10
            ),
            bark,
        )
        stage.add(crown, green, (x + lean, y, z + tall), stage.between(0, 90), stage.between(0.9, 1.2))
    flag = m.surface(
        "Cloth",
        m.stripes(stage.pick((0.65, 0.06, 0.05), (0.06, 0.25, 0.5), (0.1, 0.4, 0.35)), (0.85, 0.7, 0.4), 0.6, 1, 0.3),
        0.8,
    )
    for k, x in enumerate((-2.05, 2.05)):
        banner = s.terrain(1.1, 2.6, lambda u, v, k=k: 0.09 * math.sin(4 * v + 3 * u + 2 * k), cells=24)
        stage.add(banner, flag, (x, 26.0, 3.6), (90, 0, 0))
    ball = stage.add(s.rock(stage.random, 0.55, 0.12), stone, (0, 5, 0.6))
    way = stage.pick(-1, 1) * stage.between(1.4, 2.2)
    stage.move(ball, lambda t: ((way * (t - 0.5), 5.0, dune(way * (t - 0.5), 5.0) + 0.45), (0, math.degrees(way * t / 0.55), 0)))
    sun = stage.sun((1.0, 0.78, 0.48), 4.6, stage.pick(-150, -35) + stage.between(-15, 15), stage.between(22, 36))
    stage.sky((0.14, 0.42, 0.9), (1.5, 1.2, 0.85), (0.5, 0.35, 0.18), sun, (1.2, 0.8, 0.4), stage.between(0.0, 0.45))
    ground = max(dune(x, -8) for x in (-2, -1, 0, 1, 2))
    stage.camera(
        line((stage.between(-1.8, -0.8), -8, ground + 1.7), (stage.between(0.4, 1.2), -7.2, ground + 2.0)),
        line((0, 10, 2.6), (0, 10, 2.7)),
        28,
    )


def harbour(stage: Stage) -> None:
    """Boats between a quay with barrels and a row of painted houses."""
    stage.add(
        s.box(300, 300, 0.1),
        m.water("Sea", stage.pick((0.02, 0.14, 0.2), (0.02, 0.1, 0.22), (0.04, 0.17, 0.16)), 1.1, 0.55),
        (0, 60, -0.1),
    )
    quay = m.surface("Quay", m.bricks((0.48, 0.42, 0.36), (0.38, 0.34, 0.3), (0.16, 0.14, 0.12), 1.1, 0.5, 0.04), 0.8)
    stage.add(s.box(60, 12, 1.6), quay, (0, 26.5, -0.4))
    planks = m.surface("Planks", m.wood((0.46, 0.3, 0.17), (0.3, 0.19, 0.1), plank=0.25), 0.7)
    stage.add(s.box(2.6, 13, 0.18, 0.03), planks, (-4.6, -1.5, 0.75))
    post = s.cylinder(0.16, 2.2, sides=14, bevel=0.03)
    for k in range(6):
        for x in (-5.95, -3.25):
            stage.add(post, planks, (x, -7 + 2.4 * k, -0.9))
    x = -24.0
    white, roofs = (
        m.surface("Trim", (0.82, 0.8, 0.75), 0.5),
        [
            m.surface("Roof", m.bricks(c, tuple(0.7 * k for k in c), (0.12, 0.05, 0.03), 0.4, 0.3, 0.03), 0.7)
            for c in ((0.5, 0.15, 0.07), (0.32, 0.14, 0.1))
        ],
    )
    pane = m.surface("Pane", (0.04, 0.06, 0.08), 0.06)
    while x < 24:
        width, colour = stage.between(4.2, 6.0), stage.pick(*PAINTS)
        wall = m.surface("Plaster", m.mottled(colour, tuple(0.88 * c for c in colour), 1.0), 0.8)
        floors = stage.pick(2, 3)
        props.house(
            stage,
            (x + width / 2, 25.5 + stage.between(0, 0.8), 1.2),
            width,
            6.0,
            2.7 * floors,
            wall,
            stage.pick(*roofs),
            white,
            pane,
            0,
            floors,
        )
        x += width + 0.1
    hill = s.terrain(
        160, 50, lambda u, v: 15 * max(0.0, 1 - (v / 25) ** 2) * (0.7 + 0.4 * s.fractal(u / 20, v / 20, 4.0)), cells=80
    )
    stage.add(hill, m.surface("Hill", m.mottled((0.14, 0.26, 0.06), (0.3, 0.34, 0.12), 0.2), 0.9), (0, 62, 0))
    sail, deck = (
        m.surface("Sail", (0.88, 0.85, 0.76), 0.8),
        m.surface("Deck", m.wood((0.55, 0.33, 0.15), (0.4, 0.22, 0.09), plank=0.2), 0.5),
    )
    hulls = [(0.7, 0.07, 0.05), (0.05, 0.2, 0.45), (0.85, 0.83, 0.78), (0.07, 0.35, 0.28), (0.9, 0.55, 0.06)]
    stage.random.shuffle(hulls)
    spots = (
        (-0.6, 3.5, 5.0, 6.0),
        (5.6, 7.0, 6.0, 7.0),
        (1.6, 10.5, 5.0, 6.0),
        (8.5, 12.5, 6.0, 7.0),
        (-8.5, 8.0, 5.5, 6.5),
        (3.2, 0.4, 3.2, 0.0),
        (-2.2, 15.5, 5.0, 6.5),
    )
    for k, (bx, by, length, mast) in enumerate(spots):
        hull = m.surface("Hull", m.by_height((0.12, 0.02, 0.02), hulls[k % 5], 0.18, 0.02), 0.3, Coat_Weight=0.4)
        one, heading, phase, speed = (
            props.boat(stage, hull, deck, sail, length=length, mast=mast),
            stage.between(140, 220),
            stage.between(0, 6),
            stage.between(0.4, 1.0) * (k % 3 != 2),
        )
        stage.move(
            one,
            lambda t, x=bx, y=by, a=heading, p=phase, v=speed: (
                (x + v * t * math.cos(math.radians(a)), y + v * t * math.sin(math.radians(a)), 0.05 * math.sin(p + 5 * t)),
                (3 * math.sin(p + 4 * t), 1.5 * math.sin(p + 3 * t), a),
            ),
        )
    staves, hoops = (
        m.surface("Staves", m.wood((0.4, 0.22, 0.1), (0.26, 0.13, 0.05)), 0.6),
        m.metal("Hoops", (0.35, 0.33, 0.32), 0.45),
    )
    for bx, by in ((-4.1, -2.9), (-4.0, -1.9), (-5.3, 0.6), (-4.9, 3.4)):
        props.barrel(stage, staves, hoops, (bx, by, 0.93), stage.between(0.85, 1.05))
    crate = m.surface("Crate", m.wood((0.55, 0.38, 0.2), (0.4, 0.25, 0.12), plank=0.16), 0.7)
    for bx, by, size in ((-5.3, -2.2, 0.75), (-5.3, -0.4, 0.6), (-4.1, 1.6, 0.8)):
        stage.add(s.box(size, size, size, 0.03), crate, (bx, by, 0.93), stage.between(-25, 25))
    iron, bulb = m.surface("Iron", (0.04, 0.05, 0.05), 0.4), m.glow("Bulb", (1.0, 0.8, 0.5), 4.0)
    for lx in (-16, -8, 0, 8, 16):
        props.street_lamp(stage, iron, bulb, (lx, 21, 1.2), 3.4)
    props.street_lamp(stage, iron, bulb, (-3.6, 4.6, 0.93), 3.0)
    buoy = s.lathe(s.rounded([(0, -0.3), (0.45, -0.2), (0.5, 0.15), (0.2, 0.5), (0.12, 1.1), (0, 1.2)]), 24)
    stage.add(buoy, m.surface("Buoy", m.bands((0.85, 0.1, 0.04), (0.85, 0.83, 0.8), 0.5, 0.5), 0.4), (5.2, 0.2, 0), (6, 8, 0))
    sun = stage.sun((1.0, 0.78, 0.5), 4.4, stage.pick(-145, -35) + stage.between(-15, 15), stage.between(20, 38))
    stage.sky((0.14, 0.38, 0.95), (1.35, 1.15, 0.9), (0.05, 0.15, 0.2), sun, (1.1, 0.75, 0.4), stage.between(0.4, 0.8))
    stage.camera(
        line((stage.between(-2.0, -1.0), -10.5, 3.2), (stage.between(0.2, 1.0), -10.0, 3.5)),
        line((-0.2, 10, 3.0), (0, 10, 3.0)),
        28,
    )
