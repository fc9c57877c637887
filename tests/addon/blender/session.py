"""What else happens in a session: other add-ons, scripts, files opened one after the other. All without a window."""

import contextlib
import itertools
import os
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from clock import Clock
from editing import our_handlers
from face import drawn
from scene import (
    FIXTURES,
    assert_close,
    assert_swapped,
    in_a_window,
    insert,
    insert_style,
    load_addon,
    module,
    render,
    run_case,
    start_over,
    styled,
)

clock = Clock()


def switched_off_after_all(folder: Path) -> None:
    """unregister() takes everything away, also when timers are gone, a handler was removed or one module fails."""
    addon = load_addon()
    kinds = len(our_handlers())
    for _ in range(2):
        clock.due.clear()
        bpy.app.handlers.render_init.remove(module("run.in_renders")._on_render_init)
        addon.unregister()
        assert our_handlers() == [] and not clock.due
        addon.register()
        assert len(our_handlers()) == kinds and len(clock.due) == 4
    library = module("library")

    def fails() -> None:
        raise OSError("a folder that is away")

    with patch.object(library, "forget", fails), contextlib.suppress(OSError):
        addon.unregister()
        raise AssertionError("the mistake was swallowed")
    assert our_handlers() == [] and not clock.due and not hasattr(bpy.types, "CompositorNodeGANStyle")
    with patch.object(module("run.after_edits"), "add_handlers", None), contextlib.suppress(TypeError):
        addon.register()
        raise AssertionError("the mistake was swallowed")
    assert our_handlers() == [] and not clock.due and not hasattr(bpy.types, "CompositorNodeGANStyle")
    addon.register()
    assert len(our_handlers()) == kinds


def movie_that_cannot_be_opened(folder: Path) -> None:
    """Blender begins the render and says no more; edits are followed all the same."""
    load_addon()
    scene = start_over(frames=2)
    insert_style(scene.compositing_node_group, "swap")
    keep_in_sync = module("trees.keep_in_sync")
    scene.render.image_settings.media_type = "VIDEO"
    (folder / "file").write_text("")
    scene.render.filepath = str(folder / "file" / "movie.mp4")
    with contextlib.suppress(RuntimeError):
        bpy.ops.render.render(animation=True)
    assert not keep_in_sync.is_idle()
    clock.advance()
    assert keep_in_sync.is_idle()


def handlers_of_others(folder: Path) -> None:
    """Other people's handlers see the artist's renders and none of ours, and are all back afterwards, whatever happens."""
    load_addon()
    scene = start_over(frames=2)
    node = insert_style(scene.compositing_node_group, "swap")
    names, seen = module("callbacks").RENDERS, []
    for name in names:
        handlers = getattr(bpy.app.handlers, name, None)
        if handlers is not None and name != "render_stats":
            handlers.insert(0, lambda block=None, *_, name=name: seen.append((name, getattr(block, "name", ""))))
    before = {name: list(getattr(bpy.app.handlers, name)) for name in names if hasattr(bpy.app.handlers, name)}
    scene.render.filepath = str(folder / "####.exr")
    bpy.ops.render.render(animation=True)
    shown = [(name, block) for name, block in seen if name.startswith("render")]
    frame = [("render_pre", "Scene"), ("render_post", "Scene"), ("render_write", "Scene")]
    assert shown == [("render_init", "Scene"), *frame, *frame, ("render_complete", "Scene")], shown
    assert not [block for _, block in seen if "GAN Style Inputs" in block], seen

    def same() -> bool:
        return before == {name: list(getattr(bpy.app.handlers, name)) for name in before}

    assert same()
    with contextlib.suppress(KeyError), module("callbacks").no_handlers():
        assert not any(getattr(bpy.app.handlers, name) for name in before)
        raise KeyError
    assert same()
    plain = render(scene, folder / "a.exr")
    node.mute = True
    assert_close(plain, styled(render(scene, folder / "b.exr"), "swap"))


def files_opened_one_after_the_other(folder: Path) -> None:
    """The temporary folder, which may lie in memory, holds the pictures of the open file and nothing of those before."""
    load_addon()
    scene = start_over()
    insert_style(scene.compositing_node_group, "swap")
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    left = set()
    for _ in range(3):
        bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
        render(bpy.context.scene, folder / "frame.exr")
        left.add(tuple(sorted(path.name[:8] for path in module("temp_folder").folder().glob("*.exr"))))
    assert left == {("picture-",)}, left


def frames_of_an_animation_are_not_kept(folder: Path) -> None:
    """In background none comes back; one that does, without another between, is still remembered."""
    load_addon()
    scene = start_over(frames=3)
    insert_style(scene.compositing_node_group, "swap")
    cache = module("run.run_nodes")._cache
    scene.render.filepath = str(folder / "####.exr")
    bpy.ops.render.render(animation=True)
    assert len(cache._frames) == 1, len(cache._frames)


def styles_are_looked_at_when_folders_change(folder: Path) -> None:
    """Drawing the node does not read the folders; what comes, goes, is renamed or broken is seen all the same."""
    load_addon()
    library, looks = module("library"), []
    styles = folder / "styles"
    shutil.copytree(FIXTURES, styles)
    (styles / "nowhere.onnx").symlink_to(folder / "gone.onnx")
    with patch.dict(os.environ, GAN_STYLE_PATH=str(styles)):
        assert "nowhere.onnx can't be read" in library.installed()["nowhere"].error
        time.sleep(2 * library.TICK_NANOSECONDS / 1e9)
        standing = SimpleNamespace(monotonic=itertools.repeat(time.monotonic()).__next__, time_ns=time.time_ns)
        look = library._look_at
        with (
            patch.object(library, "_look_at", lambda path: (looks.append(path), look(path))[1]),
            patch.object(library, "time", standing),
        ):
            library.installed()
            once = len(looks)
            for _ in range(20):
                library.installed()
            assert len(looks) == once <= len(library.installed()) + 10
        (styles / "swap.onnx").rename(styles / "other.onnx")
        assert "swap" not in library.installed() and "other" in library.installed()
        (styles / "other.onnx").unlink()
        assert "other" not in library.installed()
        (styles / "wide.onnx").write_bytes(b"not a style")  # in place: the folder does not tell
        time.sleep(library.LOOK_SECONDS)
        assert library.installed()["wide"].error


def all_scenes_set_otherwise(folder: Path) -> None:
    """Scripts that set engine, layers and switches of all scenes, before a render and when it begins, change nothing."""
    load_addon()
    scene = start_over()
    node = insert_style(scene.compositing_node_group, "swap")
    assert_swapped(scene, node, folder)
    changes = {"engine": "CYCLES", "use_compositing": False, "use_sequencer": True, "use_single_layer": True}
    changes |= {"compositor_device": "GPU", "compositor_precision": "AUTO", "use_freestyle": True}

    def change(*_: object) -> None:
        for hidden in (other for other in bpy.data.scenes if other.name.startswith(".")):
            for name, value in changes.items():
                setattr(hidden.render, name, value)
            for layer in hidden.view_layers:
                layer.use = False

    change()
    assert_swapped(scene, node, folder)
    bpy.app.handlers.render_init.append(change)
    try:
        assert_swapped(scene, node, folder)
    finally:
        bpy.app.handlers.render_init.remove(change)


def not_called_in_a_window(folder: Path) -> None:
    """The node says so, and shows no older picture, unless the render was just cancelled before it came to the nodes."""
    addon = load_addon()
    scene = start_over(frames=2)
    node = insert_style(scene.compositing_node_group, "swap")
    scene.render.filepath = str(folder / "####.exr")
    with in_a_window() as in_renders:
        assert_swapped(scene, node, folder)
        (picture,) = module("trees.pictures").pictures(node).values()

        def face(**options: object) -> str:
            bpy.ops.render.render(**options)
            return addon.addon.run.log.latest(node.node_tree.session_uid).error

        for options in ({"layer": "ViewLayer"}, {"layer": "ViewLayer", "animation": True}):
            assert not face()
            assert tuple(picture.image.size) == (60, 45)
            assert "by layer=" in face(**options)
            assert tuple(picture.image.size) == (1, 1)
            run_as_after_an_edit(scene)  # it can, but that does not change what was rendered
            assert "by layer=" in drawn(node).text("red")
        scene.render.use_single_layer = True
        assert "Render Single Layer" in face()
        scene.render.use_single_layer = False
        assert not face()
        for handler in (in_renders._on_render_init, in_renders._on_frame, in_renders._on_frame_done, in_renders._on_render_end):
            handler(scene)  # cancelled
        in_renders._on_render_init(scene)
        assert not addon.addon.run.log.latest(node.node_tree.session_uid).error
        in_renders._on_render_end(scene)
        assert_swapped(scene, node, folder)
        assert not drawn(node).text("red")


def many_styles_stay_open(folder: Path) -> None:
    """However many styles a tree has, each is opened once for all frames."""
    load_addon()
    library, opened = module("library"), []
    scene = start_over(frames=3)
    with patch.dict(os.environ, GAN_STYLE_PATH=str(folder)):
        for name in "abcdef":
            shutil.copy(FIXTURES / "swap.onnx", folder / f"{name}.onnx")
            insert_style(scene.compositing_node_group, name)
        scene.render.filepath = str(folder / "####.exr")
        real = library.Generator
        with patch.object(library, "Generator", lambda *given, **options: (opened.append(given), real(*given, **options))[1]):
            bpy.ops.render.render(animation=True)
    assert len(opened) == 6, len(opened)


def progress_that_is_left(folder: Path) -> None:
    """Opening a file while the status bar shows progress takes its timer and its text away."""
    load_addon()
    removed, texts = [], []
    manager = SimpleNamespace(event_timer_remove=removed.append)
    context = SimpleNamespace(window_manager=manager, workspace=SimpleNamespace(status_text_set=texts.append))
    module("ui.operators").GANSTYLE_OT_watch.cancel(SimpleNamespace(timer="timer"), context)
    assert removed == ["timer"] and texts == [None]


def first_impression(folder: Path) -> None:
    """A new node runs as it is, and says what to do before the first render; nothing is red that is not wrong."""
    load_addon()
    scene = start_over()
    library, hidden_scenes = module("library"), module("trees.hidden_scenes")
    with patch.dict(os.environ, GAN_STYLE_PATH=""):
        node = insert(scene.compositing_node_group, "CompositorNodeGANStyle")
        assert library.find(node.style).passes == ("image",)
        face = drawn(node)
        assert "Render once (F12)" in face.text("label") and not face.text("red")
        run_as_after_an_edit(scene)
        face = drawn(node)
        assert "Render once (F12)" in face.text("label") and not face.text("red") and "run_again" not in face.text("operator")
        render(scene, folder / "frame.exr")
        face = drawn(node)
        assert "CPU" in face.text("label") and "F12" not in face.text("label") and not face.text("red")
    tree = scene.compositing_node_group
    reroutes = [tree.nodes.new("NodeReroute") for _ in range(2)]
    for first, second in (reroutes, reroutes[::-1]):
        tree.links.new(first.outputs[0], second.inputs[0])
    tree.links.new(reroutes[0].outputs[0], node.inputs["Image"])
    module("trees.keep_in_sync").sync()
    assert "reroutes in a circle" in drawn(node).text("red") and "F12" not in drawn(node).text("label")
    assert "reroutes in a circle" in hidden_scenes.plans(scene)[0].problem


def run_as_after_an_edit(scene: bpy.types.Scene) -> None:
    module("trees.keep_in_sync").sync()
    plans, wanted = module("trees.hidden_scenes").plans(scene), module("settings").settings()
    module("run.run_nodes").run_scene(scene.name, 1, plans, wanted, module("main_thread").call)


def passes_link_themselves(folder: Path) -> None:
    """When a style is chosen whose node stands behind one Render Layers node; links that the artist made stay."""
    load_addon()
    scene = start_over()
    tree = scene.compositing_node_group
    layers = tree.nodes["Render Layers"]
    insert(tree, "CompositorNodeExposure")
    node = insert_style(tree, "normal")
    assert node.inputs["Normal"].links[0].from_node == layers and scene.view_layers[0].use_pass_normal
    image = render(scene, folder / "normal.exr")
    assert np.isfinite(image).all()
    own = tree.nodes.new("CompositorNodeExposure")
    node.style = "swap"
    node.style = "normal"
    assert node.inputs["Normal"].links[0].from_node == layers
    tree.links.new(own.outputs[0], node.inputs["Normal"])
    node.style = "swap"
    node.style = "normal"
    assert node.inputs["Normal"].links[0].from_node == own
    second = tree.nodes.new("CompositorNodeRLayers")
    over = tree.nodes.new("CompositorNodeAlphaOver")
    sockets = [socket for socket in over.inputs if socket.type == "RGBA"]
    tree.links.new(layers.outputs["Image"], sockets[0])
    tree.links.new(second.outputs["Image"], sockets[1])
    other = insert_style(tree, "swap")
    tree.links.new(over.outputs[0], other.inputs["Image"])
    other.style = "normal"
    assert not other.inputs["Normal"].links  # which of the two is for the artist to say


if __name__ == "__main__":
    run_case(globals())
