"""The directed shot of the add-on's page: its line weight is keyframed, the hero has another look by Cryptomatte, and the ink
lies in a layer of its own. Needs bpy, and a style with the control Line Weight and with layers.

    python tests/addon/directed_shot.py STYLE [PICTURE.jpg [FOLDER]]

STYLE: the identifier of an installed style, or a file. Renders a few frames through the node into the folder, in the background
as a farm would, with the layers in files beside them, and puts the frames side by side.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "blender"))

import bpy
import numpy as np
from PIL import Image
from scene import load_addon, make_scene, make_still_life, new_tree, read_exr

from core.colour import encode_srgb

HERO, HEROS_LOOK = "Suzanne", "watercolour"
FRAMES, SIZE = (1, 12, 24), (400, 300)
INK = (0.05, 0.02, 0.2, 0)
"""The ink is tinted by itself, before it is laid over what was kept of the image."""


def stage() -> bpy.types.Scene:
    """The still life, by a camera that comes nearer."""
    scene = make_scene()
    make_still_life()
    for material in (slot.material for thing in scene.objects for slot in thing.material_slots):
        material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = material.diffuse_color
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.2, 0.22, 0.25, 1)
    camera = scene.camera
    for frame, place in ((FRAMES[0], (7.4, -6.9, 5.0)), (FRAMES[-1], (6.2, -6.2, 4.2))):
        camera.location = place
        camera.keyframe_insert("location", frame=frame)
    scene.cycles.samples = 8
    scene.cycles.use_denoising = True
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.view_layers[0].use_pass_cryptomatte_object = True
    return scene


def direct(scene: bpy.types.Scene, style: str, folder: Path) -> None:
    """The compositor tree as an artist builds it."""
    tree = scene.compositing_node_group = new_tree("Directed")
    layers, output = tree.nodes["Render Layers"], tree.nodes["Group Output"]
    lines, hero = (tree.nodes.new("CompositorNodeGANStyle") for _ in range(2))
    lines.style, hero.style = style, HEROS_LOOK
    matte = tree.nodes.new("CompositorNodeCryptomatteV2")
    matte.source, matte.scene, matte.matte_id = "RENDER", scene, HERO
    for node in (lines, hero, matte):
        tree.links.new(layers.outputs["Image"], node.inputs["Image"])
    sys.modules["gan_style.addon.trees.keep_in_sync"].sync()
    for frame, weight in ((FRAMES[0], 0.0), (FRAMES[-1], lines.node_tree.interface.items_tree["Line Weight"].max_value)):
        lines.inputs["Line Weight"].default_value = weight
        lines.inputs["Line Weight"].keyframe_insert("default_value", frame=frame)
    guides = sys.modules["gan_style.addon.trees.guides"]
    for node in (lines, hero):
        if guides.missing(node):
            guides.link(scene, node)
    tree.links.new(matte.outputs["Matte"], hero.inputs["Mask"])
    over = tree.nodes.new("CompositorNodeAlphaOver")
    tinted, images = tree.nodes.new("ShaderNodeMix"), [socket for socket in over.inputs if socket.type == "RGBA"]
    tinted.data_type, tinted.blend_type = "RGBA", "ADD"
    colours = {socket.identifier: socket for socket in (*tinted.inputs, *tinted.outputs)}
    tree.links.new(lines.outputs["Coverage"], colours["Factor_Float"])
    tree.links.new(lines.outputs["Paint"], colours["A_Color"])
    colours["B_Color"].default_value = INK
    tree.links.new(lines.outputs["Base"], images[0])
    tree.links.new(colours["Result_Color"], images[1])
    both = tree.nodes.new("ShaderNodeMix")
    both.data_type = "RGBA"
    colours = {socket.identifier: socket for socket in (*both.inputs, *both.outputs)}
    tree.links.new(matte.outputs["Matte"], colours["Factor_Float"])
    tree.links.new(over.outputs["Image"], colours["A_Color"])
    tree.links.new(hero.outputs["Image"], colours["B_Color"])
    tree.links.new(colours["Result_Color"], output.inputs[0])
    file = tree.nodes.new("CompositorNodeOutputFile")
    file.directory, file.file_name = str(folder), "ink_####"
    file.format.media_type, file.format.file_format = "MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER"
    file.file_output_items.clear()
    for name in ("Base", "Paint"):
        file.file_output_items.new("RGBA", name)
        tree.links.new(lines.outputs[name], file.inputs[name])


def shown(light: np.ndarray) -> np.ndarray:
    """Scene-linear to 8 bits of sRGB."""
    return np.round(255 * encode_srgb(light[..., :3].clip(0, 1))).astype(np.uint8)


def main(style: str, picture: Path, folder: Path) -> None:
    if style.endswith(".onnx"):
        os.environ["GAN_STYLE_PATH"] = str(Path(style).resolve().parent)
        style = Path(style).stem
    addon = load_addon().addon
    scene = stage()
    direct(scene, style, folder)
    columns = []
    for frame in FRAMES:
        scene.frame_set(frame)
        scene.render.filepath = str(folder / f"{frame:04d}.exr")
        bpy.ops.render.render(write_still=True)
        if problems := [run.error for run in addon.run.log.last_runs() if run.error]:
            sys.exit(problems[0])
        columns.append(shown(read_exr(folder / f"{frame:04d}.exr")["image"]))
    Image.fromarray(np.concatenate(columns, axis=1)).save(picture, quality=88)


if __name__ == "__main__":
    _, chosen, *rest = sys.argv
    target = Path(rest[0] if rest else "directed.jpg")
    main(chosen, target.resolve(), Path(rest[1] if len(rest) > 1 else tempfile.mkdtemp()).resolve())
    sys.stdout.flush()
    os._exit(0)  # Blender's own clean-up takes its time
