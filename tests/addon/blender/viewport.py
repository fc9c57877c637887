"""The stylised viewport where there is no window: it can be registered and taken away, and does nothing else."""

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from scene import insert, insert_style, load_addon, run_case, start_over


def live():
    return sys.modules["gan_style.addon.viewport.live"]


def look():
    return sys.modules["gan_style.addon.viewport.look"]


def nothing_happens_in_background(folder: Path) -> None:
    load_addon()
    scene = start_over()
    insert_style(scene.compositing_node_group, "swap")
    space = next(area.spaces.active for area in bpy.data.screens["Layout"].areas if area.type == "VIEW_3D")
    with bpy.context.temp_override(screen=bpy.data.screens["Layout"], space_data=space):
        assert not bpy.ops.gan_style.stylised_view.poll() and not bpy.ops.gan_style.show_in_viewport.poll()
    assert not live().views and not bpy.app.timers.is_registered(live()._timer._registered)
    assert not [thread for thread in threading.enumerate() if thread.name == "GAN Style viewport"]


def the_add_on_leaves_no_switch_behind(folder: Path) -> None:
    package = load_addon()
    switch = sys.modules["gan_style.addon.viewport.switch"]
    places = [(getattr(bpy.types, name), function) for name, function in switch.PLACES]

    def shown() -> list[bool]:
        return [function in kind._dyn_ui_initialize() for kind, function in places]

    assert all(shown())
    package.unregister()
    assert not any(shown()) and live()._on_load not in bpy.app.handlers.load_pre
    assert not hasattr(bpy.types, "GANSTYLE_OT_stylised_view")
    package.register()
    assert all(shown())


def the_active_node_is_shown_or_the_last(folder: Path) -> None:
    load_addon()
    scene = start_over()
    tree = scene.compositing_node_group
    assert look().node_of(scene) is None
    first, last = insert_style(tree, "swap"), insert_style(tree, "tone")
    sys.modules["gan_style.addon.trees.keep_in_sync"].sync()
    tree.nodes.active = tree.nodes["Render Layers"]
    assert look().node_of(scene) == last
    tree.nodes.active = first
    assert look().node_of(scene) == first
    assert look().node_of(scene, last.node_tree.session_uid) == last
    last.mute = True
    assert look().node_of(scene, last.node_tree.session_uid) == first, "a node without effect is not shown"
    first.mute = True
    assert look().node_of(scene) is None, "nor is the last one"
    scene.compositing_node_group = None
    assert look().node_of(scene) is None


def an_engine_that_is_drawn_in_viewports_only_writes_no_animation(folder: Path) -> None:
    load_addon()
    scene, problem = start_over(), sys.modules["gan_style.addon.viewport.keep"].problem
    space = next(area.spaces.active for area in bpy.data.screens["Layout"].areas if area.type == "VIEW_3D")
    assert not problem(scene, space)
    space.shading.type = "RENDERED"
    assert "viewports only" in problem(scene, space), "Cycles"
    scene.render.engine = "BLENDER_WORKBENCH"
    assert not problem(scene, space)
    scene.render.image_settings.media_type = "VIDEO"
    assert "image format" in problem(scene, space)


def the_node_says_how_a_view_looks(folder: Path) -> None:
    load_addon()
    scene = start_over()
    tree = scene.compositing_node_group
    node = insert_style(tree, "swap", Strength=0.25, Exposure=2.0, **{"Keep Colours": 0.5})
    found = look().look_of(scene, 0)
    assert (found.style, found.strength, found.exposure, found.keep_colours) == ("swap", 0.25, 2.0, 0.5) and len(found.file) == 64
    value = insert(tree, "CompositorNodeExposure")
    tree.links.new(value.outputs["Image"], node.inputs["Strength"])
    assert look().look_of(scene, 0).strength == 1, "what a link carries is known in the compositor only"


def a_style_whose_file_is_gone_looks_otherwise(folder: Path) -> None:
    load_addon()
    scene = start_over()
    node = insert_style(scene.compositing_node_group, "swap")
    before = look().look_of(scene, 0)
    node.style_id = "gone"
    assert before.file and not look().look_of(scene, 0).file


def a_node_in_a_group_that_is_used_twice_is_shown(folder: Path) -> None:
    load_addon()
    scene = start_over()
    tree, group = scene.compositing_node_group, bpy.data.node_groups.new("Twice", "CompositorNodeTree")
    for way in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Image", in_out=way, socket_type="NodeSocketColor")
    entry, end = (group.nodes.new(f"NodeGroup{way}") for way in ("Input", "Output"))
    group.links.new(entry.outputs["Image"], end.inputs["Image"])
    node = insert_style(group, "tone")
    feed, uses = tree.nodes["Render Layers"].outputs["Image"], []
    for _ in range(2):
        uses.append(tree.nodes.new("CompositorNodeGroup"))
        uses[-1].node_tree = group
        tree.links.new(feed, uses[-1].inputs["Image"])
        feed = uses[-1].outputs["Image"]
    tree.links.new(feed, tree.nodes["Group Output"].inputs[0])
    assert look().node_of(scene) == node and look().look_of(scene, 0).style == "tone"
    uses[0].mute = uses[1].mute = True
    assert look().node_of(scene) is None


if __name__ == "__main__":
    run_case(globals())
