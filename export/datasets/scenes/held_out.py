"""Scenes that styles are judged by and never trained on: a market square and a winter village."""

import math

from . import materials as m
from . import props
from . import shapes as s
from .stage import Stage, line


def market(stage: Stage) -> None:
    """Stalls with striped roofs and heaps of fruit, lanterns above."""
    cobbles = m.surface(
        "Cobbles", m.bricks((0.46, 0.4, 0.34), (0.36, 0.32, 0.28), (0.14, 0.12, 0.1), 0.3, 0.22, 0.02), 0.75, bump=0.3, grain=6.0
    )
    stage.add(s.box(120, 120, 0.1), cobbles, (0, 20, -0.1))
    timber = m.surface("Timber", m.wood((0.42, 0.24, 0.11), (0.27, 0.14, 0.06)), 0.6)
    cloths = [(0.7, 0.06, 0.05), (0.06, 0.3, 0.5), (0.85, 0.5, 0.05), (0.1, 0.4, 0.22), (0.45, 0.1, 0.35)]
    stage.random.shuffle(cloths)
    for k in range(8):
        side, row = (-1, 1)[k % 2], k // 2
        _stall(stage, (3.4 * side, 0.4 + 3.6 * row, 0), -62 * side, timber, cloths[k % 5])
    white, pane = m.surface("Trim", (0.75, 0.7, 0.62), 0.6), m.surface("Pane", (0.03, 0.05, 0.06), 0.06)
    roof = m.surface("Roof", m.bricks((0.4, 0.16, 0.1), (0.3, 0.11, 0.07), (0.12, 0.05, 0.04), 0.4, 0.3, 0.03), 0.7)
    walls = [(0.75, 0.52, 0.24), (0.62, 0.26, 0.17), (0.36, 0.5, 0.46), (0.74, 0.68, 0.56), (0.55, 0.36, 0.4)]
    stage.random.shuffle(walls)
    for k in range(7):
        colour = walls[k % len(walls)]
        props.house(
            stage,
            (-18 + 6 * k, 22 + 2 * abs(k - 3) ** 0.5, 0),
            5.6,
            6,
            stage.between(6, 8.5),
            m.surface("Wall", m.mottled(colour, tuple(0.85 * c for c in colour), 1.0), 0.8),
            roof,
            white,
            pane,
            0,
            3,
        )
    tower = s.lathe([(0, 0), (1.8, 0), (1.6, 11), (2.0, 11.3), (2.0, 12.2), (1.2, 12.4), (0.2, 16), (0, 16.5)], 8, 0)
    stage.add(
        tower,
        m.surface("Tower", m.bricks((0.6, 0.5, 0.4), (0.5, 0.4, 0.32), (0.3, 0.25, 0.2), 0.8, 0.35, 0.03), 0.8),
        (stage.between(-3, 3), 27, 0),
    )
    rope = m.surface("Rope", (0.1, 0.08, 0.06), 0.8)
    for k in range(5):
        y = 1.0 + 3.4 * k
        stage.add(s.tube([(-4.4, y, 4.2), (-2, y, 3.7), (2, y, 3.7), (4.4, y, 4.2)], 0.015, 6), rope)
        for x in (-2.4, -0.8, 0.8, 2.4):
            lantern = s.lathe(s.rounded([(0, 0), (0.16, 0.05), (0.22, 0.2), (0.16, 0.35), (0, 0.4)]), 20)
            stage.add(
                lantern, m.glow("Lantern", stage.pick((1.0, 0.5, 0.12), (1.0, 0.75, 0.3), (1.0, 0.25, 0.1)), 3.0), (x, y, 3.3)
            )
    joint, eye = m.surface("Joint", (0.1, 0.09, 0.08), 0.5), m.glow("Eyes", (0.3, 0.8, 1.0), 6.0)
    for k in range(3):
        shell, x, y = m.surface("Shell", cloths[-1 - k], 0.3, Coat_Weight=0.5), stage.between(-1.2, 1.2), 2.5 + 3 * k
        guest = props.robot(stage, shell, joint, eye, (x, y, 0))
        stage.move(
            guest,
            lambda t, x=x, y=y, k=k: (
                (x + 0.2 * t * (-1) ** k, y - 0.9 * t, 0.05 * abs(math.sin(8 * t + k))),
                (0, 0, 15 * k + 20 * t),
            ),
        )
    sun = stage.sun((1.0, 0.85, 0.6), 4.2, stage.pick(-130, -50) + stage.between(-15, 15), stage.between(35, 50))
    stage.sky((0.2, 0.45, 1.0), (1.35, 1.25, 1.1), (0.35, 0.3, 0.25), sun, (0.9, 0.7, 0.4), 0.6)
    stage.camera(
        line((stage.between(-0.9, -0.3), -5.0, 1.8), (stage.between(0.2, 0.8), -4.3, 2.0)), line((0, 6, 1.9), (0.1, 6, 1.9)), 28
    )


def _stall(stage: Stage, at, turn: float, timber, colour) -> None:
    """A table under a striped awning, with baskets of fruit."""
    group = stage.group(at, turn)
    stage.add(s.box(2.6, 1.1, 0.08, 0.02), timber, (0, 0, 0.85), parent=group)
    stage.add(s.box(2.5, 0.9, 0.8), m.surface("Skirt", tuple(0.8 * c for c in colour), 0.8), (0, 0, 0.05), parent=group)
    for x in (-1.3, 1.3):
        for y, height in ((-0.75, 2.2), (0.6, 2.8)):
            stage.add(s.box(0.09, 0.09, height), timber, (x, y, 0), parent=group)
    awning = m.surface("Awning", m.stripes((0.85, 0.8, 0.7), colour, 0.44, 0, 0.5), 0.85)
    stage.add(s.box(2.9, 1.9, 0.05), awning, (0, -0.1, 2.52), (23, 0, 0), parent=group)
    basket = s.lathe(s.rounded([(0, 0.02), (0.2, 0), (0.27, 0.16), (0.25, 0.16), (0.18, 0.06), (0, 0.06)], 4), 24)
    wicker = m.surface("Wicker", m.bricks((0.5, 0.32, 0.14), (0.4, 0.24, 0.1), (0.15, 0.08, 0.03), 0.06, 0.03, 0.006), 0.7)
    goods = ((0.75, 0.05, 0.03), (0.9, 0.4, 0.02), (0.35, 0.5, 0.05), (0.85, 0.7, 0.06), (0.25, 0.05, 0.2))
    for k in range(4):
        x, fruit = -0.93 + 0.62 * k, m.surface("Fruit", m.varied(stage.pick(*goods), 0.02), 0.3)
        stage.add(basket, wicker, (x, -0.15, 0.93), parent=group)
        spots = [
            s.place(
                (stage.random.gauss(0, 0.09), stage.random.gauss(0, 0.09), stage.between(0.1, 0.24)), size=stage.between(0.8, 1.2)
            )
            for _ in range(16)
        ]
        stage.add(s.merged(s.ball(0.075, 3), spots), fruit, (x, -0.15, 0.93), parent=group)


def winter(stage: Stage) -> None:
    """Lit houses and firs in the snow at dusk."""
    shift = stage.between(0, 50)

    def height(x: float, y: float) -> float:
        return (
            0.7 * s.fractal(x / 10, y / 10, shift, 3) * min(1.0, abs(x) / 6)
            + 9.0 * max(0.0, (y - 30) / 30) ** 1.5
            + 0.02 * x * x * (abs(x) > 0) / (1 + 0.02 * x * x)
        )

    snow = m.surface("Snow", m.by_slope((0.84, 0.87, 0.92), (0.45, 0.5, 0.6), 0.45, 0.7), 0.7, bump=0.15, grain=6.0)
    stage.add(s.terrain(140, 110, lambda x, y: height(x, y + 38), cells=150), snow, (0, 38, 0))
    log = m.surface("Logs", m.wood((0.3, 0.15, 0.08), (0.17, 0.08, 0.04), plank=0.3), 0.7)
    roof, trim = (
        m.surface("Snowy roof", m.by_slope((0.86, 0.88, 0.92), (0.3, 0.07, 0.05), 0.3, 0.5), 0.7),
        m.surface("Trim", stage.pick((0.6, 0.07, 0.05), (0.08, 0.3, 0.25), (0.75, 0.7, 0.6)), 0.6),
    )
    pane = m.glow("Lit window", (1.0, 0.6, 0.2), 5.0)
    for k, (x, y) in enumerate(((-8, 9), (7.6, 11), (-9, 19), (8.5, 22), (-1.5, 27))):
        x += stage.between(-0.8, 0.8)
        props.house(
            stage,
            (x, y, height(x, y) - 0.3),
            stage.between(4, 5),
            5,
            stage.between(2.8, 4.2),
            log,
            roof,
            trim,
            pane,
            stage.between(15, 40) * (-1 if x > 0 else 1),
            1 + k % 2,
        )
        stage.lamp((1.0, 0.6, 0.25), 120, (x * 0.72, y - 4.0, height(x, y) + 2.0), 0.3)
    needles = m.surface("Needles", m.by_slope((0.82, 0.86, 0.9), (0.04, 0.12, 0.07), 0.2, 0.55), 0.8)
    bark = m.surface("Bark", (0.12, 0.08, 0.05), 0.9)
    firs = [props.conifer(stage, needles, bark, 6.0), props.conifer(stage, needles, bark, 4.5)]
    planted = 0
    while planted < 60:
        x, y = stage.between(-34, 34), stage.between(1, 58)
        if abs(x) > 9.5 or y > 30:
            props.plant(stage, stage.pick(*firs), (x, y, height(x, y) - 0.1), stage.between(0.7, 1.5))
            planted += 1
    _snowman(stage, (stage.between(-2.2, -1.4), 1.6, height(-1.8, 1.6)))
    iron, bulb = m.surface("Iron", (0.04, 0.04, 0.05), 0.4), m.glow("Bulb", (1.0, 0.7, 0.35), 12.0)
    for x, y in ((2.2, 3.0), (-2.6, 9), (2.8, 15)):
        props.street_lamp(stage, iron, bulb, (x, y, height(x, y) - 0.1), 3.2)
        stage.lamp((1.0, 0.7, 0.35), 160, (x, y - 0.3, height(x, y) + 3.3), 0.2)
    sled = stage.group()
    red, runner = m.surface("Sled", (0.65, 0.05, 0.04), 0.4), m.metal("Runner", (0.7, 0.7, 0.72), 0.25)
    stage.add(s.box(0.7, 1.3, 0.1, 0.04), red, (0, 0, 0.3), parent=sled)
    for x in (-0.28, 0.28):
        stage.add(s.tube([(x, 0.7, 0.06), (x, -0.6, 0.06), (x, -0.85, 0.2), (x, -0.8, 0.38)], 0.035), runner, parent=sled)
    stage.add(
        s.box(0.5, 0.5, 0.45, 0.04),
        m.surface("Gift", m.stripes((0.1, 0.4, 0.3), (0.9, 0.7, 0.2), 0.3, 0, 0.3), 0.5),
        (0, 0.2, 0.4),
        parent=sled,
    )
    stage.move(sled, lambda t: ((1.3 - 0.5 * t, 3.4 - 1.8 * t, height(1.3 - 0.5 * t, 3.4 - 1.8 * t)), (0, 0, -16)))
    sun = stage.sun((1.0, 0.55, 0.32), 3.0, stage.pick(-160, -20) + stage.between(-12, 12), stage.between(9, 15))
    stage.sky((0.06, 0.13, 0.5), (1.2, 0.6, 0.4), (0.3, 0.3, 0.4), sun, (1.4, 0.7, 0.35), 0.45, (1.1, 0.6, 0.6))
    stage.camera(
        line((stage.between(-0.8, -0.2), -6.5, 2.2), (stage.between(0.3, 0.9), -5.8, 2.4)), line((0, 8, 2.0), (0, 8, 2.0)), 30
    )


def _snowman(stage: Stage, at) -> None:
    white, coal = m.surface("Packed snow", (0.87, 0.89, 0.93), 0.7), m.surface("Coal", (0.02, 0.02, 0.02), 0.6)
    group = stage.group(at, stage.between(-15, 15))
    for z, radius in ((0.5, 0.6), (1.3, 0.42), (1.9, 0.3)):
        stage.add(s.ball(radius), white, (0, 0, z), parent=group)
    stage.add(
        s.cylinder(0.06, 0.4, 0.005, 12), m.surface("Carrot", (0.9, 0.3, 0.03), 0.5), (0, -0.28, 1.9), (95, 0, 0), parent=group
    )
    for x, y, z in ((-0.1, -0.28, 2.0), (0.1, -0.28, 2.0), (0, -0.4, 1.45), (0, -0.43, 1.25)):
        stage.add(s.ball(0.04, 2), coal, (x, y, z), parent=group)
    stage.add(
        s.tube([(x, y, 1.66) for x, y in s.arc(0.3, 0, 360, 24)], 0.08), m.surface("Scarf", (0.7, 0.05, 0.05), 0.9), parent=group
    )
    stage.add(s.lathe([(0, 2.12), (0.36, 2.12), (0.36, 2.16), (0.22, 2.18), (0.22, 2.5), (0, 2.5)], 24), coal, parent=group)
