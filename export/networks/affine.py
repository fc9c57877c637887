"""How channels of a generator of several looks depend on how much there is of each."""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d


class Affine(nn.Module):
    """Channels scaled and shifted by how much there is of each look (Dumoulin et al. 2017, section 2.1), pixel by pixel:
    statistics of the image, which they normalise by, would make tiles differ. Without effect at first.

    step: pixels of the frame in one of the channels' pixels, each way.
    """

    def __init__(self, looks: int, channels: int, step: int):
        super().__init__()
        self.step = step
        self.change = nn.Conv2d(looks, 2 * channels, 1)
        nn.init.zeros_(self.change.weight)
        nn.init.zeros_(self.change.bias)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        scale, shift = self.change(avg_pool2d(shares, self.step)).chunk(2, 1)
        return x + x * scale + shift


class Unbent(nn.Module):
    """In the place of an Affine."""

    def forward(self, x: Tensor, _shares: None) -> Tensor:
        return x
