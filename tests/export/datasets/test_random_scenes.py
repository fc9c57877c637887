"""Random scenes, built and rendered tiny with the Blender that this Python has as a module, in a process of their own."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("OpenEXR")

from export.datasets.scenes import KEPT_FOR_JUDGING, Folders, SceneError

from .test_scenes import needs_blender, run_in_blender

SEEDS = 24


def build_and_render(folder: str) -> None:
    """Describe scenes of many seeds, one of them again, as JSON; render three, of them one with motion blur, if there is one."""
    from export.datasets.capture import capture, configure, route_passes
    from export.datasets.render import wanted
    from export.datasets.scenes import build

    found, blurred = [], None
    for seed in [*range(SEEDS), 0]:
        scene = build("random", seed, configure=lambda new: configure(new, 64, 36, 8))
        found.append(describe(scene))
        if scene.render.use_motion_blur and blurred is None:
            blurred = seed
    Path(folder, "found.json").write_text(json.dumps(found))
    for name, seed in (("first", 0), ("second", 1), ("blurred", blurred)):
        scene = build("random", seed, configure=lambda new: configure(new, 64, 36, 2))
        passes = capture(scene, route_passes(scene, Path(folder), wanted(False)), wanted(False))
        np.savez(Path(folder, f"{name}.npz"), **passes)


def describe(scene) -> dict:
    from mathutils import Vector

    scene.frame_set(1)
    camera, things = scene.camera, [thing for thing in scene.objects if thing.type == "MESH"]
    corners = [thing.matrix_world @ Vector(corner) for thing in things for corner in thing.bound_box]
    return {
        "layout": {o.name: [round(v, 6) for row in o.matrix_world for v in row] for o in scene.objects},
        "colours": [
            [round(v, 5) for v in n.inputs["Base Color"].default_value]
            for thing in things
            for slot in thing.material_slots
            for n in slot.material.node_tree.nodes
            if n.type == "BSDF_PRINCIPLED"
        ],
        "nearest": min((corner - camera.matrix_world.translation).length for corner in corners),
        "off": max(abs(v) for v in camera.matrix_world.translation),
        "lens": camera.data.lens,
        "flat": camera.data.type == "ORTHO",
        "dof": camera.data.dof.use_dof,
        "blur": scene.render.use_motion_blur,
        "clear": scene.render.film_transparent,
        "samples": scene.cycles.samples,
        "denoised": scene.cycles.use_denoising,
        "smoke": any(n.type == "PRINCIPLED_VOLUME" for thing in things for n in thing.active_material.node_tree.nodes),
        "lights": sorted(thing.data.type for thing in scene.objects if thing.type == "LIGHT"),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("random")
    run_in_blender(f"tests.export.datasets.test_random_scenes.build_and_render({str(path)!r})")
    return path


@pytest.fixture(scope="module")
def found(folder):
    return json.loads((folder / "found.json").read_text())


@needs_blender
def test_a_seed_gives_the_same_scene_again_and_others_give_others(found):
    assert found[-1] == found[0]
    layouts = [json.dumps(scene["layout"]) for scene in found[:-1]]
    assert len(set(layouts)) == SEEDS


@needs_blender
def test_scenes_are_of_all_sizes_in_all_light_and_through_all_lenses(found):
    nearest = np.array([scene["nearest"] for scene in found])
    assert nearest.max() > 1e4 * nearest.min() and nearest.max() < 1e5
    assert len({scene["lens"] for scene in found}) > 5 and any(scene["lens"] < 20 for scene in found)
    assert len({json.dumps(scene["lights"]) for scene in found}) >= 4
    for setting in ("flat", "dof", "blur", "clear", "denoised", "smoke"):
        assert {scene[setting] for scene in found} == {True, False}, setting
    assert {scene["samples"] for scene in found} >= {2, 4} and max(scene["samples"] for scene in found) <= 8
    colours = np.array([colour[:3] for scene in found for colour in scene["colours"]])
    assert np.ptp(colours, axis=1).max() > 0.7 and (colours.min(1) > 0.75).any() and (colours.max(1) < 0.05).any()


@needs_blender
def test_passes_are_finite_and_show_something(folder):
    for name in ("first", "second", "blurred"):
        passes = np.load(folder / f"{name}.npz")
        assert all(np.isfinite(passes[layer]).all() for layer in passes)
        assert (passes["depth"] < 1e9).mean() > 0.05, name
        assert np.ptp(passes["depth"][passes["depth"] < 1e9]) > 0 and passes["normal"].std() > 0.1


@needs_blender
def test_motion_is_known_in_spite_of_motion_blur(folder):
    assert np.abs(np.load(folder / "blurred.npz")["vector"]).max() > 0.1


def test_what_judges_is_kept_from_what_teaches(tmp_path):
    for name in ("old_town.hdr", "venice_sunset_1k.hdr", "notes.txt", "sea.exr"):
        (tmp_path / name).touch()
    folders = Folders(panoramas=tmp_path)
    assert [file.name for file in folders.teaching("panoramas")] == ["old_town.hdr", "sea.exr"]
    assert (
        folders.named("panoramas", "venice_sunset_1k").name == "venice_sunset_1k.hdr" and "venice_sunset_1k" in KEPT_FOR_JUDGING
    )
    assert not folders.teaching("characters")


def test_a_folder_without_what_is_sought_is_refused(tmp_path):
    with pytest.raises(SceneError, match="no characters"):
        Folders(characters=tmp_path).teaching("characters")
    with pytest.raises(SceneError, match="--panoramas"):
        Folders().named("panoramas", "venice_sunset_1k")
