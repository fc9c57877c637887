"""Scripts, settings and mistakes in a session of a Blender with a window, in Chinese. Parts of tests/addon/desktop.py."""

import contextlib
import sys
from collections.abc import Iterator

import bpy
import numpy as np
from scene import assert_close, insert, read_exr
from window import assert_equal, check, composited, folder, open_compositor, pause, press_f12, quiet, result, screenshot, until


def error_of(node: bpy.types.Node) -> str:
    """What the node says is wrong, with it or with the last render."""
    log, key = sys.modules["gan_style.addon.run.log"], node.node_tree.session_uid
    run = log.latest(key)
    return (run.error if run is not None else "") or log.missed(key)


def in_chinese() -> None:
    """Blender then says all that it does in Chinese, if it comes with its translations."""
    view = bpy.context.preferences.view
    with contextlib.suppress(TypeError):
        view.language = "zh_HANS"
        view.use_translate_reports = view.use_translate_interface = True
    said = bpy.app.translations.pgettext_rpt("Compositing")
    print(f"Blender's word for compositing: {said!r}", flush=True)


def not_called(scene: bpy.types.Scene, node: bpy.types.Node) -> Iterator[None]:
    """Renders whose trigger Blender does not call: said on the node, without an older picture; and scripts that do no harm."""
    in_chinese()
    scene.frame_start, scene.frame_end = 1, 2
    node.mute = True
    yield from press_f12()
    plain = result()
    node.mute = False
    for other in bpy.data.scenes:
        other.render.engine = scene.render.engine  # as scripts do, hidden scenes and all
        other.render.use_single_layer = False
    yield from press_f12()
    check("a script that sets the engine of all scenes", lambda: assert_close(result(), plain[..., [2, 1, 0, 3]], 1e-5))
    scene.render.use_single_layer = True
    scene.render.filepath = str(folder / "single" / "####.exr")
    yield from press_f12(animation=True)
    check("Render Single Layer is said on the node", lambda: assert_equal("Render Single Layer" in error_of(node), True))
    for frame in (1, 2):
        written = read_exr(folder / "single" / f"{frame:04d}.exr")["image"]
        stale = np.abs(written - plain[..., [2, 1, 0, 3]]).max() < 1e-3
        check(f"Render Single Layer writes no older picture, frame {frame}", lambda stale=stale: assert_equal(bool(stale), False))
    screenshot("single_layer")
    scene.render.use_single_layer = False
    yield from press_f12()
    check("without it the node runs again", lambda: assert_close(result(), plain[..., [2, 1, 0, 3]], 1e-5))
    done = sys.modules["window"].counts["render_complete"]
    bpy.ops.render.render("INVOKE_DEFAULT", layer=scene.view_layers[0].name)
    yield from until(lambda: sys.modules["window"].counts["render_complete"] > done and quiet())
    yield from pause()
    check("layer=... is said on the node", lambda: assert_equal("by layer=" in error_of(node), True))
    yield from press_f12()
    check("the next render is right", lambda: assert_close(result(), plain[..., [2, 1, 0, 3]], 1e-5))
    check("and the node says nothing", lambda: assert_equal(error_of(node), ""))
    bpy.context.preferences.view.language = "en_US"


def mistakes_and_movies(scene: bpy.types.Scene, node: bpy.types.Node, before: bpy.types.Node) -> Iterator[None]:
    """An exception in each timer, a movie that can't be opened, and the add-on switched off and on."""
    sync, live = (sys.modules[f"gan_style.addon.{name}"] for name in ("trees.keep_in_sync", "run.after_edits"))
    real = sync.sync, live.hidden_scenes
    sync.sync = live.hidden_scenes = None
    sync.request_sync()
    live._due = scene.name
    yield from pause(1)
    sync.sync, live.hidden_scenes = real
    scene.render.image_settings.media_type = "VIDEO"
    (folder / "file").write_text("")
    scene.render.filepath = str(folder / "file" / "movie.mp4")
    bpy.ops.render.render("INVOKE_DEFAULT", animation=True)
    yield from pause(2)
    yield from until(quiet)
    yield from until(sync.is_idle)
    check("a movie that can't be opened is over", lambda: assert_equal(sync.is_idle(), True))
    scene.render.image_settings.media_type, scene.render.image_settings.file_format = "IMAGE", "OPEN_EXR"
    scene.render.image_settings.color_depth, scene.render.image_settings.color_mode = "32", "RGBA"
    yield from press_f12()
    shown, exposure = result(), before.inputs["Exposure"]
    yield from composited(lambda: setattr(exposure, "default_value", exposure.default_value + 1))
    check("edits are followed after mistakes and a bad movie", lambda: assert_close(result()[..., :3], 2 * shown[..., :3], 1e-4))
    exposure.default_value -= 1
    addon = sys.modules["gan_style"]
    addon.unregister()
    addon.register()
    yield from pause()
    yield from press_f12()
    check("switched off and on", lambda: assert_close(result(), shown, 1e-5))


def first_impression() -> Iterator[None]:
    """A node added to a new file, before and after the first render."""
    bpy.ops.wm.read_factory_settings()
    yield from pause()
    from scene import make_scene

    scene = make_scene()
    bpy.context.preferences.view.render_display_type = "NONE"
    tree = scene.compositing_node_group
    node = insert(tree, "CompositorNodeGANStyle")
    for index, name in enumerate(("Render Layers", node.name, "Group Output")):
        tree.nodes[name].location = index * 300, 0
    area = open_compositor(scene)
    yield from pause(2)
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
        bpy.ops.node.view_all("INVOKE_DEFAULT")
    yield from pause(2)
    screenshot("before_the_first_render")
    run = sys.modules["gan_style.addon.run.log"].latest(node.node_tree.session_uid)
    check("nothing is wrong before the first render", lambda: assert_equal(run is None or run.not_rendered, True))
    yield from press_f12()
    yield from pause(1)
    screenshot("after_the_first_render")
    check("the first render is stylised", lambda: assert_equal(error_of(node), ""))
