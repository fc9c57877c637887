"""Oil painting: dabs of broad and fine brushes that follow the form, of paint mixed and broken on the palette."""

import numpy as np

from core.colour import decode_log, encode_log

from ...networks.dabs import RAKED
from ...networks.palette import mixed
from .anchored import dabs
from .lines import borders
from .shown import shown
from .smoothing import within_edges
from .tones import flatten

BROADLY = 14
"""Pixels that colours are averaged over, within surfaces, for broad dabs."""
BREAKING = 0.6
"""The usual `broken_colour`."""


def oil_painting(
    passes: dict[str, np.ndarray], brush_marks: float | np.ndarray = 1.0, broken_colour: float | np.ndarray = BREAKING
) -> np.ndarray:
    """Broad dabs of broken colour, and fine ones where there is detail, in raking light: (H, W, 3) linear Rec.709, >= 0.

    brush_marks, broken_colour: knobs, one number or (H, W): relief of the paint in raking light (Hertzmann 2002), and how far
    dabs differ in tone and colour from what they paint.

    As a painter does who goes from broad brushes to fine ones (Hertzmann 1998), fine dabs lie where the picture differs from its
    own broad averages, and there it keeps its detail. All dabs stick to surfaces and follow the form (Hays and Essa 2004). A
    generator lays the same ones, and mixes its colours alike (see networks/dabs.py and palette.py). Radiance above 1 keeps its
    value.
    """
    image = encode_log(np.maximum(passes["image"][..., :3], 0))
    flat, edges = flatten(image, passes["normal"], passes["albedo"], passes["depth"], radius=5), borders(passes)
    change, raked, detail, share = dabs(passes, image)
    broad = within_edges(flat, 0.5 * edges, BROADLY)
    canvas = broad + (image - broad) * detail[..., None]
    paint = shown(mixed, canvas, image) + (broken_colour / BREAKING * share)[..., None] * change
    paint = paint * (1 + RAKED * brush_marks * share * raked)[..., None]
    return decode_log(np.maximum(paint, 0)).astype(np.float32)
