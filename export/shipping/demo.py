"""The demo: render a scene of ours through the GAN Style node and write the plain and the stylised frame."""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..settings import TrainerError, setting

log = logging.getLogger(__name__)


class DemoError(TrainerError):
    """The demo can't run here."""


@dataclass(frozen=True)
class DemoConfig:
    """Settings of `demo`."""

    output: Path = setting(Path("demo"), "folder for the three pictures")
    style: str = setting("graphic_novel", "an installed style")
    scene: str = setting("bedroom", "one of our scenes; this one judges styles and taught none")
    frame: int = setting(12, "frame of the shot")
    seed: int = setting(0, "seed of the scene")
    width: int = setting(960, "width in pixels")
    height: int = setting(540, "height in pixels")
    samples: int = setting(32, "Cycles samples per pixel, before denoising")


def demo(config: DemoConfig) -> tuple[Path, Path, Path]:
    """Render the scene through a compositor tree with a GAN Style node; return the paths of the three PNG files.

    Raises DemoError if Blender or the style is missing or the node failed.
    """
    try:
        import bpy
    except ImportError as error:
        raise DemoError(f"Blender's Python module can't be loaded: {error}. Install what it names.") from error
    from ..datasets import scenes
    from ..datasets.addon import load_addon

    addon = load_addon().addon
    log.info("Building the scene '%s' in Blender %s", config.scene, bpy.app.version_string)
    scene = scenes.build(config.scene, config.seed)
    folder = config.output.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    plain, stylized, both = (folder / f"{name}.png" for name in ("plain", "stylized", "side_by_side"))
    _settings(scene, config, stylized)
    node = _compositor_tree(scene, config.style, plain)
    if addon.trees.guides.missing(node):
        addon.trees.guides.link(scene, node)
    started = time.perf_counter()
    with _progress(config.samples):
        bpy.ops.render.render(write_still=True, scene=scene.name)
    _report(addon.run.log.last_runs(), time.perf_counter() - started)
    _side_by_side(plain, stylized, both)
    for path in (plain, stylized, both):
        log.info("%s", path)
    return plain, stylized, both


def _settings(scene, config: DemoConfig, path: Path) -> None:
    render = scene.render
    render.engine = "CYCLES"
    scene.cycles.samples = config.samples
    scene.cycles.use_denoising = True
    scene.view_settings.view_transform = "Standard"  # shows the look's own colours; AgX, the default, mutes them
    render.resolution_x, render.resolution_y, render.resolution_percentage = config.width, config.height, 100
    render.image_settings.media_type = "IMAGE"
    render.image_settings.file_format = "PNG"
    render.use_file_extension = True
    render.filepath = str(path)
    scene.frame_set(config.frame)


def _compositor_tree(scene, style: str, plain: Path):
    """Render Layers -> GAN Style -> output, as an artist would build it, and the plain frame into a file; returns the node."""
    import bpy

    tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    scene.compositing_node_group = tree
    layers, output = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("NodeGroupOutput")
    node = tree.nodes.new("CompositorNodeGANStyle")
    try:
        node.style = style
    except TypeError as error:
        raise DemoError(f"The style '{style}' is not installed.") from error
    file = tree.nodes.new("CompositorNodeOutputFile")
    file.directory, file.file_name = str(plain.parent), plain.stem
    file.format.media_type = "IMAGE"
    file.format.file_format = "PNG"
    file.format.color_depth = "8"  # Blender reads deeper ones back as linear light
    file.file_output_items.clear()
    file.file_output_items.new("RGBA", "")
    tree.links.new(layers.outputs["Image"], node.inputs["Image"])
    tree.links.new(node.outputs["Image"], output.inputs["Image"])
    tree.links.new(layers.outputs["Image"], file.inputs[0])
    return node


@contextmanager
def _progress(samples: int) -> Iterator[None]:
    """A progress bar over the samples that Cycles reports."""
    import bpy

    bar = tqdm(total=samples, desc="Rendering", unit="sample", leave=True)

    def show(text: str, *_: object) -> None:
        if found := re.search(r"Sample (\d+)/\d+", text):
            bar.update(int(found[1]) - bar.n)
        elif "Compositing" in text:
            bar.set_description("Stylizing")

    bpy.app.handlers.render_stats.append(show)
    try:
        with bar:
            yield
            bar.update(samples - bar.n)
    finally:
        bpy.app.handlers.render_stats.remove(show)


def _report(runs: tuple, seconds: float) -> None:
    """Log the device and where the time went. Raises DemoError if the node failed."""
    if not runs or runs[-1].error:
        raise DemoError(runs[-1].error if runs else "The GAN Style node did not run.")
    run = runs[-1]
    node = run.inputs_seconds + run.generator_seconds + run.write_seconds
    log.info("Execution provider: %s. %s", run.provider, run.reason)
    log.info(
        "Rendering and compositing %.2f s, the node's inputs %.2f s, the generator %.2f s, the write-back %.2f s",
        seconds - node,
        run.inputs_seconds,
        run.generator_seconds,
        run.write_seconds,
    )


def _side_by_side(left: Path, right: Path, out: Path) -> None:
    """Write two pictures of one size beside each other, as they are on disk."""
    import bpy

    halves = []
    for path in (left, right):
        image = bpy.data.images.load(str(path))
        pixels = np.empty(image.size[1] * image.size[0] * 4, np.float32)
        image.pixels.foreach_get(pixels)
        halves.append(pixels.reshape(image.size[1], image.size[0], 4))
        bpy.data.images.remove(image)
    both = np.concatenate(halves, axis=1)
    image = bpy.data.images.new("Side by Side", both.shape[1], both.shape[0])
    image.pixels.foreach_set(both.ravel())
    image.filepath_raw, image.file_format = str(out), "PNG"
    image.save()
