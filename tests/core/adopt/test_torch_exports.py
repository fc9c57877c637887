"""Networks exported by PyTorch in the manner of public families, at random weights behind the picture: it must come back."""

import warnings

import numpy as np
import pytest

from core import Generator, Style, stylize
from core.adopt import Settings, adopt
from core.adopt.picture import still_life

torch = pytest.importorskip("torch")
nn = torch.nn


class Beside(nn.Module):
    """The picture, to which a network adds a ten-thousandth of what it makes: its graph is there, its look is not."""

    def __init__(self, network: nn.Module, entry=lambda x: x, end=lambda y: y):
        super().__init__()
        self.network, self.entry, self.end = network, entry, end

    def forward(self, x):
        made = self.network(self.entry(x))
        return self.end(x + 1e-4 * torch.tanh(made))


def cycle_gan() -> nn.Module:
    """Johnson's network as CycleGAN has it: mirrored borders, instance norm, transposed convolutions; -1 to 1."""
    return nn.Sequential(
        nn.ReflectionPad2d(3), nn.Conv2d(3, 8, 7), nn.InstanceNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 16, 3, 2, 1), nn.InstanceNorm2d(16), nn.ReLU(),
        nn.ConvTranspose2d(16, 8, 3, 2, 1, 1), nn.InstanceNorm2d(8), nn.ReLU(),
        nn.ReflectionPad2d(3), nn.Conv2d(8, 3, 7),
    )  # fmt: skip


def anime_gan() -> nn.Module:
    """AnimeGANv2: group norm over all channels (a layer norm), leaky ReLU, bilinear enlargement; -1 to 1."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.GroupNorm(1, 8), nn.LeakyReLU(0.2),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), nn.Conv2d(8, 3, 3, 1, 1),
    )  # fmt: skip


def fast_neural_style() -> nn.Module:
    """Of pytorch/examples: 0 to 255, affine instance norm, nearest enlargement."""
    return nn.Sequential(
        nn.ReflectionPad2d(1), nn.Conv2d(3, 8, 3, 2), nn.InstanceNorm2d(8, affine=True), nn.ReLU(),
        nn.Upsample(scale_factor=2, mode="nearest"), nn.ReflectionPad2d(1), nn.Conv2d(8, 3, 3),
    )  # fmt: skip


class WhiteBox(nn.Module):
    """White-box Cartoonization: a U-Net whose enlargement is told its height and width; -1 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 3, 3, 1, 1)

    def forward(self, x):
        small = nn.functional.leaky_relu(self.down(x), 0.2)
        size = small.shape[2] * 2, small.shape[3] * 2
        return self.up(nn.functional.interpolate(small, size=size, mode="bilinear", align_corners=False)) + x


class MicroAst(nn.Module):
    """MicroAST: a second picture gives its statistics to the features of the first, spread over them by expand(); 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 3, 3, 1, 1)
        self.bias = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.AdaptiveAvgPool2d((1, 1)))

    def forward(self, content, style, alpha):
        x, s = self.encode(content), self.encode(style)
        (mean, deviation), (wanted, spread) = self.statistics(x), self.statistics(s)
        size = x.size()
        alike = (x - mean.expand(size)) / deviation.expand(size) * spread.expand(size) + wanted.expand(size)
        mixed = alpha * alike + (1 - alpha) * x + self.bias(s)
        made = self.decode(nn.functional.interpolate(mixed, scale_factor=2, mode="bilinear"))
        return (content + 1e-4 * torch.tanh(made)).clamp(0, 1)

    def statistics(self, features):
        rows = features.view(*features.size()[:2], -1)
        deviation = (rows.var(dim=2) + 1e-5).sqrt()
        return rows.mean(dim=2).view(*features.size()[:2], 1, 1), deviation.view(*features.size()[:2], 1, 1)


class Upscaler(nn.Module):
    """A sub-pixel network: each pixel four times over, and a little of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.made = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.PReLU(), nn.Conv2d(8, 12, 3, 1, 1), nn.PixelShuffle(2))

    def forward(self, x):
        large = nn.functional.interpolate(x, scale_factor=2, mode="nearest")
        return (large + 1e-4 * torch.tanh(self.made(x))).clamp(0, 1)


FAMILIES = {
    "cycle_gan": (lambda: Beside(cycle_gan(), end=lambda y: y.clamp(-1, 1)), "-1..1"),
    "anime_gan": (lambda: Beside(anime_gan(), end=lambda y: y.clamp(-1, 1)), "-1..1"),
    "fast_neural_style": (lambda: Beside(fast_neural_style(), end=lambda y: y.clamp(0, 255)), "0..255"),
    "white_box": (lambda: Beside(WhiteBox(), end=lambda y: y.clamp(-1, 1)), "-1..1"),
    "upscaler": (Upscaler, "0..1"),
    "imagenet_inside": (
        lambda: Beside(nn.Conv2d(3, 3, 3, 1, 1), entry=lambda x: (x - 0.45) / 0.225, end=lambda y: y.clamp(0, 1)),
        "0..1",
    ),
}


def export(network: nn.Module, path, inputs: dict, opset: int, dynamic: bool) -> None:
    """As the older exporter does, which public files come from. inputs: by name, the picture first, numbers without sides."""
    axes = {name: {0: "n", 2: "h", 3: "w"} for name, value in inputs.items() if value.ndim} | {"output": {2: "H", 3: "W"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it is old
        torch.onnx.export(
            network.eval(), tuple(inputs.values()), str(path), dynamo=False, opset_version=opset,
            input_names=list(inputs), output_names=["output"], dynamic_axes=axes if dynamic else None,
        )  # fmt: skip


def largest_difference(style: Style) -> float:
    """Of what it makes of a picture from that, in parts of it."""
    image = still_life(90, 130)
    frame = stylize(Generator(style, "cpu"), {"image": image})
    return float((np.abs(frame - image) / np.maximum(image, 0.05)).max())


@pytest.mark.parametrize("opset, dynamic", [(11, False), (17, True)])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_picture_comes_back(tmp_path, family, opset, dynamic):
    build, expected = FAMILIES[family]
    torch.manual_seed(0)
    export(build(), tmp_path / "foreign.onnx", {"input": torch.rand(1, 3, 64, 64)}, opset, dynamic)
    found = adopt(tmp_path / "foreign.onnx", tmp_path / "style.onnx", Settings(), Style("Foreign"))
    wrapping = found.found[0].wrapping
    assert (wrapping.range_in, wrapping.range_out) == (expected, expected)
    assert (wrapping.size, wrapping.scale) == (None, 2 if family == "upscaler" else 1)
    assert largest_difference(found.style) < 2e-2


@pytest.mark.parametrize("opset, dynamic", [(11, False), (17, True)])
def test_a_second_picture_gives_its_statistics(tmp_path, opset, dynamic):
    torch.manual_seed(0)
    style = torch.rand(1, 3, 40, 48)
    inputs = {"content": torch.rand(1, 3, 64, 64), "style": style, "alpha": torch.tensor(0.5)}
    export(MicroAst(), tmp_path / "foreign.onnx", inputs, opset, dynamic)
    values = {"style": style.numpy(), "alpha": np.array([0.5])}
    found = adopt(tmp_path / "foreign.onnx", tmp_path / "style.onnx", Settings(inputs=values), Style("Foreign"))
    wrapping = found.found[0].wrapping
    assert (wrapping.range_in, wrapping.range_out, wrapping.size) == ("0..1", "0..1", None)
    assert [control.name for control in found.style.controls] == ["alpha"]
    assert largest_difference(found.style) < 2e-2
