"""A living room and a still life."""

import math

from . import materials as m
from . import props
from . import shapes as s
from .stage import Stage, line


def room(stage: Stage) -> None:
    """A corner of a living room, sun through the window."""
    accent = stage.pick((0.75, 0.12, 0.08), (0.06, 0.32, 0.55), (0.1, 0.42, 0.2), (0.85, 0.45, 0.05))
    wall_colour = stage.pick((0.72, 0.62, 0.42), (0.42, 0.6, 0.62), (0.75, 0.5, 0.42), (0.5, 0.62, 0.4))
    oak, dark = (0.5, 0.27, 0.11), (0.28, 0.13, 0.05)
    planks = m.surface("Planks", m.wood(oak, dark, plank=0.16), 0.35)
    wall = m.surface("Wall", m.mottled(wall_colour, tuple(0.9 * c for c in wall_colour), 2.0), 0.8)
    panel = m.surface("Panelling", m.stripes((0.8, 0.77, 0.7), (0.62, 0.59, 0.52), 0.3, 0, 0.06), 0.5)
    white, timber = m.surface("White", (0.82, 0.8, 0.76), 0.5), m.surface("Timber", m.wood(dark, (0.16, 0.07, 0.03)), 0.4)
    cloth = m.surface("Cloth", accent, 0.85, bump=0.25, grain=90.0, Sheen_Weight=0.4)
    brass = m.metal("Brass", (0.9, 0.62, 0.22), 0.25)
    stage.add(s.box(7, 6, 0.1), planks, (0, 0, -0.1))
    stage.add(s.box(7, 6, 0.1), white, (0, 0, 3.0))
    for x, width in ((-2.4, 2.2), (2.4, 2.2)):
        stage.add(s.box(width, 0.2, 3.0), wall, (x, 3, 0))
    stage.add(s.box(2.6, 0.2, 0.85), wall, (0, 3, 0))
    stage.add(s.box(2.6, 0.2, 0.4), wall, (0, 3, 2.6))
    for x in (-3.5, 3.5):
        stage.add(s.box(0.2, 6.2, 3.0), wall, (x, 0, 0))
        stage.add(s.box(0.24, 6.2, 0.8, 0.02), panel, (x, 0, 0))
    for x in (-1.3, 0.0, 1.3):
        stage.add(s.box(0.09, 0.26, 1.8, 0.01), white, (x, 3, 0.82))
    for z in (0.82, 1.7, 2.55):
        stage.add(s.box(2.7, 0.26, 0.08, 0.01), white, (0, 3, z))
    for side in (-1, 1):
        folds = s.terrain(0.7, 2.4, lambda x, y: 0.06 * math.sin(24 * x) * (1.1 - 0.3 * y), cells=60)
        stage.add(folds, cloth, (1.55 * side, 2.78, 1.45), (90, 0, 0))
    _seating(stage, cloth, timber, white)
    _shelves(stage, timber)
    rug = m.surface("Rug", m.stripes((0.75, 0.68, 0.52), accent, 0.5, stage.pick(0, 1), 0.35), 0.95, bump=0.4, grain=120.0)
    stage.add(s.cylinder(1.7, 0.02, sides=64, bevel=0.01), rug, (0.1, 0.3, 0), size=(1.15, 0.85, 1))
    stage.add(
        s.lathe(s.rounded([(0, 0), (0.3, 0), (0.3, 0.03), (0.05, 0.08), (0.05, 0.42), (0.5, 0.45), (0.5, 0.49), (0, 0.49)], 4)),
        timber,
        (0.1, 0.2, 0),
    )
    stage.add(
        s.lathe(s.rounded([(0, 0.02), (0.08, 0), (0.16, 0.06), (0.2, 0.16), (0.19, 0.16), (0.14, 0.07), (0, 0.04)])),
        brass,
        (0.0, 0.15, 0.49),
    )
    fruit = m.surface("Fruit", m.mottled((0.85, 0.3, 0.03), (0.75, 0.08, 0.03), 9.0), 0.35)
    for x, y in ((0.06, 0.2), (-0.06, 0.17), (0.0, 0.08)):
        stage.add(s.ball(0.065), fruit, (x, y, 0.61))
    globe = m.surface("Globe", m.mottled((0.05, 0.25, 0.6), (0.5, 0.5, 0.12), 6.0, 0.48, 0.52), 0.3)
    toy = stage.add(s.ball(0.16), globe, (1.0, -0.5, 0.16))
    start, way = stage.between(0.7, 1.2), stage.between(-1.2, -0.8)
    stage.move(toy, lambda t: ((start + way * t, -0.6 + 0.2 * t, 0.16), (0, math.degrees(way * t / 0.16), 15)))
    sun = stage.sun((1.0, 0.82, 0.6), 9.0, stage.between(75, 105), stage.between(24, 34))
    stage.sky((0.35, 0.75, 1.8), (1.8, 1.8, 1.7), (0.5, 0.6, 0.3), sun, (1.5, 1.2, 0.8), 0.5, (2.6, 2.5, 2.4))
    stage.panel((0.9, 0.95, 1.0), 90, (0, -4.2, 2.6), (0, 2, 1), 5.0, 2.0)
    stage.panel((0.8, 0.9, 1.0), 60, (0, 2.8, 1.8), (0, -1, 0.6), 2.4, 1.6)
    eye = line((stage.between(-0.9, -0.4), -3.6, 1.55), (stage.between(0.2, 0.7), -3.3, 1.45))
    stage.camera(eye, line((0.05, 1.0, 1.1), (0.0, 1.0, 1.05)), 27)


def _seating(stage: Stage, cloth, timber, white) -> None:
    """Sofa, armchair, standard lamp and a plant in a pot."""
    sofa = stage.group((-2.35, 0.9, 0), stage.between(76, 96))
    for size, at in (
        ((2.2, 0.9, 0.25), (0, 0, 0.18)),
        ((2.2, 0.25, 0.75), (0, 0.42, 0.2)),
        ((0.25, 0.95, 0.6), (-1.1, 0, 0.12)),
        ((0.25, 0.95, 0.6), (1.1, 0, 0.12)),
        ((0.95, 0.7, 0.2), (-0.5, -0.1, 0.42)),
        ((0.95, 0.7, 0.2), (0.5, -0.1, 0.42)),
    ):
        stage.add(s.box(*size, 0.07), cloth, at, parent=sofa)
    cushion = m.surface("Cushion", m.checker((0.9, 0.82, 0.6), (0.1, 0.2, 0.3), 0.12), 0.9)
    for x in (-0.7, 0.65):
        stage.add(s.box(0.5, 0.18, 0.5, 0.08), cushion, (x, 0.2, 0.62), (-18, 8 * x, 0), parent=sofa)
    chair = stage.group((1.75, 1.35, 0), stage.between(-50, -20))
    seat = m.surface("Leather", (0.36, 0.14, 0.06), 0.38, bump=0.2, grain=60.0)
    shell = s.prism([(-0.4, 0.38), (0.4, 0.38), (0.42, 0.5), (-0.2, 0.54), (-0.42, 1.15), (-0.54, 1.13)], 0.75, 0.04)
    stage.add(shell, seat, turn=90, parent=chair)
    for x in (-0.3, 0.3):
        for y in (-0.35, 0.35):
            stage.add(s.cylinder(0.03, 0.4, 0.02, 12), timber, (x, y, 0), parent=chair)
    stage.add(s.lathe([(0, 0), (0.18, 0), (0.18, 0.03), (0.02, 0.05), (0.02, 1.5), (0, 1.5)], 24), timber, (-2.7, 2.4, 0))
    stage.add(s.lathe([(0.24, 1.4), (0.16, 1.78)], 32), m.glow("Shade", (1.0, 0.62, 0.25), 4.0), (-2.7, 2.4, 0))
    stage.lamp((1.0, 0.65, 0.3), 30, (-2.7, 2.3, 1.55), 0.12)
    stage.add(
        s.lathe(s.rounded([(0, 0), (0.2, 0), (0.28, 0.35), (0.24, 0.42), (0.2, 0.36), (0, 0.34)]), 32), white, (1.25, 2.55, 0)
    )
    leaf = m.surface("Leaf", m.mottled((0.06, 0.3, 0.07), (0.2, 0.5, 0.1), 6.0), 0.4)
    crown = props.foliage(stage.random, 0.5, 160, 0.17, 4)
    stage.add(crown, leaf, (1.25, 2.5, 0.95), size=(0.8, 0.7, 1.1))


def _shelves(stage: Stage, timber) -> None:
    """A bookcase on the right wall and pictures on both."""
    case = stage.group((3.2, 0.7, 0), -90)
    for z in (0.0, 0.5, 1.0, 1.5, 2.0):
        stage.add(s.box(1.9, 0.34, 0.05, 0.01), timber, (0, 0, z), parent=case)
    for x in (-0.97, 0.97):
        stage.add(s.box(0.05, 0.34, 2.05, 0.01), timber, (x, 0, 0), parent=case)
    book = s.box(1.0, 1.0, 1.0, 0.06)
    for z in (0.05, 0.55, 1.05, 1.55):
        x = -0.92
        while x < stage.between(0.45, 0.85):
            width, height = stage.between(0.03, 0.075), stage.between(0.26, 0.4)
            colour = tuple(
                stage.between(0.03, 0.75) * k
                for k in stage.pick((1, 0.3, 0.2), (0.2, 0.5, 0.8), (0.9, 0.8, 0.5), (0.3, 0.6, 0.3))
            )
            stage.add(book, m.surface("Book", colour, 0.6), (x + width / 2, -0.02, z), size=(width, 0.24, height), parent=case)
            x += width + 0.004
    frame = m.metal("Gilt", (0.8, 0.55, 0.2), 0.35)
    for k, (x, y, z, width, height) in enumerate(((-2.4, 2.88, 1.7, 0.7, 0.9), (2.3, 2.88, 1.55, 0.9, 1.1))):
        hue = [(0.1, 0.3, 0.7), (0.85, 0.5, 0.15)]
        art = m.surface("Painting", m.mottled(hue[k], hue[1 - k], 3.0, 0.42, 0.58), 0.6)
        stage.add(s.box(width, 0.06, height, 0.02), frame, (x, y, z - height / 2))
        stage.add(s.box(width - 0.14, 0.08, height - 0.14), art, (x, y, z - height / 2 + 0.07))


def still_life(stage: Stage) -> None:
    """Fruit, vessels and a candle on a laid table."""
    cloth = stage.pick((0.12, 0.28, 0.5), (0.6, 0.1, 0.1), (0.15, 0.36, 0.22))
    folds = s.terrain(5, 3.2, lambda x, y: 0.03 * s.fractal(x * 1.2, y * 1.2, 3.0) + 0.012 * math.sin(3 * x + 4 * y), cells=130)
    stage.add(folds, m.surface("Tablecloth", m.checker((0.8, 0.76, 0.66), cloth, 0.28), 0.9, bump=0.2, grain=150.0))
    backing = stage.pick((0.2, 0.3, 0.3), (0.38, 0.2, 0.14), (0.2, 0.22, 0.36))
    stage.add(
        s.box(9, 0.1, 5),
        m.surface("Backdrop", m.mottled(backing, tuple(1.7 * c for c in backing), 1.4, 0.3, 0.7), 0.9),
        (0, 1.9, -1),
    )
    glaze = stage.pick((0.05, 0.25, 0.45), (0.5, 0.08, 0.05), (0.08, 0.35, 0.25))
    urn = s.lathe(
        s.rounded(
            [
                (0, 0),
                (0.16, 0),
                (0.2, 0.05),
                (0.36, 0.4),
                (0.34, 0.62),
                (0.15, 0.85),
                (0.14, 0.95),
                (0.22, 1.02),
                (0.19, 1.02),
                (0.1, 0.9),
                (0, 0.9),
            ]
        ),
        64,
    )
    stage.add(urn, m.surface("Urn", m.bands((0.85, 0.75, 0.55), glaze, 0.24, 0.6), 0.15, Coat_Weight=0.6), (-0.75, 0.65, 0))
    flower = [m.surface("Petal", c, 0.6) for c in ((0.9, 0.12, 0.1), (0.95, 0.65, 0.05), (0.85, 0.3, 0.55))]
    stem, bloom = (
        m.surface("Stem", (0.1, 0.3, 0.06), 0.5),
        s.lathe(s.rounded([(0, 0.02), (0.05, 0.0), (0.12, 0.08), (0.1, 0.1), (0.04, 0.05), (0, 0.07)]), 12),
    )
    for k in range(9):
        a, out = k * 2.4, stage.between(0.08, 0.42)
        tip = (-0.75 + out * math.cos(a), 0.65 + out * math.sin(a), stage.between(1.25, 1.65))
        stage.add(
            s.tube([(-0.75, 0.65, 0.85), (-0.75 + 0.4 * out * math.cos(a), 0.65 + 0.4 * out * math.sin(a), 1.15), tip], 0.012, 6),
            stem,
        )
        stage.add(bloom, flower[k % 3], tip, (stage.between(-40, 40), stage.between(-40, 40), 0), stage.between(0.9, 1.5))
    bottle = s.lathe(
        s.rounded([(0, 0), (0.15, 0.0), (0.16, 0.1), (0.16, 0.55), (0.06, 0.75), (0.055, 1.0), (0.07, 1.02), (0.0, 1.04)]), 48
    )
    stage.add(bottle, m.glass("Bottle", stage.pick((0.25, 0.7, 0.35), (0.8, 0.45, 0.15), (0.3, 0.6, 0.85))), (0.35, 0.75, 0))
    copper = m.metal("Copper", (0.9, 0.45, 0.25), 0.2)
    pot = s.lathe(
        s.rounded([(0, 0), (0.22, 0.0), (0.32, 0.18), (0.26, 0.38), (0.14, 0.44), (0.05, 0.46), (0.06, 0.52), (0, 0.55)]), 48
    )
    stage.add(pot, copper, (0.95, 0.3, 0))
    stage.add(
        s.tube([(1.2, 0.3, 0.12), (1.38, 0.3, 0.2), (1.45, 0.3, 0.38), (1.55, 0.3, 0.44)], [0.07, 0.05, 0.04, 0.045]), copper
    )
    stage.add(
        s.tube([(0.68, 0.3, 0.34), (0.5, 0.3, 0.36), (0.46, 0.3, 0.2), (0.66, 0.3, 0.1)], 0.025),
        m.surface("Handle", (0.05, 0.03, 0.02), 0.3),
    )
    _fruit(stage)
    wax = m.surface("Wax", (0.85, 0.78, 0.6), 0.4, Subsurface_Weight=0.3, Subsurface_Radius=(0.05, 0.03, 0.02))
    for x, y, height in ((1.55, 0.85, 0.75), (1.75, 0.6, 0.5)):
        stage.add(s.cylinder(0.07, height, bevel=0.012), wax, (x, y, 0))
        stage.add(
            s.lathe(s.rounded([(0, 0), (0.028, 0.03), (0.02, 0.08), (0, 0.15)]), 16),
            m.glow("Flame", (1.0, 0.5, 0.12), 14.0),
            (x, y, height),
        )
        stage.lamp((1.0, 0.6, 0.25), 6, (x, y - 0.05, height + 0.12), 0.05)
    stage.backdrop((0.12, 0.14, 0.18))
    side = stage.pick(-1, 1)
    stage.panel((1.0, 0.88, 0.7), 190, (-2.6 * side, -1.6, 2.6), (0, 0.2, 0.3), 1.4, 1.4)
    stage.panel((0.5, 0.65, 1.0), 50, (2.8 * side, 0.4, 1.6), (0, 0.3, 0.4), 1.0, 1.6)
    eye = line((stage.between(-0.75, -0.35), -2.7, 1.15), (stage.between(0.2, 0.6), -2.6, 1.3))
    stage.camera(eye, line((0.05, 0.4, 0.48), (0.1, 0.4, 0.5)), 38)


def _fruit(stage: Stage) -> None:
    """A bowl of fruit, loose fruit, and an orange that rolls."""
    bowl = s.lathe(
        s.rounded([(0, 0.03), (0.14, 0), (0.16, 0.03), (0.4, 0.2), (0.44, 0.26), (0.41, 0.25), (0.3, 0.14), (0, 0.08)]), 64
    )
    stage.add(
        bowl, m.surface("Bowl", m.veins((0.75, 0.78, 0.76), (0.1, 0.2, 0.35), 3.0), 0.12, Coat_Weight=0.5), (-0.1, 0.05, 0.01)
    )
    apple = s.lathe(s.rounded([(0, 0.05), (0.05, 0.02), (0.1, 0.05), (0.13, 0.13), (0.11, 0.2), (0.05, 0.23), (0, 0.19)]), 32)
    red = m.surface("Apple", m.varied(m.mottled((0.65, 0.03, 0.02), (0.75, 0.4, 0.06), 5.0, 0.5, 0.7), 0.04), 0.25)
    green = m.surface("Pear", m.mottled((0.42, 0.5, 0.06), (0.6, 0.55, 0.1), 7.0), 0.35)
    peel = m.surface("Orange", (0.9, 0.32, 0.02), 0.4, bump=0.5, grain=70.0)
    pear = s.lathe(s.rounded([(0, 0.0), (0.07, 0.01), (0.13, 0.1), (0.1, 0.2), (0.055, 0.3), (0.03, 0.34), (0, 0.34)]), 32)
    for k in range(6):
        a = k * math.tau / 6 + stage.between(-0.2, 0.2)
        stage.add(
            *stage.pick((apple, red), (pear, green)),
            (-0.1 + 0.2 * math.cos(a), 0.05 + 0.2 * math.sin(a), 0.15),
            (stage.between(-30, 30), stage.between(-30, 30), 50 * k),
        )
    stage.add(apple, red, (-0.1, 0.05, 0.26), (15, 10, 0))
    for x, y in ((-0.95, -0.1), (0.55, -0.35), (-1.25, 0.2)):
        stage.add(
            *stage.pick((apple, red), (pear, green)),
            (x + stage.between(-0.08, 0.08), y, 0.02),
            (0, stage.between(-8, 8), stage.between(0, 360)),
        )
    grape, purple = s.ball(0.045, 3), m.surface("Grape", m.varied((0.16, 0.03, 0.14), 0.03, 0.5), 0.2, Coat_Weight=0.4)
    for _ in range(34):
        spread = stage.between(0, 1)
        stage.add(
            grape,
            purple,
            (
                0.28 + 0.34 * spread,
                -0.1 - 0.2 * spread + stage.random.gauss(0, 0.05 * (1.2 - spread)),
                stage.between(0.05, 0.16 - 0.1 * spread),
            ),
        )
    rolling = stage.add(s.ball(0.12), peel, (-0.5, -0.55, 0.13))
    way = stage.pick(-1, 1) * stage.between(0.4, 0.6)
    stage.move(rolling, lambda t: ((-0.45 + way * (t - 0.5), -0.55, 0.14), (0, math.degrees(way * t / 0.12), 30)))
