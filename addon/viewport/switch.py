"""Where a view is stylised from: the viewport's header and its overlay menu, and the node."""

import bpy

from ..trees import read
from . import live
from .look import node_of


class GANSTYLE_OT_stylised_view(bpy.types.Operator):  # noqa: N801 - Blender's way to name operators, here and below
    """Show the style of the active GAN Style node over what this viewport draws. Kept for this session, not in the file"""

    bl_idname = "gan_style.stylised_view"
    bl_label = "Stylised"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if bpy.app.background or context.space_data is None or context.space_data.type != "VIEW_3D":
            return False
        if node_of(context.scene) is None and not live.is_on(context.space_data):
            cls.poll_message_set("Add a GAN Style node to the scene's compositor")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        (live.switch_off if live.is_on(context.space_data) else live.switch_on)(context.space_data)
        context.area.tag_redraw()
        return {"FINISHED"}


class GANSTYLE_OT_show_in_viewport(bpy.types.Operator):  # noqa: N801
    """Show this node's style over what the 3D viewports of the window draw. Kept for this session, not in the file"""

    bl_idname = "gan_style.show_in_viewport"
    bl_label = "Show in Viewport"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        node = getattr(context, "node", None)
        if bpy.app.background or node is None or node.bl_idname != read.NODE or node.node_tree is None:
            return False
        if not _viewports(context):
            cls.poll_message_set("There is no 3D viewport in this window")
        return bool(_viewports(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        on = shows(context, context.node)
        for space in _viewports(context):
            live.switch_off(space) if on else live.switch_on(space, context.node.node_tree.session_uid)
        for area in context.screen.areas:
            area.tag_redraw()
        return {"FINISHED"}


def shows(context: bpy.types.Context, node: bpy.types.Node) -> bool:
    """Whether all 3D viewports of the window show the node."""
    spaces = _viewports(context)
    return bool(spaces) and all(live.is_on(space, node.node_tree.session_uid) for space in spaces)


def draw_switch(layout: bpy.types.UILayout, node: bpy.types.Node) -> None:
    """The switch on the node."""
    if not bpy.app.background and node.node_tree is not None and _viewports(bpy.context):
        icon, on = "RESTRICT_VIEW_OFF", shows(bpy.context, node)
        layout.operator(GANSTYLE_OT_show_in_viewport.bl_idname, icon=icon, depress=on)
        shadings = [space.shading for space in _viewports(bpy.context)]
        if any(s.type in ("MATERIAL", "RENDERED") and s.use_compositor != "DISABLED" for s in shadings):
            layout.label(text="Viewport compositor: no style there", icon="INFO")  # trees/node_group.py lets the image through


def _viewports(context: bpy.types.Context) -> list[bpy.types.Space]:
    areas = context.screen.areas if context.screen is not None else ()
    return [area.spaces.active for area in areas if area.type == "VIEW_3D"]


def _draw_header(header: bpy.types.Header, context: bpy.types.Context) -> None:
    if live.is_on(context.space_data) or node_of(context.scene) is not None:
        on = live.is_on(context.space_data)
        row = header.layout.row(align=True)
        row.operator(GANSTYLE_OT_stylised_view.bl_idname, icon="SHADERFX", depress=on)
        if on:
            row.operator("gan_style.keep_view", text="", icon="IMAGE_DATA")


def _draw_overlays(panel: bpy.types.Panel, context: bpy.types.Context) -> None:
    on = live.is_on(context.space_data)
    panel.layout.operator(GANSTYLE_OT_stylised_view.bl_idname, icon="SHADERFX", depress=on)


def _draw_view_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if live.is_on(context.space_data):
        menu.layout.separator()
        menu.layout.operator("gan_style.keep_view", icon="IMAGE_DATA")
        menu.layout.operator_context = "INVOKE_DEFAULT"
        menu.layout.operator("gan_style.viewport_animation", icon="RENDER_ANIMATION")


CLASSES = (GANSTYLE_OT_stylised_view, GANSTYLE_OT_show_in_viewport)
PLACES = (("VIEW3D_HT_header", _draw_header), ("VIEW3D_PT_overlay", _draw_overlays), ("VIEW3D_MT_view", _draw_view_menu))


def register() -> None:
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    for name, function in PLACES:
        getattr(bpy.types, name).append(function)


def unregister() -> None:
    for name, function in PLACES:
        getattr(bpy.types, name).remove(function)
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
