"""Renders frames of the artist's own shot into a data folder to train on: multilayer EXR files, and dataset.json beside them.

The command render-dataset --blend and the operator both call it, so that they write the same files and each goes on where the
other stopped. Main thread only. Everything that a frame needs is set before it and put back after it.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import bpy
import numpy as np

from ...core.colour import HALF_MAX
from ...core.exr import ExrError, read_exr, write_exr
from ...core.passes import FULL_FLOAT, LIGHT, PASSES, PassError, check_passes
from ...core.patterns import parse_frames
from .. import temp_folder
from ..callbacks import no_handlers_of_ours
from ..trees import colour, shot_tree
from ..trees.shot_tree import ShotError

__all__ = ["Job", "Request", "ShotError", "estimate", "outline", "prepare", "render"]
RECORD = "dataset.json"
CHANGED = ("refuse", "keep", "replace")
"""Say so; keep the frames and render what is missing beside them, if they are of the same scene and size; remove them."""
STEM = "gan_style_frames"
"""Custom property of scenes: how the names of frames begin where the training was begun before the file had a name."""
MAY_DIFFER = {"blend", "digest", "blender"}
"""What frames that lie in one folder may differ in, if that is wanted."""


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    folder: Path
    """The data folder; the frames go to input/ in it."""
    frames: str = ""
    """Like 1,5,10-20; empty: all of the scene's range."""
    neighbours: bool = False
    """Whether the frames before and after each are wanted as well, which steadiness is learned from."""
    scale: float = 1.0
    """Share of the scene's own size."""
    changed: str = "refuse"
    """What to do if the folder has frames of another state of the file, or of other settings; one of CHANGED."""
    lights: bool = False
    """Whether to switch on all passes of how light falls; else those that are on are written."""


@dataclass(frozen=True)
class Job:
    """What is left to render."""

    scene: str
    folder: Path
    scale: float
    asked: dict[int, Path]
    """By frame, in rising order: its file, be it rendered already or not."""
    missing: tuple[int, ...]
    size: tuple[int, int]
    """(width, height) in pixels."""
    passes: tuple[str, ...]
    """To switch on and to write, as far as the engine gives them; with the view layer's AOVs."""

    @property
    def most_bytes(self) -> int:
        """What the missing frames take uncompressed; compressed, they often take half of it."""
        pixel = sum(p.channels * (4 if p.name in FULL_FLOAT else 2) for p in (PASSES[name] for name in self.passes))
        return len(self.missing) * pixel * self.size[0] * self.size[1]


def prepare(scene: bpy.types.Scene, request: Request) -> Job:
    """Claim the folder for the file as it is saved, and tell which frames are missing. Renders nothing. Raises ShotError.

    A file that was never saved may have a training of its own all the same (STEM), whose frames are kept or replaced.
    A frame counts as rendered if its file is there and dataset.json was written for the same state: the SHA-256 of the .blend
    and of the libraries that it links, the scene, the size and Blender's version. Textures and caches in files of their own are
    not looked at.
    """
    unsaved = bpy.data.is_dirty and not bpy.app.background  # in the background it means nothing
    if unsaved if bpy.data.filepath else STEM not in scene:
        raise ShotError("Save the .blend file first: by its contents it is told which frames are rendered already.")
    numbers, render = _numbers(scene, request), scene.render
    if not 0 < request.scale <= 4:
        raise ShotError(f"The scale must be above 0 and at most 4, not {request.scale:g}.")
    if render.use_multiview:
        raise ShotError("The scene renders stereo views, which can't be trained on; switch off Stereoscopy and save.")
    if scene.camera is None:
        raise ShotError(f"The scene '{scene.name}' has no camera; give it one and save.")
    layer = shot_tree.source(scene).layer  # raises what speaks against it
    asked = {number: request.folder / "input" / f"{frame_name(scene, number)}.exr" for number in numbers}
    percentage = shot_tree.scaled(render.resolution_percentage, request.scale)
    width, height = (max(1, side * percentage // 100) for side in (render.resolution_x, render.resolution_y))
    try:
        _claim(request, _state(scene, (width, height)), asked)
        missing = tuple(number for number, path in asked.items() if not path.is_file())
        job = Job(scene.name, request.folder, request.scale, asked, missing, (width, height), _passes(layer, request.lights))
        free = shutil.disk_usage(request.folder).free
    except OSError as error:
        raise ShotError(f"The folder {request.folder} can't be written ({error}); choose another.") from error
    if job.most_bytes > free:
        raise ShotError(
            f"{len(missing)} frames may take {_megabytes(job.most_bytes)} and {request.folder} has {_megabytes(free)} left; "
            "make space, render fewer frames, or lower the scale."
        )
    return job


def frame_name(scene: bpy.types.Scene, number: int) -> str:
    """What a rendered frame is called."""
    return f"{bpy.path.clean_name(scene.get(STEM) or Path(bpy.data.filepath).stem)}_{number:04d}"


def render(job: Job) -> Iterator[Path]:
    """Render one missing frame after the other, and give the path of each; the file is what it was whenever this waits.

    Raises ShotError. Pixels that are infinite count as the largest half float, and those that are no numbers as 0.
    """
    for number in job.missing:
        scene = bpy.data.scenes.get(job.scene)
        if scene is None:
            raise ShotError(f"The scene '{job.scene}' is gone.")
        passes = _render(scene, number, job)
        try:
            _write(job.asked[number], passes)
        except (ExrError, OSError) as error:
            raise ShotError(f"{job.asked[number]} can't be written ({error}); make space.") from error
        yield job.asked[number]


def estimate(job: Job, path: Path, seconds: float) -> str:
    """What the frames after the first will take, if they are like it: seconds that it took, and its file."""
    left = len(job.missing) - 1
    minutes, rest = divmod(round(left * seconds), 60)
    written = path.stat().st_size
    took = f"The first frame took {seconds:.1f} s and {_megabytes(written)}"
    return f"{took}; those left ({left}) about {minutes} min {rest} s and {_megabytes(left * written)}." if left else f"{took}."


def outline(job: Job) -> str:
    """What is to come, before anything is rendered."""
    if not job.missing:
        return "All frames are rendered already, and the file is unchanged."
    width, height = job.size
    count = f"{len(job.missing)} of {len(job.asked)} frames"
    return f"To render: {count} at {width}x{height}, at most {_megabytes(job.most_bytes)} on the disk."


def _passes(layer: bpy.types.ViewLayer, lights: bool) -> tuple[str, ...]:
    return tuple(p.name for p in PASSES.values() if lights or p.name not in LIGHT or getattr(layer, p.switch))


def _numbers(scene: bpy.types.Scene, request: Request) -> list[int]:
    try:
        numbers = parse_frames(request.frames or f"{scene.frame_start}-{scene.frame_end}")
    except ValueError as error:
        raise ShotError(f"The frames {error}.") from error
    if request.neighbours:
        numbers = sorted({n for number in numbers for n in (number - 1, number, number + 1) if n >= 0})
    if numbers[0] < 0:
        raise ShotError(f"The frame {numbers[0]} is negative, which names of frames can't be; shift the shot.")
    return numbers


def _state(scene: bpy.types.Scene, size: tuple[int, int]) -> dict[str, object]:
    """What frames must agree in to lie in one folder."""
    return {"blend": Path(bpy.data.filepath).name, "digest": _digest(), "scene": scene.name, "size": list(size)}


def _digest() -> str:
    """Of the file and the libraries that it links. No two states of a file that was never saved are known to be the same."""
    if not bpy.data.filepath:
        return uuid4().hex
    libraries = sorted(Path(bpy.path.abspath(library.filepath)) for library in bpy.data.libraries)
    digest = hashlib.sha256()
    for path in (Path(bpy.data.filepath), *libraries):
        with suppress(FileNotFoundError), path.open("rb") as file:  # Blender goes without a library that is gone
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _claim(request: Request, state: dict[str, object], asked: dict[int, Path]) -> None:
    """Have dataset.json name the frames; those of another state are refused, kept or removed, as is wanted."""
    path = request.folder / RECORD
    (request.folder / "input").mkdir(parents=True, exist_ok=True)
    found = _read(path)
    now, before = {**state, "blender": bpy.app.version_string}, {**found["config"], "blender": found["blender"]}
    changed = [name for name in now if found["frames"] and before.get(name) != now[name]]
    known = set(found["frames"])
    keep = request.changed == "keep" and MAY_DIFFER.issuperset(changed)
    if changed and not keep and ("digest" not in before or request.changed != "replace"):
        raise ShotError(_refusal(request.folder, changed, before, now))
    if changed and not keep:
        for name in known:
            (request.folder / "input" / f"{Path(name).name}.exr").unlink(missing_ok=True)
        known.clear()
    if strangers := [file for file in asked.values() if file.is_file() and file.stem not in known]:
        raise ShotError(f"{strangers[0]} is there already and was not rendered from this file; render into another folder.")
    frames = sorted(known | {file.stem for file in asked.values()})
    partial = path.with_suffix(".partial")
    record = {"config": state, "blender": bpy.app.version_string, "frames": frames}
    partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def _read(path: Path) -> dict:
    """What dataset.json says. Raises ShotError."""
    if not path.is_file():
        return {"config": {}, "blender": "", "frames": []}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"config": dict(found["config"]), "blender": str(found["blender"]), "frames": [str(f) for f in found["frames"]]}
    except (ValueError, KeyError, TypeError) as error:
        raise ShotError(f"{path} can't be read ({error}); render into another folder.") from error


def _refusal(folder: Path, changed: list[str], before: dict, now: dict) -> str:
    if "digest" not in before:
        return f"The folder {folder} holds frames of other scenes; render into another folder."
    says = {"digest": f"{now['blend']} was saved with changes since" if now["blend"] else "the file is not saved"}
    details = ", ".join(says.get(name, f"{name} ({before.get(name)}, now {now[name]})") for name in changed)
    return (
        f"The folder {folder} holds frames of another state: {details}. Render into another folder, or choose whether to keep or "
        "to replace its frames (If Changed, --changed); only frames of one scene and size can be kept."
    )


def _render(scene: bpy.types.Scene, number: int, job: Job) -> dict[str, np.ndarray]:
    """One frame's passes as styles get them: {pass: (H, W, c) float32, linear Rec.709}."""
    files = [temp_folder.folder() / f"{stem}.exr" for stem in (shot_tree.IMAGE, shot_tree.GUIDES)]
    try:
        with no_handlers_of_ours(), shot_tree.in_place(scene, number, job.scale, job.passes) as channels:
            bpy.ops.render.render(scene=scene.name)
        layers = {name: array for file in files if file.is_file() for name, array in read_exr(file).items()}
        if "image" not in layers:
            raise ShotError(f"Frame {number}: what feeds the node has no pixels; is it connected, and are its images there?")
        passes = {name: np.ascontiguousarray(layers[name][..., :count]) for name, count in channels.items() if name in layers}
        check_passes(passes, [name for name in passes if name in PASSES])
    except (RuntimeError, ExrError, PassError) as error:
        raise error if isinstance(error, ShotError) else ShotError(f"Frame {number} can't be rendered: {error}") from error
    finally:
        for file in files:
            file.unlink(missing_ok=True)
    return colour.to_rec709(passes)


def _write(path: Path, passes: dict[str, np.ndarray]) -> None:
    """As half floats where these are enough; the file appears when it is complete. Raises ExrError, OSError."""
    kept = {}
    for name, array in passes.items():
        finite = np.nan_to_num(array, nan=0.0, posinf=HALF_MAX, neginf=-HALF_MAX)
        kept[name] = finite if name in FULL_FLOAT else finite.clip(-HALF_MAX, HALF_MAX).astype(np.float16)
    partial = path.with_suffix(".partial")
    try:
        write_exr(partial, kept, compress=True)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _megabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
