"""Random light: panoramas, sun and sky, a dark studio with one lamp, night, and white, grey and black voids."""

from .finishes import colour
from .stage import Stage


def light(stage: Stage, inside: bool = False) -> str:
    """Light the scene; returns the kind. inside: walls surround it, and what is outside lights little."""
    panoramas = stage.folders.teaching("panoramas")
    kind = stage.pick(*["panorama"] * (9 if panoramas else 0), *["sun"] * 3, *["studio"] * 3, "night", "night", *["void"] * 5)
    if kind == "panorama":
        stage.panorama(stage.pick(*panoramas), stage.between(0, 360), 2 ** stage.between(-1, 1))
    else:
        {"sun": _sun, "studio": _studio, "night": _night, "void": _void}[kind](stage)
    if inside:
        _lamps(stage, stage.pick(1, 1, 2), stage.between(0.4, 1))
    return kind


def _sun(stage: Stage) -> None:
    warm = stage.between(0, 1)
    sun = stage.sun((1, 1 - 0.4 * warm, 1 - 0.7 * warm), stage.between(1.5, 6), stage.between(0, 360), stage.between(6, 75))
    tint = [stage.between(0.7, 1.3) for _ in range(3)]
    zenith, horizon = ([c * t for c, t in zip(one, tint, strict=True)] for one in ((0.2, 0.45, 1.0), (1.1, 1.0, 0.95)))
    ground = [0.3 * stage.between(0.5, 1)] * 3
    stage.sky(zenith, horizon, ground, sun, (0.9, 0.7, 0.45), stage.between(0, 1))


def _studio(stage: Stage) -> None:
    """One soft lamp and next to nothing else."""
    stage.backdrop((stage.pick(0, 0.002, 0.01),) * 3)
    _panel(stage, stage.between(40, 200))
    if stage.pick(0, 0, 1):
        _panel(stage, stage.between(5, 40), colour(stage))


def _panel(stage: Stage, power: float, tint=(1, 0.95, 0.9)) -> None:
    at = (stage.between(-2.5, 2.5), stage.between(-3, 1.5), stage.between(1, 3))
    side = stage.between(0.2, 2)
    stage.panel(tint, power, at, (0, 0, 0.4), side, side)


def _night(stage: Stage) -> None:
    stage.backdrop((0.004, 0.006, 0.015))
    _lamps(stage, stage.pick(2, 3, 5), stage.between(0.15, 1), coloured=True)


def _lamps(stage: Stage, count: int, strength: float, coloured: bool = False) -> None:
    for _ in range(count):
        at = (stage.between(-2, 2), stage.between(-2, 2), stage.between(0.5, 1.9))
        tint = colour(stage) if coloured else (1, stage.between(0.7, 1), stage.between(0.4, 1))
        stage.lamp(tint, strength * stage.between(60, 300), at, stage.between(0.02, 0.3))


def _void(stage: Stage) -> None:
    """The same white, grey or black everywhere, and a lamp or sun that gives form."""
    level = stage.pick(0, 0.05, 0.2, 1, 1)
    stage.backdrop((level,) * 3)
    if level < 0.2 or stage.pick(0, 1):
        stage.sun((1, 0.97, 0.93), stage.between(1, 4), stage.between(0, 360), stage.between(15, 75), stage.between(1, 30))
