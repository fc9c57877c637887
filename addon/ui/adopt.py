"""Dropping another tool's network onto the compositor: asks what it can't know, finds out the rest, and installs the style."""

import re
from pathlib import Path

import bpy

from ...core import StyleError
from .. import library, temp_folder
from ..run.adoption import Adoption
from ..trees import keep_in_sync

AUTO = "auto"
POLL_SECONDS = 0.25


def _choices(*values: str) -> list[tuple[str, str, str]]:
    return [(AUTO, "Find Out", "By a picture through all candidates"), *((value, value, "") for value in values)]


class GANSTYLE_OT_adopt_model(bpy.types.Operator):  # noqa: N801
    """Make a style of another tool's image network (.onnx), and install it"""

    bl_idname = "gan_style.adopt_model"
    bl_label = "Adopt Model"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    licence: bpy.props.StringProperty(name="Licence", description="Under which it may be used, such as MIT; empty if unknown")
    author: bpy.props.StringProperty(name="Author", description="Who trained it; empty if unknown")
    source: bpy.props.StringProperty(name="Source", description="Where it comes from, such as a web page; empty if unknown")
    range: bpy.props.EnumProperty(
        name="Range",
        description="What it takes as black and white",
        items=_choices("0..1", "-1..1", "0..255", "imagenet", "imagenet:0..1", "imagenet255"),
    )
    order: bpy.props.EnumProperty(name="Channels", description="The order of its channels", items=_choices("rgb", "bgr"))
    encoding: bpy.props.EnumProperty(
        name="Encoding", description="Display values or linear light", items=_choices("srgb", "linear")
    )
    inputs: bpy.props.StringProperty(
        name="Inputs", description="Values of its other inputs, with spaces between: strength=0.5 weights=0,1,0"
    )
    node: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    tree: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    """Name and tree of the GAN Style node that gets the style; none if empty."""

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, title=f"Adopt {Path(self.filepath).name}", confirm_text="Adopt")

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.use_property_split = True
        for name in ("licence", "author", "source", "range", "order", "encoding", "inputs"):
            column.prop(self, name)

    def execute(self, context: bpy.types.Context) -> set[str]:
        model = Path(self.filepath)
        name = re.sub(r"[^\w.-]+", "_", model.stem).strip("._") or "adopted"
        folder = temp_folder.folder()
        self.adoption = Adoption(model, folder / f"{name}.onnx", folder / "adopt.log", self._arguments())
        if bpy.app.background:
            self.adoption.wait()
            return self._finish()
        self.timer = context.window_manager.event_timer_add(POLL_SECONDS, window=context.window)
        context.window_manager.modal_handler_add(self)
        context.workspace.status_text_set(f"GAN Style: finding out what {model.name} wants, Esc to cancel")
        return {"RUNNING_MODAL"}

    def _arguments(self) -> list[str]:
        given = {key: getattr(self, key).strip() for key in ("licence", "author", "source")}
        chosen = {key: value for key in ("range", "order", "encoding") if (value := getattr(self, key)) != AUTO}
        return [f"--{key}={value}" for key, value in (given | chosen).items()] + [
            f"--input={pair}" for pair in self.inputs.split()
        ]

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC":
            self.cancel(context)
            return {"CANCELLED"}
        if event.type != "TIMER" or self.adoption.running():
            return {"PASS_THROUGH"}
        self._end_timer(context)
        return self._finish()

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender calls it when a file is opened."""
        self.adoption.stop()
        self._end_timer(context)

    def _end_timer(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self.timer)
        if context.workspace is not None:
            context.workspace.status_text_set(None)

    def _finish(self) -> set[str]:
        done, lines = self.adoption.result()
        try:
            if not done:
                raise StyleError(lines[0])
            identifier = library.install(self.adoption.out)
        except (StyleError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        tree = bpy.data.node_groups.get(self.tree)
        if tree is not None and self.node in tree.nodes:
            tree.nodes[self.node].style = identifier
        keep_in_sync.request_sync()
        for line in lines:
            self.report({"INFO"}, line)
        self.report({"INFO"}, f"Adopted {identifier}; what was tried is on the sheet {self.adoption.sheet}")
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((GANSTYLE_OT_adopt_model,))
