"""Guide passes: sockets that come with the style, Link Passes, and pictures made from the passes that Blender renders."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import FIXTURES, assert_close, insert, insert_style, load_addon, make_scene, new_group, read_exr, render, run_case

from core import PASSES, Generator, load_style, stylize
from core.passes import LIGHT

GUIDES = {p.socket for p in PASSES.values() if p.name not in LIGHT} - {"Image"}


def link_passes(node: bpy.types.Node) -> None:
    with bpy.context.temp_override(node=node):
        assert bpy.ops.gan_style.link_passes() == {"FINISHED"}


def expected(scene: bpy.types.Scene, folder: Path, style: str = "guided") -> np.ndarray:
    """What core makes of the passes in the multilayer file of the same render."""
    settings = scene.render.image_settings
    settings.media_type = "MULTI_LAYER_IMAGE"
    scene.render.filepath = str(folder / "passes.exr")
    bpy.ops.render.render(write_still=True)
    settings.media_type, settings.file_format, settings.color_depth = "IMAGE", "OPEN_EXR", "32"
    layers = read_exr(folder / "passes.exr")
    passes = {
        p.name: layers["ViewLayer." + p.socket.replace("Image", "Combined")] for p in PASSES.values() if p.name not in LIGHT
    }
    return stylize(Generator(load_style(FIXTURES / f"{style}.onnx")), passes)


def equal_core(folder: Path) -> None:
    """Each channel of each guide counts in the style's result."""
    load_addon()
    scene = make_scene()
    scene.frame_set(2)
    node = insert_style(scene.compositing_node_group, "guided")
    assert {s.name for s in node.inputs} >= GUIDES
    link_passes(node)
    result = render(scene, folder / "result.exr")
    assert_close(result, expected(scene, folder), 1e-5)
    plain = read_exr(folder / "passes.exr")["ViewLayer.Combined"]
    assert np.abs(result - plain).max() > 0.1
    assert np.abs(read_exr(folder / "passes.exr")["ViewLayer.Vector"][..., 3]).max() > 1


def light_and_guides_of_its_own(folder: Path) -> None:
    """Link Passes switches passes of light on, and connects what the Render Layers node calls alike: an AOV; a matte by hand."""
    load_addon()
    scene = make_scene()
    layer, tree = scene.view_layers[0], scene.compositing_node_group
    aov = layer.aovs.add()
    aov.name = "strokes"
    material = bpy.data.objects["Cube"].data.materials[0].node_tree
    written = material.nodes.new("ShaderNodeOutputAOV")
    written.aov_name, written.inputs["Color"].default_value = "strokes", (0.2, 0.4, 2.0, 1.0)
    node = insert_style(tree, "lit")
    own = load_style(FIXTURES / "lit.onnx")
    assert {s.name for s in node.inputs} >= {p.socket for p in own.table.values()}
    guides = sys.modules["gan_style.addon.trees.guides"]
    try:
        guides.link(scene, node)
    except guides.GuideError as error:
        assert "is called Hair Matte" in str(error), error
    else:
        raise AssertionError("a matte came from nowhere")
    assert layer.use_pass_diffuse_direct and layer.use_pass_emit and layer.use_pass_ambient_occlusion
    assert not layer.use_pass_diffuse_indirect and guides.missing(node) == ["Hair Matte"]
    tree.links.new(tree.nodes["Render Layers"].outputs["Alpha"], node.inputs["Hair Matte"])
    assert guides.missing(node) == []
    result = render(scene, folder / "result.exr")
    scene.render.image_settings.media_type = "MULTI_LAYER_IMAGE"
    scene.render.filepath = str(folder / "passes.exr")
    bpy.ops.render.render(write_still=True)
    layers = read_exr(folder / "passes.exr")
    passes = {p.name: layers["ViewLayer." + p.socket.replace("Image", "Combined")][..., : p.channels]
              for p in own.table.values() if p.name in PASSES}  # fmt: skip
    passes |= {"strokes": layers["ViewLayer.strokes"][..., :3], "hair_matte": passes["image"][..., 3:]}
    assert passes["strokes"].max() > 1 and passes["diffuse_direct"].max() > 0.1
    passes = {name: np.ascontiguousarray(array) for name, array in passes.items()}
    assert_close(result, stylize(Generator(own), passes), 1e-5)
    node.style = "swap"
    assert "Hair Matte" not in node.inputs
    node.style = "lit"
    assert node.inputs["Hair Matte"].links[0].from_socket.name == "Alpha" and node.inputs["Strokes"].links


def sockets_follow_the_style(folder: Path) -> None:
    """They come and go with it, and their links come back, also from other nodes than Render Layers and through a file."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    node = insert_style(tree, "swap")
    shown = [s.name for s in node.inputs]
    node.style = "guided"
    link_passes(node)
    invert = tree.nodes.new("CompositorNodeNormalize")
    tree.links.new(tree.nodes["Render Layers"].outputs["Depth"], invert.inputs[0])
    tree.links.new(invert.outputs[0], node.inputs["Depth"])
    node.style = "normal"
    assert [s.name for s in node.inputs] == [*shown, "Normal"] and node.inputs["Normal"].links
    node.style = "swap"
    assert [s.name for s in node.inputs] == shown
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "file.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "file.blend"))
    tree = bpy.context.scene.compositing_node_group
    node = tree.nodes["GAN Style"]
    node.style = "guided"
    feeds = {name: node.inputs[name].links[0].from_node.name for name in GUIDES}
    assert feeds == {name: "Normalize" if name == "Depth" else "Render Layers" for name in GUIDES}, feeds
    copy = tree.copy().nodes["GAN Style"]
    copy.style = "swap"
    assert len(copy.inputs) == len(shown) and node.inputs["Vector"].links


def linked_into_groups(folder: Path) -> None:
    """The node two groups deep, behind reroutes and other nodes: the groups get the inputs that are needed."""
    load_addon()
    scene = make_scene()
    scene.frame_set(2)
    tree = scene.compositing_node_group
    group = bpy.data.node_groups.new("Inner", "CompositorNodeTree")
    outer = bpy.data.node_groups.new("Outer", "CompositorNodeTree")
    for inside in (group, outer):
        for direction in ("INPUT", "OUTPUT"):
            inside.interface.new_socket("Image", in_out=direction, socket_type="NodeSocketColor")
        source, target = inside.nodes.new("NodeGroupInput"), inside.nodes.new("NodeGroupOutput")
        target.name = "Group Output"
        reroute = inside.nodes.new("NodeReroute")
        inside.links.new(source.outputs[0], reroute.inputs[0])
        inside.links.new(reroute.outputs[0], target.inputs[0])
    node = insert_style(group, "guided")
    for parent, child in ((outer, group), (tree, outer)):
        user = insert_group(parent, child)
    insert(tree, "CompositorNodeExposure")
    link_passes(node)
    assert {s.name for s in user.inputs} == GUIDES | {"Image"}
    assert_close(render(scene, folder / "result.exr"), expected(scene, folder), 1e-5)
    guides, read = sys.modules["gan_style.addon.trees.guides"], sys.modules["gan_style.addon.trees.read"]
    groups = read.groups_around(tree, (user.name, outer.nodes[-1].name, node.name))
    assert guides.missing(node, groups) == []
    scene.view_layers[0].use_pass_z = False
    assert guides.missing(node, groups) == ["Depth"]
    user.id_data.links.remove(user.inputs["Normal"].links[0])
    assert guides.missing(node, groups) == ["Depth", "Normal"]


def linked_out_of_groups(folder: Path) -> None:
    """The Render Layers node two groups deep in another place than the node: the groups give the passes that are needed."""
    load_addon()
    scene = make_scene()
    scene.frame_set(2)
    tree = scene.compositing_node_group
    plate, shot = (bpy.data.node_groups.new(name, "CompositorNodeTree") for name in ("Plate", "Shot"))
    for group in (plate, shot):
        group.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        group.nodes.new("NodeGroupOutput").name = "Group Output"
    plate.interface.new_socket("Depth", in_out="OUTPUT", socket_type="NodeSocketFloat")
    layers = plate.nodes.new("CompositorNodeRLayers")
    layers.scene = scene
    plate.links.new(layers.outputs["Image"], plate.nodes["Group Output"].inputs["Image"])
    plate.links.new(layers.outputs["Alpha"], plate.nodes["Group Output"].inputs["Depth"])
    for parent, child in ((shot, plate), (tree, shot)):
        user = parent.nodes.new("CompositorNodeGroup")
        user.node_tree = child
        parent.links.new(user.outputs["Image"], parent.nodes["Group Output"].inputs[0])
    group = new_group("Look")
    node = insert_style(group, "guided")
    look = insert_group(tree, group)
    for _ in range(2):  # the second time finds all done
        link_passes(node)
        assert [s.name for s in user.outputs].count("Depth") == 1 and {s.name for s in user.outputs} == GUIDES | {"Image"}
        assert sorted(s.name for s in shot.nodes["Group"].outputs).count("Depth") == 2  # one was there, and gives something else
    assert_close(render(scene, folder / "result.exr"), expected(scene, folder), 1e-5)
    scene.view_layers[0].use_pass_z = False
    assert sys.modules["gan_style.addon.trees.guides"].missing(node, [look]) == ["Depth"]


def insert_group(tree: bpy.types.NodeTree, group: bpy.types.NodeTree) -> bpy.types.Node:
    output = tree.nodes["Group Output"].inputs[0]
    user = tree.nodes.new("CompositorNodeGroup")
    user.node_tree = group
    tree.links.new(output.links[0].from_socket, user.inputs["Image"])
    tree.links.new(user.outputs["Image"], output)
    return user


def nothing_to_link(_folder: Path) -> None:
    """An image that no Render Layers node feeds: it says so and changes nothing."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    node = insert_style(tree, "swap")
    colour = tree.nodes.new("CompositorNodeRGB")
    tree.links.new(colour.outputs[0], node.inputs["Image"])
    node.style = "normal"
    guides = sys.modules["gan_style.addon.trees.guides"]
    try:
        guides.link(scene, node)
    except guides.GuideError as error:
        assert "No Render Layers node" in str(error)
    else:
        raise AssertionError("linked something")
    assert not node.inputs["Normal"].links and not scene.view_layers[0].use_pass_normal


if __name__ == "__main__":
    run_case(globals())
