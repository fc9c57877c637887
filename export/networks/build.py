"""Makes a generator of any kind by name and size: ours, and those of published methods."""

from collections.abc import Sequence

from core.passes import Pass

from .generators import CNN, GuidedGenerator, ResNet, UNet
from .published import PEER_SIZES, PEERS

GENERATORS = {"cnn": CNN, "unet": UNet, "resnet": ResNet}

SIZES = {
    "cnn": {"draft": (16, 32, 1, 4), "fast": (32, 64, 1, 4), "default": (48, 96, 2, 3), "high": (64, 128, 3, 8)},
    "unet": {"draft": (16, 32, 48), "fast": (16, 32, 64, 96), "default": (32, 64, 96, 128), "high": (48, 96, 192, 256)},
    "resnet": {"draft": (16, 32, 4), "fast": (16, 48, 6), "default": (32, 64, 9), "high": (64, 128, 9)},
}
"""Generator -> size -> widths, in the order of the constructor."""


def make_generator(
    passes: Sequence[str | Pass], size: str = "default", widths: Sequence[int] = (), kind: str = "cnn", **options
) -> GuidedGenerator:
    """The generator of a kind in a named size or of given widths; published ones (published.PEERS) have one size and no options.

    options: what GuidedGenerator takes besides passes, and `fine` of the U-Net.
    """
    if kind in GENERATORS:
        return GENERATORS[kind](passes, *(widths or SIZES[kind][size]), **options)
    return PEERS[kind](passes, *(widths or PEER_SIZES[kind]))
