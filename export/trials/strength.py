"""Mixes a style in as the node's Strength does, so that styles can be compared where they are equally true to the frame."""

import torch
from scipy.optimize import brentq
from torch import Tensor

from ..measures.metrics import ms_ssim
from .scoring import Footage, Painter, picture_tensor

EXACT = 1e-3
"""Accuracy of a strength that is found."""


def mixed(paint: Painter, strength: float) -> Painter:
    """The painter at a strength: 0 leaves the frame plain, 1 is the whole style."""
    return lambda passes: (1 - strength) * passes["image"][..., :3] + strength * paint(passes)[..., :3]


def strength_as_true(footage: Footage, paint: Painter, other: Painter) -> float | None:
    """The strength of a painter at which its MS-SSIM with the plain frames equals the other's, each the mean over the frames.

    None if the painter is at least as true at its whole strength, and for frames that are too small to tell.
    """
    images, own, others = zip(
        *(
            (frame.tensor("image"), *(picture_tensor(p(frame.passes)[..., :3]) for p in (paint, other)))
            for frame in map(footage.frame, footage.names)
        ),
        strict=True,
    )
    wanted = _truth(others, images)

    def ahead(strength: float) -> float:
        return _truth([torch.lerp(*pair, strength) for pair in zip(images, own, strict=True)], images) - wanted

    return None if wanted is None or ahead(1) >= 0 else brentq(ahead, 0, 1, xtol=EXACT)


def _truth(pictures: list[Tensor], images: list[Tensor]) -> float | None:
    """Mean MS-SSIM, or None for frames without."""
    values = [ms_ssim(picture, image) for picture, image in zip(pictures, images, strict=True)]
    return None if None in values else sum(values) / len(values)
