"""Makes the README's moving strip of a stylised viewport, whose view swings to and fro. Needs what screenshots.py needs, and
ImageMagick's `convert`.

    blender --window-geometry 0 0 1000 640 -P tests/addon/viewport_strip.py

Writes viewport_strip.webp where screenshots.py writes. The view stops for each picture until the style has all pixels of it, so
that the strip is the same on a slow machine; how many pictures come in a second is measured elsewhere.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from screenshots import (
    EXTENSION,
    STEP_SECONDS,
    corner,
    enable_extension,
    folder,
    in_area,
    make_node,
    make_still_life,
    pause,
    run,
    show_still_life,
    turn,
)  # fmt: skip

TURNS = 28 - 24 * np.cos(np.linspace(0, np.pi, 11))
"""Degrees around the vertical axis, there; the way back shows the same pictures."""
HUNDREDTHS = 9
"""Of a second, for each picture."""
QUALITY, MAX_BYTES = 60, 2_000_000
PATIENCE, HELD_SECONDS = 60.0, 1.5


def pictures() -> Iterator[None]:
    enable_extension()
    bpy.context.preferences.view.ui_scale = 1.0
    node, _ = make_node()
    live = sys.modules[f"{EXTENSION}.addon.viewport.live"]
    live.TOO_LONG_SECONDS = 100.0  # for machines that are busy with other things
    sys.modules[f"{EXTENSION}.addon.viewport.worker"].TOO_LONG_SECONDS = 100.0
    area = max(bpy.context.window.screen.areas, key=lambda a: a.width * a.height)
    make_still_life()
    show_still_life(area)
    node.style = "watercolour"
    yield from pause(2)
    in_area(area, bpy.ops.gan_style.stylised_view)
    frames = Path(tempfile.mkdtemp())
    for number, degrees in enumerate(TURNS):
        turn(area.spaces.active.region_3d, degrees)
        area.tag_redraw()
        yield from stylised(live, area.spaces.active)
        x, y = corner(area)
        crop = ["-crop", f"{area.width}x{area.height}+{x}+{y}", "+repage"]
        window = subprocess.check_output(["xdotool", "getactivewindow"], text=True).strip()  # without the title bar
        subprocess.run(["import", "-window", window, *crop, str(frames / f"{number:02}.png")], check=True)
    assemble([frames / f"{number:02}.png" for number in (*range(len(TURNS)), *range(len(TURNS) - 2, 0, -1))])


def stylised(live, space: bpy.types.SpaceView3D) -> Iterator[None]:
    """Until the view has shown all pixels of what it looks at now for a while: Blender smooths edges of a view at rest."""
    held = 0
    for _ in range(int(PATIENCE / STEP_SECONDS)):
        shown = [part.picture for part in live.views[space.as_pointer()].shown.values()]
        seen = np.array(space.region_3d.view_matrix)
        whole = any(p is not None and p.step == 1 and np.allclose(p.reading.view, seen, atol=1e-4) for p in shown)
        held = held + 1 if whole else 0
        if held * STEP_SECONDS > HELD_SECONDS:
            return
        yield
    raise TimeoutError(f"The view was not stylised within {PATIENCE} s.")


def assemble(frames: list[Path]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "viewport_strip.webp"
    command = ["convert", "-delay", str(HUNDREDTHS), "-loop", "0", *map(str, frames), "-quality", str(QUALITY)]
    subprocess.run([*command, "-define", "webp:method=6", str(target)], check=True)
    assert target.stat().st_size < MAX_BYTES, f"{target} is too large"


run(pictures())
