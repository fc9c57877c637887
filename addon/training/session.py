"""The trainings of this session: follows their trainers, takes over what is painted, and shows the newest style in the nodes."""

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from ...core.training import (
    INPUT,
    LOOK,
    MASK,
    PREVIEWS,
    TARGET,
    TrainingFolderError,
    TrainingSettings,
    read_settings,
    style_file,
    write_settings,
)
from .. import library
from ..callbacks import Timer, add_handlers, remove_handlers
from ..run import after_edits, log
from ..run.shot_frames import STEM
from ..settings import settings, show_styles_of
from ..trees import keep_in_sync, marks, read
from . import frames, painting, python
from .trainer import Trainer

POLL_SECONDS = 0.5
LOOK_SHARE = 10
"""Times as long as the nodes took for the last style that the next one is waited for: the trainer shall keep the cores."""
FOLDER = "gan_style_training_folder"
"""Custom property of scenes: the training's folder as it is written there."""
USUAL_FOLDER = "//training"
UNSAVED = "untitled"
FOLDERS = (INPUT, TARGET, MASK, LOOK, frames.PAINT)
PYTHON_VARIABLE = "GAN_STYLE_TRAINER"
"""Environment variable that names the Python that trains, for scripts."""


@dataclass
class Training:
    """A training's folder as this session knows it."""

    folder: Path
    trainer: Trainer
    settings: TrainingSettings
    problem: str = ""
    """Of its settings."""
    there: frames.Frames = field(default_factory=frames.Frames)
    refused: dict[str, str] = field(default_factory=dict)
    """By the name of a painted file why it can't be used."""
    seen: dict[Path, tuple[int, int]] = field(default_factory=dict)
    versions: tuple[int, ...] = ()
    """Of the folders that `there` was read from."""
    shown: int = 0
    """How many styles the trainer had written when the nodes were run last ..."""
    due: float = 0.0
    """... and from when on they may be run again."""
    wanted_by: tuple[str, str] | None = None
    """Tree and name of the node that gets the style as soon as there is one."""


_trainings: dict[Path, Training] = {}
_asking = ThreadPoolExecutor(1, "GAN Style Python")
_asked: dict[tuple, Future] = {}
"""By path and time of a Python what keeps it from training: asking takes a moment."""
setup: python.Setup | None = None
"""The set-up of a Python that is going on, or went on last."""


def folder_of(scene: bpy.types.Scene) -> Path | None:
    """None as long as the file is not saved and the folder lies beside it."""
    named = scene.get(FOLDER, USUAL_FOLDER)
    if named.startswith("//") and not bpy.data.filepath:
        return None
    return Path(bpy.path.abspath(named)).resolve()


def of(scene: bpy.types.Scene) -> Training | None:
    """The training of a scene. It need not have a folder yet."""
    folder = folder_of(scene)
    if folder is None:
        return None
    if folder not in _trainings:
        _trainings[folder] = Training(folder, Trainer(folder), TrainingSettings(), there=frames.look(folder))
        _read(_trainings[folder])
        show_styles_of(folder / PREVIEWS)
    return _trainings[folder]


def saved(scene: bpy.types.Scene) -> Training:
    """The training of a scene that has one."""
    training = of(scene)
    assert training is not None, "operators ask for that"
    return training


def begin_unsaved(scene: bpy.types.Scene) -> Path:
    """A folder among the user's files for the training of a file that has no name yet. The scene knows it from then on, saved or
    not, and its frames keep their names. Raises OSError."""
    trainings = settings().own_folder / "trainings"
    names = chain([UNSAVED], (f"{UNSAVED}_{number}" for number in count(2)))
    folder = next(trainings / name for name in names if not (trainings / name).exists())
    folder.mkdir(parents=True)
    scene[FOLDER], scene[STEM] = str(folder), UNSAVED
    return folder


def change(training: Training, settings: TrainingSettings) -> None:
    """Write other settings; if that fails the training says so."""
    if settings != training.settings or training.problem:
        try:
            write_settings(training.folder, settings)
            training.settings, training.problem = settings, ""
        except OSError as error:
            training.problem = f"The settings can't be written into {training.folder} ({error.strerror}); choose another folder."


def trainer_python() -> Path | None:
    """The Python that trains: the one that the variable or the preferences name, or that of Set Up Training; None without any."""
    wanted = settings()
    named = os.environ.get(PYTHON_VARIABLE) or wanted.trainer_python
    if named:
        return Path(bpy.path.abspath(named))
    return python.own_python(own_environment()) if python.is_set_up(own_environment()) else None


def own_environment() -> Path:
    """The folder of the environment that Set Up Training makes."""
    return settings().own_folder / "trainer"


def python_problem(wait: bool = False) -> str:
    """What keeps us from training, as a sentence, as far as it is known; wait: until it is."""
    found = trainer_python()
    if found is None:
        return "Training needs a Python with PyTorch: Set Up Training in the preferences."
    stat = found.stat() if found.is_file() else None
    key = str(found), stat and stat.st_mtime_ns
    if key not in _asked:
        _asked.clear()
        _asked[key] = _asking.submit(python.problem, found)
    return _asked[key].result() if wait or _asked[key].done() else ""


def identifier(training: Training) -> str:
    """The style of a training as it stands."""
    return style_file(training.folder, training.settings.name).stem


def look(training: Training) -> None:
    """Take over what was painted; read again which frames are there, if that has changed."""
    scene = _scene_of(training)
    for path in frames.news(training.folder, training.seen) if scene is not None and keep_in_sync.is_idle() else ():
        try:
            painting.take(training.folder, path, scene)
            training.refused.pop(path.name, None)
            training.refused.pop(frames.painting(training.folder, path.stem, mask=True).name, None)  # it came along
            if training.trainer.is_running():
                training.trainer.tell("frames")
        except painting.PaintingError as error:
            training.refused[path.name] = str(error)
        redraw()
    for name in [name for name in training.refused if not (training.folder / frames.PAINT / name).is_file()]:
        del training.refused[name]
    versions = tuple(library.folder_version(training.folder / name) for name in FOLDERS)
    if versions != training.versions:
        training.versions = versions
        training.there = frames.look(training.folder)
        redraw()


def note_change(training: Training) -> None:
    """There is something else to learn from."""
    look(training)
    if training.trainer.is_running():
        training.trainer.tell("frames")


def redraw() -> None:
    """Of the compositors the sidebars alone, since drawing all takes long where the graphics are slow."""
    for area in (a for window in bpy.context.window_manager.windows for a in window.screen.areas if a.type == "NODE_EDITOR"):
        for region in area.regions:
            if region.type == "UI":
                region.tag_redraw()


def running() -> list[Training]:
    return [training for training in _trainings.values() if training.trainer.is_ours()]


def _read(training: Training) -> None:
    try:
        training.settings, training.problem = read_settings(training.folder), ""
    except TrainingFolderError as error:
        training.problem = str(error)


def _scene_of(training: Training) -> bpy.types.Scene | None:
    return next((s for s in bpy.data.scenes if not marks.is_hidden(s) and folder_of(s) == training.folder), None)


def poll() -> None:
    """What the timer does."""
    for training in list(_trainings.values()):
        if training.trainer.poll():
            redraw()
        look(training)
        _show(training)
    if setup is not None and setup.is_running():
        _redraw_preferences()


def _show(training: Training) -> None:
    """Have the nodes run the style as it stands, if it is another one since and Live is on."""
    scene = _scene_of(training)
    if scene is None or not scene.gan_style_training.live:
        return
    status, now = training.trainer.status, time.monotonic()
    if training.shown == status.previews or now < training.due or not keep_in_sync.is_idle() or after_edits.is_running():
        return
    name = identifier(training)
    if not style_file(training.folder, training.settings.name).is_file():
        return
    training.shown = status.previews
    library.look_again()
    if training.wanted_by is not None and (node := _node(*training.wanted_by)) is not None:
        training.wanted_by = None
        node.style = name
    trees = [tree for tree in bpy.data.node_groups if tree.bl_idname == "CompositorNodeTree" and not marks.is_hidden(tree)]
    nodes = [n for tree in trees for n in tree.nodes if n.bl_idname == read.NODE and n.style_id == name]
    if nodes:
        after_edits.restyle()
    runs = [run for node in nodes if node.node_tree and (run := log.latest(node.node_tree.session_uid))]
    spent = sum(run.inputs_seconds + run.generator_seconds + run.write_seconds for run in runs)
    training.due = now + LOOK_SHARE * spent


def _node(tree: str, name: str) -> bpy.types.Node | None:
    found = bpy.data.node_groups.get(tree)
    return found.nodes.get(name) if found is not None else None


def _redraw_preferences() -> None:
    for area in (a for window in bpy.context.window_manager.windows for a in window.screen.areas if a.type == "PREFERENCES"):
        area.tag_redraw()


@persistent
def _on_file(*_: object) -> None:
    """The scenes of a file that was opened or saved have their trainings, whose styles the nodes may use."""
    for scene in bpy.data.scenes:
        if not marks.is_hidden(scene) and (FOLDER in scene or (folder_of(scene) or Path("-")).is_dir()):
            of(scene)


HANDLERS = {"load_post": _on_file, "save_post": _on_file}
_timer = Timer(poll, POLL_SECONDS)


def register() -> None:
    add_handlers(HANDLERS)
    _timer.start()


def unregister() -> None:
    """Trainers that shall not survive stop with a checkpoint."""
    global setup
    remove_handlers(HANDLERS)
    _timer.stop()
    for training in _trainings.values():
        training.trainer.leave()
    _trainings.clear()
    _asked.clear()
    if setup is not None and setup.is_running():
        setup.cancel()
    setup = None
