"""Blender's side of rendering a frame: Cycles settings, and the compositor that hands over all passes in one file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from core.exr import read_exr
from core.passes import COLOUR, LIGHT, PASSES, Pass, check_passes

ENGINES = {"cycles": "CYCLES", "eevee": "BLENDER_EEVEE", "workbench": "BLENDER_WORKBENCH"}
"""The engines that may render a frame's image, and Blender's names for them."""


def capture(scene, file: Path, passes: list[Pass], engine: str = "cycles") -> dict[str, np.ndarray]:
    """The passes {name: (H, W, c) float32} of the scene's frame, which the compositor of route_passes() writes to the file.

    With motion blur Blender renders no vector pass, and Workbench renders next to none: then Cycles renders what is missing,
    sharp and of few samples.
    """
    image = _render(scene, file, passes, ENGINES[engine])
    blurred = scene.render.use_motion_blur
    if engine == "cycles" and not blurred:
        return image
    cycles = scene.cycles
    kept = cycles.samples, cycles.use_denoising
    scene.render.use_motion_blur, cycles.samples, cycles.use_denoising = False, 4, False
    sharp = _render(scene, file, passes, "CYCLES")
    scene.render.use_motion_blur, (cycles.samples, cycles.use_denoising) = blurred, kept
    return {**sharp, "image": image["image"]} if engine != "cycles" else {**image, "vector": sharp["vector"]}


def _render(scene, file: Path, passes: list[Pass], engine: str) -> dict[str, np.ndarray]:
    import bpy

    scene.render.engine = engine
    file.unlink(missing_ok=True)
    with quiet():
        bpy.ops.render.render(scene=scene.name)
    layers = read_exr(file)
    found = {name: np.ascontiguousarray(layers[name][..., : p.channels]) for name in layers if (p := PASSES.get(name))}
    for name in [name for name in found if name in LIGHT and PASSES[name].holds == COLOUR]:
        found[name] = found[name].clip(0, 1)  # denoising may go beyond
    check_passes(found, [p.name for p in passes])
    return found


def configure(scene, width: int, height: int, samples: int) -> None:
    """Cycles settings of a data set: few samples, denoised; no motion blur, with which Blender renders no vector pass."""
    import bpy

    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    render.use_motion_blur, render.use_persistent_data = False, True
    preferences = bpy.context.preferences.addons["cycles"].preferences
    cycles.device = "GPU" if preferences.has_active_device() else "CPU"
    cycles.samples, cycles.seed, cycles.use_animated_seed = samples, 0, True
    cycles.use_adaptive_sampling, cycles.adaptive_threshold = True, 0.1
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    # Without a prefilter, the noise of guides seen in metal and glass stays; the accurate one takes longer than the frame.
    cycles.denoising_input_passes, cycles.denoising_prefilter = "RGB_ALBEDO_NORMAL", "FAST"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 4, 2, 2
    cycles.transmission_bounces, cycles.transparent_max_bounces = 4, 4
    cycles.sample_clamp_indirect = 4.0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.use_auto_tile = False


def route_passes(scene, folder: Path, passes: list[Pass]) -> Path:
    """Let the scene's compositor write passes into one EXR file, whose path is returned; those of light denoised as the image."""
    import bpy

    for p in passes:
        if p.switch:
            setattr(scene.view_layers[0], p.switch, True)
    tree = bpy.data.node_groups.new("Passes", "CompositorNodeTree")
    scene.compositing_node_group = tree
    scene.render.compositor_device, scene.render.compositor_precision = "CPU", "FULL"
    layers, file = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeOutputFile")
    layers.scene = scene
    file.directory, file.file_name = str(folder), "passes"
    file.format.media_type = "MULTI_LAYER_IMAGE"
    file.format.file_format = "OPEN_EXR_MULTILAYER"
    file.format.color_depth, file.format.exr_codec = "32", "NONE"
    file.file_output_items.clear()
    for p in passes:
        item = file.file_output_items.new({1: "FLOAT", 3: "VECTOR", 4: "RGBA"}[p.channels], p.name)
        source = layers.outputs[p.socket]
        if p.name in LIGHT:
            denoise = tree.nodes.new("CompositorNodeDenoise")
            for socket, feed in (("Image", p.socket), ("Normal", "Normal"), ("Albedo", "Diffuse Color")):
                tree.links.new(layers.outputs[feed], denoise.inputs[socket])
            source = denoise.outputs["Image"]
        tree.links.new(source, file.inputs[item.name])
    return folder / "passes.exr"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what Blender writes to standard output for each frame from breaking the progress bar."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
