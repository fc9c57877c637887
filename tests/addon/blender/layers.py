"""The node's outputs Base, Paint and Coverage."""

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
    noise,
    render,
    run_case,
)

STYLE = "graphic_novel"


def shown(tree: bpy.types.NodeTree, socket: bpy.types.NodeSocket, path: Path) -> np.ndarray:
    """What a socket gives, as the scene's picture."""
    target = tree.nodes["Group Output"].inputs[0]
    before = target.links[0].from_socket
    tree.links.new(socket, target)
    image = render(bpy.context.scene, path)
    tree.links.new(before, target)
    return image


def add_up(folder: Path) -> None:
    """Base and paint are the picture, at any strength and mask; the network gives layers only while one is linked."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    plain = render(scene, folder / "plain.exr")
    node = insert_style(tree, STYLE)
    module("trees.keep_in_sync").sync()
    assert [n for n in ("Base", "Paint", "Coverage") if n in node.outputs] == ["Base", "Paint", "Coverage"]
    picture = render(scene, folder / "picture.exr")
    plans = module("trees.hidden_scenes").plans
    assert not plans(scene)[0].layers
    for strength in (1.0, 0.4):
        node.inputs["Strength"].default_value = strength
        picture = render(scene, folder / "picture.exr")
        base, paint, coverage = (shown(tree, node.outputs[n], folder / f"{n}.exr") for n in ("Base", "Paint", "Coverage"))
        assert_close(base[..., :3] + paint[..., :3], picture[..., :3], 1e-4)
        assert_close(base[..., 3], picture[..., 3])
        assert not paint[..., 3].any() and np.abs(paint).max() > 0.01
        assert coverage[..., 0].min() >= 0 and coverage[..., 0].max() <= strength + 1e-5 and np.ptp(coverage[..., 0]) > 0.01
    mask = tree.nodes.new("CompositorNodeImage")
    mask.image = noise(60, 45)
    over = tree.nodes.new("CompositorNodeAlphaOver")
    images = [socket for socket in over.inputs if socket.type == "RGBA"]
    tree.links.new(node.outputs["Base"], images[0])
    tree.links.new(node.outputs["Paint"], images[1])
    tree.links.new(mask.outputs["Image"], node.inputs["Mask"])
    picture = render(scene, folder / "picture.exr")
    assert_close(shown(tree, over.outputs["Image"], folder / "over.exr"), picture, 1e-4)
    assert plans(scene)[0].layers and np.abs(picture - plain).max() > 0.01
    runs = module("run.log").last_runs()
    tree.links.remove(node.inputs["Mask"].links[0])
    render(scene, folder / "again.exr")
    render(scene, folder / "again.exr")
    assert not module("run.log").last_runs()[len(runs) + 1].network_ran


def of_each_use_and_view(folder: Path) -> None:
    """In a group that is used twice, each use has its layers; with stereo views, each of them."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    look = new_group("Look")
    node = insert_style(look, STYLE)
    module("trees.keep_in_sync").sync()
    look.interface.new_socket("Sum", in_out="OUTPUT", socket_type="NodeSocketColor")
    over = look.nodes.new("CompositorNodeAlphaOver")
    images = [socket for socket in over.inputs if socket.type == "RGBA"]
    look.links.new(node.outputs["Base"], images[0])
    look.links.new(node.outputs["Paint"], images[1])
    look.links.new(over.outputs["Image"], look.nodes["Group Output"].inputs["Sum"])
    users = [insert_group(tree, look) for _ in range(2)]
    pictures = [shown(tree, user.outputs["Image"], folder / "picture.exr") for user in users]
    sums = [shown(tree, user.outputs["Sum"], folder / "sum.exr") for user in users]
    assert np.abs(pictures[0] - pictures[1]).max() > 0.01
    for picture, total in zip(pictures, sums, strict=True):
        assert_close(total, picture, 1e-4)
    scene.render.use_multiview = True
    scene.camera.data.stereo.interocular_distance = 1.0
    module("trees.keep_in_sync").sync()
    plans = module("trees.hidden_scenes").plans(scene)
    files = [path for plan in plans for path in (plan.picture, *(path for _, path in plan.layers))]
    assert len(files) == len(set(files)) == 2 * 2 * 4
    scene.render.use_multiview = False
    assert_close(shown(tree, users[1].outputs["Sum"], folder / "sum.exr"), pictures[1], 1e-4)


def without(folder: Path) -> None:
    """A style without a gate has no such outputs; of a node that can't run, the base is the image and the paint nothing."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    plain = render(scene, folder / "plain.exr")
    node = insert_style(tree, "swap")
    module("trees.keep_in_sync").sync()
    assert "Base" not in node.outputs
    node.style = STYLE
    module("trees.keep_in_sync").sync()
    layers = [shown(tree, node.outputs[n], folder / f"{n}.exr") for n in ("Base", "Paint")]
    assert_close(layers[0][..., :3] + layers[1][..., :3], render(scene, folder / "picture.exr")[..., :3], 1e-4)
    muted = [n.name for n in node.node_tree.nodes if n.name.endswith("Mix")]
    assert sorted(muted) == ["Base Mix", "Coverage Mix", "Mix", "Paint Mix"]
    strip = bpy.data.scenes.new("Edit").sequence_editor_create().strips.new_scene("Shot", scene, 1, 1)
    bpy.context.workspace.sequencer_scene = bpy.data.scenes["Edit"]  # Blender 5.0 crashes without
    strip.modifiers.new("Look", "COMPOSITOR").node_group = tree
    module("trees.keep_in_sync").sync()  # the node is refused, and lets the image through
    assert all(node.node_tree.nodes[name].mute for name in muted)
    in_renders = module("run.in_renders")
    in_renders.remove_handlers(in_renders.HANDLERS)
    try:
        through = [shown(tree, node.outputs[n], folder / f"{n}.exr") for n in ("Base", "Paint")]
    finally:
        in_renders.add_handlers(in_renders.HANDLERS)
    assert_close(through[0], plain, 1e-5)
    assert not through[1].any()


if __name__ == "__main__":
    run_case(globals())
