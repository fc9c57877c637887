"""The data behind the nodes: one node's trouble stays its own, trees may be large or odd, and edits cost next to nothing."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import (
    FIXTURES,
    assert_close,
    assert_swapped,
    hidden_scene,
    in_a_window,
    insert,
    insert_style,
    is_ours,
    load_addon,
    make_scene,
    module,
    new_group,
    render,
    run_case,
    second_scene,
    start_over,
    styled,
)

from core.exr import write_exr
from tests.effort import calls


def plans(scene: bpy.types.Scene) -> dict[str, object]:
    """The plans of a scene after a sync, by node."""
    module("trees.keep_in_sync").sync()
    return {plan.node: plan for plan in module("trees.hidden_scenes").plans(scene)}


def link_that_leads_nowhere(folder: Path) -> None:
    """One in a folder of styles is a broken style; all others work."""
    load_addon()
    scene = make_scene()
    (folder / "gone.onnx").symlink_to(folder / "nothing.onnx")
    os.environ["GAN_STYLE_PATH"] = f"{FIXTURES}{os.pathsep}{folder}"
    try:
        node = insert_style(scene.compositing_node_group, "swap")
        assert_swapped(scene, node, folder)
        node.style = "gone"
        assert "can't be read" in module("library").installed()["gone"].error
    finally:
        os.environ["GAN_STYLE_PATH"] = str(FIXTURES)


def names_of_files(folder: Path) -> None:
    """Styles have any name that is text; one that is none, as out of an archive in Latin-1, is one broken style."""
    load_addon()
    scene = make_scene()
    names = ["a\nb", "q'u\"o te", "%s {0} $HOME", "ünïcode 日本"]
    for name in names:
        shutil.copy(FIXTURES / "swap.onnx", folder / f"{name}.onnx")
    os.environ["GAN_STYLE_PATH"] = f"{FIXTURES}{os.pathsep}{folder}"
    library = module("library")
    try:
        node = insert_style(scene.compositing_node_group, "swap")
        for name in names:
            node.style = name
            assert_swapped(scene, node, folder)
        if sys.platform != "linux":  # the other systems have no such files
            return
        broken = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.onnx"))
        shutil.copy(FIXTURES / "swap.onnx", broken)
        assert "rename the file" in library.installed()["caf?"].error
        assert_swapped(scene, node, folder)
        try:
            library.install(broken)
        except ValueError as error:
            assert "rename the file" in str(error)
        else:
            raise AssertionError("installed")
    finally:
        os.environ["GAN_STYLE_PATH"] = str(FIXTURES)


def links_in_a_circle(folder: Path) -> None:
    """Two reroutes, a group and a reroute, and two nodes that feed each other: nothing comes out of them, and that is said."""
    load_addon()
    scene = start_over()
    tree = scene.compositing_node_group
    node = insert_style(tree, "swap")
    other = insert_style(tree, "wide")
    tree.links.new(node.outputs["Image"], tree.nodes["Group Output"].inputs[0])
    assert_swapped(scene, node, folder)
    first, second = (tree.nodes.new("NodeReroute") for _ in range(2))
    group = tree.nodes.new("CompositorNodeGroup")
    group.node_tree = new_group("Circle")
    tree.links.new(first.outputs[0], second.inputs[0])
    tree.links.new(second.outputs[0], first.inputs[0])
    tree.links.new(group.outputs[0], group.inputs[0])
    assert "wide" not in [plan.style for plan in plans(scene).values()], "nothing uses that node yet"
    viewer = tree.nodes.new("CompositorNodeViewer")
    tree.links.new(other.outputs["Image"], viewer.inputs[0])
    for feed in (second, group):
        tree.links.new(feed.outputs[0], other.inputs["Image"])
        found = plans(scene)
        assert "connected to the input Image" in found[other.name].problem and not found[node.name].problem
    tree.links.new(second.outputs[0], node.inputs["Mask"])
    assert not plans(scene)[node.name].problem


def deep_and_long(folder: Path) -> None:
    """A row of 1,200 reroutes, and groups in groups that Python could not follow by calling itself."""
    load_addon()
    scene = start_over()
    tree = scene.compositing_node_group
    limit = sys.getrecursionlimit()
    group = new_group("Innermost")
    node = insert_style(group, "swap")
    for depth in range(12):
        outer = new_group(f"Around {depth}")
        user = outer.nodes.new("CompositorNodeGroup")
        user.node_tree = group
        entry, target = (next(n for n in outer.nodes if n.bl_idname == kind) for kind in ("NodeGroupInput", "NodeGroupOutput"))
        feed = entry.outputs[0]
        for _ in range(100):
            reroute = outer.nodes.new("NodeReroute")
            outer.links.new(feed, reroute.inputs[0])
            feed = reroute.outputs[0]
        outer.links.new(feed, user.inputs[0])
        outer.links.new(user.outputs[0], target.inputs[0])
        group = outer
    user = tree.nodes.new("CompositorNodeGroup")
    user.node_tree = group
    tree.links.new(tree.nodes["Render Layers"].outputs[0], user.inputs[0])
    tree.links.new(user.outputs[0], tree.nodes["Group Output"].inputs[0])
    try:
        sys.setrecursionlimit(60)
        found = plans(scene)
    finally:
        sys.setrecursionlimit(limit)
    assert [plan.problem for plan in found.values()] == [""]
    assert_swapped(scene, node, folder)


def groups_in_two_uses_each(folder: Path) -> None:
    """Twenty groups, each of which uses the next one twice: a million ways to the node, and a sentence at once."""
    load_addon()
    scene = start_over()
    group = new_group("Innermost")
    insert_style(group, "swap")
    for depth in range(20):
        outer = new_group(f"Around {depth}")
        for _ in range(2):
            insert_after(outer, group)
        group = outer
    insert_after(scene.compositing_node_group, group)
    found = {}
    assert calls(lambda: found.update(plans(scene))) < 50_000
    assert "more than 64" in found["GAN Style"].problem


def insert_after(tree: bpy.types.NodeTree, group: bpy.types.NodeTree) -> None:
    user = tree.nodes.new("CompositorNodeGroup")
    user.node_tree = group
    output = tree.nodes["Group Output"].inputs[0]
    tree.links.new(output.links[0].from_socket, user.inputs[0])
    tree.links.new(user.outputs[0], output)


def one_nodes_trouble(folder: Path) -> None:
    """Whatever goes wrong with one node is shown on that node, and the other one runs."""
    load_addon()
    scene = start_over()
    tree = scene.compositing_node_group
    good, bad = insert_style(tree, "swap"), insert_style(tree, "wide")
    tree.links.new(good.outputs["Image"], tree.nodes["Group Output"].inputs[0])
    tree.links.new(good.outputs["Image"], bad.inputs["Image"])
    tree.links.new(bad.outputs["Image"], tree.nodes.new("CompositorNodeViewer").inputs[0])
    group = module("trees.node_group")
    separate = group.separate

    def fail(node: bpy.types.Node, *arguments: object) -> None:
        if node == bad:
            raise ZeroDivisionError
        separate(node, *arguments)

    group.separate = fail
    try:
        found = plans(scene)
    finally:
        group.separate = separate
    assert not found[good.name].problem and "unexpected" in found[bad.name].problem
    assert module("trees.hidden_scenes").problem(bad) == found[bad.name].problem
    assert not any(plan.problem for plan in plans(scene).values())


def no_old_picture(folder: Path) -> None:
    """As in a window, where nothing ends Blender: after an error nobody foresaw, the next render is not the last picture."""
    load_addon()
    scene = start_over()
    tree = scene.compositing_node_group
    before = insert(tree, "CompositorNodeExposure")
    plain = render(scene, folder / "plain.exr")
    node = insert_style(tree, "swap")
    first = render(scene, folder / "first.exr")
    before.inputs["Exposure"].default_value = 2.0
    hidden, blocks = module("trees.hidden_scenes"), module("trees.blocks")
    for place in ("ensure_scene", "ensure_trigger", "find"):

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        with in_a_window(), patch.object(blocks, place, fail):
            got = render(scene, folder / "second.exr")
        assert np.abs(got - first).max() > 0.1, place
        assert_close(got, plain * np.float32([4, 4, 4, 1]), 1e-5)
        assert "unexpected" in hidden.problem(node)
        assert_close(render(scene, folder / "third.exr"), styled(plain * np.float32([4, 4, 4, 1]), "swap"), 1e-5)
        assert not hidden.problem(node)


def unknown_node(folder: Path) -> None:
    """One of an add-on that is away, linked and not: from Blender 5.1 on it keeps nothing from running."""
    load_addon()
    if bpy.app.version < (5, 1, 0):
        return
    scene = start_over()
    kind = type("Foreign", (bpy.types.CompositorNodeCustomGroup,), {"bl_idname": "Foreign", "bl_label": "Foreign"})
    bpy.utils.register_class(kind)
    tree = scene.compositing_node_group
    for _ in range(2):
        foreign = tree.nodes.new("Foreign")
        foreign.node_tree = new_group("Look")
    tree.links.new(tree.nodes["Render Layers"].outputs["Image"], foreign.inputs[0])
    tree.links.new(foreign.outputs[0], tree.nodes.new("CompositorNodeViewer").inputs[0])
    bpy.utils.unregister_class(kind)
    assert_swapped(scene, insert_style(tree, "swap"), folder)


def braces_in_the_temporary_folder(folder: Path) -> None:
    """Blender expands what stands in braces, and # to numbers, in the paths of its File Output nodes."""
    load_addon()
    temporary, shared = module("temp_folder"), tempfile.tempdir
    for name in ("a{x}b", "{blend_name}", "a{{b", "##_#", "50 % %04d ü"):
        (folder / name).mkdir()
        scene = start_over()
        temporary.remove_folder()
        tempfile.tempdir, os.environ["TMPDIR"] = str(folder / name), str(folder / name)
        try:
            assert_swapped(scene, insert_style(scene.compositing_node_group, "swap"), folder)
            assert temporary.folder().parent == folder / name
        finally:
            tempfile.tempdir = shared
            del os.environ["TMPDIR"]
            temporary.remove_folder()


def infinite_pixels(folder: Path) -> None:
    """Infinite values and those that are no numbers don't come through the node, whatever its strength, nor spread in a blur."""
    load_addon()
    scene = start_over()
    tree = scene.compositing_node_group
    pixels = np.full((45, 60, 4), 0.5, np.float32)
    pixels[..., 3] = np.linspace(0.5, 1, 60)
    pixels[9, 9, 0], pixels[20, 20, 1], pixels[30, 40, :3], pixels[12, 50, 2] = np.inf, -np.inf, np.nan, 1e5
    write_exr(folder / "wild.exr", {"image": pixels})
    source = tree.nodes.new("CompositorNodeImage")
    source.image = bpy.data.images.load(str(folder / "wild.exr"))
    source.image.alpha_mode = "PREMUL"
    tree.links.new(source.outputs["Image"], tree.nodes["Group Output"].inputs[0])
    node = insert_style(tree, "swap")
    tame = np.isfinite(pixels).all(-1)
    for strength in (1.0, 0.5, 0.0):
        node.inputs["Strength"].default_value = strength
        got = render(scene, folder / "got.exr")
        assert np.isfinite(got).all(), strength
        mixed = pixels[tame] + strength * (pixels[tame][:, [2, 1, 0, 3]] - pixels[tame])
        assert_close(got[tame], mixed, 1e-5)
        if strength == 1.0:
            assert_close(got, styled(pixels, "swap"), 1e-5)
    node.inputs["Strength"].default_value = 1.0
    blur = insert(tree, "CompositorNodeBlur")
    blur.inputs["Size"].default_value = (3, 3)
    assert np.isfinite(render(scene, folder / "blurred.exr")).all()


def hidden_scenes_keep_out_of_the_way(folder: Path) -> None:
    """The artist's scenes come first and are never taken for ours; windows leave ours, be the last of the artist's deleted."""
    load_addon()
    scene = start_over()
    window = bpy.context.window_manager.windows[0]
    for name in (".GAN Style Shot 7", ".GAN Style Trigger", "\u30b7\u30fc\u30f3", "\U0001f3a8 sketch"):
        second_scene(name, (20, 10))
    names = {s.name for s in bpy.data.scenes}
    insert_style(scene.compositing_node_group, "swap")
    for _ in range(2):
        render(scene, folder / "frame.exr")
    assert [is_ours(s) for s in bpy.data.scenes] == [False] * 5 + [True] * 2
    assert {s.name for s in bpy.data.scenes if not is_ours(s)} == names
    idle = module("trees.keep_in_sync")._when_idle
    while artists := [s for s in bpy.data.scenes if not is_ours(s)]:
        window.scene = artists[-1]
        with bpy.context.temp_override(window=window, scene=artists[-1]):
            bpy.ops.scene.delete()
        idle()
        assert not is_ours(window.scene)
        if len(artists) == 1:
            break
    assert [s.name for s in bpy.data.scenes if not is_ours(s)] == [window.scene.name]
    window.scene = hidden_scene("trigger")  # by the menu
    idle()
    assert not is_ours(window.scene)


def other_marks_and_old_files(folder: Path) -> None:
    """The hidden scenes of a file of version 0.1.0, which are told by name and engine, give way."""
    load_addon()
    scene = start_over()
    tree = scene.compositing_node_group
    old = bpy.data.scenes.new(".GAN Style Trigger")
    old.render.engine = "GAN_STYLE_TRIGGER"
    trigger = tree.nodes.new("CompositorNodeRLayers")
    trigger.scene, trigger.label = old, "GAN Style Trigger"
    node = insert_style(tree, "swap")
    assert_swapped(scene, node, folder)
    assert [is_ours(s) for s in bpy.data.scenes] == [False, True, True]
    assert len([n for n in tree.nodes if n.label == "GAN Style Trigger"]) == 1


def passes_through_in_viewports(folder: Path) -> None:
    """In what a viewport evaluates, also after a frame change, the node lets its image through; not in renders."""
    load_addon()
    scene = start_over()
    node = insert_style(scene.compositing_node_group, "swap")
    plans(scene)
    for frame in (1, 2, 3):
        if frame == 2:
            node.inputs["Strength"].default_value = 0.9
            bpy.context.view_layer.update()
        else:
            scene.frame_set(frame)
        seen = scene.evaluated_get(bpy.context.evaluated_depsgraph_get()).compositing_node_group
        assert seen.nodes[node.name].node_tree.nodes["Mix"].mute
        assert not node.node_tree.nodes["Mix"].mute
    node.inputs["Strength"].default_value = 1.0
    assert_swapped(scene, node, folder)


def edits_of_large_trees(folder: Path) -> None:
    """With 400 nodes beside or before it, an edit of a value makes nothing anew and costs next to nothing; others, nothing."""
    load_addon()
    scene = start_over()
    tree = scene.compositing_node_group
    hidden, copies = module("trees.hidden_scenes"), module("trees.inputs_scene")
    feed = tree.nodes["Render Layers"].outputs["Image"]
    for index in range(400):
        other = tree.nodes.new("CompositorNodeExposure")
        if index % 2:
            tree.links.new(feed, other.inputs["Image"])
            feed = other.outputs["Image"]
    tree.links.new(feed, tree.nodes["Group Output"].inputs[0])
    insert_style(tree, "swap")
    plans(scene)
    made = dict(copies._copies)
    other.inputs["Exposure"].default_value = 1.0
    insert(tree, "CompositorNodeExposure")  # behind the node
    bpy.context.view_layer.update()
    plans(scene)
    assert copies._copies == made and all(copies._copies[name] is made[name] for name in made)
    assert calls(hidden.is_outdated) < 20 * len(tree.nodes)
    assert not hidden.is_outdated()
    assert calls(lambda: hidden.is_outdated(edited=False)) < 100
    other.mute = True
    assert hidden.is_outdated()


if __name__ == "__main__":
    run_case(globals())
