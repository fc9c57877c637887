"""What the buttons of the node and of the preferences do."""

import bpy

from . import graph, guides, watch


def _node(context: bpy.types.Context) -> bpy.types.Node | None:
    """The GAN Style node whose button was pressed, or else the active one of the editor."""
    node = getattr(context, "node", None) or context.active_node
    return node if node is not None and node.bl_idname == graph.NODE else None


class GANSTYLE_OT_link_passes(bpy.types.Operator):  # noqa: N801 - Blender's way to name operators
    """Connect the passes that the style needs with the Render Layers node that feeds the image, and render them"""

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
        watch.request_sync()
        return {"FINISHED"}


CLASSES = (GANSTYLE_OT_link_passes,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
