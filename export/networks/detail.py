"""The detail of an image in levels, from fine to coarse, and how much of each stays."""

from itertools import pairwise

from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

CELL = 4
"""Side in pixels of the squares whose means are the image without its finest detail."""
WIDER = (5, 11)
"""Side, in such squares, of the means that remove coarser detail; each is taken of the one before, so that they reach 60 px."""
LEVELS = 1 + len(WIDER)


def keep(image: Tensor, finest: Tensor, *others: Tensor) -> Tensor:
    """The image with a share of its detail, level by level (Burt and Adelson 1983, with plain means for their Gaussians).

    image: (B, c, H, W), H and W multiples of CELL; finest, others: each (B, 1, H, W), for the LEVELS from the finest to the
    coarsest, 0 none, 1 all, 2 twice.
    """
    means = [avg_pool2d(image, CELL)]
    for side in WIDER:
        means.append(avg_pool2d(means[-1], side, stride=1, padding=side // 2, count_include_pad=False))
    coarser = [*(a - b for a, b in pairwise(means)), means[-1]]  # all detail but the finest, at 1/CELL, and the rest of the image
    # ONNX Runtime runs what is written last first: in this order it holds one frame of these at a time.
    terms = [
        (share - finest) * interpolate(part, scale_factor=float(CELL), mode="bilinear")
        for share, part in zip((1, *reversed(others)), reversed(coarser), strict=True)
    ]
    kept = finest * image
    for term in reversed(terms):
        kept = kept + term
    return kept
