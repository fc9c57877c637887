"""The add-on in a Blender with a window: F12, an animation, edits after a render, undo, an error. Needs a screen.

    blender -P tests/desktop.py

Prints PASS or FAIL with a name for each check, leaves screenshots in the folder DESKTOP_TEST_FOLDER if that is set, and quits
with code 0 only if all passed.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "blender"))

import bpy
import numpy as np
from scene import assert_close, insert, insert_style, is_ours, make_scene, styled
from window import (
    addon,
    assert_equal,
    check,
    composited,
    counts,
    in_area,
    network_runs,
    open_compositor,
    pause,
    press_f12,
    quiet,
    result,
    run,
    screenshot,
    until,
)
from window_files import dragged_with_the_mouse, guides_and_drop, missing_style, pasted_into_another_file, saved_and_opened
from window_renders import animation, engines, stereo
from window_scenes import scenes_and_views
from window_session import first_impression, mistakes_and_movies, not_called


def steps() -> Iterator[None]:
    scene = make_scene(frames=3)
    scene.render.compositor_precision = "FULL"
    bpy.context.preferences.view.render_display_type = "NONE"
    tree = scene.compositing_node_group
    before = insert(tree, "CompositorNodeExposure", Exposure=0.0)
    yield from pause()
    yield from press_f12()
    area = open_compositor(scene)
    plain = result()
    check("plain render is not empty", lambda: assert_close(plain[..., 3], np.ones_like(plain[..., 3])))

    node = insert_style(tree, "wide")
    yield from press_f12()  # at once: the hidden scenes do not exist yet
    check("F12 shows the stylised frame", lambda: assert_close(result(), styled(plain, "wide"), 1e-5))
    for index, name in enumerate(("Render Layers", before.name, node.name, "Group Output")):
        tree.nodes[name].location = index * 260, 0
    tree.nodes["GAN Style Trigger"].location = 2 * 260, 50
    yield from pause()
    in_area(area, lambda: bpy.ops.node.view_all("INVOKE_DEFAULT"))
    yield from pause(2)
    screenshot("node")

    if shutil.which("xdotool"):
        yield from search_in_add_menu(tree, area)

    runs = network_runs()
    yield from composited(lambda: setattr(node.inputs["Strength"], "default_value", 0.5))
    half = plain + 0.5 * (styled(plain, "wide") - plain)
    check("strength changes the picture after the render", lambda: assert_close(result(), half, 1e-5))
    check("strength does not run the network", lambda: assert_equal(network_runs(), runs))
    yield from composited(lambda: insert(tree, "CompositorNodeExposure", Exposure=1.0))
    check("a node added after it works", lambda: assert_close(result()[..., :3], 2 * half[..., :3], 1e-5))
    check("nodes after it do not run the network", lambda: assert_equal(network_runs(), runs))
    yield from composited(lambda: setattr(node.inputs["Strength"], "default_value", 1.0))
    yield from composited(lambda: setattr(before.inputs["Exposure"], "default_value", 1.0))
    brighter = plain * np.float32([2, 2, 2, 1])
    expected = styled(brighter, "wide")[..., :3] * 2
    check("a change before it is stylised anew", lambda: assert_close(result()[..., :3], expected, 1e-5))
    check("a change before it runs the network once", lambda: assert_equal(network_runs(), runs + 1))
    yield from pause(2)
    settled = counts["composite_post"]
    yield from pause(3)
    check("then Blender composites nothing more", lambda: assert_equal(counts["composite_post"], settled))
    yield from composited(lambda: setattr(node, "style", "swap"))
    check("another style", lambda: assert_close(result()[..., :3], brighter[..., 2::-1] * 2, 1e-5))
    yield from drag(before)
    brighter = plain * np.float32([4, 4, 4, 1])
    check("the last value of a drag", lambda: assert_close(result()[..., :3], brighter[..., 2::-1] * 2, 1e-5))

    if shutil.which("xdotool"):
        yield from long_runs(before, area)

    yield from undo_and_redo(tree, area, result())
    scene = bpy.data.scenes["Scene"]  # undo has made the old pointers invalid
    yield from guides_and_drop(scene, area)
    scene = bpy.data.scenes["Scene"]
    yield from missing_style(scene.compositing_node_group.nodes["GAN Style"], brighter)
    yield from animation(scene)
    node = scene.compositing_node_group.nodes["GAN Style"]
    yield from not_called(scene, node)
    yield from mistakes_and_movies(scene, node, scene.compositing_node_group.nodes["Exposure"])
    yield from stereo(scene, scene.compositing_node_group.nodes["Exposure"])
    yield from engines(scene)
    yield from saved_and_opened(scene)
    yield from pasted_into_another_file()
    if shutil.which("xdotool"):
        yield from dragged_with_the_mouse()
    yield from first_impression()
    check("quitting asks nothing", lambda: assert_equal([i.name for i in bpy.data.images if i.is_dirty and i.users], []))


def search_in_add_menu(tree: bpy.types.NodeTree, area: bpy.types.Area) -> Iterator[None]:
    """Shift+A over the compositor, the first letters of the label, Return: as an artist adds the node."""
    before = len(tree.nodes)
    x, y = area.x + area.width // 3, bpy.context.window_manager.windows[0].height - area.y - area.height // 4
    for keys in (["mousemove", str(x), str(y)], ["key", "shift+a"], ["type", "--delay", "50", "gan st"]):
        subprocess.run(["xdotool", *keys], check=True)
        yield from pause(1.5)
    screenshot("search")
    for keys in (["key", "Return"], ["click", "1"]):
        subprocess.run(["xdotool", *keys], check=True)
        yield from pause(1.5)
    added = [n for n in tree.nodes if n.bl_idname == "CompositorNodeGANStyle"]
    check("the search of the Add menu finds the node", lambda: assert_equal((len(tree.nodes), len(added)), (before + 1, 2)))
    if len(added) == 2:
        tree.nodes.remove(added[-1])
    yield from pause()


def drag(before: bpy.types.Node) -> Iterator[None]:
    """Many changes in a row, most of them while Blender is compositing the one before: with a node that takes its time."""
    frames = sys.modules["gan_style.addon.run.run_nodes"]
    stylize = frames.stylize

    def stylize_slowly(*arguments: object, **options: object) -> np.ndarray:
        time.sleep(0.3)
        return stylize(*arguments, **options)

    frames.stylize = stylize_slowly
    for value in np.linspace(1, 2, 12):
        before.inputs["Exposure"].default_value = value
        yield
    yield from pause(2)
    yield from until(quiet)
    yield from pause()
    frames.stylize = stylize


def long_runs(before: bpy.types.Node, area: bpy.types.Area) -> Iterator[None]:
    """A generator that takes 10 s: the window stays alive, shows the progress, and Esc stops it, after an edit as in a render."""
    frames, live = sys.modules["gan_style.addon.run.run_nodes"], sys.modules["gan_style.addon.run.after_edits"]
    stylize, reached = frames.stylize, []

    def stylize_slowly(*arguments: object, progress: Callable, cancel: Callable, **options: object) -> np.ndarray:
        for part in range(100):
            if cancel():
                raise sys.modules["gan_style.core"].Cancelled
            time.sleep(0.1)
            reached.append(part)
            progress(part / 100)
        return stylize(*arguments, progress=progress, cancel=cancel, **options)

    frames.stylize = stylize_slowly
    shown, done = result(), len(addon.addon.run.log.last_runs())
    before.inputs["Exposure"].default_value = 3.0
    seen = set()
    yield from until(lambda: seen.add(live.progress()) or (live.progress() or 0) > 0.15)
    screenshot("progress")
    check("the window is alive during a long run", lambda: assert_equal(len(seen - {None}) > 1, True))
    x, y = area.x + area.width // 2, bpy.context.window_manager.windows[0].height - area.y - 60
    subprocess.run(["xdotool", "mousemove", str(x), str(y)], check=True)
    yield from pause(0.3)
    subprocess.run(["xdotool", "key", "Escape"], check=True)
    yield from until(lambda: not live.is_running() and len(addon.addon.run.log.last_runs()) > done)
    check("Esc stops a long run", lambda: assert_equal(reached[-1] < 80, True))
    check("a stopped run leaves the picture as it was", lambda: assert_close(result(), shown, 1e-5))
    run = addon.addon.run.log.last_runs()[-1]
    check("a stopped run is no error", lambda: assert_equal((run.cancelled, run.error), (True, "")))

    cancelled = counts["render_cancel"]
    reached.clear()
    bpy.ops.render.render("INVOKE_DEFAULT")
    yield from until(lambda: reached and reached[-1] > 20)
    screenshot("render_progress")
    subprocess.run(["xdotool", "key", "Escape"], check=True)
    yield from until(quiet)
    stopped = counts["render_cancel"] - cancelled, reached[-1] < 80
    check("Esc stops a render while it stylises", lambda: assert_equal(stopped, (1, True)))
    frames.stylize = stylize
    before.inputs["Exposure"].default_value = 2.0
    yield from press_f12()
    check("the next render is whole", lambda: assert_close(result(), shown, 1e-5))


def undo_and_redo(tree: bpy.types.NodeTree, area: bpy.types.Area, shown: np.ndarray) -> Iterator[None]:
    bpy.ops.ed.undo_push(message="before")
    for item in tree.nodes:
        item.select = item.name == "GAN Style"
    in_area(area, lambda: bpy.ops.node.delete_reconnect())
    yield from pause()
    hidden = [s.name for s in bpy.data.scenes if is_ours(s)]
    check("deleting the node removes the hidden scenes", lambda: assert_equal(hidden, []))
    bpy.ops.ed.undo_push(message="deleted")
    bpy.ops.ed.undo()
    yield from pause()
    bpy.ops.ed.redo()
    yield from pause()
    bpy.ops.ed.undo()
    yield from pause()
    yield from press_f12()
    check("undo brings the node back", lambda: assert_close(result(), shown, 1e-5))


def everything() -> Iterator[None]:
    yield from steps()
    yield from scenes_and_views()


run(everything())
