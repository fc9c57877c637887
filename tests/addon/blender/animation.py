"""Animations in background: each frame is made from its own passes and its own values of keyframed nodes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import (
    FIXTURES,
    assert_close,
    assert_swapped,
    insert,
    insert_group,
    insert_style,
    load_addon,
    make_scene,
    module,
    new_group,
    render_frames,
    run_case,
    styled,
)

from core import Generator, load_style, stylize
from core.kept_colours import keep_colours

FRAMES = 3


def each_frame_its_own(folder: Path) -> None:
    addon = load_addon()
    scene = make_scene(frames=FRAMES)
    plain = render_frames(scene, folder / "plain")
    assert np.abs(plain[0] - plain[1]).max() > 0.1 and np.abs(plain[1] - plain[2]).max() > 0.1
    insert_style(scene.compositing_node_group, "wide")
    result = render_frames(scene, folder / "wide")
    for got, image in zip(result, plain, strict=True):
        assert_close(got, styled(image, "wide"))
    assert [run.frame for run in addon.addon.run.log.last_runs()] == [1, 2, 3]


def keyframes_before_and_after(folder: Path) -> None:
    """Keyframed nodes on both sides; their keys are still there afterwards."""
    load_addon()
    scene = make_scene(frames=FRAMES)
    tree = scene.compositing_node_group
    before = insert(tree, "CompositorNodeExposure")
    for frame in range(1, FRAMES + 1):
        before.inputs["Exposure"].default_value = frame - 1.0
        before.inputs["Exposure"].keyframe_insert("default_value", frame=frame)
    plain = render_frames(scene, folder / "plain")
    insert_style(tree, "wide")
    after = insert(tree, "CompositorNodeExposure")
    for frame in range(1, FRAMES + 1):
        after.inputs["Exposure"].default_value = 1.0 - frame
        after.inputs["Exposure"].keyframe_insert("default_value", frame=frame)
    result = render_frames(scene, folder / "both")
    again = render_frames(scene, folder / "again")
    for frame, (got, repeated, image) in enumerate(zip(result, again, plain, strict=True)):
        factor = np.float32([2.0**-frame] * 3 + [1])
        assert_close(got, styled(image, "wide") * factor)
        assert (got == repeated).all()


def strength_keyframed(folder: Path) -> None:
    load_addon()
    scene = make_scene(frames=FRAMES)
    plain = render_frames(scene, folder / "plain")
    node = insert_style(scene.compositing_node_group, "swap")
    for frame in range(1, FRAMES + 1):
        node.inputs["Strength"].default_value = (frame - 1) / 2
        node.inputs["Strength"].keyframe_insert("default_value", frame=frame)
    for index, (got, image) in enumerate(zip(render_frames(scene, folder / "swap"), plain, strict=True)):
        assert_close(got, image + index / 2 * (styled(image, "swap") - image), 1e-5)


def exposure_keyframed(folder: Path) -> None:
    load_addon()
    scene = make_scene(frames=FRAMES)
    plain = render_frames(scene, folder / "plain")
    node = insert_style(scene.compositing_node_group, "tone")
    for frame in range(1, FRAMES + 1):
        node.inputs["Exposure"].default_value = 2.0 * frame - 4
        node.inputs["Exposure"].keyframe_insert("default_value", frame=frame)
    for gain, got, image in zip((0.25, 1, 4), render_frames(scene, folder / "tone"), plain, strict=True):
        assert_close(got[..., :3], np.log1p(image[..., :3] * gain) / gain, 1e-5)


def scale_typed_keyframed_and_linked(folder: Path) -> None:
    """Strokes of another size: as typed, as keyframed, as linked; nodes of files made before there was a scale get the input."""
    load_addon()
    scene = make_scene(frames=FRAMES)
    tree = scene.compositing_node_group
    plain = render_frames(scene, folder / "plain")
    node = insert_style(tree, "wide")
    interface = node.node_tree.interface
    for item in [item for item in interface.items_tree if item.name == "Scale"]:
        interface.remove(item)
    generator = Generator(load_style(FIXTURES / "wide.onnx"), "cpu")

    def check(name: str, scales: tuple[float, ...]) -> None:
        for got, image, scale in zip(render_frames(scene, folder / name), plain, scales, strict=True):
            assert_close(got, stylize(generator, {"image": image}, scale=scale), 1e-3)

    check("default", (1.0,) * FRAMES)
    node.inputs["Scale"].default_value = 2.0
    check("typed", (2.0,) * FRAMES)
    value = tree.nodes.new("ShaderNodeValue")
    value.outputs[0].default_value = 3.0
    link = tree.links.new(value.outputs[0], node.inputs["Scale"])
    check("linked", (3.0,) * FRAMES)
    tree.links.remove(link)
    for frame, scale in enumerate((1.0, 2.0, 0.5), 1):
        node.inputs["Scale"].default_value = scale
        node.inputs["Scale"].keyframe_insert("default_value", frame=frame)
    check("keyframed", (1.0, 2.0, 0.5))


def colours_kept_typed_keyframed_and_linked(folder: Path) -> None:
    """As numbers and as a picture; the network does not run again for them. Nodes of files made before get the input, at 0."""
    addon = load_addon()
    scene = make_scene(frames=FRAMES)
    tree = scene.compositing_node_group
    plain = render_frames(scene, folder / "plain")
    node = insert_style(tree, "swap")
    interface = node.node_tree.interface
    for item in [item for item in interface.items_tree if item.name == "Keep Colours"]:
        interface.remove(item)

    def check(name: str, shares: tuple) -> None:
        for got, image, share in zip(render_frames(scene, folder / name), plain, shares, strict=True):
            assert_close(got, keep_colours(image, styled(image, "swap"), share), 1e-4)

    check("default", (0.0,) * FRAMES)
    assert "keep_colours" not in sys.modules["gan_style.addon.trees.hidden_scenes"].plans(scene)[0].inputs
    node.inputs["Keep Colours"].default_value = 1.0
    check("typed", (1.0,) * FRAMES)
    assert not addon.addon.run.log.last_runs()[-1].error
    matte = tree.nodes.new("CompositorNodeEllipseMask")
    link = tree.links.new(matte.outputs["Mask"], node.inputs["Keep Colours"])
    inside = np.s_[20:25, 28:32]
    for got, image in zip(render_frames(scene, folder / "linked"), plain, strict=True):
        assert_close(got[inside], keep_colours(image, styled(image, "swap"), 1.0)[inside], 1e-4)
        assert_close(got[:3], styled(image, "swap")[:3], 1e-4)
    tree.links.remove(link)
    for frame, share in enumerate((0.0, 0.5, 1.0), 1):
        node.inputs["Keep Colours"].default_value = share
        node.inputs["Keep Colours"].keyframe_insert("default_value", frame=frame)
    check("keyframed", (0.0, 0.5, 1.0))
    tree.animation_data_clear()
    ran = []
    for share in (0.25, 0.75, 0.75):
        node.inputs["Keep Colours"].default_value = share
        scene.frame_set(3)
        bpy.ops.render.render()
        ran.append(addon.addon.run.log.last_runs()[-1])
    assert not any(run.network_ran for run in ran[1:]) and [run.cached for run in ran[1:]] == [True, False]


def style_keyframed(folder: Path) -> None:
    """The look changes at a frame: by keyframes, by a strip of them, by a driver; the file's node keeps its own."""
    addon = load_addon()
    scene = make_scene(frames=FRAMES)
    tree = scene.compositing_node_group
    plain = render_frames(scene, folder / "plain")
    node = insert_style(tree, "swap")
    looks = ["wide", "tone", "swap"]
    expected = [styled(image, style) for image, style in zip(plain, looks, strict=True)]
    for frame, style in enumerate(looks, 1):
        node.style = style
        node.keyframe_insert("style", frame=frame)

    def check(name: str) -> None:
        for got, image in zip(render_frames(scene, folder / name), expected, strict=True):
            assert_close(got, image, 1e-5)
        assert [run.style for run in addon.addon.run.log.last_runs()][-FRAMES:] == looks

    check("keys")
    scene.frame_set(2)
    assert node.style == "tone"
    strip = tree.animation_data.nla_tracks.new().strips.new("Looks", 1, tree.animation_data.action)
    assert strip.action_slot is not None
    tree.animation_data.action = None
    check("strip")
    tree.animation_data.nla_tracks.remove(tree.animation_data.nla_tracks[0])
    numbers = [module("library").number(style) for style in looks]
    node.driver_add("style").driver.expression = f"({numbers[0]}, {numbers[1]}, {numbers[2]})[int(frame) - 1]"
    check("driver")


def style_keyframed_in_a_group_with_guides(folder: Path) -> None:
    """Styles that need other passes than each other, in a group; the node has the inputs of all of them."""
    load_addon()
    scene = make_scene(frames=FRAMES)
    tree = scene.compositing_node_group
    group = new_group("Look")
    node = insert_style(group, "swap")
    insert_group(tree, group)
    for frame, style in ((1, "swap"), (2, "normal")):
        node.style = style
        node.keyframe_insert("style", frame=frame)
    node.style = "swap"
    module("trees.keep_in_sync").sync()
    with bpy.context.temp_override(node=node):
        bpy.ops.gan_style.link_passes()
    assert node.inputs["Normal"].is_linked
    node.mute = True
    plain = render_frames(scene, folder / "plain")
    node.mute = False
    first, second, third = render_frames(scene, folder / "looks")
    assert_close(first, styled(plain[0], "swap"))
    for got, image in ((second, plain[1]), (third, plain[2])):
        assert np.abs(got - styled(image, "swap")).max() > 0.1 and np.abs(got - image).max() > 0.1


def values_set_by_handlers(folder: Path) -> None:
    """What scripts set before or during a render reaches the network in the same frame: before the node, and in the node.

    Blender itself composites such values a frame late.
    """
    load_addon()
    scene = make_scene(frames=FRAMES)
    scene.render.compositor_precision = "FULL"
    tree = scene.compositing_node_group
    plain = render_frames(scene, folder / "plain")
    exposure, curves = insert(tree, "CompositorNodeExposure"), insert(tree, "CompositorNodeCurveRGB")
    node = insert_style(tree, "wide")
    looks = ("wide", "tone", "swap")

    def set_values(block: bpy.types.Scene, *_: object) -> None:
        exposure.inputs["Exposure"].default_value = block.frame_current - 1.0
        curves.mapping.curves[3].points[1].location = 1.0, 0.5 + block.frame_current / 10
        node.inputs["Exposure"].default_value = block.frame_current - 2.0
        node.style = looks[block.frame_current - 1]

    for hook in ("render_init", "frame_change_pre", "frame_change_post", "render_pre"):
        scene.frame_set(2)
        getattr(bpy.app.handlers, hook).append(set_values)
        results = render_frames(scene, folder / hook)
        getattr(bpy.app.handlers, hook).remove(set_values)
        for frame, (got, image) in enumerate(zip(results, plain, strict=True), 1):
            frame = 2 if hook == "render_init" else frame
            brighter = image * np.float32([2 ** (frame - 1) * (0.5 + frame / 10)] * 3 + [1])
            generator = Generator(load_style(FIXTURES / f"{looks[frame - 1]}.onnx"))
            assert_close(got, stylize(generator, {"image": brighter}, exposure=frame - 2.0), 1e-3)


def size_set_by_handlers(folder: Path) -> None:
    """Blender reads the size once for an animation; a script that changes it in between changes nothing."""
    load_addon()
    scene = make_scene(frames=FRAMES)
    plain = render_frames(scene, folder / "plain")
    insert_style(scene.compositing_node_group, "swap")
    sizes = {1: (100, 60), 2: (50, 60), 3: (100, 80)}

    def set_size(block: bpy.types.Scene, *_: object) -> None:
        block.render.resolution_percentage, block.render.resolution_x = sizes[block.frame_current]

    for hook in ("frame_change_pre", "render_pre"):
        getattr(bpy.app.handlers, hook).append(set_size)
        results = render_frames(scene, folder / hook)
        getattr(bpy.app.handlers, hook).remove(set_size)
        scene.render.resolution_percentage, scene.render.resolution_x = 100, 60
        for got, image in zip(results, plain, strict=True):
            assert_close(got, styled(image, "swap"))


def denoise_of_the_scene(folder: Path) -> None:
    """A Denoise node that follows the scene's settings denoises for the style as it does for the picture."""
    load_addon()
    scene = make_scene()
    denoise = insert(scene.compositing_node_group, "CompositorNodeDenoise")
    denoise.inputs["Quality"].default_value = "Follow Scene"
    node = insert_style(scene.compositing_node_group, "swap")
    for scene.render.compositor_denoise_final_quality in ("FAST", "HIGH"):
        assert_swapped(scene, node, folder)


if __name__ == "__main__":
    run_case(globals())
