"""render-dataset --blend: the command renders frames of a .blend, and the other commands take them."""

import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tqdm")
pytest.importorskip("OpenEXR")

from core.commands import main as core_main
from core.exr import read_exr
from core.passes import LIGHT, PASSES, check_passes
from export.__main__ import main
from export.settings import ConfigError, from_values

from .test_scenes import needs_blender, run_in_blender

FIXTURES = Path(__file__).parents[2] / "fixtures"
NAMES = [f"shot_{number:04d}" for number in (1, 2, 3)]


def render_by_command(folder: str) -> None:
    """Save a shot whose compositor darkens the render before a GAN Style node, render frames of it, and note what was said."""
    import bpy

    from export.datasets.addon import load_addon

    load_addon()
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples, scene.cycles.device, scene.cycles.use_denoising = "CYCLES", 1, "CPU", False
    scene.render.resolution_x, scene.render.resolution_y = 160, 128
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    bpy.data.objects["Cube"].keyframe_insert("location", frame=1)
    bpy.data.objects["Cube"].location.x += 1
    bpy.data.objects["Cube"].keyframe_insert("location", frame=3)
    tree = scene.compositing_node_group = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    kinds = ("CompositorNodeRLayers", "CompositorNodeExposure", "CompositorNodeGANStyle", "NodeGroupOutput")
    nodes = [tree.nodes.new(kind) for kind in kinds]
    nodes[1].inputs["Exposure"].default_value = -1
    for source, target in zip(nodes[:-1], nodes[1:], strict=True):
        tree.links.new(source.outputs["Image"], target.inputs["Image"])
    blend = Path(folder, "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    handler = logging.FileHandler(Path(folder, "said.txt"))
    logging.getLogger("export").addHandler(handler)
    command = ["render-dataset", "--blend", str(blend), "--output", str(Path(folder, "data")), "--frames", "2", "--neighbours"]
    codes = [main([*command, "--scale", "0.5"]), main([*command, "--scale", "0.5"]), main(command)]
    codes.append(main(["render-dataset", f"--blend={folder}/none.blend"]))
    Path(folder, "codes.json").write_text(json.dumps(codes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("own_shot")
    run_in_blender(f"tests.export.datasets.test_own_shot.render_by_command({str(path)!r})")
    return path


@needs_blender
def test_the_frames_are_composited_up_to_the_node_and_have_all_passes(folder):
    assert sorted(path.stem for path in (folder / "data" / "input").iterdir()) == NAMES
    for name in NAMES:
        passes = read_exr(folder / "data" / "input" / f"{name}.exr")
        assert check_passes(passes, tuple(name for name in PASSES if name not in LIGHT)) == (64, 80), "half of 160x128"
        np.testing.assert_allclose(passes["image"][0, 0], (0.5, 0.5, 0.5, 1), atol=1e-3, err_msg="white, darkened by one stop")
    assert np.abs(passes["vector"]).max() > 0.5


@needs_blender
def test_the_command_says_what_is_to_come_what_it_skips_and_what_has_changed(folder):
    said = (folder / "said.txt").read_text().splitlines()
    assert said[0] == "To render: 3 of 3 frames at 80x64, at most 1 MB on the disk."
    assert said[1].startswith("The first frame took") and "those left (2) about" in said[1]
    assert said[2] == "All frames are rendered already, and the file is unchanged."
    assert "size ([80, 64], now [160, 128])" in said[3] and "--changed" in said[3]
    assert "There is no file" in said[4]
    assert json.loads((folder / "codes.json").read_text()) == [0, 0, 1, 1]


@needs_blender
def test_core_applies_a_style_of_all_passes_to_them(folder, tmp_path):
    frames = str(folder / "data" / "input" / "shot_####.exr")
    arguments = ["apply", str(FIXTURES / "guided.onnx"), frames, "--out", str(tmp_path / "out")]
    assert core_main(arguments, "core") == 0
    assert len(list((tmp_path / "out").iterdir())) == 3


@needs_blender
def test_the_trainer_finds_pairs_of_neighbours_in_them(folder, capsys):
    pytest.importorskip("torch")
    pytest.importorskip("scipy")
    data = str(folder / "data")
    assert main(["paint", "--data", data, "--look", "graphic_novel", "--frames", NAMES[1]]) == 0
    settings = ["--mode", "keyframes", "--crop", "64", "--passes", "image", "depth", "normal", "--weight-temporal", "10"]
    assert main(["check-data", "--data", data, "--run", os.devnull, *settings]) == 0
    assert "3" in capsys.readouterr().out


def test_the_blend_must_be_named():
    from export.datasets.own_shot import OwnShotConfig

    with pytest.raises(ConfigError, match="--blend"):
        from_values(OwnShotConfig, {})
