"""The commands that list, check and time style files."""

import argparse
import json
import os
import re
import statistics
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from .. import Generator, ProviderError, Style, StyleError, load_style, stylize
from ..style import SHIPPED
from .arguments import MAX_SIDE, UsageError, add_json, add_provider, add_style

BENCH_SECONDS = 10


def list_styles(options: argparse.Namespace) -> None:
    """List the style files of the folders."""
    further = [Path(folder) for folder in os.environ.get("GAN_STYLE_PATH", "").split(os.pathsep) if folder]
    for folder in options.folder or [SHIPPED, *further]:
        if not folder.is_dir():
            raise UsageError(f"There is no folder {folder}.")
        for path in sorted(folder.glob("*.onnx")):
            try:
                style = load_style(path)
            except StyleError as error:
                print(f"{path}\tbroken: {error}")
            else:
                print(path, style.name, ", ".join(style.passes), style.licence, sep="\t")


def check(options: argparse.Namespace) -> None:
    """Read, validate and open style files, and run each once on a small frame."""
    reports = [_report(path, options.provider) for path in options.style]
    if options.json:
        print(json.dumps(reports, indent=2))
    else:
        for report in reports:
            print(f"{report['path']}\t{'ok, ' + report['provider'] if report['ok'] else 'broken: ' + report['error']}")
    if broken := [report["error"] for report in reports if not report["ok"]]:
        raise StyleError(f"{len(broken)} of {len(reports)} styles can't be used. {broken[0]}")


def _report(path: Path, provider: str) -> dict:
    try:
        style = load_style(path)
        generator = Generator(style, provider)
        stylize(generator, _noise(style, 64, 64))
    except (StyleError, ProviderError) as error:
        return {"path": str(path), "ok": False, "error": str(error)}
    contract = {key: value for key, value in asdict(style).items() if key not in ("path", "thumbnail", "content")}
    opened = {"provider": generator.provider, "reason": generator.reason, "open_seconds": round(generator.open_seconds, 3)}
    return {"path": str(path), "ok": True, "error": "", **opened, **contract}


def bench(options: argparse.Namespace) -> None:
    """Time a style on noise: the median of several frames, after a first one that does not count."""
    generator = Generator(load_style(options.style), options.provider, memory_limit=options.memory)
    width, height = options.size
    passes = _noise(generator.style, height, width)
    seconds: list[float] = []
    while len(seconds) < 3 or (sum(seconds) < BENCH_SECONDS and len(seconds) < 20):
        started = time.perf_counter()
        stylize(generator, passes, tile=options.tile)
        seconds.append(time.perf_counter() - started)
    print(
        f"{generator.style.name}: {statistics.median(seconds[1:]):.3f} seconds per frame of {width} x {height} "
        f"on {generator.provider} (the first {seconds[0]:.3f}, opening {generator.open_seconds:.3f}). {generator.reason}"
    )


def _noise(style: Style, height: int, width: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.random((height, width, p.channels), np.float32) for name, p in style.table.items()}


def _size(text: str) -> tuple[int, int]:
    sides = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text)
    if not sides or not all(0 < int(side) <= MAX_SIDE for side in sides.groups()):
        raise argparse.ArgumentTypeError(f"must be like 1920x1080, with sides from 1 to {MAX_SIDE}, not {text}")
    return int(sides[1]), int(sides[2])


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="*", help="default: the shipped styles and GAN_STYLE_PATH")


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("style", type=Path, nargs="+", help="style file (.onnx)")
    add_provider(parser)
    add_json(parser)


def add_bench_arguments(parser: argparse.ArgumentParser) -> None:
    add_style(parser)
    parser.add_argument("--size", type=_size, default=(1920, 1080), metavar="WxH", help="pixels of the frame; default 1920x1080")
