"""Arguments that several commands take, and how their texts become values."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from ..patterns import parse_pair
from ..runtime import PROVIDERS, split_device

DEVICE_VARIABLE = "GAN_STYLE_DEVICE"
"""Environment variable with the provider to use, and no other, for farms; behind a colon, which of its devices."""
MAX_SIDE = 16384


class UsageError(ValueError):
    """The command line asks for something that does not exist or can't be done."""


def _provider(text: str) -> str:
    """Checks the environment variable's value too, which argparse's `choices` would let pass."""
    if text != "auto" and split_device(text)[0] not in PROVIDERS:
        raise argparse.ArgumentTypeError(
            f"there is no '{text}'; --provider and {DEVICE_VARIABLE} take auto, {', '.join(PROVIDERS)}"
        )
    return text


def pair(example: str) -> Callable[[str], tuple[str, str]]:
    """For arguments like the example, NAME=VALUE."""

    def parse(text: str) -> tuple[str, str]:
        try:
            return parse_pair(text, example)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse


def _side(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MAX_SIDE:
        raise argparse.ArgumentTypeError(f"must be a number of pixels from 1 to {MAX_SIDE}, not {text}")
    return int(text)


def _megabytes(text: str) -> int:
    """To bytes."""
    if not text.isdecimal() or not 0 < int(text) < 10**7:
        raise argparse.ArgumentTypeError(f"must be a number of megabytes, not {text}")
    return int(text) * 10**6


def add_style(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("style", type=Path, help="style file (.onnx)")
    add_provider(parser)
    parser.add_argument("--tile", type=_side, help="longest side in pixels of what is run at once")
    parser.add_argument(
        "--memory",
        type=_megabytes,
        metavar="MB",
        help="memory that a frame may take besides its own pixels; default: half of what the device has free",
    )


def add_provider(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--provider",
        type=_provider,
        default=os.environ.get(DEVICE_VARIABLE) or "auto",
        metavar="{" + ",".join(("auto", *PROVIDERS)) + "}",
        help=f"what runs the generator, and behind a colon which of its devices, as in 'cuda:NVIDIA RTX A4000'; default: "
        f"{DEVICE_VARIABLE}, or else auto",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
