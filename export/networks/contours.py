"""Contours of a picture in closed form, at full size: looks draw them (see datasets/looks/graphic_novel.py), and pens ink them in
generators that see the image alone and work at a fraction of the size (see pens.py)."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, max_pool2d, pad

from .light import CELL

LIT = 1.2
"""Light, on the log curve, above which nothing changes any more: lamps are no edges within."""
FLOOR = 0.006
"""Change a pixel, of all channels together, that noise has: what changes less is no edge, however even it is around."""
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
    """How many times as fast as around an encoded image (B, 3, H, W) changes at a pixel, (B, 1, H, W), H and W multiples of CELL.

    1 on a slope, about 3 along an edge, of light or of colour alone, however faint it is: lines drawn where this is high are as
    thick in the dark as in the light, and fewer where they would crowd. Contrast relative to its surroundings, as an adaptive
    threshold of differences of Gaussians has it (Winnemoeller et al. 2012)."""
    change = changes(image)
    around = avg_pool2d(change, CELL)
    for _ in range(2):
        around = avg_pool2d(around, 3, stride=1, padding=1, count_include_pad=False)
    return change / (interpolate(around, scale_factor=float(CELL), mode="bilinear") + FLOOR)


def changes(image: Tensor) -> Tensor:
    """How fast an encoded image (B, 3, H, W) changes a pixel, down and across in all its channels together, (B, 1, H, W)."""
    calm = avg_pool2d(torch.clamp(image, 0.0, LIT), 3, stride=1, padding=1, count_include_pad=False)
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=image.dtype, device=image.device) / 8  # Sobel
    kernels = torch.zeros(6, 3, 3, 3, dtype=image.dtype, device=image.device)
    for channel in range(3):
        kernels[2 * channel, channel], kernels[2 * channel + 1, channel] = across, across.T
    change = conv2d(pad(calm, (1, 1, 1, 1), mode="replicate"), kernels)
    return (torch.relu(change) + torch.relu(-change)).sum(1, keepdim=True)


def coverage(crests: Tensor, height: Tensor | float, weight: Tensor) -> Tensor:
    """Coverage [0, 1] of a pen that draws where crests rise above a height; all (B, 1, H, W).

    weight: how many times as wide it is, from 0: a finer one covers less, a broader one more around."""
    wider = torch.relu(weight - FINEST) * PER_WEIGHT
    for width in range(WIDEST):
        broader = max_pool2d(crests, 3, stride=1, padding=1)
        crests = crests + (broader - crests) * torch.clamp(wider - float(width), 0.0, 1.0)
    hard = torch.sigmoid((crests - height) * CRISP)
    return avg_pool2d(hard, 3, stride=1, padding=1, count_include_pad=False) * torch.clamp(weight * (1 / FINEST), 0.0, 1.0)
