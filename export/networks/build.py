"""Makes a generator of any kind by name and size: ours, and those of published methods."""

from collections.abc import Sequence

from core.passes import Pass

from ..modes import SIZES
from .generators import CNN, ResNet, UNet
from .guided import GuidedGenerator
from .published import PEER_SIZES, PEERS

GENERATORS = {"cnn": CNN, "unet": UNet, "resnet": ResNet}


def make_generator(
    passes: Sequence[str | Pass], size: str = "default", widths: Sequence[int] = (), kind: str = "cnn", **options
) -> GuidedGenerator:
    """The generator of a kind in a named size or of given widths; published ones (published.PEERS) have one size and no options.

    options: what GuidedGenerator takes besides passes, and `fine` of the U-Net.
    """
    if kind in GENERATORS:
        return GENERATORS[kind](passes, *(widths or SIZES[kind][size]), **options)
    return PEERS[kind](passes, *(widths or PEER_SIZES[kind]))
