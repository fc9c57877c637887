"""Tones of looks, on the log curve: flattening to washes, and quantisation in soft steps."""

import numpy as np
import torch

from core.colour import encode_log, luminance

from ...networks.light import even_light
from .shown import shown


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def log_depth(depth: np.ndarray) -> np.ndarray:
    """The pass depth on a log scale, on which equal steps are equal shares; the background is very far, but not endlessly."""
    return np.log(np.clip(depth, np.finfo(np.float32).tiny, 1e12))


def flatten(encoded: np.ndarray, normal: np.ndarray, albedo: np.ndarray, depth: np.ndarray, radius: int = 7) -> np.ndarray:
    """Joint bilateral filter of an encoded image: averages over neighbours of like colour, surface direction and material."""
    far = log_depth(depth)
    guide = np.concatenate([encoded / 0.16, normal / 0.35, encode_log(albedo) / 0.14, far / 0.08], axis=-1)
    height, width = encoded.shape[:2]
    border = [(radius, radius), (radius, radius), (0, 0)]
    encoded_around, guide_around = np.pad(encoded, border), np.pad(guide, border, constant_values=np.inf)  # infinitely unlike
    total, weights = np.zeros_like(encoded), np.zeros(encoded.shape[:2], np.float32)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dy * dy + dx * dx > radius * radius:
                continue
            there = slice(radius + dy, radius + dy + height), slice(radius + dx, radius + dx + width)
            distance = ((guide_around[there] - guide) ** 2).sum(-1) + (dy * dy + dx * dx) / radius**2
            weight = np.exp(-0.5 * distance)
            total += encoded_around[there] * weight[..., None]
            weights += weight
    return total / weights[..., None]


def lightness(encoded: np.ndarray) -> np.ndarray:
    """How light encoded colours (H, W, 3) look, (H, W): strong ones lighter than their luminance (Helmholtz and Kohlrausch)."""
    tone = luminance(encoded)
    return tone + 0.5 * (encoded.max(-1) - tone)


def quantise(tone: np.ndarray, steps: float | np.ndarray = 6.0, sharpness: float | np.ndarray = 6.0) -> np.ndarray:
    """Tone (encoded luminance) in soft steps below 1; above, where light itself is seen, it stays continuous."""
    nearest = np.round(tone * steps) / steps
    stepped = nearest + np.tanh((tone - nearest) * steps * sharpness) / (2 * np.tanh(sharpness / 2) * steps)
    return stepped + (tone - stepped) * smoothstep(0.95, 1.1, tone)


def stepped(tone: np.ndarray, steps: float | np.ndarray) -> np.ndarray:
    """Tone (encoded luminance, (H, W)), made even where it is rough, in steps with crisp borders: as quantise(), the sharper the
    slower the light changes (Winnemoeller, Olsen and Gooch 2006, section 3.3, make it follow the slope too, to keep the soft
    soft)."""
    laid = shown(lambda light: torch.cat(even_light(light), 1), tone[..., None])
    even, steepness = laid[..., 0], laid[..., 1]
    return quantise(even, steps, np.maximum(steepness / (2 * steps), 6.0))
