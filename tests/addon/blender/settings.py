"""Render settings that change the frame: with each, the node's picture is what the style makes of what Blender renders."""

import sys
import wave
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import (
    assert_close,
    assert_swapped,
    insert,
    insert_style,
    load_addon,
    make_scene,
    new_group,
    render,
    run_case,
    second_scene,
    styled,
)

REC2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
"""From linear Rec.709; ITU-R BT.2087-0."""


def size_and_border(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    node = insert_style(scene.compositing_node_group, "swap")
    settings = scene.render
    for settings.resolution_percentage in (50, 133):
        shape = assert_swapped(scene, node, folder).shape
        assert shape[:2] == (45 * settings.resolution_percentage // 100, 60 * settings.resolution_percentage // 100)
    settings.resolution_percentage, settings.pixel_aspect_x = 100, 2.0
    assert_swapped(scene, node, folder)
    settings.use_border = True
    settings.border_min_x, settings.border_max_x, settings.border_min_y, settings.border_max_y = 0.2, 0.7, 0.3, 0.9
    for settings.use_crop_to_border in (False, True):
        plain = assert_swapped(scene, node, folder)
        assert (plain[..., 3] > 0).sum() == 810 and (plain.shape[:2] == (27, 30)) == settings.use_crop_to_border
        node.style = "wide"
        assert_close(render(scene, folder / "wide.exr"), styled(plain, "wide"), 1e-5)
        node.style = "swap"


def film_and_compositor(folder: Path) -> None:
    """Transparent film; compositor device and precision; slots, persistent data, motion blur, time stretching, Freestyle."""
    load_addon()
    scene = make_scene(frames=3)
    tree = scene.compositing_node_group
    exposure = insert(tree, "CompositorNodeExposure")
    for frame, value in ((1, 0.0), (5, 2.0)):
        exposure.inputs["Exposure"].default_value = value
        exposure.inputs["Exposure"].keyframe_insert("default_value", frame=frame)
    node = insert_style(tree, "swap")
    settings = scene.render
    settings.film_transparent = True
    assert assert_swapped(scene, node, folder)[..., 3].min() == 0
    for settings.compositor_device in ("CPU", "GPU"):
        for settings.compositor_precision in ("AUTO", "FULL"):
            assert_swapped(scene, node, folder)
    settings.use_persistent_data = True
    for frame in (1, 2):
        scene.frame_set(frame)
        bpy.data.images["Render Result"].render_slots.active_index = frame
        assert_swapped(scene, node, folder)
    settings.use_motion_blur = True
    sharp = assert_swapped(scene, node, folder)
    settings.frame_map_old, settings.frame_map_new = 100, 150
    assert np.abs(assert_swapped(scene, node, folder) - sharp).max() > 0.1
    settings.use_freestyle = scene.view_layers[0].use_freestyle = True
    assert_swapped(scene, node, folder)


def every_second_frame(folder: Path) -> None:
    addon = load_addon()
    scene = make_scene(frames=5)
    insert_style(scene.compositing_node_group, "swap")
    scene.frame_step = 2
    scene.render.filepath = str(folder / "####.exr")
    bpy.ops.render.render(animation=True)
    assert [run.frame for run in addon.addon.run.log.last_runs()] == [1, 3, 5]
    assert sorted(p.name for p in folder.iterdir()) == ["0001.exr", "0003.exr", "0005.exr"]


def compositing_off(folder: Path) -> None:
    """What the artist switched off does not run, and is no error."""
    addon = load_addon()
    scene = make_scene()
    plain = render(scene, folder / "plain.exr")
    insert_style(scene.compositing_node_group, "swap")
    scene.render.use_compositing = False
    assert_close(render(scene, folder / "off.exr"), plain)
    scene.render.use_compositing = True
    assert not addon.addon.run.log.last_runs()
    strips = scene.sequence_editor_create().strips
    strips.new_effect("Colour", "COLOR", 1, 1, length=10).mute = True
    strips.new_sound("Sound", sound(folder / "sound.wav"), 2, 1)
    assert_close(render(scene, folder / "swap.exr"), plain[..., [2, 1, 0, 3]])


def sound(path: Path) -> str:
    """A second of silence."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    return str(path)


def scene_strips(folder: Path) -> None:
    """A scene in the video sequence of another."""
    load_addon()
    scene = make_scene()
    node = insert_style(scene.compositing_node_group, "swap")
    edit = second_scene("Edit", (60, 45))
    edit.sequence_editor_create().strips.new_scene("Strip", scene, 1, 1)
    assert_swapped(edit, node, folder)


def strips_with_nodes(folder: Path) -> None:
    """Nothing calls the add-on for trees in the video sequence: such strips are found, and the node lets the image through."""
    if bpy.app.version < (5, 2, 0):  # 5.0 crashes when a script adds the modifier
        return
    load_addon()
    scene = make_scene()
    strip = scene.sequence_editor_create().strips.new_effect("Colour", "COLOR", 1, 1, length=10)
    group = new_group("Look")
    insert_style(group, "swap")
    strip.modifiers.new("Look", "COMPOSITOR").node_group = group
    bpy.context.view_layer.update()
    stage = sys.modules["gan_style.addon.trees.hidden_scenes"]
    assert stage.strips_with_style(scene) == ["Colour"]
    assert group.nodes["GAN Style"].node_tree.nodes["Mix"].mute
    scene.render.use_sequencer = False
    assert stage.strips_with_style(scene) == []


def working_spaces(folder: Path) -> None:
    """The style gets linear Rec.709 and its result becomes the file's own space again."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    for space in ("Linear Rec.2020", "ACEScg"):
        bpy.ops.wm.set_working_color_space(working_space=space, convert_colors=True)
        tree.links.new(tree.nodes["Render Layers"].outputs["Image"], tree.nodes["Group Output"].inputs[0])
        plain = render(scene, folder / "plain.exr")
        insert_style(tree, "swap")
        once = render(scene, folder / "once.exr")
        insert_style(tree, "swap")
        assert_close(render(scene, folder / "twice.exr"), plain, 1e-5)
        if space == "Linear Rec.2020":
            rgb = plain[..., :3] @ np.linalg.inv(REC2020).T
            assert_close(once[..., :3], np.float32(rgb[..., ::-1] @ REC2020.T), 1e-3)


def passes_in_working_spaces(folder: Path) -> None:
    """What is no colour reaches the style as it is, and colours in linear Rec.709, whatever the file's space."""
    load_addon()
    scene = make_scene()
    node = insert_style(scene.compositing_node_group, "guided")
    frames, seen = sys.modules["gan_style.addon.run.run_nodes"], {}
    capture = frames.capture
    frames.capture = lambda *a: seen.setdefault(bpy.data.colorspace.working_space, capture(*a))
    try:
        for space in ("Linear Rec.709", "Linear Rec.2020", "ACEScg"):
            bpy.ops.wm.set_working_color_space(working_space=space, convert_colors=True)
            with bpy.context.temp_override(node=node):
                bpy.ops.gan_style.link_passes()
            render(scene, folder / "frame.exr")
    finally:
        frames.capture = capture
    expected = seen.pop("Linear Rec.709")
    assert len(seen) == 2 and len(expected) == 6
    for passes in seen.values():
        for name, array in expected.items():
            if name != "image":  # light that bounces off colours is another one in each space
                assert_close(passes[name], array, 1e-4)
        assert np.abs(passes["normal"]).max() > 0.9 and passes["albedo"].max() > 0.5


if __name__ == "__main__":
    run_case(globals())
