"""Saves small shots as .blend files, as artists hand them to a farm."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from scene import insert_style, load_addon, make_scene, run_case


def styled(folder: Path) -> None:
    load_addon()
    scene = make_scene(frames=4)
    insert_style(scene.compositing_node_group, "wide")
    scene.render.use_overwrite = False
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))


def plain(folder: Path) -> None:
    load_addon()
    make_scene()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))


def broken(folder: Path) -> None:
    """A node without an input, and one with a style that is nowhere."""
    load_addon()
    tree = make_scene().compositing_node_group
    insert_style(tree, "wide").style_id = "gone"
    unlinked = insert_style(tree, "swap")
    unlinked.name = "Unlinked"
    tree.links.remove(unlinked.inputs["Image"].links[0])
    tree.links.new(tree.nodes["GAN Style"].outputs["Image"], tree.nodes.new("CompositorNodeViewer").inputs["Image"])
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))


if __name__ == "__main__":
    run_case(globals())
