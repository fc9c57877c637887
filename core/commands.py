"""The commands of `python -m core` and of Blender's command line; whatever fails ends with one line on stderr and exit code 1."""

import argparse
import io
import json
import os
import re
import signal
import statistics
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from . import ERROR, PASSES, Generator, PassError, ProviderError, Style, StyleError, load_style, stylize
from .adopt import command as adopt
from .controls import check_control_names
from .exr import ExrError
from .guides import GuideFiles
from .layered import layered
from .layers import LayerError, Selection
from .media import EXR, FORMATS, PICTURES, MediaError
from .passes import MASK
from .patterns import PatternError, find_frames, parse_frames
from .runtime import PROVIDERS
from .scale import LEAST, MOST
from .sequence import SequenceError, check_sequence, stylize_sequence
from .steady import WEIGHT
from .style import SHIPPED

DEVICE_VARIABLE = "GAN_STYLE_DEVICE"
"""Environment variable with the provider to use, and no other, for farms."""
MANIFEST = Path(__file__).parents[1] / "blender_manifest.toml"
"""Says the version."""
BENCH_SECONDS = 10
MAX_SIDE = 16384


class UsageError(ValueError):
    """The command line asks for something that does not exist or can't be done."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        raise UsageError(f"{message}; see {self.prog} --help")


def styles(options: argparse.Namespace) -> None:
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


def apply(options: argparse.Namespace) -> None:
    """Stylise frames into a folder."""
    style = load_style(options.style)
    if options.layers and options.steady is not None:
        raise UsageError("--layers and --steady do not go together: layers of frames that were mixed would not add up")
    generator = Generator(layered(style) if options.layers else style, options.provider, memory_limit=options.memory)
    numbers, drawn = _controls(options.control, generator.style)
    selection = _selection(options, generator.style, drawn)
    frames, gaps = find_frames(options.frame, options.frames)
    if options.steady is not None and options.skip_existing:
        raise UsageError("--steady makes every frame from those before it; leave out --skip-existing")
    further = [*drawn, *(["vector"] if options.steady is not None else []), *([MASK.name] if options.mask else [])]
    needed = (*generator.style.passes, *further)
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
        mask=bool(options.mask),
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


def _controls(given: Sequence[tuple[str, str]], style: Style) -> tuple[dict[str, float], dict[str, str]]:
    """Numbers for the style's controls; and, for the others, files or layers. Raises PassError for a control it does not have."""
    check_control_names(style.controls, dict(given))
    numbers, drawn = {}, {}
    for name, value in given:
        try:
            numbers[name] = float(value)
        except ValueError:
            drawn[name] = value
    return numbers, drawn


def _selection(options: argparse.Namespace, style: Style, drawn: Mapping[str, str]) -> Selection:
    """What to take from the frames. drawn: controls in files or layers. Raises UsageError for passes that nobody knows."""
    layers, files = dict(options.passes or ()), dict(options.guides or ())
    if unknown := [name for name in layers if name not in PASSES | style.table]:
        raise UsageError(f"--pass can't name '{unknown[0]}': {style.name} takes {', '.join(style.passes)}")
    if unknown := [name for name in files if name not in style.passes or name == "image"]:
        raise UsageError(
            f"--guide can't name '{unknown[0]}': {style.name} has the guides {', '.join(style.passes[1:]) or 'none'}"
        )
    guides = {name: GuideFiles(style.table[name], place) for name, place in files.items()}
    controls = {control.name: control.guide for control in style.controls if control.name in drawn}
    masks = {MASK.name: MASK} if options.mask else {}
    for name, place in {**drawn, **dict.fromkeys(masks, options.mask)}.items():
        if Path(place).is_dir() or Path(place).suffix.lower() in EXR | PICTURES:
            guides[name] = GuideFiles((controls | masks)[name], place)
        else:
            layers[name] = place
    return Selection(options.layer, options.view, layers, (*style.guides, *controls.values(), *masks.values()), guides)


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


def _provider(text: str) -> str:
    """Checks the environment variable's value too, which argparse's `choices` would let pass."""
    if text != "auto" and text not in PROVIDERS:
        raise argparse.ArgumentTypeError(
            f"there is no '{text}'; --provider and {DEVICE_VARIABLE} take auto, {', '.join(PROVIDERS)}"
        )
    return text


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError("names no folder; is a variable empty?")
    return Path(text)


def _pass(text: str) -> tuple[str, str]:
    name, _, place = text.partition("=")
    if not name or not place:
        raise argparse.ArgumentTypeError(f"must be like normal=LAYER, with {', '.join(PASSES)} or a style's guide, not {text}")
    return name, place


def _guide(text: str) -> tuple[str, str]:
    name, _, place = text.partition("=")
    if not name or not place:
        raise argparse.ArgumentTypeError(f"must be like hair=FOLDER or hair=hair.####.png, not {text}")
    return name, place


def _control(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise argparse.ArgumentTypeError(f"must be like line_weight=1.5, line_weight=matte.exr or line_weight=LAYER, not {text}")
    return name, value


def _frames(text: str) -> list[int]:
    try:
        return parse_frames(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _size(text: str) -> tuple[int, int]:
    sides = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text)
    if not sides or not all(0 < int(side) <= MAX_SIDE for side in sides.groups()):
        raise argparse.ArgumentTypeError(f"must be like 1920x1080, with sides from 1 to {MAX_SIDE}, not {text}")
    return int(sides[1]), int(sides[2])


def _side(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MAX_SIDE:
        raise argparse.ArgumentTypeError(f"must be a number of pixels from 1 to {MAX_SIDE}, not {text}")
    return int(text)


def _megabytes(text: str) -> int:
    """To bytes."""
    if not text.isdecimal() or not 0 < int(text) < 10**7:
        raise argparse.ArgumentTypeError(f"must be a number of megabytes, not {text}")
    return int(text) * 10**6


def _add_styles(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="*", help="default: the shipped styles and GAN_STYLE_PATH")


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("style", type=Path, nargs="+", help="style file (.onnx)")
    add_provider(parser)
    add_json(parser)


def _add_bench(parser: argparse.ArgumentParser) -> None:
    _add_style(parser)
    parser.add_argument("--size", type=_size, default=(1920, 1080), metavar="WxH", help="pixels of the frame; default 1920x1080")


def _add_apply(parser: argparse.ArgumentParser) -> None:
    _add_style(parser)
    parser.add_argument("frame", nargs="+", help="files, or patterns like shot.####.exr, shot.%%04d.exr or shot.$F4.exr")
    parser.add_argument("--out", type=_folder, required=True, metavar="FOLDER", help="where the stylised frames go")
    parser.add_argument("--layer", default="", metavar="NAME", help="view layer to read, if a file has several")
    parser.add_argument("--view", default="", metavar="NAME", help="only this eye or camera of files with several; default: all")
    parser.add_argument(
        "--pass",
        dest="passes",
        action="append",
        type=_pass,
        metavar="NAME=LAYER",
        help="layer that holds a pass, where its name is not one of the usual; several times for several passes",
    )
    parser.add_argument(
        "--guide",
        dest="guides",
        action="append",
        type=_guide,
        metavar="NAME=FILES",
        help="files of a guide that is no layer of the frames: a folder with files called as the frames, a pattern like "
        "hair.####.png, or one file for all frames; several times for several guides",
    )
    parser.add_argument(
        "--control",
        action="append",
        default=[],
        type=_control,
        metavar="NAME=VALUE",
        help="a control of the style: a number, files like those of --guide, or a layer of the frames; several times for several",
    )
    parser.add_argument(
        "--mask",
        default="",
        metavar="FILES",
        help="where to mix the style in: files like those of --guide, or a layer of the frames; no more than its bounds is run",
    )
    parser.add_argument(
        "--scale",
        type=_scale,
        default=1.0,
        help=f"how many times as large strokes shall be, {LEAST:g} to {MOST:g}: they have a size in pixels; default: 1",
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
        type=_weight,
        nargs="?",
        const=WEIGHT,
        metavar="WEIGHT",
        help="against flicker: mix each frame with the one before along the pass vector; needs all frames in their order",
    )


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not LEAST <= scale <= MOST:
        raise argparse.ArgumentTypeError(f"must be a number from {LEAST:g} to {MOST:g}, not {text}")
    return scale


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 < weight < 1:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1, not {text}")
    return weight


def _add_style(parser: argparse.ArgumentParser) -> None:
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
        help=f"what runs the generator; default: {DEVICE_VARIABLE}, or else auto",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


COMMANDS = {
    "styles": (styles, _add_styles), "check": (check, _add_check), "bench": (bench, _add_bench), "apply": (apply, _add_apply),
    "adopt": (adopt.run, adopt.add_arguments),
}  # fmt: skip
"""Name -> the function that runs the command, and the one that adds its arguments to a parser."""


def _parser(program: str, commands: dict) -> argparse.ArgumentParser:
    parser = _Parser(prog=program, description="Whatever fails ends with one line on stderr and exit code 1.")
    version = tomllib.loads(MANIFEST.read_text("utf-8"))["version"]
    parser.add_argument("--version", action="version", version=f"GAN Style {version}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (run, add_arguments) in commands.items():
        command = subparsers.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        add_arguments(command)
    return parser


def main(arguments: list[str], program: str = "python -m core", commands: dict = COMMANDS) -> int:
    """Run one command and return the exit code. commands: like COMMANDS; Blender's command line has some more."""
    try:
        options = _parser(program, commands).parse_args(arguments)
        options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        if sys.stdout is not None:  # else Python's own last flush would fail as well
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        problem = "Stopped, since nobody reads its output any more; the frames written so far are complete."
    except (
        UsageError,
        PatternError,
        LayerError,
        SequenceError,
        ExrError,
        StyleError,
        PassError,
        MediaError,
        ProviderError,
        OSError,
    ) as error:
        problem = str(error)
    except MemoryError:
        problem = "There is not enough memory for the frame; give a smaller --memory."
    except KeyboardInterrupt:
        problem = "Stopped; the frames written so far are complete."
    else:
        return 0
    print(ERROR, " ".join(problem.split()), file=sys.stderr)
    return 1


def prepare_output() -> None:
    """Names of styles need not fit the encoding of a command's stdout; for the main thread."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
