"""Makes the README's pictures of the add-on: the node, the Add menu, an error, the preferences and the viewport. Needs a Blender
with a screen of at least 1600 x 900 pixels, ImageMagick's `import`, and xdotool.

    blender --window-geometry 0 0 1600 900 -P tests/addon/screenshots.py

Writes into the folder that the variable SCREENSHOTS names, or else `screenshots`.
"""

import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from math import radians
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "blender"))

import bpy
from mathutils import Euler
from scene import ROOT, insert, insert_style, make_scene, make_still_life

EXTENSION = "bl_ext.screenshots.gan_style"
STEP_SECONDS = 0.1
MAX_BYTES = 200_000

bpy.context.preferences.view.show_splash = False  # before Blender shows it
folder = Path(os.environ.get("SCREENSHOTS", "screenshots")).resolve()


def enable_extension() -> None:
    """The checkout as an extension of a repository of its own, since Blender shows no preferences of other add-ons."""
    preferences = bpy.context.preferences
    preferences.use_preferences_save = False
    preferences.view.ui_scale = 1.25
    preferences.view.render_display_type = "NONE"
    os.environ["GAN_STYLE_PATH"] = ""
    repository = Path(tempfile.mkdtemp())
    (repository / "gan_style").symlink_to(ROOT)
    preferences.extensions.repos.new(name="Screenshots", module="screenshots", custom_directory=str(repository))
    bpy.ops.preferences.addon_enable(module=EXTENSION)


def pause(seconds: float) -> Iterator[None]:
    for _ in range(int(seconds / STEP_SECONDS)):
        yield


def save(name: str, area: bpy.types.Area, left: float = 0, top: float = 0, right: float = 1, bottom: float = 1) -> None:
    """A JPEG of an area, or of the part of it between these fractions of its width and height."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jpg"
    x, y = corner(area)
    width, height = int((right - left) * area.width), int((bottom - top) * area.height)
    crop = f"{width}x{height}+{x + int(left * area.width)}+{y + int(top * area.height)}"
    subprocess.run(["import", "-window", "root", "-crop", crop, "+repage", "-quality", "85", str(path)], check=True)
    assert path.stat().st_size < MAX_BYTES, f"{path} is too large"


def corner(area: bpy.types.Area) -> tuple[int, int]:
    """Upper left corner of an area on the screen; Blender counts from below."""
    return area.x, bpy.context.window_manager.windows[0].height - area.y - area.height


def in_area(area: bpy.types.Area, operator, **settings: object) -> None:
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
        operator("INVOKE_DEFAULT", **settings)


def move_mouse(area: bpy.types.Area, right: float, down: float) -> None:
    x, y = corner(area)
    press("mousemove", str(x + int(right * area.width)), str(y + int(down * area.height)))


def press(*keys: str) -> None:
    subprocess.run(["xdotool", *keys], check=True)


def make_node() -> tuple[bpy.types.Node, bpy.types.NodeTree]:
    scene = make_scene()
    scene.render.resolution_x, scene.render.resolution_y, scene.cycles.samples = 480, 270, 16
    tree = scene.compositing_node_group
    insert(tree, "CompositorNodeExposure", Exposure=0.3)
    node = insert_style(tree, "graphic_novel")
    for index, name in enumerate(("Render Layers", "Exposure", node.name, "Group Output")):
        tree.nodes[name].location = index * 250, 0
    tree.nodes["Render Layers"].location.x = -60
    return node, tree


def pictures() -> Iterator[None]:
    enable_extension()
    node, tree = make_node()
    yield from pause(1)
    bpy.ops.render.render()
    areas = sorted(bpy.context.window.screen.areas, key=lambda a: a.width * a.height)
    area = areas[-1]
    area.ui_type = "CompositorNodeTree"
    space = area.spaces.active
    space.node_tree = tree
    tree.nodes.active = node
    yield from pause(2)
    space.show_region_asset_shelf = space.show_region_ui = False
    yield from pause(1)
    in_area(area, bpy.ops.node.view_all)
    yield from pause(2)
    save("node", area, top=0.27, bottom=0.83)
    move_mouse(area, 0.3, 0.15)
    press("key", "shift+a")
    yield from pause(2)
    press("type", "--delay", "80", "gan st")
    yield from pause(2)
    save("menu", area, top=0.1, bottom=0.83)
    press("key", "Escape", "key", "Escape")
    yield from pause(1)
    node.style_id = "charcoal"  # which is not installed
    area.tag_redraw()
    yield from pause(2)
    save("error", area, top=0.27, bottom=0.83)
    node.style_id = "graphic_novel"
    bpy.context.preferences.view.ui_scale = 1.0
    space.show_region_ui = True
    next(r for r in area.regions if r.type == "UI").active_panel_category = "Node"
    yield from pause(2)
    save("details", area, left=0.79, top=0.05)
    area.ui_type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "GAN Style"
    bpy.ops.preferences.addon_expand(module=EXTENSION)
    yield from pause(3)
    save("preferences", area, left=0.13, top=0.35)
    yield from viewport_pictures(area, node)


def viewport_pictures(area: bpy.types.Area, node: bpy.types.Node) -> Iterator[None]:
    """A viewport without and with the style of the node."""
    make_still_life()
    show_still_life(area)
    yield from pause(3)
    save("viewport_before", area)
    node.style = "watercolour"
    in_area(area, bpy.ops.gan_style.stylised_view)
    yield from pause(10)
    save("viewport_after", area)


def show_still_life(area: bpy.types.Area) -> None:
    """In a 3D viewport in the place of what the area shows."""
    area.ui_type = "VIEW_3D"
    space = area.spaces.active
    space.shading.type, space.shading.color_type, space.shading.show_shadows = "SOLID", "MATERIAL", True
    view = space.region_3d
    view.view_perspective, view.view_distance, view.view_location = "PERSP", 9.5, (0.4, 0.4, 0.1)
    turn(view, 28)


def turn(view: bpy.types.RegionView3D, degrees: float) -> None:
    """Around the vertical axis."""
    view.view_rotation = Euler((radians(72), 0, radians(degrees))).to_quaternion()


def tick(sequence: Iterator[None]) -> float | None:
    try:
        next(sequence)
        return STEP_SECONDS
    except StopIteration:
        bpy.ops.wm.quit_blender()
    except Exception:
        traceback.print_exc()
        os._exit(1)
    return None


def run(sequence: Iterator[None]) -> None:
    """Go through a sequence, then quit Blender."""
    bpy.app.timers.register(lambda: tick(sequence), first_interval=2.0, persistent=True)


if __name__ == "__main__":
    run(pictures())
