"""Oil paint as mixed on the palette, in closed form: looks mix it (see datasets/looks/oil_painting.py), and so do generators that
lay dabs, at full size, whatever the colours of the frames that taught them."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from core.colour import LUMINANCE

TONES, LAID = 9.0, 0.056
"""Tones between black and white that are mixed, and how far light is laid in them."""
CELL = 4
"""Side in pixels of the squares by whose means the tones are known."""
CONTRAST = 0.1345
"""How much darker dark tones get and lighter light ones; a 2.6th of it at most."""
RICHER = 0.35
"""What is added to colours, relative to how far they are from grey."""
WARMER, COOLER = 0.0225, 0.0053
"""How warm light tones and how cool dark ones are, about all that are cooler by a little."""
WARM = 1.0, 0.33, -2.34
"""What warmth adds to red, green and blue."""
BLACK, WHITE, SHINES = 0.1, 0.98, 1.3
"""Light, on the log curve, below which there is too little to mix; up to which all is mixed, and from which nothing is."""


def mixed(paint: Tensor, image: Tensor) -> Tensor:
    """Encoded colours (B, 3, H, W) as a painter mixes them: in a few tones of more contrast, richer, warm where light and cool
    where dark; black stays black, and what shines as it is. The tones are those of an encoded image (B, 3, H, W), H and W
    multiples of CELL: what is learned of the paint would have to be exact up to where they jump."""
    light = _luminance(paint)
    place = _luminance(avg_pool2d(image, CELL)) * TONES + 0.5
    within = place - torch.floor(place) - 0.5
    change = interpolate(within * (LAID - within * within * (4 * LAID)), scale_factor=float(CELL), mode="bilinear")
    turn = torch.clamp((light + change) * 2.5 - 1.5, -1.0, 1.0)
    share = torch.clamp(light * (1 / BLACK), 0.0, 1.0) * torch.clamp((SHINES - light) * (1 / (SHINES - WHITE)), 0.0, 1.0)
    warmth = (turn * WARMER - COOLER) * share
    change = (change + turn * (CONTRAST - turn * turn * CONTRAST) - light * RICHER) * share
    return paint * (share * RICHER + 1.0) + torch.cat([warmth * part + change for part in WARM], 1)


def _luminance(colours: Tensor) -> Tensor:
    red, green, blue = colours.split(1, 1)
    return red * LUMINANCE[0] + green * LUMINANCE[1] + blue * LUMINANCE[2]
