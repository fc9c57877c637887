"""The stylised viewport in a Blender with a window. Needs a screen, ImageMagick's `import`, and xdotool.

    blender -P tests/addon/desktop_viewport.py

Prints PASS or FAIL with a name for each check, and quits with code 0 only if all passed. See window.py.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "blender"))

import bpy
import numpy as np
from mathutils import Quaternion
from scene import assert_close, insert_style, make_scene, read_exr, styled
from window import addon, assert_equal, check, folder, in_area, pause, press_f12, result, run, screenshot, until

live, unlit = (sys.modules[f"gan_style.addon.viewport.{name}"] for name in ("live", "unlit"))
for module in (live, sys.modules["gan_style.addon.viewport.worker"]):
    module.TOO_LONG_SECONDS = 100.0  # for machines that are busy with other things
HEADERS = 60
"""Pixels at the upper end of the viewport, where the switch is too."""
LINE = slice(0, 60), slice(0, 500)
"""Where the line about the style stands."""
encode_log = sys.modules["gan_style.core.colour"].encode_log


def viewport() -> bpy.types.Area:
    areas = [a for a in bpy.context.window_manager.windows[0].screen.areas if a.type == "VIEW_3D"]
    return max(areas, key=lambda area: area.width)


def space() -> bpy.types.SpaceView3D:
    return viewport().spaces.active


def press_switch() -> None:
    in_area(viewport(), lambda: bpy.ops.gan_style.stylised_view("INVOKE_DEFAULT"))


def pictures() -> list:
    view = live.views.get(space().as_pointer())
    return [shown.picture for shown in view.shown.values() if shown.picture is not None] if view else []


def at_rest() -> Iterator[None]:
    """Until the view has all its pixels, of what it shows now."""
    yield from pause(1)
    yield from until(lambda: pictures() and all(picture.step == 1 for picture in pictures()))
    yield from pause(1)


def on_screen() -> np.ndarray:
    """The viewport as the screen shows it, without the headers above: (H, W, 3) in [0, 1], bottom row first."""
    path = folder / "screen.png"
    window = subprocess.check_output(["xdotool", "getactivewindow"], text=True).strip()
    subprocess.run(["import", "-window", window, str(path)], check=True)
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    region = next(r for r in viewport().regions if r.type == "WINDOW")
    rows, columns = slice(region.y, region.y + region.height - HEADERS), slice(region.x, region.x + region.width)
    return pixels.reshape(height, width, 4)[rows, columns, :3]


def steps() -> Iterator[None]:
    scene = make_scene(frames=2)
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    red = bpy.data.objects["Cube"].data.materials[0]
    red.diffuse_color = (0.9, 0.1, 0.05, 1)
    bpy.data.objects["Suzanne"].data.materials.append(red)
    bpy.context.preferences.view.render_display_type = "NONE"
    space().shading.color_type = "MATERIAL"
    node = insert_style(scene.compositing_node_group, "swap")
    bpy.data.objects["Cube"].scale = (3, 3, 1)
    yield from pause(2)
    before, blocks = on_screen(), len(bpy.data.images)
    press_switch()
    yield from at_rest()
    after = on_screen()
    screenshot("on")
    picture = pictures()[0]
    check("the view has the picture that core makes of it", lambda: assert_close(picture.frame, of_core(picture.reading), 1e-5))
    check("the screen shows it", lambda: red_is_blue(before, after, picture.reading))
    check("overlays, gizmos and text are as before", lambda: nothing_else(before, after, picture.reading))
    check("no image was made", lambda: assert_equal(len(bpy.data.images), blocks))
    yield from moving()
    yield from camera_frame()
    yield from notes(node)
    yield from albedo(node)
    yield from snapshot()
    yield from animation(scene)
    yield from same_light(scene)
    yield from other_shadings(scene)
    yield from stereo(scene)
    yield from quad_view()
    yield from other_places(node)
    yield from too_slow()
    yield from undo_and_file()


def of_core(reading) -> np.ndarray:
    return styled(np.ascontiguousarray(reading.colours[::-1]), "swap")[::-1]


def red_is_blue(before: np.ndarray, after: np.ndarray, reading) -> None:
    solid = reading.colours[: len(before), :, 3] > 0.99
    colour = [np.median(shown[solid], axis=0) for shown in (before, after)]
    assert colour[0][0] > 1.5 * colour[0][2], f"the plain view is not red: {colour[0]}"
    assert np.abs(colour[1] - colour[0][::-1]).max() < 0.03, f"{colour[1]} instead of {colour[0][::-1]}"


def nothing_else(before: np.ndarray, after: np.ndarray, reading) -> None:
    """Changed is only what shows an object, and the line in the corner; overlays over an object are not."""
    changed = np.abs(after - before).max(-1) > 0.02
    shows = reading.colours[: len(before), :, 3] > 0
    allowed = shows.copy()
    allowed[LINE] = True
    assert not (changed & ~allowed).any(), f"{(changed & ~allowed).sum()} pixels, {np.argwhere(changed & ~allowed)[:3]}"
    assert (shows & ~changed).any(), "no overlay lies over an object"


def moving() -> Iterator[None]:
    seen = []
    for _ in range(60):
        space().region_3d.view_rotation = space().region_3d.view_rotation @ Quaternion((0, 1, 0), 0.02)
        yield
        seen += [picture for picture in pictures() if picture not in seen]
    screenshot("moving")
    print(f"{len(seen)} pictures in 3 s of movement, steps {[picture.step for picture in seen]}")
    check("a view that moves gets new pictures", lambda: assert_equal(len(seen) > 2, True))
    yield from at_rest()
    now = np.array(space().region_3d.view_matrix)
    check("a view at rest is up to date", lambda: assert_close(pictures()[0].reading.view, now.astype(np.float64), 1e-5))
    view = live.views[space().as_pointer()]
    print(f"main thread: {1000 * view.reading_seconds:.0f} ms to read, {1000 * view.drawing_seconds:.0f} ms to draw")


def camera_frame() -> Iterator[None]:
    press_switch()
    space().region_3d.view_perspective = "CAMERA"
    yield from pause(2)
    before = on_screen()
    press_switch()
    yield from at_rest()
    after = on_screen()
    screenshot("camera")
    different = np.abs(after - before).max(-1) > 0.02
    different[LINE] = False
    changed = np.argwhere(different)
    height, width = pictures()[0].frame.shape[:2]
    spread = np.ptp(np.percentile(changed, [0.2, 99.8], axis=0), axis=0)  # without the edges that Blender still smooths
    inside = (spread < [height, width]).all()
    check("camera view is stylised inside its frame only", lambda: assert_equal(inside, np.True_))
    check("the frame is stylised", lambda: assert_equal(len(changed) > 1000, True))
    frame = width / height
    check("the frame has the shape of the render", lambda: assert_equal(abs(frame - 320 / 180) < 0.02, True))


def notes(node: bpy.types.Node) -> Iterator[None]:
    node.style = "normal"
    yield from at_rest()
    yield from until(lambda: pictures()[0].reading.look.style == "normal")
    yield from at_rest()
    screenshot("normal")
    picture = pictures()[0]
    check("what is not true is said", lambda: assert_equal(picture.notes, ("normals come from depth",)))
    node.style = "swap"
    yield from until(lambda: pictures()[0].reading.look.style == "swap")
    node.inputs["Strength"].default_value = 0.5
    yield from until(lambda: pictures()[0].reading.look.strength == 0.5)
    yield from at_rest()
    picture = pictures()[0]
    half = (picture.reading.colours + of_core(picture.reading)) / 2
    check("the node's strength counts", lambda: assert_close(picture.frame, half, 1e-5))
    node.inputs["Strength"].default_value = 1.0
    yield from at_rest()


def albedo(node: bpy.types.Node) -> Iterator[None]:
    """Of a style that sees it, in Solid mode: the surfaces' own colours, and nothing else than before."""
    shading, overlay = space().shading, space().overlay
    before = shading.light, shading.show_cavity, shading.show_object_outline, overlay.show_overlays
    node.style = "cel"
    yield from until(lambda: pictures()[0].reading.look.style == "cel")
    yield from at_rest()
    screenshot("albedo")
    picture = pictures()[0]
    check("the albedo is known", lambda: assert_equal(picture.notes, ("normals come from depth",)))
    own = np.median(picture.reading.unlit[picture.reading.colours[..., 3] > 0.99], axis=0)
    check("it is the surfaces' colour", lambda: assert_close(own[:3], np.float32([0.9, 0.1, 0.05]), 0.02))
    after = shading.light, shading.show_cavity, shading.show_object_outline, overlay.show_overlays
    check("the view's shading is as before", lambda: assert_equal(after, before))
    drawn, colours = [], unlit.colours
    unlit.colours = lambda *arguments: (drawn.append(1), colours(*arguments))[1]
    yield from pause(2)
    unlit.colours = colours
    check("a view at rest is not drawn again", lambda: assert_equal(drawn, []))
    node.style = "swap"
    yield from until(lambda: pictures()[0].reading.look.style == "swap")
    yield from at_rest()


def other_shadings(scene: bpy.types.Scene) -> Iterator[None]:
    """Material Preview, EEVEE and Cycles: each gives the style its own colours."""
    plain = pictures()[0].reading.colours
    scene.cycles.preview_samples = 4
    for kind, engine in (("MATERIAL", "CYCLES"), ("RENDERED", "BLENDER_EEVEE"), ("RENDERED", "CYCLES")):
        scene.render.engine, space().shading.type = engine, kind
        yield from pause(5)
        yield from at_rest()
        picture = pictures()[0]
        screenshot(f"{kind.lower()}_{engine.lower()}")
        name = f"{kind} with {engine}"
        check(f"{name} is stylised", lambda p=picture: assert_close(p.frame, of_core(p.reading), 1e-5))
        different = np.abs(picture.reading.colours - plain).mean()
        check(f"{name} shows its own colours", lambda d=different: assert_equal(d > 0.01, np.True_))
    space().shading.type = "SOLID"
    yield from at_rest()


def snapshot() -> Iterator[None]:
    in_area(viewport(), lambda: bpy.ops.gan_style.keep_view("INVOKE_DEFAULT"))
    image = bpy.data.images["Stylised View"]
    kept = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(kept)
    shown = pictures()[0].frame
    check("a snapshot keeps what the view shows", lambda: assert_close(kept.reshape(shown.shape), shown, 1e-6))
    check("quitting asks nothing", lambda: assert_equal((image.is_dirty, image.packed_file is not None), (False, True)))
    bpy.data.images.remove(image)
    yield


def animation(scene: bpy.types.Scene) -> Iterator[None]:
    """Two frames by Stylised Viewport Render Animation, and as the viewport shows the first."""
    scene.render.filepath = str(folder / "viewport" / "####.exr")
    images, frame = len(bpy.data.images), scene.frame_current
    in_area(viewport(), lambda: bpy.ops.gan_style.viewport_animation("INVOKE_DEFAULT"))
    yield from until(lambda: (folder / "viewport" / "0002.exr").exists())
    yield from at_rest()
    frames = [read_exr(folder / "viewport" / f"{number:04d}.exr")["image"] for number in (1, 2)]
    check("frames have the size of the render", lambda: assert_equal(frames[0].shape[:2], (180, 320)))
    check("frames move", lambda: assert_equal(np.abs(frames[0] - frames[1]).mean() > 0.005, np.True_))
    solid = frames[0][..., 3] > 0.99
    red, _, blue, _ = np.median(frames[0][solid], axis=0)
    check("frames are stylised", lambda: assert_equal(blue > red, np.True_))
    left = len(bpy.data.images), scene.frame_current, space().overlay.show_overlays
    check("nothing is left of it", lambda: assert_equal(left, (images, frame, True)))


def same_light(scene: bpy.types.Scene) -> Iterator[None]:
    """Preview and render of the same camera, for a style that sees the image alone."""
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.display.shading.color_type = "MATERIAL"
    space().shading.type = "RENDERED"
    yield from at_rest()
    preview = pictures()[0].frame[::-1]
    scene.render.resolution_x, scene.render.resolution_y = preview.shape[1], preview.shape[0]
    yield from press_f12()
    rendered = result()
    screenshot("rendered")
    preview = pictures()[0].frame[::-1]
    difference = np.abs(encode_log(preview[..., :3]) - encode_log(rendered[..., :3])).mean()
    print(f"preview and render of the same camera: mean log-encoded difference {difference:.4f}")
    check("preview and render agree", lambda: assert_equal(difference < 0.01, np.True_))
    space().shading.type = "SOLID"
    scene.render.engine = "CYCLES"


def stereo(scene: bpy.types.Scene) -> Iterator[None]:
    """Both eyes, and one of them, in camera view: plain, with a sentence; elsewhere the view is stylised as ever."""
    view = space().region_3d.view_perspective
    space().region_3d.view_perspective = "CAMERA"
    scene.render.use_multiview = True
    for eye in ("S3D", "LEFT"):
        space().stereo_3d_camera = eye
        if live.is_on(space()):
            press_switch()
        yield from pause(2)
        before = on_screen()
        press_switch()
        yield from pause(3)
        different = np.abs(on_screen() - before).max(-1) > 0.02
        screenshot(f"stereo_{eye.lower()}")
        check(f"stereo, {eye}: it is said", lambda d=different: assert_equal(d[LINE].any(), np.True_))
        different[LINE[0]] = False  # the sentence is longer than others
        plain = different.mean() < 0.01, pictures()  # edges may still be smoothed
        check(f"stereo, {eye}: the view is plain", lambda p=plain: assert_equal(p, (np.True_, [])))
    space().region_3d.view_perspective = "PERSP"
    yield from at_rest()
    check("out of the camera's view it is stylised", lambda: assert_equal(len(pictures()), 1))
    scene.render.use_multiview = False
    space().region_3d.view_perspective, space().stereo_3d_camera = view, "S3D"
    yield from at_rest()


def quad_view() -> Iterator[None]:
    in_area(viewport(), lambda: bpy.ops.screen.region_quadview())
    yield from at_rest()
    yield from until(lambda: len(pictures()) >= 4)
    yield from at_rest()
    screenshot("quad")
    views = {picture.to_clip.tobytes() for picture in pictures() if max(picture.frame.shape[:2]) < 1000}
    check("each part of a quad view has its own picture", lambda: assert_equal(len(views) >= 4, True))
    in_area(viewport(), lambda: bpy.ops.screen.region_quadview())
    yield from pause(2)


def other_places(node: bpy.types.Node) -> Iterator[None]:
    """The switch on the node, another viewport, another workspace."""
    press_switch()
    check("the switch ends it", lambda: assert_equal((live.views, live._worker, live._handlers), ({}, None, [])))
    window = bpy.context.window_manager.windows[0]
    in_area(viewport(), lambda: bpy.ops.screen.area_split(direction="VERTICAL", factor=0.5))
    yield from pause()
    key = node.node_tree.session_uid
    with bpy.context.temp_override(window=window, area=viewport(), node=node):
        bpy.ops.gan_style.show_in_viewport()
    yield from at_rest()
    both = [a.spaces.active for a in window.screen.areas if a.type == "VIEW_3D"]
    check("the node shows itself in all viewports", lambda: assert_equal([live.is_on(s, key) for s in both], [True, True]))
    screenshot("two")
    workspace = window.workspace
    window.workspace = bpy.data.workspaces["Modeling"]
    yield from pause(2)
    window.workspace = workspace
    yield from at_rest()
    others = [a for a in window.screen.areas if a.type == "VIEW_3D" and a != viewport()]
    in_area(others[0], lambda: bpy.ops.screen.area_close())
    yield from pause(1)
    check("a closed editor is forgotten", lambda: assert_equal(list(live.views), [space().as_pointer()]))


def too_slow() -> Iterator[None]:
    run = live._worker._run
    live._worker._run = lambda *arguments: (lambda done: done and replace(done, seconds=300.0))(run(*arguments))

    space().region_3d.view_perspective = "PERSP"  # the camera's view would not move

    def moved_until_off() -> bool:
        space().region_3d.view_distance += 0.1  # the first picture in a place does not count
        return not live.views[space().as_pointer()].on

    yield from until(moved_until_off)
    yield from pause(1)
    screenshot("slow")
    check(
        "a slow style switches the view off",
        lambda: assert_equal("takes 300.0 s" in live.views[space().as_pointer()].message, True),
    )
    live.switch_all_off()  # with the worker that pretends to be slow
    press_switch()
    yield from at_rest()
    check("it can be switched on again", lambda: assert_equal(live.is_on(space()), True))


def undo_and_file() -> Iterator[None]:
    bpy.ops.ed.undo_push(message="before")
    bpy.data.objects["Cube"].location.z += 1
    bpy.ops.ed.undo_push(message="moved")
    bpy.ops.ed.undo()
    yield from at_rest()
    check("undo leaves the view on", lambda: assert_equal(live.is_on(space()), True))
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    yield from pause(2)
    check("another file begins without", lambda: assert_equal((live.views, live._worker), ({}, None)))
    yield from pause(1)
    press_switch()
    yield from at_rest()
    addon.unregister()
    yield from pause(1)
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("GAN Style")]
    check("the add-on switched off leaves nothing", lambda: assert_equal((live.views, live._handlers, threads), ({}, [], [])))
    screenshot("off")


run(steps())
