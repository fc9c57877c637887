"""Generators of published methods, re-implemented from their papers to be compared with ours: pix2pix, CycleGAN, Few-Shot
Patch-Based Training and fast neural style.

They see the encoded image in [-1, 1] and end in a tanh, brought to [0, 1]: light above the white of a screen is lost, as with
the originals, which know only 8-bit pictures. Those with instance normalisation depend on the whole frame and take no tiles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core.passes import Pass

from ..modes import PEERS as NAMES
from .encoding import network_sees
from .guided import GuidedGenerator


class Peer(GuidedGenerator):
    """A generator that paints a new picture from 2 x encoding - 1 of the image, where ours change the encoded image: change()
    gives the picture, (B, 3, H, W), before its tanh.
    """

    operators = frozenset(
        {"BatchNormalization", "ConvTranspose", "Identity", "InstanceNormalization", "LeakyRelu", "Pad", "Tanh"}
    )

    def picture_of(self, seen: dict[str, Tensor], _black: Tensor | float) -> Tensor:
        """(B, 3, H, W) in [0, 1]."""
        guides = [network_sees(p)(seen[p.name]) for p in self.inputs]
        guides[0] = 2 * guides[0] - 1
        return 0.5 + 0.5 * torch.tanh(self.change(torch.cat(guides, 1)))


class Pix2PixUNet(Peer):
    """The U-Net of pix2pix (Isola et al. 2017, section 6.1.1), with 8 `levels` the one that its authors call unet_256.

    Batch normalisation uses the statistics of the frame itself, in training and after (section 3.3: at batch size 1 that is
    instance normalisation). Dropout, their source of randomness, ends with training, so that a frame always comes out the same.
    """

    def __init__(self, passes: Sequence[str | Pass] = ("image",), channels: int = 64, levels: int = 8):
        super().__init__(passes)
        self.alignment = 2**levels
        widths = [channels * min(2**level, 8) for level in range(levels)]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            before = widths[level - 1] if level else self.in_channels
            normed = 0 < level < levels - 1  # not at the ends
            self.downs.append(
                nn.Sequential(
                    *([nn.LeakyReLU(0.2)] if level else []),
                    nn.Conv2d(before, width, 4, stride=2, padding=1),
                    *([nn.InstanceNorm2d(width, affine=True)] if normed else []),
                )
            )
        for level in reversed(range(levels)):
            merged = widths[level] * (1 if level == levels - 1 else 2)
            width = widths[level - 1] if level else 3
            self.ups.append(
                nn.Sequential(
                    nn.ReLU(),
                    nn.ConvTranspose2d(merged, width, 4, stride=2, padding=1),
                    *([nn.InstanceNorm2d(width, affine=True)] if level else []),
                    *([nn.Dropout(0.5)] if levels - 4 <= level < levels - 1 and level else []),
                )
            )
        _initialise(self)

    def change(self, guides: Tensor) -> Tensor:
        skips, x = [], guides
        for down in self.downs:
            x = down(x)  # (B, widths[i], H/2^(i+1), W/2^(i+1))
            skips.append(x)
        x = self.ups[0](skips.pop())
        for up in self.ups[1:]:
            x = up(torch.cat([x, skips.pop()], 1))
        return x  # (B, 3, H, W)


class CycleGANResNet(Peer):
    """The residual generator of CycleGAN (Zhu et al. 2017, section 7.2), with 9 `blocks` as for pictures of 256 px and more."""

    alignment = 8  # 4 would do, but reflection needs two pixels at 1/4

    def __init__(self, passes: Sequence[str | Pass] = ("image",), channels: int = 64, blocks: int = 9):
        super().__init__(passes)
        c = channels
        self.layers = nn.Sequential(
            *_reflecting(self.in_channels, c, 7, affine=False),
            *_normed(nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), 2 * c),
            *_normed(nn.Conv2d(2 * c, 4 * c, 3, stride=2, padding=1), 4 * c),
            *(ReflectingResidual(4 * c) for _ in range(blocks)),
            *_normed(nn.ConvTranspose2d(4 * c, 2 * c, 3, stride=2, padding=1, output_padding=1), 2 * c),
            *_normed(nn.ConvTranspose2d(2 * c, c, 3, stride=2, padding=1, output_padding=1), c),
            nn.ReflectionPad2d(3),
            nn.Conv2d(c, 3, 7),
        )
        _initialise(self)

    def change(self, guides: Tensor) -> Tensor:
        return self.layers(guides)


class FastStyle(Peer):
    """The transformer net of fast neural style (Johnson et al. 2016, table 1 of the supplement) in the form that is widely used:
    with instance normalisation (Ulyanov et al. 2016), reflected borders and nearest neighbours before convolutions upwards."""

    alignment = 8

    def __init__(self, passes: Sequence[str | Pass] = ("image",), channels: int = 32, blocks: int = 5):
        super().__init__(passes)
        c = channels
        self.layers = nn.Sequential(
            *_reflecting(self.in_channels, c, 9),
            *_reflecting(c, 2 * c, 3, stride=2),
            *_reflecting(2 * c, 4 * c, 3, stride=2),
            *(ReflectingResidual(4 * c, affine=True) for _ in range(blocks)),
            nn.Upsample(scale_factor=2.0, mode="nearest"),
            *_reflecting(4 * c, 2 * c, 3),
            nn.Upsample(scale_factor=2.0, mode="nearest"),
            *_reflecting(2 * c, c, 3),
            nn.ReflectionPad2d(4),
            nn.Conv2d(c, 3, 9),
        )

    def change(self, guides: Tensor) -> Tensor:
        return self.layers(guides)


class FewShot(Peer):
    """The residual U-Net of Few-Shot Patch-Based Training (Texler et al. 2020, section 3; sizes of its authors'
    reference_P.yaml): two levels down, residual blocks, skips from each level, also from the input."""

    alignment = 8

    def __init__(self, passes: Sequence[str | Pass] = ("image",), channels: int = 32, blocks: int = 7):
        super().__init__(passes)
        c = channels
        self.front = _batch_normed(self.in_channels, c, 7)
        self.down1 = _batch_normed(c, 2 * c, 3, stride=2)
        self.down2 = _batch_normed(2 * c, 4 * c, 3, stride=2)
        self.middle = nn.Sequential(*(BatchNormedResidual(4 * c) for _ in range(blocks)))
        self.up1 = nn.Sequential(nn.Upsample(scale_factor=2.0, mode="nearest"), _batch_normed(8 * c, 4 * c, 3))
        self.up2 = nn.Sequential(nn.Upsample(scale_factor=2.0, mode="nearest"), _batch_normed(6 * c, 4 * c, 3))
        self.tail = nn.Sequential(
            nn.Conv2d(5 * c + self.in_channels, 2 * c, 7, padding=3),
            nn.LeakyReLU(0.2),
            _batch_normed(2 * c, 2 * c, 3),
            nn.Conv2d(2 * c, 2 * c, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * c, 3, 1),
        )

    def change(self, guides: Tensor) -> Tensor:
        full = self.front(guides)  # (B, c, H, W)
        half = self.down1(full)  # (B, 2c, H/2, W/2)
        quarter = self.down2(half)  # (B, 4c, H/4, W/4)
        x = self.up1(torch.cat([self.middle(quarter), quarter], 1))  # (B, 4c, H/2, W/2)
        x = self.up2(torch.cat([x, half], 1))  # (B, 4c, H, W)
        return self.tail(torch.cat([x, full, guides], 1))


class ReflectingResidual(nn.Module):
    """x + two normalised 3x3 convolutions on reflected borders, no ReLU after the sum (Johnson et al. 2016)."""

    def __init__(self, channels: int, affine: bool = False):
        super().__init__()
        self.layers = nn.Sequential(
            *_reflecting(channels, channels, 3, affine=affine),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels, affine=affine),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class BatchNormedResidual(nn.Module):
    """x + two batch normalised 3x3 convolutions (He et al. 2016)."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            _batch_normed(channels, channels, 3), nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def _reflecting(before: int, after: int, kernel: int, stride: int = 1, affine: bool = True) -> list[nn.Module]:
    """A convolution on reflected borders, instance normalisation and ReLU."""
    return [nn.ReflectionPad2d(kernel // 2), *_normed(nn.Conv2d(before, after, kernel, stride=stride), after, affine)]


def _normed(layer: nn.Module, channels: int, affine: bool = False) -> list[nn.Module]:
    return [layer, nn.InstanceNorm2d(channels, affine=affine), nn.ReLU()]


def _batch_normed(before: int, after: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)
    )


def _initialise(generator: Peer) -> None:
    """First weights with a standard deviation of 0.02 (Isola et al. 2017, section 6.2)."""
    for layer in generator.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            nn.init.zeros_(layer.bias)


PEERS = dict(zip(NAMES, (Pix2PixUNet, CycleGANResNet, FewShot, FastStyle), strict=True))
PEER_SIZES = dict(zip(NAMES, ((64, 8), (64, 9), (32, 7), (32, 5)), strict=True))
"""Peer -> its published widths: channels of the first layer, and levels or residual blocks."""
