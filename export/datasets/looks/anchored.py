"""The noise that generators see, for looks: what sticks to surfaces moves with what it is drawn on, the grain of paper stays."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from core.colour import encode_log

from ...networks.dabs import DabNoise, brushed, empty, enlarged, heights, lively, lost
from ...networks.grain import Grain
from ...networks.strokes import StrokeNoise
from ...networks.surface_noise import NoiseEverywhere, SurfaceNoise
from .shown import shown


def surface_noise(position: np.ndarray, channels: int) -> np.ndarray:
    """The noise that a generator with `--noise` sees: position (H, W, 3) to (H, W, channels), about [-1, 1], waves of 16 px."""
    return shown(_module(SurfaceNoise, channels), position)


def noise_everywhere(passes: dict[str, np.ndarray], channels: int) -> np.ndarray:
    """The noise that a generator with `--noise-everywhere` sees, (H, W, channels): where no surface is known, as in skies, it
    sticks to the picture's tones, and where these are flat, to the screen."""
    image = encode_log(np.maximum(passes["image"][..., :3], 0))
    return shown(_module(NoiseEverywhere, channels), image, _places(image), passes["position"])


def strokes(passes: dict[str, np.ndarray], directions: int, width: float, length: float) -> np.ndarray:
    """The strokes along the form that a generator with `--strokes DIRECTIONS --stroke-width WIDTH --stroke-length LENGTH` sees,
    (H, W, directions), of deviation 1."""
    position = passes["position"]
    return shown(_module(StrokeNoise, directions, width, length), position, passes["normal"], _places(position))


def dabs(passes: dict[str, np.ndarray], image: np.ndarray) -> tuple[np.ndarray, ...]:
    """What a generator with `--dabs` paints by an encoded image (H, W, 3): see dabs.brushed(); (H, W, 3) and (H, W). And what it
    knows of detail, (H, W), and how lively its brush is, (H, W): see dabs.lost() and dabs.lively()."""

    def paint(image: Tensor, depth: Tensor, position: Tensor, normal: Tensor, place: Tensor) -> Tensor:
        detail = lost(image)
        wide = empty(detail)
        there = enlarged(detail)
        noise = _module(DabNoise)(position, normal, place, wide)
        return torch.cat([*brushed(*noise, heights(there), wide), there, lively(image, depth, wide)], 1)

    position, normal, depth = passes["position"], passes["normal"], passes["depth"]
    painted = shown(paint, image, depth, position, normal, _places(position))
    return painted[..., :3], *np.moveaxis(painted[..., 3:], -1, 0)


def _places(picture: np.ndarray) -> np.ndarray:
    row, column = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return np.stack([column, row], -1)


def paper_grain(height: int, width: int, channels: int) -> np.ndarray:
    """The noise that a generator with `--grain` sees, (H, W, channels), deviation 1: it sticks to the picture plane."""
    return shown(_module(Grain, channels), _places(np.empty((height, width))))


@cache
def _module(kind: type[torch.nn.Module], *options: float) -> torch.nn.Module:
    return kind(*options)
