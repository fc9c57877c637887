"""From a default scene to a kept style in a Blender with a window: frames, one of them painted, learning, the node, the style.

blender -P tests/addon/desktop_training.py

The variable GAN_STYLE_TRAINER names a Python with PyTorch; without it a stub stands for the trainer. GAN_STYLE_MINUTES says how
long it trains, 1 unless it does.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "blender"))

import bpy
import numpy as np
import window
from scene import ROOT, new_tree, read_exr
from window import assert_equal, check, folder, in_area, open_compositor, pause, quiet, run, screenshot, until

from core import Generator, load_style, stylize

REAL = "GAN_STYLE_TRAINER" in os.environ
MINUTES = float(os.environ.get("GAN_STYLE_MINUTES", "1"))
window.PATIENCE = 600.0
TICK, ALIVE = 0.05, 0.2
ticks: dict[str, list[float]] = {"before": [], "training": []}
"""When Blender's timer came while it did nothing, and while it trained."""
watching: list[bool] = []
if not REAL:
    os.environ["GAN_STYLE_TRAINER"] = sys.executable


def module(name: str):
    return sys.modules[f"gan_style.addon.{name}"]


def training():
    return module("training.session").of(bpy.context.scene)


def tick() -> float:
    if training() is not None and training().trainer.status.state == "training":
        ticks["training"].append(time.monotonic())
    elif watching:
        ticks["before"].append(time.monotonic())
    return TICK


def gaps(when: str) -> np.ndarray:
    """Seconds between ticks, which are told."""
    found = np.diff(ticks[when])
    found = found[np.isfinite(found)]
    late = (found > ALIVE).mean()
    print(f"FIGURE ticks {when}: {len(found)}, at most {found.max():.2f} s apart, {late:.1%} more than {ALIVE} s", flush=True)
    return found


def pictured(name: str) -> None:
    """A screenshot, for which Blender waits: that is nobody's late tick."""
    for times in ticks.values():
        times.append(np.nan)
    screenshot(name)
    for times in ticks.values():
        times.append(np.nan)


def default_scene() -> bpy.types.Scene:
    """Blender's own, with a second thing and some colour, turning."""
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_monkey_add(location=(1.6, -1.6, 0.2), rotation=(0, 0, 0.9))
    bpy.ops.mesh.primitive_plane_add(size=30, location=(0, 0, -1))
    colours = {"Cube": (0.8, 0.1, 0.05), "Suzanne": (0.9, 0.5, 0.1), "Plane": (0.15, 0.3, 0.35)}
    for name, colour in colours.items():
        material = bpy.data.materials.new(name)
        material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (*colour, 1)
        bpy.data.objects[name].data.materials.clear()
        bpy.data.objects[name].data.materials.append(material)
    cube = bpy.data.objects["Cube"]
    cube.keyframe_insert("rotation_euler", frame=1)
    cube.rotation_euler.z += 1
    cube.keyframe_insert("rotation_euler", frame=5)
    scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 8, "CPU"
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 640, 360, 100
    scene.frame_end = 5
    scene.render.image_settings.file_format = "OPEN_EXR"
    return scene


def show_sidebar(area: bpy.types.Area) -> Iterator[None]:
    area.spaces.active.show_region_ui = True
    region = next(r for r in area.regions if r.type == "UI")
    yield from until(lambda: not region.is_property_readonly("active_panel_category"))  # it has been drawn
    region.active_panel_category = "GAN Style"


def paint(frame: str) -> Iterator[None]:
    """In place of an artist: what a shipped style makes of the frame, saved as the screen shows it."""
    in_area(window.compositor(), lambda: bpy.ops.gan_style.paint_frame(frame=frame))
    yield from pause(2)
    passes = read_exr(training().folder / "input" / f"{frame}.exr")
    painted = stylize(Generator(load_style(ROOT / "addon" / "styles" / "oil_painting.onnx"), "cpu"), passes)
    path = module("training.frames").painting(training().folder, frame)
    module("training.display").write(path, painted, bpy.context.scene)
    yield from until(lambda: frame in training().there.painted)
    check(f"the saved painting of {frame} is noticed", lambda: assert_equal(training().refused, {}))
    next(i for i in bpy.data.images if i.filepath and Path(i.filepath) == path).reload()
    yield from pause(1)
    screenshot("training_paint")
    close_further_windows()


def fit_pictures() -> None:
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "IMAGE_EDITOR":
            in_area(area, lambda: bpy.ops.image.view_all(fit_view=True))


def close_further_windows() -> None:
    for further in bpy.context.window_manager.windows[1:]:
        with bpy.context.temp_override(window=further):
            bpy.ops.wm.window_close()


def steps() -> Iterator[None]:
    module("settings").own_folder = lambda: folder / "user"
    if not REAL:
        module("training.trainer").COMMAND_LINE = (str(ROOT / "tests" / "addon" / "stub_trainer.py"),)
        module("training.python").problem = lambda python: ""
    scene = default_scene()
    tree = scene.compositing_node_group = new_tree("Compositing")
    node = tree.nodes.new("CompositorNodeGANStyle")
    tree.links.new(tree.nodes["Render Layers"].outputs["Image"], node.inputs["Image"])
    tree.links.new(node.outputs["Image"], tree.nodes["Group Output"].inputs[0])
    for index, name in enumerate(("Render Layers", node.name, "Group Output")):
        tree.nodes[name].location = index * 280, 0
    area = open_compositor(scene)
    yield from show_sidebar(area)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    bpy.app.timers.register(tick, persistent=True)
    yield from pause(2)
    watching.append(True)
    yield from pause(10)
    watching.clear()
    screenshot("training_begin")

    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.gan_style.render_frames("EXEC_DEFAULT", directory="//training", frames="1-5", changed="keep")
    yield from until(lambda: len(training().there.rendered) == 5)
    yield from pause(2)
    scene.frame_set(2)
    yield from pause(2)
    yield from until(module("trees.keep_in_sync").is_idle)  # the editors composite the frame
    yield from paint("shot_0002")
    tree.nodes.active = node
    in_area(area, lambda: bpy.ops.node.view_all("INVOKE_DEFAULT"))
    scene.gan_style_training.name, scene.gan_style_training.minutes = "Oil from My Shot", MINUTES
    scene.gan_style_training.size, scene.gan_style_training.steadiness = "fast", 0.0
    scene.gan_style_training.further = "--batch 6" if REAL else ""
    yield from pause(1)
    screenshot("training_painted")

    pressed = time.monotonic()
    in_area(area, lambda: bpy.ops.gan_style.train())
    yield from learned(scene, node, pressed)
    yield from kept(scene, node)


def learned(scene: bpy.types.Scene, node: bpy.types.Node, pressed: float) -> Iterator[None]:
    """It shows in the node while it learns, and Blender stays alive."""
    log, name = module("run.log"), module("training.session").identifier(training())

    def runs() -> int:
        return sum(run.style == name and run.network_ran for run in log.last_runs())

    status = training().trainer.status
    yield from until(lambda: runs() or status.state == "failed")
    print(f"FIGURE the look is seen in the node {time.monotonic() - pressed:.1f} s after Train", flush=True)
    composited, spent = window.counts["composite_post"], time.thread_time()
    check("it did not fail", lambda: assert_equal((status.state, status.problem), ("training", "")))
    check("the node has the style as it stands", lambda: assert_equal(node.style_id, name))
    seen = runs()
    yield from until(lambda: runs() > seen + 3 or not REAL)
    fit_pictures()
    yield from pause(2)
    pictured("training_live")
    if not REAL:
        yield from pause(5)
        in_area(window.compositor(), lambda: bpy.ops.gan_style.stop_training())
    yield from until(lambda: status.state in ("finished", "stopped", "failed") and not training().trainer.is_running())
    check("it ended well", lambda: assert_equal(status.state, "finished" if REAL else "stopped"))
    before, found = gaps("before"), gaps("training")
    late = (found > ALIVE).mean() - (before > ALIVE).mean()
    looks = [run for run in log.last_runs() if run.style == name and run.network_ran]
    taken = {part: np.mean([getattr(run, f"{part}_seconds") for run in looks]) for part in ("inputs", "generator", "write")}
    print(f"FIGURE {len(looks)} looks, mean seconds: {taken}", flush=True)
    composited, spent = window.counts["composite_post"] - composited, time.thread_time() - spent
    print(f"FIGURE meanwhile {composited} composites for editors, {spent:.2f} s of the main thread's own time", flush=True)
    check("training makes few of Blender's ticks late", lambda: assert_equal(bool(late < 0.1), True))


def kept(scene: bpy.types.Scene, node: bpy.types.Node) -> Iterator[None]:
    if training().trainer.status.sheet:
        in_area(window.compositor(), lambda: bpy.ops.gan_style.show_sheet())
        yield from pause(2)
        screenshot("training_sheet")
        close_further_windows()
    in_area(window.compositor(), lambda: bpy.ops.gan_style.keep_style(name="Oil from My Shot", author="Me"))
    yield from until(quiet)
    yield from pause(3)
    check("the kept style is in the node", lambda: assert_equal(node.style_id, "oil_from_my_shot"))
    fit_pictures()
    yield from pause(2)
    screenshot("training_kept")
    if not REAL:
        return
    yield from window.press_f12()
    target = read_exr(training().folder / "target" / "shot_0002.exr")["image"][..., :3]
    plain = read_exr(training().folder / "input" / "shot_0002.exr")["image"][..., :3]
    before, after = (
        np.abs(np.log1p(64 * picture) - np.log1p(64 * target)).mean() for picture in (plain, window.result()[..., :3])
    )
    print(f"FIGURE difference to the painted frame: plain {before:.3f}, with the kept style {after:.3f}", flush=True)
    check("the kept style is nearer to the painting than the plain frame", lambda: assert_equal(bool(after < before), True))


run(steps())
