"""The scenes that styles are trained on, judged by and shown with; all built by script, each varied by a seed.

Importing this package needs no Blender; build() does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from random import Random
from typing import TYPE_CHECKING

from .folders import KEPT_FOR_JUDGING, Folders, SceneError

if TYPE_CHECKING:
    import bpy

__all__ = ["FRAMES", "KEPT_FOR_JUDGING", "SCENES", "Folders", "SceneError", "SceneRecipe", "build", "scene_names"]

FRAMES = 24
"""Length of every scene."""


@dataclass(frozen=True)
class SceneRecipe:
    split: str
    """"train", "random", "held_out" and "judging" (never trained on) or "demo"."""
    module: str
    """Module of this package that holds the function named like the scene."""


SCENES = {
    "room": SceneRecipe("train", "indoors"),
    "still_life": SceneRecipe("train", "indoors"),
    "statues": SceneRecipe("train", "halls"),
    "corridor": SceneRecipe("train", "halls"),
    "street": SceneRecipe("train", "town"),
    "alley": SceneRecipe("train", "town"),
    "robots": SceneRecipe("train", "town"),
    "landscape": SceneRecipe("train", "nature"),
    "garden": SceneRecipe("train", "nature"),
    "ruins": SceneRecipe("train", "shores"),
    "harbour": SceneRecipe("train", "shores"),
    "random": SceneRecipe("random", "random_scenes"),
    "market": SceneRecipe("held_out", "held_out"),
    "winter": SceneRecipe("held_out", "held_out"),
    "doughnut": SceneRecipe("judging", "judging_close"),
    "dark_studio": SceneRecipe("judging", "judging_close"),
    "mage": SceneRecipe("judging", "judging_close"),
    "monkey": SceneRecipe("judging", "judging_close"),
    "hooded": SceneRecipe("judging", "judging_close"),
    "white_room": SceneRecipe("judging", "judging_places"),
    "motel": SceneRecipe("judging", "judging_places"),
    "island": SceneRecipe("judging", "judging_places"),
    "bedroom": SceneRecipe("judging", "judging_places"),
    "canyon": SceneRecipe("judging", "judging_places"),
    "lighthouse": SceneRecipe("demo", "showpiece"),
}


def scene_names(selection: str) -> list[str]:
    """The names that "train", "random", "held_out", "judging", "demo" or "name, name ..." stands for. Raises SceneError."""
    of_split = [name for name, recipe in SCENES.items() if recipe.split == selection.strip()]
    names = of_split or [name.strip() for name in selection.split(",") if name.strip()]
    unknown = [name for name in names if name not in SCENES]
    if unknown or not names:
        splits = sorted({recipe.split for recipe in SCENES.values()})
        raise SceneError(f"There is no scene or split '{', '.join(unknown)}'; choose from {', '.join([*splits, *SCENES])}.")
    return names


def build(
    name: str,
    seed: int = 0,
    folders: Folders | None = None,
    configure: Callable[[bpy.types.Scene], None] = lambda scene: None,
) -> bpy.types.Scene:
    """Build a scene in place of everything that the open file holds, and return it.

    The same name and seed give the same scene; another seed gives another layout, other colours and other light. Its frames are
    1 to FRAMES; camera, world and motion are set. configure: makes the render settings, of which a recipe may change some after.
    Raises SceneError if there is no such scene, or it shows what the folders lack.
    """
    if name not in SCENES:
        raise SceneError(f"There is no scene '{name}'; choose from {', '.join(SCENES)}.")
    from .stage import Stage, empty_scene

    stage = Stage(empty_scene(name, FRAMES), Random(f"{name} {seed}"), folders)
    configure(stage.scene)
    recipe = getattr(import_module(f".{SCENES[name].module}", __package__), name)
    recipe(stage)
    return stage.scene
