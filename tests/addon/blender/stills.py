"""Stills in background: the node's picture is what core makes of what feeds the node."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import assert_close, insert, insert_style, load_addon, make_scene, new_group, render, run_case, styled


def equals_core(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    plain = render(scene, folder / "plain.exr")
    node = insert_style(scene.compositing_node_group, "wide")
    wide = render(scene, folder / "wide.exr")
    assert_close(wide, styled(plain, "wide"))
    assert np.abs(wide - plain).max() > 0.1
    node.style = "swap"
    assert_close(render(scene, folder / "swap.exr"), plain[..., [2, 1, 0, 3]])


def among_other_nodes(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    insert(tree, "CompositorNodeBlur", Size=(3.0, 3.0))
    blurred = render(scene, folder / "blurred.exr")
    insert_style(tree, "wide")
    insert(tree, "CompositorNodeExposure", Exposure=1.0)
    expected = styled(blurred, "wide") * np.float32([2, 2, 2, 1])
    assert_close(render(scene, folder / "result.exr"), expected)


def in_a_row(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    plain = render(scene, folder / "plain.exr")
    insert_style(tree, "wide")
    insert(tree, "CompositorNodeExposure", Exposure=-1.0)
    insert_style(tree, "swap")
    insert_style(tree, "wide")
    expected = styled(styled(plain, "wide") * np.float32([0.5, 0.5, 0.5, 1]), "swap", "wide")
    assert_close(render(scene, folder / "result.exr"), expected, 1e-5)


def side_by_side(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    plain = render(scene, folder / "plain.exr")
    layers, output = tree.nodes["Render Layers"], tree.nodes["Group Output"]
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type = "RGBA"
    sockets = {s.identifier: s for s in mix.inputs}
    sockets["Factor_Float"].default_value = 0.25
    for style, socket in (("swap", "A_Color"), ("wide", "B_Color")):
        node = tree.nodes.new("CompositorNodeGANStyle")
        node.style = style
        tree.links.new(layers.outputs["Image"], node.inputs["Image"])
        tree.links.new(node.outputs["Image"], sockets[socket])
    tree.links.new(next(s for s in mix.outputs if s.identifier == "Result_Color"), output.inputs[0])
    expected = 0.75 * styled(plain, "swap") + 0.25 * styled(plain, "wide")
    assert_close(render(scene, folder / "result.exr"), expected, 1e-5)


def strength_and_mask(folder: Path) -> None:
    addon = load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    plain = render(scene, folder / "plain.exr")
    node = insert_style(tree, "wide")
    full = render(scene, folder / "full.exr")
    for strength in (0.0, 0.5):
        node.inputs["Strength"].default_value = strength
        got = render(scene, folder / "mixed.exr")
        assert_close(got, plain + strength * (full - plain), 1e-5)
    mask = tree.nodes.new("CompositorNodeBoxMask")
    tree.links.new(mask.outputs["Mask"], node.inputs["Mask"])
    got = render(scene, folder / "masked.exr")
    share = np.abs(got - plain).max(-1) / np.maximum(np.abs(full - plain).max(-1), 1e-6)
    assert share.max() < 0.51 and share[22, 30] > 0.49 and share[0, 0] == 0
    insert(tree, "CompositorNodeExposure", Exposure=1.0)
    render(scene, folder / "after.exr")
    assert [run.network_ran for run in addon.addon.run.log.last_runs()] == [True, False, False, False, False]


def network_runs_when_needed(folder: Path) -> None:
    addon = load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    exposure = insert(tree, "CompositorNodeExposure", Exposure=0.0)
    node = insert_style(tree, "wide")
    render(scene, folder / "a.exr")
    exposure.inputs["Exposure"].default_value = 1.0
    render(scene, folder / "b.exr")
    node.style = "swap"
    render(scene, folder / "c.exr")
    render(scene, folder / "c.exr")
    runs = addon.addon.run.log.last_runs()
    assert [run.network_ran for run in runs] == [True, True, True, False]
    assert all(run.provider in ("cpu", "cuda") and run.reason and not run.error for run in runs)
    assert all(run.inputs_seconds > 0 and (run.generator_seconds > 0) == run.network_ran for run in runs)


def hdr_and_alpha(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    scene.render.film_transparent = True
    scene.cycles.samples = 8
    shader = bpy.data.objects["Cube"].data.materials[0].node_tree.nodes["Principled BSDF"]
    shader.inputs["Emission Color"].default_value = (1, 0.5, 0.1, 1)
    shader.inputs["Emission Strength"].default_value = 50.0
    plain = render(scene, folder / "plain.exr")
    assert plain.max() > 49 and plain[..., 3].min() == 0 and ((plain[..., 3] > 0) & (plain[..., 3] < 1)).any()
    node = insert_style(scene.compositing_node_group, "swap")
    swapped = render(scene, folder / "swap.exr")
    assert_close(swapped, plain[..., [2, 1, 0, 3]])
    node.style = "wide"
    wide = render(scene, folder / "wide.exr")
    assert_close(wide, styled(plain, "wide"), 1e-5)
    assert (wide[..., 3] == plain[..., 3]).all()


def image_of_another_size(folder: Path) -> None:
    """An image node with other pixels than the render's: smaller than the frame, and larger and scaled down afterwards."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    source = tree.nodes.new("CompositorNodeImage")
    tree.links.new(source.outputs["Image"], tree.nodes["Group Output"].inputs[0])
    node = insert(tree, "CompositorNodeGANStyle")
    node.style = "swap"
    scale = insert(tree, "CompositorNodeScale")
    for width, height, factor in ((31, 17, 1.0), (123, 91, 0.5)):
        pixels = np.random.default_rng(width).uniform(0, 2, (height, width, 4)).astype(np.float32)
        pixels[..., 3] = 1
        image = bpy.data.images.new("Noise", width, height, float_buffer=True)
        image.pixels.foreach_set(pixels.ravel())
        source.image = image
        scale.inputs["X"].default_value = scale.inputs["Y"].default_value = factor
        node.mute = True
        plain = render(scene, folder / "plain.exr")
        node.mute = False
        assert np.abs(plain[..., 0] - plain[..., 2]).max() > 0.1
        assert_close(render(scene, folder / "swap.exr"), plain[..., [2, 1, 0, 3]], 1e-5)


def in_a_group(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    insert(tree, "CompositorNodeExposure", Exposure=1.0)
    brighter = render(scene, folder / "brighter.exr")
    group = new_group("Look")
    insert(group, "CompositorNodeExposure", Exposure=1.0)
    insert_style(group, "swap")
    outer = tree.nodes.new("CompositorNodeGroup")
    outer.node_tree = group
    output = tree.nodes["Group Output"]
    tree.links.new(output.inputs[0].links[0].from_socket, outer.inputs[0])
    tree.links.new(outer.outputs[0], output.inputs[0])
    assert_close(render(scene, folder / "result.exr"), brighter[..., [2, 1, 0, 3]] * np.float32([2, 2, 2, 1]))


def exposure(folder: Path) -> None:
    """Typed in and from a node: the style sees the brighter frame, and what follows the frame as it was."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    plain = render(scene, folder / "plain.exr")
    node = insert_style(tree, "tone", Exposure=3.0)
    light = np.log1p(plain[..., :3] * 8) / 8
    assert_close(render(scene, folder / "a.exr")[..., :3], light, 1e-5)
    value = tree.nodes.new("ShaderNodeValue")
    value.outputs[0].default_value = 1.0
    tree.links.new(value.outputs[0], node.inputs["Exposure"])
    assert_close(render(scene, folder / "b.exr")[..., :3], np.log1p(plain[..., :3] * 2) / 2, 1e-5)


def many_nodes_open_their_style_once(folder: Path) -> None:
    addon = load_addon()
    scene = make_scene()
    plain = render(scene, folder / "plain.exr")
    library, opened = addon.addon.library, []
    generator, library.Generator = (
        library.Generator,
        lambda *given, **options: (opened.append(given), generator(*given, **options))[1],
    )
    for _ in range(10):
        insert_style(scene.compositing_node_group, "swap")
    assert_close(render(scene, folder / "styled.exr"), plain)  # red and blue change places ten times
    assert len(addon.addon.run.log.last_runs()) == 10
    library.Generator = generator
    assert len(opened) == 1


if __name__ == "__main__":
    run_case(globals())
