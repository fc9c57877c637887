"""How well a style holds on a scene: how much of its effect is there, and whether it blotches where nothing is.

Pictures are scene-linear (1, 3, H, W); changes are those of the log-encoded picture.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from ..networks.encoding import encode
from .metrics import laplacian_pyramid, luminance

FLAT_STEP = 0.02
"""Most that the log-encoded luminance may change over FLAT_REACH pixels where a picture counts as flat."""
FLAT_REACH = 33
FINEST_BLOTCH, OCTAVES_OF_BLOTCHES = 3, 3
"""Levels of the pyramid that blotches and ripples lie in: waves of about 16 to 128 px."""
UNSEEN = 0.004
"""A change of the log-encoded value that nobody sees: half a step of 8 bits in the middle tones."""
DARKEST, HALVINGS = 24, 30
"""Stops that a picture may be darkened by, and how often they are halved to find how many it takes."""
LEAST_FLAT = 1 / 200
"""Share of a picture that must be flat before its blotches are measured."""


def octaves(output: Tensor, image: Tensor) -> Tensor:
    """Root mean square of the change from the image to the output in each octave, from waves of 2 to 4 px upwards: (octaves,)."""
    change = encode(output) - encode(image)
    return torch.stack([level.square().mean().sqrt() for level in laplacian_pyramid(change)])


def share_of_effect(found: Tensor, wanted: Tensor) -> float:
    """The share, 0 to 1, of a wanted effect that is found: the mean over the octaves (see octaves()) in which it can be seen.

    More than is wanted in one octave does not make up for less in another; each counts the same, strokes as much as tones.
    """
    pairs = [(own, of) for own, of in zip(found.tolist(), wanted.tolist(), strict=False) if of > UNSEEN]
    return sum(min(1.0, own / of) for own, of in pairs) / len(pairs) if pairs else 1.0


def in_the_light_of(image: Tensor, picture: Tensor) -> float:
    """What the light of a picture is multiplied by to be as light as the image: the exposure that gives both the same mean of the
    log-encoded luminance, but at most 1.

    So a dark frame that stays dark can come as near to a light painting, and change as much, as a light one. Gatys et al. 2017,
    section 5, match mean and spread; exposure alone leaves the picture its hues and its contrast.
    """
    wanted, stops, step = luminance(image).mean(), 0.0, DARKEST / 2
    if luminance(picture).mean() <= wanted:
        return 1.0
    for _ in range(HALVINGS):
        if luminance(picture * 2 ** -(stops + step)).mean() > wanted:
            stops += step
        step /= 2
    return 2**-stops


def flat_areas(image: Tensor) -> Tensor:
    """Where nothing is to be seen but a slow change of light: (1, 1, H, W) bool."""
    tone = luminance(image).clamp(max=1.2)
    # Single bright pixels are noise of the renderer, not something to see.
    tone = avg_pool2d(tone, 5, stride=1, padding=2, count_include_pad=False)
    reach = FLAT_REACH // 2
    most, least = (sign * max_pool2d(sign * tone, FLAT_REACH, stride=1, padding=reach) for sign in (1, -1))
    return most - least < FLAT_STEP


def blotches(output: Tensor, image: Tensor) -> float | None:
    """Root mean square of the slow changes (waves of 16 to 128 px) that the output has in the flat areas of the image.

    None if too little of it is flat.
    """
    flat = flat_areas(image)
    if flat.float().mean() < LEAST_FLAT:
        return None
    change = encode(output) - encode(image)
    slow, size = torch.zeros_like(change), change.shape[2:]
    for level in laplacian_pyramid(change)[FINEST_BLOTCH : FINEST_BLOTCH + OCTAVES_OF_BLOTCHES]:
        slow += interpolate(level, size, mode="bilinear", align_corners=False)
    return slow.square().mean(1, keepdim=True)[flat].mean().sqrt().item()


def blotch_ratio(output: Tensor, target: Tensor, image: Tensor) -> float | None:
    """How many times as blotchy as the look's own picture (the target) the output is in flat areas; None if there are none."""
    own, wanted = blotches(output, image), blotches(target, image)
    return None if own is None or wanted is None else max(own, UNSEEN) / max(wanted, UNSEEN)
