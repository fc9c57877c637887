"""The commands of `python -m core` and of Blender's command line; whatever fails ends with one line on stderr and exit code 1."""

import argparse
import io
import os
import sys
import tomllib
from pathlib import Path

from .. import ERROR, PassError, ProviderError, StyleError
from ..adopt import command as adopt
from ..exr import ExrError
from ..layers import LayerError
from ..media import MediaError
from ..patterns import PatternError
from ..sequence import SequenceError
from . import apply, styles
from .arguments import DEVICE_VARIABLE, UsageError, add_json, add_provider

__all__ = ["COMMANDS", "DEVICE_VARIABLE", "UsageError", "add_json", "add_provider", "main", "prepare_output"]

MANIFEST = Path(__file__).parents[2] / "blender_manifest.toml"
"""Says the version."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        raise UsageError(f"{message}; see {self.prog} --help")


COMMANDS = {
    "styles": (styles.list_styles, styles.add_list_arguments),
    "check": (styles.check, styles.add_check_arguments),
    "bench": (styles.bench, styles.add_bench_arguments),
    "apply": (apply.run, apply.add_arguments),
    "adopt": (adopt.run, adopt.add_arguments),
}
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
