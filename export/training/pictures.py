"""The pictures of a look, scaled so that their strokes are as large as they shall be in the frames."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.colour import LUMINANCE

from ..frames.frame_store import DataError
from ..frames.sources import picture_of

BRUSH_WIDTH = 1920
"""Pixels across the frame that `brush` is a share of."""
ENLARGED = 1.25
"""How much a picture may be enlarged: beyond, its strokes would have no edges."""
OPAQUE = 0.98
"""Share of a crop of the look that its alpha must leave."""
TONES = 33
"""Points of the curve of tones."""
LIGHTER = 2.0
"""How many times as light as the frame the curve may ask for: else dark frames would be lit by light strokes, as by rain."""


class Look:
    """The pictures of a look, (4, H, W) sRGB and alpha each, scaled so that their strokes are as large as `brush` says."""

    def __init__(self, paths: Sequence[Path], brush: float, side: int, colours: bool):
        """side: of the crops that will be drawn. colours: else all is grey. Raises DataError for pictures that can't serve."""
        self.pictures = [_scaled(path, brush, side) for path in paths]
        if not colours:
            self.pictures = [torch.cat([grey(p[None, :3])[0], p[3:]]) for p in self.pictures]
        self.side = side
        areas = np.array([p[0].numel() for p in self.pictures], float)
        self.shares = areas / areas.sum()
        self.places = [_opaque_places(p[3].numpy(), side) for p in self.pictures]
        for path, places in zip(paths, self.places, strict=True):
            if not len(places):
                raise DataError(
                    f"{path} is transparent nearly everywhere: scaled for brush {brush:g}, no square of {side} px is opaque."
                )
        luma = torch.cat([grey(p[None, :3])[0, 0][p[3] > 0.5] for p in self.pictures])
        self.tones = torch.quantile(luma[:: max(1, len(luma) // 10**6)], torch.linspace(0, 1, TONES))
        """The luma that is darker than a share of all pixels, for shares from 0 to 1."""

    def whole(self) -> list[Tensor]:
        """The pictures, (1, 3, H, W), where they are transparent as their mean."""
        return [self._opaque(p)[None] for p in self.pictures]

    def draw(self, count: int, rng: np.random.Generator) -> Tensor:
        """Random crops, (count, 3, side, side), mirrored every second time."""
        crops = []
        for _ in range(count):
            number = int(rng.choice(len(self.pictures), p=self.shares))
            y, x = self.places[number][rng.integers(len(self.places[number]))]
            crop = self._opaque(self.pictures[number])[:, y : y + self.side, x : x + self.side]
            crops.append(crop.flip(2) if rng.integers(2) else crop)
        return torch.stack(crops)

    def toned(self, luma: Tensor) -> Tensor:
        """Luma from 0 to 1 brought to the range of the pictures, white to their lightest; black stays black."""
        place = luma.clamp(0, 1) * (TONES - 1)
        below, tones = place.floor().long().clamp(max=TONES - 2), self.tones.to(luma.device)
        return torch.minimum(torch.lerp(tones[below], tones[below + 1], place - below), LIGHTER * luma.clamp(0, 1))

    @staticmethod
    def _opaque(picture: Tensor) -> Tensor:
        colour, alpha = picture[:3], picture[3:]
        mean = (colour * alpha).sum((1, 2), keepdim=True) / alpha.sum()
        return torch.lerp(mean.expand_as(colour), colour, alpha)


def _scaled(path: Path, brush: float, side: int) -> Tensor:
    rgba = picture_of(path)
    height, width = rgba.shape[:2]
    scale = brush * BRUSH_WIDTH / max(height, width)
    if scale > ENLARGED:
        raise DataError(
            f"{path} has {width} x {height} pixels, and brush {brush:g} asks for {brush * BRUSH_WIDTH:.0f} along "
            f"the longer side; give a larger picture, or at most --brush {ENLARGED * max(height, width) / BRUSH_WIDTH:.2f}."
        )
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if min(size) < side:
        raise DataError(
            f"{path}, scaled for brush {brush:g}, has {size[0]} x {size[1]} pixels, and {side} are judged at once; give a larger "
            f"picture, a --brush of {brush * side / min(size):.2f} or more, or a smaller --crop."
        )
    premultiplied = np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], -1)
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.LANCZOS))
        for plane in premultiplied.transpose(2, 0, 1)
    ]
    colour, alpha = np.stack(planes[:3]), planes[3].clip(0, 1)
    colour = np.where(alpha > 1e-3, colour / np.maximum(alpha, 1e-3), 0).clip(0, 1)
    return torch.from_numpy(np.concatenate([colour, alpha[None]]).astype(np.float32))


def _opaque_places(alpha: np.ndarray, side: int) -> np.ndarray:
    """(n, 2): rows and columns where crops of a side start that the alpha hardly touches."""
    total = np.zeros((alpha.shape[0] + 1, alpha.shape[1] + 1))
    total[1:, 1:] = alpha.cumsum(0, dtype=np.float64).cumsum(1)
    covered = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    return np.argwhere(covered >= OPAQUE * side**2)


def grey(picture: Tensor) -> Tensor:
    """(B, 3, H, W) to its luma thrice."""
    weights = picture.new_tensor(LUMINANCE)[:, None, None]
    return (picture * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1)
