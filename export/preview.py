"""Pictures and scores of held-out frames while a generator trains."""

import math
from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from core.tiles import round_up

from .dataset import Frame, PairedFrames
from .encoding import decode, display, encode
from .generators import GuidedGenerator

GAP = 4
"""Pixels between the pictures of a sheet."""
LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Of linear Rec.709 (ITU-R BT.709)."""


@torch.no_grad()
def whole_frame(generator: GuidedGenerator, data: PairedFrames, frame: Frame) -> list[Tensor]:
    """[image, output, target] of a frame, each (3, H, W) scene-linear, on the CPU; padded as core.stylize pads."""
    device = next(generator.parameters()).device
    *passes, target = data.split(torch.from_numpy(np.array(data.planes(frame), np.float32))[None])
    right, below = (round_up(n, generator.alignment) - n for n in (frame.width, frame.height))
    output = decode(generator.encoded(*(pad(p, (0, right, 0, below), mode="replicate").to(device) for p in passes)).float())
    return [passes[0][0], output[0, :, : frame.height, : frame.width].cpu(), target[0]]


def scores(triples: Iterable[list[Tensor]]) -> dict[str, float]:
    """Means over frames of [image, output, target]: L1 of the encoded images, PSNR in dB of their encoded luminance."""
    l1, psnr = [], []
    weights = torch.tensor(LUMINANCE)[:, None, None]
    for _, output, target in triples:
        l1.append((encode(output) - encode(target)).abs().mean().item())
        error = (encode((output * weights).sum(0)) - encode((target * weights).sum(0))).square().mean().item()
        psnr.append(-10 * math.log10(max(error, 1e-12)))
    return {"l1": sum(l1) / len(l1), "psnr": sum(psnr) / len(psnr)}


def contact_sheet(triples: list[list[Tensor]], crop: int) -> Image.Image:
    """Input | output | target: the first frame whole, below it two crops of each frame at full size, sRGB."""
    rows = [_beside(triples[0])]
    for triple in triples:
        height, width = triple[0].shape[1:]
        for y, x in ((height // 4, width // 5), (height // 2, width * 3 // 5)):
            y, x = (min(start, side - crop) // 8 * 8 for start, side in ((y, height), (x, width)))
            rows.append(_beside([t[:, y : y + crop, x : x + crop] for t in triple]))
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
