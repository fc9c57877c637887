"""The render's own colours, kept under a style: the lightness of the stylised picture with the chroma of the image.

That is the blend mode Color of PDF and of the W3C's Compositing and Blending (Level 1, 10.3), for scene-linear light: both are
log encoded, the image is shifted to the luminance of the picture, and what leaves the range of colours goes towards grey.
"""

import numpy as np

from .colour import HALF_MAX, LOG_GAIN, LUMINANCE
from .layered import Layers
from .threads import spread

WHITE = 1.0
BAND = 64
"""Rows that are worked on at a time: few enough to stay in a core's cache from one step to the next."""


def keep_colours(image: np.ndarray, picture: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """The picture with its own luminance and, by the share, the colours of the image that it was made of.

    image, picture: (H, W, 4) float32, scene-linear Rec.709, premultiplied, of the same alpha, the picture finite. share: a number
    or (H, W, 1), cut to [0, 1]: 0 leaves a pixel as it is, at 1 its chroma is that of the image. The luminance stays at any
    share, and no channel becomes brighter than WHITE or the brightest of both: white paper stays white, and ink stays black.
    """
    share = np.nan_to_num(np.asarray(share, np.float32)).clip(0, 1)
    if not share.any():
        return picture
    kept = picture.copy()

    def fill(rows: slice) -> None:
        painted, plain, alpha = _straight(picture[rows]), _straight(image[rows]), np.nan_to_num(picture[rows, :, 3])
        change = _coloured(painted, plain)
        change -= painted
        change *= alpha * share[rows, :, 0] if share.ndim else alpha * share
        kept[rows, :, :3] += change.transpose(1, 2, 0)

    spread(fill, (slice(row, min(row + BAND, len(kept))) for row in range(0, len(kept), BAND)))
    return kept


def keep_colours_of_layers(image: np.ndarray, layers: Layers, share: float | np.ndarray) -> Layers:
    """keep_colours() of a picture in layers: the base stays, and the paint is what is added to it."""
    picture = keep_colours(image, layers.picture, share)
    return layers._replace(picture=picture, paint=picture - layers.base)


def _coloured(painted: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Straight light (3, h, w): the luminance of what is painted, the chroma of what is plain."""
    light = _luminance(painted)
    gain = (1 + LOG_GAIN * light) / (1 + LOG_GAIN * _luminance(plain))
    chroma = plain * gain
    chroma += (gain - 1) / LOG_GAIN - light  # the log encoded image, shifted by the difference of the luminances
    low, high = chroma.min(0), chroma.max(0)
    most = np.maximum(np.maximum(painted.max(0), plain.max(0)), WHITE) - light
    with np.errstate(divide="ignore", invalid="ignore"):
        chroma *= np.minimum(np.where(low < -light, -light / low, 1), np.where(high > most, most / high, 1))
    chroma += light
    return np.maximum(chroma, 0, out=chroma)


def _luminance(planes: np.ndarray) -> np.ndarray:
    return np.tensordot(np.array(LUMINANCE, np.float32), planes, 1)


def _straight(image: np.ndarray) -> np.ndarray:
    """(h, w, 4) to its colours without alpha, (3, h, w), within [0, HALF_MAX]."""
    alpha, planes = image[..., 3], np.ascontiguousarray(image[..., :3].transpose(2, 0, 1))
    if not (alpha == 1).all():
        with np.errstate(over="ignore", invalid="ignore"):
            planes /= np.where(alpha > 0, alpha, np.float32(1))
    if not np.isfinite(planes).all():
        np.nan_to_num(planes, copy=False, nan=0.0, posinf=HALF_MAX, neginf=0.0)
    return planes.clip(0, HALF_MAX, out=planes)
