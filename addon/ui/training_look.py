"""The buttons by which a training gets pictures of the look."""

import shutil
from pathlib import Path

import bpy

from ...core.training import LOOK
from ..training import session
from .of_training import OfTraining

PICTURES = "*.png;*.jpg;*.jpeg;*.tif;*.tiff;*.webp"


class GANSTYLE_OT_add_look(OfTraining, bpy.types.Operator):  # noqa: N801 - Blender's way to name operators, here and below
    """Copy pictures of the look into the training; where they are transparent they don't count"""

    bl_idname = "gan_style.add_look"
    bl_label = "Add Pictures..."

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: bpy.props.StringProperty(default=PICTURES, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if self.files:  # dropped onto the editor
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        training = session.saved(context.scene)
        try:
            for file in self.files:
                if Path(file.name).suffix.lower() not in PICTURES.replace("*", "").split(";"):
                    self.report({"ERROR"}, f"{file.name} is no picture that can be learned from; give PNG, JPEG, TIFF or WebP")
                    return {"CANCELLED"}
                (training.folder / LOOK).mkdir(parents=True, exist_ok=True)
                shutil.copy(Path(self.directory, file.name), training.folder / LOOK)
        except OSError as error:
            self.report({"ERROR"}, f"The picture can't be copied: {error}")
            return {"CANCELLED"}
        context.scene.gan_style_training.teach = "picture"
        session.note_change(training)
        return {"FINISHED"}


class GANSTYLE_FH_look(bpy.types.FileHandler):  # noqa: N801
    """Pictures dropped onto the compositor, while a training learns from pictures; Blender asks whether to add a node instead."""

    bl_idname = "GANSTYLE_FH_look"
    bl_label = "Picture of the Look"
    bl_import_operator = "gan_style.add_look"
    bl_file_extensions = PICTURES.replace("*", "")

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        compositor = context.area is not None and context.area.ui_type == "CompositorNodeTree"
        training = session.of(context.scene) if compositor else None
        return training is not None and bool(training.there.rendered) and training.settings.teach == "picture"


class GANSTYLE_OT_remove_look(OfTraining, bpy.types.Operator):  # noqa: N801
    """Take this picture out of the training"""

    bl_idname = "gan_style.remove_look"
    bl_label = "Remove Picture"

    picture: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        training = session.saved(context.scene)
        (training.folder / LOOK / Path(self.picture).name).unlink(missing_ok=True)
        session.note_change(training)
        return {"FINISHED"}


CLASSES = (GANSTYLE_OT_add_look, GANSTYLE_FH_look, GANSTYLE_OT_remove_look)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
