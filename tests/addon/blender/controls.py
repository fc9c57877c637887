"""Controls of a style on the node: sliders, links and keyframes, in background."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import FIXTURES, assert_close, insert_style, load_addon, make_scene, render, render_frames, run_case

from core import Generator, load_style, stylize

FRAMES = 3


def controlled(image: np.ndarray, **values: object) -> np.ndarray:
    return stylize(Generator(load_style(FIXTURES / "controlled.onnx")), {"image": image}, controls=values)


def sliders_and_their_ranges(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    plain = render(scene, folder / "plain.exr")
    node = insert_style(scene.compositing_node_group, "controlled")
    items = {i.name: i for i in node.node_tree.interface.items_tree if i.in_out == "INPUT"}
    amount = items["Amount"]
    assert (amount.min_value, amount.max_value, amount.default_value, amount.subtype) == (0, 4, 1, "FACTOR")
    assert "How bright the image is" in amount.description and "Per frame" in items["Lift"].description
    assert [o.name for o in node.outputs if not o.hide] == ["Image"]
    assert_close(render(scene, folder / "default.exr"), controlled(plain), 1e-5)
    node.inputs["Amount"].default_value, node.inputs["Lift"].default_value = 2.5, 0.25
    assert_close(render(scene, folder / "set.exr"), controlled(plain, amount=2.5, lift=0.25), 1e-5)


def a_link_is_a_value_for_each_pixel(folder: Path) -> None:
    """A matte that lies in the middle, soft at its borders, as a ramp or a Cryptomatte would."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    plain = render(scene, folder / "plain.exr")
    node = insert_style(tree, "controlled")
    matte = tree.nodes.new("CompositorNodeEllipseMask")
    blur = tree.nodes.new("CompositorNodeBlur")
    blur.inputs["Size"].default_value = (8, 8)
    tree.links.new(matte.outputs["Mask"], blur.inputs["Image"])
    tree.links.new(blur.outputs["Image"], node.inputs["Amount"])
    value = tree.nodes.new("ShaderNodeValue")
    value.outputs[0].default_value = 0.5
    tree.links.new(value.outputs[0], node.inputs["Lift"])
    got = render(scene, folder / "matte.exr")
    mask = tree.nodes["Group Output"].inputs[0]
    tree.links.new(blur.outputs["Image"], mask)
    plane = render(scene, folder / "mask.exr")[..., :1].copy()
    assert plane.min() == 0 and plane.max() > 0.5 and len(np.unique(plane)) > 10
    assert_close(got, controlled(plain, amount=plane, lift=0.5), 1e-4)


def keyframes_and_drivers_reach_each_frame(folder: Path) -> None:
    load_addon()
    scene = make_scene(frames=FRAMES)
    plain = render_frames(scene, folder / "plain")
    node = insert_style(scene.compositing_node_group, "controlled")
    for frame in range(1, FRAMES + 1):
        node.inputs["Amount"].default_value = frame
        node.inputs["Amount"].keyframe_insert("default_value", frame=frame)
    node.inputs["Lift"].driver_add("default_value").driver.expression = "frame / 8"
    for number, (got, image) in enumerate(zip(render_frames(scene, folder / "both"), plain, strict=True), 1):
        assert_close(got, controlled(image, amount=number, lift=number / 8), 1e-5)


def a_slider_that_a_script_moves_during_a_render_is_of_the_frame(folder: Path) -> None:
    load_addon()
    scene = make_scene(frames=FRAMES)
    plain = render_frames(scene, folder / "plain")
    node = insert_style(scene.compositing_node_group, "controlled")

    def move(block: bpy.types.Scene, *_: object) -> None:
        if block == scene:
            node.inputs["Amount"].default_value = block.frame_current

    bpy.app.handlers.render_pre.append(move)
    for number, (got, image) in enumerate(zip(render_frames(scene, folder / "moved"), plain, strict=True), 1):
        assert_close(got, controlled(image, amount=number), 1e-5)
    bpy.app.handlers.render_pre.remove(move)


def values_links_and_keyframes_come_back_with_their_style(folder: Path) -> None:
    """Also while a style with other inputs is chosen, whose keyframes must not become those of another socket."""
    load_addon()
    scene = make_scene(frames=FRAMES)
    tree = scene.compositing_node_group
    plain = render_frames(scene, folder / "plain")
    node = insert_style(tree, "controlled")
    value = tree.nodes.new("ShaderNodeValue")
    value.outputs[0].default_value = 0.25
    tree.links.new(value.outputs[0], node.inputs["Lift"])
    for frame in range(1, FRAMES + 1):
        node.inputs["Amount"].default_value = frame
        node.inputs["Amount"].keyframe_insert("default_value", frame=frame)
    for style in ("swap", "normal"):
        node.style = style
        assert "Amount" not in node.inputs and "Lift" not in node.inputs
        scene.frame_set(2)
        assert node.inputs["Strength"].default_value == 1.0
    node.style = "controlled"
    assert node.inputs["Lift"].is_linked and node.control_values == ""
    for number, (got, image) in enumerate(zip(render_frames(scene, folder / "again"), plain, strict=True), 1):
        assert_close(got, controlled(image, amount=number, lift=0.25), 1e-5)


def keyframes_stay_when_the_tree_changes(folder: Path) -> None:
    """The copies of the tree, which are made anew, share its action."""
    load_addon()
    scene = make_scene(frames=FRAMES)
    tree = scene.compositing_node_group
    node = insert_style(tree, "controlled")
    for frame in range(1, FRAMES + 1):
        node.inputs["Exposure"].default_value = node.inputs["Amount"].default_value = frame
        node.inputs["Exposure"].keyframe_insert("default_value", frame=frame)
        node.inputs["Amount"].keyframe_insert("default_value", frame=frame)
    before = render_frames(scene, folder / "before")
    for _ in range(3):
        reroute = tree.nodes.new("NodeReroute")
        tree.links.new(node.inputs["Image"].links[0].from_socket, reroute.inputs[0])
        tree.links.new(reroute.outputs[0], node.inputs["Image"])
        after = render_frames(scene, folder / "after")
        assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))
    assert not np.array_equal(before[0], before[1])


def a_value_stays_through_another_style_and_a_saved_file(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    plain = render(scene, folder / "plain.exr")
    node = insert_style(scene.compositing_node_group, "controlled")
    node.inputs["Amount"].default_value = 3.0
    node.style = "swap"
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    scene = bpy.data.scenes["Scene"]
    node = next(n for n in scene.compositing_node_group.nodes if n.bl_idname == "CompositorNodeGANStyle")
    node.style = "controlled"
    assert node.inputs["Amount"].default_value == 3.0
    assert_close(render(scene, folder / "again.exr"), controlled(plain, amount=3), 1e-5)


def another_value_is_another_picture_and_an_equal_one_is_remembered(folder: Path) -> None:
    addon = load_addon()
    scene = make_scene()
    node = insert_style(scene.compositing_node_group, "controlled")
    ran = []
    for value in (1.0, 2.0, 2.0, 1.0):
        node.inputs["Amount"].default_value = value
        render(scene, folder / "frame.exr")
        run = addon.addon.run.log.last_runs()[-1]
        ran.append(run.network_ran)
    assert ran[:3] == [True, True, False], ran


if __name__ == "__main__":
    run_case(globals())
