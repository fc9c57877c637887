"""The GAN Style node: its properties and its place in the Add menu."""

import bpy

from .. import library
from ..trees import guides, keep_in_sync, node_group, read
from . import node_panel, thumbnails

MENU = "NODE_MT_category_compositor_creative"
_items: dict[tuple, tuple] = {}
"""Every item that Blender was given: it keeps pointers to their strings, and no references."""


def _style_items(node: "CompositorNodeGANStyle", _context: bpy.types.Context | None) -> list[tuple[str, str, str, int, int]]:
    """The installed styles; the node's own too if it is missing, so that the choice survives until it is installed again."""
    items = []
    for style in library.installed().values():
        usable = style.style
        name, hint = (usable.name, usable.description) if usable else (f"{style.identifier} (broken)", style.error)
        items.append((style.identifier, name, hint, thumbnails.icon(style), library.number(style.identifier)))
    if node.style_id not in library.installed():
        name = f"{node.style_id} (missing)" if node.style_id else "No Style"
        items.append((node.style_id or "NONE", name, "This style is not installed", 0, library.number(node.style_id)))
    return [_items.setdefault(item, item) for item in items]


def _get_style(node: "CompositorNodeGANStyle") -> int:
    return library.number(node.style_id)


def _set_style(node: "CompositorNodeGANStyle", number: int) -> None:
    if number != library.number(node.style_id):  # not when a keyframe names the style that it is, installed or not
        node.style_id = library.identifier(number)


def _style_changed(node: "CompositorNodeGANStyle", _context: bpy.types.Context) -> None:
    if keep_in_sync.sync_or_postpone() and guides.link_by_itself(node):
        keep_in_sync.sync_or_postpone()
    node_group.touch(node)


class CompositorNodeGANStyle(bpy.types.CompositorNodeCustomGroup):
    """Restyle the image with a trained generator"""

    bl_idname = read.NODE
    bl_label = "GAN Style"
    bl_icon = "SHADERFX"
    bl_width_default = 220

    style: bpy.props.EnumProperty(
        name="Style",
        description="The style that the image is given",
        items=_style_items,
        get=_get_style,
        set=_set_style,
        update=_style_changed,
    )
    # The file keeps the style's identifier, not the enum's number: it names the style even where it is not installed.
    style_id: bpy.props.StringProperty(options={"HIDDEN"})
    guide_links: bpy.props.StringProperty(options={"HIDDEN"})
    """JSON {socket: [node, output]}: links to sockets that the style does not need, restored when the socket comes back."""

    control_values: bpy.props.StringProperty(options={"HIDDEN"})
    """JSON {socket: [value, [node, output]]}: of controls that the style does not have, for when one of that name comes back."""

    def init(self, _context: bpy.types.Context) -> None:
        self.node_tree = node_group.new_group()
        self.style_id = library.first_choice()
        keep_in_sync.request_sync()

    def draw_buttons(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        node_panel.draw_buttons(self, layout)

    def draw_buttons_ext(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        node_panel.draw_details(self, layout, context.region.width / context.preferences.system.ui_scale)


def _draw_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if context.space_data.tree_type == "CompositorNodeTree":
        operator = menu.layout.operator("node.add_node", text=CompositorNodeGANStyle.bl_label)
        operator.type = CompositorNodeGANStyle.bl_idname
        operator.use_transform = True


def register() -> None:
    bpy.utils.register_class(CompositorNodeGANStyle)
    getattr(bpy.types, MENU).append(_draw_menu)


def unregister() -> None:
    getattr(bpy.types, MENU).remove(_draw_menu)
    bpy.utils.unregister_class(CompositorNodeGANStyle)
