"""The add-on's preferences: device, precision, memory, caches, and the styles that are installed."""

import textwrap

import bpy

from ... import __package__ as extension
from ...core.runtime import LABELS, PRECISIONS, PROVIDERS
from .. import devices, library
from ..settings import SEVERAL, Settings, settings
from ..training import python, session
from . import thumbnails

LINE = 90
"""Letters in a line of the preferences."""
MAX_MEGABYTES = 2**20
PRECISION_HINTS = {
    "full": "32-bit floats throughout: frames equal those of the CPU, but for rounding errors too small to see",
    "tf32": "NVIDIA GPUs since the RTX 30 series, by CUDA, round what they multiply to 11 bits, which is faster. "
    "Frames differ from those of the CPU and of other GPUs by about a thousandth: use one precision for the whole shot",
    "half": "Between its first and last step the network computes in 16-bit floats, by CUDA or WebGPU, on GPUs that have them. "
    "The style's score card may say what that changes: use one precision for the whole shot",
}


class GANSTYLE_PG_folder(bpy.types.PropertyGroup):  # noqa: N801 - Blender's way to name types
    path: bpy.props.StringProperty(name="Folder", description="A folder with style files (.onnx)", subtype="DIR_PATH")


def _devices() -> list[tuple[str, str, str]]:
    named = [(name, LABELS[name], "Use this device and no other") for name in PROVIDERS]
    return [("auto", "Automatic", "CUDA where it works, else another GPU by WebGPU, else the CPU"), *named]


class GANSTYLE_AP_preferences(bpy.types.AddonPreferences):  # noqa: N801
    bl_idname = extension

    device: bpy.props.EnumProperty(
        name="Device", description="What runs the generators", items=_devices(), default=Settings.device
    )
    gpu: bpy.props.StringProperty(
        name="GPU",
        description="Which of several GPUs, by its name; empty for the fastest kind. Once Blender has stylised by WebGPU, "
        "another one is taken after a restart",
        search=lambda self, _context, _text: devices.names(self.device),
    )
    cpu_fallback: bpy.props.BoolProperty(
        name="CPU if the Device Fails",
        default=Settings.cpu_fallback,
        description="Go on with the CPU and a warning when the device can't be used, for example for lack of memory; "
        "otherwise the frame fails",
    )
    precision: bpy.props.EnumProperty(
        name="Precision",
        description="How exactly GPUs compute; it changes nothing on the CPU",
        items=[(name, label, PRECISION_HINTS[name]) for name, label in PRECISIONS.items()],
        default=Settings.precision,
    )
    memory_limit: bpy.props.IntProperty(
        name="Memory Limit (MB)",
        default=Settings.memory_limit,
        min=0,
        max=MAX_MEGABYTES,
        description="Device memory that a frame may take; larger frames are run in tiles, with the same result. "
        "0 for half of the free memory",
    )
    memory_cache: bpy.props.IntProperty(
        name="Memory Cache (MB)",
        default=Settings.memory_cache,
        min=0,
        max=MAX_MEGABYTES,
        description="Memory for stylised frames, so that equal inputs are not computed twice; 0 for none",
    )
    disk_cache: bpy.props.IntProperty(
        name="Disk Cache (MB)",
        default=Settings.disk_cache,
        min=0,
        max=MAX_MEGABYTES,
        description="Disk space for stylised frames, which stay there for the next Blender session; 0 for none",
    )
    disk_folder: bpy.props.StringProperty(
        name="Cache Folder",
        subtype="DIR_PATH",
        description="Folder of the frames on disk; empty for the add-on's own",
    )
    style_folders: bpy.props.CollectionProperty(type=GANSTYLE_PG_folder)
    trainer_python: bpy.props.StringProperty(
        name="Python",
        subtype="FILE_PATH",
        description="A Python with PyTorch that trains; empty for the environment that Set Up Training makes",
    )
    paint_program: bpy.props.StringProperty(
        name="Paint Program",
        subtype="FILE_PATH",
        description="The program that frames to train on are painted in; empty for Blender's image editor",
    )

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        _draw_device(self, layout.column())
        column = layout.column()
        column.prop(self, "memory_limit")
        column.prop(self, "memory_cache")
        column.prop(self, "disk_cache")
        row = column.row()
        row.active = self.disk_cache > 0
        row.prop(self, "disk_folder")
        column.operator("gan_style.clear_cache")
        _draw_styles(layout.box())
        _draw_folders(self, layout.box())
        _draw_training(self, layout.box())


def _draw_device(preferences: GANSTYLE_AP_preferences, column: bpy.types.UILayout) -> None:
    column.prop(preferences, "device")
    if preferences.device in SEVERAL and (preferences.gpu or len(devices.names(preferences.device)) > 1):
        column.prop(preferences, "gpu")
    text, problem = devices.state(settings().device)
    for number, line in enumerate(textwrap.wrap(text, LINE)):
        row = column.row()
        row.alert = problem
        row.label(text=line, icon="BLANK1" if number else "ERROR" if problem else "INFO")
    column = column.column()
    column.active = preferences.device != "cpu"
    column.prop(preferences, "precision")
    column.prop(preferences, "cpu_fallback")


def _draw_styles(box: bpy.types.UILayout) -> None:
    box.label(text="Styles")
    for found in library.installed().values():
        row = box.row()
        row.alert = found.style is None
        name = found.style.name if found.style else f"{found.identifier}: {found.error}"
        row.label(text=name, icon_value=thumbnails.icon(found))
        row.label(text=library.place(found))
        if library.is_own(found):
            row.operator("gan_style.remove_style", text="", icon="TRASH").identifier = found.identifier
    box.operator("gan_style.install_style", icon="IMPORT")


def _draw_folders(preferences: GANSTYLE_AP_preferences, box: bpy.types.UILayout) -> None:
    box.label(text="Further Style Folders")
    for index, folder in enumerate(preferences.style_folders):
        row = box.row(align=True)
        row.prop(folder, "path", text="")
        row.operator("gan_style.remove_folder", text="", icon="X").index = index
    box.operator("gan_style.add_folder", icon="ADD")


def _draw_training(preferences: GANSTYLE_AP_preferences, box: bpy.types.UILayout) -> None:
    box.label(text="Training")
    box.prop(preferences, "trainer_python")
    box.prop(preferences, "paint_program")
    setup, row = session.setup, box.row()
    if setup is not None and setup.is_running():
        row.label(text=setup.says[:LINE], icon="SORTTIME")
        row.operator("gan_style.cancel_setup", text="", icon="X")
        return
    row.operator("gan_style.set_up_training", icon="IMPORT")
    if python.is_set_up(session.own_environment()):
        row.operator("gan_style.remove_setup", text="", icon="TRASH")
    said = (setup.problem or setup.says) if setup is not None else ""
    for line in textwrap.wrap(said or session.python_problem() or f"{session.trainer_python()} trains.", LINE):
        box.label(text=line)


CLASSES = (GANSTYLE_PG_folder, GANSTYLE_AP_preferences)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
