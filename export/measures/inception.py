"""Inception v3 as a judge of many pictures at once: its last features, and the distances KID and FID between sets of them."""

import warnings
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from ..networks.encoding import display
from ..settings import TrainerError

FEATURES = 2048
SIDE = 299
"""Pixels of the squares that the network looks at."""
KID_SUBSET = 100
"""Squares of each of the subsets that KID is the mean over; Binkowski et al. 2018 take 100 to 1000."""


class InceptionError(TrainerError):
    """The file of Inception's weights is missing, damaged or of another network."""


Kernel = int | tuple[int, int]
Chain = list[tuple]
"""Convolutions in a row: (name, channels, kernel, stride), the stride 1 if left out; the last may be a pair, side by side."""


class Convolution(nn.Module):
    """Convolution, batch normalisation and ReLU."""

    def __init__(self, before: int, after: int, kernel: Kernel, stride: int = 1, padding: Kernel = 0):
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Chains of convolutions side by side, their results stacked (Szegedy et al. 2016, figures 5 to 7).

    pool: how the input of the last chain is pooled before: "mean", "max" or "halve".
    """

    def __init__(self, before: int, chains: list[Chain], pool: str):
        super().__init__()
        self.pool, self.chains = pool, []
        for chain in chains:
            names, width = [], before
            for step in chain:
                for name, channels, kernel, *stride in step if isinstance(step[0], tuple) else [step]:
                    same = 0 if stride else (kernel // 2 if isinstance(kernel, int) else tuple(k // 2 for k in kernel))
                    self.add_module(name, Convolution(width, channels, kernel, *(stride or [1]), padding=same))
                names.append([s[0] for s in step] if isinstance(step[0], tuple) else [step[0]])
                width = channels
            self.chains.append(names)

    def forward(self, x: Tensor) -> Tensor:
        results = []
        for number, chain in enumerate(self.chains, 1):
            y = self._pooled(x) if number == len(self.chains) else x
            for names in chain:
                y = torch.cat([getattr(self, name)(y) for name in names], 1)
            results.append(y)
        return torch.cat(results, 1)

    def _pooled(self, x: Tensor) -> Tensor:
        match self.pool:
            case "mean":  # in FID's network the border counts for nothing
                return avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
            case "max":
                return max_pool2d(x, 3, stride=1, padding=1)
            case _:
                return max_pool2d(x, 3, stride=2)


def _mixed_5(before: int, pooled: int) -> Mixed:
    return Mixed(
        before,
        [
            [("branch1x1", 64, 1)],
            [("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)],
            [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)],
            [("branch_pool", pooled, 1)],
        ],
        "mean",
    )


def _mixed_6(width: int) -> Mixed:
    row, column = (1, 7), (7, 1)
    return Mixed(
        768,
        [
            [("branch1x1", 192, 1)],
            [("branch7x7_1", width, 1), ("branch7x7_2", width, row), ("branch7x7_3", 192, column)],
            [
                ("branch7x7dbl_1", width, 1),
                ("branch7x7dbl_2", width, column),
                ("branch7x7dbl_3", width, row),
                ("branch7x7dbl_4", width, column),
                ("branch7x7dbl_5", 192, row),
            ],
            [("branch_pool", 192, 1)],
        ],
        "mean",
    )


def _mixed_7(before: int, pool: str) -> Mixed:
    row, column = (1, 3), (3, 1)
    return Mixed(
        before,
        [
            [("branch1x1", 320, 1)],
            [("branch3x3_1", 384, 1), (("branch3x3_2a", 384, row), ("branch3x3_2b", 384, column))],
            [
                ("branch3x3dbl_1", 448, 1),
                ("branch3x3dbl_2", 384, 3),
                (("branch3x3dbl_3a", 384, row), ("branch3x3dbl_3b", 384, column)),
            ],
            [("branch_pool", 192, 1)],
        ],
        pool,
    )


class Inception(nn.Module):
    """Inception v3 (Szegedy et al. 2016) up to its last pooling, frozen, in the variant that FID is defined by (Heusel et al.).

    weights: a state_dict in torchvision's naming; figures compare with published ones for the file of FID's own network,
    pt_inception-2015-12-05-6726825d.pth. The classifier is not read. Raises InceptionError.
    """

    def __init__(self, weights: Path):
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _mixed_5(192, 32), _mixed_5(256, 64), _mixed_5(288, 64)
        self.Mixed_6a = Mixed(
            288,
            [
                [("branch3x3", 384, 3, 2)],
                [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3, 2)],
                [],
            ],
            "halve",
        )
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = (_mixed_6(width) for width in (128, 160, 160, 192))
        self.Mixed_7a = Mixed(
            768,
            [
                [("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3, 2)],
                [
                    ("branch7x7x3_1", 192, 1),
                    ("branch7x7x3_2", 192, (1, 7)),
                    ("branch7x7x3_3", 192, (7, 1)),
                    ("branch7x7x3_4", 192, 3, 2),
                ],
                [],
            ],
            "halve",
        )
        self.Mixed_7b, self.Mixed_7c = _mixed_7(1280, "mean"), _mixed_7(2048, "max")
        _load(self, weights)
        self.requires_grad_(False).eval()

    def forward(self, picture: Tensor) -> Tensor:
        """Scene-linear pictures (B, 3, SIDE, SIDE) to features (B, FEATURES), seen as a screen shows them."""
        x = 2 * display(picture) - 1
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(max_pool2d(x, 3, stride=2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(max_pool2d(x, 3, stride=2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean((2, 3))


def _load(network: Inception, path: Path) -> None:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
        raise InceptionError(f"Inception's weights can't be read from {path} ({str(error).splitlines()[0]}).") from error
    own = {name: t for name, t in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    if not isinstance(state, dict) or any(getattr(state.get(name), "shape", None) != own[name].shape for name in own):
        raise InceptionError(
            f"{path} does not hold the weights of Inception v3 under torchvision's names; "
            "give pt_inception-2015-12-05-6726825d.pth."
        )
    network.load_state_dict({name: state[name] for name in own}, strict=False)


def squares(picture: Tensor) -> Tensor:
    """The squares that fit side by side into a picture (1, 3, H, W), (B, 3, SIDE, SIDE); a smaller picture is enlarged."""
    if min(picture.shape[2:]) < SIDE:
        scale = SIDE / min(picture.shape[2:])
        size = [max(SIDE, round(n * scale)) for n in picture.shape[2:]]
        picture = interpolate(picture, size, mode="bilinear", align_corners=False)
    rows, columns = (n // SIDE for n in picture.shape[2:])
    cut = picture[:, :, : rows * SIDE, : columns * SIDE].reshape(3, rows, SIDE, columns, SIDE)
    return cut.permute(1, 3, 0, 2, 4).flatten(0, 1)


class _Known(nn.Module):
    """Stands in for the network where its features are known already."""

    num_features = FEATURES

    def forward(self, features: Tensor) -> Tensor:
        return features


def distances(found: Tensor, wanted: Tensor) -> dict[str, float]:
    """Of features (n, FEATURES): "kid" x 1000 (Binkowski et al. 2018), which holds for small sets too, and "fid" (Heusel et al.
    2017) where both sets have at least as many squares as there are features, without which it says little. One square has none.
    """
    count = min(len(found), len(wanted))
    measures = {}
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore", UserWarning)  # that KID keeps all features
        torch.manual_seed(0)  # of KID's subsets
        if count > 1:
            measures["kid"] = KernelInceptionDistance(_Known(), subset_size=min(KID_SUBSET, count))
        if count >= FEATURES:
            measures["fid"] = FrechetInceptionDistance(_Known())
        for measure in measures.values():
            measure.update(wanted, real=True)
            measure.update(found, real=False)
        results = {name: measure.compute() for name, measure in measures.items()}
    return {name: 1000 * result[0].item() if name == "kid" else result.item() for name, result in results.items()}
