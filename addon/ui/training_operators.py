"""The buttons of the panel Style Training."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bpy

from ...core import StyleError
from ...core.training import LOOK
from .. import temp_folder
from ..settings import settings
from ..training import frames, painting, session
from ..training.keeping import keep
from ..trees import keep_in_sync, read

PICTURES = "*.png;*.jpg;*.jpeg;*.tif;*.tiff;*.webp"


class _OfTraining:
    """An operator on the training of the scene."""

    poll_message_set: Callable[[str], None]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if session.of(context.scene) is None:
            cls.poll_message_set("Save the .blend file first: the training lies beside it")
            return False
        return True


def frame_name(scene: bpy.types.Scene, number: int | None = None) -> str:
    """What Render Frames to Train On calls a frame, the current one or another."""
    stem = bpy.path.clean_name(Path(bpy.data.filepath).stem)
    return f"{stem}_{scene.frame_current if number is None else number:04d}"


class GANSTYLE_OT_paint_frame(_OfTraining, bpy.types.Operator):  # noqa: N801 - Blender's way to name operators, here and below
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
            path = painting.give(training.folder, self.frame or frame_name(context.scene), context.scene, self.mask)
        except painting.PaintingError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        session.look(training)
        if program := settings().paint_program:
            return self._open_elsewhere(Path(bpy.path.abspath(program)), path)
        _show(context, _image(path), "PAINT")
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


class GANSTYLE_OT_save_paintings(_OfTraining, bpy.types.Operator):  # noqa: N801
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


class GANSTYLE_OT_forget_painting(_OfTraining, bpy.types.Operator):  # noqa: N801
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
        _changed(training)
        return {"FINISHED"}


class GANSTYLE_OT_add_look(_OfTraining, bpy.types.Operator):  # noqa: N801
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
        _changed(training)
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


class GANSTYLE_OT_remove_look(_OfTraining, bpy.types.Operator):  # noqa: N801
    """Take this picture out of the training"""

    bl_idname = "gan_style.remove_look"
    bl_label = "Remove Picture"

    picture: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        training = session.saved(context.scene)
        (training.folder / LOOK / Path(self.picture).name).unlink(missing_ok=True)
        _changed(training)
        return {"FINISHED"}


class GANSTYLE_OT_train(_OfTraining, bpy.types.Operator):  # noqa: N801
    """Learn the look from the painted frames or the pictures, in a process of its own; where it was stopped, go on"""

    bl_idname = "gan_style.train"
    bl_label = "Train"

    def execute(self, context: bpy.types.Context) -> set[str]:
        training, wanted = session.saved(context.scene), context.scene.gan_style_training
        session.look(training)
        if problem := training.problem or lacking(training) or session.python_problem(wait=True):
            self.report({"ERROR"}, problem)
            return {"CANCELLED"}
        session.change(training, training.settings)
        node, trains = _node(context), session.trainer_python()
        training.wanted_by = (node.id_data.name, node.name) if node is not None and wanted.live else None
        assert trains is not None, "there is a problem then"
        try:
            training.trainer.start(trains, wanted.survive)
        except OSError as error:
            self.report({"ERROR"}, f"The trainer can't be started: {error}")
            return {"CANCELLED"}
        return {"FINISHED"}


def lacking(training: session.Training) -> str:
    """What there is still to do before training, as a sentence; empty if nothing."""
    there = training.there
    if not there.rendered:
        return "Render frames to train on first."
    if training.settings.teach == "picture":
        return "" if there.pictures else "Add a picture of the look first."
    return "" if there.painted else "Paint a frame first, and save it."


class GANSTYLE_OT_stop_training(_OfTraining, bpy.types.Operator):  # noqa: N801
    """Stop learning, with a checkpoint to go on from"""

    bl_idname = "gan_style.stop_training"
    bl_label = "Stop"

    def execute(self, context: bpy.types.Context) -> set[str]:
        session.saved(context.scene).trainer.stop()
        return {"FINISHED"}


class GANSTYLE_OT_show_style(_OfTraining, bpy.types.Operator):  # noqa: N801
    """Show the style as it stands in this node"""

    bl_idname = "gan_style.show_training"
    bl_label = "Show in Node"

    def execute(self, context: bpy.types.Context) -> set[str]:
        node, training = _node(context), session.saved(context.scene)
        if node is None:
            self.report({"ERROR"}, "Select a GAN Style node")
            return {"CANCELLED"}
        node.style = session.identifier(training)
        return {"FINISHED"}


class GANSTYLE_OT_show_sheet(_OfTraining, bpy.types.Operator):  # noqa: N801
    """Show the newest contact sheet: rendered, stylised, and as painted"""

    bl_idname = "gan_style.show_sheet"
    bl_label = "Contact Sheet"

    def execute(self, context: bpy.types.Context) -> set[str]:
        training = session.saved(context.scene)
        path = training.folder / training.trainer.status.sheet
        if not training.trainer.status.sheet or not path.is_file():
            self.report({"ERROR"}, "There is no contact sheet yet; the first comes after half a minute")
            return {"CANCELLED"}
        _show(context, _image(path), "VIEW")
        return {"FINISHED"}


class GANSTYLE_OT_keep_style(_OfTraining, bpy.types.Operator):  # noqa: N801
    """Make a style of your own of what was learned, with its name, its thumbnail and its score card"""

    bl_idname = "gan_style.keep_style"
    bl_label = "Keep as Style"

    name: bpy.props.StringProperty(name="Name", maxlen=60)
    author: bpy.props.StringProperty(name="Author", description="Who made it")
    licence: bpy.props.StringProperty(name="Licence", description="SPDX identifier", default="CC0-1.0")
    description: bpy.props.StringProperty(name="Description", description="One sentence about the look")
    replace: bpy.props.BoolProperty(
        name="Replace", description="Replace a style of your own of the same name", options={"SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self.name = session.saved(context.scene).settings.name
        return context.window_manager.invoke_props_dialog(self, title=self.bl_label, confirm_text="Keep")

    def execute(self, context: bpy.types.Context) -> set[str]:
        training = session.saved(context.scene)
        path = training.folder / training.trainer.status.preview
        try:
            if not training.trainer.status.preview:
                raise StyleError("Nothing was learned yet; press Train first.")
            said = self.name or training.settings.name, self.author, self.licence, self.description
            identifier = keep(path, *said, temp_folder.folder(), self.replace)
        except (StyleError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if (node := _node(context)) is not None:
            node.style = identifier
        keep_in_sync.request_sync()
        self.report({"INFO"}, f"Kept as the style '{identifier}'")
        return {"FINISHED"}


def _node(context: bpy.types.Context) -> bpy.types.Node | None:
    """The editor's active GAN Style node, or else the only one of the scene's tree."""
    node = getattr(context, "active_node", None)
    if node is not None and node.bl_idname == read.NODE:
        return node
    tree = context.scene.compositing_node_group
    found = [n for n in tree.nodes if n.bl_idname == read.NODE] if tree is not None else []
    return found[0] if len(found) == 1 else None


def _changed(training: session.Training) -> None:
    session.look(training)
    if training.trainer.is_running():
        training.trainer.tell("frames")


def _image(path: Path) -> bpy.types.Image:
    """The file as Blender's image, read anew unless it is being painted."""
    image = bpy.data.images.load(str(path), check_existing=True)
    if not image.is_dirty:
        image.reload()
    return image


def _show(context: bpy.types.Context, image: bpy.types.Image, mode: str) -> None:
    """In an image editor that does not show the render, which the compositor works for; in a new window if there is none."""
    if bpy.app.background:
        return
    areas = [area for window in context.window_manager.windows for area in window.screen.areas if area.type == "IMAGE_EDITOR"]
    free = [a for a in areas if (shown := a.spaces.active.image) is None or shown.type not in ("RENDER_RESULT", "COMPOSITING")]
    if not free:
        bpy.ops.wm.window_new()
        free = [max(context.window_manager.windows[-1].screen.areas, key=lambda a: a.width * a.height)]
        free[0].ui_type = "IMAGE_EDITOR"
    free[0].spaces.active.image = image
    free[0].spaces.active.mode = mode


CLASSES = (
    GANSTYLE_OT_paint_frame,
    GANSTYLE_OT_save_paintings,
    GANSTYLE_OT_forget_painting,
    GANSTYLE_OT_add_look,
    GANSTYLE_FH_look,
    GANSTYLE_OT_remove_look,
    GANSTYLE_OT_train,
    GANSTYLE_OT_stop_training,
    GANSTYLE_OT_show_style,
    GANSTYLE_OT_show_sheet,
    GANSTYLE_OT_keep_style,
)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
