"""`python -m core apply`: a style on frames."""

import argparse
import json
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .. import PASSES, Generator, Style, load_style
from ..controls import check_control_names
from ..guides import GuideFiles
from ..layered import layered
from ..layers import Selection
from ..media import EXR, FORMATS, PICTURES
from ..passes import KEEP_COLOURS, MASK, Pass
from ..patterns import find_frames, parse_frames
from ..scale import LEAST, MOST
from ..sequence import check_sequence, stylize_sequence
from ..steady import WEIGHT
from ..upscaled import upscaled
from .arguments import UsageError, add_style, pair


def run(options: argparse.Namespace) -> None:
    """Stylise frames into a folder."""
    style = load_style(options.style)
    if options.layers and options.steady is not None:
        raise UsageError("--layers and --steady do not go together: layers of frames that were mixed would not add up")
    if options.upscale and (options.layers or options.scale != 1):
        raise UsageError(f"--upscale does not go together with {'--layers' if options.layers else '--scale'}")
    style = layered(style) if options.layers else upscaled(style) if options.upscale else style
    generator = Generator(style, options.provider, memory_limit=options.memory)
    numbers, drawn = _controls(options.control, generator.style)
    further = ((MASK, options.mask), (KEEP_COLOURS, options.keep_colours))
    drawn |= {kind: place for kind, place in further if isinstance(place, str) and place}
    selection = _selection(options, generator.style, drawn)
    frames, gaps = find_frames(options.frame, options.frames)
    if options.steady is not None and options.skip_existing:
        raise UsageError("--steady makes every frame from those before it; leave out --skip-existing")
    needed = (*generator.style.passes, *(kind.name for kind in drawn), *(["vector"] if options.steady is not None else []))
    kind = "exr" if options.layers and not options.format else options.format
    if options.layers and kind != "exr":
        raise UsageError("--layers are written into EXR files alone; leave out --format")
    targets, found = check_sequence(needed, frames, options.out, selection, kind)
    tell = _tell_json if options.json else _tell
    tell("style", name=generator.style.name, provider=generator.provider, reason=generator.reason)
    for gap in gaps:
        tell("gap", text=gap)
    for frame, layers in found.items():
        tell("found", frame=str(frame), layers=layers)
    stylized = stylize_sequence(
        generator,
        targets,
        scale=options.scale,
        tile=options.tile,
        selection=selection,
        skip_existing=options.skip_existing,
        steady=options.steady,
        controls=numbers,
        keep=0.0 if KEEP_COLOURS in drawn else options.keep_colours,
        mask=MASK in drawn,
        layers=options.layers,
    )
    started, noted = time.perf_counter(), ()
    with _signals_as_exceptions():
        for done, frame in enumerate(stylized, 1):
            now = time.perf_counter()
            if frame.notes and frame.notes != noted:
                tell("lost", frame=str(frame.path), notes=frame.notes)
                noted = frame.notes
            seconds = round(now - started, 3)
            tell("frame", done=done, of=len(targets), path=str(frame.path), skipped=frame.skipped, seconds=seconds)
            started = now


def _controls(given: Sequence[tuple[str, str]], style: Style) -> tuple[dict[str, float], dict[Pass, str]]:
    """Numbers for the style's controls; and, for the others, files or layers. Raises PassError for a control it does not have."""
    check_control_names(style.controls, dict(given))
    guides = {control.name: control.guide for control in style.controls}
    numbers, drawn = {}, {}
    for name, value in given:
        try:
            numbers[name] = float(value)
        except ValueError:
            drawn[guides[name]] = value
    return numbers, drawn


def _selection(options: argparse.Namespace, style: Style, drawn: Mapping[Pass, str]) -> Selection:
    """What to take from the frames. drawn: what is in files or layers. Raises UsageError for passes that nobody knows."""
    layers, files = dict(options.passes or ()), dict(options.guides or ())
    if unknown := [name for name in layers if name not in PASSES | style.table]:
        raise UsageError(f"--pass can't name '{unknown[0]}': {style.name} takes {', '.join(style.passes)}")
    if unknown := [name for name in files if name not in style.passes or name == "image"]:
        raise UsageError(
            f"--guide can't name '{unknown[0]}': {style.name} has the guides {', '.join(style.passes[1:]) or 'none'}"
        )
    guides = {name: GuideFiles(style.table[name], place) for name, place in files.items()}
    for kind, place in drawn.items():
        if Path(place).is_dir() or Path(place).suffix.lower() in EXR | PICTURES:
            guides[kind.name] = GuideFiles(kind, place)
        else:
            layers[kind.name] = place
    return Selection(options.layer, options.view, layers, (*style.guides, *drawn), guides)


def _tell_json(event: str, **values: object) -> None:
    """For programs: one JSON object in a line."""
    print(json.dumps({"event": event} | values), flush=True)


LINES = {
    "style": lambda name, provider, reason: f"{name} on {provider}: {reason}",
    "gap": lambda text: f"Note: {text}",
    "found": lambda frame, layers: f"{frame}: {layers}",
    "lost": lambda frame, notes: f"Note: in {frame}, {'; '.join(notes)}.",
    "frame": lambda done, of, path, skipped, seconds: f"{done}/{of} {path} {'was there' if skipped else f'{seconds:.2f} s'}",
}
"""What happens during apply, as people read it."""


def _tell(event: str, **values: object) -> None:
    print(LINES[event](**values), flush=True)


@contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """Ctrl-C, and a farm that ends the run, leave no temporary files behind."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: set by a program around Python


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError("names no folder; is a variable empty?")
    return Path(text)


def _frames(text: str) -> list[int]:
    try:
        return parse_frames(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _share(text: str) -> float | str:
    """A number from 0 to 1, or where pictures are."""
    try:
        share = float(text)
    except ValueError:
        if text.strip():
            return text
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to 1, or pictures, not {text or 'nothing'}")
    return share


def _number(fits: Callable[[float], bool], said: str) -> Callable[[str], float]:
    """For arguments that are numbers of a range."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not fits(number):
            raise argparse.ArgumentTypeError(f"must be {said}, not {text}")
        return number

    return parse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_style(parser)
    parser.add_argument("frame", nargs="+", help="files, or patterns like shot.####.exr, shot.%%04d.exr or shot.$F4.exr")
    parser.add_argument("--out", type=_folder, required=True, metavar="FOLDER", help="where the stylised frames go")
    parser.add_argument("--layer", default="", metavar="NAME", help="view layer to read, if a file has several")
    parser.add_argument("--view", default="", metavar="NAME", help="only this eye or camera of files with several; default: all")
    parser.add_argument(
        "--pass",
        dest="passes",
        action="append",
        type=pair(f"normal=LAYER, with {', '.join(PASSES)} or a style's guide"),
        metavar="NAME=LAYER",
        help="layer that holds a pass, where its name is not one of the usual; several times for several passes",
    )
    parser.add_argument(
        "--guide",
        dest="guides",
        action="append",
        type=pair("hair=FOLDER or hair=hair.####.png"),
        metavar="NAME=FILES",
        help="files of a guide that is no layer of the frames: a folder with files called as the frames, a pattern like "
        "hair.####.png, or one file for all frames; several times for several guides",
    )
    parser.add_argument(
        "--control",
        action="append",
        default=[],
        type=pair("line_weight=1.5, line_weight=matte.exr or line_weight=LAYER"),
        metavar="NAME=VALUE",
        help="a control of the style: a number, files like those of --guide, or a layer of the frames; several times for several",
    )
    parser.add_argument(
        "--mask",
        metavar="FILES",
        help="where to mix the style in: files like those of --guide, or a layer of the frames; no more than its bounds is run",
    )
    parser.add_argument(
        "--keep-colours",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="how much of the frames' own colours to keep under the style's lightness: a number from 0 to 1, files like those of "
        "--guide, or a layer of the frames; default: 0",
    )
    parser.add_argument(
        "--scale",
        type=_number(lambda scale: LEAST <= scale <= MOST, f"a number from {LEAST:g} to {MOST:g}"),
        default=1.0,
        help=f"how many times as large strokes shall be, {LEAST:g} to {MOST:g}: they have a size in pixels; default: 1",
    )
    parser.add_argument(
        "--upscale",
        action="store_true",
        help="of an adopted upscaler: keep the size that it gives, 2 to 4 times the frame's, instead of bringing it back",
    )
    parser.add_argument(
        "--layers",
        action="store_true",
        help="write EXR files with the layers Base, Paint and Coverage as well; base and paint add up to the picture",
    )
    parser.add_argument(
        "--frames", type=_frames, metavar="1-9", help="the frames to take of a pattern, like 1-9,20; all must be there"
    )
    parser.add_argument("--format", default="", choices=sorted(set(FORMATS.values())), help="default: as read")
    parser.add_argument("--json", action="store_true", help="say what happens in lines of JSON")
    parser.add_argument("--skip-existing", action="store_true", help="leave alone the frames that are in the folder already")
    parser.add_argument(
        "--steady",
        type=_number(lambda weight: 0 < weight < 1, "between 0 and 1"),
        nargs="?",
        const=WEIGHT,
        metavar="WEIGHT",
        help="against flicker: mix each frame with the one before along the pass vector; needs all frames in their order",
    )
