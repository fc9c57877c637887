"""Looks: slow painters that turn the passes of a rendered frame into the target frame of a paired training.

A look may use every pass and take seconds; the generator learns to give its picture from the image alone. What a look draws
must be a function of what the generator can see: it may lock patterns to the frame's grid of 8 pixels, but not throw dice.
"""

import numpy as np
from scipy import ndimage

GRID = 8
"""Period in pixels of patterns that are locked to the frame: the stride of the generator's coarsest scale."""

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Luminance of linear Rec.709 (ITU-R BT.709)."""


def encode(linear: np.ndarray) -> np.ndarray:
    """Log curve in which equal steps look about equal; 0 to 0, 1 to 1, unbounded above."""
    return np.log1p(64 * np.maximum(linear, 0)) / np.log1p(64)


def decode(encoded: np.ndarray) -> np.ndarray:
    return np.expm1(np.maximum(encoded, 0) * np.log1p(64)) / 64


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def graphic_novel(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Flat washes in soft tone steps, ink contours, hatched shadows: (H, W, 3) linear Rec.709.

    Washes: joint bilateral filtering on colour, normal and albedo (Eisemann and Durand 2004), then luminance quantisation
    with soft steps (Winnemoeller, Olsen and Gooch 2006). Contours: discontinuities of depth and normal (Saito and Takahashi
    1990) and of albedo. Radiance above 1 keeps its value, so lamps and skies still glow.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    flat = flatten(encode(rgb), passes["normal"], passes["albedo"], passes["depth"])
    tone = (flat * LUMA).sum(-1)
    wash = tint(flat, tone, quantise(tone))
    ink = np.maximum(contours(passes, tone), hatching(tone))
    ink_colour = encode(np.array([0.012, 0.010, 0.028], np.float32))
    return decode(wash + (ink_colour - wash) * ink[..., None]).astype(np.float32)


def flatten(encoded: np.ndarray, normal: np.ndarray, albedo: np.ndarray, depth: np.ndarray, radius: int = 7) -> np.ndarray:
    """Joint bilateral filter of an encoded image: averages over neighbours of like colour, surface direction and material."""
    far = np.log(np.clip(depth, 0.01, 1e4))
    guide = np.concatenate([encoded / 0.16, normal / 0.35, encode(albedo) / 0.14, far / 0.08], axis=-1)
    total, weights = np.zeros_like(encoded), np.zeros(encoded.shape[:2], np.float32)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dy * dy + dx * dx > radius * radius:
                continue
            shifted = np.roll(guide, (dy, dx), (0, 1))
            distance = ((shifted - guide) ** 2).sum(-1) + (dy * dy + dx * dx) / radius**2
            weight = np.exp(-0.5 * distance)
            total += np.roll(encoded, (dy, dx), (0, 1)) * weight[..., None]
            weights += weight
    return total / weights[..., None]


def quantise(tone: np.ndarray, steps: float = 6.0, sharpness: float = 6.0) -> np.ndarray:
    """Tone (encoded luminance) in soft steps below 1; above, where light itself is seen, it stays continuous."""
    nearest = np.round(tone * steps) / steps
    stepped = nearest + np.tanh((tone - nearest) * steps * sharpness) / (2 * np.tanh(sharpness / 2) * steps)
    return stepped + (tone - stepped) * smoothstep(0.95, 1.1, tone)


def tint(flat: np.ndarray, tone: np.ndarray, stepped: np.ndarray) -> np.ndarray:
    """Give the wash its stepped tone, clearer colour, cool shadows and warm lights (encoded RGB)."""
    chroma = flat - tone[..., None]
    shade = 1 - smoothstep(0.2, 0.75, stepped)[..., None]
    light = smoothstep(0.55, 0.95, stepped)[..., None] * (1 - smoothstep(1.0, 1.3, stepped)[..., None])
    cool, warm = np.array([-0.05, -0.015, 0.09], np.float32), np.array([0.02, 0.01, -0.03], np.float32)
    # Shadows are washed lighter than they are: the hatching darkens them again.
    return stepped[..., None] + 0.09 * shade + 1.35 * chroma + cool * shade + warm * light


def contours(passes: dict[str, np.ndarray], tone: np.ndarray) -> np.ndarray:
    """Ink coverage [0, 1] of outlines (wide, at steps of depth) and inner lines (thin, at creases and changes of material)."""
    depth = np.log(np.clip(passes["depth"][..., 0], 0.01, 1e4))
    # The second derivative is zero on a plane seen at a slant, where the first one is not.
    step = np.abs(ndimage.convolve1d(depth, [1, -2, 1], axis=0)) + np.abs(ndimage.convolve1d(depth, [1, -2, 1], axis=1))
    crease = sum(ndimage.gaussian_gradient_magnitude(passes["normal"][..., i], 0.8) ** 2 for i in range(3)) ** 0.5
    material = sum(ndimage.gaussian_gradient_magnitude(encode(passes["albedo"][..., i]), 0.8) ** 2 for i in range(3)) ** 0.5
    # Depth is not antialiased: blurring and a new threshold round the staircase off.
    outline = smoothstep(0.2, 0.6, ndimage.gaussian_filter(smoothstep(0.04, 0.12, step), 1.1))
    inner = np.maximum(0.8 * smoothstep(0.18, 0.4, crease), 0.6 * smoothstep(0.06, 0.16, material))
    ink = np.clip(np.maximum(outline, inner), 0, 1) * (1 - smoothstep(1.3, 1.6, tone))
    # Where lines crowd, as in foliage, a draughtsman leaves most of them out.
    return ink * (1 - 0.8 * smoothstep(0.22, 0.5, ndimage.gaussian_filter(ink, GRID)))


def hatching(tone: np.ndarray) -> np.ndarray:
    """Ink coverage [0, 1] of diagonal hatching that thickens as the tone falls, crossed in the darkest parts."""
    y, x = np.mgrid[: tone.shape[0], : tone.shape[1]]
    smooth = ndimage.gaussian_filter(tone, 1.5)
    ink = np.zeros_like(tone)
    for diagonal, start, end in ((x + y, 0.66, 0.35), (x - y, 0.4, 0.12)):
        # Distance in pixels from the middle of the nearest line, across the line.
        distance = np.abs((diagonal % GRID) - GRID / 2) / np.sqrt(2)
        half_width = 1.35 * (1 - smoothstep(end, start, smooth))
        ink = np.maximum(ink, np.clip(half_width - distance + 0.5, 0, 1) * smoothstep(0, 0.25, half_width))
    return 0.65 * ink


LOOKS = {"graphic_novel": graphic_novel}
"""Look name -> function from passes {name: (H, W, c)} to the target (H, W, 3), linear Rec.709, [0, inf)."""
