"""Groups with GAN Style nodes that are used several times: each use gets its own picture."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import (
    assert_close,
    insert,
    insert_group,
    insert_style,
    is_ours,
    load_addon,
    make_scene,
    module,
    new_group,
    read_exr,
    render,
    run_case,
    second_scene,
    start_over,
    styled,
)  # fmt: skip

USE = "GAN Style Use"


def sync() -> None:
    module("trees.keep_in_sync").sync()


def runs() -> list:
    return list(module("run.log").last_runs())


def look() -> bpy.types.NodeTree:
    """A group with one GAN Style node, whose strength is an input of the group."""
    group = new_group("Look")
    node = insert_style(group, "wide")
    strength = group.interface.new_socket("Strength", in_out="INPUT", socket_type="NodeSocketFloat")
    strength.default_value = 1.0
    entry = next(n for n in group.nodes if n.bl_idname == "NodeGroupInput")
    group.links.new(entry.outputs["Strength"], node.inputs["Strength"])
    return group


def use(tree: bpy.types.NodeTree, group: bpy.types.NodeTree, exposure: float) -> bpy.types.Node:
    """The group behind an Exposure node of its own, so that each use gets another image."""
    insert(tree, "CompositorNodeExposure", Exposure=exposure)
    node = insert_group(tree, group)
    node.inputs["Strength"].default_value = 1.0
    return node


def brighter(image: np.ndarray, stops: float) -> np.ndarray:
    return np.concatenate([image[..., :3] * np.float32(2**stops), image[..., 3:]], axis=-1)


def plain(scene: bpy.types.Scene, folder: Path) -> np.ndarray:
    """What the scene renders without its compositor."""
    scene.render.use_compositing = False
    image = render(scene, folder / "plain.exr")
    scene.render.use_compositing = True
    return image


def chain(image: np.ndarray, *stops: float) -> np.ndarray:
    """What use() after use() makes of an image."""
    for stop in stops:
        image = styled(brighter(image, stop), "wide")
    return image


def one_after_the_other(folder: Path) -> None:
    """Uses that feed each other, with values of their own; muted, duplicated, removed; nothing is left when one remains."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    image = plain(scene, folder)
    group = look()
    before = [n.name for n in group.nodes]
    first, second = use(tree, group, 1.0), use(tree, group, -2.0)
    assert_close(render(scene, folder / "two.exr"), chain(image, 1.0, -2.0), 1e-5)
    assert first.node_tree == second.node_tree == group
    assert [node.inputs[USE].hide for node in (first, second)] == [True, True]
    second.inputs["Strength"].default_value = 0.0
    assert_close(render(scene, folder / "half.exr"), brighter(chain(image, 1.0), -2.0), 1e-5)
    second.inputs["Strength"].default_value = 1.0
    first.mute = True
    assert_close(render(scene, folder / "muted.exr"), chain(brighter(image, 1.0), -2.0), 1e-5)
    assert USE not in second.inputs and [n.name for n in group.nodes] == before
    first.mute = False
    third = use(tree, group, 0.5)
    assert_close(render(scene, folder / "three.exr"), chain(image, 1.0, -2.0, 0.5), 1e-5)
    for node in (first, second):
        tree.links.new(node.inputs["Image"].links[0].from_socket, node.outputs["Image"].links[0].to_socket)
        tree.nodes.remove(node)
    assert_close(render(scene, folder / "one.exr"), styled(brighter(image, -0.5), "wide"), 1e-5)
    assert USE not in third.inputs and [n.name for n in group.nodes] == before
    assert sum(is_ours(image) for image in bpy.data.images) == 1


def equal_inputs_run_once(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    group = look()
    users = [tree.nodes.new("CompositorNodeGroup") for _ in range(2)]
    add = tree.nodes.new("ShaderNodeMix")
    add.data_type = "RGBA"
    sockets = {s.identifier: s for s in (*add.inputs, *add.outputs)}
    for node, socket in zip(users, ("A_Color", "B_Color"), strict=True):
        node.node_tree = group
        tree.links.new(tree.nodes["Render Layers"].outputs["Image"], node.inputs["Image"])
        tree.links.new(node.outputs["Image"], sockets[socket])
    tree.links.new(sockets["Result_Color"], tree.nodes["Group Output"].inputs[0])
    image = plain(scene, folder)
    before = len(runs())
    assert_close(render(scene, folder / "frame.exr"), styled(image, "wide"), 1e-5)
    assert [run.network_ran for run in runs()[before:]] == [True, False]


def groups_in_groups(folder: Path) -> None:
    """Twice in a group that is used twice itself, and once beside it: five uses, each in its place."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    inner, outer = look(), new_group("Outer")
    use(outer, inner, 0.5)
    use(outer, inner, -0.25)
    insert_group(tree, outer)
    insert_group(tree, outer)
    use(tree, inner, 1.0)
    image = plain(scene, folder)
    stops = 0.5, -0.25, 0.5, -0.25, 1.0
    for _ in range(2):
        assert_close(render(scene, folder / "five.exr"), chain(image, *stops), 1e-5)
    for _ in range(6):
        outer_again = new_group("Outer")
        for _ in range(2):
            insert_group(outer_again, outer)
        outer = outer_again
    insert_group(tree, outer)
    sync()
    problems = {plan.problem for plan in module("trees.hidden_scenes").plans(scene)}
    assert len(problems) == 1 and "more than 64" in problems.pop()
    assert not any(USE in node.inputs for node in tree.nodes if node.bl_idname == "CompositorNodeGroup")


def library(folder: Path) -> Path:
    """A file with the group as an asset, which nothing in it uses."""
    start_over()
    group = look()
    group.asset_mark()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "look.blend"))
    assert not any(item.name == USE for item in group.interface.items_tree)
    return folder / "look.blend"


def taken_from(path: Path, **how: bool) -> bpy.types.NodeTree:
    with bpy.data.libraries.load(str(path), assets_only=True, **how) as (_, wanted):
        wanted.node_groups = ["Look"]
    return wanted.node_groups[0]


def dropped_assets(folder: Path) -> None:
    """The asset of another file, appended, linked or packed, used twice at once; then saved, opened, undone and redone."""
    load_addon()
    path = library(folder)
    image = plain(start_over(), folder)
    expected = chain(image, 1.0, -2.0)
    for how in ({"link": False}, {"link": True}, *([{"link": True, "pack": True}] if bpy.app.version >= (5, 2, 0) else [])):
        scene = start_over()
        group = taken_from(path, **how)
        assert (group.library is not None) == how["link"]
        users = [use(scene.compositing_node_group, group, stops) for stops in (1.0, -2.0)]
        assert_close(render(scene, folder / "dropped.exr"), expected, 1e-5)
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / "user.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(folder / "user.blend"))
        scene = bpy.context.scene
        assert_close(render(scene, folder / "opened.exr"), expected, 1e-5)
        bpy.ops.ed.undo_push(message="two")
        users = [n for n in scene.compositing_node_group.nodes if n.bl_idname == "CompositorNodeGroup"]
        users[1].mute = True
        bpy.context.view_layer.update()
        bpy.ops.ed.undo_push(message="one")
        for _ in range(2):
            bpy.ops.ed.undo()
            assert_close(render(bpy.context.scene, folder / "undone.exr"), expected, 1e-5)
            bpy.ops.ed.redo()
            once = brighter(chain(image, 1.0), -2.0)
            assert_close(render(bpy.context.scene, folder / "redone.exr"), once, 1e-5)


def animated(folder: Path) -> None:
    """Each frame of an animation shows each use's own picture of that frame, with keyed values of the group's inputs."""
    load_addon()
    scene = make_scene(frames=3)
    tree = scene.compositing_node_group
    group = look()
    users = [use(tree, group, 1.0), use(tree, group, -2.0)]
    for frame, strength in ((1, 1.0), (3, 0.0)):
        users[1].inputs["Strength"].default_value = strength
        users[1].inputs["Strength"].keyframe_insert("default_value", frame=frame)
    for curve in tree.animation_data.action.layers[0].strips[0].channelbags[0].fcurves:
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"
    scene.render.filepath = str(folder / "####.exr")
    bpy.ops.render.render(animation=True)
    tree.nodes.remove(users[1])
    for frame in (1, 2, 3):
        scene.frame_set(frame)
        dark = brighter(chain(plain(scene, folder), 1.0), -2.0)
        strength = np.float32((3 - frame) / 2)
        assert_close(read_exr(folder / f"{frame:04d}.exr")["image"], dark + strength * (styled(dark, "wide") - dark), 1e-5)


def keyframes_stay_at_their_inputs(folder: Path) -> None:
    """The input that tells the use comes and goes, and what is keyed after it keeps its keys."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    group = look()
    first, second = use(tree, group, 1.0), use(tree, group, -2.0)
    sync()
    group.interface.new_socket("Light", in_out="INPUT", socket_type="NodeSocketFloat")
    names = [socket.name for socket in first.inputs]
    assert names.index("Light") > names.index(USE), names
    group.interface.new_socket("Light", in_out="INPUT", socket_type="NodeSocketFloat")  # two of one name
    keyed = []
    for node in (first, second):
        for value, socket in enumerate([socket for socket in node.inputs if socket.name == "Light"]):
            socket.default_value = value
            socket.keyframe_insert("default_value", frame=1)
            keyed.append((node, socket.identifier, value))
    for muted in (True, False):
        second.mute = muted
        sync()
        curves = tree.animation_data.action.layers[0].strips[0].channelbags[0].fcurves
        found = {curve.data_path: curve.keyframe_points[0].co.y for curve in curves}
        wanted = {
            next(s for s in node.inputs if s.identifier == identifier).path_from_id("default_value"): value
            for node, identifier, value in keyed
        }
        assert found == wanted, (found, wanted)


def stereo(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    scene.render.use_multiview = True
    scene.camera.data.stereo.interocular_distance = 1.0
    scene.render.image_settings.views_format = "INDIVIDUAL"

    def both(name: str) -> list[np.ndarray]:
        scene.render.filepath = str(folder / name)
        bpy.ops.render.render(write_still=True)
        return [read_exr(folder / f"{name}_{side}.exr")["image"] for side in "LR"]

    views = both("plain")
    assert np.abs(views[0] - views[1]).max() > 0.1
    group = look()
    use(tree, group, 1.0)
    use(tree, group, -2.0)
    for view, shown in zip(views, both("styled"), strict=True):
        assert_close(shown, chain(view, 1.0, -2.0), 1e-5)


def of_several_scenes(folder: Path) -> None:
    """Scenes that use the group once or twice each, in trees of their own or in one that is a group elsewhere, share it."""
    load_addon()
    scene = make_scene()
    other = second_scene("Other", (30, 40))
    group = look()
    use(scene.compositing_node_group, group, 0.5)
    other.compositing_node_group = scene.compositing_node_group.copy()
    other.compositing_node_group.nodes["Render Layers"].scene = other
    use(other.compositing_node_group, group, -1.0)
    images = plain(scene, folder), plain(other, folder)
    for _ in range(2):
        assert_close(render(scene, folder / "first.exr"), chain(images[0], 0.5), 1e-5)
        assert_close(render(other, folder / "second.exr"), chain(images[1], 0.5, -1.0), 1e-5)
    nested = scene.compositing_node_group.copy()
    nested.nodes["Render Layers"].scene = scene
    node = nested.nodes.new("CompositorNodeGroup")
    node.node_tree = scene.compositing_node_group
    nested.links.new(node.outputs["Image"], nested.nodes["Group Output"].inputs[0])
    use(nested, group, 1.0)
    third = second_scene("Third", (60, 45))
    third.compositing_node_group = nested
    scene.compositing_node_group.nodes["Render Layers"].scene = scene
    for _ in range(2):
        assert_close(render(third, folder / "third.exr"), chain(images[0], 0.5, 1.0), 1e-5)
        assert_close(render(scene, folder / "first.exr"), chain(images[0], 0.5), 1e-5)


def guides_of_each_use(folder: Path) -> None:
    """Link Passes feeds all uses."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    group = look()
    node = next(n for n in group.nodes if n.bl_idname == "CompositorNodeGANStyle")
    users = [use(tree, group, 1.0), use(tree, group, -2.0)]
    node.style = "normal"
    sync()
    guides = module("trees.guides")
    guides.link(scene, node)
    assert all(user.inputs["Normal"].is_linked for user in users)
    sync()
    assert [plan.problem for plan in module("trees.hidden_scenes").plans(scene)] == ["", ""]
    render(scene, folder / "normal.exr")  # ends Blender if a pass is missing
    assert [run.error for run in runs()[-2:]] == ["", ""]


def after_an_edit(folder: Path) -> None:
    """In the editors too each use gets its own picture, a new one among them, and a run has nothing left to do."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    group = look()
    use(tree, group, 1.0)
    render(scene, folder / "once.exr")
    second = use(tree, group, -2.0)
    sync()
    hidden_scenes, run_nodes = module("trees.hidden_scenes"), module("run.run_nodes")
    settings, call = module("settings").settings(), module("main_thread").call
    done = run_nodes.run_scene(scene.name, 1, hidden_scenes.plans(scene), settings, call)
    assert [run.error for run in done] == ["", ""] and [run.network_ran for run in done] == [False, True]
    again = run_nodes.run_scene(scene.name, 1, hidden_scenes.plans(scene), settings, call)
    assert not any(run.network_ran or run.cached for run in again)
    first_plan, second_plan = hidden_scenes.plans(scene)
    assert first_plan.image == second_plan.image and first_plan.picture != second_plan.picture
    image = plain(scene, folder)
    assert_close(read_exr(second_plan.picture)["image"], chain(image, 1.0, -2.0), 1e-5)
    second.mute = True
    assert_close(render(scene, folder / "again.exr"), brighter(chain(image, 1.0), -2.0), 1e-5)


if __name__ == "__main__":
    run_case(globals())
