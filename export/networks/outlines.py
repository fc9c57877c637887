"""Lines of the geometry in closed form, at full size: looks draw them (see datasets/looks/lines.py), and pens ink them in
generators that see depth and normals (see pens.py), whose own lines are dots where they are thin and slanted."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, pad

from .contours import PER_WEIGHT, broadened
from .encoding import NOTHING

STEP = 0.004
"""Share of its depth by which a surface must lie before another one, beyond their slopes, to be outlined."""
STEEPER = 2.0
"""How many times as steep as around the nearness of one surface may become."""
SURE = 1.6
"""How many times as much there is a step for certain."""
WEAK, WITHIN = (0.4, 0.8), 7
"""How many times as much there is one too, and for certain, if there is one among so many pixels along it: on the crest of a hill
they fall short of it by turns."""
NEARER, FARTHER = (0.02, 0.12), (0.12, 0.28)
"""Share of steps around at which an outline ends on the nearer side, two to three pixels from the step, and on the farther, one
pixel from it, and at which it is whole."""
STILL, FAINT = (0.15, 0.25), 1 / 16
"""Bounds of the bend up to which a pixel lies on a surface, and from twice which it does not; between them that is the share of
the strongest one within two to four pixels, beside which bumps of the ground are faint."""
CLEAR = 0.22, 0.38
"""Share of pixels around that lies on surfaces up to which there is no outline, nor within two pixels, since what is out of focus
ends in specks, and from which it is whole."""
ONE_WAY = 0.75, 0.9
"""Share of the changes of nearness around that do not cancel one another up to which it goes to and fro, and from which it goes
one way: there surfaces stand one behind the other, as ridges do, and have outlines however close these are."""
FRO = 1.0, 1.6
"""Change of nearness around that cancels itself, in STEPs a pixel, up to which there are outlines, and from which there are none:
so is hair, and what is out of focus."""
CAPPED = 4.0
"""Change of nearness, in STEPs, that counts like any larger one there: a silhouette shall not hide the noise beside it."""
BESIDE = 0.25, 0.4
"""Coverage of five pixels around by outlines up to which there are creases, beside specks out of focus too, and from which there
are none, since at a step normals turn as well."""
SHORT = 0.065, 0.11
"""Coverage of 20 pixels around in which lines are too short to be drawn, about 8 pixels, and long enough, about 14."""
TURN = 0.2, 0.5
"""Change of the normal from one side to the other, of all axes together, from which there may be a crease, and for certain."""
ROUND, REACH = 1.3, 4
"""How many times as fast a normal turns at a crease as it does so many pixels away on both sides, where a thing is round."""
CREST = 0.67
"""Share of the fastest turn within two pixels at which a crease ends: about a pixel from its middle."""
CRISP = 60.0, 16.0
"""How steeply an outline ends at the step itself, and how steeply the borders of creases rise: within about a pixel."""


def geometry_lines(depth: Tensor, normal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How far lines cover pixels, (B, 1, H, W) each in [0, 1], by depth (B, 1, H, W) and world-space normals (B, 3, H, W):
    outlines on the nearer and on the farther side of steps, and creases, where surfaces turn, away from these (the two kinds of
    Saito and Takahashi 1990)."""
    near, far = outlines(depth)
    crease = creases(normal) * (1.0 - _between(_soft(_soft(torch.maximum(near, far))), *BESIDE))
    drawn = _lasting(torch.maximum(torch.maximum(near, far), crease))
    return near * drawn, far * drawn, crease * drawn


def outlines(depth: Tensor) -> tuple[Tensor, Tensor]:
    """How far outlines cover pixels beside steps of depth (B, 1, H, W), on the nearer and on the farther side:
    (B, 1, H, W) each in [0, 1].

    Nearness, 1 / depth, is linear on a plane however it is slanted, so that it bends at steps alone; a small step counts like a
    large one."""
    hit = 1.0 - torch.clamp(depth * (1 / NOTHING) - 1.0, 0.0, 1.0)
    nearness = hit * torch.clamp(depth * 2.0**60, 0.0, 1.0) / torch.clamp(depth, 2.0**-60, NOTHING)
    whole = -_runs(-_runs(nearness))
    bends = [_bends(whole, axis) for axis in (2, 3)]
    near, far = torch.maximum(*(_touching(bend, axis) for bend, axis in zip(bends, (2, 3), strict=True))).chunk(2, 1)
    near, far = (_soft(_soft(side)) for side in (near, far))  # depth is not antialiased: means round the staircase off
    clear = _clear(nearness, bends)
    nearer = torch.sigmoid((near - far) * CRISP[0]) * clear
    return _between(near, *NEARER) * nearer, _between(far, *FARTHER) * (clear - nearer)


def _touching(bend: Tensor, axis: int) -> Tensor:
    """How far pixels touch steps along an axis, on their nearer and on their farther side, (B, 2, H, W) in [0, 1], by how far
    nearness bends there; what does so for certain carries others with it (the hysteresis of Canny 1986)."""
    either = torch.cat([bend, -bend], 1)
    certain = _between(either, 1.0, SURE)
    return torch.maximum(certain, _most(certain, 5 - axis, WITHIN) * _between(either, *WEAK))


def _runs(x: Tensor) -> Tensor:
    """(B, 1, H, W) without what stands out in fewer than three pixels in a row, down or across: specks, but no wires (the
    greatest of openings by line segments: Soille 2003, chapter 4)."""
    return torch.maximum(*(_most(-_most(-x, axis, 3), axis, 3) for axis in (2, 3)))


def _clear(nearness: Tensor, bends: Sequence[Tensor]) -> Tensor:
    """How far steps around are borders of surfaces, (B, 1, H, W) in [0, 1], not those of hair nor, out of focus, of the depth of
    one ray in each pixel: beside them it is quiet, or nearness changes one way, as where ridges stand one behind the other."""
    quiet = -_square(-_between(_quiet(bends), *CLEAR), 3)
    one_way, fro = _changes(nearness)
    ways = torch.cat([_between(one_way / (one_way + fro + 2.0**-10), *ONE_WAY), _between(fro, *FRO)], 1)
    one_way, fro = interpolate(ways, scale_factor=2.0, mode="bilinear").chunk(2, 1)
    return interpolate(torch.maximum(quiet, one_way) * (1.0 - fro), scale_factor=2.0, mode="bilinear")


def _quiet(bends: Sequence[Tensor]) -> Tensor:
    """Share of six pixels around that lie on a surface without steps, (B, 1, H/2, W/2), by how far nearness bends down and
    across."""
    restless = torch.maximum(*(torch.maximum(bend, -bend) for bend in bends))
    faint = torch.clamp(_square(max_pool2d(restless, 2), 3) * FAINT, *STILL)
    return _soft(avg_pool2d(torch.clamp(2.0 - restless / interpolate(faint, scale_factor=2.0), 0.0, 1.0), 2))


def _changes(nearness: Tensor) -> tuple[Tensor, Tensor]:
    """How much nearness changes one way within six pixels around, and how much to and fro, in STEPs a pixel, (B, 1, H/4, W/4)
    each (as in relative total variation: Xu et al. 2012)."""
    step = 1 / torch.clamp(nearness * STEP, 2.0**-60, 2.0**64)
    rises = [_cut(_wider(nearness, axis, 1), axis, 2, 0) - nearness for axis in (2, 3)]
    changes = torch.clamp(torch.cat(rises, 1) * step, -CAPPED, CAPPED)
    net, all_ = (_soft(avg_pool2d(x, 4)) for x in (changes, torch.maximum(changes, -changes)))
    one_way, either_way = (x.sum(1, keepdim=True) for x in (torch.maximum(net, -net), all_))
    return one_way, either_way - one_way


def _lasting(lines: Tensor) -> Tensor:
    """How far lines (B, 1, H, W), straight or around something small, are more than specks and dashes, (B, 1, H, W) in [0, 1]."""
    around = avg_pool2d(avg_pool2d(lines, 4), 5, stride=1, padding=2, count_include_pad=False)
    return interpolate(_between(around, *SHORT), scale_factor=4.0, mode="bilinear")


def _bends(nearness: Tensor, axis: int) -> Tensor:
    """How far nearness (B, 1, H, W) bends at a pixel along an axis, 1 or more where it steps down from there, -1 or less where it
    steps up."""
    wide = _wider(nearness, axis, 1)
    rise = _cut(wide, axis, 1, 0) - _cut(wide, axis, 0, 1)
    bend = _cut(rise, axis, 0, 1) - _cut(rise, axis, 1, 0)
    # What is steep on four neighbours is a slope (an opening: Serra 1982), not a rounded edge.
    slope = _most(-_most(-torch.maximum(rise, -rise), axis, 4), axis, 5)
    return bend / torch.clamp(nearness * STEP + slope * STEEPER, 2.0**-60, 2.0**64)


def creases(normal: Tensor) -> Tensor:
    """How far lines along creases of normals (B, 3, H, W) cover pixels, (B, 1, H, W) in [0, 1]; none where a thing is round,
    however small. Two less than three pixels apart are one."""
    turn = _soft(_soft(_sharp_turns(normal, 2) + _sharp_turns(normal, 3)))
    most = _square(turn, 5)
    return torch.sigmoid((turn / (most + 2.0**-10) - CREST) * CRISP[1]) * _between(most, *TURN)


def _sharp_turns(normal: Tensor, axis: int) -> Tensor:
    """How fast normals (B, 3, H, W) turn along an axis where they turn less on both sides, (B, 1, H, W)."""
    wide = _wider(normal, axis, REACH + 1)
    change = _cut(wide, axis, 2, 0) - _cut(wide, axis, 0, 2)
    turn = torch.maximum(change, -change).sum(1, keepdim=True)
    before, here, after = (_cut(turn, axis, first, 2 * REACH - first) for first in (0, REACH, 2 * REACH))
    return torch.relu(here + torch.maximum(-before, -after) * ROUND)


def coverage(lines: Tensor, weight: Tensor) -> Tensor:
    """Coverage [0, 1] of a pen so many times as wide as lines are, from 0; both (B, 1, H, W)."""
    return _soft(broadened(lines, torch.relu(weight - 1.0) * PER_WEIGHT)) * torch.clamp(weight, 0.0, 1.0)


def _between(x: Tensor, none: float, all_: float) -> Tensor:
    """0 up to the one value, 1 from the other on."""
    return torch.clamp((x - none) * (1 / (all_ - none)), 0.0, 1.0)


def _wider(x: Tensor, axis: int, more: int) -> Tensor:
    """With so many more pixels on both sides along an axis, as those at its ends."""
    return pad(x, (0, 0, more, more) if axis == 2 else (more, more, 0, 0), mode="replicate")


def _cut(x: Tensor, axis: int, first: int, last: int) -> Tensor:
    """Without so many pixels at the beginning and at the end along an axis."""
    kept = slice(first, -last if last else None)
    return x[:, :, kept] if axis == 2 else x[..., kept]


def _most(x: Tensor, axis: int, size: int) -> Tensor:
    """Greatest of so many neighbours along an axis; of an even number there is one result less than pixels."""
    window, beyond = ((n, 1) if axis == 2 else (1, n) for n in (size, (size - 1) // 2 * 2 + 1))
    return max_pool2d(x, window, stride=1, padding=tuple(n // 2 for n in beyond))


def _square(x: Tensor, side: int) -> Tensor:
    """Greatest of squares of an odd number of pixels."""
    return _most(_most(x, 2, side), 3, side)


def _soft(x: Tensor) -> Tensor:
    """Means of 3 x 3 pixels of (B, 1, H, W), as sums: ONNX Runtime pools single channels four times as slowly."""
    for axis in (2, 3):
        wide = _wider(x, axis, 1)
        x = _cut(wide, axis, 0, 2) + x + _cut(wide, axis, 2, 0)
    return x * (1 / 9)
