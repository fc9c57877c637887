"""Renders our scenes with Cycles into the frames that the trainer reads, and beside them the target frames of a look."""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import numpy as np
from tqdm import tqdm

from core.colour import HALF_MAX
from core.exr import write_exr
from core.passes import FULL_FLOAT, LIGHT, PASSES, RADIANCE, Pass

from ..settings import TrainerError, setting, to_values
from .capture import ENGINES, capture, configure, route_passes
from .charts import chart
from .scenes import FRAMES, Folders, build, scene_names

CHART, CUTOUT = "chart", "cutout"
"""Beginnings of the names of test charts and of shots cut out of panoramas."""


class RenderDatasetError(TrainerError):
    """The frames can't be rendered as asked."""


@dataclass(frozen=True)
class RenderDatasetConfig:
    """Settings of `render-dataset`."""

    output: Path = setting(Path("datasets/frames"), "folder for input/*.exr, target/*.exr and dataset.json")
    scenes: str = setting("train", "train, random, held_out, judging, demo, or names of scenes separated by commas")
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
    panoramas: Path | None = setting(None, "folder of equirectangular .hdr or .exr pictures that random scenes are lit by")
    characters: Path | None = setting(None, "folder of .glb files of textured, rigged characters that random scenes show")
    cutouts: int = setting(0, "shots cut out of the panoramas to add to the scenes: images without guides, as photographs are")
    engine: str = setting("cycles", "what renders the image; eevee and workbench need OpenGL", choices=tuple(ENGINES))

    def __post_init__(self):
        for name in ("frames", "frame_step", "variations", "width", "height", "samples"):
            if getattr(self, name) < 1:
                raise RenderDatasetError(f"The setting {name.replace('_', '-')} must be at least 1, not {getattr(self, name)}.")
        for name in ("seed", "exposure", "charts", "cutouts"):
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

    Each frame is a multilayer EXR with the layers of core.passes.PASSES, those of light only if asked for; the image is
    premultiplied. With a look, its picture of the passes, (H, W, 3) scene-linear, becomes the layer "image" of
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
    shots += [Shot(f"{CUTOUT}{number}", config.seed, frame) for number in range(config.cutouts) for frame in frames]
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
    built, passes = None, wanted(config.lights)
    for shot in shots:
        if shot.scene.startswith(CHART):
            made = chart(int(shot.scene.removeprefix(CHART)), shot.seed, config.width, config.height)
            yield shot, {p.name: made[p.name] for p in passes}
            continue
        if shot.scene.startswith(CUTOUT):
            from .cutouts import cutout  # needs SciPy, which rendering does not

            number = int(shot.scene.removeprefix(CUTOUT))
            panorama = _panorama(config, number)
            try:
                made = cutout(panorama, number, shot.seed, shot.frame, config.width, config.height)
            except (ValueError, IndexError) as error:
                raise RenderDatasetError(f"{panorama} can't be read: {error}") from error
            dark = np.zeros((config.height, config.width, 3), np.float32)
            yield shot, {p.name: made.get(p.name, dark[..., : p.channels]) for p in passes}
            continue
        if built != (shot.scene, shot.seed):
            folders = Folders(config.panoramas, config.characters)
            scene = build(shot.scene, shot.seed, folders, lambda new: configure(new, config.width, config.height, config.samples))
            file = route_passes(scene, scratch, passes)
            built = (shot.scene, shot.seed)
        scene.frame_set(shot.frame)
        yield shot, capture(scene, file, passes, config.engine)


def wanted(lights: bool) -> list[Pass]:
    """The passes of a data set's frames; Cycles has no shadow."""
    return [p for p in PASSES.values() if p.name not in LIGHT or (lights and p.name != "shadow")]


def _panorama(config: RenderDatasetConfig, number: int) -> Path:
    files = Folders(config.panoramas).teaching("panoramas")
    if not files:
        raise RenderDatasetError("Cut-outs are cut out of panoramas; name a folder of them with --panoramas.")
    return files[number % len(files)]


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
