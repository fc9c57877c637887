"""Pictures and scores of held-out frames while a generator trains."""

from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from core.style import PLACE
from core.tiles import round_up

from ..networks.encoding import decode, display, encode, places
from ..networks.guided import GuidedGenerator

CROP = 256
"""Side of the crops on a sheet, at most."""
GAP = 4
"""Pixels between the pictures of a sheet."""

Sample = tuple[dict[str, Tensor], Tensor | None]
"""The passes of a frame and its target, if it has one, each (1, c, H, W) scene-linear."""
Pictures = list[Tensor]
"""[image, output] of a frame and, if there is one, its target, each (3, H, W) scene-linear, on the CPU."""


@torch.no_grad()
def paint(generator: GuidedGenerator, passes: dict[str, Tensor], target: Tensor | None) -> Pictures:
    """Let the generator paint a whole frame, padded as core.stylize pads."""
    device = next(generator.parameters()).device
    height, width = passes["image"].shape[2:]
    right, below = (round_up(n, generator.alignment) - n for n in (width, height))
    padded = {name: pad(passes[name], (0, right, 0, below), mode="replicate") for name in generator.takes if name != PLACE}
    padded[PLACE] = places(height + below, width + right)
    output = decode(generator.encoded(*(padded[name].to(device) for name in generator.takes)).float())[
        0, :, :height, :width
    ].cpu()
    return [passes["image"][0], output, *([] if target is None else [target[0]])]


def scores(frames: Iterable[Pictures]) -> dict[str, float]:
    """Means over the frames with a target: L1 of the encoded images, PSNR in dB of their encoded luminance; {} without any."""
    from ..measures import metrics  # half of the time that a trainer takes to start, and nothing is scored before it has learned

    l1, psnr = [], []
    for _, output, target in (pictures for pictures in frames if len(pictures) == 3):
        l1.append((encode(output) - encode(target)).abs().mean().item())
        psnr.append(metrics.psnr(output[None], target[None]))
    return {"l1": sum(l1) / len(l1), "psnr": sum(psnr) / len(psnr)} if l1 else {}


def contact_sheet(frames: list[Pictures]) -> Image.Image:
    """Input | output | target, if there is one: the first frame whole, below it two crops of each at full size, sRGB."""
    crop = min(CROP, *(side for pictures in frames for side in pictures[0].shape[1:]))
    rows = [_beside(frames[0])]
    for pictures in frames:
        height, width = pictures[0].shape[1:]
        for y, x in ((height // 4, width // 5), (height // 2, width * 3 // 5)):
            y, x = (min(start, side - crop) // 8 * 8 for start, side in ((y, height), (x, width)))
            rows.append(_beside([t[:, y : y + crop, x : x + crop] for t in pictures]))
    whole, crops = rows[0], rows[1:]
    per_line = max(1, whole.shape[1] // crops[0].shape[1])
    lines = [np.hstack(crops[i : i + per_line]) for i in range(0, len(crops), per_line)]
    sheet = np.full((sum(a.shape[0] for a in (whole, *lines)), max(a.shape[1] for a in (whole, *lines)), 3), 32, np.uint8)
    y = 0
    for line in (whole, *lines):
        sheet[y : y + line.shape[0], : line.shape[1]] = line
        y += line.shape[0]
    return Image.fromarray(sheet)


def thumbnail(picture: Tensor, width: int = 192) -> Image.Image:
    """A small sRGB version of a scene-linear (3, H, W) picture."""
    return Image.fromarray(to_srgb(picture)).resize((width, max(1, width * picture.shape[1] // picture.shape[2])), Image.LANCZOS)


def _beside(pictures: list[Tensor]) -> np.ndarray:
    gap = ((0, GAP), (0, GAP), (0, 0))
    return np.hstack([np.pad(to_srgb(p), gap, constant_values=32) for p in pictures])


def to_srgb(linear: Tensor) -> np.ndarray:
    """(3, H, W) scene-linear to (H, W, 3) 8-bit sRGB."""
    return (display(linear) * 255 + 0.5).to(torch.uint8).permute(1, 2, 0).numpy()
