"""Which pieces of the pictures of a look go with which pieces of the frames: sky with sky, if a network that knows pictures sees
both (Richter et al. 2021, section 3.4)."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ..config import TrainConfig
from ..frames.frame_store import FrameStore
from .dataset import Place, any_place, cut

PIECES = 384
"""Of the frames, and of the pictures, that are compared once at the start."""
LEVEL = "1/16"
"""The features that tell what a piece shows ..."""
GRID = 2
"""... as means over a grid of so many squares a side, so that what lies above and below counts."""
AT_ONCE = 16
"""Pieces that are looked at together."""


class Matches:
    """Pieces of frames, and for each the nearest pieces of the pictures: by features less the mean and by the deviation that they
    have in either domain, since the look itself must not tell them apart."""

    def __init__(
        self,
        stores: tuple[FrameStore, FrameStore],
        names: tuple[Sequence[str], Sequence[str]],
        config: TrainConfig,
        see: Callable[[Tensor], dict[str, Tensor]],
    ):
        """stores, names: of the frames and of the pictures. see: features of scene-linear pieces (B, 3, h, w)."""
        rng = np.random.default_rng(config.seed)
        self.stores, self.config = stores, config
        self.places = [
            [any_place(store, chosen, config, rng, flip=False) for _ in range(PIECES)]
            for store, chosen in zip(stores, names, strict=True)
        ]
        frames, pictures = (self._described(store, places, see) for store, places in zip(stores, self.places, strict=True))
        self.nearest = (frames @ pictures.T).topk(min(config.match, PIECES), dim=1).indices.numpy()
        """(PIECES, match): the pieces of the pictures that are most like each piece of the frames."""

    @torch.no_grad()
    def _described(self, store: FrameStore, places: list[Place], see: Callable[[Tensor], dict[str, Tensor]]) -> Tensor:
        """(PIECES, d) unit vectors."""
        found = []
        for start in range(0, len(places), AT_ONCE):
            pieces = cut(store, places[start : start + AT_ONCE], self.config.crop)["image"]
            found.append(adaptive_avg_pool2d(see(pieces)[LEVEL].float(), GRID).flatten(1).cpu())
        features = torch.cat(found)
        features = (features - features.mean(0)) / (features.std(0) + 1e-6)
        return features / features.norm(dim=1, keepdim=True).clamp(min=1e-6)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[list[Place], list[Place]]:
        """Places of so many pieces of frames, each with that of a piece that is like it."""
        chosen = rng.integers(PIECES, size=count)
        like = [self.nearest[index][rng.integers(self.nearest.shape[1])] for index in chosen]
        return [self.places[0][index] for index in chosen], [self.places[1][index] for index in like]
