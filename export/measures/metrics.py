"""Measures of pictures: how like a style, how like the frame before, how steady.

Pictures are scene-linear (1, 3, H, W). Style is judged on what a screen shows, sRGB in [0, 1]; all else on the log curve of
encoding.encode(), which keeps highlights, either in colour or of the luminance.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad
from torchmetrics.functional.classification import binary_average_precision
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from core.colour import LUMINANCE

from ..networks.encoding import display, encode
from ..networks.vgg import gram
from .motion import follow

SMALLEST_SIDE = 16
"""Pixels of the smallest side that a pyramid goes down to (Karras et al. 2018, section 5), and that a frame must have."""
PATCH = 7
DIRECTIONS = 512
"""Lines that the patches are projected onto (Karras et al. 2018, section 5)."""
MS_SSIM_SIDE = 176
"""Smallest side that five scales of an 11 px window need."""
BEST_PSNR = 100.0
"""The PSNR in dB that equal pictures get."""
DEPTH_STEP = 0.1
"""An edge of depth: the change of slope of inverse depth, relative to it. A plane has none, however slanted."""
NORMAL_STEP = 0.2
"""An edge of the normals: 1 minus the cosine between neighbours, here 37 degrees."""


def luminance(picture: Tensor) -> Tensor:
    """Log-encoded luminance (1, 1, H, W): 1 is the white of a screen, highlights lie above."""
    weights = torch.tensor(LUMINANCE, device=picture.device)[:, None, None]
    return encode((picture * weights).sum(1, keepdim=True))


def psnr(output: Tensor, target: Tensor) -> float:
    """Peak signal-to-noise ratio of the log-encoded luminance in dB, for a peak of 1; at most BEST_PSNR."""
    return min(peak_signal_noise_ratio(luminance(output), luminance(target), data_range=1.0).item(), BEST_PSNR)


def ssim(output: Tensor, target: Tensor) -> float:
    """Structural similarity of the log-encoded luminance (Wang et al. 2004), at most 1."""
    return structural_similarity_index_measure(luminance(output), luminance(target), data_range=1.0).item()


def ms_ssim(output: Tensor, image: Tensor) -> float | None:
    """Multi-scale structural similarity of the log-encoded luminance (Wang et al. 2003), 0 to 1; None below MS_SSIM_SIDE."""
    if min(image.shape[2:]) < MS_SSIM_SIDE:
        return None
    return multiscale_structural_similarity_index_measure(
        luminance(output), luminance(image), data_range=1.0, normalize="relu"
    ).item()


def geometry_edges(depth: Tensor, normal: Tensor) -> Tensor:
    """Where the passes depth (1, 1, H, W) and normal (1, 3, H, W) have edges, 3 px wide: (1, 1, H, W) bool."""
    near = 1 / depth.clamp(min=1e-3)
    edges = torch.zeros_like(near)
    for dim in (2, 3):
        size = near.shape[dim]
        before, here, after = (near.narrow(dim, start, size - 2) for start in range(3))
        slope = (before - 2 * here + after).abs() > DEPTH_STEP * torch.maximum(torch.maximum(before, here), after)
        edges.narrow(dim, 1, size - 2).add_(slope)
        first, second = normal.narrow(dim, 0, size - 1), normal.narrow(dim, 1, size - 1)
        turned = (first * second).sum(1, keepdim=True) < (1 - NORMAL_STEP) * first.norm(dim=1, keepdim=True) * second.norm(
            dim=1, keepdim=True
        )
        edges.narrow(dim, 0, size - 1).add_(turned)
    return max_pool2d(edges, 3, stride=1, padding=1) > 0


def edges_found(picture: Tensor, edges: Tensor) -> float | None:
    """How well a picture's own edges find those of the geometry, whatever their contrast: the area under the curve of precision
    over recall that Martin et al. 2004 judge edge detectors by, 1 for all and no others; None if there are none to find.

    The picture's edges are the slope of its log-encoded luminance, smoothed by 1 px; they may lie 1 px beside the geometry's.
    """
    if not edges.any():
        return None
    smooth = _smooth(luminance(picture))
    slope = torch.zeros_like(smooth)
    slope[:, :, 1:-1, 1:-1] = torch.hypot(
        smooth[:, :, 1:-1, 2:] - smooth[:, :, 1:-1, :-2], smooth[:, :, 2:, 1:-1] - smooth[:, :, :-2, 1:-1]
    )
    slope = max_pool2d(slope, 3, stride=1, padding=1)
    return binary_average_precision((slope / slope.max().clamp(min=1e-6)).flatten(), edges.flatten().long()).item()


def warping_error(now: Tensor, later: Tensor, seen: Tensor, vector: Tensor) -> float | None:
    """Mean squared difference of the log-encoded picture at t + 1, followed back to t, to that at t, over what stays in sight
    (Lai et al. 2018, section 4.2, there by estimated flow); None if nothing does.

    seen: (1, 1, H, W) from motion.in_sight(); vector: the pass (1, 4, H, W) at t.
    """
    if not seen.any():
        return None
    change = (encode(now) - follow(encode(later), vector)).square().mean(1, keepdim=True)
    return ((seen * change).sum() / seen.sum()).item()


class Patches:
    """Patches of 7 x 7 px from the Laplacian pyramids of pictures, and their distance from those of other pictures.

    per_picture: patches drawn from each level of each picture, at places that depend on the picture's number alone.
    """

    def __init__(self, per_picture: int):
        self.per_picture, self.pictures = per_picture, 0
        self.levels: list[list[Tensor]] = []

    def add(self, picture: Tensor) -> None:
        places = torch.Generator().manual_seed(self.pictures)
        self.pictures += 1
        for number, level in enumerate(laplacian_pyramid(display(picture))):
            if number == len(self.levels):
                self.levels.append([])
            y, x = (torch.randint(side - PATCH + 1, (self.per_picture, 1, 1), generator=places) for side in level.shape[2:])
            within = torch.arange(PATCH)
            self.levels[number].append(level[0, :, y + within[:, None], x + within].transpose(0, 1))  # (per_picture, 3, 7, 7)

    def distance(self, target: "Patches") -> float:
        """Sliced Wasserstein distance x 1000, the mean over the levels (Karras et al. 2018, section 5).

        Both are normalised by the target's mean and deviation per channel, there each by its own, so that wrong tones count.
        """
        random = torch.Generator().manual_seed(0)
        directions = torch.randn(DIRECTIONS, 3 * PATCH**2, generator=random)
        directions /= directions.norm(dim=1, keepdim=True)
        distances = []
        for own, wanted in zip(self.levels, target.levels, strict=False):
            found, wanted = torch.cat(own), torch.cat(wanted)
            deviation, mean = torch.std_mean(wanted, dim=(0, 2, 3), keepdim=True)
            count = min(len(found), len(wanted))
            first, second = (
                _thinned(directions @ ((p - mean) / deviation.clamp(min=1e-6)).flatten(1).T, count) for p in (found, wanted)
            )
            distances.append((first - second).abs().mean().item())
        return 1000 * sum(distances) / len(distances)


def _thinned(values: Tensor, count: int) -> Tensor:
    """The rows sorted, and thinned evenly to `count` columns."""
    ordered = torch.from_numpy(np.sort(values.numpy(), axis=1))  # ten times as quick as PyTorch's
    return ordered[:, (torch.arange(count) + 0.5).mul(values.shape[1] / count).long()]


def laplacian_pyramid(picture: Tensor) -> list[Tensor]:
    """Laplacian pyramid: what each size adds to the next smaller one, down to SMALLEST_SIDE pixels, the finest first (Burt &
    Adelson 1983)."""
    levels = []
    while min(picture.shape[2:]) >= 2 * SMALLEST_SIDE:
        smaller = _smooth(picture)[:, :, ::2, ::2]
        spread = torch.zeros_like(picture)
        spread[:, :, ::2, ::2] = smaller
        levels.append(picture - 4 * _smooth(spread))
        picture = smaller
    return [*levels, picture]


def _smooth(picture: Tensor) -> Tensor:
    """Filtered by the binomial weights 1 4 6 4 1, about a Gaussian of 1 px."""
    taps = torch.tensor([1.0, 4, 6, 4, 1]) / 16
    channels = picture.shape[1]
    return conv2d(pad(picture, (2, 2, 2, 2), mode="reflect"), torch.outer(taps, taps).expand(channels, 1, 5, 5), groups=channels)


class Grams:
    """Gram matrices of features, the mean over pictures, and their distance from those of other pictures.

    features: (1, 3, H, W) scene-linear to {layer: (1, c, h, w)}.
    """

    def __init__(self, features: Callable[[Tensor], dict[str, Tensor]]):
        self.features, self.pictures = features, 0
        self.sums: dict[str, Tensor] = {}

    def add(self, picture: Tensor) -> None:
        self.pictures += 1
        for layer, found in self.features(picture).items():
            self.sums[layer] = self.sums.get(layer, 0) + gram(found)[0].double()

    def distance(self, target: "Grams") -> float:
        """Norm of the difference over that of the target's, the mean over the layers (after Gatys et al. 2016, equation 4).

        Each feature is first scaled to a mean square of 1 in the target, so that faint ones count as well.
        """
        distances = []
        for layer, total in self.sums.items():
            found, wanted = total / self.pictures, target.sums[layer] / target.pictures
            scale = wanted.diagonal().clamp(min=1e-12).rsqrt()
            scale = scale[:, None] * scale
            distances.append((((found - wanted) * scale).norm() / (wanted * scale).norm()).item())
        return sum(distances) / len(distances)


def gabor_features(picture: Tensor) -> dict[str, Tensor]:
    """Features without trained weights: at full, 1/2, 1/4 and 1/8 size the energy of Gabor filters in four directions of each
    channel (Daugman 1985), the colours and a constant: (1, 16, h, w). Their products tell which strokes go with which colours, as
    the statistics of Portilla & Simoncelli 2000 do."""
    shown, filters, features = display(picture), _gabor_filters(), {}
    for scale in range(4):
        if scale:
            shown = avg_pool2d(shown, 2)
        if min(shown.shape[2:]) < SMALLEST_SIDE:
            break
        planes = pad(shown.transpose(0, 1), (6, 6, 6, 6), mode="reflect")
        even, odd = conv2d(planes, filters).chunk(2, dim=1)  # (3, 4, h, w)
        energy = torch.hypot(even, odd).flatten(0, 1)[None]
        features[f"1/{2**scale}"] = torch.cat([energy, shown, torch.ones_like(shown[:, :1])], 1)
    return features


def _gabor_filters() -> Tensor:
    """Waves of 4 px under a Gaussian of 2 px in four directions, even ones first: (8, 1, 13, 13), each of norm 1 and mean 0."""
    y, x = torch.meshgrid(torch.arange(-6.0, 7), torch.arange(-6.0, 7), indexing="ij")
    window = torch.exp(-(x**2 + y**2) / (2 * 2.0**2))
    filters = []
    for phase in (0.0, math.pi / 2):
        for direction in (torch.arange(4) * math.pi / 4).tolist():
            wave = torch.cos((x * math.cos(direction) + y * math.sin(direction)) * 2 * math.pi / 4 - phase)
            wave = (wave - (wave * window).sum() / window.sum()) * window
            filters.append(wave / wave.norm())
    return torch.stack(filters)[:, None]
