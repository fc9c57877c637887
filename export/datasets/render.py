"""Renders our scenes with Cycles into the frames that the trainer reads, and beside them the target frames of a look."""

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import numpy as np
from tqdm import tqdm

from core.colour import HALF_MAX
from core.exr import read_exr, write_exr
from core.passes import FULL_FLOAT, LIGHT, PASSES, RADIANCE, Pass, check_passes

from ..settings import TrainerError, setting, to_values
from .charts import chart
from .scenes import FRAMES, build, scene_names

CHART = "chart"
"""Beginning of the names of test charts."""


class RenderDatasetError(TrainerError):
    """The frames can't be rendered as asked."""


@dataclass(frozen=True)
class RenderDatasetConfig:
    """Settings of `render-dataset`."""

    output: Path = setting(Path("datasets/frames"), "folder for input/*.exr, target/*.exr and dataset.json")
    scenes: str = setting("train", "train, held_out, demo, or names of scenes separated by commas")
    look: str = setting("", "look that paints the target frames; empty: no target frames")
    frames: int = setting(8, f"frames to render of each scene; with frame-step at most its {FRAMES}")
    frame_step: int = setting(3, "frames from one rendered frame to the next")
    seed: int = setting(0, "seed of the first variation of each scene")
    variations: int = setting(1, "variations of each scene, each with the next seed")
    width: int = setting(960, "width in pixels")
    height: int = setting(540, "height in pixels")
    samples: int = setting(12, "largest number of Cycles samples per pixel, before denoising")
    exposure: float = setting(0.0, "largest change of the light, in stops; each variation of a scene has its own")
    lights: bool = setting(False, "also the passes of light that Cycles has: diffuse and glossy, emission, ambient occlusion")
    charts: int = setting(0, "test charts (flat greys, ramps, noise, lights) to add to the scenes")

    def __post_init__(self):
        for name in ("frames", "frame_step", "variations", "width", "height", "samples"):
            if getattr(self, name) < 1:
                raise RenderDatasetError(f"The setting {name.replace('_', '-')} must be at least 1, not {getattr(self, name)}.")
        for name in ("seed", "exposure", "charts"):
            if getattr(self, name) < 0:
                raise RenderDatasetError(f"The setting {name} must not be negative, but it is {getattr(self, name)}.")
        if 1 + (self.frames - 1) * self.frame_step > FRAMES:
            raise RenderDatasetError(
                f"The scenes have {FRAMES} frames, too few for {self.frames} frames in steps of "
                f"{self.frame_step}; ask for fewer or smaller steps."
            )


@dataclass(frozen=True)
class Shot:
    """One frame to render."""

    scene: str
    seed: int
    frame: int

    @property
    def name(self) -> str:
        return f"{self.scene}_s{self.seed}_{self.frame:04d}"

    def light(self, most: float) -> float:
        """Factor of its radiance: the same for all frames of a variation, spread between minus and plus `most` stops."""
        return 2.0 ** (most * (2 * crc32(f"{self.scene} {self.seed}".encode()) / 2**32 - 1))


def render_dataset(config: RenderDatasetConfig, progress: Callable[..., Iterable] = tqdm) -> list[Path]:
    """Render what is missing and return the paths of all frames in input/.

    Each frame is a multilayer EXR with the layers of core.passes.PASSES, those of light only if asked for; image and light are
    denoised, image premultiplied. With a look, its picture of the passes, (H, W, 3) scene-linear, becomes the layer "image" of
    the file of the same name in target/.
    progress: wraps the shots that are still to render, as tqdm does. Raises RenderDatasetError if Blender or the look is
    missing or the folder holds frames of other settings, SceneError for unknown scenes.
    """
    shots = _shots(config)
    look = _look(config.look)
    bpy = blender()
    output = config.output.resolve()
    folders = [output / "input", *([output / "target"] if look else [])]
    _claim(output, config, bpy.app.version_string, shots)
    for folder in folders:
        folder.mkdir(exist_ok=True)
    missing = [shot for shot in shots if not all((folder / f"{shot.name}.exr").is_file() for folder in folders)]
    with TemporaryDirectory(prefix=".rendering_", dir=output) as scratch:
        for shot, passes in _rendered(progress(missing), config, Path(scratch)):
            for name in [name for name in passes if PASSES[name].holds == RADIANCE]:
                passes[name][..., :3] *= shot.light(config.exposure)
            if look:
                _write(output / "target" / f"{shot.name}.exr", {"image": look(passes)}, Path(scratch))
            _write(output / "input" / f"{shot.name}.exr", passes, Path(scratch))
    return [output / "input" / f"{shot.name}.exr" for shot in shots]


def _shots(config: RenderDatasetConfig) -> list[Shot]:
    frames = range(1, 1 + config.frames * config.frame_step, config.frame_step)
    seeds = range(config.seed, config.seed + config.variations)
    shots = [Shot(scene, seed, frame) for seed in seeds for scene in scene_names(config.scenes) for frame in frames]
    # Each chart is a sequence of its own: no motion leads from one to the next.
    return shots + [Shot(f"{CHART}{number}", config.seed, 1) for number in range(config.charts)]


def _look(name: str) -> Callable[[dict[str, np.ndarray]], np.ndarray] | None:
    if not name:
        return None
    try:
        from .looks import LOOKS
    except ImportError as error:
        raise RenderDatasetError(f"Looks can't be loaded: {error}. Install the extra 'train'.") from error
    if name not in LOOKS:
        raise RenderDatasetError(f"There is no look '{name}'; choose from {', '.join(LOOKS)}.")
    return LOOKS[name]


def blender():
    try:
        import bpy
    except ImportError as error:
        raise RenderDatasetError(f"Blender's Python module can't be loaded: {error}. Install what it names.") from error
    return bpy


def _claim(output: Path, config: RenderDatasetConfig, blender: str, shots: list[Shot]) -> None:
    """Write dataset.json, or check that the one there was written for the same frames."""
    settings = {name: value for name, value in to_values(config).items() if name != "output"}
    record = {"config": settings, "blender": blender, "frames": [shot.name for shot in shots]}
    path = output / "dataset.json"
    output.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        before = {**found["config"], "blender": found["blender"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RenderDatasetError(f"{path} can't be read ({error}); render into another folder.") from error
    now = {**settings, "blender": blender}
    if changed := [name for name in now if now[name] != before.get(name)]:
        details = ", ".join(f"{name} ({before.get(name)}, now {now[name]})" for name in changed)
        raise RenderDatasetError(f"The folder {output} holds frames of other settings: {details}; render into another folder.")


def _rendered(shots: Iterable[Shot], config: RenderDatasetConfig, scratch: Path) -> Iterator[tuple[Shot, dict[str, np.ndarray]]]:
    """Render shot after shot; a scene is built once for the shots of it that follow each other."""
    import bpy

    built = None
    for shot in shots:
        if shot.scene.startswith(CHART):
            made = chart(int(shot.scene.removeprefix(CHART)), shot.seed, config.width, config.height)
            yield shot, {p.name: made[p.name] for p in wanted(config.lights)}
            continue
        if built != (shot.scene, shot.seed):
            scene = build(shot.scene, shot.seed)
            configure(scene, config.width, config.height, config.samples)
            capture = _capture_passes(scene, scratch, wanted(config.lights))
            built = (shot.scene, shot.seed)
        scene.frame_set(shot.frame)
        capture.unlink(missing_ok=True)
        with quiet():
            bpy.ops.render.render(scene=scene.name)
        layers = read_exr(capture)
        passes = {name: np.ascontiguousarray(layers[name][..., : p.channels]) for name in layers if (p := PASSES.get(name))}
        check_passes(passes, [p.name for p in wanted(config.lights)])
        yield shot, passes


def wanted(lights: bool) -> list[Pass]:
    """The passes of a data set's frames; Cycles has no shadow."""
    return [p for p in PASSES.values() if p.name not in LIGHT or (lights and p.name != "shadow")]


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


def _capture_passes(scene, folder: Path, passes: list[Pass]) -> Path:
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


def _write(path: Path, layers: dict[str, np.ndarray], scratch: Path) -> None:
    """Write {layer: (H, W, c) float32}, as half floats where they are enough; the file appears when it is complete."""
    kept = {}
    for layer, array in layers.items():
        if not np.isfinite(array).all():
            count = math.prod(array.shape) - int(np.isfinite(array).sum())
            raise RenderDatasetError(
                f"The frame {path.stem} has {count} values in '{layer}' that are not finite; nothing was written."
            )
        kept[layer] = array if layer in FULL_FLOAT else np.clip(array, -HALF_MAX, HALF_MAX).astype(np.float16)
    partial = scratch / path.name
    write_exr(partial, kept, compress=True)
    partial.replace(path)
