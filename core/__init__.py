"""Runs a style over the passes of a frame; needs neither Blender nor PyTorch."""

from .generator import Cancelled, Generator, MemoryLimitError, ProviderError
from .passes import PASSES, PassError
from .style import Style, StyleError, load_style
from .stylize import stylize

__all__ = [
    "PASSES", "Cancelled", "Generator", "MemoryLimitError", "PassError", "ProviderError", "Style", "StyleError", "load_style",
    "stylize",
]  # fmt: skip
