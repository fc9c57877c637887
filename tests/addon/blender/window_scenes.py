"""The hidden scenes and the viewport's compositor in a Blender with a window. Parts of tests/desktop.py."""

from collections.abc import Iterator

import bpy
from scene import hidden_scene, insert, insert_style, is_ours, read_exr, start_over
from window import assert_equal, check, folder, in_area, pause, press_f12, until


def deleted_scenes(scene: bpy.types.Scene) -> Iterator[None]:
    """Whatever scene an artist deletes or chooses, the window ends up in one of theirs."""
    window = bpy.context.window_manager.windows[0]
    artists = [bpy.data.scenes.new(name) for name in ("A", "\u30b7\u30fc\u30f3")]
    check("the artist's scenes come first", lambda: assert_equal([is_ours(s) for s in bpy.data.scenes], [False] * 3 + [True] * 2))
    for left, other in enumerate(reversed(artists)):
        window.scene = other
        yield from pause(0.3)
        with bpy.context.temp_override(window=window):
            bpy.ops.scene.delete()
        yield from pause(0.5)
        found, wanted = (is_ours(window.scene), len(bpy.data.scenes)), (False, 4 - left)
        check("a scene is deleted", lambda got=found, want=wanted: assert_equal(got, want))
    window.scene = hidden_scene("inputs")
    yield from pause(0.5)
    check("the window leaves a hidden scene", lambda: assert_equal(window.scene, scene))


def viewport_compositor(scene: bpy.types.Scene, area: bpy.types.Area) -> Iterator[None]:
    """The view shows the image without the style, before the first render and after; the render has the style."""
    node = scene.compositing_node_group.nodes["GAN Style"]
    shading = area.spaces.active.shading
    shading.type, shading.use_compositor = "RENDERED", "ALWAYS"
    views = {}
    for name in ("before the first render", "after a render", "without the node"):
        if name == "after a render":
            yield from press_f12()
        node.mute = name == "without the node"
        yield from pause(1)
        path = folder / f"{name}.exr"
        scene.render.filepath = str(path)
        in_area(area, lambda: bpy.ops.render.opengl(write_still=True, view_context=True))
        yield from until(path.exists)
        views[name] = read_exr(path)["image"]
    for name, view in views.items():  # each view is sampled anew, so that edges differ; the style would make the red cube blue
        red, blue = view[view.shape[0] // 2, view.shape[1] // 2, [0, 2]]
        check(f"the viewport's compositor {name}", lambda r=red, b=blue: assert_equal(bool(r > 0.1 and r > 10 * b), True))
    node.mute = False
    shading.type = "SOLID"


def scenes_and_views() -> Iterator[None]:
    """In a file of its own."""
    scene = start_over()
    scene.render.engine = "BLENDER_WORKBENCH"
    yield from pause(1)
    insert(scene.compositing_node_group, "CompositorNodeExposure", Exposure=0.5)
    insert_style(scene.compositing_node_group, "swap")
    yield from pause(1)
    area = next(a for a in bpy.context.window_manager.windows[0].screen.areas if a.type == "VIEW_3D")
    yield from viewport_compositor(scene, area)
    yield from deleted_scenes(scene)
