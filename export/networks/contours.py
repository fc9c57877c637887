"""Contours of a picture in closed form, at full size: looks draw them (see datasets/looks/graphic_novel.py), and pens ink them in
generators that see the image alone and work at a fraction of the size (see pens.py)."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, max_pool2d, pad, pixel_shuffle, pixel_unshuffle

from .light import CELL

LIT = 1.2
"""Light, on the log curve, above which nothing changes any more: lamps are no edges within."""
FLOOR = 0.006
"""Change a pixel, of all channels together, that noise has: what changes less is no edge, however even it is around."""
MARGIN = 3
"""Pixels at the borders of a frame in which nothing is looked for: denoisers leave specks in its corners."""
BLOCK = 8
"""Side in pixels of the squares by whose means thickets are known."""
THICKET = 0.42, 0.62
"""Share of what changes around that comes to nothing again: up to which all lines are drawn, and from which on they crowd."""
THINNED = 1.6
"""By how many times more a picture has to change in a thicket, so that only its outline and its strongest lines are left."""
WHITE = 1.0
"""Light, on the log curve, of all channels in the mean, from which on something shines."""
GAIN, NOISY = 16.0, (0.3, 0.6)
"""By how much changes are made larger, lest their squares be lost at half precision; and the coherence that noise has at most,
edges at least."""
LENGTH, WAYS, NO_WAY = 9, 8, 2.0**-10
"""Pixels along which lines are made even, the directions that are told apart for it, and the share of none."""
FAINT, STRONG = (1.1, 1.5), (1.8, 2.8)
"""How many times as fast as around a picture changes where that is a part of a line, and for certain; and up to which it needs
others to both sides to be one, and from which it does not."""
PART, SHARES = (0.15, 0.3), (0.85, 1.3)
"""Share of cells along LENGTH of them that are parts of a line: where there is none, and where there is one for certain; and what
is left of a faint crest there, so that it is no dash, and what it becomes."""
SURE = 1.25
"""How many times as fast as around a picture may change and be noise; from 1 more on it is none, as where lines cross or end."""
HEIGHT = 1.5
"""How many times as fast as around a picture changes where a contour begins."""
CRISP = 2.5
"""How steeply its border rises: within about a pixel, which is then spread over three: hard lines flicker when they move by parts
of a pixel (twice as much)."""
WIDEST, PER_WEIGHT = 3, 1.5
"""Pixels that a contour may grow to each side, and by how many it does for each 1 by which its weight is more than FINEST."""
FINEST = 0.4
"""Weight up to which a contour is as thin as the crest itself."""


def crests(image: Tensor) -> Tensor:
    """How many times as fast as around an encoded image (B, 3, H, W) changes at a pixel, (B, 1, H, W); H and W are multiples of
    BLOCK.

    1 on a slope, about 3 along an edge, of light or of colour alone, however faint it is: lines drawn where this is high are as
    thick in the dark as in the light, and fewer where they would crowd. Contrast relative to its surroundings, as an adaptive
    threshold of differences of Gaussians has it (Winnemoeller et al. 2012). In thickets and around glints it is lower, and 0 in
    noise."""
    change = changes(image)
    cells = avg_pool2d(change, CELL)
    around = _mean(_mean(cells)) + FLOOR
    around = around + around * (crowded(avg_pool2d(image, CELL), cells) * THINNED + glints(image))
    faster = change / interpolate(around, scale_factor=float(CELL), mode="bilinear")
    way = directions(image)
    lined = interpolate(coherence(way), scale_factor=2.0, mode="bilinear")
    return supported(along(faster * (lined + torch.relu(torch.clamp(faster - SURE, 0.0, 1.0) - lined)), way), way)


def changes(image: Tensor) -> Tensor:
    """How fast an encoded image (B, 3, H, W) changes a pixel, down and across in all its channels together, (B, 1, H, W); within
    MARGIN of the frame's borders as fast as there, so that lines run on to them."""
    inside = slice(MARGIN - 2, 2 - MARGIN)  # the mean and the derivative take a pixel each
    change = _sobel(avg_pool2d(torch.clamp(image, 0.0, LIT), 3, stride=1))[..., inside, inside]
    return pad(change, (MARGIN, MARGIN, MARGIN, MARGIN), mode="replicate")


def directions(image: Tensor) -> Tensor:
    """Twice the angle at which an encoded image (B, 3, H, W) changes within 6 pixels around, as its cosine and sine times how far
    that is the only one, (B, 2, H/2, W/2): of the structure tensor (Bigun and Granlund 1987)."""
    half = avg_pool2d(torch.clamp(image, 0.0, LIT), 2)
    across, down = (GAIN * change for change in _gradients(pad(half, (1, 1, 1, 1), mode="replicate")).chunk(2, 1))
    tensor = torch.cat([across * across - down * down, 2 * across * down, across * across + down * down])
    aslant, turned, whole = _mean(tensor.sum(1, keepdim=True)).chunk(3)
    return torch.cat([aslant, turned], 1) / (whole + (GAIN * FLOOR / 3) ** 2)


def coherence(way: Tensor) -> Tensor:
    """How far directions() are the only ones, (B, 1, H/2, W/2) in [0, 1]: along edges, but not in the noise of few samples."""
    noise, edge = (x * x for x in NOISY)
    return torch.clamp(((way * way).sum(1, keepdim=True) - noise) * (1 / (edge - noise)), 0.0, 1.0)


def along(x: Tensor, way: Tensor) -> Tensor:
    """Root mean squares of (B, 1, H, W) along edges, across directions(), so that no staircase of pixels breaks a faint line into
    dashes (smoothing along the flow of edges: Kang et al. 2007); as it is where there is no direction."""
    square, eye = x * x, torch.eye(4, dtype=x.dtype, device=x.device)
    # Pixels of squares of four as channels: ONNX Runtime is slow on one alone.
    quarters = conv2d(pad(square, (LENGTH // 2,) * 4, mode="replicate"), eye.view(4, 1, 2, 2), stride=2)
    means = conv2d(quarters, pixel_unshuffle(SEGMENTS.to(x), 2))
    likeness = _likeness(way)
    means = conv2d(means * torch.cat([likeness] * 4, 1), eye.repeat_interleave(WAYS, 1)[..., None, None])
    share = interpolate(likeness.sum(1, keepdim=True), scale_factor=2.0, mode="bilinear")
    mean = (pixel_shuffle(means, 2) + square * NO_WAY) / (share + NO_WAY)
    return torch.exp(torch.log(mean + NO_WAY) * 0.5)  # the root, of operators that styles are made of


def supported(crest: Tensor, way: Tensor) -> Tensor:
    """Crests (B, 1, H, W) by directions(): faint ones are stronger as parts of a line, however faint that is, and fainter alone,
    so that there are no dashes (a hysteresis, Canny 1986, but smooth, and along the flow of edges)."""
    least, most = FAINT
    parts = avg_pool2d(torch.clamp((crest - least) * (1 / (most - least)), 0.0, 1.0), CELL)
    likeness = _likeness(avg_pool2d(way, CELL // 2))
    lines = conv2d(pad(parts, (LENGTH // 2,) * 4, mode="replicate"), LINES.to(crest))
    part = (lines * likeness).sum(1, keepdim=True) / (likeness.sum(1, keepdim=True) + NO_WAY)
    (none, whole), (alone, lined) = PART, SHARES
    share = torch.clamp((part - none) * (1 / (whole - none)), 0.0, 1.0) * (lined - alone) + (alone - 1.0)
    faint = 1.0 - torch.clamp((crest - STRONG[0]) * (1 / (STRONG[1] - STRONG[0])), 0.0, 1.0)
    return crest * (1.0 + interpolate(share, scale_factor=float(CELL), mode="bilinear") * faint)


def _likeness(way: Tensor) -> Tensor:
    """How near each of the directions that are told apart is to directions() (B, 2, h, w): (B, WAYS, h, w)."""
    likeness = torch.relu(conv2d(way, -AXES.to(way)))
    for _ in range(3):
        likeness = likeness * likeness
    return likeness


def _lines(angles: Tensor, narrow: float) -> Tensor:
    """Means along segments at angles (WAYS, 1, 1), 1 / narrow pixels wide to each side, as kernels (WAYS, n, n)."""
    pixels = torch.arange(LENGTH) - LENGTH // 2
    across, down = pixels, pixels[:, None]
    forth, aside = across * angles.cos() + down * angles.sin(), down * angles.cos() - across * angles.sin()
    weights = torch.exp(-((forth * (3 / LENGTH)) ** 2) - (aside * narrow) ** 2)
    weights = torch.relu(weights - NO_WAY)  # processors are slow at less
    return weights / weights.sum((1, 2), keepdim=True)


def _segments(angles: Tensor) -> Tensor:
    """Means along segments at angles (WAYS, 1, 1) through each pixel of a square of four, as kernels (4 * WAYS, 1, n, n)."""
    weights = _lines(angles, 3.0)
    return torch.cat([pad(weights, (right, 1 - right, down, 1 - down)) for down in (0, 1) for right in (0, 1)])[:, None]


def crowded(image: Tensor, change: Tensor) -> Tensor:
    """How far a thicket, as hair, leaves and paving are, is around cells, (B, 1, h, w) in [0, 1]: there a draughtsman leaves most
    lines out. image, change: means over cells of the encoded image, (B, 3, h, w), h and w even, and of its changes().

    In a thicket it changes up and down again, so that much less lasts from block to block than changes within (the relative total
    variation of Xu et al. 2012); and that everywhere within five blocks, as it is not around thin things, bars and railings."""
    blocks, within = (avg_pool2d(x, BLOCK // CELL) for x in (torch.clamp(image, 0.0, LIT), change))
    lasting = _sobel(pad(blocks, (1, 1, 1, 1), mode="replicate")) * (1 / BLOCK)
    idle = torch.relu(_mean(within) - lasting) / (_mean(within, 5) + FLOOR)
    everywhere = -max_pool2d(-idle, 5, stride=1, padding=2)
    up_to_tips = _mean(max_pool2d(everywhere, 7, stride=1, padding=3))
    least, most = THICKET
    thicket = torch.clamp((up_to_tips - least) * (1 / (most - least)), 0.0, 1.0)
    return interpolate(thicket, scale_factor=BLOCK / CELL, mode="bilinear")


def glints(image: Tensor) -> Tensor:
    """How far thin things shine around cells of an encoded image (B, 3, H, W), (B, 1, h, w) in [0, 1], as highlights do.
    These have no outline, and lines along both their sides would ink them over: there it takes up to twice the change.

    What is lighter than white and fits no square of three cells (a white top-hat, Meyer 1979); windows and skies do fit."""
    light = torch.clamp(image, 0.0, LIT).sum(1, keepdim=True) * (1 / 3)
    shines = avg_pool2d(torch.relu(light - WHITE) * (1 / (LIT - WHITE)), CELL)
    broad = _most(-_most(-shines))
    return _most(shines - broad)


def _sobel(image: Tensor) -> Tensor:
    """How much (B, 3, H, W) changes a pixel, in all channels and both directions together, (B, 1, H - 2, W - 2)."""
    change = _gradients(image)
    return (torch.relu(change) + torch.relu(-change)).sum(1, keepdim=True)


def _gradients(image: Tensor) -> Tensor:
    """How much each channel of (B, 3, H, W) changes a pixel, (B, 6, H - 2, W - 2): all across, then all down."""
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=image.dtype, device=image.device) / 8
    kernels = torch.zeros(6, 3, 3, 3, dtype=image.dtype, device=image.device)
    for channel in range(3):
        kernels[channel, channel], kernels[3 + channel, channel] = across, across.T
    return conv2d(image, kernels)


def _mean(x: Tensor, side: int = 3) -> Tensor:
    """Means of windows, at borders of what there is."""
    return avg_pool2d(x, side, stride=1, padding=side // 2, count_include_pad=False)


def _most(x: Tensor) -> Tensor:
    """Greatest of windows of three."""
    return max_pool2d(x, 3, stride=1, padding=1)


def coverage(crests: Tensor, height: Tensor | float, weight: Tensor) -> Tensor:
    """Coverage [0, 1] of a pen that draws where crests rise above a height; all (B, 1, H, W).

    weight: how many times as wide it is, from 0: a finer one covers less, a broader one more around."""
    crests = broadened(crests, torch.relu(weight - FINEST) * PER_WEIGHT)
    hard = torch.sigmoid((crests - height) * CRISP)
    return avg_pool2d(hard, 3, stride=1, padding=1, count_include_pad=False) * torch.clamp(weight * (1 / FINEST), 0.0, 1.0)


def broadened(lines: Tensor, wider: Tensor) -> Tensor:
    """Lines that are so many pixels wider to each side, up to WIDEST; both (B, 1, H, W)."""
    for width in range(WIDEST):
        broader = _most(lines)
        lines = lines + (broader - lines) * torch.clamp(wider - float(width), 0.0, 1.0)
    return lines


_ANGLES = torch.arange(WAYS)[:, None, None] * (torch.pi / WAYS)
AXES = torch.cat([(2 * _ANGLES).cos(), (2 * _ANGLES).sin()], 1)[..., None]
"""Cosine and sine of twice the angle of each direction, (WAYS, 2, 1, 1)."""
LINES = _lines(_ANGLES, 1.2)[:, None]
SEGMENTS = _segments(_ANGLES)
"""Constants, since what is computed in a graph is not folded where it is this large, which is slow."""
