"""Controls of a style in a Blender with a window: a slider moved, one with keyframes, a linked matte. Needs a screen.

blender -P tests/addon/desktop_controls.py
"""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "blender"))

import bpy
import numpy as np
from scene import FIXTURES, assert_close, insert_style, make_scene, read_exr
from window import (
    assert_equal,
    check,
    composited,
    folder,
    network_runs,
    open_compositor,
    pause,
    press_f12,
    result,
    run,
    screenshot,
)

from core import Generator, load_style, stylize


def controlled(image: np.ndarray, **values: object) -> np.ndarray:
    return stylize(Generator(load_style(FIXTURES / "controlled.onnx")), {"image": image}, controls=values)


def steps() -> Iterator[None]:
    scene = make_scene(frames=3)
    scene.render.compositor_precision = "FULL"
    bpy.context.preferences.view.render_display_type = "NONE"
    tree = scene.compositing_node_group
    open_compositor(scene)
    yield from pause()
    scene.render.filepath = str(folder / "plain" / "####.exr")
    yield from press_f12(animation=True)
    plain = [read_exr(folder / "plain" / f"{frame:04d}.exr")["image"] for frame in (1, 2, 3)]
    scene.frame_set(1)
    node = insert_style(tree, "controlled")
    yield from press_f12()
    check("the default", lambda: assert_close(result(), controlled(plain[0]), 1e-5))

    runs = network_runs()
    yield from composited(lambda: setattr(node.inputs["Amount"], "default_value", 2.5))
    check("a slider that is moved", lambda: assert_close(result(), controlled(plain[0], amount=2.5), 1e-5))
    check("runs the network once", lambda: assert_equal(network_runs(), runs + 1))
    screenshot("controls")

    for frame in (1, 2, 3):
        node.inputs["Amount"].default_value = frame
        node.inputs["Amount"].keyframe_insert("default_value", frame=frame)
    yield from pause(2)
    scene.render.filepath = str(folder / "keyed" / "####.exr")
    yield from press_f12(animation=True)
    for index, image in enumerate(plain):
        got = read_exr(folder / "keyed" / f"{index + 1:04d}.exr")["image"]
        check(f"keyframed, frame {index + 1}", lambda a=got, b=image, n=index + 1: assert_close(a, controlled(b, amount=n), 1e-5))
    shown = plain[2]  # what was rendered last
    for frame in (2, 1):
        yield from composited(lambda frame=frame: scene.frame_set(frame))
        yield from pause(1)
        check(
            f"the value of frame {frame} after a step", lambda n=frame: assert_close(result(), controlled(shown, amount=n), 1e-5)
        )

    tree.animation_data_clear()
    ramp = tree.nodes.new("CompositorNodeEllipseMask")
    ramp.inputs["Size"].default_value = (0.6, 0.6)
    yield from composited(lambda: tree.links.new(ramp.outputs["Mask"], node.inputs["Amount"]))
    yield from pause(1)
    inside = controlled(shown, amount=1.0)
    check("a matte: inside", lambda: assert_close(result()[20:25, 28:32], inside[20:25, 28:32], 1e-4))
    check("a matte: outside", lambda: assert_close(result()[:4, 4:8, :3], 0 * inside[:4, 4:8, :3], 1e-4))


run(steps())
