"""What artists do with the node and with files: copies, deletion, saving, opening, another folder of styles, switching it off."""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from scene import FIXTURES, assert_close, hidden, insert, insert_style, load_addon, make_scene, render, run_case, styled


def our_handlers() -> list:
    lists = [getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)]
    functions = [function for handlers in lists if isinstance(handlers, list) for function in handlers]
    return [function for function in functions if function.__module__.startswith("gan_style")]


def copies_are_independent(folder: Path) -> None:
    """A copy of the node and one of the whole tree with a style of their own leave the original as it is."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    plain = render(scene, folder / "plain.exr")
    node = insert_style(tree, "swap")
    copy = tree.copy()
    copy.nodes[node.name].style = "wide"
    other = bpy.data.scenes.new("Other")
    other.compositing_node_group = copy
    assert_close(render(scene, folder / "a.exr"), styled(plain, "swap"))
    assert copy.nodes[node.name].node_tree != node.node_tree
    scene.compositing_node_group = copy
    assert_close(render(scene, folder / "b.exr"), styled(plain, "wide"))
    scene.compositing_node_group = tree
    assert_close(render(scene, folder / "a.exr"), styled(plain, "swap"))


def deletion_leaves_nothing(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    before = set(tree.nodes.keys())
    plain = render(scene, folder / "plain.exr")
    first, second = insert_style(tree, "swap"), insert_style(tree, "swap")
    assert_close(render(scene, folder / "twice.exr"), plain)
    assert len([n for n in tree.nodes if n.label == "GAN Style Trigger"]) == 1
    link = first.inputs["Image"].links[0].from_socket
    tree.links.new(link, second.inputs["Image"])
    tree.nodes.remove(first)
    assert_close(render(scene, folder / "once.exr"), styled(plain, "swap"))
    assert len([n for n in hidden() if n.startswith(".GAN Style Picture")]) == 2, hidden()  # a group and its image
    tree.links.new(link, tree.nodes["Group Output"].inputs[0])
    tree.nodes.remove(second)
    bpy.context.view_layer.update()
    assert_close(render(scene, folder / "none.exr"), plain)
    assert hidden() == [] and set(tree.nodes.keys()) == before


def trigger_comes_back(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    plain = render(scene, folder / "plain.exr")
    insert_style(tree, "swap")
    for _ in range(2):
        assert_close(render(scene, folder / "swap.exr"), styled(plain, "swap"))
        tree.nodes.remove(tree.nodes["GAN Style Trigger"])
    assert_close(render(scene, folder / "swap.exr"), styled(plain, "swap"))
    tree.nodes["GAN Style Trigger"].mute = True
    assert_close(render(scene, folder / "swap.exr"), styled(plain, "swap"))


def saved_and_opened(folder: Path) -> None:
    addon = load_addon()
    scene = make_scene()
    plain = render(scene, folder / "plain.exr")
    insert_style(scene.compositing_node_group, "wide", Strength=0.5)
    half = render(scene, folder / "half.exr")
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "file.blend"))
    scenes = [s.name for s in bpy.data.scenes]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert hidden() == []
    bpy.ops.wm.open_mainfile(filepath=str(folder / "file.blend"))
    assert [s.name for s in bpy.data.scenes] == scenes
    scene = bpy.context.scene
    node = scene.compositing_node_group.nodes["GAN Style"]
    assert node.style == "wide"
    assert_close(render(scene, folder / "again.exr"), half)
    assert [run.cached for run in addon.addon.run.log.last_runs()] == [True]  # the same inputs as before
    node.inputs["Strength"].default_value = 1.0
    assert_close(render(scene, folder / "full.exr"), styled(plain, "wide"))


def style_away_and_back(folder: Path) -> None:
    """A style that is not installed stays chosen, by name, and works again when it is back."""
    load_addon()
    styles = folder / "styles"
    shutil.copytree(FIXTURES, styles)
    (styles / "broken.onnx").write_bytes(b"not a style")
    os.environ["GAN_STYLE_PATH"] = str(styles)
    scene = make_scene()
    plain = render(scene, folder / "plain.exr")
    node = insert_style(scene.compositing_node_group, "swap")
    library = sys.modules["gan_style.addon.library"]
    assert library.installed()["broken"].error and library.installed()["swap"].style.name == "Swap"
    (styles / "swap.onnx").rename(folder / "swap.onnx")
    assert node.style == "swap" and "swap" not in library.installed()
    (folder / "swap.onnx").rename(styles / "swap.onnx")
    assert_close(render(scene, folder / "swap.exr"), styled(plain, "swap"))
    node.style = "broken"
    assert node.style == "broken"


def switched_off_and_on(folder: Path) -> None:
    """unregister() takes its data along; after register() the node works as before."""
    addon = load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    insert(tree, "CompositorNodeExposure", Exposure=1.0)
    plain = render(scene, folder / "plain.exr")
    insert_style(tree, "wide", Strength=0.5)
    half = render(scene, folder / "half.exr")
    assert our_handlers()
    addon.unregister()
    assert our_handlers() == []
    assert [n for n in tree.nodes if n.label == "GAN Style Trigger"] == []
    assert not hasattr(bpy.types, "CompositorNodeGANStyle")
    assert [s.name for s in bpy.data.scenes] == ["Scene"]
    addon.register()
    assert_close(render(scene, folder / "again.exr"), half)
    assert [run.network_ran for run in addon.addon.run.log.last_runs()] == [True], "a frame was remembered meanwhile"
    assert_close(half, plain + 0.5 * (styled(plain, "wide") - plain), 1e-5)


def menu_names_the_node(_folder: Path) -> None:
    """The entry of the Add menu, drawn into a stand-in for Blender's layout, which exists only with a window."""
    load_addon()
    module = sys.modules["gan_style.addon.ui.node"]
    assert any(draw is module._draw_menu for draw in getattr(bpy.types, module.MENU)._dyn_ui_initialize())

    class Stand:
        def __init__(self, tree_type: str):
            self.layout, self.space_data, self.tree_type, self.entries = self, self, tree_type, []

        def operator(self, name: str, text: str) -> "Stand":
            self.entries.append((name, text))
            return self

    compositor, shader = Stand("CompositorNodeTree"), Stand("ShaderNodeTree")
    module._draw_menu(compositor, compositor)
    module._draw_menu(shader, shader)
    assert compositor.entries == [("node.add_node", "GAN Style")] and compositor.type == "CompositorNodeGANStyle"
    assert shader.entries == []


if __name__ == "__main__":
    run_case(globals())
