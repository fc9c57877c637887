"""Learned perceptual distance of two pictures (LPIPS) on VGG-16."""

from pathlib import Path

import torch
import torchmetrics.functional.image
from torch import Tensor, nn

from ..networks.encoding import encode
from ..networks.vgg import VGG16

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
HEADS = Path(torchmetrics.functional.image.__file__).parent / "lpips_models" / "vgg.pth"
"""The learned weights of the features' differences, version 0.1, which torchmetrics brings along."""


class LPIPS(nn.Module):
    """LPIPS (Zhang et al. 2018, equation 1), its variant on VGG-16 with learned linear weights, version 0.1.

    weights: torchvision's file of VGG-16 (vgg16-397923af.pth). Raises VGGError.
    """

    def __init__(self, weights: Path):
        super().__init__()
        self.vgg = VGG16(weights, LAYERS)
        heads = torch.load(HEADS, map_location="cpu", weights_only=True)
        self.heads = [heads[f"lin{number}.model.1.weight"] for number in range(len(LAYERS))]

    def forward(self, output: Tensor, image: Tensor) -> Tensor:
        """Scene-linear pictures (B, 3, H, W) to distances (B,), 0 for pictures that look alike on a screen."""
        first, second = self.vgg(encode(output)), self.vgg(encode(image))
        total = torch.zeros(len(output))
        for layer, head in zip(LAYERS, self.heads, strict=True):
            a, b = (f[layer] / (f[layer].square().sum(1, keepdim=True).sqrt() + 1e-8) for f in (first, second))
            total = total + ((a - b).square() * head).sum(1).mean((1, 2))
        return total
