"""What generators cost side by side: seconds and memory of a frame, ours and published ones, and how our goals are met.

Every figure comes from a process of its own, and the generators take turns, round by round, so that whatever else the machine
does meanwhile slows all of them alike.
"""

import json
import logging
import os
import platform
import re
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy
import onnxruntime
import torch

from core import load_style
from core.generator import MARGIN
from core.memory import free_memory
from core.runtime import cuda_problem
from core.tiles import round_up

from ..settings import TrainerError, setting
from .generators import FAST_GUIDED, FILES, GUIDED, NAMES, write
from .goals import ANY, HD, QHD, UHD, UHD2, judged
from .jobs import own_process
from .report import bars, table

log = logging.getLogger(__name__)

RUNTIMES = ("onnxruntime", "pytorch")
ONCE_SECONDS = 10
"""What takes longer is measured in the first round only: noise hardly matters for it."""
START_SECONDS = 8
"""The most that a process takes besides its frames."""
MOST_PIXELS = 4096 * 2160
"""Larger frames are measured for our default alone."""


class SpeedError(TrainerError):
    """The generators can't be measured."""


@dataclass(frozen=True)
class SpeedConfig:
    """Settings of `speed`."""

    out: Path = setting(Path("speed"), "folder for speed.json, speed.txt, speed.png and the graphs that are timed")
    sizes: tuple[str, ...] = setting((HD, QHD, UHD2, UHD), "frames as WIDTHxHEIGHT, in this order")
    rounds: int = setting(3, "how often each generator is measured, in turns; the median counts")
    minutes: int = setting(0, "leave out what would not finish within this many minutes; 0 for no limit")
    generators: tuple[str, ...] = setting(NAMES, "what to measure", choices=NAMES)

    def frames(self) -> list[tuple[int, int]]:
        """(height, width) of the sizes. Raises SpeedError."""
        sides = [size.split("x") for size in self.sizes]
        if not all(len(pair) == 2 and all(side.isdecimal() and 0 < int(side) <= 16384 for side in pair) for pair in sides):
            raise SpeedError("Each of --sizes must be like 1920x1080.")
        return [(int(height), int(width)) for width, height in sides]


@dataclass(frozen=True)
class Job:
    """One process: the size of frame, what is measured, and the function of jobs.py with its arguments."""

    size: str
    name: str
    function: str
    arguments: tuple


def speed(config: SpeedConfig) -> str:
    """Measure, write speed.json, speed.txt and speed.png after each figure, and return the table. Raises SpeedError."""
    frames = config.frames()
    if config.rounds < 1:
        raise SpeedError("--rounds must be at least 1.")
    config.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * config.minutes if config.minutes else float("inf")
    runs: dict[str, dict[str, list[dict]]] = {}
    for number, (height, width) in product(range(config.rounds), frames):
        for job in _jobs(config, height, width, number == 0):
            before = runs.setdefault(job.size, {}).setdefault(job.name, [])
            if before and before[0].get("seconds", ONCE_SECONDS) >= ONCE_SECONDS:
                continue
            log.info("Round %d of %d, %s: %s", number + 1, config.rounds, job.size, job.name)
            before.append(_measured(job, runs, end - time.monotonic()))
            _save(runs, config.out)
    return (config.out / "speed.txt").read_text()


def _jobs(config: SpeedConfig, height: int, width: int, first_round: bool) -> Iterator[Job]:
    """The jobs of a size in a round: each generator, and in the first round what the goals ask for besides."""
    size = f"{width}x{height}"
    small = height * width <= MOST_PIXELS
    names = config.generators if small else [name for name in ("default",) if name in config.generators]
    if first_round and "default" in config.generators:
        yield from _further(size, config.out, height, width)
    for name in names:
        file = str(write(name, config.out).resolve())
        for runtime in RUNTIMES if name not in FILES and small else RUNTIMES[:1]:
            yield Job(size, f"{name} {runtime}", "frame", (name, file, runtime, height, width))


def _further(size: str, folder: Path, height: int, width: int) -> Iterator[Job]:
    """What the goals ask for at a size besides the generators' seconds."""
    names = {HD: ("default", "fast", GUIDED), UHD: ("default",), UHD2: ("default",), QHD: ("fast", FAST_GUIDED)}.get(size, ())
    file = {name: str(write(name, folder).resolve()) for name in names}
    sides = (height, width)
    if size in (HD, UHD) and not cuda_problem():
        yield Job(size, "default cuda", "frame", ("default", file["default"], "cuda", *sides))
    if size == HD:
        yield Job(size, f"{GUIDED} onnxruntime", "frame", (GUIDED, file[GUIDED], "onnxruntime", *sides))
        for name in ("default", "fast"):
            yield Job(size, f"parts {name}", "parts", (file[name], *sides))
        for function in ("profile", "shapes"):
            yield Job(size, f"{function} default", function, (file["default"], *sides))
        yield Job(size, "start", "start", (file["default"], *sides))
        yield Job(size, "exchange", "exchange", sides)
        yield Job(ANY, "agreement default", "agreement", ("default", file["default"], 272, 480))
        yield Job(ANY, "rounding", "rounding", (272, 480))
        yield from (Job(ANY, f"step {name}", "step", (name,)) for name in ("default", "cyclegan_resnet"))
        yield Job(ANY, "enabling", "enabling", ())
    if size == QHD:
        yield from (Job(size, f"viewport {name}", "viewport", (file[name], *sides)) for name in names)
    if size in (HD, UHD):
        yield Job(size, "node", "node", sides)
    if size == UHD:
        yield from (Job(size, f"tiles of {side}", "tiles", (file["default"], side, *sides)) for side in (2048, 1024))
    if size == UHD2:
        yield from (Job(size, f"limit of {n} MB", "limit", (file["default"], n, *sides)) for n in (100, 250, 1000))


def _measured(job: Job, runs: dict, left: float) -> dict:
    """What the job's process says, or why it was not started."""
    if job.function == "frame":
        expected = _expected(job, runs)
        if expected > left:
            return {"problem": f"left out: it would take about {expected:.0f} of the {max(0, left):.0f} s left"}
        style = load_style(job.arguments[1])
        height, width = (round_up(side, style.alignment) for side in job.arguments[-2:])
        needed = MARGIN * style.cost.bytes(height * width)
        if needed > 0.8 * free_memory("cpu"):
            return {"problem": f"left out: needs up to {needed / 1e9:.0f} GB of memory"}
    if left <= 0:
        return {"problem": "left out: the time was used up"}
    return own_process(job.function, *job.arguments, timeout=None if left == float("inf") else left)


def _expected(job: Job, runs: dict) -> float:
    """Seconds that a process of a generator will take, from what it took at other sizes; two frames are the least."""
    pixels = job.arguments[-1] * job.arguments[-2]
    known = [
        (size.split("x"), rows[job.name][0]["seconds"])
        for size, rows in runs.items()
        if rows.get(job.name) and "seconds" in rows[job.name][0]
    ]
    frame = max((seconds * pixels / (int(width) * int(height)) for (width, height), seconds in known), default=0.0)
    return START_SECONDS + (frame if frame > ONCE_SECONDS else 2 * frame)


def _save(runs: dict, folder: Path) -> None:
    results = {size: {name: _summary(rounds) for name, rounds in rows.items() if rounds} for size, rows in runs.items()}
    report = {"machine": _machine(), "results": results, "goals": judged(results)}
    (folder / "speed.json").write_text(json.dumps(report, indent=2) + "\n")
    (folder / "speed.txt").write_text(table(report))
    bars(results).savefig(folder / "speed.png")


def _machine() -> dict[str, str]:
    """What the figures were measured on, and how busy it is."""
    versions = {module.__name__: module.__version__ for module in (numpy, onnxruntime, torch)}
    if find_spec("bpy"):
        versions["bpy"] = version("bpy")  # importing it would start Blender
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    vectors = torch.backends.cpu.get_cpu_capability()  # what its kernels choose among: DEFAULT, AVX2, AVX512
    machine = {"system": platform.platform(), "processor": _processor(), "vectors": vectors}
    machine |= {"cores": str(os.cpu_count()), "load": load}
    return machine | {"python": platform.python_version()} | versions


def _processor() -> str:
    """The processor's name, where the system tells more than its kind."""
    information = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.*)", information.read_text(), re.M) if information.is_file() else []
    return names[0] if names else platform.processor()


def _summary(rounds: list[dict]) -> dict:
    """Medians of the rounds, with the least and the most seconds; a problem if the first had one."""
    if "problem" in rounds[0]:
        return rounds[0]
    good = [result for result in rounds if "problem" not in result]
    summary = {key: statistics.median(result[key] for result in good) for key in good[0]}
    seconds = [result["seconds"] for result in good if "seconds" in result]
    return summary | ({"least_seconds": min(seconds), "most_seconds": max(seconds)} if seconds else {})
