"""The add-on in a Blender with a window: F12, an animation, edits after a render, undo, an error. Needs a screen.

    blender -P tests/desktop.py

Prints PASS or FAIL with a name for each check, leaves screenshots in the folder DESKTOP_TEST_FOLDER if that is set, and quits
with code 0 only if all passed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "blender"))

import bpy
import numpy as np
from scene import assert_close, insert, insert_style, load_addon, make_scene, read_exr, styled

STEP_SECONDS = 0.05
PATIENCE = 120.0
SETTLE = 0.7
"""Seconds to let Blender do what it may do on its own after an edit."""

bpy.context.preferences.view.show_splash = False
addon = load_addon()
folder = Path(tempfile.mkdtemp())
counts = {"render_complete": 0, "render_cancel": 0, "composite_post": 0}
failures = []


def check(name: str, test: Callable[[], None]) -> None:
    try:
        test()
        print(f"PASS {name}", flush=True)
    except AssertionError as error:
        failures.append(name)
        traceback.print_exc()
        print(f"FAIL {name}: {error}", flush=True)


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
    return sum(run.network_ran for run in addon.addon.trigger.last_runs())


def open_compositor(scene: bpy.types.Scene) -> bpy.types.Area:
    """A compositor editor, and an image editor with the render's result: without one Blender composites nothing after edits."""
    areas = sorted(bpy.context.window.screen.areas, key=lambda a: a.width * a.height)
    areas[-2].ui_type = "IMAGE_EDITOR"
    areas[-2].spaces.active.image = bpy.data.images["Render Result"]
    areas[-1].ui_type = "CompositorNodeTree"
    areas[-1].spaces.active.node_tree = scene.compositing_node_group
    areas[-1].spaces.active.show_region_ui = areas[-1].spaces.active.show_region_asset_shelf = False
    return areas[-1]


def in_area(area: bpy.types.Area, operator: Callable[[], object]) -> None:
    window = bpy.context.window_manager.windows[0]
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        operator()


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
    yield from stereo(scene, scene.compositing_node_group.nodes["Exposure"])
    yield from engines(scene)
    yield from saved_and_opened(scene)
    yield from pasted_into_another_file()
    if shutil.which("xdotool"):
        yield from dragged_with_the_mouse()
    check("quitting asks nothing", lambda: assert_equal([i.name for i in bpy.data.images if i.is_dirty and i.users], []))


def assert_equal(got: object, expected: object) -> None:
    assert got == expected, f"{got!r} instead of {expected!r}"


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
    frames = sys.modules["gan_style.addon.frames"]
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
    frames, live = sys.modules["gan_style.addon.frames"], sys.modules["gan_style.addon.live"]
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
    shown, done = result(), len(addon.addon.trigger.last_runs())
    before.inputs["Exposure"].default_value = 3.0
    seen = set()
    yield from until(lambda: seen.add(live.progress()) or (live.progress() or 0) > 0.15)
    screenshot("progress")
    check("the window is alive during a long run", lambda: assert_equal(len(seen - {None}) > 1, True))
    x, y = area.x + area.width // 2, bpy.context.window_manager.windows[0].height - area.y - 60
    subprocess.run(["xdotool", "mousemove", str(x), str(y)], check=True)
    yield from pause(0.3)
    subprocess.run(["xdotool", "key", "Escape"], check=True)
    yield from until(lambda: live.progress() is None and len(addon.addon.trigger.last_runs()) > done)
    check("Esc stops a long run", lambda: assert_equal(reached[-1] < 80, True))
    check("a stopped run leaves the picture as it was", lambda: assert_close(result(), shown, 1e-5))
    run = addon.addon.trigger.last_runs()[-1]
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
    hidden = [s.name for s in bpy.data.scenes if s.name.startswith(".")]
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


def guides_and_drop(scene: bpy.types.Scene, area: bpy.types.Area) -> Iterator[None]:
    """Link Passes with undo and redo, a render with a guide, and a style file dropped onto the editor with the node selected."""

    def node() -> bpy.types.Node:
        return bpy.data.scenes["Scene"].compositing_node_group.nodes["GAN Style"]

    node().style = "normal"
    scene.compositing_node_group.nodes.active = node()
    yield from pause()
    bpy.ops.ed.undo_push(message="style")
    in_area(area, lambda: bpy.ops.gan_style.link_passes("INVOKE_DEFAULT", True))
    yield from pause()
    linked = [len(node().inputs["Normal"].links)]
    for step in (bpy.ops.ed.undo, bpy.ops.ed.redo):
        step()
        yield from pause()
        linked.append(len(node().inputs["Normal"].links))
    check("Link Passes can be undone and redone", lambda: assert_equal(linked, [1, 0, 1]))
    yield from press_f12()
    run = sys.modules["gan_style.addon.runs"].latest(node().node_tree.session_uid)
    check("a render with a guide", lambda: assert_equal((run.style, run.error), ("normal", "")))
    screenshot("guide")

    sys.modules["gan_style.addon.library"].own_folder = lambda name: folder / "user" / name
    shutil.copy(Path(os.environ["GAN_STYLE_PATH"]) / "tone.onnx", folder / "dropped.onnx")
    node().id_data.nodes.active = node()
    dropped = {"directory": str(folder), "files": [{"name": "dropped.onnx"}]}
    in_area(area, lambda: bpy.ops.gan_style.install_style("INVOKE_DEFAULT", **dropped))
    yield from pause()
    check("a dropped style file is installed and used", lambda: assert_equal(node().style, "dropped"))
    node().style = "swap"
    yield from pause()


def missing_style(node: bpy.types.Node, brighter: np.ndarray) -> Iterator[None]:
    styles = folder / "styles"
    shutil.copytree(os.environ["GAN_STYLE_PATH"], styles)
    fixtures, os.environ["GAN_STYLE_PATH"] = os.environ["GAN_STYLE_PATH"], str(styles)
    (styles / "swap.onnx").unlink()
    yield from press_f12()
    check("without its style the image passes through", lambda: assert_close(result()[..., :3], brighter[..., :3] * 2, 1e-5))
    error = sys.modules["gan_style.addon.runs"].latest(node.node_tree.session_uid).error
    check("the node says what is missing", lambda: assert_equal("'swap' is not installed" in error, True))
    yield from pause(2)
    composites = counts["composite_post"]
    yield from pause(2)
    check("an error lets Blender come to rest", lambda: assert_equal(counts["composite_post"], composites))
    screenshot("error")
    os.environ["GAN_STYLE_PATH"] = fixtures


def animation(scene: bpy.types.Scene) -> Iterator[None]:
    frames = {}
    for name, strength in (("plain", 0.0), ("styled", 1.0)):
        scene.compositing_node_group.nodes["GAN Style"].inputs["Strength"].default_value = strength
        scene.render.filepath = str(folder / name / "####.exr")
        yield from press_f12(animation=True)
        frames[name] = [read_exr(folder / name / f"{frame:04d}.exr")["image"] for frame in (1, 2, 3)]
    for index, (plain, swapped) in enumerate(zip(frames["plain"], frames["styled"], strict=True)):
        expected = plain[..., [2, 1, 0, 3]]
        check(f"animation frame {index + 1}", lambda got=swapped, want=expected: assert_close(got, want, 1e-5))


def eyes() -> list[np.ndarray]:
    """What the render window shows of each view."""
    for path in folder.glob("eye*.exr"):
        path.unlink()
    with suppress(RuntimeError):  # Blender 5.2 writes both files, then looks for a third one
        bpy.data.images["Render Result"].save_render(str(folder / "eye.exr"))
    return [read_exr(folder / f"eye{suffix}.exr")["image"] for suffix in ("_L", "_R")]


def stereo(scene: bpy.types.Scene, before: bpy.types.Node) -> Iterator[None]:
    """Both eyes, in a render and after an edit, which runs the network once for each."""
    node = scene.compositing_node_group.nodes["GAN Style"]
    scene.render.use_multiview = True
    scene.render.image_settings.views_format = "INDIVIDUAL"
    scene.camera.data.stereo.interocular_distance = 0.5
    pictures = []
    for node.mute in (True, False):
        yield from press_f12()
        pictures.append(eyes())
    plain, swapped = pictures
    check("the eyes differ", lambda: assert_equal(np.abs(plain[0] - plain[1]).max() > 0.1, np.True_))
    for eye in (0, 1):
        check(f"F12 of view {eye + 1}", lambda a=swapped[eye], b=plain[eye]: assert_close(a, b[..., [2, 1, 0, 3]], 1e-5))
    runs, exposure = network_runs(), before.inputs["Exposure"]
    yield from composited(lambda: setattr(exposure, "default_value", exposure.default_value + 1))
    check("an edit runs the network once for each view", lambda: assert_equal(network_runs(), runs + 2))
    for eye, shown in enumerate(eyes()):
        expected = swapped[eye] * np.float32([2, 2, 2, 1])
        check(f"view {eye + 1} after an edit", lambda a=shown, b=expected: assert_close(a, b, 1e-5))
    exposure.default_value -= 1
    scene.render.use_multiview = False


def engines(scene: bpy.types.Scene) -> Iterator[None]:
    """EEVEE with overscan and Workbench, composited by CPU and GPU; an image that is moved before the node and back after it."""
    tree = scene.compositing_node_group
    scene.eevee.taa_render_samples = 1
    scene.eevee.use_overscan = True
    scene.display.shading.color_type = "MATERIAL"
    bpy.data.objects["Cube"].data.materials[0].diffuse_color = (0.9, 0.1, 0.05, 1)
    tree.nodes["GAN Style"].mute = True
    insert(tree, "CompositorNodeTransform", X=9.0, Y=-5.0, Angle=0.3, Scale=0.8)
    node = insert_style(tree, "swap")
    insert(tree, "CompositorNodeTranslate", X=-7.0, Y=4.0)
    for engine in ("BLENDER_EEVEE", "BLENDER_WORKBENCH"):
        scene.render.engine = engine
        for device in ("CPU", "GPU"):
            scene.render.compositor_device = device
            pictures = []
            for strength in (0.0, 1.0):
                node.inputs["Strength"].default_value = strength
                yield from press_f12()
                pictures.append(result())
            plain, swapped = pictures
            coloured = np.abs(plain[..., 0] - plain[..., 2]).max() > 0.05
            check(f"{engine} renders colours", lambda coloured=coloured: assert_equal(coloured, np.True_))
            check(f"{engine}, composited by the {device}", lambda a=swapped, b=plain: assert_close(a, b[..., [2, 1, 0, 3]], 1e-4))


def saved_and_opened(scene: bpy.types.Scene) -> Iterator[None]:
    """Saving after a render keeps the picture; an opened file is not modified, and shows no data of ours."""
    shown = result()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "file.blend"))
    yield from press_f12()
    check("F12 after saving shows the same", lambda: assert_close(result(), shown, 1e-4))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "file.blend"))
    yield from pause(2)
    check("an opened file is not modified", lambda: assert_equal(bpy.data.is_dirty, False))
    yield from press_f12()
    check("F12 after opening shows the same", lambda: assert_close(result(), shown, 1e-4))


def pasted_into_another_file() -> Iterator[None]:
    """Blender's clipboard takes the node's inside along; what it does not need stays behind."""
    shown, tree = result(), bpy.data.scenes["Scene"].compositing_node_group
    for style in ("GAN Style", "GAN Style.001"):
        for item in tree.nodes:
            item.select = item.name == style
        in_area(compositor(), lambda: bpy.ops.node.clipboard_copy())
        in_area(compositor(), lambda: bpy.ops.node.delete_reconnect())
    yield from pause()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "other.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "other.blend"))
    yield from pause(2)
    tree = bpy.data.scenes["Scene"].compositing_node_group
    in_area(compositor(), lambda: bpy.ops.node.clipboard_paste("INVOKE_DEFAULT"))
    node = next(n for n in tree.nodes if n.bl_idname == "CompositorNodeGANStyle")
    tree.links.new(tree.nodes["Transform"].outputs["Image"], node.inputs["Image"])
    tree.links.new(node.outputs["Image"], tree.nodes["Translate"].inputs["Image"])
    yield from pause()
    yield from press_f12()
    check("a node pasted into another file works", lambda: assert_close(result(), shown, 1e-4))
    tree.nodes.remove(node)
    yield from pause()
    hidden = [b.name for kind in (bpy.data.scenes, bpy.data.images, bpy.data.node_groups) for b in kind if b.name[0] == "."]
    check("nothing is left of it when it is deleted", lambda: assert_equal(hidden, []))


def compositor() -> bpy.types.Area:
    return next(a for a in bpy.context.window_manager.windows[0].screen.areas if a.ui_type == "CompositorNodeTree")


def dragged_with_the_mouse() -> Iterator[None]:
    """A style file from Blender's file browser onto the compositor, where the node is selected."""
    place = folder / "drag"
    place.mkdir()
    shutil.copy(Path(os.environ["GAN_STYLE_PATH"]) / "tone.onnx", place / "dragged.onnx")
    tree = bpy.data.scenes["Scene"].compositing_node_group
    tree.nodes.active = node = insert_style(tree, "swap")
    in_area(compositor(), lambda: bpy.ops.screen.area_split(direction="VERTICAL", factor=0.5))
    yield from pause()
    browser = compositor()
    browser.ui_type = "FILES"
    yield from pause(2)
    files = browser.spaces.active.params
    files.directory, files.use_filter, files.display_type = str(place).encode(), False, "LIST_VERTICAL"
    in_area(browser, lambda: bpy.ops.file.refresh())
    yield from pause(2)
    window = subprocess.check_output(["xdotool", "getactivewindow"], text=True).strip()
    region, target = next(r for r in browser.regions if r.type == "WINDOW"), compositor()
    height = bpy.context.window_manager.windows[0].height
    start = np.array([region.x + 60, height - region.y - region.height + 30])  # the first file
    end = np.array([target.x + target.width // 2, height - target.y - target.height // 2])

    def mouse(*action: str, at: np.ndarray) -> None:
        subprocess.run(["xdotool", "mousemove", "--window", window, *map(str, at), *action], check=True)

    for slowness in (0.2, 0.5, 1.0):  # a Blender that lags behind takes a quick drag for a click
        mouse(at=start)
        yield from pause(5 * slowness)
        mouse("mousedown", "1", at=start)
        for part in range(21):
            yield from pause(slowness)
            mouse(at=start + (end - start) * part // 20)
        yield from pause(5 * slowness)
        screenshot("drag")
        mouse("mouseup", "1", at=end)
        yield from pause(5 * slowness)
        if node.style == "dragged":
            break
    check("a style file dragged onto the compositor is installed and used", lambda: assert_equal(node.style, "dragged"))


def quit_blender() -> None:
    print(f"{len(failures)} checks failed: {', '.join(failures)}" if failures else "All checks passed.", flush=True)
    if failures:
        os._exit(1)
    bpy.ops.wm.quit_blender()


def tick(sequence: Iterator[None]) -> float | None:
    try:
        next(sequence)
        return STEP_SECONDS
    except StopIteration:
        quit_blender()
    except Exception:  # noqa: BLE001 - a timer's exception would leave the window open for ever
        traceback.print_exc()
        failures.append("the script itself")
        quit_blender()
    return None


for handler in counts:
    def count(scene: bpy.types.Scene, *_: object, name: str = handler) -> None:
        counts[name] += not scene.name.startswith(".")

    bpy.app.handlers.__getattribute__(handler).append(bpy.app.handlers.persistent(count))
sequence = steps()
bpy.app.timers.register(lambda: tick(sequence), first_interval=2.0, persistent=True)
