"""Lines of looks: where a draughtsman would put ink."""

import numpy as np
from scipy import ndimage

from core.colour import encode_log

from .tones import log_depth, smoothstep

CROWD = 8
"""Pixels over which crowded lines are thinned out."""
BEYOND = 0.2
"""How dark an outline is on the farther surface, relative to the nearer one: ink there tears when the two move apart, but without
any a light fringe would show."""


def contours(passes: dict[str, np.ndarray], tone: np.ndarray) -> np.ndarray:
    """Ink coverage [0, 1] of outlines (wide, at steps of depth) and inner lines (thin, at creases and changes of material).

    Outlines straddle the steps, most of the ink on the nearer side: a generator that sees only the image can often, but not
    always, tell which that is.
    """
    step = sum(map(np.abs, bends(passes["depth"])))
    near, far = sides(passes["depth"])
    crease = slope(passes["normal"], 0.8)
    material = slope(encode_log(passes["albedo"]), 0.8)
    # Depth is not antialiased: blurring and a new threshold round the staircase off.
    outline = smoothstep(0.2, 0.6, ndimage.gaussian_filter(smoothstep(0.04, 0.12, step), 1.1))
    outline *= 1 - (1 - BEYOND) * smoothstep(-0.02, 0.02, far - near)
    inner = np.maximum(0.8 * smoothstep(0.18, 0.4, crease), 0.6 * smoothstep(0.06, 0.16, material))
    inner *= smoothstep(0.12, 0.02, near + far)  # at the border of two surfaces, normals and colours change too
    ink = np.clip(np.maximum(outline, inner), 0, 1) * (1 - smoothstep(1.3, 1.6, tone))
    # Where lines crowd, as in foliage, a draughtsman leaves most of them out.
    return ink * (1 - 0.8 * smoothstep(0.22, 0.5, ndimage.gaussian_filter(ink, CROWD)))


def contours_inside(passes: dict[str, np.ndarray], tone: np.ndarray) -> np.ndarray:
    """Ink coverage [0, 1] of outlines on the nearer surface, so that they move with it, and of creases (thinner).

    Where only the colour changes, as on a chequered cloth, the border of two paints is line enough.
    """
    near, far = sides(passes["depth"])
    # What shines is outlined from outside: a line on it would leave a bright fringe.
    outline = smoothstep(0.005, 0.11, (near - far) * (1 - 2 * smoothstep(1.1, 1.4, glow(tone))))
    thin = smoothstep(0.35, 0.5, far)  # a wire, with distance on both sides, is line enough
    crease = slope(passes["normal"], 1.0)
    inner = 0.8 * smoothstep(0.16, 0.38, crease) * smoothstep(0.12, 0.02, near + far)
    ink = np.maximum(outline * (1 - thin), inner) * (1 - smoothstep(1.3, 1.6, tone))
    return ink * (1 - 0.8 * smoothstep(0.22, 0.5, ndimage.gaussian_filter(ink, CROWD)))


def outlines(passes: dict[str, np.ndarray], tone: np.ndarray) -> np.ndarray:
    """Ink coverage [0, 1] of outlines and creases (Saito and Takahashi 1990), wider in the shade."""
    near, far = sides(passes["depth"])
    crease = slope(passes["normal"], 1.3)
    swell = 0.05 * smoothstep(0.85, 0.35, tone)
    outline = smoothstep(0.05 - swell, 0.15 - swell, near - 0.7 * far)
    inner = smoothstep(0.14, 0.36, crease + swell) * smoothstep(0.12, 0.02, near + far)
    # The pen keeps clear of what shines.
    ink = np.maximum(outline, 0.7 * inner) * (1 - smoothstep(1.2, 1.5, glow(tone)))
    return 0.85 * ink * (1 - 0.75 * smoothstep(0.2, 0.5, ndimage.gaussian_filter(ink, CROWD)))


def spread(ink: np.ndarray, gain: float = 1.0) -> np.ndarray:
    """Coverage (H, W) of a pen whose line is soft at its borders: hard lines flicker when they move by parts of a pixel."""
    return np.minimum(1, gain * ndimage.gaussian_filter(ink, 0.8))


def sides(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How close a pixel lies to a step of depth (H, W, 1) on its nearer and on its farther side, (H, W) each, up to 0.4.

    An outline belongs on the nearer one, so that it moves with what it belongs to: one that straddles both tears at each step.
    """
    curved = bends(depth)
    # Depth is not antialiased: blurring rounds the staircase off.
    near, far = (
        ndimage.gaussian_filter(smoothstep(0.04, 0.14, sum(np.maximum(sign * bend, 0) for bend in curved)), 1.2)
        for sign in (1, -1)
    )
    return near, far


def bends(depth: np.ndarray) -> list[np.ndarray]:
    """Second derivatives of the log of the depth (H, W, 1) down and across, (H, W) each, positive on the nearer side of a step.

    They are zero on a plane seen at a slant, where the first ones are not.
    """
    return [ndimage.convolve1d(log_depth(depth)[..., 0], [1, -2, 1], axis=axis, mode="nearest") for axis in (0, 1)]


def slope(picture: np.ndarray, sigma: float) -> np.ndarray:
    """How fast a picture (H, W, c) changes, blurred by sigma pixels, over all its channels: (H, W)."""
    return sum(ndimage.gaussian_gradient_magnitude(channel, sigma) ** 2 for channel in np.moveaxis(picture, -1, 0)) ** 0.5


def glow(tone: np.ndarray) -> np.ndarray:
    """The brightest tone around, softly: (H, W)."""
    return ndimage.gaussian_filter(ndimage.maximum_filter(tone, 9), 2)
