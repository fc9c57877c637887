"""Losses as small functions of tensors; each returns the mean over everything, a scalar."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, cross_entropy, l1_loss, mse_loss, softplus

from ..measures.perceptual import nearest_distance
from ..networks.vgg import gram

Features = dict[str, Tensor]
"""Layer -> features (B, c, h, w)."""


def mean(terms: Iterable[Tensor]) -> Tensor:
    """Mean of scalars, such as those of a discriminator's parts or of a network's layers."""
    terms = list(terms)
    return sum(terms) / len(terms)


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of encoded images (Isola et al. 2017, equation 3)."""
    return l1_loss(output, target)


def pooled_l1(output: Tensor, target: Tensor, sides: Sequence[int]) -> Tensor:
    """Mean of l1() of the images averaged over squares of each of these sides."""
    return mean(l1_loss(avg_pool2d(output, side), avg_pool2d(target, side)) for side in sides)


def l2(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of encoded images (Mathieu et al. 2016, equation 2 with p = 2)."""
    return mse_loss(output, target)


def variation(output: Tensor) -> Tensor:
    """Anisotropic total variation of an encoded image: mean absolute difference of neighbours (Rudin et al. 1992)."""
    return output.diff(dim=-1).abs().mean() + output.diff(dim=-2).abs().mean()


def edge(output: Tensor, target: Tensor, scales: int = 3) -> Tensor:
    """Mean absolute difference of image gradients at full, 1/2, 1/4 ... size: crisp lines (Mathieu et al. 2016, equation 6)."""
    difference, total = output - target, 0.0
    for scale in range(scales):
        if scale:
            difference = avg_pool2d(difference, 2)
        total = total + difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
    return total / (2 * scales)


def feature_matching(fake: list[Tensor], real: list[Tensor]) -> Tensor:
    """Mean absolute difference of the discriminator's features, each layer alike (Wang et al. 2018, equation 4)."""
    return mean(l1_loss(f, r.detach()) for f, r in zip(fake, real, strict=True))


def content(output: Features, target: Features, layers: Sequence[str]) -> Tensor:
    """Mean squared difference of a pretrained network's features, each layer alike (Johnson et al. 2016, equation 2)."""
    return mean(mse_loss(output[name].float(), target[name].float()) for name in layers)


def style(output: Features, target: Features, layers: Sequence[str]) -> Tensor:
    """Mean squared difference of Gram matrices, each layer alike (Gatys et al. 2016, equations 4 and 5)."""
    return mean(0.25 * mse_loss(gram(output[name]), gram(target[name])) for name in layers)


def likeness(output: Features, target: Features, layers: Sequence[str]) -> Tensor:
    """Mean squared difference of features, relative to the target's mean square, each layer alike."""
    return mean(
        mse_loss(output[name].float(), target[name].float()) / target[name].float().square().mean().clamp(min=1e-6)
        for name in layers
    )


def sliced_wasserstein(output: Features, target: Features, source: torch.Generator, directions: int = 64) -> Tensor:
    """Mean squared difference of the sorted projections of all places' features onto random directions, each layer alike
    (Heitz et al. 2021, equation 5), relative to the target's mean square.

    output, target: of the same sizes. source: of the directions.
    """

    def of_layer(found: Tensor, wanted: Tensor) -> Tensor:
        width = found.shape[1]
        lines = torch.randn(directions, width, generator=source).to(found.device)
        lines = lines / lines.norm(dim=1, keepdim=True)
        first, second = ((lines @ f.float().transpose(0, 1).flatten(1)).sort(dim=1).values for f in (found, wanted))
        return mse_loss(first, second) / wanted.float().square().mean().clamp(min=1e-6)

    return mean(of_layer(output[name], target[name]) for name in output)


def gram_distance(output: Features, target: Features, source: torch.Generator | None = None) -> Tensor:
    """Squared difference of the Gram matrices of all places' features, relative to the target's, each layer alike (Gatys et al.
    2016, equations 4 and 5); nothing is drawn from the source, which its rivals need."""

    def of_layer(found: Tensor, wanted: Tensor) -> Tensor:
        first, second = (gram(f).mean(0) for f in (found, wanted))
        return (first - second).square().sum() / second.square().sum().clamp(min=1e-6)

    return mean(of_layer(output[name], target[name]) for name in output)


def nearest_features(output: Features, target: Features, source: torch.Generator, places: int = 1024) -> Tensor:
    """nearest_distance() of the features at places of both pictures, each layer alike (the nearest neighbours of Kolkin et al.
    2022).

    places: how many are drawn by `source` in each picture.
    """

    def drawn(f: Tensor) -> Tensor:
        flat = f.float().transpose(0, 1).flatten(1)  # (c, all places)
        return flat[:, torch.randperm(flat.shape[1], generator=source)[:places].to(f.device)]

    return mean(nearest_distance(drawn(output[name]), drawn(target[name])) for name in output)


def patch_nce(query: Tensor, key: Tensor, temperature: float = 0.07) -> Tensor:
    """PatchNCE (Park et al. 2020, equations 2 and 3): how hard it is to tell a query's key from those of other places.

    query, key: (B, places, c) unit vectors.
    """
    logits = query @ key.transpose(1, 2) / temperature  # (B, places, places)
    own = torch.arange(logits.shape[1], device=logits.device).expand(logits.shape[:2])
    return cross_entropy(logits.flatten(0, 1), own.flatten())


def r1(logits: Sequence[Tensor], real: Tensor) -> Tensor:
    """Half the squared slope of the logits at real pictures (Mescheder et al. 2018, equation 9).

    logits: each part's (B, 1, ...), computed from `real`, (B, 3, H, W), which needs gradients. The slope is that of the sum over
    a picture's patches, and its square is divided by their number: exact for patches that do not overlap.
    """

    def half_square(part: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(part.sum(), real, create_graph=True)
        return 0.5 * slope.square().sum() / part.numel()

    return mean(half_square(part) for part in logits)


def slopes(logits: Sequence[Tensor], seen: Sequence[Tensor]) -> Tensor:
    """As r1(), of logits by what a discriminator sees in several places, each (B, c, h, w), which needs gradients."""

    def half_square(part: Tensor, place: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(part.sum(), place, create_graph=True)
        return 0.5 * slope.square().sum() / part.numel()

    return mean(half_square(part, place) for part, place in zip(logits, seen, strict=True))


def least_squares_d(real: Tensor, fake: Tensor) -> Tensor:
    """Mao et al. 2017, equation 9, discriminator."""
    return 0.5 * ((real - 1).square().mean() + fake.square().mean())


def least_squares_g(fake: Tensor) -> Tensor:
    """Mao et al. 2017, equation 9, generator."""
    return 0.5 * (fake - 1).square().mean()


def hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    """Miyato et al. 2018, equation 16."""
    return torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()


def hinge_g(fake: Tensor) -> Tensor:
    """Miyato et al. 2018, equation 17."""
    return -fake.mean()


def cross_entropy_d(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(real) - log(1 - D(fake)), D the sigmoid of the logits (Goodfellow et al. 2014, equation 1)."""
    return softplus(-real).mean() + softplus(fake).mean()


def cross_entropy_g(fake: Tensor) -> Tensor:
    """log(1 - D(fake)): the minimax game of Goodfellow et al. 2014, equation 1."""
    return -softplus(fake).mean()


def relativistic_d(real: Tensor, fake: Tensor) -> Tensor:
    """log(1 + exp(D(fake) - D(real))) of pairs (Jolicoeur-Martineau 2018, RpGAN; Huang et al. 2024, equation 2)."""
    return softplus(fake - real).mean()


def relativistic_g(fake: Tensor, real: Tensor) -> Tensor:
    """The same with the places changed: an output must look more real than a real picture."""
    return softplus(real - fake).mean()


def non_saturating_g(fake: Tensor) -> Tensor:
    """-log D(fake) (Goodfellow et al. 2014, section 3): steeper while the discriminator wins."""
    return softplus(-fake).mean()


def _by_fakes(loss: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda fake, real: loss(fake)


ADVERSARIAL = {
    "least_squares": (least_squares_d, _by_fakes(least_squares_g)),
    "hinge": (hinge_d, _by_fakes(hinge_g)),
    "non_saturating": (cross_entropy_d, _by_fakes(non_saturating_g)),
    "cross_entropy": (cross_entropy_d, _by_fakes(cross_entropy_g)),
    "relativistic": (relativistic_d, relativistic_g),
}
"""Name -> (loss of the discriminator by the logits of real and fake, loss of the generator by those of fake and real)."""

STYLE_DISTANCES = {"wasserstein": sliced_wasserstein, "gram": gram_distance, "nearest": nearest_features}
"""Name -> how far features lie apart wherever they are: of the output, of the look, and a source of random lines or places."""
