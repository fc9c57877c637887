"""The buttons in the preferences that set up the Python that trains."""

import sys
from pathlib import Path

import bpy

from ..training import python, session


class GANSTYLE_OT_set_up_training(bpy.types.Operator):  # noqa: N801
    """Fetch PyTorch and what else training needs into an environment of its own"""

    bl_idname = "gan_style.set_up_training"
    bl_label = "Set Up Training"

    build: bpy.props.EnumProperty(
        name="Build",
        description="What PyTorch trains on",
        items=[(name, build.label, build.size) for name, build in python.builds().items()],
    )
    wheelhouse: bpy.props.StringProperty(
        name="Wheels",
        description="A folder of wheels to take instead of the network, for machines without one",
        subtype="DIR_PATH",
    )
    index: bpy.props.StringProperty(name="Index", description="Where else to take PyTorch from; empty for the build's own place")
    python: bpy.props.StringProperty(
        name="Python", description="What makes the environment; empty for Blender's own Python", subtype="FILE_PATH"
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, title=self.bl_label, confirm_text="Set Up", width=420)

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.use_property_split = True
        for name in ("build", "wheelhouse", "index", "python"):
            column.prop(self, name)
        column.label(text=f"{python.builds()[self.build].size}, into {session.own_environment()}", icon="INFO")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if session.setup is not None and session.setup.is_running():
            self.report({"ERROR"}, "It is being set up already")
            return {"CANCELLED"}
        if not self.wheelhouse and not bpy.app.online_access:
            self.report({"ERROR"}, "Allow Online Access in the preferences (System), or name a folder with wheels")
            return {"CANCELLED"}
        build = python.builds()[self.build]
        wheels = Path(bpy.path.abspath(self.wheelhouse)) if self.wheelhouse else None
        maker = Path(bpy.path.abspath(self.python)) if self.python else Path(sys.executable)
        session.setup = python.Setup(session.own_environment(), maker, build, wheels, self.index)
        if bpy.app.background:
            session.setup.wait()
            if session.setup.problem:
                self.report({"ERROR"}, session.setup.problem)
                return {"CANCELLED"}
        return {"FINISHED"}


class GANSTYLE_OT_cancel_setup(bpy.types.Operator):  # noqa: N801
    """Stop setting it up; nothing of it stays"""

    bl_idname = "gan_style.cancel_setup"
    bl_label = "Cancel Set-Up"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if session.setup is not None:
            session.setup.cancel()
        return {"FINISHED"}


class GANSTYLE_OT_remove_setup(bpy.types.Operator):  # noqa: N801
    """Delete the environment that Set Up Training made"""

    bl_idname = "gan_style.remove_setup"
    bl_label = "Remove Training Environment"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event, title=self.bl_label, confirm_text="Remove")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if session.running():
            self.report({"ERROR"}, "Stop the training first")
            return {"CANCELLED"}
        try:
            python.remove(session.own_environment())
        except OSError as error:
            self.report({"ERROR"}, f"It can't be removed: {error}")
            return {"CANCELLED"}
        return {"FINISHED"}


CLASSES = (GANSTYLE_OT_set_up_training, GANSTYLE_OT_cancel_setup, GANSTYLE_OT_remove_setup)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
