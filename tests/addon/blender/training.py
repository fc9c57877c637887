"""Cases of tests/addon/test_training.py, each in a Blender of its own: python training.py CASE FOLDER. The trainer is a stub."""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import ROOT, assert_close, insert_style, load_addon, module, render, run_case, start_over, styled

from core import load_style
from core import training as agreed
from core.exr import read_exr

PATIENCE = 120.0
"""Seconds that anything may take on a busy machine; nothing is judged by the clock."""


def session() -> ModuleType:
    return module("training.session")


def training():
    session().poll()
    return session().of(bpy.context.scene)


def begin(folder: Path, frames: int = 2) -> bpy.types.Scene:
    """A saved scene with a node and rendered frames; the stub in place of the trainer."""
    load_addon()
    scene = start_over(frames)
    scene.cycles.samples = 4
    insert_style(scene.compositing_node_group, "swap")
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    bpy.ops.gan_style.render_frames(directory="//training", frames=f"1-{frames}")
    module("training.trainer").COMMAND_LINE = (str(ROOT / "tests" / "addon" / "stub_trainer.py"),)
    module("training.python").problem = lambda python: ""
    os.environ["GAN_STYLE_TRAINER"] = sys.executable
    return scene


def refusal(operator: Callable, **options: object) -> str:
    try:
        operator(**options)
    except RuntimeError as error:
        return str(error)
    raise AssertionError("nothing was refused")


def until(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        session().poll()
        assert time.monotonic() < ends, f"waited in vain: {training().trainer.status}"
        time.sleep(0.02)


def painted_over(path: Path, change: Callable[[np.ndarray], np.ndarray], size: tuple[int, int] | None = None) -> None:
    """What an artist does in Blender's image editor: change the stored picture (H, W, 4), bottom row first, and save it."""
    image = bpy.data.images.load(str(path), check_existing=True)
    image.reload()
    if size:
        image.scale(*size)
    else:
        width, height = image.size
        pixels = np.array(image.pixels[:], np.float32).reshape(height, width, 4)
        image.pixels.foreach_set(np.ascontiguousarray(change(pixels), np.float32).ravel())
    image.save()


def brighter(pixels: np.ndarray) -> np.ndarray:
    return pixels * np.float32([0.5, 1.0, 1.0, 1.0])


def target(folder: Path, number: int = 1) -> Path:
    return folder / "training" / "target" / f"shot_{number:04d}.exr"


def painting(folder: Path, number: int = 1) -> Path:
    return folder / "training" / "paint" / f"shot_{number:04d}.png"


def take_what_was_painted_in_the_colours_of_the_screen(folder: Path) -> None:
    """A frame is given as the view transform shows it, and comes back as the radiance that shows so; only once it was saved."""
    scene = begin(folder)
    for transform in ("AgX", "Standard", "Filmic"):
        scene.view_settings.view_transform = transform
        scene.view_settings.exposure = -1.0
        bpy.ops.gan_style.paint_frame(frame="shot_0001")
        there = training().there
        assert (there.rendered, there.begun, there.painted) == (("shot_0001", "shot_0002"), ("shot_0001",), ()), there
        assert not target(folder).exists()
        painted_over(painting(folder), lambda pixels: pixels * np.float32([1.0, 1.0, 1.0, 1.0]) + np.float32([0, 0, 0, 0]))
        saved = painting(folder).read_bytes()
        painting(folder).write_bytes(saved + b" ")  # saved again, and otherwise the same
        there = training().there
        session().poll()
        assert training().there.painted == ("shot_0001",), (training().refused, there)
        rendered = read_exr(folder / "training" / "input" / "shot_0001.exr")["image"]
        got = read_exr(target(folder))["image"]
        middle = (rendered[..., :3].max(-1) < 0.9) & (rendered[..., :3].min(-1) > 0.02)
        assert middle.sum() > 200
        assert np.abs(got[middle] / rendered[middle] - 1).max() < 0.1, (transform, np.abs(got - rendered)[middle].max())
        bpy.ops.gan_style.forget_painting(frame="shot_0001")
        assert not training().there.painted and not target(folder).parent.exists()
    assert len(bpy.data.scenes) - 2 == len([s for s in bpy.data.scenes if s.name == "Scene"]), "only the hidden scenes besides"


def refuse_frames_that_do_not_fit(folder: Path) -> None:
    """Of another size, moved, or nothing but a mask: told in words, and what was taken before stays."""
    begin(folder)
    bpy.ops.gan_style.paint_frame(frame="shot_0001", mask=True)
    mask = painting(folder).with_name("shot_0001_mask.png")
    painted_over(mask, lambda pixels: pixels * np.where(np.arange(60) < 30, 1, 0)[None, :, None])
    assert "counts as soon as the frame itself is painted" in next(iter(training().refused.values()))
    bpy.ops.gan_style.paint_frame(frame="shot_0001")
    painted_over(painting(folder), brighter)
    session().poll()
    assert (training().there.painted, training().there.masked) == (("shot_0001",), ("shot_0001",)), training().refused
    assert (folder / "training" / "mask" / "shot_0001.png").read_bytes() == mask.read_bytes()
    good = target(folder).read_bytes()

    painted_over(painting(folder), lambda pixels: np.roll(pixels, (5, 8), (0, 1)))
    assert "is moved by 8 pixels to the right and -5 down" in training().refused["shot_0001.png"], training().refused
    painted_over(painting(folder), brighter, size=(30, 20))
    assert "has 30 x 20 pixels, and the rendered frame 60 x 45" in training().refused["shot_0001.png"]
    assert target(folder).read_bytes() == good
    painting(folder).unlink()
    assert not training().refused
    bpy.ops.gan_style.paint_frame(frame="shot_0001")
    assert "not rendered yet" in refusal(bpy.ops.gan_style.paint_frame, frame="shot_0009")


def keep_its_settings_in_the_folder(folder: Path) -> None:
    """They are found again with the file, and by a trainer elsewhere."""
    begin(folder)
    wanted = bpy.context.scene.gan_style_training
    assert (wanted.folder, wanted.teach, wanted.passes) == ("//training", "painted", set())
    wanted.name, wanted.minutes, wanted.size, wanted.passes = "Ink", 3.0, "high", {"depth", "albedo"}
    wanted.keep_colours, wanted.further = True, "--batch 3"
    found = agreed.read_settings(folder / "training")
    assert (found.name, found.minutes, found.size, set(found.passes)) == ("Ink", 3.0, "high", {"depth", "albedo"}), found
    assert found.keep_colours and found.further == "--batch 3"
    wanted.folder = "//other"
    assert wanted.name == "My Look"
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.read_homefile(use_empty=True)
    assert bpy.context.scene.gan_style_training.name == "My Look" and session().of(bpy.context.scene) is None
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    wanted = bpy.context.scene.gan_style_training
    assert wanted.folder == "//other"
    wanted.folder = "//training"
    assert (wanted.name, wanted.size, wanted.passes) == ("Ink", "high", {"depth", "albedo"})
    (folder / "training" / "training.json").write_text("{")
    module("training.session")._trainings.clear()
    assert "can't be read" in training().problem
    wanted.minutes = 2.0
    assert not training().problem and agreed.read_settings(folder / "training").minutes == 2


def train_without_saving(folder: Path) -> None:
    """The training lies among the user's files; once the file is saved it finds all again, and a second one gets its own."""
    load_addon()
    scene = start_over(2)
    module("settings").own_folder = lambda: folder / "user"
    frames = {"directory": scene.gan_style_training.folder, "frames": "1-2"}
    assert session().of(scene) is None and "Save the .blend file first" in refusal(bpy.ops.gan_style.render_frames, **frames)
    assert bpy.ops.gan_style.begin_training() == {"FINISHED"}
    own = folder / "user" / "trainings" / "untitled"
    assert session().of(scene).folder == own and not bpy.ops.gan_style.begin_training.poll()
    assert "Name a folder" in refusal(bpy.ops.gan_style.render_frames, **frames)
    frames["directory"] = scene.gan_style_training.folder
    assert bpy.ops.gan_style.render_frames(**frames, changed="keep") == {"FINISHED"}
    assert "the file is not saved" in refusal(bpy.ops.gan_style.render_frames, **frames)
    before = {path.name: path.stat().st_mtime_ns for path in (own / "input").iterdir()}
    assert bpy.ops.gan_style.render_frames(**frames, changed="keep") == {"FINISHED"}
    assert {path.name: path.stat().st_mtime_ns for path in (own / "input").iterdir()} == before
    bpy.ops.gan_style.paint_frame()
    painted_over(own / "paint" / "untitled_0001.png", brighter)
    assert training().there.painted == ("untitled_0001",), training()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    assert session().of(bpy.context.scene) is None
    bpy.ops.gan_style.begin_training()
    assert session().of(bpy.context.scene).folder == own.with_name("untitled_2")
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    scene = bpy.context.scene
    assert (training().folder, training().there.painted) == (own, ("untitled_0001",))
    assert bpy.ops.gan_style.render_frames(directory=scene.gan_style_training.folder, frames="3", changed="keep") == {"FINISHED"}
    assert training().there.rendered == ("untitled_0001", "untitled_0002", "untitled_0003")


def go_from_frames_to_a_style_that_is_kept(folder: Path) -> None:
    """What is lacking is said; then the style shows in the node, takes more frames, stops, and is kept under its name."""
    scene = begin(folder)
    node = scene.compositing_node_group.nodes["GAN Style"]
    train = bpy.ops.gan_style.train
    assert "Paint a frame first" in refusal(train) and "Nothing was learned yet" in refusal(bpy.ops.gan_style.keep_style)
    bpy.ops.gan_style.paint_frame(frame="shot_0001")
    painted_over(painting(folder), brighter)
    scene.gan_style_training.name = "Ink & Wash"
    assert train() == {"FINISHED"} and training().trainer.is_ours()
    identifier = session().identifier(training())
    until(lambda: node.style_id == identifier)
    status = training().trainer.status
    until(lambda: len(status.losses) > 3)
    assert status.state == "training" and status.curve == "l1" and status.progress["seconds_left"] == 90
    plain = read_exr(folder / "training" / "input" / "shot_0001.exr")["image"]
    assert_close(render(scene, folder / "live.exr"), styled(plain, "swap"), 2e-3)

    scene.gan_style_training.live = False
    bpy.ops.gan_style.paint_frame(frame="shot_0002")
    painted_over(painting(folder, 2), brighter)
    until(lambda: status.previews == 2)
    assert status.note == "Going on from what was learned."
    assert training().shown == 1
    scene.gan_style_training.live = True
    until(lambda: training().shown == 2)
    assert_close(render(scene, folder / "more.exr"), styled(plain, "wide"), 2e-3)
    bpy.ops.gan_style.stop_training()
    until(lambda: status.state == "stopped" and not training().trainer.is_running())

    module("settings").own_folder = lambda: folder / "user"
    assert bpy.ops.gan_style.keep_style(name="", author="Me", description="Ink.") == {"FINISHED"}
    kept = load_style(module("library").user_folder() / "ink_wash.onnx")
    assert (kept.name, kept.author, kept.description, kept.licence) == ("Ink & Wash", "Me", "Ink.", "CC0-1.0")
    assert node.style_id == "ink_wash"
    assert_close(render(scene, folder / "kept.exr"), styled(plain, "wide"), 2e-3)


def look_without_holding_blender_up(folder: Path) -> None:
    """A look at a newer style composites what feeds the node once, what editors show once, and reads the file in the thread."""
    scene = begin(folder)
    after_edits, library = module("run.after_edits"), module("library")
    bpy.ops.gan_style.paint_frame(frame="shot_0001")
    painted_over(painting(folder), brighter)
    session().poll()
    render(scene, folder / "before.exr")
    bpy.ops.gan_style.train()
    node = scene.compositing_node_group.nodes["GAN Style"]
    until(lambda: node.style_id == session().identifier(training()))
    after_edits._on_composited(scene)  # in a window editors do that, here nobody does
    run_after_edits()

    done = []
    note = {
        (module("run.run_nodes"), "capture"): lambda: "the inputs",
        (module("trees.node_group"), "touch"): lambda: "for the editors",
        (library, "load_style"): lambda: f"a file is read in {threading.current_thread().name}",
    }
    with ExitStack() as patches:
        for (place, name), says in note.items():
            original = getattr(place, name)
            noted = mock.Mock(side_effect=lambda *a, original=original, says=says: done.append(says()) or original(*a))
            patches.enter_context(mock.patch.object(place, name, noted))
        bpy.ops.gan_style.paint_frame(frame="shot_0002")
        painted_over(painting(folder, 2), brighter)
        until(lambda: training().shown == 2)
        assert done == [], done
        run_after_edits()
    assert module("run.log").last_runs()[-1].network_ran
    reads = [what for what in done if what.startswith("a file")]
    assert set(reads) == {"a file is read in GAN Style"}, done
    assert [what for what in done if what not in reads] == ["the inputs", "for the editors"], done


def run_after_edits() -> None:
    """What the timers do in a window after editors have composited."""
    module("run.after_edits")._when_idle()
    while module("run.after_edits").is_running():
        module("main_thread")._pump()


def say_why_it_failed(folder: Path) -> None:
    """The trainer's own sentence, or the last line of what it printed; and it can be tried again."""
    scene = begin(folder)
    bpy.ops.gan_style.paint_frame(frame="shot_0001")
    painted_over(painting(folder), brighter)
    session().poll()
    for further, said in (("fails", "There is no light in here."), ("dies", "MemoryError: the machine is full")):
        scene.gan_style_training.further = further
        bpy.ops.gan_style.train()
        until(lambda: training().trainer.status.state == "failed")
        assert said in training().trainer.status.problem, training().trainer.status
    scene.gan_style_training.further = "waits"
    bpy.ops.gan_style.train()
    until(lambda: training().trainer.status.state == "training")
    assert not training().trainer.status.problem
    training().trainer._process.kill()
    until(lambda: training().trainer.status.state == "failed")
    scene.gan_style_training.further = ""
    bpy.ops.gan_style.train()
    until(lambda: training().trainer.status.state == "training")
    sys.modules["gan_style"].unregister()
    process = session()  # the module stays; its trainings are gone
    assert not process._trainings
    sys.modules["gan_style"].register()
    until(lambda: training().trainer.status.state == "stopped")


def find_a_training_again(folder: Path) -> None:
    """One that survived the Blender that started it: it is followed from its beginning, told of frames, and stopped."""
    scene = begin(folder)
    bpy.ops.gan_style.paint_frame(frame="shot_0001")
    painted_over(painting(folder), brighter)
    session().poll()
    scene.gan_style_training.survive = True
    bpy.ops.gan_style.train()
    until(lambda: training().trainer.status.previews == 1)
    bpy.ops.wm.save_mainfile()
    sys.modules["gan_style"].unregister()
    sys.modules["gan_style"].register()
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    trainer = training().trainer
    assert trainer.is_running() and not trainer.is_ours()
    assert trainer.status.state == "training" and trainer.status.previews == 1
    points = len(trainer.status.losses)
    until(lambda: len(trainer.status.losses) > points)
    bpy.ops.gan_style.paint_frame(frame="shot_0002")
    painted_over(painting(folder, 2), brighter)
    until(lambda: trainer.status.previews == 2)
    bpy.ops.gan_style.stop_training()
    until(lambda: trainer.status.state == "stopped" and not trainer.is_running())


def learn_from_pictures(folder: Path) -> None:
    begin(folder)
    picture = bpy.data.images.new("look", 64, 64)
    picture.filepath_raw, picture.file_format = str(folder / "look.png"), "PNG"
    picture.save()
    bpy.context.scene.gan_style_training.teach = "picture"
    assert "Add a picture" in refusal(bpy.ops.gan_style.train)
    add = bpy.ops.gan_style.add_look
    assert "no picture that can be learned from" in refusal(add, directory=str(folder), files=[{"name": "shot.blend"}])
    assert add(directory=str(folder), files=[{"name": "look.png"}]) == {"FINISHED"}
    assert training().there.pictures == ("look.png",)
    handler = module("ui.training_look").GANSTYLE_FH_look
    compositor = SimpleNamespace(area=SimpleNamespace(ui_type="CompositorNodeTree"), scene=bpy.context.scene)
    assert handler.poll_drop(compositor)
    bpy.context.scene.gan_style_training.teach = "painted"
    assert not handler.poll_drop(compositor)
    bpy.context.scene.gan_style_training.teach = "picture"
    bpy.ops.gan_style.train()
    until(lambda: training().trainer.status.state == "training")
    bpy.ops.gan_style.stop_training()
    until(lambda: training().trainer.status.state == "stopped")
    bpy.ops.gan_style.remove_look(picture="look.png")
    assert training().there.pictures == ()


def draw_its_panel(folder: Path) -> None:
    """All icons exist, and every state has its line: Blender draws no panels in the background, so a stand-in takes them down."""
    begin(folder)
    panel = module("ui.training_panel")
    known = set(bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items.keys())

    class Layout:
        said: list[str] = []

        def __getattr__(self, name: str) -> Callable:
            def call(*arguments: object, **options: object) -> Layout:
                assert options.get("icon", "NONE") in known, options
                self.said.append(str(options.get("text", arguments[:1])))
                if name == "prop":
                    assert hasattr(arguments[0], arguments[1]), arguments
                return self

            return call

    class Context:
        region = SimpleNamespace(width=300)
        preferences = SimpleNamespace(system=SimpleNamespace(ui_scale=1.0))
        scene = bpy.context.scene

    def draw() -> str:
        Layout.said.clear()
        panel.GANSTYLE_PT_training.draw(SimpleNamespace(layout=Layout()), Context)
        return " ".join(Layout.said)

    training()
    bpy.context.scene.frame_set(2)
    said = draw()
    assert "2 rendered, 0 painted" in said and "Paint This Frame (2)" in said and "Train" in Layout.said, said
    bpy.context.scene.frame_set(7)
    assert "Render This Frame (7)" in draw()
    bpy.ops.gan_style.paint_frame(frame="shot_0001")
    session().poll()
    assert "shot_0001: not painted yet" in draw()
    painted_over(painting(folder), brighter)
    session().poll()
    bpy.context.scene.gan_style_training.advanced = True
    assert "2 rendered, 1 painted" in draw()
    bpy.ops.gan_style.train()
    until(lambda: len(training().trainer.status.losses) > 2 and training().trainer.status.previews)
    said = draw()
    assert "Learning, 1 min 30 s left" in said and "4.5 images/s" in said, said
    curve = module("ui.curve")
    drawn = curve.picture([2.0, 1.0, 0.5, 0.25])[..., 2]
    tops = curve.HEIGHT - 1 - np.argmax(drawn[::-1] > 0.5, axis=0)
    assert drawn.shape == (curve.HEIGHT, curve.WIDTH) and (np.diff(tops) <= 0).all() and tops[0] - tops[-1] > 50, "it falls"
    training().trainer.leave()
    until(lambda: training().trainer.status.state == "stopped")
    assert "Stopped" in draw() and "Go On" in Layout.said
    bpy.context.scene.gan_style_training.teach = "picture"
    assert "Add a picture of the look first." in draw()


if __name__ == "__main__":
    run_case(globals())
