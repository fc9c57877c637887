"""Oil painting: broad strokes of broken colour that follow form, laid over edges, under a light that rakes the paint."""

import numpy as np
from scipy import ndimage

from core.colour import decode_log, encode_log, luminance

from .anchored import surface_noise
from .streaks import directions, streaks
from .tones import flatten, log_depth, smoothstep

DRAG = 5.0
"""Pixels by which a brush drags colour along its stroke."""
HAIRS = 6.0
"""How densely the marks of single bristles lie across a stroke: radians of their wave per deviation of the streak."""
LIGHT = np.array([-0.8, -0.6], np.float32)
"""Direction that the raking light comes from, (y, x): up and left."""


def oil_painting(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Strokes of mixed paint with the marks of their bristles: (H, W, 3) linear Rec.709, >= 0.

    Strokes are what noise that sticks to surfaces (as the particles of Meier 1996 do) becomes when it is drawn out along the
    form by line integral convolution (Cabral and Leedom 1993; directions as Hays and Essa 2004): each side of its zero crossings
    is another stroke, with a colour that leans to warm or cool, light or dark (Hertzmann 1998), dragged along from where it
    started. A raking light brings out borders and bristles (Hertzmann 2002). Radiance above 1 keeps its value.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    flat = flatten(encode_log(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=5)
    along, _ = directions(passes["normal"])
    first, second = (streaks(grain, along, passes["normal"]) for grain in surface_noise(passes["position"], 2).transpose(2, 0, 1))
    solid = smoothstep(0.2, 0.6, np.abs(passes["normal"]).sum(-1))
    first, second = first * solid, second * solid
    dragged = drag(flat, along, DRAG * np.tanh(3 * second), passes)
    tone = luminance(dragged)
    colours = sweeps(palette(dragged, tone))
    warm, bright = np.tanh(4 * first)[..., None], np.tanh(4 * second)[..., None]
    mixed = 0.045 * warm * np.array([1, 0.2, -1], np.float32) + 0.045 * bright
    paint = colours + mixed * np.minimum(1, colours.clip(0) / 0.3)
    hairs = np.cos(HAIRS * np.clip(first, -2, 2)) + np.cos(HAIRS * np.clip(second, -2, 2))
    relief = ndimage.gaussian_filter((np.tanh(np.abs(2 * first)) + np.tanh(np.abs(2 * second)) + 0.35 * hairs) * solid, 0.7)
    raked = sum(part * slope for part, slope in zip(LIGHT, np.gradient(relief), strict=True))
    paint = paint * (1 - 0.08 * np.tanh(3 * raked))[..., None]
    light = smoothstep(1.1, 1.4, luminance(flat))[..., None]
    return decode_log(paint + (flat - paint) * light).astype(np.float32)


def drag(colours: np.ndarray, along: np.ndarray, reach: np.ndarray, passes: dict[str, np.ndarray]) -> np.ndarray:
    """Take colours (H, W, 3) from so many pixels (H, W) further along (x, y), unless another surface or material is there."""
    place = np.mgrid[: reach.shape[0], : reach.shape[1]] + reach * along[::-1]
    form = np.concatenate([passes["normal"] / 0.4, log_depth(passes["depth"]) / 0.1, encode_log(passes["albedo"]) / 0.2], axis=-1)
    moved, there = (
        np.stack([ndimage.map_coordinates(c, place, order=1, mode="nearest") for c in np.moveaxis(picture, -1, 0)], axis=-1)
        for picture in (colours, form)
    )
    like = np.exp(-0.5 * ((there - form) ** 2).sum(-1, keepdims=True))
    return colours + (moved - colours) * like


def palette(flat: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Encoded colours as mixed on the palette: richer, warm where light and cool where dark, with more contrast."""
    low = (1 - smoothstep(0.2, 0.75, tone))[..., None]
    high = (smoothstep(0.55, 0.95, tone) * (1 - smoothstep(1.0, 1.3, tone)))[..., None]
    value = tone + 0.05 * np.sin(2 * np.pi * (np.clip(tone, 0.2, 1) - 0.6) / 0.8)
    cool, warm = np.array([-0.03, -0.01, 0.06], np.float32), np.array([0.02, 0.01, -0.025], np.float32)
    rich = 1.35 - 0.35 * smoothstep(1.0, 1.3, flat.max(-1))[..., None]
    return value[..., None] + rich * (flat - tone[..., None]) + cool * low * np.minimum(1, tone / 0.1)[..., None] + warm * high


def sweeps(colours: np.ndarray) -> np.ndarray:
    """Broken colour in broad sweeps along lines of equal tone, for where strokes find no surface: skies."""
    phase = 2 * np.pi * (colours / 0.045 + np.array([0, 0.33, 0.67], np.float32))
    return colours + 0.012 * np.sin(phase) * smoothstep(0, 0.2, colours) * (1 - smoothstep(1.0, 1.2, colours))
