"""Style and content by a network that knows pictures (networks/perceptual.py).

Like LPIPS and ArtFID in form, but neither: these are defined by other networks with weights fitted to people's answers.
"""

import torch
from torch import Tensor

from ..networks.encoding import display
from ..networks.perceptual import Features


def nearest_distance(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean cosine distance to the nearest of the others, from found (c, n) to wanted (c, m) or back, whichever is further (Kolkin
    et al. 2019, equation 5)."""
    first, second = (f / f.norm(dim=0).clamp(min=1e-6) for f in (found, wanted))
    distance = 1 - first.T @ second
    return torch.maximum(distance.amin(0).mean(), distance.amin(1).mean())


def seen_by(features: Features, picture: Tensor) -> dict[str, Tensor]:
    """What a network finds in a picture (1, 3, H, W), scene-linear, as a screen shows it: {level: (c, h, w)}."""
    with torch.no_grad():
        return {level: found[0] for level, found in features(display(picture)).items()}


def content_distance(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> float:
    """Mean squared distance of the unit features at the same place, each level alike: 0 for equals, 4 at most (Zhang et al. 2018,
    equation 1, with all weights 1)."""
    levels = []
    for level in wanted:
        first, second = (f / f.norm(dim=0).clamp(min=1e-6) for f in (found[level], wanted[level]))
        levels.append((first - second).square().sum(0).mean().item())
    return sum(levels) / len(levels)


class Places:
    """Features at places of pictures, and how far the nearest ones of other pictures are.

    per_picture: places drawn from each level of each picture, which depend on the picture's number alone.
    """

    def __init__(self, per_picture: int):
        self.per_picture, self.pictures = per_picture, 0
        self.levels: dict[str, list[Tensor]] = {}

    def add(self, found: dict[str, Tensor]) -> None:
        """found: as from seen_by()."""
        source = torch.Generator().manual_seed(self.pictures)
        self.pictures += 1
        for level, f in found.items():
            places = torch.randperm(f[0].numel(), generator=source)[: self.per_picture]
            self.levels.setdefault(level, []).append(f.flatten(1)[:, places])

    def distance(self, target: "Places") -> float:
        """nearest_distance() of all places, each level alike."""
        levels = [nearest_distance(torch.cat(f, 1), torch.cat(target.levels[level], 1)) for level, f in self.levels.items()]
        return torch.stack(levels).mean().item()
