"""The data behind the nodes: one node's trouble stays its own, trees may be large or odd, and edits cost next to nothing."""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import (
    FIXTURES,
    assert_close,
    assert_swapped,
    insert,
    insert_style,
    load_addon,
    make_scene,
    new_group,
    render,
    run_case,
    start_over,
    styled,
)


def module(name: str):
    return sys.modules[f"gan_style.addon.{name}"]


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
    began = time.perf_counter()
    assert "used several times" in plans(scene)["GAN Style"].problem
    assert time.perf_counter() - began < 2


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
    renders, hidden, blocks = (module(name) for name in ("run.in_renders", "trees.hidden_scenes", "trees.blocks"))
    app = SimpleNamespace(background=False, is_job_running=lambda _: False)
    for place in ("ensure_scene", "ensure_trigger", "find"):
        kept, renders.bpy = getattr(blocks, place), SimpleNamespace(app=app, types=bpy.types)

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        setattr(blocks, place, fail)
        try:
            got = render(scene, folder / "second.exr")
        finally:
            setattr(blocks, place, kept)
            renders.bpy = bpy
        assert np.abs(got - first).max() > 0.1, place
        assert_close(got, plain * np.float32([4, 4, 4, 1]), 1e-5)
        assert "unexpected" in hidden.problem(node)
        assert_close(render(scene, folder / "third.exr"), styled(plain * np.float32([4, 4, 4, 1]), "swap"), 1e-5)
        assert not hidden.problem(node)


if __name__ == "__main__":
    run_case(globals())
