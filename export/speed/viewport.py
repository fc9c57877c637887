"""What a stylised viewport costs for a picture besides Blender's own drawing, measured with Blender as a Python module."""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from ..settings import TrainerError

PICTURES = 7
SKY = 0.25
"""Share of the view, above the floor, that shows nothing."""


def viewport_parts(file: str, height: int, width: int) -> dict[str, float]:
    """Of a picture that the worker makes of a view with all its pixels: seconds, CPU seconds, and how many a second follow.

    Of both: what the guides take and what the network takes; the rest goes to colours and copies. "read" and "draw" are
    what Blender's own thread spends on it, where Blender can draw without a window (as a module from 5.2 on).
    """
    os.environ["GAN_STYLE_PATH"] = str(Path(file).parent)
    from ..datasets.addon import load_addon

    addon = load_addon().addon
    view, wanted = addon.viewport, addon.settings.settings()
    look = view.read_view.Look(Path(file).stem, 0.0, 1.0, wanted)
    generator = addon.library.generator(look.style, wanted.device, wanted)[0]
    guides, run, spent = view.guides.passes, generator.run, {}
    view.guides.passes, generator.run = _timed(guides, "guides", spent), _timed(run, "network", spent)
    rows = []
    for number in range(1 + PICTURES):
        reading = _reading(view.read_view, look, height, width, number)
        picture = _timed(_picture, "all", spent)(view, reading)
        rows.append(dict(spent))
    parts = {name: statistics.median(row[name] for row in rows[1:]) for name in rows[0]}
    parts = {"seconds": parts.pop("all"), "cpu_seconds": parts.pop("all_cpu")} | parts
    return parts | {"pictures_per_second": 1 / parts["seconds"]} | _on_the_main_thread(view, picture)


def _picture(view: ModuleType, reading: object) -> object:
    """What the worker does for a view. Raises TrainerError."""
    assert reading.digest
    picture = view.stylise.stylise(reading, 1, bool)
    if not isinstance(picture, view.stylise.Picture):
        raise TrainerError(picture.error if picture else "The picture was stopped.")
    return picture


def _timed(function: Callable, name: str, spent: dict[str, float]) -> Callable:
    def timed(*arguments: object, **options: object) -> object:
        started, cpu = time.perf_counter(), time.process_time()
        result = function(*arguments, **options)
        spent[name], spent[f"{name}_cpu"] = time.perf_counter() - started, time.process_time() - cpu
        return result

    return timed


def _reading(read_view: ModuleType, look: object, height: int, width: int, number: int) -> object:
    """A floor of noise below an empty sky: depth changes linearly across the screen, as that of any plane does."""
    colours = np.random.default_rng(number).random((height, width, 4), np.float32)
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    depth = np.where(rows < 1 - SKY, 0.95 + 0.05 * rows / (1 - SKY), 1) + np.zeros((1, width), np.float32)
    colours[..., 3] = depth < 1
    near, far, lens = 0.01, 1000.0, 2.5
    projection = np.diag([lens, lens * width / height, -(far + near) / (far - near), 0.0])
    projection[2, 3], projection[3, 2] = -2 * far * near / (far - near), -1
    return read_view.Reading(colours, depth.astype(np.float32), np.eye(4), projection, True, look)


def _on_the_main_thread(view: ModuleType, picture: object) -> dict[str, float]:
    """Seconds to read a view of this size, and to draw the picture over it until it is there; none where that needs a window."""
    import gpu

    if not hasattr(gpu, "init"):
        return {}
    gpu.init()
    seen = picture.reading
    size = seen.depth.shape[::-1]
    window = view.read_view.Window((0, 0, *size), size, seen.view, seen.projection)
    offscreen = gpu.types.GPUOffScreen(*size, format="RGBA32F")
    with offscreen.bind():
        framebuffer = gpu.state.active_framebuffer_get()

    def draw() -> None:
        texture = view.draw.texture(picture.frame)
        view.draw.picture(framebuffer, texture, picture.to_clip, picture.anchor, window, picture.over)
        framebuffer.read_color(0, 0, 1, 1, 4, 0, "FLOAT")  # waits for the drawing

    spent, rows = {}, []
    for _ in range(1 + PICTURES):
        _timed(lambda: view.read_view.read(framebuffer, window, seen.look, False), "read", spent)()
        _timed(draw, "draw", spent)()
        rows.append(dict(spent))
    return {name: statistics.median(row[name] for row in rows[1:]) for name in rows[0]}
