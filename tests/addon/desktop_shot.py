"""Frames to train on in a Blender with a window: the button's dialog, Esc, going on, changes, EEVEE. Needs a screen and xdotool.

blender -P tests/addon/desktop_shot.py
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "blender"))

import bpy
import numpy as np
from scene import insert, insert_style, make_scene, read_exr
from window import assert_equal, check, folder, open_compositor, pause, run, screenshot, until

from core import PASSES


def rendered(name: str) -> int:
    return len(list((folder / name / "input").glob("*.exr")))


def ask(name: str, how: str = "EXEC_DEFAULT", frames: str = "1-6") -> None:
    """Press the button in the first window."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.gan_style.render_frames(how, directory=f"//{name}", frames=frames)


def is_running() -> bool:
    modal = bpy.context.window_manager.windows[0].modal_operators
    return any(operator.bl_idname == "GAN_STYLE_OT_render_frames" for operator in modal)


def steps() -> Iterator[None]:
    scene = make_scene(frames=6)
    scene.frame_set(5)
    tree = scene.compositing_node_group
    insert(tree, "CompositorNodeExposure", Exposure=-1.0)
    insert_style(tree, "swap")
    open_compositor(scene)
    yield from pause()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    yield from pause()

    ask("dialog", "INVOKE_DEFAULT")
    yield from pause(1.5)
    check("the dialog waits", lambda: assert_equal((folder / "dialog").exists(), False))
    screenshot("dialog")
    subprocess.run(["xdotool", "key", "Return"], check=True)
    yield from until(lambda: rendered("dialog") == 6 and not is_running())
    check("its button renders all frames", lambda: assert_equal(rendered("dialog"), 6))

    scene.cycles.samples = 50
    scene.render.resolution_percentage = 300
    bpy.ops.wm.save_mainfile()
    ask("stopped")
    check("it returns before anything is rendered", lambda: assert_equal((is_running(), rendered("stopped")), (True, 0)))
    yield from until(lambda: rendered("stopped") > 0)
    subprocess.run(["xdotool", "key", "Escape"], check=True)
    yield from until(lambda: not is_running())
    done = rendered("stopped")
    yield from pause(1)
    check("Esc stops it", lambda: assert_equal((0 < done < 6, rendered("stopped")), (True, done)))
    now = scene.compositing_node_group, scene.frame_current, scene.render.resolution_percentage, bpy.data.is_dirty
    check("all is as it was, and saved", lambda: assert_equal(now, (tree, 5, 300, False)))
    ask("stopped")
    yield from until(lambda: rendered("stopped") == 6 and not is_running())
    check("it goes on", lambda: assert_equal(rendered("stopped"), 6))

    scene.render.resolution_x += 10
    bpy.ops.ed.undo_push(message="size")
    yield from pause()
    try:
        ask("stopped")
        said = ""
    except RuntimeError as error:
        said = str(error)
    check("changes that are not saved are told", lambda: assert_equal("Save the .blend file first" in said, True))
    scene.render.engine, scene.render.resolution_percentage = "BLENDER_EEVEE", 100
    scene.eevee.taa_render_samples = 1
    bpy.ops.wm.save_mainfile()
    yield from until(lambda: not bpy.data.is_dirty)  # Blender notes it a moment later
    ask("eevee", frames="2")
    yield from until(lambda: rendered("eevee") == 1 and not is_running())
    passes = read_exr(folder / "eevee" / "input" / "shot_0002.exr")
    check("EEVEE gives all passes", lambda: assert_equal(set(passes), set(PASSES)))
    check("EEVEE's cube moves", lambda: assert_equal(bool(np.abs(passes["vector"]).max() > 0.5), True))


run(steps())
