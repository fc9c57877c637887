"""The scenes that judge: what can be built without others' files is built; the rest asks for them."""

import json
from pathlib import Path

import pytest

from export.datasets.scenes import SCENES, SceneError, scene_names

from .test_scenes import needs_blender, run_in_blender

ASK = {"mage": "--characters", "hooded": "--characters", "monkey": "--panoramas", "motel": "--panoramas"}


def build_all(path: str) -> None:
    """Build each judging scene without any folder and write down what it shows, or what it lacks."""
    from export.datasets.scenes import build

    found = {}
    for name in scene_names("judging"):
        try:
            scene = build(name)
        except SceneError as error:
            found[name] = str(error)
            continue
        places = []
        for frame in (1, 2):
            scene.frame_set(frame)
            places.append({thing.name: [round(v, 6) for row in thing.matrix_world for v in row] for thing in scene.objects})
        moved = sum(places[0][name] != places[1][name] for name in places[0])
        camera = scene.camera.matrix_world.translation
        far = max((thing.matrix_world.translation - camera).length for thing in scene.objects if thing.type == "MESH")
        found[name] = {"moved": moved, "far": far, "colours": sum(len(thing.material_slots) for thing in scene.objects)}
    Path(path).write_text(json.dumps(found))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    path = tmp_path_factory.mktemp("judging") / "found.json"
    run_in_blender(f"tests.export.datasets.test_judging_scenes.build_all({str(path)!r})")
    return json.loads(path.read_text())


@needs_blender
def test_scenes_that_judge_are_of_all_sizes_and_move(found):
    built = {name: scene for name, scene in found.items() if isinstance(scene, dict)}
    assert set(built) == set(scene_names("judging")) - set(ASK) and len(found) >= 8
    assert all(scene["moved"] >= 1 and scene["colours"] >= 5 for scene in built.values())
    assert built["canyon"]["far"] > 1000 * built["doughnut"]["far"]


@needs_blender
def test_a_scene_that_shows_others_work_says_which_folder_it_needs(found):
    for name, flag in ASK.items():
        assert flag in found[name], name


def test_scenes_that_judge_are_built_from_modules_of_their_own():
    modules = {
        split: {recipe.module for recipe in SCENES.values() if recipe.split == split} for split in ("judging", "train", "random")
    }
    assert not modules["judging"] & (modules["train"] | modules["random"])
