"""Watercolour in closed form, of a picture at full size: looks paint with it (see datasets/looks/watercolour.py), and pens lay it
in generators that work at a fraction of the size (see pens.py).

The parts of a computer-generated watercolour (Curtis et al. 1997) without its simulation of water: the colours of transparent
paint, a few flat washes one over the other, each below a height of the light, and pigment that gathers at their borders;
turbulence and the grain of the paper change its density (Bousseau et al. 2006), and here and there paper stays bare between
things (Montesdeoca et al. 2017)."""

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from core.colour import LUMINANCE

from .light import BORDER, CELL, LEVEL, light_of, slope

PAPER = 1.0, 0.992, 0.965
"""White of the paper, encoded RGB: warm."""
COLD, WARM = (1.8, 1.5, 0.75), (1.0, 1.7, 1.45)
"""Densities in red, green and blue of the most pigment, ultramarine and sepia: transparent paint is never black."""
SLATE = 0.22, 0.03, -0.42
"""What makes a grey wash bluish, as a share of its density."""
RICHER = 1.25
"""How many times as strong colours become."""
THINNED = 1.28, 1.8
"""Density of the darkest wash, and how dense the picture is where most of that is reached."""
FAINT = 0.02
"""Least density that colours are told by, and least light."""
HEIGHTS = 0.88, 0.7, 0.5, 0.28, 0.12
"""Light, on the log curve, below which each wash lies over those before it."""
PALE = 0.4
"""How much of the paint for its light the paper has where no wash lies."""
FLATTENED, MOST = 0.8, 1.8
"""How much of the tone within a wash is that of the wash, not of the picture, and how many times the picture's it is at most."""
WOBBLE, STEEPEST = 4.5, 0.02
"""Pixels that noise moves the borders of washes by, more or less, so that slow gradients do not break up into blotches; and the
change of light a pixel up to which it does, lest it tears the borders of things."""
DRY, LIGHT = 0.09, 0.6
"""How much light the paper's grain is worth to dry brush, and the height from which on a wash is light enough to show it."""
RUNS = 8.0
"""How many times wider borders become where paint is wet."""
UNEVEN = 0.3
"""How much denser and thinner turbulence makes light washes, as a share."""
GATHERS, RIM = 14.0, 0.55
"""How far pigment gathers for each unit by which a wash is denser than what is around, up to 1, and how much denser it dries
there, as a share."""
DRIED, AROUND = 0.9, 0.4
"""How much more there is for each unit by which a wash is denser than a few pixels, and these than some twenty pixels around."""
GRANULATION, RELIEF = 0.075, 0.008
"""How much the grain of the paper changes the density of paint, and its own white."""
THINNEST = 0.35
"""Share of the paint that is left without any pigment."""
EDGE, BESIDE, DEEPER = 0.12, 1.2, 5.0
"""By how much more than so many times what is usual around normals change over a few pixels at the border of two things; and what
relative depth counts for, beside normals."""
CROWDED = 0.3, 0.5
"""Shares of the pixels around that change, up to which borders are left bare, and from which on none are, as in foliage."""
LAMP = 1.1, 1.35
"""Light, on the log curve, from which on a picture shines through paint, and from which on there is none."""


FLAT = [THINNED[0] * (1 - ((above + below) / 2) ** (1 / THINNED[1])) for above, below in pairwise((1.0, *HEIGHTS, 0.03))]
"""Density of paint with each further wash: first on nearly bare paper."""
FLAT[0] *= PALE


def painted(
    image: Tensor, noise: Tensor, grain: Tensor, wetness: Tensor, normal: Tensor | None = None, depth: Tensor | None = None
) -> Tensor:
    """An encoded image (B, 3, H, W) in watercolour, encoded; sides are multiples of CELL. noise: two channels or more of about
    [-1, 1], see turbulence() and washes(); grain: what relief() takes; wetness: see washes(); normal, depth: see gaps()."""
    paper, water = relief(grain[:, :1]), turbulence(noise)
    density = laid(image, noise[:, 1:2], paper, wetness)
    bare = 0.0 if normal is None or depth is None else gaps(normal, depth, density, water)
    return on_paper(image, colours(image), density, water * wetness, paper, bare=bare)


def colours(image: Tensor) -> Tensor:
    """How much light paint takes away by colour, (B, 3, H, W), for each unit of its density, that is mixed for an encoded image
    (B, 3, H, W): richer than it is, greys and blacks mixed of colours. Softened by two pixels."""
    density = -torch.log(torch.clamp(avg_pool2d(image, 4, stride=2, padding=1, count_include_pad=False), FAINT, 1.0))
    mean = _luminance(density)
    hue = (density - mean) / torch.clamp(mean, FAINT)
    red, _, blue = hue.split(1, 1)
    strong = (torch.relu(hue) + torch.relu(-hue)).sum(1, keepdim=True)
    grey = 1.0 - torch.clamp((strong - 0.07) * 3, 0.0, 1.0)
    warm = torch.clamp((blue - red - 0.05) * (1 / 0.35), 0.0, 1.0)
    thin = thinned(mean)
    mixed = (hue * RICHER + _colour(SLATE, hue) * grey + 1.0) * thin
    cold = _colour(COLD, hue)
    dark = torch.clamp((thin - 0.7) * (1 / 0.7), 0.0, 1.0) * 0.8
    paint = torch.relu(mixed + (cold + (_colour(WARM, hue) - cold) * warm - mixed) * dark)
    return interpolate(paint / torch.clamp(_luminance(paint), FAINT), scale_factor=2.0, mode="bilinear")


def thinned(density: Tensor) -> Tensor:
    """Density of paint for that of the picture: darks are thinned."""
    return (1.0 - torch.exp(density * (-1 / THINNED[1]))) * THINNED[0]


def _luminance(density: Tensor) -> Tensor:
    red, green, blue = density.split(1, 1)
    return red * LUMINANCE[0] + green * LUMINANCE[1] + blue * LUMINANCE[2]


def _colour(rgb: tuple[float, float, float], like: Tensor) -> Tensor:
    return torch.tensor(rgb, dtype=like.dtype, device=like.device)[:, None, None]


def washes(light: Tensor, noise: Tensor, paper: Tensor, wetness: Tensor) -> Tensor:
    """Density of flat washes, one over the other, for light on the log curve; all (B, 1, H, W), H and W multiples of CELL.

    noise: about [-1, 1], what moves borders. paper: see relief(). wetness: from 0, where grain breaks up light washes, over 1 to
    2, where they run into each other."""
    change = slope(light)
    moved = avg_pool2d(noise, CELL) * (torch.clamp(change, 0.0, STEEPEST) * WOBBLE)
    steepness = (4 / BORDER) / ((change + LEVEL) * (torch.relu(avg_pool2d(wetness, CELL) - 1.0) * RUNS + 1.0))
    moved, steepness = interpolate(torch.cat([moved, steepness], 1), scale_factor=float(CELL), mode="bilinear").split(1, 1)
    light = light - moved
    dry = light - paper * torch.relu(1.0 - wetness) * DRY
    density = FLAT[0]
    for height, (below, above) in zip(HEIGHTS, pairwise(FLAT), strict=True):
        density = density + torch.sigmoid((height - (dry if height > LIGHT else light)) * steepness) * (above - below)
    return density


def laid(image: Tensor, noise: Tensor, paper: Tensor, wetness: Tensor) -> Tensor:
    """Density of paint for an encoded image (B, 3, H, W), in flat washes; others as washes() takes them."""
    own = thinned(-torch.log(torch.clamp(_luminance(image), FAINT, 1.0)))
    # The borders of washes are too steep to learn by.
    flat = own * (1 - FLATTENED) + washes(light_of(image.detach()), noise, paper, wetness) * FLATTENED
    return flat - torch.relu(flat - own * MOST)


def turbulence(noise: Tensor) -> Tensor:
    """How much pigment lies where, (B, 1, H, W), about [-1, 1]: slow beats of two channels of noise."""
    first, second = avg_pool2d(noise, CELL)[:, :2].split(1, 1)
    beat = (first - second) * (first + second)
    for window in ((11, 1), (1, 11), (9, 1), (1, 9)):
        beat = avg_pool2d(beat, window, stride=1, padding=(window[0] // 2, window[1] // 2), count_include_pad=False)
    beat = torch.sigmoid(beat * 12) * 2 - 1.0  # the hyperbolic tangent of 6 times as much
    return interpolate(beat, scale_factor=float(CELL), mode="bilinear")


def gaps(normal: Tensor, depth: Tensor, density: Tensor, water: Tensor) -> Tensor:
    """Where paper stays bare between two washes of some density, in [0, 1]: here and there, as turbulence has it, less between
    dark ones, and not where borders crowd; all (B, 1, H, W) but normals, (B, 3, H, W). depth: relative, see relative_depth()."""
    sides = avg_pool2d(torch.cat([normal, depth * DEEPER], 1), 2)
    change = (max_pool2d(sides, 3, stride=1, padding=1) + max_pool2d(-sides, 3, stride=1, padding=1)).sum(1, keepdim=True)
    # Smooth before a threshold: a step that lies within a pair of pixels changes less, but more of them.
    borders = torch.clamp((_around(change, 3) - _around(change, 11) * BESIDE - EDGE) * 5, 0.0, 0.95)
    crowd = _around(torch.clamp(change * 2.5 - 0.75, 0.0, 1.0), 13)
    alone = torch.clamp((CROWDED[1] - crowd) * (1 / (CROWDED[1] - CROWDED[0])), 0.0, 1.0)
    bare = interpolate(borders * alone, scale_factor=2.0, mode="bilinear")
    return bare * torch.clamp(1.6 - density, 0.4, 1.0) * torch.clamp(water + 0.6, 0.0, 1.0)


def _around(x: Tensor, side: int) -> Tensor:
    return avg_pool2d(x, side, stride=1, padding=side // 2, count_include_pad=False)


def dried(density: Tensor) -> Tensor:
    """How much pigment gathers inside the borders of paint of some density; both (B, 1, H, W)."""
    near = avg_pool2d(density, 4, stride=2, padding=1, count_include_pad=False)
    near, far = _around(near, 3), _around(avg_pool2d(density, CELL), 5)
    near, far = interpolate(near, scale_factor=2.0, mode="bilinear"), interpolate(far, scale_factor=float(CELL), mode="bilinear")
    more = torch.relu(density - near)
    return density * torch.clamp(more * GATHERS, 0.0, 1.0) * RIM + (more + torch.relu(near - far) * AROUND) * DRIED


def relief(grain: Tensor) -> Tensor:
    """Height of the paper, of deviation about 1, in its fine grain alone: of noise (B, 1, H, W) of all sizes."""
    coarse = _around(avg_pool2d(grain, CELL), 3)
    return (grain - interpolate(coarse, scale_factor=float(CELL), mode="bilinear")) * 1.3


def on_paper(
    image: Tensor,
    colour: Tensor,
    density: Tensor,
    water: Tensor,
    paper: Tensor,
    pigment: Tensor | float = 1.0,
    bare: Tensor | float = 0.0,
) -> Tensor:
    """The encoded picture (B, 3, H, W) that paint of a colour, see colours(), and density, see laid(), becomes on paper, see
    relief(); where the encoded image shines, itself.

    water: how uneven washes are, see turbulence(). pigment: how much of it there is, 1 as a rule. bare: how much of the paper is
    left without paint, in [0, 1]."""
    density = density * (water * UNEVEN / torch.clamp(density * 2, 1.0) + 1.0)
    density = density + dried(density) * pigment
    density = density * (paper * (pigment * GRANULATION) + (pigment * (1 - THINNEST) + THINNEST)) * (1.0 - bare)
    painted = torch.exp(torch.relu(density) * -colour) * (paper * RELIEF + 1.0) * _colour(PAPER, image)
    red, green, blue = image.split(1, 1)
    brightest = red + torch.relu(green - red)
    brightest = brightest + torch.relu(blue - brightest)
    shines = torch.clamp((brightest - LAMP[0]) * (1 / (LAMP[1] - LAMP[0])), 0.0, 1.0)
    return painted + (image - painted) * shines
