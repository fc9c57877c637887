"""The buttons by which frames of a training are painted."""

import subprocess
import sys
from pathlib import Path

import bpy

from ..run.shot_frames import frame_name
from ..settings import settings
from ..training import frames, painting, session
from ..trees import keep_in_sync
from . import image_editor
from .of_training import OfTraining


class GANSTYLE_OT_paint_frame(OfTraining, bpy.types.Operator):  # noqa: N801 - Blender's way to name operators, here and below
    """Open a rendered frame, as the screen shows it, to paint over it. What you save counts, but for what you erase"""

    bl_idname = "gan_style.paint_frame"
    bl_label = "Paint This Frame"

    frame: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    """Its name; the scene's current frame if empty."""
    mask: bpy.props.BoolProperty(
        name="Mask", description="Its mask instead: white where what you painted counts", options={"SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        training = session.saved(context.scene)
        if not keep_in_sync.is_idle():
            self.report({"ERROR"}, "Blender renders; paint when it is done")
            return {"CANCELLED"}
        try:
            frame = self.frame or frame_name(context.scene, context.scene.frame_current)
            path = painting.give(training.folder, frame, context.scene, self.mask)
        except painting.PaintingError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        session.look(training)
        if program := settings().paint_program:
            return self._open_elsewhere(Path(bpy.path.abspath(program)), path)
        image_editor.show(context, path, "PAINT")
        self.report({"INFO"}, f"Paint {path.name} and save it (Alt S)")
        return {"FINISHED"}

    def _open_elsewhere(self, program: Path, path: Path) -> set[str]:
        bundle = sys.platform == "darwin" and program.suffix == ".app"
        try:
            subprocess.Popen(["open", "-a", str(program), str(path)] if bundle else [str(program), str(path)])
        except OSError as error:
            self.report({"ERROR"}, f"{program} can't be started ({error.strerror}); choose another program in the preferences")
            return {"CANCELLED"}
        return {"FINISHED"}


class GANSTYLE_OT_save_paintings(OfTraining, bpy.types.Operator):  # noqa: N801
    """Save all paintings of this training that are open in Blender"""

    bl_idname = "gan_style.save_paintings"
    bl_label = "Save Paintings"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            for image in unsaved(session.saved(context.scene)):
                image.save()
        except RuntimeError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        session.look(session.saved(context.scene))
        return {"FINISHED"}


def unsaved(training: session.Training) -> list[bpy.types.Image]:
    """The paintings that are open in Blender and were changed since they were saved."""
    folder = training.folder / frames.PAINT
    return [i for i in bpy.data.images if i.is_dirty and i.filepath and Path(bpy.path.abspath(i.filepath)).parent == folder]


class GANSTYLE_OT_forget_painting(OfTraining, bpy.types.Operator):  # noqa: N801
    """Delete what was painted over this frame, its mask too"""

    bl_idname = "gan_style.forget_painting"
    bl_label = "Delete Painting"

    frame: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(
            self, event, title="Delete Painting", message=f"Delete what was painted over {self.frame}?", confirm_text="Delete"
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        training = session.saved(context.scene)
        try:
            frames.remove(training.folder, Path(self.frame).name)
        except OSError as error:
            self.report({"ERROR"}, f"It can't be deleted: {error}")
            return {"CANCELLED"}
        session.note_change(training)
        return {"FINISHED"}


CLASSES = (GANSTYLE_OT_paint_frame, GANSTYLE_OT_save_paintings, GANSTYLE_OT_forget_painting)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
