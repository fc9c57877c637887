"""Graphic Novel: Comic Book with the lines that can be drawn of the image alone."""

import numpy as np
from scipy import ndimage

from core.colour import encode_log, luminance

from ...networks.contours import HEIGHT, coverage, crests
from .comic_book import lined, washes
from .lines import around, backdrop, contours
from .shown import shown
from .tones import smoothstep

BLACK = 0.1, 0.26
"""Tone (encoded luminance) that becomes half ink, in the dark and in the light: less than in Comic Book, since what drowns in
black has no outline in the image."""
DIM = 0.34, 0.24
"""Tone of the paint around below which lines turn pale, and at which they are."""
NEAR = 13
"""Pixels around lines of geometry, paint and panoramas in which those of the image are drawn."""


def graphic_novel(
    passes: dict[str, np.ndarray], line_weight: float | np.ndarray = 1.0, tones: float | np.ndarray = 5.0
) -> np.ndarray:
    """Flat washes in soft tone steps, ink contours, spotted blacks: (H, W, 3) linear Rec.709.

    line_weight, tones: knobs, one number or (H, W): how thick the lines are, 0 for none, and steps of tone up to white.

    Lines are contours of the image at full size, as pens of generators draw them, but only near to those of geometry, of paint
    and of a panorama behind all of it: not around shadows, texture and noise. In the dark they are pale.
    """
    painted, tone, _ = washes(passes, line_weight, tones, BLACK)
    dull = 1 - smoothstep(1.3, 1.6, tone)  # what shines is outlined from outside
    bounds = np.maximum(contours(passes, tone), backdrop(passes))
    lines = drawn(passes["image"][..., :3], line_weight) * around(bounds, NEAR) * dull
    return lined(passes, painted, lines, smoothstep(*DIM, ndimage.gaussian_filter(luminance(painted), 4)))


def drawn(image: np.ndarray, line_weight: float | np.ndarray) -> np.ndarray:
    """Coverage [0, 1] of the contours of a linear image (H, W, 3), (H, W)."""
    weight = np.broadcast_to(np.asarray(line_weight, np.float32), image.shape[:2])
    encoded = encode_log(np.maximum(image, 0))
    return shown(lambda image, weight: coverage(crests(image), HEIGHT, weight), encoded, weight[..., None])[..., 0]
