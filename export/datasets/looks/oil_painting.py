"""Oil painting: dabs of a brush that follow form, broad ones first and finer ones where there is more to see, in raking light."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from .anchored import noise_everywhere
from .dabs import Brush, Canvas, form_of, lay, missed, places, whole_surfaces
from .directions import directions
from .tones import flatten, smoothstep

BROAD, MIDDLE, FINE = Brush(40, 15, 4.2), Brush(26, 9, 3.4), Brush(13, 4.5, 2.6)
"""The brushes, in the order in which they are taken up."""
MISSED = 0.022, 0.03
"""How far, on the log curve, the canvas may miss the picture before the middle and the fine brush are taken up there."""
LIGHT = np.array([-0.8, -0.6], np.float32)
"""Direction that the raking light comes from, (y, x): up and left."""


def oil_painting(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Dabs of mixed paint with ends, overlaps and the marks of bristles: (H, W, 3) linear Rec.709, >= 0.

    Brushes from broad to fine, each where the canvas still misses the picture (Hertzmann 1998); dabs sit where noise that sticks
    to surfaces has its crests, as the particles of Meier 1996 do, follow the form (Hays and Essa 2004), end where it ends, and
    have the colour of the place they sit at, leaning to warm or cool, light or dark. A raking light brings out borders and
    bristles (Hertzmann 2002). Radiance above 1 keeps its value.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    flat = flatten(encode_log(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=5)
    first, second = ndimage.gaussian_filter(noise_everywhere(passes, 2), (1, 1, 0)).transpose(2, 0, 1)
    along, across = directions(passes["normal"])
    form, whole = form_of(passes), whole_surfaces(passes)
    reference = palette(flat, luminance(flat))
    canvas = Canvas(reference.copy(), np.full(first.shape, 0.4, np.float32))
    mixed = broken(reference, first, second)

    def spots(*grains: np.ndarray) -> np.ndarray:
        return np.concatenate([places(grain, whole) for grain in grains])

    between = first + second, first - second
    lay(canvas, BROAD, spots(first, second), first * second, mixed, along, form)
    lay(canvas, MIDDLE, missed(canvas, reference, spots(*between), 4.0, MISSED[0]), second, mixed, along, form)
    crowd = spots(first, second, *between, first * second)
    lay(canvas, FINE, missed(canvas, reference, crowd, 1.5, MISSED[1]), between[0], mixed, along, form)
    relief = ndimage.gaussian_filter(canvas.relief, 0.6)
    raked = sum(part * slope for part, slope in zip(LIGHT, np.gradient(relief), strict=True))
    paint = canvas.colours * (1 - 0.07 * np.tanh(4 * raked))[..., None]
    light = smoothstep(1.1, 1.4, luminance(flat))[..., None]
    return decode_log(np.maximum(paint + (flat - paint) * light, 0)).astype(np.float32)


def broken(colours: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) that lean to warm or cool and to light or dark with noise (H, W) each, as they lie on the palette."""
    warm, bright = np.tanh(2 * second)[..., None], np.tanh(3 * first - second)[..., None]
    leaning = 0.022 * warm * np.array([1, 0.2, -1], np.float32) + 0.032 * bright
    return colours + leaning * np.minimum(1, colours.clip(0) / 0.3)


def palette(flat: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Encoded colours as mixed on the palette: richer, warm where light and cool where dark, with more contrast."""
    low = (1 - smoothstep(0.2, 0.75, tone))[..., None]
    high = (smoothstep(0.55, 0.95, tone) * (1 - smoothstep(1.0, 1.3, tone)))[..., None]
    value = tone + 0.05 * np.sin(2 * np.pi * (np.clip(tone, 0.2, 1) - 0.6) / 0.8)
    cool, warm = np.array([-0.03, -0.01, 0.06], np.float32), np.array([0.02, 0.01, -0.025], np.float32)
    rich = 1.35 - 0.35 * smoothstep(1.0, 1.3, flat.max(-1))[..., None]
    return value[..., None] + rich * (flat - tone[..., None]) + cool * low * np.minimum(1, tone / 0.1)[..., None] + warm * high
