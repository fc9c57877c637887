"""Renders in a Blender with a window: an animation, stereo views, engines. Parts of tests/desktop.py."""

from collections.abc import Iterator
from contextlib import suppress

import bpy
import numpy as np
from scene import assert_close, insert, insert_style, read_exr
from window import assert_equal, check, composited, folder, network_runs, press_f12, result


def animation(scene: bpy.types.Scene) -> Iterator[None]:
    frames = {}
    for name, strength in (("plain", 0.0), ("styled", 1.0)):
        scene.compositing_node_group.nodes["GAN Style"].inputs["Strength"].default_value = strength
        scene.render.filepath = str(folder / name / "####.exr")
        yield from press_f12(animation=True)
        frames[name] = [read_exr(folder / name / f"{frame:04d}.exr")["image"] for frame in (1, 2, 3)]
    for index, (plain, swapped) in enumerate(zip(frames["plain"], frames["styled"], strict=True)):
        expected = plain[..., [2, 1, 0, 3]]
        check(f"animation frame {index + 1}", lambda got=swapped, want=expected: assert_close(got, want, 1e-5))


def eyes() -> list[np.ndarray]:
    """What the render window shows of each view."""
    for path in folder.glob("eye*.exr"):
        path.unlink()
    with suppress(RuntimeError):  # Blender 5.2 writes both files, then looks for a third one
        bpy.data.images["Render Result"].save_render(str(folder / "eye.exr"))
    return [read_exr(folder / f"eye{suffix}.exr")["image"] for suffix in ("_L", "_R")]


def stereo(scene: bpy.types.Scene, before: bpy.types.Node) -> Iterator[None]:
    """Both eyes, in a render and after an edit, which runs the network once for each."""
    node = scene.compositing_node_group.nodes["GAN Style"]
    scene.render.use_multiview = True
    scene.render.image_settings.views_format = "INDIVIDUAL"
    scene.camera.data.stereo.interocular_distance = 0.5
    pictures = []
    for node.mute in (True, False):
        yield from press_f12()
        pictures.append(eyes())
    plain, swapped = pictures
    check("the eyes differ", lambda: assert_equal(np.abs(plain[0] - plain[1]).max() > 0.1, np.True_))
    for eye in (0, 1):
        check(f"F12 of view {eye + 1}", lambda a=swapped[eye], b=plain[eye]: assert_close(a, b[..., [2, 1, 0, 3]], 1e-5))
    runs, exposure = network_runs(), before.inputs["Exposure"]
    yield from composited(lambda: setattr(exposure, "default_value", exposure.default_value + 1))
    check("an edit runs the network once for each view", lambda: assert_equal(network_runs(), runs + 2))
    for eye, shown in enumerate(eyes()):
        expected = swapped[eye] * np.float32([2, 2, 2, 1])
        check(f"view {eye + 1} after an edit", lambda a=shown, b=expected: assert_close(a, b, 1e-5))
    exposure.default_value -= 1
    scene.render.use_multiview = False


def engines(scene: bpy.types.Scene) -> Iterator[None]:
    """EEVEE with overscan and Workbench, composited by CPU and GPU; an image that is moved before the node and back after it."""
    tree = scene.compositing_node_group
    scene.eevee.taa_render_samples = 1
    scene.eevee.use_overscan = True
    scene.display.shading.color_type = "MATERIAL"
    bpy.data.objects["Cube"].data.materials[0].diffuse_color = (0.9, 0.1, 0.05, 1)
    tree.nodes["GAN Style"].mute = True
    insert(tree, "CompositorNodeTransform", X=9.0, Y=-5.0, Angle=0.3, Scale=0.8)
    node = insert_style(tree, "swap")
    insert(tree, "CompositorNodeTranslate", X=-7.0, Y=4.0)
    for engine in ("BLENDER_EEVEE", "BLENDER_WORKBENCH"):
        scene.render.engine = engine
        for device in ("CPU", "GPU"):
            scene.render.compositor_device = device
            pictures = []
            for strength in (0.0, 1.0):
                node.inputs["Strength"].default_value = strength
                yield from press_f12()
                pictures.append(result())
            plain, swapped = pictures
            coloured = np.abs(plain[..., 0] - plain[..., 2]).max() > 0.05
            check(f"{engine} renders colours", lambda coloured=coloured: assert_equal(coloured, np.True_))
            check(f"{engine}, composited by the {device}", lambda a=swapped, b=plain: assert_close(a, b[..., [2, 1, 0, 3]], 1e-4))
