"""`python -m core adopt`: a foreign model into a style file."""

import argparse
import re
import sys
from pathlib import Path

import numpy as np

from ..frame import read_frame
from ..patterns import find_frames, parse_pair
from ..style import Style
from .adoption import UNKNOWN, Adopted, adopt
from .find import LAYOUTS
from .settle import FITS, Settings
from .tone import ENCODINGS
from .wrap import ORDERS, RANGES

LISTED = 6
"""Readings that are printed."""


def run(options: argparse.Namespace) -> None:
    """Make a style file of another tool's image network."""
    range_in, range_out = options.range or (None, None)
    settings = Settings(
        options.layout, range_in, range_out, options.order, options.encoding, options.size, options.multiple, options.fit,
        options.output,        dict(options.input),
    )  # fmt: skip
    licence, author, source = (_asked(getattr(options, key), key) for key in ("licence", "author", "source"))
    card = Style(
        options.name or re.sub(r"[^\w .-]+|^\.+", " ", options.model.stem).strip()[:60] or "Adopted",
        author=author,
        licence=licence or UNKNOWN,
        training={"source": source or UNKNOWN},
    )
    sheet = options.sheet or options.out.with_suffix(".png")
    image = read_frame(options.picture).passes[0]["image"] if options.picture else None
    frames = [read_frame(path).passes[0]["image"] for path in find_frames(options.freeze)[0]]
    adopted = adopt(options.model, options.out, settings, card, sheet, image, frames)
    print("\n".join(_report(adopted, options.out, sheet)))


def _asked(value: str | None, question: str) -> str:
    """What was given, or what the user answers, if somebody sits there."""
    if value is None and sys.stdin is not None and sys.stdin.isatty():
        value = input(f"{question.capitalize()} of the model (empty if unknown): ")
    return (value or "").strip()


def _report(adopted: Adopted, out: Path, sheet: Path) -> list[str]:
    best, sure = adopted.found[0].wrapping, adopted.sureness
    size = f"{best.size[1]} x {best.size[0]}" if best.size else f"any, in multiples of {best.multiple}"
    return [
        f"{out}: {adopted.style.name}, licence {adopted.style.licence}, author {adopted.style.author or UNKNOWN}",
        f"layout    {best.layout}",
        f"size      {size}",
        f"range     {best.range_in} ({sure['range_in']})",
        f"answer    {best.range_out} ({sure['range_out']})",
        f"order     {best.order} ({sure['order']})",
        f"encoding  {best.encoding} ({sure['encoding']})",
        *adopted.notes,
        f"Tried, the likeliest first (see {sheet}): {'; '.join(c.label for c in adopted.found[:LISTED])}",
    ]


def _range(text: str) -> tuple[str, str | None]:
    range_in, _, range_out = text.partition(":")
    for name in (range_in, range_out or range_in):
        if name not in RANGES:
            raise argparse.ArgumentTypeError(f"there is no range '{name}', but {', '.join(RANGES)}")
    return range_in, range_out or None


def _size(text: str) -> tuple[int, int]:
    sides = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", text)
    if not sides or 0 in (int(sides[1]), int(sides[2])):
        raise argparse.ArgumentTypeError(f"must be like 512x512, not {text}")
    return int(sides[2]), int(sides[1])


def _multiple(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 256, not {text}")
    return int(text)


def _input(text: str) -> tuple[str, np.ndarray]:
    """NAME=VALUE: a number, numbers with commas between, or a .npy file."""
    example = "strength=0.5, weights=0,1,0 or vector=FILE.npy"
    try:
        name, value = parse_pair(text, example)
        if value.endswith(".npy"):
            return name, np.asarray(np.load(value, allow_pickle=False), np.float64)
        return name, np.array([float(number) for number in value.split(",")])
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"must be like {example}, not {text}") from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help="the network (.onnx)")
    parser.add_argument("--out", type=Path, required=True, metavar="STYLE.onnx", help="the style file to write")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="where the sheet of candidates goes; default: beside the style")
    parser.add_argument("--picture", type=Path, metavar="EXR", help="a frame to try it on; default: a still life")
    parser.add_argument(
        "--freeze", nargs="+", default=[], metavar="FRAME", help="EXR files whose statistics those of each picture are fixed to"
    )
    found = parser.add_argument_group("what is found out, or set by hand")
    found.add_argument("--layout", choices=LAYOUTS)
    found.add_argument("--range", type=_range, metavar="=IN[:OUT]", help=f"of input and answer: {', '.join(RANGES)}")
    found.add_argument("--order", choices=ORDERS, help="of the channels")
    found.add_argument("--encoding", choices=ENCODINGS, help="of its pictures: display values or linear light")
    found.add_argument("--size", type=_size, metavar="WxH", help="the one size that it takes")
    found.add_argument("--multiple", type=_multiple, metavar="N", help="its sides are multiples of this")
    found.add_argument("--fit", choices=FITS, help="how frames are brought to the one size: in tiles of it, or scaled to it")
    found.add_argument("--output", metavar="NAME", help="which of several outputs is the picture")
    found.add_argument(
        "--input", type=_input, action="append", default=[], metavar="NAME=VALUE", help="what an input gets that is no picture"
    )
    card = parser.add_argument_group("what stands in the style's card")
    card.add_argument("--name", help="default: the file's name")
    card.add_argument("--licence", help="an SPDX identifier; asked for if it is not given")
    card.add_argument("--author")
    card.add_argument("--source", metavar="URL", help="where the model comes from")
