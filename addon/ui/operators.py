"""What the buttons of the node and of the preferences do, and what happens to a style file dropped onto the compositor."""

from pathlib import Path

import bpy

from ... import __package__ as extension
from ...core import StyleError
from .. import library
from ..run import after_edits, run_nodes
from ..trees import guides, keep_in_sync, node_group, read


def _node(context: bpy.types.Context) -> bpy.types.Node | None:
    """The GAN Style node whose button was pressed, or else the active one of the editor."""
    node = getattr(context, "node", None) or getattr(context, "active_node", None)
    return node if node is not None and node.bl_idname == read.NODE else None


class GANSTYLE_OT_link_passes(bpy.types.Operator):  # noqa: N801 - Blender's way to name operators, here and below
    """Switch on the passes that the style needs, and connect them from the Render Layers node that feeds the image"""

    bl_idname = "gan_style.link_passes"
    bl_label = "Link Passes"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if _node(context) is None:
            cls.poll_message_set("Select a GAN Style node")
        return _node(context) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            guides.link(context.scene, _node(context))
        except guides.GuideError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        keep_in_sync.request_sync()
        return {"FINISHED"}


class GANSTYLE_OT_install_style(bpy.types.Operator):  # noqa: N801
    """Copy style files (.onnx) into the folder of your own styles, so that the node can use them"""

    bl_idname = "gan_style.install_style"
    bl_label = "Install Style..."
    bl_options = {"REGISTER", "UNDO"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: bpy.props.StringProperty(default="*.onnx", options={"HIDDEN"})
    replace: bpy.props.BoolProperty(
        name="Replace", description="Replace a style of your own that has the same file name", options={"SKIP_SAVE"}
    )
    node: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    tree: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    """Name and tree of the GAN Style node that gets the style; none if empty."""

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if node := _node(context):
            self.node, self.tree = node.name, node.id_data.name
        if self.files:  # dropped onto the editor
            return self._adopt() or self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def _adopt(self) -> set[str]:
        """Ask how to adopt the file, if it is one alone and another tool's; else nothing."""
        path = Path(self.directory, self.files[0].name)
        if len(self.files) > 1 or not library.is_foreign(path):
            return set()
        bpy.ops.gan_style.adopt_model("INVOKE_DEFAULT", filepath=str(path), node=self.node, tree=self.tree)
        return {"FINISHED"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        installed = []
        for file in self.files:
            try:
                installed.append(library.install(Path(self.directory, file.name), self.replace))
            except (StyleError, OSError) as error:
                self.report({"ERROR"}, str(error))
        if not installed:
            return {"CANCELLED"}
        tree = bpy.data.node_groups.get(self.tree)
        if tree is not None and self.node in tree.nodes:
            tree.nodes[self.node].style = installed[-1]
        keep_in_sync.request_sync()
        self.report({"INFO"}, f"Installed {', '.join(installed)}")
        return {"FINISHED"}


class GANSTYLE_OT_remove_style(bpy.types.Operator):  # noqa: N801
    """Delete the style from the folder of your own styles; nodes that use it keep its name"""

    bl_idname = "gan_style.remove_style"
    bl_label = "Remove Style"

    identifier: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(
            self, event, title="Remove Style", message=f"Delete '{self.identifier}' from your own styles?", confirm_text="Delete"
        )

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            library.remove(self.identifier)
        except (StyleError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        keep_in_sync.request_sync()
        return {"FINISHED"}


class GANSTYLE_OT_add_folder(bpy.types.Operator):  # noqa: N801
    """Look for styles in another folder, too"""

    bl_idname = "gan_style.add_folder"
    bl_label = "Add Folder"

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.preferences.addons[extension].preferences.style_folders.add()
        return {"FINISHED"}


class GANSTYLE_OT_remove_folder(bpy.types.Operator):  # noqa: N801
    """Stop looking for styles in this folder; its files stay"""

    bl_idname = "gan_style.remove_folder"
    bl_label = "Remove Folder"

    index: bpy.props.IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.preferences.addons[extension].preferences.style_folders.remove(self.index)
        return {"FINISHED"}


class GANSTYLE_OT_clear_cache(bpy.types.Operator):  # noqa: N801
    """Forget the stylised frames in memory and on disk"""

    bl_idname = "gan_style.clear_cache"
    bl_label = "Clear Caches"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            run_nodes.clear_cache()
        except OSError as error:
            self.report({"ERROR"}, f"Some frames can't be removed: {error}")
            return {"CANCELLED"}
        return {"FINISHED"}


class GANSTYLE_OT_watch(bpy.types.Operator):  # noqa: N801
    """Show the progress of a long run, and cancel it with Esc"""

    bl_idname = "gan_style.watch"
    bl_label = "Watch Stylisation"
    bl_options = {"INTERNAL"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Blender ends it by cancel() when a file is opened."""
        self.timer = context.window_manager.event_timer_add(0.25, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC":
            after_edits.cancel()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        progress = after_edits.progress()
        for area in (a for window in context.window_manager.windows for a in window.screen.areas if a.type == "NODE_EDITOR"):
            area.tag_redraw()
        if progress is None:
            self.cancel(context)
            return {"FINISHED"}
        said = library.preparing() or f"{progress:.0%} done"
        context.workspace.status_text_set(f"GAN Style: {said}, Esc to cancel")
        return {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self.timer)
        if context.workspace is not None:
            context.workspace.status_text_set(None)


class GANSTYLE_OT_cancel(bpy.types.Operator):  # noqa: N801
    """Stop the stylisation"""

    bl_idname = "gan_style.cancel"
    bl_label = "Cancel Stylisation"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        after_edits.cancel()
        return {"FINISHED"}


class GANSTYLE_OT_run_again(bpy.types.Operator):  # noqa: N801
    """Run the style again on what feeds the node"""

    bl_idname = "gan_style.run_again"
    bl_label = "Stylise Again"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _node(context) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        node_group.touch(_node(context))
        return {"FINISHED"}


class GANSTYLE_FH_style(bpy.types.FileHandler):  # noqa: N801
    bl_idname = "GANSTYLE_FH_style"
    bl_label = "GAN Style"
    bl_import_operator = "gan_style.install_style"
    bl_file_extensions = ".onnx"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.ui_type == "CompositorNodeTree"


CLASSES = (
    GANSTYLE_OT_link_passes,
    GANSTYLE_OT_install_style,
    GANSTYLE_OT_remove_style,
    GANSTYLE_OT_add_folder,
    GANSTYLE_OT_remove_folder,
    GANSTYLE_OT_clear_cache,
    GANSTYLE_OT_watch,
    GANSTYLE_OT_cancel,
    GANSTYLE_OT_run_again,
    GANSTYLE_FH_style,
)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
