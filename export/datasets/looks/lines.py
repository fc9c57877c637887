"""Lines of looks: where a draughtsman would put ink. None has units: only what changes against its neighbourhood counts."""

import numpy as np
import torch
from scipy import ndimage

from core.colour import encode_log, luminance

from ...networks.contours import LIT
from ...networks.outlines import geometry_lines
from .shown import shown
from .smoothing import FAR
from .tones import smoothstep

CROWD = 8
"""Pixels over which crowded lines are thinned out."""
NEAR = 9
"""Pixels around what is certain of lines in which they are drawn, whereby shorter gaps in it close."""
WIDEST, PER_WEIGHT = 3, 1.5
"""Pixels that a line may grow to each side, and by how many it does for each time that its weight is more than 1."""
BEYOND = 0.2
"""How dark an outline is on the farther surface, relative to the nearer one: ink there tears when the two move apart, but without
any a light fringe would show."""
SHORTEST = 24
"""Pixels that a line has at least, about twice its length: less is texture or noise, not drawing."""
NO_LINE, BAND = (0.5, 0.36), 5
"""Share of the pixels around that touch steps: where there are no lines any more, and up to which all are drawn; and pixels that
this must be wide: a wire, or two outlines beside each other, are a band of as many steps, but narrow."""
THICKET, CROWDED = 25, (0.38, 0.27)
"""Pixels over which steps crowd in hair, grass and palms, and the same shares of these: there every strand would be outlined, and
strokes of ink all over say less than the strands themselves."""
ROOTS, STRAND = 13, 48
"""Pixels around them in which roots and tips of hair end, and which a thicket of it has at least; how far single strands stick
out of one."""
STEP = 0.004
"""Share of its depth by which a surface must lie before another one, beyond their slopes, to be outlined."""
SHINES, UNEVEN = (1.05, 1.2), (0.01, 0.04)
"""Encoded luminance from which on something may shine by itself, and by how much it may differ within 3 pixels."""


def contours(passes: dict[str, np.ndarray], tone: np.ndarray) -> np.ndarray:
    """Ink coverage [0, 1] of outlines (wide, at steps of depth) and inner lines (thin, at creases and changes of material).

    Outlines straddle the steps, most of the ink on the nearer side: a generator that sees only the image can often, but not
    always, tell which that is.
    """
    near, far, crease = drawn(passes)
    outline = np.maximum(near, BEYOND * far)
    inner = np.maximum(0.9 * crease, 0.7 * sparse(materials(passes["albedo"])) * apart(near, far))
    inner = inner * (1 - glowing(passes["image"]))
    return thinned(np.maximum(outline, inner) * (1 - smoothstep(1.3, 1.6, tone)))


def contours_inside(passes: dict[str, np.ndarray], tone: np.ndarray) -> np.ndarray:
    """Ink coverage [0, 1] of outlines on the nearer surface, so that they move with it, and of creases (thinner).

    Where only the colour changes, as on a chequered cloth, the border of two paints is line enough.
    """
    near, far, crease = drawn(passes)
    # What shines is outlined from outside: a line on it would leave a bright fringe.
    shines = smoothstep(1.1, 1.4, glow(tone))
    outline = near + (far - near) * shines
    inner = 0.9 * crease * (1 - glowing(passes["image"]))
    return thinned(np.maximum(outline, inner) * (1 - smoothstep(1.3, 1.6, tone)))


def outlines(passes: dict[str, np.ndarray], tone: np.ndarray) -> np.ndarray:
    """Ink coverage [0, 1] of outlines and creases (Saito and Takahashi 1990) on the nearer surface."""
    near, _, crease = drawn(passes)
    ink = np.maximum(near, 0.8 * crease * (1 - glowing(passes["image"])))
    # The pen keeps clear of what shines.
    return 0.9 * thinned(ink * (1 - smoothstep(1.2, 1.5, glow(tone))))


def drawn(passes: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coverage [0, 1] of outlines on the nearer and on the farther side of steps of depth, and of creases, (H, W) each: the lines
    that pens of generators draw too, where steps() and creases() find ones, which leave out noise, hair and what is short."""
    lines = shown(lambda *geometry: torch.cat(geometry_lines(*geometry), 1), passes["depth"], passes["normal"])
    near, far, crease = np.moveaxis(lines, -1, 0)
    step = around(np.maximum(*sides(passes["depth"])), NEAR)
    return near * step, far * step, crease * around(creases(passes["normal"]), NEAR)


def around(lines: np.ndarray, near: int) -> np.ndarray:
    """1 within so many pixels around lines (H, W), falling to 0 over a few."""
    return np.minimum(1, 2 * ndimage.gaussian_filter(ndimage.maximum_filter(lines, near), near / 4))


def borders(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Where one thing ends and another begins, (H, W) in [0, 1]: steps of depth, creases, borders of paint."""
    return np.maximum.reduce([*sides(passes["depth"]), creases(passes["normal"]), materials(passes["albedo"])])


def thinned(ink: np.ndarray) -> np.ndarray:
    """Where lines crowd, as in foliage, a draughtsman leaves most of them out."""
    return ink * (1 - 0.8 * smoothstep(0.3, 0.6, ndimage.gaussian_filter(ink, CROWD)))


def sparse(ink: np.ndarray) -> np.ndarray:
    """Those borders of paint that stand alone: a pattern, as of boards or stripes, is colour enough."""
    return ink * (1 - smoothstep(0.08, 0.18, ndimage.gaussian_filter(ink, CROWD)))


def apart(near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """1 away from outlines, 0 beside them, (H, W): at the border of two surfaces, normals and colours change too."""
    return 1 - smoothstep(0.2, 0.5, ndimage.maximum_filter(np.maximum(near, far), 5))


def weighted(ink: np.ndarray, weight: float | np.ndarray) -> np.ndarray:
    """Coverage (H, W) of a pen so many times as wide, one number or (H, W) from 0: a finer one covers less, a broader one more
    around."""
    if np.ndim(weight) == 0 and weight == 1:
        return ink
    y, x = np.mgrid[-WIDEST : WIDEST + 1, -WIDEST : WIDEST + 1]
    widths = [ink] + [ndimage.grey_dilation(ink, footprint=x * x + y * y <= r * r + 0.3) for r in range(1, WIDEST + 1)]
    wider = np.clip((np.asarray(weight, np.float32) - 1) * PER_WEIGHT, 0, WIDEST) * np.ones_like(ink)
    below = np.minimum(wider.astype(int), WIDEST - 1)
    near, next_ = (np.take_along_axis(np.stack(widths), index[None], 0)[0] for index in (below, below + 1))
    return (near + (wider - below) * (next_ - near)) * np.minimum(1, weight)


def sides(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether a pixel lies at a step of depth (H, W, 1), on its nearer and on its farther side: (H, W) each in [0, 1].

    An outline belongs on the nearer one, so that it moves with what it belongs to: one that straddles both tears at each step.
    A small step counts like a large one.
    """
    near, far = (ndimage.gaussian_filter(side, 1.3) for side in steps(depth))
    nearer = smoothstep(-0.04, 0.04, near - far)  # a wire, with distance on both sides, is line enough
    # Depth is not antialiased: a new threshold rounds the staircase off.
    return smoothstep(0.03, 0.1, near) * nearer, smoothstep(0.03, 0.1, far) * (1 - nearer)


def steps(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels that touch a step of depth (H, W, 1) on its nearer and on its farther side, (H, W) each in [0, 1]."""
    nearer, farther = touching(depth)
    # Where steps lie on steps there are no two surfaces, but a blur or hair; single ones are what is left of a staircase.
    either = np.maximum(nearer, farther)
    clear = ndimage.grey_closing(smoothstep(*NO_LINE, ndimage.uniform_filter(either, 7)), BAND)
    clear = clear * (1 - crowded(either)) * long_enough(either > 0.3)
    return nearer * clear, farther * clear


def touching(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As steps(), with those in hair and in noise."""
    marked = tuple(np.zeros(depth.shape[:2], np.float32) for _ in range(2))
    # Out of focus or in motion, depth is that of one ray in each pixel: the median takes away what stands alone.
    calm = ndimage.median_filter(depth, (5, 5, 1), mode="nearest")
    for bend, slant in bends(calm):
        for side, sign in zip(marked, (1, -1), strict=True):
            np.maximum(side, smoothstep(1, 2.5, sign * bend / (STEP + 2 * slant)), out=side)
    return marked


def crowded(steps: np.ndarray) -> np.ndarray:
    """How far there are too many steps (H, W) around to outline each."""
    return 1 - smoothstep(*CROWDED, ndimage.uniform_filter(steps, THICKET))


def hair(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Where hair, grass and leaves are, up to their roots and tips: (H, W) in [0, 1]. Where steps of depth crowd on a few pixels
    alone, as between posts or at a far horizon, is none."""
    steps = np.maximum(*touching(passes["depth"]))
    crowd = ndimage.maximum_filter(ndimage.grey_opening(crowded(steps), ROOTS), THICKET)
    thicket = ndimage.maximum_filter(ndimage.uniform_filter(crowd, ROOTS), ROOTS)
    # A strand of which only an end is outlined looks like a pin.
    lines = ndimage.maximum_filter(np.maximum(steps, creases(passes["normal"])), 3) > 0.3
    strands = ndimage.binary_dilation(thicket > 0.5, np.ones((3, 3)), STRAND, lines)
    return np.maximum(thicket, ndimage.gaussian_filter(ndimage.maximum_filter(strands.astype(np.float32), ROOTS), 1.5))


def long_enough(lines: np.ndarray) -> np.ndarray:
    """Those pieces of lines (H, W), bool, that have SHORTEST pixels or more."""
    pieces, _ = ndimage.label(lines, np.ones((3, 3)))
    kept = np.bincount(pieces.ravel()) >= SHORTEST
    kept[0] = False
    return kept[pieces]


def bends(depth: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Down and across: how much nearness (1 / depth, (H, W, 1)) bends at a pixel, positive on the nearer side of a step, and how
    fast it changes around, as (H, W) shares of itself.

    Nearness is linear on a plane however it is slanted, so that planes do not bend; around is what most of 7 pixels do.
    """
    nearness = 1 / np.maximum(depth[..., 0], np.finfo(np.float32).tiny)
    pairs = []
    for axis in (0, 1):
        before, after = (ndimage.convolve1d(nearness, k, axis=axis, mode="nearest") for k in ([0, 1, -1], [1, -1, 0]))
        around = ndimage.median_filter(np.abs(after), size=(7, 1) if axis == 0 else (1, 7), mode="nearest")
        pairs.append(((before - after) / nearness, around / nearness))
    return pairs


def creases(normal: np.ndarray) -> np.ndarray:
    """Where surfaces that meet turn by 20 degrees or more, (H, W) in [0, 1]; not where one is round, however small."""
    return ridges(ndimage.median_filter(normal, (3, 3, 1), mode="nearest"), 0.15, 0.4)


def materials(albedo: np.ndarray) -> np.ndarray:
    """Where one colour of paint ends at another, (H, W) in [0, 1]; not where it fades."""
    return ridges(encode_log(albedo), 0.06, 0.16)


def backdrop(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Where light or colour ends in what lies behind all surfaces, as a panorama does, which has no other borders: (H, W) in
    [0, 1]."""
    behind = np.minimum(encode_log(np.maximum(passes["image"][..., :3], 0)), LIT)
    return ridges(ndimage.gaussian_filter(behind, (1, 1, 0)), 0.06, 0.2) * (passes["depth"][..., 0] >= FAR)


def ridges(picture: np.ndarray, low: float, high: float) -> np.ndarray:
    """Lines of even width and strength where a picture (H, W, c) changes by `high` or more from one side to the other: (H, W).

    Each side is the mean of two pixels; what changes as much four pixels further on both sides, as far as they lie in the frame,
    is a slope, not a border.
    """
    lines = np.zeros(picture.shape[:2], np.float32)
    for axis in (0, 1):
        change = ndimage.convolve1d(picture, [0.5, 0.5, 0, -0.5, -0.5], axis=axis, mode="nearest")
        change = np.sqrt((change**2).sum(-1))
        size = (5, 1) if axis == 0 else (1, 5)
        both_sides = np.reshape([1, 0, 0, 0, 0, 0, 0, 0, 1], (9, 1) if axis == 0 else (1, 9))
        around = ndimage.minimum_filter(change, footprint=both_sides, mode="constant", cval=np.inf)
        crest = change >= 0.7 * ndimage.maximum_filter(change, size=size, mode="nearest")
        np.maximum(lines, crest * smoothstep(low, high, change - 1.3 * around), out=lines)
    # A line that is strong somewhere is strong all along (the hysteresis of Canny 1986).
    pieces, count = ndimage.label(bridged(lines > 0.05), np.ones((3, 3)))
    strong = np.bincount(pieces[lines > 0.9], minlength=count + 1) > 0
    strong[0] = False
    drawn = long_enough(strong[pieces] & (lines > 0.05))
    return smoothstep(0.15, 0.45, ndimage.gaussian_filter(drawn.astype(np.float32), 0.8))


def bridged(lines: np.ndarray) -> np.ndarray:
    """Lines (H, W), bool, whose gaps of up to two pixels are closed."""
    return ndimage.binary_closing(np.pad(lines, 1, mode="edge"), np.ones((3, 3)))[1:-1, 1:-1]


def slope(picture: np.ndarray, sigma: float) -> np.ndarray:
    """How fast a picture (H, W, c) changes, blurred by sigma pixels, over all its channels: (H, W)."""
    return sum(ndimage.gaussian_gradient_magnitude(channel, sigma) ** 2 for channel in np.moveaxis(picture, -1, 0)) ** 0.5


def glowing(image: np.ndarray) -> np.ndarray:
    """Where things shine by themselves (linear RGB, (H, W, 3) or more), evenly whichever way they turn, as letters of a sign do:
    (H, W) in [0, 1]. Such a thing is one patch of light, and its creases are none of the picture's."""
    tone = luminance(encode_log(np.maximum(image[..., :3], 0)))
    uneven = ndimage.maximum_filter(tone, 3) - ndimage.minimum_filter(tone, 3)
    return smoothstep(*SHINES, tone) * (1 - smoothstep(*UNEVEN, uneven))


def glow(tone: np.ndarray) -> np.ndarray:
    """The brightest tone around, softly: (H, W)."""
    return ndimage.gaussian_filter(ndimage.maximum_filter(tone, 9), 2)
