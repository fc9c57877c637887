"""Runs a style over the passes of a frame; needs neither Blender nor PyTorch."""

import os
import signal
import sys

ERROR = "Error: GAN Style:"
"""Begins the last line of a command that failed; farms look for it."""


def _stop_at_once(*_) -> None:
    """Not by an exception, which ONNX Runtime's own import doesn't survive; only what writes files needs to tidy up."""
    os.write(2, f"{ERROR} Stopped; nothing was written.\n".encode())
    os._exit(1)


if sys.argv[:1] == ["-m"]:  # Python says so while it imports the package for `python -m core`, where Ctrl-C may come already
    signal.signal(signal.SIGINT, _stop_at_once)
    signal.signal(signal.SIGTERM, _stop_at_once)

from .controls import Control  # noqa: E402
from .generator import Generator, MemoryLimitError  # noqa: E402
from .passes import PASSES, PassError  # noqa: E402
from .runtime import Cancelled, ProviderError  # noqa: E402
from .style import Style, StyleError, load_style  # noqa: E402
from .stylize import stylize  # noqa: E402

__all__ = [
    "PASSES", "Cancelled", "Control", "Generator", "MemoryLimitError", "PassError", "ProviderError", "Style", "StyleError",
    "load_style", "stylize",
]  # fmt: skip
