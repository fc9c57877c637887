"""What a viewport is stylised by: the node of its scene, and the values on it. On the main thread."""

import bpy

from .. import library
from ..settings import settings
from ..trees import read
from .read_view import Look, is_stereo


def node_of(scene: bpy.types.Scene, key: int = 0) -> bpy.types.Node | None:
    """The GAN Style node of a scene's compositor whose inner group has the session_uid; else the active one, else the last.

    Those that are muted are none.
    """
    tree = scene.compositing_node_group
    if tree is None:
        return None
    nodes = [node for _, node in read.Wiring().style_nodes(tree)] or [
        node for node in tree.nodes if node.bl_idname == read.NODE and not node.mute
    ]
    chosen = [node for node in nodes if key and node.node_tree is not None and node.node_tree.session_uid == key]
    active = [node for node in nodes if node == tree.nodes.active]
    return (chosen or active or nodes or [None])[-1]


def look_of(scene: bpy.types.Scene, key: int) -> Look | None:
    """How a view is to be stylised that shows the node with the key; None if there is no node."""
    node = node_of(scene, key)
    if node is None:
        return None
    installed = library.installed().get(node.style_id)
    style = installed.style if installed is not None else None
    controls = tuple((c.name, _value(node, c.label, c.default)) for c in (style.controls if style else ()))
    albedo = style is not None and "albedo" in style.passes
    inputs = {"Exposure": 0.0, "Strength": 1.0, "Scale": 1.0, "Keep Colours": 0.0}
    exposure, strength, scale, kept = (_value(node, *given) for given in inputs.items())
    return Look(node.style_id, exposure, strength, settings(), controls, albedo, scale, style.digest if style else "", kept)


def _value(node: bpy.types.Node, name: str, default: float) -> float:
    """Of an input of the node; the default if it is linked, since links have values in the compositor only."""
    socket = node.inputs.get(name)
    return default if socket is None or socket.is_linked else socket.default_value


def reason(context: bpy.types.Context) -> str:
    """Why a view that is on can't be stylised, as a sentence; empty if it can."""
    tree = context.scene.compositing_node_group
    if is_stereo(context):
        return "Stylised: off in stereo views; leave the camera's view, or switch off Stereoscopy in the output properties."
    if node_of(context.scene) is not None:
        return ""
    muted = tree is not None and any(node.bl_idname == read.NODE and node.mute for node in tree.nodes)
    return "Stylised: the GAN Style node is muted." if muted else "Stylised: add a GAN Style node to the compositor."
