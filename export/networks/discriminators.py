"""Discriminators with one interface: a picture goes in, features and logits come out."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d, leaky_relu

from ..config import TrainConfig
from .perceptual import Features
from .vgg import VGG19, width_of


class Judgement(NamedTuple):
    """What a discriminator makes of a batch of pictures."""

    features: list[Tensor]
    """From each hidden layer of all parts of the discriminator, (B, c, h, w) or (B, c)."""
    logits: list[Tensor]
    """From each part, (B, 1, h, w) or (B, 1): above 0 for what looks real."""


class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al. 2017, section 3.2.2): judges overlapping patches, 34 px with 2 strided layers, 70 px with 3."""

    def __init__(self, in_channels: int, channels: int = 32, layers: int = 3, spectral_norm: bool = True):
        super().__init__()
        widths = [in_channels] + [channels * min(2**i, 8) for i in range(layers + 1)]
        strides = [2] * layers + [1]
        convs = [nn.Conv2d(a, b, 4, s, padding=1) for a, b, s in zip(widths, widths[1:], strides, strict=False)]
        convs.append(nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.convs = _prepared(convs, spectral_norm)

    def forward(self, x: Tensor) -> Judgement:
        """Encoded pictures (B, in_channels, H, W) to one part's features and logits."""
        return _judge(self.convs, x)


class MultiscaleDiscriminator(nn.Module):
    """PatchGANs of equal build on the picture at full, 1/2, 1/4 ... size (Wang et al. 2018, section 3.2)."""

    def __init__(self, in_channels: int, channels: int = 32, layers: int = 3, scales: int = 3, spectral_norm: bool = True):
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(in_channels, channels, layers, spectral_norm) for _ in range(scales))

    def forward(self, x: Tensor) -> Judgement:
        """Encoded pictures (B, in_channels, H, W) to the features and logits of each scale, the finest first."""
        features, logits = [], []
        for number, discriminator in enumerate(self.scales):
            judged = discriminator(avg_pool2d(x, 2**number) if number else x)
            features += judged.features
            logits += judged.logits
        return Judgement(features, logits)


class DenseDiscriminator(nn.Module):
    """Fully connected layers (Goodfellow et al. 2014, section 5) on the whole picture, averaged down to side x side pixels: it
    judges composition and tone, not texture."""

    def __init__(self, in_channels: int, channels: int = 256, layers: int = 3, side: int = 32, spectral_norm: bool = True):
        super().__init__()
        self.side = side
        widths = [in_channels * side**2, *[channels] * layers, 1]
        self.linears = _prepared([nn.Linear(a, b) for a, b in zip(widths, widths[1:], strict=False)], spectral_norm)

    def forward(self, x: Tensor) -> Judgement:
        """Encoded pictures (B, in_channels, H, W) of any size to features (B, channels) and logits (B, 1)."""
        return _judge(self.linears, adaptive_avg_pool2d(x, self.side).flatten(1))


class VGGDiscriminator(nn.Module):
    """Small convolutional heads on features of a frozen VGG-19, one for each layer (after Richter et al. 2021, section 3.3, and
    Sauer et al. 2021, section 3): seeing is learned already, and only how the looks differ remains to be learned.

    Features are scaled to a root mean square of 1 at each place (as Zhang et al. 2018 scale theirs for LPIPS). The VGG-19 is
    shared and no part of this module, so that it is neither trained nor saved.
    """

    def __init__(self, vgg: VGG19, layers: Sequence[str], pictures: int = 1, channels: int = 32, spectral_norm: bool = True):
        super().__init__()
        self.judged, self.frozen = tuple(layers), (vgg,)
        self.heads = nn.ModuleList(
            _prepared(
                [
                    nn.Conv2d(pictures * width_of(layer), channels, 1),
                    nn.Conv2d(channels, channels, 3, padding=1),
                    nn.Conv2d(channels, 1, 3, padding=1),
                ],
                spectral_norm,
            )
            for layer in layers
        )

    def forward(self, x: Tensor) -> Judgement:
        """Encoded pictures side by side, (B, 3 n, H, W), to the features and logits of each layer's head."""
        seen = self.frozen[0](x.unflatten(1, (-1, 3)).flatten(0, 1))
        features, logits = [], []
        for layer, head in zip(self.judged, self.heads, strict=True):
            found = seen[layer].float()
            found = found * torch.rsqrt(found.square().mean(1, keepdim=True) + 1e-6)
            judged = _judge(head, found.unflatten(0, (len(x), -1)).flatten(1, 2))  # (B, n c, h, w)
            features += judged.features
            logits += judged.logits
        return Judgement(features, logits)


class ProjectedDiscriminator(nn.Module):
    """Small convolutional heads on random mixtures of a frozen network's features, one for each level (Sauer et al. 2021,
    sections 3.2 and 4): the mixtures keep it from looking at single features that give every output away.

    Features are first brought to the mean and deviation that they have in the pictures of the look. The network is shared and no
    part of this module; the mixtures are saved with it, so that a resumed run judges by the same.
    """

    def __init__(self, features: Features, pictures: Sequence[Tensor], channels: int = 64, spectral_norm: bool = True):
        """pictures: of the look, (1, 3, H, W) sRGB each."""
        super().__init__()
        self.frozen, self.levels = (features,), tuple(features.widths)
        with torch.no_grad():
            found = [features(picture) for picture in pictures]
        self.heads = nn.ModuleList()
        for number, level in enumerate(self.levels):
            deviation, mean = torch.std_mean(torch.cat([f[level][0].flatten(1) for f in found], 1), dim=1)
            self.register_buffer(f"mean{number}", mean[:, None, None], persistent=False)
            self.register_buffer(f"deviation{number}", deviation[:, None, None] + 1e-3, persistent=False)
            width = features.widths[level]
            self.register_buffer(f"mixture{number}", torch.randn(channels, width, 1, 1) * width**-0.5)
            convs = [
                nn.Conv2d(channels, channels, 4, 2, 1),
                nn.Conv2d(channels, channels, 3, 1, 1),
                nn.Conv2d(channels, 1, 3, 1, 1),
            ]
            self.heads.append(nn.ModuleList(nn.utils.parametrizations.spectral_norm(c) if spectral_norm else c for c in convs))

    def forward(self, x: Tensor) -> Judgement:
        """sRGB pictures (B, 3, H, W), about [0, 1], to the features and logits of each level's head."""
        return self.judge(self.frozen[0](x))

    def judge(self, found: dict[str, Tensor]) -> Judgement:
        """As forward(), of what the frozen network has found already."""
        return self.judge_mixed(self.mixed(found))

    def mixed(self, found: dict[str, Tensor]) -> list[Tensor]:
        """The mixtures of each level's normalised features, (B, c, h, w)."""
        mixtures = []
        for number, level in enumerate(self.levels):
            mean, deviation = getattr(self, f"mean{number}"), getattr(self, f"deviation{number}")
            mixtures.append(conv2d((found[level].float() - mean) / deviation, getattr(self, f"mixture{number}")))
        return mixtures

    def judge_mixed(self, mixtures: Sequence[Tensor]) -> Judgement:
        """As forward(), of what mixed() gives."""
        features, logits = [], []
        for head, mixture in zip(self.heads, mixtures, strict=True):
            judged = _judge(head, mixture)
            features += judged.features
            logits += judged.logits
        return Judgement(features, logits)


def make_discriminator(config: TrainConfig, vgg: VGG19 | None = None) -> nn.Module:
    """The discriminator that the settings name, for a picture of three channels, with or without the input image before it.

    vgg: for the discriminator of that name, with the layers that it judges by.
    """
    in_channels, channels, layers = 6 if config.conditional else 3, config.discriminator_channels, config.discriminator_layers
    match config.discriminator:
        case "dense":
            return DenseDiscriminator(in_channels, channels, layers, config.discriminator_side, config.spectral_norm)
        case "multiscale":
            return MultiscaleDiscriminator(in_channels, channels, layers, config.discriminator_scales, config.spectral_norm)
        case "vgg":
            return VGGDiscriminator(vgg, config.discriminator_vgg_layers, in_channels // 3, channels, config.spectral_norm)
        case _:
            return PatchDiscriminator(in_channels, channels, layers, config.spectral_norm)


def _prepared(layers: list[nn.Module], spectral_norm: bool) -> nn.ModuleList:
    """The layers with their first weights and, if asked for, a bounded slope (Miyato et al. 2018)."""
    for layer in layers:
        nn.init.normal_(layer.weight, 0.0, 0.02)  # as in pix2pix
        nn.init.zeros_(layer.bias)
    return nn.ModuleList(nn.utils.parametrizations.spectral_norm(x) if spectral_norm else x for x in layers)


def _judge(layers: nn.ModuleList, x: Tensor) -> Judgement:
    features = []
    for layer in layers[:-1]:
        x = leaky_relu(layer(x), 0.2)
        features.append(x)
    return Judgement(features, [layers[-1](x)])
