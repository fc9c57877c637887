"""The buttons of the panel Style Training that learn, show what was learned, and keep it."""

import bpy

from ...core import StyleError
from .. import temp_folder
from ..training import session
from ..training.keeping import keep
from ..trees import keep_in_sync, read
from . import image_editor
from .of_training import OfTraining


class GANSTYLE_OT_begin_training(bpy.types.Operator):  # noqa: N801 - Blender's way to name operators, here and below
    """Keep the training in a folder among your own files: the file need not be saved, and finds it again once it is"""

    bl_idname = "gan_style.begin_training"
    bl_label = "Begin without Saving"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return session.of(context.scene) is None

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            folder = session.begin_unsaved(context.scene)
        except OSError as error:
            self.report({"ERROR"}, f"No folder can be made for it: {error}")
            return {"CANCELLED"}
        self.report({"INFO"}, f"The training lies in {folder}")
        return {"FINISHED"}


class GANSTYLE_OT_train(OfTraining, bpy.types.Operator):  # noqa: N801
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


class GANSTYLE_OT_stop_training(OfTraining, bpy.types.Operator):  # noqa: N801
    """Stop learning, with a checkpoint to go on from"""

    bl_idname = "gan_style.stop_training"
    bl_label = "Stop"

    def execute(self, context: bpy.types.Context) -> set[str]:
        session.saved(context.scene).trainer.stop()
        return {"FINISHED"}


class GANSTYLE_OT_show_style(OfTraining, bpy.types.Operator):  # noqa: N801
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


class GANSTYLE_OT_show_sheet(OfTraining, bpy.types.Operator):  # noqa: N801
    """Show the newest contact sheet: rendered, stylised, and as painted"""

    bl_idname = "gan_style.show_sheet"
    bl_label = "Contact Sheet"

    def execute(self, context: bpy.types.Context) -> set[str]:
        training = session.saved(context.scene)
        path = training.folder / training.trainer.status.sheet
        if not training.trainer.status.sheet or not path.is_file():
            self.report({"ERROR"}, "There is no contact sheet yet; the first comes after half a minute")
            return {"CANCELLED"}
        image_editor.show(context, path, "VIEW")
        return {"FINISHED"}


class GANSTYLE_OT_keep_style(OfTraining, bpy.types.Operator):  # noqa: N801
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


CLASSES = (
    GANSTYLE_OT_begin_training,
    GANSTYLE_OT_train,
    GANSTYLE_OT_stop_training,
    GANSTYLE_OT_show_style,
    GANSTYLE_OT_show_sheet,
    GANSTYLE_OT_keep_style,
)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
