"""Small scenes for the add-on's tests, and the add-on itself, registered from the checkout."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from unittest.mock import patch

import bpy
import numpy as np

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "tests" / "fixtures"
sys.path.insert(0, str(ROOT))
os.environ["GAN_STYLE_PATH"] = str(FIXTURES)

from core import Generator, load_style, stylize  # noqa: E402
from core.exr import read_exr  # noqa: E402
from export.datasets.addon import load_addon as load_addon  # noqa: E402

WIDTH, HEIGHT = 60, 45
COLOURS = {
    "Cube": (0.75, 0.12, 0.06), "Suzanne": (0.85, 0.55, 0.12), "Floor": (0.25, 0.4, 0.22),
    "Sphere": (0.1, 0.25, 0.7), "Torus": (0.6, 0.2, 0.6),
}  # fmt: skip


def module(name: str) -> ModuleType:
    """The add-on's module of that name, such as `run.log`."""
    return sys.modules[f"gan_style.addon.{name}"]


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


def make_still_life() -> None:
    """The cube, the monkey, a ball and a ring on a floor, each in a colour of its own."""
    bpy.ops.mesh.primitive_plane_add(size=30, location=(0, 0, -1))
    bpy.context.object.name = "Floor"
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.6, location=(2.8, 1.2, -0.4))
    bpy.ops.object.shade_smooth()
    bpy.ops.mesh.primitive_torus_add(location=(-0.2, 2.6, 0), rotation=(1.2, 0.3, 0))
    bpy.ops.object.shade_smooth()
    objects = bpy.data.objects
    objects["Cube"].animation_data_clear()
    objects["Cube"].location, objects["Cube"].scale = (-1.6, 0.8, 0.2), (1, 1, 1.2)
    monkey = objects["Suzanne"]
    monkey.location, monkey.rotation_euler, monkey.scale = (0.9, -0.6, 0.1), (-0.3, 0, 0.5), (1.3, 1.3, 1.3)
    monkey.modifiers.new("Smooth", "SUBSURF").levels = 2
    monkey.data.polygons.foreach_set("use_smooth", [True] * len(monkey.data.polygons))
    for name, colour in COLOURS.items():
        material = bpy.data.materials.new(name)
        material.diffuse_color = *colour, 1
        objects[name].data.materials.clear()
        objects[name].data.materials.append(material)
    bpy.ops.object.select_all(action="DESELECT")
    monkey.select_set(True)
    bpy.context.view_layer.objects.active = monkey


def start_over(frames: int = 1) -> bpy.types.Scene:
    """Blender as after its start, with another such scene."""
    bpy.ops.wm.read_factory_settings()
    return make_scene(frames)


def second_scene(name: str, size: tuple[int, int]) -> bpy.types.Scene:
    """A further scene of so many pixels: the first scene's objects without the monkey, before a sky of their own."""
    scene = bpy.data.scenes.new(name)
    for item in bpy.data.scenes["Scene"].collection.all_objects:
        if item.name != "Suzanne":
            scene.collection.objects.link(item)
    scene.camera = bpy.data.scenes["Scene"].camera
    scene.world = bpy.data.worlds.new(name)
    scene.world.color = (0.8, 0.2, 0.1)
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.device = 1, "CPU"
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    return scene


@contextlib.contextmanager
def in_a_window() -> Iterator[ModuleType]:
    """What runs in renders takes this Blender for one with a window; its handler for statistics is not there in one."""
    in_renders = module("run.in_renders")
    app = SimpleNamespace(background=False, is_job_running=lambda _: False, translations=bpy.app.translations)
    bpy.app.handlers.render_stats.remove(in_renders._on_stats)
    with patch.object(in_renders, "bpy", SimpleNamespace(app=app, data=bpy.data, types=bpy.types)):
        yield in_renders
    bpy.app.handlers.render_stats.append(in_renders._on_stats)


def is_ours(block: bpy.types.ID) -> bool:
    """Whether the add-on made the data-block and keeps it out of sight."""
    return block.get("gan_style") is not None


def hidden() -> list[str]:
    """All data-blocks of this file that the add-on keeps out of sight."""
    kinds = (bpy.data.scenes, bpy.data.node_groups, bpy.data.images, bpy.data.objects, bpy.data.cameras, bpy.data.actions)
    return sorted(block.name for kind in kinds for block in kind if is_ours(block) and block.library is None)


def hidden_scene(role: str) -> bpy.types.Scene:
    return next(scene for scene in bpy.data.scenes if scene.get("gan_style") == role)


def noise(width: int, height: int, seed: int = 0) -> bpy.types.Image:
    """An opaque image of random colours up to 2."""
    pixels = np.random.default_rng(seed).uniform(0, 2, (height, width, 4)).astype(np.float32)
    pixels[..., 3] = 1
    image = bpy.data.images.new("Noise", width, height, float_buffer=True)
    image.pixels.foreach_set(pixels.ravel())
    return image


def new_group(name: str) -> bpy.types.NodeTree:
    """A node group that gives the image that it gets."""
    group = bpy.data.node_groups.new(name, "CompositorNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Image", in_out=direction, socket_type="NodeSocketColor")
    source, target = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
    target.name = "Group Output"
    group.links.new(source.outputs[0], target.inputs[0])
    return group


def insert_group(tree: bpy.types.NodeTree, group: bpy.types.NodeTree) -> bpy.types.Node:
    """Use the group before the tree's Group Output, behind what feeds it now."""
    node = tree.nodes.new("CompositorNodeGroup")
    node.node_tree = group
    target = tree.nodes["Group Output"].inputs[0]
    tree.links.new(target.links[0].from_socket, node.inputs["Image"])
    tree.links.new(node.outputs["Image"], target)
    return node


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


def render_frames(scene: bpy.types.Scene, folder: Path) -> list[np.ndarray]:
    """Render all frames into EXR files of a folder and read them: (H, W, 4) float32 each."""
    scene.render.filepath = str(folder / "####.exr")
    bpy.ops.render.render(scene=scene.name, animation=True)
    return [read_exr(folder / f"{frame:04d}.exr")["image"] for frame in range(scene.frame_start, scene.frame_end + 1)]


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


def assert_swapped(scene: bpy.types.Scene, node: bpy.types.Node, folder: Path, tolerance: float = 1e-5) -> np.ndarray:
    """Assert that the node, whose style is swap, exchanges red and blue of the picture that it gives when muted; return that."""
    node.mute = True
    plain = render(scene, folder / "plain.exr")
    node.mute = False
    assert np.abs(plain[..., 0] - plain[..., 2]).max() > 0.05, "the picture is grey"
    assert_close(render(scene, folder / "swapped.exr"), plain[..., [2, 1, 0, 3]], tolerance)
    return plain


def run_case(cases: dict) -> None:
    """Run the function that the command line names, or all that take just a folder, with the folder that it names."""
    name, folder = sys.argv[-2:]
    functions = [f for f in cases.values() if isinstance(f, FunctionType)]
    everything = [f for f in functions if f.__code__.co_varnames[: f.__code__.co_argcount] in (("folder",), ("_folder",))]
    for case in everything if name == "all" else [cases[name]]:
        print(f"Case {case.__name__}", flush=True)
        case_folder = Path(folder) / case.__name__ if name == "all" else Path(folder)
        case_folder.mkdir(exist_ok=True)
        case(case_folder)
        if name == "all":
            bpy.ops.wm.read_factory_settings()
            sys.modules["gan_style"].unregister()  # the next case finds an add-on that remembers nothing
            sys.modules["gan_style"].register()
    sys.modules["gan_style"].unregister()  # also removes its temporary files
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # Blender's own clean-up is not under test and takes its time
