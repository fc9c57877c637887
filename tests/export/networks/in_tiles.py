"""What a network paints once it is a style file, whole and in tiles."""

from pathlib import Path

import numpy as np
import torch

from core import Generator, load_style, stylize
from core.style import Style
from export.export_onnx import write_style

from ..spheres import spheres


def painted_in_tiles(module: torch.nn.Module, path: Path) -> tuple[Generator, dict, np.ndarray]:
    """The style opened, a frame and what became of it, once ONNX Runtime gives the same as PyTorch, and tiles as the
    whole frame."""
    style = Style(path.stem, passes=module.passes, placed=module.placed, alignment=module.alignment, controls=module.controls)
    assert write_style(module, style, path) < 1e-3
    opened, frame = Generator(load_style(path), "cpu"), spheres(150, 210)
    whole = stylize(opened, frame)
    assert opened.style.tiles_exact and np.abs(whole - stylize(opened, frame, tile=96)).max() < 1e-4
    return opened, frame, whole
