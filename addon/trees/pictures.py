"""The pictures inside a GAN Style node: an Image node for each layer, use and stereo view, and what chooses among them."""

from itertools import count
from pathlib import Path

import bpy
import numpy as np

from ...core.exr import write_exr
from .. import temp_folder
from . import animation
from .marks import HIDDEN, hide

PICTURE = f"{HIDDEN} Picture"
ROLE = "picture"
PICTURE_NODE = "CompositorNodeImage"
PICTURE_NAME, VIEWS = "Picture", "Views"
"""How the names of the nodes begin that show a picture, or choose the one of the stereo view if there are any; for further uses
of the node a number follows."""
LAYERS = ("Base", "Paint", "Coverage")
"""The outputs for what a picture consists of; so the names of the nodes behind them begin."""
USE = "GAN Style Use"
"""The input that tells the use of the node, if the group that it is in has several; see uses.py."""
NOTHING = np.zeros((1, 1, 4), np.float32)
"""The picture of a node that has not run."""


def arrange(node: bpy.types.Node, trigger: bpy.types.Scene, views: tuple[str, ...], uses: int, layers: tuple[str, ...]) -> None:
    """Give a node that has an inner group of its own a picture with a file for each layer, use and view.

    views: names of the stereo views, which the trigger scene has too; none if it is empty. uses: how many uses of the node have
    to be told apart, see uses.py. layers: of LAYERS those to have outputs for. What animates the node's inputs may be parked;
    follow it with animation.follow().
    """
    wanted = [(layer, use, view) for layer in ("", *layers) for use in range(uses) for view in views or ("",)]
    if list(pictures(node)) != wanted or (views and not _uses(node.node_tree, trigger)):
        animation.park(node)
        _show_pictures(node.node_tree, trigger, views, uses, layers)
    _share_image(node)


def _uses(group: bpy.types.NodeTree, trigger: bpy.types.Scene) -> bool:
    """Whether what chooses between the views in the group does so by the views of the trigger scene, and not of another one."""
    return group in bpy.data.user_map(subset={trigger})[trigger]


def _show_pictures(
    group: bpy.types.NodeTree, trigger: bpy.types.Scene, views: tuple[str, ...], uses: int, layers: tuple[str, ...]
) -> None:
    """Have the group show a picture for each layer, use and view, or one for each layer and use if there are no views."""
    made = (PICTURE_NODE, "CompositorNodeSwitchView", "CompositorNodeSwitch")
    for node in list(group.nodes):
        if node.name.startswith((USE, *LAYERS)) or (node.bl_idname in made and node.name != PICTURE_NAME):
            group.nodes.remove(node)
    for item in [item for item in group.interface.items_tree if item.name == USE]:
        group.interface.remove(item)
    if uses > 1:
        group.interface.new_socket(USE, in_out="INPUT", socket_type="NodeSocketFloat").hide_value = True
    _offer_layers(group.interface, layers)
    chosen = {use: _is_use(group, use) for use in range(1, uses)}
    for layer in ("", *layers):
        shown = _picture_of_use(group, trigger, views, layer, 0)
        for use, is_use in chosen.items():
            choice = group.nodes.new("CompositorNodeSwitch")
            choice.name = _named("Switch", layer, use)
            group.links.new(is_use, choice.inputs["Switch"])
            group.links.new(shown, choice.inputs["Off"])
            group.links.new(_picture_of_use(group, trigger, views, layer, use), choice.inputs["On"])
            shown = choice.outputs[0]
        if layer:
            _mix_layer(group, layer, shown)
        else:
            group.links.new(shown, group.nodes["Place"].inputs["Image"])


def _offer_layers(interface: bpy.types.NodeTreeInterface, layers: tuple[str, ...]) -> None:
    """Outputs for these layers and no others."""
    offered = {item.name: item for item in interface.items_tree if item.name in LAYERS}
    for name in offered.keys() - set(layers):
        interface.remove(offered[name])
    texts = ("What is kept of the image", "What the style adds to the base", "How much of the image is covered")
    for name, text in zip(LAYERS, texts, strict=True):
        if name in layers and name not in offered:
            kind = "NodeSocketFloat" if name == "Coverage" else "NodeSocketColor"
            interface.new_socket(name, in_out="OUTPUT", socket_type=kind, description=text)


def _is_use(group: bpy.types.NodeTree, use: int) -> bpy.types.NodeSocket:
    """An output that is 1 in this use of the node, and 0 in others."""
    node = group.nodes.new("ShaderNodeMath")
    node.name, node.operation = _named(USE, "", use), "COMPARE"
    node.inputs[1].default_value, node.inputs[2].default_value = use, 0.5
    source = next(n for n in group.nodes if n.bl_idname == "NodeGroupInput")
    group.links.new(source.outputs[USE], node.inputs[0])
    return node.outputs[0]


def _mix_layer(group: bpy.types.NodeTree, layer: str, picture: bpy.types.NodeSocket) -> None:
    """Lead a layer out: moved and mixed in as the picture is, the base with the image and the others with nothing."""
    place, mix = group.nodes.new("CompositorNodeTranslate"), group.nodes.new("ShaderNodeMix")
    place.name, mix.name, mix.data_type = f"{layer} Place", f"{layer} Mix", "RGBA"
    group.links.new(picture, place.inputs["Image"])
    for axis in "XY":
        group.links.new(group.nodes["Place"].inputs[axis].links[0].from_socket, place.inputs[axis])
    ours, theirs = ({socket.identifier: socket for socket in node.inputs} for node in (mix, group.nodes["Mix"]))
    group.links.new(theirs["Factor_Float"].links[0].from_socket, ours["Factor_Float"])
    if layer == "Base":
        under = theirs["A_Color"].links[0].from_socket
    else:  # linked too: a muted node lets through what is linked
        nothing = group.nodes.new("CompositorNodeRGB")
        nothing.name, under = f"{layer} Nothing", nothing.outputs[0]
        under.default_value = (0.0, 0.0, 0.0, 0.0)
    group.links.new(under, ours["A_Color"])
    group.links.new(place.outputs["Image"], ours["B_Color"])
    output = next(n for n in group.nodes if n.bl_idname == "NodeGroupOutput")
    group.links.new(next(s for s in mix.outputs if s.identifier == "Result_Color"), output.inputs[layer])


def _picture_of_use(
    group: bpy.types.NodeTree, trigger: bpy.types.Scene, views: tuple[str, ...], layer: str, use: int
) -> bpy.types.NodeSocket:
    """Make the nodes that show the pictures of a layer in a use; the very first picture is there already."""
    name = _named(PICTURE_NAME, layer, use)
    source = picture = group.nodes.get(name) or group.nodes.new(PICTURE_NODE)
    picture.name = name
    if views:
        with bpy.context.temp_override(scene=trigger):  # it has an input for each view of the context's scene
            source = group.nodes.new("CompositorNodeSwitchView")
        source.name = _named(VIEWS, layer, use)
        for socket in source.inputs:
            further = picture or group.nodes.new(PICTURE_NODE)
            if picture is None and layer:
                further.name = f"{layer} {further.name}"
            group.links.new(further.outputs["Image"], socket)
            picture = None
    return source.outputs["Image"]


def _named(name: str, layer: str, use: int) -> str:
    return f"{layer} {name} {use or ''}".strip()


def _share_image(node: bpy.types.Node) -> None:
    """Have the node's pictures be the frames of one image: nodes of linked files can be given no further images.

    Also after the artist packed all images or made all paths relative.
    """
    shown = list(pictures(node).values())
    if shown[0].image is None:
        shown[0].image = new_image()
    image, files = shown[0].image, [picture_file(node, *place) for place in pictures(node)]
    if image.packed_file is not None:
        image.unpack(method="REMOVE")
    for path in files:
        if not path.exists():
            write_exr(path, {"image": NOTHING})
    source = "FILE" if len(shown) == 1 else "SEQUENCE"
    if image.filepath != str(files[0]) or image.source != source:
        image.source, image.filepath = source, str(files[0])
    for number, picture in enumerate(shown):
        # One frame that comes again and again: the same at all of the scene's frames.
        for name, value in (("image", image), ("frame_duration", 1), ("use_cyclic", True), ("frame_offset", number)):
            if getattr(picture, name) != value:
                setattr(picture, name, value)


def pictures(node: bpy.types.Node) -> dict[tuple[str, int, str], bpy.types.Node]:
    """The Image nodes inside a GAN Style node by the layer, empty for the picture, its use, and the stereo view, empty without.

    In a scene without stereo views the first one is seen.
    """
    nodes, found = node.node_tree.nodes, {}
    for layer in ("", *LAYERS):
        for use in count():
            picture, views = (nodes.get(_named(name, layer, use)) for name in (PICTURE_NAME, VIEWS))
            if picture is None:
                break
            if views is None:
                found[layer, use, ""] = picture
            else:
                found |= {(layer, use, socket.name): socket.links[0].from_node for socket in views.inputs if socket.links}
    return found


def layers(node: bpy.types.Node) -> tuple[str, ...]:
    """The layers that the node has outputs for."""
    return tuple(layer for layer in LAYERS if layer in node.outputs)


def picture_file(node: bpy.types.Node, layer: str, use: int, view: str) -> Path:
    """The file with the node's stylised frame, or a layer of it, one for each of its pictures()."""
    number = list(pictures(node)).index((layer, use, view)) + 1
    return temp_folder.folder() / f"picture-{node.node_tree.session_uid}-{number:04d}.exr"


def first_file(picture: Path) -> Path:
    """The file that the image of a node has, by any of its picture_file()s."""
    return picture.with_name(f"{picture.stem.rpartition('-')[0]}-0001.exr")


def new_image() -> bpy.types.Image:
    """An image for the pictures of one node."""
    image = bpy.data.images.new(PICTURE, 1, 1, alpha=True, float_buffer=True)
    hide(image, ROLE)
    image.source = "FILE"
    image.colorspace_settings.is_data = True  # in the working space, see colour.py
    image.alpha_mode = "PREMUL"
    return image
