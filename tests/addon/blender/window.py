"""Drives a Blender with a window from a timer, as its user would: a test is an iterator that yields whenever Blender may go on.

Each check prints PASS or FAIL with its name. Screenshots go to the folder DESKTOP_TEST_FOLDER if that is set.
"""

import os
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np
from scene import is_ours, load_addon, read_exr

STEP_SECONDS = 0.05
PATIENCE = 120.0
SETTLE = 0.7
"""Seconds to let Blender do what it may do on its own after an edit."""

bpy.context.preferences.view.show_splash = False
addon = load_addon()
folder = Path(tempfile.mkdtemp())
counts = {"render_complete": 0, "render_cancel": 0, "composite_post": 0}
"""How often each handler was called for a scene that is not hidden."""
failures = []


def check(name: str, test: Callable[[], None]) -> None:
    try:
        test()
        print(f"PASS {name}", flush=True)
    except AssertionError as error:
        failures.append(name)
        traceback.print_exc()
        print(f"FAIL {name}: {error}", flush=True)


def assert_equal(got: object, expected: object) -> None:
    assert got == expected, f"{got!r} instead of {expected!r}"


def until(condition: Callable[[], bool]) -> Iterator[None]:
    for _ in range(int(PATIENCE / STEP_SECONDS)):
        if condition():
            return
        yield
    raise TimeoutError(f"Blender did not get ready within {PATIENCE} s.")


def pause(seconds: float = SETTLE) -> Iterator[None]:
    for _ in range(int(seconds / STEP_SECONDS)):
        yield


def quiet() -> bool:
    return not any(bpy.app.is_job_running(job) for job in ("RENDER", "COMPOSITE"))


def press_f12(animation: bool = False) -> Iterator[None]:
    done = counts["render_complete"] + counts["render_cancel"]
    bpy.ops.render.render("INVOKE_DEFAULT", animation=animation)
    yield from until(lambda: counts["render_complete"] + counts["render_cancel"] > done and quiet())
    yield from pause(0.2)


def composited(edit: Callable[[], None]) -> Iterator[None]:
    """Make an edit and wait until Blender has composited it."""
    before = counts["composite_post"]
    edit()
    yield from until(lambda: counts["composite_post"] > before and quiet())
    yield from pause()
    yield from until(quiet)


def result() -> np.ndarray:
    """What the render window shows."""
    path = folder / "result.exr"
    bpy.data.images["Render Result"].save_render(str(path))
    return read_exr(path)["image"]


def screenshot(name: str) -> None:
    """By ImageMagick: Blender's own operator gives a black picture on a virtual screen."""
    target = os.environ.get("DESKTOP_TEST_FOLDER")
    if target and shutil.which("import"):
        Path(target).mkdir(exist_ok=True)
        subprocess.run(["import", "-window", "root", str(Path(target) / f"{name}.png")], check=True)


def network_runs() -> int:
    return sum(run.network_ran for run in addon.addon.run.log.last_runs())


def open_compositor(scene: bpy.types.Scene) -> bpy.types.Area:
    """A compositor editor, and an image editor with the render's result: without one Blender composites nothing after edits."""
    areas = sorted(bpy.context.window.screen.areas, key=lambda a: a.width * a.height)
    areas[-2].ui_type = "IMAGE_EDITOR"
    areas[-2].spaces.active.image = bpy.data.images["Render Result"]
    areas[-1].ui_type = "CompositorNodeTree"
    areas[-1].spaces.active.node_tree = scene.compositing_node_group
    areas[-1].spaces.active.show_region_ui = areas[-1].spaces.active.show_region_asset_shelf = False
    return areas[-1]


def compositor() -> bpy.types.Area:
    return next(a for a in bpy.context.window_manager.windows[0].screen.areas if a.ui_type == "CompositorNodeTree")


def in_area(area: bpy.types.Area, operator: Callable[[], object]) -> None:
    window = bpy.context.window_manager.windows[0]
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        operator()


def run(sequence: Iterator[None]) -> None:
    """Go through a test, then quit Blender: with code 0 only if all checks passed."""
    for handler in counts:

        def count(scene: bpy.types.Scene, *_: object, name: str = handler) -> None:
            counts[name] += not is_ours(scene)

        getattr(bpy.app.handlers, handler).append(bpy.app.handlers.persistent(count))
    bpy.app.timers.register(lambda: tick(sequence), first_interval=2.0, persistent=True)


def tick(sequence: Iterator[None]) -> float | None:
    try:
        next(sequence)
        return STEP_SECONDS
    except StopIteration:
        quit_blender()
    except Exception:
        traceback.print_exc()
        failures.append("the script itself")
        quit_blender()
    return None


def quit_blender() -> None:
    print(f"{len(failures)} checks failed: {', '.join(failures)}" if failures else "All checks passed.", flush=True)
    if failures:
        os._exit(1)
    bpy.ops.wm.quit_blender()
