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
    "upscaler": (Upscaler, "0..1"),
    "imagenet_inside": (
        lambda: Beside(nn.Conv2d(3, 3, 3, 1, 1), entry=lambda x: (x - 0.45) / 0.225, end=lambda y: y.clamp(0, 1)),
        "0..1",
    ),
}


@pytest.mark.parametrize("opset, dynamic", [(11, False), (17, True)])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_picture_comes_back(tmp_path, family, opset, dynamic):
    build, expected = FAMILIES[family]
    torch.manual_seed(0)
    path, axes = tmp_path / "foreign.onnx", {0: "n", 2: "h", 3: "w"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter, which public files come from, says that it is old
        torch.onnx.export(
            build().eval(), (torch.rand(1, 3, 64, 64),), str(path), dynamo=False, opset_version=opset,
            input_names=["input"], output_names=["output"], dynamic_axes={"input": axes, "output": axes} if dynamic else None,
        )  # fmt: skip
    found = adopt(path, tmp_path / "style.onnx", Settings(), Style("Foreign"))
    wrapping, image = found.found[0].wrapping, still_life(90, 130)
    assert (wrapping.range_in, wrapping.range_out) == (expected, expected)
    assert (wrapping.size, wrapping.scale) == (None, 2 if family == "upscaler" else 1)
    frame = stylize(Generator(found.style, "cpu"), {"image": image})
    assert (np.abs(frame - image) / np.maximum(image, 0.05)).max() < 2e-2
