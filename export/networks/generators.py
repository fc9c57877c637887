"""Generators as plain modules: cnn, unet and resnet.

They keep no statistics of the whole image, so that tiles of a frame give the picture of the whole frame. Channels are
multiples of 16, with which ONNX Runtime's convolutions are fast.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pixel_shuffle, relu

from core.passes import Pass

from .guided import GuidedGenerator

LANES = 16
"""Channels that ONNX Runtime's convolutions take at once on AVX-512; 8 on AVX2."""
RELU_GAIN = 2**0.5
"""Gain that makes up for the half that a ReLU removes."""
TAIL_GAIN = 0.02
"""Gain so small that the first output is close to the input."""


class Residual(nn.Module):
    """x + conv(relu(conv(x))); the second convolution starts small, which keeps deep stacks calm without normalisation
    (Zhang et al. 2019, Fixup initialisation)."""

    def __init__(self, channels: int, blocks: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        _initialise(self.conv1, RELU_GAIN)
        _initialise(self.conv2, 0.5 * blocks**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(relu(self.conv1(x)))


class Tail(nn.Conv2d):
    """The last convolution, 3x3, and depth-to-space by `scale`: gives 3 channels of colour, and each further one by itself.

    Where the `scale` squared channels behind one of them fill what processors convolve at once, each part is convolved by itself,
    so that only the one in use is held at full size.
    """

    def __init__(self, channels: int, scale: int, out_channels: int):
        super().__init__(channels, out_channels * scale**2, 3, padding=1)
        self.scale, self.parts = scale, [3] + [1] * (out_channels - 3)

    def forward(self, x: Tensor) -> Sequence[Tensor]:
        if len(self.parts) == 1:
            return [pixel_shuffle(super().forward(x), self.scale)]
        if self.scale**2 % LANES:
            return pixel_shuffle(super().forward(x), self.scale).split(self.parts, 1)
        rows = [part * self.scale**2 for part in self.parts]
        weights = zip(self.weight.split(rows), self.bias.split(rows), strict=True)
        return [pixel_shuffle(conv2d(x, weight, bias, padding=1), self.scale) for weight, bias in weights]


class CNN(GuidedGenerator):
    """A lean generator on two scales: strided front, residual blocks at 1/4 and 1/8, depth-to-space tail."""

    alignment = 8

    def __init__(
        self, passes: Sequence[str | Pass] = ("image",), c1: int = 32, c2: int = 64, n1: int = 2, n2: int = 3, **options
    ):
        super().__init__(passes, **options)
        self.front = nn.Conv2d(self.in_channels, c1, 8, stride=4, padding=2)
        self.before = nn.Sequential(*(Residual(c1, n1) for _ in range(n1)))
        self.down = nn.Conv2d(c1, c2, 3, stride=2, padding=1)
        self.middle = nn.Sequential(*(Residual(c2, n2) for _ in range(n2)))
        self.up = nn.Conv2d(c2, c1, 1)
        self.after = nn.Sequential(*(Residual(c1, n1) for _ in range(n1)))
        self.tail = Tail(c1, 4, self.out_channels)
        self.pens = self.make_pens(c1, 4)
        self.bends = self.affine((c1, 4), (c2, 8))
        _initialise(self.front, RELU_GAIN)
        _initialise(self.down, RELU_GAIN)
        _initialise(self.up, 1.0)
        _initialise(self.tail, TAIL_GAIN)

    def change(self, guides: Tensor, shares: Tensor | None = None) -> Sequence[Tensor]:
        fine, coarse = self.bends
        quarter = self.before(fine(relu(self.front(guides)), shares))  # (B, c1, H/4, W/4)
        eighth = self.up(self.middle(coarse(relu(self.down(quarter)), shares)))  # (B, c1, H/8, W/8)
        quarter = self.after(quarter + _twice(eighth))
        return [*self.tail(quarter), *([self.pens(quarter)] if self.pens else [])]


class UNet(GuidedGenerator):
    """A U-Net (Ronneberger et al. 2015) whose strokes move along with what they are on: skips from each level to its mirror, as
    pix2pix has them (Isola et al. 2017, section 6.1.1), but a frame is averaged before each halving (Zhang 2019) and enlarged
    bilinearly, so that the grid of its levels leaves no marks.

    It works at half size: finer detail is the image's own, which a gate can hold back, unless it has `fine` channels at full size
    too. Convolutions repeat the edge beyond the frame, so that a plain frame stays plain up to its borders.

    widths: channels at 1/2, 1/4, 1/8 ..., two levels or more.
    """

    def __init__(self, passes: Sequence[str | Pass] = ("image",), *widths: int, fine: int = 0, **options):
        super().__init__(passes, **options)
        self.alignment = max(8, 2 ** len(widths))
        self.downs = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1, padding_mode="replicate") for a, b in pairwise((self.in_channels, *widths))
        )
        self.ups = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.skips, self.merges = (
            nn.ModuleList(nn.Conv2d(a, a, 3, padding=1, padding_mode="replicate") for a in widths[:-1]) for _ in range(2)
        )
        self.tail = nn.Conv2d(fine or widths[0], self.out_channels, 3, padding=1, padding_mode="replicate")
        self.fine = fine
        if fine:
            self.ups.append(nn.Conv2d(widths[0], fine, 1))
            self.skips.append(nn.Conv2d(self.in_channels, fine, 3, padding=1, padding_mode="replicate"))
        self.pens = self.make_pens(widths[0], 2)
        self.bends = self.affine(*((width, 2**level) for level, width in enumerate(widths, 1)))
        for conv in (*self.downs, *self.skips, *self.merges):
            _initialise(conv, RELU_GAIN)
        for conv in self.ups:
            _initialise(conv, 1.0)
        _initialise(self.tail, TAIL_GAIN)

    def resolved(self, picture: Tensor) -> Tensor:
        return picture if self.fine else _softened(_enlarged(_halved(picture)))

    def change(self, guides: Tensor, shares: Tensor | None = None) -> Sequence[Tensor]:
        x, levels = guides, []
        for down, bend in zip(self.downs, self.bends, strict=True):
            x = bend(relu(down(_halved(x))), shares)  # (B, widths[i], H/2^(i+1), W/2^(i+1))
            levels.append(x)
        x, count = levels.pop(), len(self.merges)
        for up, skip, merge in zip(*(reversed(convs[:count]) for convs in (self.ups, self.skips, self.merges)), strict=True):
            x = relu(skip(levels.pop()) + merge(_enlarged(up(x))))
        pens = [self.pens(x)] if self.pens else []
        if self.fine:
            x = relu(self.skips[-1](guides) + _enlarged(self.ups[-1](x)))  # (B, fine, H, W)
        # At half size, bilinear alone would leave marks of what is as fine as the grid.
        tail = self.tail(x) if self.fine else _softened(_enlarged(self.tail(x)))
        return [*tail.split([3] + [1] * (self.out_channels - 3), 1), *pens]


class ResNet(GuidedGenerator):
    """Residual blocks between down- and upsampling (Johnson et al. 2016; CycleGAN, Zhu et al. 2017, section 7.2). Here without
    normalisation, with a strided 7x7 front and a depth-to-space tail, so that nothing runs at full size.

    c1, c2: channels at 1/2 and at 1/4; blocks: residual blocks at 1/4.
    """

    alignment = 8  # 4 would do, but ONNX Runtime rounds the ends of rows differently, and tiles would differ in the last bit

    def __init__(self, passes: Sequence[str | Pass] = ("image",), c1: int = 32, c2: int = 64, blocks: int = 9, **options):
        super().__init__(passes, **options)
        self.front = nn.Conv2d(self.in_channels, c1, 7, stride=2, padding=3)
        self.down = nn.Conv2d(c1, c2, 3, stride=2, padding=1)
        self.middle = nn.Sequential(*(Residual(c2, blocks) for _ in range(blocks)))
        self.up = nn.Conv2d(c2, c1, 1)
        self.after = nn.Conv2d(c1, c1, 3, padding=1)
        self.tail = Tail(c1, 2, self.out_channels)
        self.pens = self.make_pens(c1, 2)
        self.bends = self.affine((c1, 2), (c2, 4))
        for conv in (self.front, self.down, self.after):
            _initialise(conv, RELU_GAIN)
        _initialise(self.up, 1.0)
        _initialise(self.tail, TAIL_GAIN)

    def change(self, guides: Tensor, shares: Tensor | None = None) -> Sequence[Tensor]:
        fine, coarse = self.bends
        half = fine(relu(self.front(guides)), shares)  # (B, c1, H/2, W/2)
        quarter = self.up(self.middle(coarse(relu(self.down(half)), shares)))  # (B, c1, H/4, W/4)
        half = relu(self.after(_twice(quarter)))
        return [*self.tail(half), *([self.pens(half)] if self.pens else [])]


def _twice(x: Tensor) -> Tensor:
    """(B, c, h, w) to (B, c, 2h, 2w), nearest neighbours."""
    return interpolate(x, scale_factor=2.0, mode="nearest")


def _halved(x: Tensor) -> Tensor:
    """(B, c, 2h, 2w) to (B, c, h, w): means of 4 x 4 pixels, at borders of those that there are."""
    return avg_pool2d(x, 4, stride=2, padding=1, count_include_pad=False)


def _enlarged(x: Tensor) -> Tensor:
    """(B, c, h, w) to (B, c, 2h, 2w), bilinear."""
    return interpolate(x, scale_factor=2.0, mode="bilinear")


def _softened(x: Tensor) -> Tensor:
    """Means of 3 x 3 pixels, at borders of those that there are."""
    return avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _initialise(conv: nn.Conv2d, gain: float) -> None:
    """Weights whose output has gain times the input's root mean square (He et al. 2015, section 2.2); biases 0."""
    nn.init.normal_(conv.weight, 0.0, gain * (conv.in_channels * conv.kernel_size[0] * conv.kernel_size[1]) ** -0.5)
    nn.init.zeros_(conv.bias)
