"""Style files and .blend files in a Blender with a window: dropped, missing, saved, pasted. Parts of tests/desktop.py."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
from scene import assert_close, insert_style
from window import assert_equal, check, compositor, counts, folder, in_area, pause, press_f12, result, screenshot


def guides_and_drop(scene: bpy.types.Scene, area: bpy.types.Area) -> Iterator[None]:
    """Link Passes with undo and redo, a render with a guide, and a style file dropped onto the editor with the node selected."""

    def node() -> bpy.types.Node:
        return bpy.data.scenes["Scene"].compositing_node_group.nodes["GAN Style"]

    node().style = "normal"
    yield from pause()
    check("a style's passes link themselves", lambda: assert_equal(len(node().inputs["Normal"].links), 1))
    node().id_data.links.remove(node().inputs["Normal"].links[0])
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
    run = sys.modules["gan_style.addon.run.log"].latest(node().node_tree.session_uid)
    check("a render with a guide", lambda: assert_equal((run.style, run.error), ("normal", "")))
    screenshot("guide")

    sys.modules["gan_style.addon.settings"].own_folder = lambda: folder / "user"
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
    error = sys.modules["gan_style.addon.run.log"].latest(node.node_tree.session_uid).error
    check("the node says what is missing", lambda: assert_equal("'swap' is not installed" in error, True))
    yield from pause(2)
    composites = counts["composite_post"]
    yield from pause(2)
    check("an error lets Blender come to rest", lambda: assert_equal(counts["composite_post"], composites))
    screenshot("error")
    os.environ["GAN_STYLE_PATH"] = fixtures


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
