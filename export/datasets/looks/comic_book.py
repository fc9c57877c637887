"""Comic Book: flat washes, ink contours, spotted blacks."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from .cel import flat_colour
from .lines import contours, hair, weighted
from .tones import lightness, smoothstep, stepped

INK = np.array([0.012, 0.010, 0.028], np.float32)
"""Blue black, linear Rec.709."""
PALE = np.array([0.37, 0.40, 0.49], np.float32)
"""Lines inside of black, where ink would not show, encoded."""
PEN = 0.95
"""Coverage of a contour."""
SIGMA = 1.6
"""Width of the brush in pixels."""
SHARPNESS = 6.0
"""How far a tone is pulled to black, or away from it, by its difference from its surroundings."""
BLACK = 0.17, 0.26
"""Tone (encoded luminance) that becomes half ink, in the dark and in the light."""


def comic_book(
    passes: dict[str, np.ndarray], line_weight: float | np.ndarray = 1.0, tones: float | np.ndarray = 5.0
) -> np.ndarray:
    """Flat washes in soft tone steps, ink contours, spotted blacks: (H, W, 3) linear Rec.709.

    line_weight, tones: knobs, one number or (H, W): how thick the lines are, 0 for none, and steps of tone up to white.

    Washes: colour smoothed within edges (Gastal and Oliveira 2011), then luminance quantisation in soft steps (Winnemoeller,
    Olsen and Gooch 2006). Contours: discontinuities of depth and normal (Saito and Takahashi 1990) and of albedo; they turn pale
    inside of black. Blacks and brush lines: a threshold of the tone sharpened by a difference of Gaussians (Winnemoeller,
    Kyprianidis and Olsen 2012). All of it lies where things are, so that it moves with them; radiance above 1 keeps its value.
    """
    line_weight = line_weight * (1 - hair(passes))  # whose strands are lines themselves
    painted, tone, black = washes(passes, line_weight, tones, BLACK)
    lines = weighted(contours(passes, tone), line_weight)
    return lined(passes, painted, lines, smoothstep(0.65, 0.95, ndimage.gaussian_filter(black, 2.5)))


def washes(
    passes: dict[str, np.ndarray], line_weight: float | np.ndarray, tones: float | np.ndarray, blacks: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What lies below the lines (encoded RGB), the tone that it was washed by, and how far it is black, (H, W)."""
    flat = flat_colour(passes, 10)
    tone = luminance(flat)
    wash = tint(flat, tone, stepped(tone, tones))
    # Thin dark stripes, as between tiles, are no shadows.
    black = spotted(ndimage.median_filter(lightness(flat), 7, mode="nearest"), line_weight, blacks)
    return wash + (encode_log(INK) - wash) * black[..., None], tone, black


def lined(passes: dict[str, np.ndarray], painted: np.ndarray, lines: np.ndarray, dark: np.ndarray) -> np.ndarray:
    """Linear picture (H, W, 3) of an encoded one and the coverage of lines over it (H, W): of ink, but in the dark (H, W) of a
    pale shade of the thing's own colour."""
    paint = encode_log(passes["albedo"])
    pale = PALE + 0.5 * (paint - luminance(paint)[..., None])
    colour = encode_log(INK) + (pale - encode_log(INK)) * dark[..., None]
    return decode_log(painted + (colour - painted) * (PEN * lines)[..., None]).astype(np.float32)


def tint(flat: np.ndarray, tone: np.ndarray, stepped: np.ndarray) -> np.ndarray:
    """Give the wash its stepped tone, clearer colour, cool shadows and warm lights (encoded RGB)."""
    chroma = flat - tone[..., None]
    shade = 1 - smoothstep(0.2, 0.75, stepped + lightness(flat) - tone)[..., None]
    light = smoothstep(0.55, 0.95, stepped)[..., None] * (1 - smoothstep(1.0, 1.3, stepped)[..., None])
    cool, warm = np.array([-0.05, -0.015, 0.09], np.float32), np.array([0.02, 0.01, -0.03], np.float32)
    # Shadows are washed lighter than they are, so that beside so much black they keep their colour.
    return stepped[..., None] + 0.09 * shade + 1.35 * chroma + cool * shade + warm * light


def spotted(tone: np.ndarray, line_weight: float | np.ndarray = 1.0, blacks: tuple[float, float] = BLACK) -> np.ndarray:
    """Ink coverage [0, 1]: what is dark, and lines along the dark side of edges."""
    fine, coarse = (ndimage.gaussian_filter(tone, sigma) for sigma in (SIGMA, 1.6 * SIGMA))
    half = np.clip(0.05 + 0.75 * ndimage.gaussian_filter(tone, 12), *blacks)
    return smoothstep(0.07, -0.07, fine + SHARPNESS * line_weight * (fine - coarse) - half)
