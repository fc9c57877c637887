"""A mountain landscape with balloons and a garden in bloom."""

import math

from . import materials as m
from . import props
from . import shapes as s
from .stage import Stage, line


def landscape(stage: Stage) -> None:
    """Hills with firs and a cottage before snowy mountains; balloons drift over a lake."""
    shift = stage.between(0, 90)

    def height(x: float, y: float) -> float:
        far = max(0.0, (y + 2 * s.fractal(x / 30, y / 30, shift) - 62) / 60)
        peaks = 34 * far * (0.55 + 0.9 * abs(s.fractal(x / 34, y / 34, shift + 7, 6)))
        valley = ((x - 0.12 * y) / 26) ** 2
        return peaks + 2.4 * s.fractal(x / 22, y / 22, shift) * min(1.0, 0.25 + valley) + 3.2 * min(valley, 2.2) - 1.2

    field = s.terrain(230, 230, lambda x, y: height(x, y + 95), cells=190)
    meadow = m.mottled((0.16, 0.3, 0.04), (0.36, 0.38, 0.08), 0.12, 0.35, 0.65)
    cliff = m.mottled((0.3, 0.27, 0.25), (0.2, 0.18, 0.18), 0.3)
    snow = m.by_slope((0.86, 0.89, 0.93), (0.36, 0.36, 0.4), 0.5, 0.68)
    stage.add(
        field,
        m.surface("Ground", m.by_height(m.by_slope(meadow, cliff, 0.6, 0.85), snow, stage.between(17, 22), 5.0), 0.9),
        (0, 95, 0),
    )
    stage.add(s.box(260, 90, 0.1), m.water("Lake", stage.pick((0.02, 0.1, 0.16), (0.03, 0.13, 0.12)), 0.8, 0.25), (0, 25, -1.05))
    needles = m.surface("Needles", m.varied((0.05, 0.15, 0.05), 0.03, 0.4), 0.8)
    autumn = m.surface("Leaves", m.varied(m.mottled((0.5, 0.2, 0.02), (0.65, 0.4, 0.04), 1.0), 0.03), 0.6)
    bark = m.surface("Bark", (0.14, 0.09, 0.06), 0.9)
    kinds = [
        props.conifer(stage, needles, bark),
        props.conifer(stage, needles, bark, 5.0),
        props.broadleaf(stage, autumn, bark, 4.2),
    ]
    planted = 0
    while planted < 130:
        x, y = stage.between(-45, 45), stage.between(4, 85)
        z = height(x, y)
        if z > -0.6 and abs(x) < 6 + 0.75 * y and s.fractal(x / 9, y / 9, shift + 3) > -0.05:
            props.plant(stage, stage.random.choices(kinds, (5, 4, 2))[0], (x, y, z - 0.1), stage.between(0.6, 1.25))
            planted += 1
    stone = m.surface("Boulder", m.mottled((0.36, 0.34, 0.32), (0.24, 0.23, 0.22), 3.0), 0.85)
    for _ in range(26):
        x, y = stage.between(-9, 9), stage.between(3.5, 22)
        stage.add(s.rock(stage.random, stage.between(0.25, 0.8), level=3), stone, (x, y, height(x, y)), stage.between(0, 360))
    spot = min(
        ((x, y) for x in range(-14, 15, 2) for y in range(18, 34, 2)),
        key=lambda p: abs(height(*p) - 0.7) + 0.05 * abs(abs(p[0]) - 7),
    )
    wall, roof = (
        m.surface("Plaster", (0.75, 0.68, 0.55), 0.8),
        m.surface("Shingles", m.bricks((0.5, 0.13, 0.06), (0.36, 0.09, 0.05), (0.15, 0.05, 0.03), 0.4, 0.3, 0.03), 0.7),
    )
    trim, pane = m.surface("Beams", (0.2, 0.1, 0.05), 0.7), m.glow("Window", (1.0, 0.65, 0.25), 2.0)
    props.house(stage, (*spot, height(*spot) - 0.6), 4.6, 5.5, 3.6, wall, roof, trim, pane, stage.between(-35, 35))
    for k in range(4):
        _balloon(stage, (stage.between(-18, 18) * (0.5 + 0.3 * k), 30 + 13 * k, stage.between(9, 15)), k)
    sun = stage.sun((1.0, 0.8, 0.52), 4.2, stage.pick(-155, -25) + stage.between(-15, 15), stage.between(20, 38))
    stage.sky((0.12, 0.34, 0.95), (1.3, 1.15, 0.95), (0.2, 0.2, 0.15), sun, (1.0, 0.7, 0.4), stage.between(0.4, 0.8))
    ground = max(height(x, y) for x in (-2, 0, 2) for y in (-10, -9, -6, -3))
    stage.camera(
        line((stage.between(-1.5, -0.6), -9, ground + 2.6), (stage.between(0.4, 1.4), -8.2, ground + 3.0)),
        line((0, 20, 3.6), (0.2, 20, 3.8)),
        30,
    )


def _balloon(stage: Stage, at, index: int) -> None:
    """A hot-air balloon that drifts."""
    colours = ((0.85, 0.12, 0.05), (0.95, 0.62, 0.05), (0.1, 0.35, 0.75), (0.8, 0.78, 0.72), (0.1, 0.5, 0.35))
    group = stage.group(at)
    skin = s.lathe(s.rounded([(0.35, 0), (0.7, 0.5), (1.7, 2.0), (2.0, 3.2), (1.6, 4.4), (0.7, 5.1), (0, 5.2)]), 32)
    cloth = m.surface(
        "Balloon", m.bands(colours[index % 5], colours[(index + stage.pick(1, 2, 3)) % 5], stage.between(0.9, 1.7), 0.45), 0.6
    )
    stage.add(skin, cloth, parent=group)
    stage.add(s.box(0.55, 0.55, 0.5, 0.06), m.surface("Basket", (0.3, 0.16, 0.06), 0.8), (0, 0, -1.3), parent=group)
    for x in (-0.25, 0.25):
        for y in (-0.25, 0.25):
            stage.add(
                s.tube([(x, y, -0.8), (1.3 * x, 1.3 * y, 0.05)], 0.02, 6), m.surface("Rope", (0.2, 0.15, 0.1), 0.8), parent=group
            )
    drift = (stage.between(-1.2, 1.2), stage.between(-0.8, 0.3), stage.between(0.2, 0.9))
    stage.move(group, lambda t: (tuple(a + d * t for a, d in zip(at, drift, strict=True)), (0, 0, 20 * t)))


def garden(stage: Stage) -> None:
    """Flower beds, a fountain and a pavilion among trees."""
    stage.add(
        s.terrain(120, 120, lambda x, y: 0.05 * s.fractal(x, y, 2.0), cells=60),
        m.surface("Lawn", m.mottled((0.1, 0.24, 0.03), (0.22, 0.36, 0.05), 1.2), 0.9),
    )
    blade = s.prism([(-0.012, 0), (0.012, 0), (0.0, 0.16)], 0.004)
    tufts = [
        s.place(
            (stage.between(-7, 7), stage.between(-5.5, 6), 0),
            (stage.between(-25, 25), stage.between(-25, 25), stage.between(0, 360)),
            stage.between(0.6, 1.4),
        )
        for _ in range(9000)
    ]
    grass = [tuft for tuft in tufts if abs(tuft.translation.x - 0.15 * math.sin(tuft.translation.y)) > 1.1]
    stage.add(s.merged(blade, grass), m.surface("Grass", m.mottled((0.12, 0.32, 0.03), (0.32, 0.46, 0.07), 2.0), 0.6))
    paving = m.surface("Path", m.bricks((0.62, 0.5, 0.36), (0.5, 0.4, 0.3), (0.22, 0.18, 0.13), 0.5, 0.35, 0.03), 0.8)
    stage.add(s.box(1.9, 16, 0.08), paving, (0, 0, 0.0))
    stone = m.surface("Stone", m.mottled((0.66, 0.62, 0.54), (0.5, 0.46, 0.4), 4.0), 0.7, bump=0.2)
    _fountain(stage, stone)
    _flowers(stage)
    white = m.surface("White", (0.8, 0.78, 0.74), 0.5)
    post = s.lathe([(0, 0), (0.16, 0), (0.16, 0.12), (0.09, 0.2), (0.08, 2.5), (0.15, 2.7), (0, 2.7)], 20)
    for k in range(8):
        a = k * math.tau / 8
        stage.add(post, white, (2.2 * math.cos(a), 10 + 2.2 * math.sin(a), 0.25))
    stage.add(s.cylinder(2.7, 0.25, sides=48, bevel=0.05), stone, (0, 10, 0))
    dome = stage.pick((0.12, 0.4, 0.42), (0.5, 0.16, 0.1), (0.2, 0.3, 0.5))
    stage.add(
        s.lathe(s.rounded([(2.6, 0), (2.5, 0.2), (2.1, 0.9), (1.2, 1.6), (0.3, 1.9), (0.12, 2.1), (0.16, 2.3), (0, 2.6)]), 48),
        m.surface("Dome", dome, 0.35),
        (0, 10, 2.95),
    )
    leaf, bark = (
        m.surface("Leaves", m.varied(m.mottled((0.08, 0.25, 0.03), (0.26, 0.42, 0.06), 1.4), 0.03), 0.5),
        m.surface("Bark", (0.2, 0.13, 0.08), 0.9),
    )
    blossom = m.surface("Blossom", m.mottled((0.85, 0.42, 0.5), (0.9, 0.72, 0.74), 2.0), 0.6)
    trees = [
        props.broadleaf(stage, leaf, bark, 6),
        props.broadleaf(stage, leaf, bark, 5),
        props.broadleaf(stage, blossom, bark, 4.5),
    ]
    for k in range(16):
        side = 1 if k % 2 else -1
        props.plant(
            stage,
            stage.pick(*trees),
            (side * stage.between(5.0, 11), 2 + 1.4 * k + stage.between(-1, 1), 0),
            stage.between(0.8, 1.25),
        )
    hedge = m.surface("Hedge", m.mottled((0.04, 0.14, 0.03), (0.12, 0.26, 0.05), 9.0), 0.8, bump=1.0, grain=18.0)
    for side in (-1, 1):
        for k in range(5):
            stage.add(s.ball(0.62), hedge, (1.75 * side, -2.6 + 2.4 * k + 1.0, 0.5), size=(1, 1, stage.between(0.9, 1.2)))
    wing = s.prism([(0, 0), (0.14, -0.05), (0.17, 0.05), (0.12, 0.13), (0, 0.04)], 0.004)
    for k in range(5):
        paint = m.surface("Wing", stage.pick((0.95, 0.5, 0.03), (0.15, 0.4, 0.9), (0.95, 0.9, 0.3)), 0.5)
        group, x, y, z = stage.group(), stage.between(-1.5, 1.5), stage.between(-3.2, 0), stage.between(0.8, 1.7)
        for mirrored in (-1, 1):
            stage.add(wing, paint, turn=(60, 30 * mirrored, 0), size=(mirrored, 1, 1), parent=group)
        stage.move(
            group,
            lambda t, x=x, y=y, z=z, k=k: (
                (x + 0.5 * math.sin(2 * t + k), y + 0.4 * t, z + 0.12 * math.sin(9 * t + k)),
                (0, 15 * math.sin(8 * t), 40 * t + 60 * k),
            ),
        )
    sun = stage.sun((1.0, 0.88, 0.66), 4.3, stage.pick(-150, -30) + stage.between(-20, 20), stage.between(32, 50))
    stage.sky((0.15, 0.42, 1.0), (1.2, 1.25, 1.2), (0.15, 0.25, 0.08), sun, (0.8, 0.65, 0.4), 0.6)
    stage.camera(
        line((stage.between(-1.5, -0.9), -6.6, 1.7), (stage.between(-0.2, 0.5), -6.2, 1.9)),
        line((0, 3, 1.45), (0.1, 3, 1.45)),
        28,
    )


def _fountain(stage: Stage, stone) -> None:
    basin = s.lathe(s.rounded([(0, 0), (1.5, 0), (1.55, 0.35), (1.65, 0.5), (1.4, 0.5), (1.35, 0.3), (0, 0.28)], 4), 64)
    stem = s.lathe(
        s.rounded(
            [
                (0, 0.2),
                (0.3, 0.25),
                (0.16, 0.6),
                (0.14, 1.0),
                (0.3, 1.15),
                (0.75, 1.35),
                (0.7, 1.38),
                (0.2, 1.25),
                (0.1, 1.7),
                (0.0, 1.95),
            ]
        ),
        48,
    )
    stage.add(basin, stone, (0, 3.5, 0))
    stage.add(stem, stone, (0, 3.5, 0))
    pool = m.water("Pool", (0.03, 0.16, 0.2), 5.0, 0.5)
    stage.add(s.cylinder(1.38, 0.04, sides=48), pool, (0, 3.5, 0.38))
    drop, spray = s.ball(0.025, 2), m.surface("Drops", (0.75, 0.85, 0.95), 0.1)
    places = []
    for k in range(12):
        a = k * math.tau / 12
        places += [
            s.place((r * math.cos(a), r * math.sin(a), 1.95 + 1.1 * r - 2.6 * r * r), size=stage.between(0.7, 1.4))
            for r in (0.08 + 0.04 * j for j in range(22))
        ]
    jets = stage.add(s.merged(drop, places), spray, (0, 3.5, 0))
    stage.move(jets, lambda t: ((0, 3.5, 0.02 * math.sin(8 * t)), (0, 0, 30 * t)))


def _flowers(stage: Stage) -> None:
    """Beds along the path."""
    petals = s.lathe(s.rounded([(0, 0.01), (0.03, 0), (0.085, 0.05), (0.07, 0.06), (0.03, 0.03), (0, 0.04)], 3), 10)
    stalk, tuft = s.cylinder(0.008, 1.0, sides=5), m.surface("Stalks", (0.1, 0.32, 0.05), 0.6)
    colours = [(0.9, 0.06, 0.08), (0.95, 0.6, 0.03), (0.55, 0.1, 0.6), (0.92, 0.88, 0.8), (0.9, 0.3, 0.5), (0.12, 0.2, 0.75)]
    stage.random.shuffle(colours)
    for k, colour in enumerate(colours):
        side, row = (-1, 1)[k % 2], k // 2
        spots = [
            (side * stage.between(2.3, 4.8), -4.6 + 2.6 * row + stage.between(-1.1, 1.1), stage.between(0.25, 0.6))
            for _ in range(130)
        ]
        stage.add(
            s.merged(
                petals, [s.place(p, (stage.between(-35, 25), stage.between(-25, 25), 0), stage.between(0.8, 1.6)) for p in spots]
            ),
            m.surface("Petals", colour, 0.5),
        )
        stage.add(s.merged(stalk, [s.place((x, y, 0), size=(1, 1, z)) for x, y, z in spots]), tuft)
