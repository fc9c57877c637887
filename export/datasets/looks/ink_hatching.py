"""Ink and Hatching: strokes of ink that follow the form and swell with the shade, over bold flat washes."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from .anchored import strokes
from .lines import borders, hair, outlines, weighted
from .smoothing import scenery, within_edges
from .tones import flatten, lightness, quantise, smoothstep

INK = np.array([0.010, 0.009, 0.022], np.float32)
"""Blue black of outlines and deepest shade, linear Rec.709."""
PEN = np.array([0.020, 0.012, 0.060], np.float32)
"""The colour that strokes tend to."""
LIGHT, CROSSED, DARK = 0.88, 0.52, 0.2
"""Tones below which the first strokes come and the first crossed ones, and at which all are there."""
WIDTH, LENGTH = 12.0, 5.0
"""Pixels from one stroke to the next, and the length of one, in widths."""
SPARSE, DENSE = 1.7, 0.15
"""Heights, in deviations of the strokes' noise, above which there is ink where the first strokes come and where all are there."""
SOFT = 0.3
"""Half the height over which a stroke's border rises."""
BLACK = 0.24, 0.13
"""Tones from which and at which all is ink."""
RIM = 0.3
"""How far an outline in the black is lighter than the black."""


def ink_hatching(
    passes: dict[str, np.ndarray], line_weight: float | np.ndarray = 1.0, hatching: float | np.ndarray = 1.0
) -> np.ndarray:
    """Strokes of coloured ink that follow the form, spotted blacks, outlines, flat washes: (H, W, 3) linear Rec.709.

    line_weight, hatching: knobs, one number or (H, W): how thick the lines are and how early strokes come, 0 for none.

    Strokes come and swell as the tone falls, so that each tone keeps the strokes of the lighter ones (tonal art maps: Praun,
    Hoppe, Webb and Finkelstein 2001), turn with the surface (Hertzmann and Zorin 2000) and are crossed in the shade. They are the
    ridges of noise that sticks to surfaces (Benard, Bousseau and Thollot 2009), which the generator sees as well. Outlines: Saito
    and Takahashi 1990; in the black they are left light. Radiance above 1 keeps its value.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    flat = flatten(encode_log(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=5)
    # What is rough, as sand is, has one tone for the pen; what shines keeps its own.
    even = within_edges(np.minimum(flat, 1.2), np.maximum(borders(passes), scenery(passes)), 8)
    flat = even + (flat - even) * smoothstep(1.0, 1.2, luminance(flat))[..., None]
    # Strong colours are hatched less than grey as dark as they, and do not drown in black.
    tone = ndimage.gaussian_filter(lightness(flat), 1.5)
    paper = wash(flat, luminance(flat))
    first, crossed = strokes(passes, 2, WIDTH, LENGTH).transpose(2, 0, 1)
    ink = np.maximum(
        hatched(first, hatching * (LIGHT - tone) / (LIGHT - DARK)),
        hatched(crossed, hatching * (CROSSED - tone) / (CROSSED - DARK)),
    )
    drawn = 1 - hair(passes)  # whose strands are strokes themselves
    # Strokes are drawn with a pen of the wash's own colour, darker and bluer, which is richer than black and calmer in motion.
    pen = 0.3 * paper + 0.7 * encode_log(PEN)
    painted = paper + (pen - paper) * (drawn * ink)[..., None]
    black = smoothstep(*BLACK, tone)[..., None]
    painted = painted + (encode_log(INK) - painted) * black
    line = weighted(outlines(passes, luminance(flat)) * drawn, line_weight)[..., None]
    colour = encode_log(INK) + RIM * black * (paper + 0.2)
    return decode_log(painted + (colour - painted) * line).astype(np.float32)


def hatched(noise: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Coverage [0, 1] of pen strokes, (H, W), on the ridges of noise (H, W): none up to shade (H, W) 0, all from 1 on."""
    height = SPARSE - (SPARSE - DENSE) * np.clip(shade, 0, 1) ** 0.8
    return smoothstep(height - SOFT, height + SOFT, noise) * smoothstep(0, 0.08, shade)


def wash(flat: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Flat colour in four soft steps, lights warm like paper and shadows violet (encoded RGB)."""
    stepped = quantise(tone, 4.0, 5.0)
    chroma = flat - tone[..., None]
    shade = (1 - smoothstep(0.25, 0.8, stepped))[..., None]
    light = smoothstep(0.55, 0.95, stepped)[..., None] * (1 - smoothstep(1.0, 1.3, stepped)[..., None])
    cool, warm = np.array([-0.02, -0.03, 0.12], np.float32), np.array([0.03, 0.015, -0.06], np.float32)
    colour = stepped[..., None] + 0.12 * shade + 1.6 * chroma + cool * shade + warm * light
    # Clearer colour must not shine: on the log curve a pure blue would become a lamp.
    return np.minimum(colour, np.maximum(flat.max(-1, keepdims=True), 1))
