"""A group used twice, and layers, in a Blender with a window: each use its own picture, at once after edits. Needs a screen.

blender -P tests/addon/desktop_groups.py
"""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "blender"))

import bpy
import numpy as np
from scene import assert_close, insert, insert_group, insert_style, make_scene, new_group, styled
from window import (
    assert_equal,
    check,
    composited,
    in_area,
    network_runs,
    open_compositor,
    pause,
    press_f12,
    result,
    run,
    screenshot,
)


def brighter(image: np.ndarray, stops: float) -> np.ndarray:
    return image * np.float32([2**stops, 2**stops, 2**stops, 1])


def steps() -> Iterator[None]:
    scene = make_scene()
    scene.render.compositor_precision = "FULL"
    bpy.context.preferences.view.render_display_type = "NONE"
    tree = scene.compositing_node_group
    yield from pause()
    yield from press_f12()
    area = open_compositor(scene)
    plain = result()
    look = new_group("Look")
    node = insert_style(look, "wide")
    insert(tree, "CompositorNodeExposure", Exposure=1.0)
    first = insert_group(tree, look)
    yield from press_f12()
    once = styled(brighter(plain, 1.0), "wide")
    check("used once", lambda: assert_close(result(), once, 1e-5))
    darker = insert(tree, "CompositorNodeExposure", Exposure=-2.0)
    yield from composited(lambda: insert_group(tree, look))
    yield from pause(2)
    twice = styled(brighter(once, -2.0), "wide")
    check("used once more, after a render", lambda: assert_close(result(), twice, 1e-5))
    for place, each in enumerate(("Render Layers", "Exposure", first.name, darker.name, "Group.001", "Group Output")):
        tree.nodes[each].location = place * 200, 0
    yield from pause()
    in_area(area, lambda: bpy.ops.node.view_all("INVOKE_DEFAULT"))
    yield from pause(2)
    screenshot("group_used_twice")
    yield from press_f12()
    check("used twice, rendered", lambda: assert_close(result(), twice, 1e-5))
    runs = network_runs()
    yield from composited(lambda: setattr(darker.inputs["Exposure"], "default_value", -1.0))
    yield from pause(2)
    check("an edit between", lambda: assert_close(result(), styled(brighter(once, -1.0), "wide"), 1e-5))
    check("runs only the second use", lambda: assert_equal(network_runs(), runs + 1))
    yield from composited(lambda: setattr(first, "mute", True))
    yield from pause(2)
    check("the first muted", lambda: assert_close(result(), styled(plain, "wide"), 1e-5))

    node.style = "graphic_novel"
    yield from press_f12()
    picture = result()
    over = look.nodes.new("CompositorNodeAlphaOver")
    images = [socket for socket in over.inputs if socket.type == "RGBA"]
    look.links.new(node.outputs["Base"], images[0])
    look.links.new(node.outputs["Paint"], images[1])
    yield from composited(lambda: look.links.new(over.outputs["Image"], look.nodes["Group Output"].inputs[0]))
    yield from pause(3)
    check("paint over base is the picture", lambda: assert_close(result(), picture, 1e-4))
    screenshot("layers")


run(steps())
