"""Animations in background: each frame is made from its own passes and its own values of keyframed nodes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import assert_close, insert, insert_style, load_addon, make_scene, run_case, styled

from core.exr import read_exr

FRAMES = 3


def render_frames(scene: bpy.types.Scene, folder: Path) -> list[np.ndarray]:
    scene.render.filepath = str(folder / "####.exr")
    bpy.ops.render.render(animation=True)
    return [read_exr(folder / f"{frame:04d}.exr")["image"] for frame in range(1, FRAMES + 1)]


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


if __name__ == "__main__":
    run_case(globals())
