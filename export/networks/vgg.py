"""VGG-19 and VGG-16 as judges of pictures: the layers up to the deepest one asked for, with torchvision's weights."""

from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from ..settings import TrainerError
from .encoding import decode, display

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation of ImageNet's sRGB pictures, by which torchvision's weights expect pictures normalised."""


class VGGError(TrainerError):
    """The file of a VGG network's weights is missing, damaged or of another network."""


class VGG(nn.Module):
    """The convolutions of a VGG network (Simonyan & Zisserman 2015, table 1), frozen; relu3_2 is the second of block three.

    weights: a state_dict in torchvision's naming; only `features.*` is read. Raises VGGError.
    """

    blocks: tuple[int, ...]
    """Convolutions of each block."""
    title: str
    file: str
    """What torchvision calls the file of its weights."""

    def __init__(self, weights: Path, layers: Sequence[str]):
        super().__init__()
        self.names: dict[int, str] = {}
        stack: list[nn.Module] = []
        names = [f"relu{block}_{n}" for block, count in enumerate(self.blocks, 1) for n in range(1, count + 1)]
        last, channels = max(names.index(name) for name in layers), 3
        for name in names[: last + 1]:
            if name.endswith("_1") and stack:
                stack.append(nn.MaxPool2d(2))
            width = width_of(name)
            stack += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
            if name in layers:
                self.names[len(stack) - 1] = name
        self.features = nn.Sequential(*stack)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)
        _load(self, weights)
        self.requires_grad_(False).eval()

    def forward(self, picture: Tensor) -> dict[str, Tensor]:
        """Encoded pictures (B, 3, H, W) to {layer: features (B, c, h, w)}, seen as a screen shows them, clipped at white."""
        x, found = (display(decode(picture)) - self.mean) / self.deviation, {}
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.names:
                found[self.names[index]] = x
        return found


class VGG19(VGG):
    """Column E of the table."""

    blocks, title, file = (2, 2, 4, 4, 4), "VGG-19", "vgg19-dcbb9e9d.pth"


class VGG16(VGG):
    """Column D of the table."""

    blocks, title, file = (2, 2, 3, 3, 3), "VGG-16", "vgg16-397923af.pth"


def width_of(layer: str) -> int:
    """Channels of a layer of VGG_LAYERS."""
    return 64 * min(2 ** (int(layer[4]) - 1), 8)


def gram(features: Tensor) -> Tensor:
    """Which features occur together, wherever they are: (B, c, h, w) to (B, c, c), the mean over pixels of their products."""
    flat = features.float().flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def _load(network: VGG, path: Path) -> None:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
        raise VGGError(
            f"{network.title}'s weights can't be read from {path} ({str(error).splitlines()[0]}); "
            f"give torchvision's file {network.file}."
        ) from error
    own = network.state_dict()
    if not isinstance(state, dict) or any(getattr(state.get(name), "shape", None) != own[name].shape for name in own):
        raise VGGError(f"{path} does not hold the weights of {network.title} under torchvision's names; give {network.file}.")
    network.load_state_dict({name: state[name] for name in own})
