"""Renders frames of your own .blend into a data folder, through the add-on, which has a button for the same."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ..settings import setting
from .addon import load_addon
from .capture import quiet
from .render import RenderDatasetError, blender

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OwnShotConfig:
    """Settings of `render-dataset --blend`."""

    blend: Path = setting(help="the .blend file; its active scene is rendered as it is saved")
    output: Path = setting(Path("datasets/shot"), "folder for input/*.exr and dataset.json")
    frames: str = setting("", "frames like 1,5,10-20; empty: all of the scene's range")
    neighbours: bool = setting(False, "also the frame before and the frame after each, to learn steadiness from")
    scale: float = setting(1.0, "share of the scene's own width and height, like 0.5")
    lights: bool = setting(
        False, "also all passes of how light falls that the engine has; else of these only what the view layer has switched on"
    )
    changed: str = setting(
        "refuse",
        "what to do if the file has changed since the folder's frames were rendered: say so, keep them, or replace them",
        choices=("refuse", "keep", "replace"),
    )


def render_own_shot(config: OwnShotConfig, progress: Callable[..., Iterable] = tqdm) -> list[Path]:
    """Render what is missing and return the paths of all frames asked for.

    Each is a multilayer EXR with the layers of core.passes.PASSES that the scene's engine gives, and the view layer's AOVs; its
    image is what feeds the first GAN Style node of the compositor, or the plain render if there is none.
    progress: wraps the frames that are still to render, as tqdm does. Raises RenderDatasetError.
    """
    bpy = blender()
    path = config.blend.resolve()
    if not path.is_file():
        raise RenderDatasetError(f"There is no file {config.blend}.")
    package = load_addon()
    try:
        with quiet():
            bpy.ops.wm.open_mainfile(filepath=str(path))
    except RuntimeError as error:
        raise RenderDatasetError(f"Blender can't open {config.blend}: {error}") from error
    shots = package.addon.run.shot_frames
    folder = config.output.resolve()
    request = shots.Request(folder, config.frames, config.neighbours, config.scale, config.changed, config.lights)
    try:
        job = shots.prepare(bpy.context.scene, request)
        log.info("%s", shots.outline(job))
        rendered = shots.render(job)
        for number in progress(job.missing):
            started = time.perf_counter()
            with quiet():
                frame = next(rendered)
            if number == job.missing[0]:
                log.info("%s", shots.estimate(job, frame, time.perf_counter() - started))
    except shots.ShotError as error:
        raise RenderDatasetError(str(error)) from error
    return list(job.asked.values())
