"""What can't be stylised must end a background render, with a sentence and without a frame."""

import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from scene import FIXTURES, insert, insert_group, insert_style, load_addon, make_scene, new_group, noise, render, run_case


def missing_style(folder: Path) -> None:
    load_addon()
    styles = folder / "styles"
    shutil.copytree(FIXTURES, styles)
    os.environ["GAN_STYLE_PATH"] = str(styles)
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    (styles / "swap.onnx").unlink()
    render(scene, folder / "frame.exr")


def truncated_style(folder: Path) -> None:
    load_addon()
    styles = folder / "styles"
    shutil.copytree(FIXTURES, styles)
    os.environ["GAN_STYLE_PATH"] = str(styles)
    scene = make_scene()
    insert_style(scene.compositing_node_group, "wide")
    (styles / "wide.onnx").write_bytes((FIXTURES / "wide.onnx").read_bytes()[:40_000])
    render(scene, folder / "frame.exr")


def unlinked(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    tree.links.remove(insert_style(tree, "swap").inputs["Image"].links[0])
    render(scene, folder / "frame.exr")


def guide_unlinked(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    tree.links.remove(insert_style(tree, "normal").inputs["Normal"].links[0])
    render(scene, folder / "frame.exr")


def guide_switched_off(folder: Path) -> None:
    """Linked, but the view layer does not render it any more."""
    load_addon()
    scene = make_scene()
    insert_style(scene.compositing_node_group, "normal")
    scene.view_layers[0].use_pass_normal = False
    render(scene, folder / "frame.exr")


def group_used_once_more_in_a_render(folder: Path) -> None:
    """The new use has no picture of its own."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    group = new_group("Look")
    insert_style(group, "swap")
    insert_group(tree, group)
    second = insert_group(tree, group)
    second.mute = True
    bpy.app.handlers.render_pre.append(lambda *_: setattr(second, "mute", False))
    render(scene, folder / "frame.exr")


def modifier_of_a_strip(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    edit = bpy.data.scenes.new("Edit")
    strip = edit.sequence_editor_create().strips.new_scene("Shot", scene, 1, 1)
    group = new_group("Look")
    insert_style(group, "swap")
    bpy.context.workspace.sequencer_scene = edit  # Blender 5.0 crashes without
    strip.modifiers.new("Look", "COMPOSITOR").node_group = group
    render(edit, folder / "frame.exr")


def no_place_for_files(folder: Path) -> None:
    """Nothing can be written where the node's inputs and its picture belong."""
    load_addon()
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")

    def spoil(*_: object) -> None:
        path = sys.modules["gan_style.addon.temp_folder"].folder()
        if path.is_dir():
            shutil.rmtree(path)
            path.write_text("")

    bpy.app.handlers.render_pre.append(spoil)
    render(scene, folder / "frame.exr")


def trigger_taken_away(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    bpy.app.handlers.render_pre.append(lambda *_: setattr(scene.compositing_node_group.nodes["GAN Style Trigger"], "mute", True))
    render(scene, folder / "frame.exr")


def other_engine_in_a_render(folder: Path) -> None:
    """A script that sets the engine of all scenes, after the render began."""
    load_addon()
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    bpy.app.handlers.render_pre.append(
        lambda *_: [setattr(other.render, "engine", "CYCLES") for other in bpy.data.scenes]  # ours included
    )
    render(scene, folder / "frame.exr")


def one_layer_alone(folder: Path) -> None:
    """As AWS Deadline Cloud's adaptor renders each frame: Blender renders no other scene then."""
    load_addon()
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    scene.render.filepath = str(folder / "frame.exr")
    bpy.ops.render.render(scene=scene.name, layer=scene.view_layers[0].name, write_still=True)


def one_layer_alone_in_words_unknown(folder: Path) -> None:
    """What Blender says while it composites is not understood: the process fails all the same."""
    load_addon()
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    bpy.app.handlers.render_stats.remove(sys.modules["gan_style.addon.run.in_renders"]._on_stats)
    bpy.ops.render.render(layer=scene.view_layers[0].name)


def single_layer_switched_on(folder: Path) -> None:
    """Told before anything is rendered."""
    load_addon()
    bpy.app.handlers.render_pre.append(lambda *_: print("rendering has begun", file=sys.stderr))
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    scene.render.use_single_layer = True
    render(scene, folder / "frame.exr")


def keyframed_style_away(folder: Path) -> None:
    """A style that only a later frame needs."""
    load_addon()
    bpy.app.handlers.render_pre.append(lambda *_: print("rendering has begun", file=sys.stderr))
    styles = folder / "styles"
    shutil.copytree(FIXTURES, styles)
    os.environ["GAN_STYLE_PATH"] = str(styles)
    scene = make_scene()
    node = insert_style(scene.compositing_node_group, "swap")
    for frame, style in ((1, "swap"), (40, "tone")):
        node.style = style
        node.keyframe_insert("style", frame=frame)
    node.style = "swap"
    (styles / "tone.onnx").unlink()
    render(scene, folder / "frame.exr")


def tree_changed_in_a_render(folder: Path) -> None:
    """A handler of a script puts a node before ours when the data-blocks must stay as they are."""
    load_addon()
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    before = insert(scene.compositing_node_group, "CompositorNodeExposure")
    bpy.app.handlers.render_pre.append(lambda *_: relink(scene.compositing_node_group, before))
    render(scene, folder / "frame.exr")


def relink(tree: bpy.types.NodeTree, before: bpy.types.Node) -> None:
    style = tree.nodes["GAN Style"]
    tree.links.new(style.inputs["Image"].links[0].from_socket, before.inputs["Image"])
    tree.links.new(before.outputs["Image"], style.inputs["Image"])


def unknown_node(folder: Path) -> None:
    """One of an add-on that is away, in a group and linked with nothing: Blender 5.0 then skips all groups."""
    load_addon()
    bpy.app.handlers.render_pre.append(lambda *_: print("rendering has begun", file=sys.stderr))
    scene = make_scene()
    kind = type("Foreign", (bpy.types.CompositorNodeCustomGroup,), {"bl_idname": "Foreign", "bl_label": "Foreign"})
    bpy.utils.register_class(kind)
    group = new_group("Old Look")
    group.nodes.new("Foreign").name = "Relic"
    insert_group(scene.compositing_node_group, group)
    bpy.utils.unregister_class(kind)
    insert_style(scene.compositing_node_group, "swap")
    render(scene, folder / "frame.exr")


def source_away(folder: Path) -> None:
    """The node's image comes from a file that is missing."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    node = insert_style(tree, "swap")
    image = noise(20, 10)
    image.filepath_raw, image.file_format = str(folder / "plate.png"), "PNG"
    image.save()
    source = tree.nodes.new("CompositorNodeImage")
    source.image = bpy.data.images.load(str(folder / "plate.png"))
    tree.links.new(source.outputs[0], node.inputs["Image"])
    (folder / "plate.png").unlink()
    source.image.buffers_free()
    render(scene, folder / "frame.exr")


def layer_not_rendered(folder: Path) -> None:
    load_addon()
    scene = make_scene()
    scene.view_layers.new("Hero").use = False
    scene.compositing_node_group.nodes["Render Layers"].layer = "Hero"
    insert_style(scene.compositing_node_group, "swap")
    render(scene, folder / "frame.exr")


def strip_instead(folder: Path) -> None:
    """A visible strip, be it beyond the frames that are rendered."""
    load_addon()
    bpy.app.handlers.render_pre.append(lambda *_: print("rendering has begun", file=sys.stderr))
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    scene.sequence_editor_create().strips.new_effect("Title", "COLOR", 1, 100, length=10)
    render(scene, folder / "frame.exr")


def own_mistake(folder: Path) -> None:
    """An error that nobody foresaw."""
    load_addon()
    scene = make_scene()
    insert(scene.compositing_node_group, "CompositorNodeExposure")
    insert_style(scene.compositing_node_group, "swap")
    sys.modules["gan_style.addon.run.run_nodes"].capture = lambda *_: {}["nothing"]
    render(scene, folder / "frame.exr")


def device_not_there(folder: Path) -> None:
    """The preferences want CUDA and nothing else."""
    load_addon()
    bpy.context.preferences.addons.new().module = "gan_style"
    preferences = bpy.context.preferences.addons["gan_style"].preferences
    preferences.device, preferences.cpu_fallback = "cuda", False
    sys.modules["gan_style.core.runtime"].cuda_problem = lambda: "no NVIDIA driver was found"
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    render(scene, folder / "frame.exr")


def style_of_another_version(folder: Path) -> None:
    """Written by a GAN Style that is newer than this one."""
    load_addon()
    styles = folder / "styles"
    shutil.copytree(FIXTURES, styles)
    os.environ["GAN_STYLE_PATH"] = str(styles)
    content = (styles / "swap.onnx").read_bytes()
    assert b'"format_version": 1' in content
    (styles / "swap.onnx").write_bytes(content.replace(b'"format_version": 1', b'"format_version": 9'))
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    render(scene, folder / "frame.exr")


def no_temporary_folder(folder: Path) -> None:
    """Nothing can be written where temporary files belong."""
    load_addon()
    scene = make_scene()
    tempfile.tempdir = str(folder / "gone")
    insert_style(scene.compositing_node_group, "swap")
    render(scene, folder / "frame.exr")


def disk_full(folder: Path) -> None:
    """No file can grow beyond a few bytes, which is what a full disk comes to."""
    load_addon()
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    bpy.app.handlers.render_pre.append(lambda *_: resource.setrlimit(resource.RLIMIT_FSIZE, (600, limit)))
    render(scene, folder / "frame.exr")


def environment_wants_another_device(folder: Path) -> None:
    os.environ["GAN_STYLE_DEVICE"] = "cuda"
    load_addon()
    sys.modules["gan_style.core.runtime"].cuda_problem = lambda: "no NVIDIA driver was found"
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    render(scene, folder / "frame.exr")


def too_little_memory(folder: Path) -> None:
    """Told before anything is rendered."""
    load_addon()
    bpy.app.handlers.render_pre.append(lambda *_: print("rendering has begun", file=sys.stderr))
    sys.modules["gan_style.core.generator"].free_memory = lambda _provider, _number: 2**20
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    render(scene, folder / "frame.exr")


if __name__ == "__main__":
    run_case(globals())
