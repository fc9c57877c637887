"""First weights of the resnet generator from a ResNet-18 or -34 in torchvision's naming, trained to classify ImageNet."""

import logging
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from ..networks.encoding import decode, display
from ..networks.generators import ResNet
from ..networks.vgg import DEVIATION, MEAN
from ..settings import TrainerError

log = logging.getLogger(__name__)

BLUR = torch.outer(torch.tensor([1.0, 2.0, 1.0]), torch.tensor([1.0, 2.0, 1.0])) / 16
EPSILON = 1e-5
"""What torchvision's batch normalisation adds to the variance."""


class ResNetError(TrainerError):
    """The file holds no weights of a ResNet that fits the generator."""


@torch.no_grad()
def start_from_resnet(path: Path, generator: ResNet) -> None:
    """Give the generator the first convolution and the blocks of layer1 of a ResNet (He et al. 2016, table 1).

    Batch normalisation is folded into the convolutions. What differs from the ResNet: blocks have no ReLU after their sum; a
    blur of each channel takes the place of the maximum over 3 x 3 pixels (Zhang 2019, section 3, has both); the sRGB picture
    that it expects is approximated by a straight line over the encoding; beyond the frame's border lies black instead of the mean
    colour. Guides start without weight, further blocks as they were. Raises ResNetError.
    """
    state = _read(path)
    blocks = len({name.split(".")[1] for name in state if name.startswith("layer1.")})
    channels = len(state["conv1.weight"])
    if generator.front.out_channels != channels or generator.down.out_channels != channels or len(generator.middle) < blocks:
        raise ResNetError(
            f"{path} has {channels} channels and {blocks} blocks; give --widths {channels} {channels} N, N at least {blocks}."
        )
    weight, bias = _folded(state, "conv1", "bn1")
    slope, offset = srgb_line()
    mean, deviation = torch.tensor(MEAN)[:, None, None], torch.tensor(DEVIATION)[:, None, None]
    generator.front.weight.zero_()
    generator.front.weight[:, :3] = weight * slope / deviation
    generator.front.bias.copy_(bias + (weight * (offset - mean) / deviation).sum((1, 2, 3)))
    generator.down.weight.copy_(torch.eye(channels)[:, :, None, None] * BLUR)
    generator.down.bias.zero_()
    for index in range(blocks):
        for part in ("1", "2"):
            conv = getattr(generator.middle[index], f"conv{part}")
            weight, bias = _folded(state, f"layer1.{index}.conv{part}", f"layer1.{index}.bn{part}")
            conv.weight.copy_(weight)
            conv.bias.copy_(bias)
    log.info("Starting from the first convolution and %d blocks of %s.", blocks, path)


def srgb_line() -> tuple[float, float]:
    """Slope and offset of the line over the encoding of [0, 1] that is nearest to sRGB, by least squares."""
    encoded = torch.linspace(0, 1, 1001)
    terms = torch.stack([encoded, torch.ones_like(encoded)], 1)
    slope, offset = torch.linalg.lstsq(terms, display(decode(encoded))[:, None]).solution.flatten().tolist()
    return slope, offset


def _folded(state: dict[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the batch normalisation after it folded in, as it is when not training."""
    gain = state[f"{norm}.weight"] * torch.rsqrt(state[f"{norm}.running_var"] + EPSILON)
    return state[f"{conv}.weight"] * gain[:, None, None, None], state[f"{norm}.bias"] - gain * state[f"{norm}.running_mean"]


def _read(path: Path) -> dict[str, Tensor]:
    """conv1, bn1 and layer1 of a file. Raises ResNetError."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
        raise ResNetError(
            f"A ResNet's weights can't be read from {path} ({str(error).splitlines()[0]}); "
            "give torchvision's file resnet18-f37072fd.pth or resnet34-b627a593.pth."
        ) from error
    if not isinstance(state, dict) or not _is_basic(state):
        raise ResNetError(
            f"{path} does not hold a ResNet-18 or -34 under torchvision's names (other ResNets have other blocks); "
            "give resnet18-f37072fd.pth or resnet34-b627a593.pth."
        )
    return {name: t.float() for name, t in state.items() if name.startswith(("conv1.", "bn1.", "layer1."))}


def _is_basic(state: dict[str, Tensor]) -> bool:
    """Whether layer1 is made of blocks of two 3 x 3 convolutions and everything of them is there."""
    weight = state.get("conv1.weight")
    if not isinstance(weight, Tensor) or weight.shape[1:] != (3, 7, 7):
        return False
    channels, blocks = len(weight), {name.split(".")[1] for name in state if name.startswith("layer1.")}
    convs = [f"layer1.{block}.conv{part}" for block in blocks for part in "12"]
    norms = ["bn1", *(name.replace("conv", "bn") for name in convs)]
    shapes = {f"{name}.weight": (channels, channels, 3, 3) for name in convs}
    shapes |= {f"{n}.{part}": (channels,) for n in norms for part in ("weight", "bias", "running_mean", "running_var")}
    bottleneck = any(name.startswith("layer1.0.conv3") for name in state)
    return bool(blocks) and not bottleneck and all(getattr(state.get(n), "shape", None) == s for n, s in shapes.items())
