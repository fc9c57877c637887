"""The panel Style Training, in a tab of the compositor's sidebar: frames, what is painted, learning, and what became of it."""

import bpy

from ... import __package__ as extension
from ..run.shot_frames import frame_name
from ..training import session
from ..trees.marks import is_hidden
from . import curve
from .training_operators import lacking
from .training_paint import unsaved
from .wrapped import alert, letters, wrap

MARGIN = 60.0
MAX_ROWS = 30
STATES = {
    "starting": "Starting",
    "training": "Learning",
    "stopping": "Stopping",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
}
AT_WORK = ("starting", "training", "stopping")


class GANSTYLE_PT_training(bpy.types.Panel):  # noqa: N801 - Blender's way to name types
    bl_idname = "GANSTYLE_PT_training"
    bl_label = "Style Training"
    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"
    bl_category = "GAN Style"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.space_data.tree_type == "CompositorNodeTree" and not is_hidden(context.scene)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        length = letters(context.region.width / context.preferences.system.ui_scale - MARGIN, least=20)
        training, wanted = session.of(context.scene), context.scene.gan_style_training
        if training is None:
            wrap(layout.column(align=True), "Save the .blend file: the training lies beside it.", length, "INFO")
            layout.operator("gan_style.begin_training")
            return
        layout.prop(wanted, "folder", text="")
        if training.problem:
            alert(layout, training.problem, length)
        draw_frames(context, layout, training, length)
        draw_learning(context, layout, training, length)
        draw_outcome(layout, training, length)


def draw_frames(context: bpy.types.Context, layout: bpy.types.UILayout, training: session.Training, length: int) -> None:
    there, wanted, scene = training.there, context.scene.gan_style_training, context.scene
    box = layout.box()
    box.label(text=f"{len(there.rendered)} rendered, {len(there.painted)} painted", icon="RENDER_ANIMATION")
    operator = box.operator("gan_style.render_frames", text="Render Frames to Train On...")
    operator.directory, operator.changed = wanted.folder, "keep"
    box.row().prop(wanted, "teach", expand=True)
    if wanted.teach == "painted":
        _draw_paintings(box, training, frame_name(scene, scene.frame_current), scene.frame_current)
    else:
        for picture in there.pictures[:MAX_ROWS]:
            row = box.row(align=True)
            row.label(text=picture, icon="IMAGE_DATA")
            row.operator("gan_style.remove_look", text="", icon="X").picture = picture
        box.operator("gan_style.add_look", icon="ADD")
    for sentence in training.refused.values():
        alert(box, sentence, length)
    for stranger in there.strangers[:3]:
        alert(box, f"{stranger} is painted, but no frame of this name is rendered.", length)


def _draw_paintings(box: bpy.types.UILayout, training: session.Training, current: str, number: int) -> None:
    there = training.there
    for name in sorted((*there.painted, *there.begun))[:MAX_ROWS]:
        row = box.row(align=True)
        masked = " with a mask" if name in there.masked else ""
        state = f"{name}{masked}" if name in there.painted else f"{name}: not painted yet"
        row.label(text=state, icon="CHECKMARK" if name in there.painted else "GREASEPENCIL")
        row.operator("gan_style.paint_frame", text="", icon="BRUSH_DATA").frame = name
        operator = row.operator("gan_style.paint_frame", text="", icon="MOD_MASK")
        operator.frame, operator.mask = name, True
        row.operator("gan_style.forget_painting", text="", icon="X").frame = name
    if current in there.rendered:
        box.operator("gan_style.paint_frame", text=f"Paint This Frame ({number})", icon="BRUSH_DATA")
    else:
        operator = box.operator("gan_style.render_frames", text=f"Render This Frame ({number})", icon="RENDER_STILL")
        operator.directory, operator.frames = bpy.context.scene.gan_style_training.folder, str(number)
        operator.neighbours, operator.changed = True, "keep"
    if unsaved(training):
        box.operator("gan_style.save_paintings", icon="FILE_TICK")


def draw_learning(context: bpy.types.Context, layout: bpy.types.UILayout, training: session.Training, length: int) -> None:
    wanted, status = context.scene.gan_style_training, training.trainer.status
    box = layout.box()
    column = box.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.enabled = status.state not in AT_WORK
    for name in ("name", "minutes", "size"):
        column.prop(wanted, name)
    if wanted.teach == "picture":
        column.prop(wanted, "brush")
        column.prop(wanted, "keep_colours")
    box.prop(wanted, "live")
    box.prop(wanted, "survive")
    _draw_advanced(box, wanted, status.state not in AT_WORK)
    if status.state in AT_WORK:
        box.operator("gan_style.stop_training", icon="SNAP_FACE")
    elif problem := session.python_problem():
        alert(box, problem, length)
        box.operator("preferences.addon_show", text="Preferences...", icon="PREFERENCES").module = extension
    else:
        again = status.state in ("finished", "stopped", "failed") and status.preview
        if sentence := lacking(training):
            wrap(box.column(align=True), sentence, length, "INFO")
        row = box.row()
        row.enabled = not sentence
        row.operator("gan_style.train", text="Go On" if again else "Train", icon="PLAY")


def _draw_advanced(box: bpy.types.UILayout, wanted: bpy.types.PropertyGroup, enabled: bool) -> None:
    row = box.row()
    row.alignment = "LEFT"
    row.prop(wanted, "advanced", icon="DOWNARROW_HLT" if wanted.advanced else "RIGHTARROW", emboss=False)
    if wanted.advanced:
        column = box.column()
        column.use_property_split, column.use_property_decorate = True, False
        column.enabled = enabled
        column.prop(wanted, "steadiness")
        column.column(heading="Passes").prop(wanted, "passes")
        column.prop(wanted, "further")


def draw_outcome(layout: bpy.types.UILayout, training: session.Training, length: int) -> None:
    status = training.trainer.status
    if status.state == "idle":
        return
    box = layout.box()
    progress = status.progress
    if status.state in AT_WORK and progress:
        box.progress(factor=float(progress.get("done", 0.0)), text=f"{STATES[status.state]}, {remaining(progress)}")
        losses = f"{status.curve} {progress['loss']:.4g}" if isinstance(progress.get("loss"), int | float) else ""
        box.label(text=f"{losses}   {progress.get('images_per_second', 0):.3g} images/s   step {progress.get('step', 0)}")
    else:
        box.label(text=STATES.get(status.state, status.state), icon="ERROR" if status.state == "failed" else "NONE")
    if status.problem:
        alert(box, status.problem, length)
    elif status.note:
        wrap(box.column(align=True), status.note, length)
    if icon := curve.icon(str(training.folder), status.losses):
        box.template_icon(icon_value=icon, scale=6.0)
    if status.preview:
        row = box.row(align=True)
        row.operator("gan_style.show_training", icon="NODE")
        row.operator("gan_style.show_sheet", icon="IMAGE_REFERENCE")
        box.operator("gan_style.keep_style", icon="FILE_NEW")


def remaining(progress: dict) -> str:
    """Like "3 min 20 s left"."""
    minutes, seconds = divmod(round(float(progress.get("seconds_left", 0.0))), 60)
    return f"{minutes} min {seconds} s left" if minutes else f"{seconds} s left"


register, unregister = bpy.utils.register_classes_factory((GANSTYLE_PT_training,))
