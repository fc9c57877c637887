"""What the node costs inside Blender besides its generator, measured with Blender as a Python module."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ..settings import TrainerError

ROOT = Path(__file__).parents[2]
FRAMES = 5
STYLE = "graphic_novel"
HEAVY = ("onnxruntime", "onnx", "OpenEXR", "psutil", "torch")
"""Modules that nothing may import before a style is chosen."""
STARTS = 3


def node_parts(height: int, width: int) -> dict[str, float]:
    """Seconds of a render whose tree is Image -> GAN Style -> output, beside those with the node muted: "rest" is all that
    the node adds besides the generator's run: the inputs, the arrays around the generator, the write-back, and what remains,
    namely digests of the inputs and Blender reading and mixing the stylised picture.
    """
    import bpy

    from ..datasets.addon import load_addon

    addon = load_addon().addon
    scene = bpy.context.scene
    node = _tree(scene, height, width)
    wanted = addon.settings.settings()
    generator = addon.library.generator(STYLE, wanted.device, wanted)[0]
    run, ran = generator.run, []

    def timed(*arguments: object) -> np.ndarray:
        started = time.perf_counter()
        result = run(*arguments)
        ran.append(time.perf_counter() - started)
        return result

    generator.run, rows = timed, []
    for number in range(1 + FRAMES):
        node.inputs["Exposure"].default_value = 0.01 * (1 + number)  # so that no frame is taken from the cache
        ran.clear()
        plain, styled = (_render(scene, node, muted) for muted in (True, False))
        done = addon.run.log.last_runs()[-1]
        if done.error:
            raise TrainerError(done.error)
        network, whole = sum(ran), styled - plain
        parts = done.inputs_seconds, done.generator_seconds - network, done.write_seconds
        rows.append((network, *parts, whole - network - sum(parts), whole - network))
    names = ("generator", "inputs", "arrays", "write_back", "remaining", "rest")
    return dict(zip(names, np.median(rows[1:], axis=0).tolist(), strict=True))


def _tree(scene, height: int, width: int):
    """Noise -> GAN Style -> output in the scene's compositor; returns the node."""
    import bpy

    pixels = np.random.default_rng(0).random((height, width, 4), np.float32)
    pixels[..., 3] = 1
    noise = bpy.data.images.new("Noise", width, height, float_buffer=True)
    noise.pixels.foreach_set(pixels.ravel())
    tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    scene.compositing_node_group = tree
    kinds = "CompositorNodeImage", "CompositorNodeGANStyle", "NodeGroupOutput"
    source, node, output = (tree.nodes.new(kind) for kind in kinds)
    source.image, node.style = noise, STYLE
    tree.links.new(source.outputs["Image"], node.inputs["Image"])
    tree.links.new(node.outputs["Image"], output.inputs[0])
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    return node


def _render(scene, node, muted: bool) -> float:
    import bpy

    node.mute = muted
    started = time.perf_counter()
    bpy.ops.render.render(scene=scene.name)
    return time.perf_counter() - started


def enabling_cost() -> dict[str, float]:
    """How much longer Blender takes from its start with the add-on enabled, and how many of HEAVY are imported by then."""
    command, rows = [sys.executable, "-m", "export.speed.blender"], []
    with tempfile.TemporaryDirectory() as folder:  # for the compiled modules, which only the first start has to make
        environment = os.environ | {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        for _ in range(1 + STARTS):
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
            rows.append([float(word) for word in done.stdout.split()[-3:]])
    names = ("blender", "seconds", "heavy_modules")
    return dict(zip(names, np.median(rows[1:], axis=0).tolist(), strict=True))


def _enable() -> None:
    """Write the seconds of Blender's start and of registering the add-on, and how many heavy modules are imported then."""
    started = time.perf_counter()
    import bpy  # noqa: F401 - its import starts Blender

    begun = time.perf_counter()
    from ..datasets.addon import load_addon

    load_addon()
    heavy = sum(module in sys.modules for module in HEAVY)
    sys.stdout.write(f"\n{begun - started} {time.perf_counter() - begun} {heavy}\n")
    sys.stdout.flush()
    os._exit(0)  # Blender's own clean-up is not measured and takes its time


if __name__ == "__main__":
    _enable()
