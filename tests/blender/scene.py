"""Small scenes for the add-on's tests, and the add-on itself, registered from the checkout."""

import importlib.util
import os
import sys
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
sys.path.insert(0, str(ROOT))
os.environ["GAN_STYLE_PATH"] = str(FIXTURES)

from core import Generator, load_style, stylize  # noqa: E402
from core.exr import read_exr  # noqa: E402

WIDTH, HEIGHT = 60, 45


def load_addon():
    """Register the checkout as the package `gan_style`."""
    spec = importlib.util.spec_from_file_location("gan_style", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    package = importlib.util.module_from_spec(spec)
    sys.modules["gan_style"] = package
    spec.loader.exec_module(package)
    package.register()
    return package


def make_scene(frames: int = 1) -> bpy.types.Scene:
    """A lit monkey and a cube that moves by half its width a frame, before a sky, rendered by Cycles with one sample."""
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_monkey_add(location=(1.5, -1, 0))
    cube = bpy.data.objects["Cube"]
    cube.keyframe_insert("location", frame=1)
    cube.location.x -= 3
    cube.keyframe_insert("location", frame=4)
    material = cube.data.materials[0]
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.9, 0.1, 0.05, 1)
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.1, 0.3, 0.9, 1)
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.device = "CPU"
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = WIDTH, HEIGHT, 100
    scene.frame_start, scene.frame_end = 1, frames
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.compositing_node_group = new_tree("Compositing")
    return scene


def new_tree(name: str) -> bpy.types.NodeTree:
    """A compositor tree: Render Layers -> Group Output."""
    tree = bpy.data.node_groups.new(name, "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    layers, output = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("NodeGroupOutput")
    layers.name, output.name = "Render Layers", "Group Output"
    tree.links.new(layers.outputs["Image"], output.inputs[0])
    return tree


def insert(tree: bpy.types.NodeTree, kind: str, **inputs: object) -> bpy.types.Node:
    """Put a new node before the Group Output, behind what feeds it now; `inputs` are values of its sockets."""
    output = tree.nodes["Group Output"]
    feed = output.inputs[0].links[0].from_socket
    node = tree.nodes.new(kind)
    tree.links.new(feed, node.inputs["Image"])
    tree.links.new(node.outputs["Image"], output.inputs[0])
    for name, value in inputs.items():
        node.inputs[name].default_value = value
    return node


def insert_style(tree: bpy.types.NodeTree, style: str, **inputs: object) -> bpy.types.Node:
    node = insert(tree, "CompositorNodeGANStyle", **inputs)
    node.style = style
    return node


def render(scene: bpy.types.Scene, path: Path) -> np.ndarray:
    """Render a still into an EXR file and read it: (H, W, 4) float32."""
    scene.render.filepath = str(path)
    bpy.ops.render.render(scene=scene.name, write_still=True)
    return read_exr(path)["image"]


def styled(image: np.ndarray, *styles: str) -> np.ndarray:
    """What core makes of an image with the fixture styles, one after the other."""
    for style in styles:
        image = stylize(Generator(load_style(FIXTURES / f"{style}.onnx")), {"image": image})
    return image


def assert_close(got: np.ndarray, expected: np.ndarray, tolerance: float = 1e-6) -> None:
    assert got.shape == expected.shape, (got.shape, expected.shape)
    difference = np.abs(got - expected) / np.maximum(1, np.abs(expected))
    places = np.argwhere(difference > tolerance)[:3].tolist()
    assert difference.max() <= tolerance, f"differs by up to {difference.max()}, first at {places}"


def run_case(cases: dict) -> None:
    """Run the function that the command line names, with the folder that it names."""
    name, folder = sys.argv[-2:]
    cases[name](Path(folder))
    sys.modules["gan_style"].unregister()  # also removes its temporary files
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # Blender's own clean-up is not under test and takes its time
