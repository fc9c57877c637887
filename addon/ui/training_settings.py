"""The settings of a training as Blender's properties: they live in the training's folder, the .blend knows but the folder."""

from collections.abc import Callable
from dataclasses import replace

import bpy

from ...core.passes import PASSES
from ...core.training import SIZES, TEACH, TrainingSettings
from ..training import session

GUIDES = tuple(name for name in PASSES if name != "image")
SIZE_HINTS = {
    "fast": "Small: learns and runs fastest",
    "default": "The usual size",
    "high": "Large: finer, and half as fast",
}


def _of(name: str) -> dict[str, Callable]:
    """get and set of a property that is a setting of the training."""

    def get(self: bpy.types.PropertyGroup) -> object:
        training = session.of(self.id_data)
        return getattr(training.settings if training else TrainingSettings(), name)

    def put(self: bpy.types.PropertyGroup, value: object) -> None:
        if training := session.of(self.id_data):
            session.change(training, replace(training.settings, **{name: value}))

    return {"get": get, "set": put}


def _choice(name: str, values: tuple[str, ...]) -> dict[str, Callable]:
    """As _of(), for one of several values, which Blender knows by their numbers."""
    plain = _of(name)
    return {
        "get": lambda self: values.index(found) if (found := plain["get"](self)) in values else 0,
        "set": lambda self, number: plain["set"](self, values[number]),
    }


def _several() -> dict[str, Callable]:
    """As _of(), for the passes: a bit each."""
    plain = _of("passes")
    return {
        "get": lambda self: sum(1 << GUIDES.index(name) for name in plain["get"](self) if name in GUIDES),
        "set": lambda self, bits: plain["set"](self, tuple(name for n, name in enumerate(GUIDES) if bits >> n & 1)),
    }


def _get_folder(self: bpy.types.PropertyGroup) -> str:
    return self.id_data.get(session.FOLDER, session.USUAL_FOLDER)


def _set_folder(self: bpy.types.PropertyGroup, folder: str) -> None:
    self.id_data[session.FOLDER] = folder or session.USUAL_FOLDER


class GANSTYLE_PG_training(bpy.types.PropertyGroup):  # noqa: N801 - Blender's way to name types
    folder: bpy.props.StringProperty(
        name="Folder",
        description="The training's folder: frames, what is painted, settings and runs. It can be moved as a whole",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
        get=_get_folder,
        set=_set_folder,
    )
    name: bpy.props.StringProperty(name="Name", description="The name of the style", maxlen=60, **_of("name"))
    teach: bpy.props.EnumProperty(
        name="Learn From",
        description="What the look is taught by",
        items=[
            ("painted", "Painted Frames", "A few frames of the shot that you painted over", 0),
            ("picture", "Pictures", "One picture of the look or a few, of anything", 1),
        ],
        **_choice("teach", TEACH),
    )
    minutes: bpy.props.FloatProperty(
        name="Minutes", description="How long it learns", min=0.1, soft_max=120.0, max=10000.0, precision=1, **_of("minutes")
    )
    size: bpy.props.EnumProperty(
        name="Quality",
        description="The size of the network",
        items=[(size, size.capitalize(), SIZE_HINTS[size], number) for number, size in enumerate(SIZES)],
        **_choice("size", SIZES),
    )
    passes: bpy.props.EnumProperty(
        name="Passes",
        description="What the network may see besides the image; none for what usually helps",
        items=[(name, PASSES[name].socket, PASSES[name].meaning, "NONE", 1 << n) for n, name in enumerate(GUIDES)],
        options={"ENUM_FLAG"},
        **_several(),
    )
    steadiness: bpy.props.FloatProperty(
        name="Steadiness",
        description="How much it is to agree from frame to frame; learned only where frames beside painted ones are rendered",
        min=0.0,
        max=1000.0,
        soft_max=100.0,
        **_of("steadiness"),
    )
    brush: bpy.props.FloatProperty(
        name="Brush",
        description="How large the pictures' strokes become: their longer side as a share of a frame's width of 1920 pixels",
        min=0.02,
        max=2.0,
        **_of("brush"),
    )
    keep_colours: bpy.props.BoolProperty(
        name="Keep Colours",
        description="Take how the pictures are painted, and keep the shot's own colours",
        **_of("keep_colours"),
    )
    further: bpy.props.StringProperty(
        name="Further", description="More settings of the trainer, as on its command line: --batch 8 --smooth", **_of("further")
    )
    live: bpy.props.BoolProperty(
        name="Live", description="Show the style in the node while it learns, every few seconds", default=True
    )
    survive: bpy.props.BoolProperty(
        name="Go On without Blender", description="Let the training end by itself if Blender is closed, and find it again later"
    )
    advanced: bpy.props.BoolProperty(name="Advanced", description="Show more settings", options={"SKIP_SAVE"})


def register() -> None:
    bpy.utils.register_class(GANSTYLE_PG_training)
    bpy.types.Scene.gan_style_training = bpy.props.PointerProperty(type=GANSTYLE_PG_training)


def unregister() -> None:
    del bpy.types.Scene.gan_style_training
    bpy.utils.unregister_class(GANSTYLE_PG_training)
