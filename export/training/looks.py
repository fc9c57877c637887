"""Several looks in one network: how much there is of each in a crop, and what it should look like then."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..networks.encoding import decode, encode

PURE, EVEN = 0.6, 0.8
"""Share of the crops that have one look alone; and of those that have one mixture all over, with these. In the others one look
gives way to another across the crop."""


def draw_weights(count: int, looks: int, side: int, rng: np.random.Generator) -> Tensor:
    """(count, looks, side, side) in [0, 1]: what the controls of the looks say, 1 in all at each pixel."""
    return torch.from_numpy(np.stack([_weights(looks, side, rng) for _ in range(count)]))


def _weights(looks: int, side: int, rng: np.random.Generator) -> np.ndarray:
    kind, (first, second) = rng.random(), rng.choice(looks, 2, replace=False)
    one = np.eye(looks, dtype=np.float32)
    if kind < PURE:
        mixture = one[first]
    elif kind < EVEN:
        mixture = rng.dirichlet(np.ones(looks)).astype(np.float32)
    else:
        turn, place, soft = rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.4), rng.uniform(0.02, 1)
        y, x = np.mgrid[:side, :side] / side - 0.5
        share = np.clip(0.5 + (np.cos(turn) * x + np.sin(turn) * y - place) / soft, 0, 1).astype(np.float32)
        return one[first][:, None, None] * share + one[second][:, None, None] * (1 - share)
    return np.broadcast_to(mixture[:, None, None], (looks, side, side)).copy()


def mixed(targets: Sequence[Tensor], weights: Tensor) -> Tensor:
    """The targets (B, 3, H, W), scene-linear, of each look, mixed pixel by pixel on the log curve."""
    return decode(sum(weights[:, i : i + 1] * encode(target) for i, target in enumerate(targets)))


def as_passes(names: Sequence[str], weights: Tensor) -> dict[str, Tensor]:
    """(B, looks, H, W) as inputs of a generator, by the names of their controls."""
    return dict(zip(names, weights.split(1, 1), strict=True))


def one_look(names: Sequence[str], number: int, like: Tensor) -> dict[str, Tensor]:
    """Inputs for one look alone, of the size of a pass (B, c, H, W)."""
    planes = torch.zeros_like(like[:, :1]), torch.ones_like(like[:, :1])
    return {name: planes[index == number] for index, name in enumerate(names)}
