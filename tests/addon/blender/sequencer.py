"""The video sequencer: strips of a scene that has the node work; modifiers and strips with a tree let the image through."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import (
    assert_close,
    insert_group,
    insert_style,
    load_addon,
    make_scene,
    module,
    new_group,
    render_frames,
    run_case,
)


def edit_of(source: bpy.types.Scene, frames: int) -> tuple[bpy.types.Scene, bpy.types.Strip]:
    """A scene whose video sequence shows another scene."""
    scene = bpy.data.scenes.new("Edit")
    scene.frame_end = frames
    scene.render.resolution_x, scene.render.resolution_y = source.render.resolution_x, source.render.resolution_y
    scene.render.image_settings.file_format, scene.render.image_settings.color_depth = "OPEN_EXR", "32"
    scene.sequencer_colorspace_settings.name = bpy.data.colorspace.working_space
    strip = scene.sequence_editor_create().strips.new_scene("Shot", source, 1, 1)
    return scene, strip


def scene_strips(folder: Path) -> None:
    """Each frame of a strip of a stylised scene is that frame, stylised."""
    load_addon()
    scene = make_scene(frames=2)
    edit, _ = edit_of(scene, 2)
    plain = render_frames(edit, folder)
    assert np.abs(plain[0] - plain[1]).max() > 0.1
    node = insert_style(scene.compositing_node_group, "swap")
    for image, shown in zip(plain, render_frames(edit, folder), strict=True):
        assert_close(shown, image[..., [2, 1, 0, 3]], 1e-4)
    runs = module("run.log").last_runs()
    assert [run.frame for run in runs] == [1, 2] and not any(run.error for run in runs)
    node.mute = True
    assert_close(render_frames(edit, folder)[1], plain[1], 1e-4)


def modifiers(folder: Path) -> None:
    """A modifier with the node lets the image through and says why, and never shows the picture of the compositor."""
    load_addon()
    scene = make_scene()
    edit, strip = edit_of(scene, 1)
    plain = render_frames(edit, folder)[0]
    look = new_group("Look")
    node = insert_style(look, "swap")
    bpy.context.workspace.sequencer_scene = edit  # Blender 5.0 crashes without
    modifier = strip.modifiers.new("Look", "COMPOSITOR")
    modifier.node_group = look
    keep_in_sync, hidden_scenes = module("trees.keep_in_sync"), module("trees.hidden_scenes")

    def shown() -> np.ndarray:
        """As in a window: in the background such a render ends at once, see failing.modifier_of_a_strip."""
        strips, hidden_scenes.strips_with_style = hidden_scenes.strips_with_style, lambda _scene: []
        try:
            return render_frames(edit, folder)[0]
        finally:
            hidden_scenes.strips_with_style = strips

    quick = bpy.app.version < (5, 2, 0)  # newer ones composite strips on the GPU, which takes minutes without one
    assert hidden_scenes.is_outdated(edited=False)
    keep_in_sync.sync()
    assert "Blender never calls the node in a strip" in hidden_scenes.problem(node)
    if quick:
        assert_close(shown(), plain, 1e-4)
    user = insert_group(scene.compositing_node_group, look)
    keep_in_sync.sync()
    assert "give the sequencer a copy" in hidden_scenes.plans(scene)[0].problem
    assert node.node_tree.nodes["Mix"].mute
    modifier.mute = True
    assert hidden_scenes.is_outdated(edited=False)
    keep_in_sync.sync()
    assert not hidden_scenes.problem(node)
    modifier.mute, modifier.node_group = False, look.copy()
    keep_in_sync.sync()
    assert hidden_scenes.plans(scene)[0].problem == ""
    if quick:
        assert_close(shown(), plain[..., [2, 1, 0, 3]], 1e-4)  # by the compositor alone
    user.mute = True


if __name__ == "__main__":
    run_case(globals())
