"""Stereo views and the artist's own cameras: each view of a frame gets the picture that it would get alone."""

import sys
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import (
    assert_close,
    assert_swapped,
    hidden_scene,
    insert_group,
    insert_style,
    is_ours,
    load_addon,
    make_scene,
    new_group,
    read_exr,
    render,
    run_case,
    second_scene,
    start_over,
    styled,
)


def stereo_views(folder: Path) -> None:
    """Each eye gets the picture that it would get alone, frame by frame, beside a second node and without the other eye too."""
    load_addon()
    scene = make_scene(frames=2)
    tree, views = scene.compositing_node_group, scene.render.views
    plain = render(scene, folder / "plain.exr")
    node = insert_style(tree, "wide")
    scene.render.use_multiview = True
    scene.render.image_settings.views_format = "INDIVIDUAL"
    scene.camera.data.stereo.pivot = "CENTER"
    for frame in (1, 2):
        scene.frame_set(frame)
        node.mute = True
        left, right = eyes(scene, folder)
        node.mute = False
        assert min(np.abs(left - right).max(), np.abs(left - plain).max()) > 0.1
        for got, eye in zip(eyes(scene, folder), (left, right), strict=True):
            assert_close(got, styled(eye, "wide"), 1e-5)
    second = insert_style(tree, "swap")
    for got, eye in zip(eyes(scene, folder), (left, right), strict=True):
        assert_close(got, styled(eye, "wide", "swap"), 1e-5)
    views["left"].use = False
    assert assert_eyes_swapped(scene, second, folder) == 1
    scene.render.use_multiview = False
    scene.frame_set(1)
    assert_close(render(scene, folder / "mono.exr"), styled(plain, "wide", "swap"), 1e-5)


def many_views(folder: Path) -> None:
    """Cameras of the artist's own, added and removed between renders; another scene shares the tree and has no views."""
    load_addon()
    scene, other = make_scene(), second_scene("Other", (30, 60))
    tree = other.compositing_node_group = scene.compositing_node_group
    node = insert_style(tree, "swap")
    scene.render.use_multiview, scene.render.views_format = True, "MULTIVIEW"
    scene.render.image_settings.views_format = "INDIVIDUAL"
    scene.camera.name = "Camera_L"
    for number, suffix in enumerate(("_R", "_C", "_D")):
        camera = scene.camera.copy()
        camera.name, camera.location.x = f"Camera{suffix}", camera.location.x + number + 1
        scene.collection.objects.link(camera)
        if suffix != "_R":
            view = scene.render.views.new(f"extra {suffix}")
            view.file_suffix = view.camera_suffix = suffix
        assert assert_eyes_swapped(scene, node, folder) == number + 2
        assert_swapped(other, node, folder)
    scene.render.views.remove(scene.render.views["left"])
    assert assert_eyes_swapped(scene, node, folder) == 3


def in_files(folder: Path) -> None:
    """Saved and opened; without the hidden scenes; the node in a group appended to another file, with views and without."""
    load_addon()
    scene = make_scene()
    scene.render.use_multiview = True
    scene.render.image_settings.views_format = "INDIVIDUAL"
    insert_group(scene.compositing_node_group, group := new_group("Look"))
    insert_style(group, "swap")
    assert assert_eyes_swapped(scene, group.nodes["GAN Style"], folder) == 2
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "file.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "file.blend"))
    scene, node = bpy.data.scenes["Scene"], bpy.data.node_groups["Look"].nodes["GAN Style"]
    assert assert_eyes_swapped(scene, node, folder) == 2
    for role in ("trigger", "inputs"):
        bpy.data.scenes.remove(hidden_scene(role))
        assert assert_eyes_swapped(scene, node, folder) == 2
    for stereo in (False, True):
        scene = start_over()
        scene.render.use_multiview = stereo
        insert_style(scene.compositing_node_group, "swap")
        with bpy.data.libraries.load(str(folder / "file.blend")) as (_, wanted):
            wanted.node_groups = ["Look"]
        insert_group(scene.compositing_node_group, wanted.node_groups[0])
        node = wanted.node_groups[0].nodes["GAN Style"]
        if stereo:
            assert assert_eyes_swapped(scene, node, folder) == 2
        else:
            assert_swapped(scene, node, folder)
        assert [s.get("gan_style") for s in bpy.data.scenes] == [None, "inputs", "trigger"]
    scene.compositing_node_group.nodes.remove(scene.compositing_node_group.nodes["GAN Style"])
    bpy.data.node_groups.remove(wanted.node_groups[0])
    bpy.context.view_layer.update()
    assert [s.name for s in bpy.data.scenes] == ["Scene"] and not [i for i in bpy.data.images if is_ours(i)]


def assert_eyes_swapped(scene: bpy.types.Scene, node: bpy.types.Node, folder: Path) -> int:
    """Assert that the node exchanges red and blue of all views, which differ; return how many there are."""
    node.mute = True
    plain = eyes(scene, folder)
    node.mute = False
    assert all(np.abs(first - second).max() > 0.1 for first, second in pairwise(plain))
    for got, eye in zip(eyes(scene, folder), plain, strict=True):
        assert_close(got, eye[..., [2, 1, 0, 3]], 1e-5)
    return len(plain)


def eyes(scene: bpy.types.Scene, folder: Path) -> list[np.ndarray]:
    """Render a still of each view, in the order of their suffixes."""
    for old in folder.glob("eye*.exr"):
        old.unlink()
    scene.render.filepath = str(folder / "eye.exr")
    bpy.ops.render.render(scene=scene.name, write_still=True)
    return [read_exr(path)["image"] for path in sorted(folder.glob("eye*.exr"))]


if __name__ == "__main__":
    run_case(globals())
