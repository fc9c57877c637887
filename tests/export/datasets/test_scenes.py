"""The scenes, built and rendered small with the Blender that this Python has as a module, in a process of their own."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.exr import read_exr
from export.datasets.scenes import FRAMES, SCENES, SceneError, scene_names

ROOT = Path(__file__).parents[3]
needs_blender = pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="this Python has no bpy")
RENDERED = ("lighthouse", "landscape", "alley", "still_life")
COMPOSED = [name for name, recipe in SCENES.items() if recipe.split in ("train", "held_out", "demo")]


def run_in_blender(call: str) -> None:
    """Evaluate a call of one of this package's functions in a new process; bpy may hang when a process ends as usual."""
    module, function = call.split("(")[0].rsplit(".", 1)
    code = f"import os, {module}\n{module}.{function}({call.split('(', 1)[1]}\nos._exit(0)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, result.stdout + result.stderr


def describe_scenes(path: str) -> None:
    """Build every scene and some of them again, and write what they hold as JSON."""
    from export.datasets.scenes import build

    found = {name: _description(build(name)) for name in COMPOSED}
    for name in RENDERED:
        found[f"{name} again"], found[f"{name} other"] = _description(build(name)), _description(build(name, 1))
    Path(path).write_text(json.dumps(found))


def _description(scene) -> dict:
    import bpy

    def places() -> dict:
        return {o.name: [round(value, 5) for row in o.matrix_world for value in row] for o in scene.objects}

    scene.frame_set(1)
    first = places()
    scene.frame_set(FRAMES)
    last = places()
    colours = [
        round(value, 5)
        for m in bpy.data.materials
        for n in m.node_tree.nodes
        for s in n.inputs
        if s.type == "RGBA"
        for value in s.default_value
    ]
    points = [round(float(v), 4) for m in bpy.data.meshes for i in (0, -1) for v in m.vertices[i].co]
    return {
        "scenes": len(bpy.data.scenes),
        "frames": [scene.frame_start, scene.frame_end],
        "camera_moved": first[scene.camera.name] != last[scene.camera.name],
        "things_moved": sum(first[o.name] != last[o.name] for o in scene.objects if o != scene.camera),
        "materials": len({slot.material for o in scene.objects for slot in o.material_slots}),
        "meshes": len({o.data for o in scene.objects if o.type == "MESH"}),
        "lights": sum(o.type == "LIGHT" for o in scene.objects),
        "world": scene.world is not None,
        "layout": first,
        "colours": colours,
        "points": points,
    }


@pytest.fixture(scope="module")
def descriptions(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenes") / "descriptions.json"
    run_in_blender(f"tests.export.datasets.test_scenes.describe_scenes({str(path)!r})")
    return json.loads(path.read_text())


@needs_blender
@pytest.mark.parametrize("name", COMPOSED)
def test_scene_is_furnished_lit_and_moves(descriptions, name):
    scene = descriptions[name]
    assert scene["scenes"] == 1, "what the previous build made is still there"
    assert scene["frames"] == [1, FRAMES]
    assert scene["camera_moved"] and scene["things_moved"] >= 1
    assert scene["materials"] >= 6 and scene["meshes"] >= 10
    assert scene["lights"] >= 1 and scene["world"]


@needs_blender
@pytest.mark.parametrize("name", RENDERED)
def test_seed_decides_everything(descriptions, name):
    first, again, other = (descriptions[key] for key in (name, f"{name} again", f"{name} other"))
    assert again == first
    assert other["layout"] != first["layout"]


def render_small(folder: str) -> None:
    from export.datasets.render import RenderDatasetConfig, render_dataset

    render_dataset(
        RenderDatasetConfig(Path(folder), ",".join(RENDERED), frames=1, width=128, height=72, samples=4), progress=list
    )


@needs_blender
def test_pictures_are_finite_and_neither_flat_nor_blown_out(tmp_path):
    pytest.importorskip("OpenEXR")
    pytest.importorskip("tqdm")
    run_in_blender(f"tests.export.datasets.test_scenes.render_small({str(tmp_path)!r})")
    for name in RENDERED:
        image = read_exr(tmp_path / "input" / f"{name}_s0_0001.exr")["image"][..., :3]
        assert np.isfinite(image).all() and image.min() >= 0
        luminance = image @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        assert 0.02 < np.median(luminance) < 0.8, name
        assert np.percentile(luminance, 95) - np.percentile(luminance, 5) > 0.1, name
        assert (image.max(-1) - image.min(-1)).mean() > 0.03, f"{name} is grey"
    assert (read_exr(tmp_path / "input" / "lighthouse_s0_0001.exr")["image"][..., :3] > 1).mean() > 0.01, "the demo's sky is dim"


def test_splits_do_not_overlap_and_names_are_checked():
    assert len(scene_names("train")) >= 10 and len(scene_names("held_out")) == 2
    assert scene_names("demo") == ["lighthouse"]
    assert sum((scene_names(split) for split in ("train", "random", "held_out", "judging", "demo")), []) == list(SCENES)
    assert scene_names("room, alley") == ["room", "alley"]
    for wrong in ("", "trian", "room,attic"):
        with pytest.raises(SceneError, match="choose from"):
            scene_names(wrong)


def test_listing_scenes_needs_no_blender():
    code = "import sys; sys.modules['bpy'] = None; from export.datasets.scenes import SCENES; assert SCENES"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
