"""The add-on's preferences and the operators that install styles."""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
import onnx
import onnxruntime
from scene import FIXTURES, assert_close, insert, insert_style, load_addon, make_scene, render, run_case, styled


def load_with_preferences(folder: Path):
    """The add-on, its preferences, and a folder for its user's files."""
    os.environ["GAN_STYLE_PATH"] = ""
    addon = load_addon()
    bpy.context.preferences.addons.new().module = "gan_style"
    sys.modules["gan_style.addon.settings"].own_folder = lambda: folder / "user"
    return addon, bpy.context.preferences.addons["gan_style"].preferences


def install(path: Path, **options: object) -> set[str]:
    return bpy.ops.gan_style.install_style(directory=str(path.parent), files=[{"name": path.name}], **options)


def refused(path: Path, reason: str, replace: bool = False) -> None:
    """By the library: the operator would print the reason, and the test's output is to be free of errors."""
    library = sys.modules["gan_style.addon.library"]
    before = {f: f.read_bytes() for f in path.parents[1].rglob("*.onnx")}
    try:
        library.install(path, replace)
    except ValueError as error:
        assert reason in str(error), error
    else:
        raise AssertionError("installed it")
    assert {f: f.read_bytes() for f in path.parents[1].rglob("*.onnx")} == before


def styles_installed(folder: Path) -> None:
    """Installing, refusing what is broken or would hide another style, replacing, removing."""
    load_with_preferences(folder)
    library = sys.modules["gan_style.addon.library"]
    new = folder / "new"
    new.mkdir()
    node = bpy.data.node_groups.new("Tree", "CompositorNodeTree").nodes.new("CompositorNodeGANStyle")
    shutil.copy(FIXTURES / "swap.onnx", new / "look.onnx")
    assert install(new / "look.onnx", node=node.name, tree="Tree") == {"FINISHED"}
    assert node.style == "look" and library.installed()["look"].style.name == "Swap"
    assert install(new / "look.onnx") == {"FINISHED"}
    shutil.copy(FIXTURES / "wide.onnx", new / "look.onnx")
    refused(new / "look.onnx", "another style 'look'")
    assert install(new / "look.onnx", replace=True) == {"FINISHED"}
    assert library.installed()["look"].style.name == "Wide"
    shutil.copy(FIXTURES / "wide.onnx", new / "graphic_novel.onnx")
    refused(new / "graphic_novel.onnx", "give the file another name", replace=True)
    (new / "cut.onnx").write_bytes((FIXTURES / "wide.onnx").read_bytes()[:40_000])
    refused(new / "cut.onnx", "damaged")
    refused(new / "nothing.onnx", "no style file")
    assert bpy.ops.gan_style.remove_style(identifier="look") == {"FINISHED"}
    assert "look" not in library.installed() and node.style == "look"
    try:
        library.remove("graphic_novel")
    except ValueError as error:
        assert "your own" in str(error)
    assert "graphic_novel" in library.installed()


def model_adopted(folder: Path) -> None:
    """Another tool's network becomes a style of one's own, which the node gets; what can't be one is refused with a reason."""
    load_with_preferences(folder)
    library = sys.modules["gan_style.addon.library"]
    model = onnx.load(FIXTURES / "swap.onnx")
    del model.metadata_props[:]
    onnx.save(model, folder / "foreign net.onnx")
    assert library.is_foreign(folder / "foreign net.onnx") and not library.is_foreign(FIXTURES / "swap.onnx")
    node = bpy.data.node_groups.new("Tree", "CompositorNodeTree").nodes.new("CompositorNodeGANStyle")
    given = {"licence": "MIT", "author": "A. Painter", "range": "0..1", "node": node.name, "tree": "Tree"}
    assert bpy.ops.gan_style.adopt_model(filepath=str(folder / "foreign net.onnx"), **given) == {"FINISHED"}
    style = library.installed()["foreign_net"].style
    assert node.style == "foreign_net" and (style.licence, style.author) == ("MIT", "A. Painter")
    assert style.training["adopted"]["sureness"]["range_in"] == "set" and style.thumbnail
    adoption = sys.modules["gan_style.addon.run.adoption"]
    (folder / "text.onnx").write_text("no model")
    refused_model = adoption.Adoption(folder / "text.onnx", folder / "out.onnx", folder / "log")
    refused_model.wait()
    done, (reason,) = refused_model.result()
    assert not done and "damaged or not ONNX" in reason and not (folder / "out.onnx").exists()


def further_folders(folder: Path) -> None:
    _, preferences = load_with_preferences(folder)
    library = sys.modules["gan_style.addon.library"]
    assert "swap" not in library.installed()
    bpy.ops.gan_style.add_folder()
    assert "swap" not in library.installed()
    preferences.style_folders[0].path = str(FIXTURES)
    assert library.installed()["swap"].path == FIXTURES / "swap.onnx"
    bpy.ops.gan_style.remove_folder(index=0)
    assert "swap" not in library.installed()


def same_inputs_not_twice(folder: Path) -> None:
    """Back at earlier inputs or an earlier style, the network does not run; with the disk cache not in a new Blender either."""
    addon, preferences = load_with_preferences(folder)
    os.environ["GAN_STYLE_PATH"] = str(FIXTURES)
    preferences.disk_cache = 8
    scene = make_scene()
    tree = scene.compositing_node_group
    plain = render(scene, folder / "plain.exr")
    exposure = insert(tree, "CompositorNodeExposure", Exposure=0.0)
    node = insert_style(tree, "wide")
    render(scene, folder / "a.exr")
    node.style = "swap"
    render(scene, folder / "b.exr")
    node.style = "wide"
    assert_close(render(scene, folder / "c.exr"), styled(plain, "wide"))
    exposure.inputs["Exposure"].default_value = 1.0
    render(scene, folder / "d.exr")
    exposure.inputs["Exposure"].default_value = 0.0
    assert_close(render(scene, folder / "e.exr"), styled(plain, "wide"))
    assert [(run.network_ran, run.cached) for run in addon.addon.run.log.last_runs()] == [
        (True, False),
        (True, False),
        (False, True),
        (True, False),
        (False, True),
    ]
    sys.modules["gan_style.addon.run.run_nodes"]._cache.limit(0, None, 0)
    node.style = "swap"
    assert_close(render(scene, folder / "f.exr"), styled(plain, "swap"))
    assert addon.addon.run.log.last_runs()[-1].cached
    assert bpy.ops.gan_style.clear_cache() == {"FINISHED"}
    assert list((folder / "user" / "cache").iterdir()) == []
    node.style = "wide"
    assert_close(render(scene, folder / "g.exr"), styled(plain, "wide"))
    assert addon.addon.run.log.last_runs()[-1].network_ran


def cpu_takes_over(folder: Path) -> None:
    """A device that is not there: the CPU, a warning on the node, and the right picture."""
    addon, preferences = load_with_preferences(folder)
    os.environ["GAN_STYLE_PATH"] = str(FIXTURES)
    runtime = sys.modules["gan_style.core.runtime"]
    runtime.cuda_problem = lambda: "no NVIDIA driver was found"
    scene = make_scene()
    plain = render(scene, folder / "plain.exr")
    insert_style(scene.compositing_node_group, "wide")
    preferences.device = "cuda"
    assert_close(render(scene, folder / "a.exr"), styled(plain, "wide"))
    (run,) = addon.addon.run.log.last_runs()
    assert run.provider == "cpu" and "no NVIDIA driver" in run.warning and not run.error
    preferences.device = "cpu"
    assert_close(render(scene, folder / "b.exr"), styled(plain, "wide"))
    assert not addon.addon.run.log.last_runs()[-1].warning
    assert np.abs(styled(plain, "wide") - plain).max() > 0.1


def one_of_two_gpus(folder: Path) -> None:
    """The one that the preferences name is asked for, and told in words when it has gone."""
    addon, preferences = load_with_preferences(folder)
    os.environ["GAN_STYLE_PATH"] = str(FIXTURES)
    devices, settings = sys.modules["gan_style.addon.devices"], sys.modules["gan_style.addon.settings"].settings
    preferences.gpu = "Small GPU"
    for device, asked in (("auto", "auto"), ("cpu", "cpu"), ("webgpu", "webgpu:Small GPU"), ("cuda", "cuda:Small GPU")):
        preferences.device = device
        assert settings().device == asked, settings()
    runtime = sys.modules["gan_style.core.runtime"]
    runtime.cuda_problem = lambda: ""
    runtime.device_names = devices.device_names = lambda provider, software=False: ["Big GPU", "Small GPU"]
    onnxruntime.get_available_providers = lambda: list(runtime.PROVIDERS.values())
    assert devices.state("cuda") == ("CUDA works on this machine (Big GPU, Small GPU).", False)
    assert devices.state("cuda:Small GPU") == ("CUDA works on Small GPU.", False)
    scene = make_scene()
    plain = render(scene, folder / "plain.exr")
    insert_style(scene.compositing_node_group, "wide")
    preferences.gpu = "Gone GPU"
    gone = "CUDA can't be used: it has no device 'Gone GPU' here: there is Big GPU, Small GPU."
    assert devices.state(settings().device) == (gone, True)
    assert_close(render(scene, folder / "a.exr"), styled(plain, "wide"))
    (run,) = addon.addon.run.log.last_runs()
    assert run.provider == "cpu" and gone in run.warning and not run.error


def precision(folder: Path) -> None:
    """The CPU ignores it; where it counts, frames of another precision are not the same."""
    addon, preferences = load_with_preferences(folder)
    os.environ["GAN_STYLE_PATH"] = str(FIXTURES)
    preferences.device = "cpu"
    scene = make_scene()
    insert_style(scene.compositing_node_group, "wide")
    before = render(scene, folder / "a.exr")
    preferences.precision = "tf32"
    assert_close(render(scene, folder / "b.exr"), before)
    assert not addon.addon.run.log.last_runs()[-1].network_ran
    opened = sys.modules["gan_style.addon.library"].generator("wide", "cpu", sys.modules["gan_style.addon.settings"].settings())[
        0
    ]
    assert opened.precision == "full"
    opened.precision = "tf32"
    render(scene, folder / "c.exr")
    assert addon.addon.run.log.last_runs()[-1].network_ran


def memory_limit(folder: Path) -> None:
    """With little memory the frame is run in tiles, with the same result."""
    _, preferences = load_with_preferences(folder)
    os.environ["GAN_STYLE_PATH"] = str(FIXTURES)
    generator = sys.modules["gan_style.core.generator"].Generator
    scene = make_scene()
    scene.render.resolution_x, scene.render.resolution_y = 640, 480
    tree = scene.compositing_node_group
    colour = tree.nodes.new("CompositorNodeImage")
    colour.image = bpy.data.images.new("Noise", 640, 480, float_buffer=True)
    colour.image.pixels.foreach_set(np.random.default_rng(0).random(640 * 480 * 4, np.float32))
    tree.links.new(colour.outputs["Image"], tree.nodes["Group Output"].inputs[0])
    whole = render(scene, folder / "plain.exr")
    insert_style(tree, "wide")
    run, pixels = generator.run, []

    def counted(self: object, inputs: dict, *rest: object, **options: object) -> np.ndarray:
        pixels.append(inputs["image"][0, 0].size)
        return run(self, inputs, *rest, **options)

    generator.run = counted
    preferences.memory_limit = 24
    assert_close(render(scene, folder / "tiled.exr"), styled(whole, "wide"), 1e-5)
    assert len(pixels) > 2 and max(pixels[1:]) < 640 * 480, pixels  # the first tells what a pixel takes


if __name__ == "__main__":
    run_case(globals())
