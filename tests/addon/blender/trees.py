"""Any tree: whatever feeds the node, wherever it stands, its picture is what the style makes of what Blender gives it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import (
    assert_close,
    assert_swapped,
    insert,
    insert_group,
    insert_style,
    load_addon,
    make_scene,
    new_group,
    noise,
    read_exr,
    render,
    run_case,
    second_scene,
    start_over,
    styled,
)  # fmt: skip


def problem(scene: bpy.types.Scene) -> str:
    """What the add-on says of the scene's first node."""
    sys.modules["gan_style.addon.trees.keep_in_sync"].sync()
    return sys.modules["gan_style.addon.trees.hidden_scenes"].plans(scene)[0].problem


def file_output(tree: bpy.types.NodeTree, socket: bpy.types.NodeSocket, folder: Path) -> bpy.types.Node:
    node = tree.nodes.new("CompositorNodeOutputFile")
    node.directory, node.file_name = str(folder), node.name
    node.format.media_type, node.format.file_format = "IMAGE", "OPEN_EXR"
    node.file_output_items.clear()
    node.file_output_items.new("RGBA", "item")
    tree.links.new(socket, node.inputs[0])
    return node


def reroutes_and_mutes(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    insert_style(tree, "wide").mute = True
    node = insert_style(tree, "swap")
    for _ in range(2):
        reroute = tree.nodes.new("NodeReroute")
        tree.links.new(node.inputs["Image"].links[0].from_socket, reroute.inputs[0])
        tree.links.new(reroute.outputs[0], node.inputs["Image"])
    assert_swapped(scene, node, folder)
    node.inputs["Image"].links[0].is_muted = True
    assert "connected to the input Image" in problem(scene)


def sources(folder: Path) -> None:
    """Image, image sequence, movie clip, mask, and the tree's own Group Input, at several frames."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    for frame in (1, 2, 3):
        image = noise(50, 30, frame)
        image.filepath_raw, image.file_format = str(folder / f"clip{frame:03d}.png"), "PNG"
        image.save()
    node = insert_style(tree, "swap")
    picture = tree.nodes.new("CompositorNodeImage")
    picture.image = bpy.data.images.load(str(folder / "clip001.png"))
    sequence = tree.nodes.new("CompositorNodeImage")
    sequence.image = bpy.data.images.load(str(folder / "clip001.png"))
    sequence.image.source = "SEQUENCE"
    sequence.frame_duration, sequence.use_auto_refresh = 3, True
    clip = tree.nodes.new("CompositorNodeMovieClip")
    clip.clip = bpy.data.movieclips.load(str(folder / "clip001.png"))
    tree.interface.new_socket("Image", in_out="INPUT", socket_type="NodeSocketColor")
    entry = tree.nodes.new("NodeGroupInput")
    for source in (picture, sequence, clip, entry):
        tree.links.new(source.outputs[0], node.inputs["Image"])
        shown = []
        for frame in (1, 3):
            scene.frame_set(frame)
            shown.append(assert_swapped(scene, node, folder))
        assert (np.abs(shown[0] - shown[1]).max() > 0.1) == (source != picture), source.name


def masks(folder: Path) -> None:
    """A Mask node at the node's Image, and at its Mask."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    mask = bpy.data.masks.new("Mask")
    spline = mask.layers.new(name="Layer").splines.new()
    spline.use_cyclic = True
    spline.points.add(3)
    for point, place in zip(spline.points, ((0.2, 0.3), (0.7, 0.3), (0.7, 0.6), (0.2, 0.6)), strict=True):
        point.co = point.handle_left = point.handle_right = place
    source = tree.nodes.new("CompositorNodeMask")
    source.mask = mask
    plain = render(scene, folder / "plain.exr")
    node = insert_style(tree, "wide")
    full = render(scene, folder / "full.exr")
    tree.links.new(source.outputs[0], node.inputs["Mask"])
    masked = render(scene, folder / "masked.exr")
    tree.links.remove(node.inputs["Mask"].links[0])
    tree.links.new(source.outputs[0], node.inputs["Image"])
    node.mute = True
    white = render(scene, folder / "mask.exr")
    node.mute = False
    assert white.min() == 0 and white[..., :3].max() == 1
    assert_close(render(scene, folder / "wide.exr"), styled(white, "wide"), 1e-5)
    assert_close(masked, plain + white[..., :1] * (full - plain), 1e-5)


def bounds_of_masks(folder: Path) -> None:
    """The network runs where the mask is not 0, wherever and of whatever size mask and image are; keyed numbers count, too."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    insert(tree, "CompositorNodeTranslate", X=7.0, Y=-4.0)
    plain = render(scene, folder / "plain.exr")
    node = insert_style(tree, "wide")
    full = render(scene, folder / "full.exr")
    spot = bpy.data.images.new("Spot", 16, 12, float_buffer=True)
    spot.pixels.foreach_set(np.float32([0.25, 0.25, 0.25, 1] * (16 * 12)))
    source, turned = tree.nodes.new("CompositorNodeImage"), tree.nodes.new("CompositorNodeTransform")
    source.image = spot
    for name, value in (("X", -11.3), ("Y", 6.6), ("Angle", 0.4)):
        turned.inputs[name].default_value = value
    tree.links.new(source.outputs["Image"], turned.inputs["Image"])
    tree.links.new(turned.outputs["Image"], node.inputs["Mask"])
    run_nodes, seen = sys.modules["gan_style.addon.run.run_nodes"], []
    stylize, content_key, digested = run_nodes.stylize, run_nodes.content_key, []
    run_nodes.stylize = lambda *a, **options: (seen.append(options["bounds"]), stylize(*a, **options))[1]
    run_nodes.content_key = lambda arrays, *identity: (digested.extend(arrays), content_key(arrays, *identity))[1]
    try:
        run_nodes.forget()  # else the picture of the whole frame, which is shown, does
        shown = render(scene, folder / "spot.exr")
        assert digested == ["image"], f"each pass is digested once: {digested}"
        rows, columns = seen.pop()
        assert 8 < rows.stop - rows.start < 30 and 8 < columns.stop - columns.start < 34, (rows, columns)
        mask = (shown - plain)[..., :3] / np.where(np.abs(full - plain) > 0.02, full - plain, np.inf)[..., :3]
        assert mask.min() > -1e-3 and 0.2 < mask.max() < 0.26 and (np.abs(mask) > 1e-3).sum() > 100, (mask.min(), mask.max())
        tree.links.remove(node.inputs["Mask"].links[0])
        for frame, value in ((1, 0.0), (2, 0.5), (3, 0.0)):
            node.inputs["Mask"].default_value = value
            node.inputs["Mask"].keyframe_insert("default_value", frame=frame)
        scene.frame_end, scene.render.filepath = 2, str(folder / "####.exr")
        bpy.ops.render.render(animation=True)
        assert seen == [(slice(0, 0), slice(0, 0)), (slice(0, 47), slice(0, 62))], seen
    finally:
        run_nodes.stylize, run_nodes.content_key = stylize, content_key


def groups(folder: Path) -> None:
    """Groups in groups, with values of their own and Render Layers inside; used twice where only one use counts."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    inside, outside = new_group("Inside"), new_group("Outside")
    outside.interface.new_socket("Light", in_out="INPUT", socket_type="NodeSocketFloat")
    exposure = insert(outside, "CompositorNodeExposure")
    entry = next(n for n in outside.nodes if n.bl_idname == "NodeGroupInput")
    outside.links.new(entry.outputs["Light"], exposure.inputs["Exposure"])
    node = insert_style(inside, "swap")
    insert(inside, "CompositorNodeExposure", Exposure=-0.5)
    insert_group(outside, inside)
    user = insert_group(tree, outside)
    user.inputs["Light"].default_value = 1.5
    lit = assert_swapped(scene, node, folder)
    user.inputs["Light"].default_value = 0.5
    dark = assert_swapped(scene, node, folder)
    assert_close(lit[..., :3], 2 * dark[..., :3], 1e-5)
    insert_group(tree, outside).mute = True
    assert_swapped(scene, node, folder)
    outside.links.new(entry.outputs["Image"], outside.nodes["Group"].inputs["Image"])
    tree.links.remove(user.inputs["Image"].links[0])
    assert "connected to the input Image" in problem(scene)
    layers = inside.nodes.new("CompositorNodeRLayers")
    inside.links.new(layers.outputs["Image"], node.inputs["Image"])
    assert_swapped(scene, node, folder)


def scenes_and_layers(folder: Path) -> None:
    """Two view layers and other scenes in one tree, fresh ones too, wherever the trigger stood before."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    scene.view_layers.new("Second").use_sky = False
    other, third = second_scene("Other", (60, 45)), second_scene("Third", (30, 60))
    node = insert_style(tree, "swap")
    for source, layer in ((scene, "Second"), (other, "ViewLayer"), (third, "ViewLayer")):
        layers = tree.nodes.new("CompositorNodeRLayers")
        layers.scene, layers.layer = source, layer
        over = tree.nodes.new("CompositorNodeAlphaOver")
        images = [i for i in over.inputs if i.type == "RGBA"]
        over.inputs["Factor"].default_value = 0.5
        tree.links.new(node.inputs["Image"].links[0].from_socket, images[0])
        tree.links.new(layers.outputs["Image"], images[1])
        tree.links.new(over.outputs[0], node.inputs["Image"])
        assert_swapped(scene, node, folder)
        last = [n for n in tree.nodes if n.bl_idname == "CompositorNodeRLayers"][-1]
        assert last.name == "GAN Style Trigger", [n.name for n in tree.nodes]
    before = render(scene, folder / "before.exr")
    third.world.color = (0.1, 0.9, 0.2)
    assert np.abs(assert_swapped(scene, node, folder) - before).max() > 0.1
    scene = start_over()
    tree = scene.compositing_node_group
    tree.nodes["Render Layers"].scene = second_scene("Other", (40, 60))
    assert_swapped(scene, insert_style(tree, "swap"), folder)


def one_tree_for_two_scenes(folder: Path) -> None:
    load_addon()
    scene, other = make_scene(), second_scene("Other", (30, 60))
    tree = other.compositing_node_group = scene.compositing_node_group
    node = insert_style(tree, "swap")
    first, second, third = (assert_swapped(rendered, node, folder) for rendered in (scene, other, scene))
    assert first.shape != second.shape and (first == third).all()


def file_outputs_write_once(folder: Path) -> None:
    """The artist's File Output nodes, in groups too, write when Blender composites, and not for the node's inputs."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    group = new_group("Group")
    file_output(group, insert(group, "CompositorNodeExposure", Exposure=1.0).outputs["Image"], folder / "files")
    insert_group(tree, group)
    file_output(tree, insert(tree, "CompositorNodeExposure", Exposure=1.0).outputs["Image"], folder / "files")
    node = insert_style(tree, "swap")
    after = file_output(tree, node.outputs["Image"], folder / "files")
    after.name = after.file_name = "After"
    frames, before = sys.modules["gan_style.addon.run.run_nodes"], []
    capture = frames.capture
    frames.capture = lambda *a: (capture(*a), before.append(list((folder / "files").glob("*"))))[0]
    try:
        result = render(scene, folder / "result.exr")
    finally:
        frames.capture = capture
    assert before == [[]], before
    files = sorted((folder / "files").glob("*"))
    assert len(files) == 2 + (group.nodes["File Output"].file_name != "File Output"), files
    assert_close(read_exr(next(f for f in files if f.name.startswith("After")))["image"], result, 1e-2)
    for name in ("File Output", "After"):
        assert not tree.nodes[name].mute
    assert not group.nodes["File Output"].mute


def values_of_the_frame(folder: Path) -> None:
    """Keys on a group's input, drivers, Scene Time, Defocus by the scene's camera: all as in the artist's own tree."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    scene.render.fps, scene.frame_start = 50, -7
    exposures = [insert(tree, "CompositorNodeExposure") for _ in range(3)]
    scene["light"] = 0.5
    variable = (driver := exposures[0].inputs["Exposure"].driver_add("default_value").driver).variables.new()
    variable.targets[0].id_type, variable.targets[0].id, variable.targets[0].data_path = "SCENE", scene, '["light"]'
    driver.expression = "var * frame / 4"
    time = tree.nodes.new("CompositorNodeSceneTime")
    tree.links.new(time.outputs["Seconds"], exposures[1].inputs["Exposure"])
    for frame, value in ((1, 0.0), (5, 1.0)):
        exposures[2].inputs["Exposure"].default_value = value
        exposures[2].inputs["Exposure"].keyframe_insert("default_value", frame=frame)
    scene.view_layers[0].use_pass_z = True
    scene.camera.data.dof.use_dof, scene.camera.data.dof.focus_distance = True, 7
    defocus = insert(tree, "CompositorNodeDefocus")
    defocus.use_zbuffer, defocus.blur_max = True, 0
    tree.links.new(tree.nodes["Render Layers"].outputs["Depth"], defocus.inputs["Z"])
    node = insert_style(tree, "swap")
    shown = []
    for frame in (3, 4):
        scene.frame_set(frame)
        shown.append(assert_swapped(scene, node, folder))
    assert (shown[0][0, 0, :3] < shown[1][0, 0, :3]).all()
    scene.camera.data.dof.focus_distance = 40
    assert np.abs(assert_swapped(scene, node, folder) - shown[1]).max() > 0.1


def moved_images(folder: Path) -> None:
    """Where Translate, Rotate, Scale, Transform and Crop put the image, there is the picture; nothing is cut off."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    moves = {
        "CompositorNodeTranslate": {"X": 27.0, "Y": -13.0},
        "CompositorNodeRotate": {"Angle": 0.5},
        "CompositorNodeScale": {"X": 0.5, "Y": 1.6},
        "CompositorNodeTransform": {"X": 9.3, "Y": -5.2, "Angle": 0.3, "Scale": 0.8},
        "CompositorNodeCrop": {"X": 5, "Y": 4, "Width": 20, "Height": 22},
    }
    for kind, values in moves.items():
        move = insert(tree, kind, **values)
        node = insert_style(tree, "swap", Strength=0.0)
        back = insert(tree, "CompositorNodeTranslate", X=-20.0, Y=10.0)
        plain = render(scene, folder / "plain.exr")
        node.inputs["Strength"].default_value = 1.0
        assert np.abs(plain[..., 0] - plain[..., 2]).max() > 0.1
        assert_close(render(scene, folder / "moved.exr"), plain[..., [2, 1, 0, 3]], 2e-5)
        tree.links.new(tree.nodes["Render Layers"].outputs["Image"], tree.nodes["Group Output"].inputs[0])
        for used in (move, node, back):
            tree.nodes.remove(used)


if __name__ == "__main__":
    run_case(globals())
