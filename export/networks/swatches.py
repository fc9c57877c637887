"""Swatches: the paint of a look, cut out of painted frames, which a generator lays first and then paints on.

What is painted where is looked up by guides, as StyLit looks it up (Fiser et al. 2016): a place is painted as places were that
look like it in the passes. Colours follow those of many places; texture comes from a few tiles, which repeat (see
training/swatch_cutting.py for how they are cut). Tiles stick to the picture plane, as the grain of paper does. A generator
learns colours alone: texture is random, so that whoever sees it and is taught by a painting takes it away (its mean is the best
guess), and is laid over what it has painted, as strong as it was measured.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, one_hot, relu

SIDE = 256
"""Pixels after which a tile comes again, each way; within a cell of the picture plane, which is as large."""
COLOURS = 64
"""Places by whose guides a place is known."""
CELL, AROUND = 4, 3
"""Side in pixels of the squares by whose means guides are compared, and, in such squares, of the means of these."""
CELLS, SHIFT, SEED = 16, 40.0, 3
"""Cells, each way, whose tiles begin at places of their own; how far their borders wander, in pixels; the seed of both."""
LEVELS = 127.0
"""Steps of a tile's values on either side of none."""


class Swatches(nn.Module):
    """Guides (B, channels, H, W), about [-1, 1], H and W multiples of 8, and columns and rows (B, 2, H, W) to encoded paint in
    two parts, its colour and its texture, each (B, 3, H, W), which are added.

    Nothing here is learned by descent. Where a place is as like one as another, textures are mixed, at constant energy (Heitz
    and Neyret 2018). All positions are whole numbers, so that a tile anywhere in the frame gives the frame's paint.
    """

    operators = frozenset({"Gather", "Softmax", "Sqrt"})

    def __init__(self, channels: int, kinds: int):
        super().__init__()
        self.kinds = kinds
        self.register_buffer("low", torch.zeros(1, channels, 1, 1))
        self.register_buffer("high", torch.zeros(1, channels, 1, 1))
        self.register_buffer("middle", torch.zeros(1, channels, 1, 1))
        self.register_buffer("likeness", torch.zeros(COLOURS, channels, 1, 1))
        self.register_buffer("prior", torch.zeros(COLOURS))
        self.register_buffer("mixture", torch.cat([torch.zeros(3, COLOURS), torch.ones(kinds, COLOURS) / kinds])[..., None, None])
        self.register_buffer("tiles", torch.full((kinds * 3 * SIDE * SIDE,), 128, dtype=torch.uint8))
        self.register_buffer("step", torch.zeros(1, 1, 1, 1))
        self.register_buffer("planes", torch.arange(3).view(1, 3, 1, 1) * SIDE * SIDE, persistent=False)
        source = torch.Generator().manual_seed(SEED)
        shifts = torch.randint(SIDE, (2, CELLS * CELLS), generator=source).float()
        self.register_buffer("right", shifts[0], persistent=False)
        self.register_buffer("below", shifts[1], persistent=False)
        waves = torch.randn(2, SIDE, generator=source)
        waves = torch.fft.irfft(torch.fft.rfft(waves) * (torch.fft.rfftfreq(SIDE) <= 8 / SIDE))
        across, down = (waves / waves.abs().amax(1, keepdim=True) * SHIFT).round()
        self.register_buffer("across", across, persistent=False)
        self.register_buffer("down", down, persistent=False)

    @torch.no_grad()
    def know(self, centres: Tensor, spread: float, colours: Tensor) -> None:
        """Take the guides of places (COLOURS, channels), the mean square by which what belongs to a place differs from it, and
        the places' encoded colours (COLOURS, 3)."""
        low, high = centres.amin(0), centres.amax(0)
        self.low.copy_(low[None, :, None, None])
        self.high.copy_(high[None, :, None, None])
        self.middle.copy_(((high - low) / 2)[None, :, None, None])
        centred = centres - (low + high) / 2  # about which products are small, so that little of their difference is rounding
        self.likeness.copy_((centred * (2 / spread))[..., None, None])
        self.prior.copy_(-centred.square().sum(1) / spread)
        self.mixture[:3].copy_(colours.T[..., None, None])

    @torch.no_grad()
    def keep(self, kinds: Tensor, tiles: Tensor) -> None:
        """Take the tile of each place (COLOURS,), and the tiles (kinds, 3, SIDE, SIDE)."""
        self.mixture[3:].copy_(one_hot(kinds, self.kinds).T[..., None, None])
        step = tiles.abs().max().clamp(min=1e-6) / LEVELS
        self.step.fill_(step)
        self.tiles.copy_((tiles / step + 128).round().flatten())

    def compared(self, guides: Tensor) -> Tensor:
        """Guides (B, channels, H, W) as they are compared, (B, channels, H / CELL, W / CELL)."""
        return avg_pool2d(avg_pool2d(guides, CELL), AROUND, stride=1, padding=AROUND // 2, count_include_pad=False)

    def forward(self, guides: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        planes = self.known(self.compared(guides))
        colour, *shares = planes.split([3] + [1] * self.kinds, 1)
        index, texture, power = self.index(place) + self.planes, 0.0, 0.0
        for kind, share in enumerate(shares):
            values = self.tiles[index + kind * 3 * SIDE * SIDE].float() - 128.0
            texture = texture + values * share
            power = power + share * share
        return colour, texture * (self.step / torch.sqrt(power))

    def known(self, compared: Tensor) -> Tensor:
        """Of compared() guides the colour and how much there is of each kind, (B, 3 + kinds, H, W)."""
        seen = relu(compared - self.low)
        seen = self.middle - relu(self.high - self.low - seen)  # within what was painted
        like = torch.softmax(conv2d(seen, self.likeness, self.prior), 1)
        return interpolate(conv2d(like, self.mixture), scale_factor=float(CELL), mode="bilinear")

    def index(self, place: Tensor) -> Tensor:
        """Of columns and rows (B, 2, H, W), where in a tile they lie, whole numbers (B, 1, H, W)."""
        x, y = place.split(1, 1)
        across, down = (wander[_within(along, SIDE).long()] for wander, along in ((self.across, y), (self.down, x)))
        cell = _within(torch.floor((y + down) * (1 / SIDE)), CELLS) * CELLS + _within(
            torch.floor((x + across) * (1 / SIDE)), CELLS
        )
        right, below = (shift[cell.long()] for shift in (self.right, self.below))
        return (_within(y + below, SIDE) * SIDE + _within(x + right, SIDE)).long()


def _within(n: Tensor, period: int) -> Tensor:
    """Whole numbers modulo a power of two."""
    return n - torch.floor(n * (1 / period)) * period
