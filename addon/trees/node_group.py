"""The inside of a GAN Style node: a group that mixes the node's input with the picture of the stylised frame."""

from pathlib import Path

import bpy
import numpy as np

from ...core.exr import write_exr
from .. import temp_folder

HIDDEN = ".GAN Style"
"""How the names of our data-blocks begin, but for scenes; Blender's menus hide names that begin with a dot."""
MARK = "gan_style"
"""The custom property that tells our data-blocks; its value is what they are for."""
PICTURE = f"{HIDDEN} Picture"
ROLE = "picture"
PICTURE_NODE = "CompositorNodeImage"
VIEWS = "Views"
"""The node inside that chooses the picture of the stereo view, if there are any."""
PARTS = {"Mix", "Picture", "Place", "Finite"}
"""The names of the nodes inside that matter; a group of an older version lacks some."""
LARGEST = 2.0**100
"""Beyond it a value counts as infinite."""
NOTHING = np.zeros((1, 1, 4), np.float32)
"""The picture of a node that has not run."""


def hide(data: bpy.types.ID, role: str) -> None:
    """Mark a data-block as ours."""
    data[MARK] = role


def is_hidden(data: bpy.types.ID, role: str | None = None) -> bool:
    """Whether a data-block is ours, and there for that, if anything."""
    mark = data.get(MARK)
    return mark is not None and role in (None, mark)


def new_group() -> bpy.types.NodeTree:
    """The inside of a GAN Style node: mixes the image with the picture of the stylised frame."""
    group = bpy.data.node_groups.new(PICTURE, "CompositorNodeTree")
    hide(group, ROLE)
    group.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    image = group.interface.new_socket("Image", in_out="INPUT", socket_type="NodeSocketColor")
    image.default_value = (0.0, 0.0, 0.0, 1.0)
    for name, description in (("Strength", "How much of the style is mixed in"), ("Mask", "Where the style is mixed in")):
        socket = group.interface.new_socket(name, in_out="INPUT", socket_type="NodeSocketFloat", description=description)
        socket.subtype, socket.min_value, socket.max_value, socket.default_value = "FACTOR", 0.0, 1.0, 1.0
    _add_exposure(group.interface)
    inputs, output = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
    factor = group.nodes.new("ShaderNodeMath")
    factor.operation, factor.use_clamp = "MULTIPLY", True
    mix = group.nodes.new("ShaderNodeMix")
    mix.name, mix.data_type = "Mix", "RGBA"
    picture = group.nodes.new(PICTURE_NODE)
    picture.name, picture.image = "Picture", _new_image()
    sockets = {socket.identifier: socket for socket in mix.inputs}
    group.links.new(inputs.outputs["Strength"], factor.inputs[0])
    group.links.new(inputs.outputs["Mask"], factor.inputs[1])
    group.links.new(factor.outputs[0], sockets["Factor_Float"])
    group.links.new(_finite(group, inputs.outputs["Image"]), sockets["A_Color"])
    group.links.new(inputs.outputs["Exposure"], output.inputs["Exposure"])
    group.links.new(_beside(group, inputs.outputs["Image"], picture.outputs["Image"]), sockets["B_Color"])
    group.links.new(next(s for s in mix.outputs if s.identifier == "Result_Color"), output.inputs["Image"])
    for x, node in enumerate((inputs, factor, picture, mix, output)):
        node.location = x * 200, 0
    return group


def _finite(group: bpy.types.NodeTree, image: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """The image with 0 for what is infinite or no number: these would come through a Mix whose factor is 1."""

    def vector(operation: str, first: object, second: object = 0.0) -> bpy.types.NodeSocket:
        node = group.nodes.new("ShaderNodeVectorMath")
        node.operation = operation
        for socket, value in zip(node.inputs[:2], (first, second), strict=True):
            if isinstance(value, float):
                socket.default_value = (value, value, value)
            else:
                group.links.new(value, socket)
        return node.outputs[0]

    # The number comes first: then what is no number becomes 0 in both halves.
    above = vector("MINIMUM", LARGEST, vector("MAXIMUM", 0.0, image))
    below = vector("MAXIMUM", -LARGEST, vector("MINIMUM", 0.0, image))
    bounded = vector("ADD", above, below)
    infinite = vector("FLOOR", vector("MULTIPLY", 1 / LARGEST, vector("ABSOLUTE", bounded)))
    parts, whole = group.nodes.new("CompositorNodeSeparateColor"), group.nodes.new("CompositorNodeSetAlpha")
    whole.name, whole.inputs["Type"].default_value = "Finite", "Replace Alpha"
    group.links.new(image, parts.inputs["Image"])
    group.links.new(vector("SUBTRACT", bounded, vector("MULTIPLY", infinite, bounded)), whole.inputs["Image"])
    group.links.new(parts.outputs["Alpha"], whole.inputs["Alpha"])
    return whole.outputs["Image"]


def _beside(group: bpy.types.NodeTree, image: bpy.types.NodeSocket, picture: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """The picture where the image is: nodes like Translate move an image without changing its pixels."""
    info, axes, translate = (
        group.nodes.new(kind) for kind in ("CompositorNodeImageInfo", "ShaderNodeSeparateXYZ", "CompositorNodeTranslate")
    )
    translate.name = "Place"
    group.links.new(image, info.inputs["Image"])
    group.links.new(info.outputs["Location"], axes.inputs[0])
    group.links.new(picture, translate.inputs["Image"])
    for axis in "XY":
        group.links.new(axes.outputs[axis], translate.inputs[axis])
    return translate.outputs["Image"]


def _add_exposure(interface: bpy.types.NodeTreeInterface) -> None:
    """The exposure goes in, and comes out again for the capture."""
    text = "Stops by which the style sees the image brighter; the result is as bright as without"
    for direction in ("INPUT", "OUTPUT"):
        socket = interface.new_socket("Exposure", in_out=direction, socket_type="NodeSocketFloat", description=text)
        socket.min_value, socket.max_value = -10.0, 10.0


def _new_image() -> bpy.types.Image:
    image = bpy.data.images.new(PICTURE, 1, 1, alpha=True, float_buffer=True)
    hide(image, ROLE)
    image.source = "FILE"
    image.colorspace_settings.is_data = True  # in the working space, see colour.py
    image.alpha_mode = "PREMUL"
    return image


def separate(node: bpy.types.Node, seen: set[bpy.types.NodeTree], trigger: bpy.types.Scene, views: tuple[str, ...]) -> None:
    """Give a node an inner group of its own, with an image and a file for each view; copies of a node share them at first.

    seen: the groups of the nodes before, to which this one's is added. views: names of the stereo views, which the trigger scene
    has too; none if it is empty.
    """
    group = node.node_tree
    if group is None or not PARTS.issubset(group.nodes.keys()) or "Exposure" not in node.inputs:
        node.node_tree = new_group()
    elif group in seen:
        node.node_tree = group.copy()
        for shown in pictures(node).values():
            shown.image = _new_image()
    if tuple(pictures(node)) != (views or ("",)) or (views and not _uses(node.node_tree, trigger)):
        _show_views(node.node_tree, trigger, views)
    if not node.outputs["Exposure"].hide:
        node.outputs["Exposure"].hide = True
    seen.add(node.node_tree)
    for view, shown in pictures(node).items():
        if shown.image is None:
            shown.image = _new_image()
        _load_picture(shown.image, picture_file(node, view))


def _uses(group: bpy.types.NodeTree, trigger: bpy.types.Scene) -> bool:
    """Whether what chooses between the views in the group does so by the views of the trigger scene, and not of another one."""
    return group in bpy.data.user_map(subset={trigger})[trigger]


def _show_views(group: bpy.types.NodeTree, trigger: bpy.types.Scene, views: tuple[str, ...]) -> None:
    """Have the group show a picture for each view, or one picture if there are none."""
    for node in [n for n in group.nodes if n.name == VIEWS or n.bl_idname == PICTURE_NODE and n.name != "Picture"]:
        group.nodes.remove(node)
    source = picture = group.nodes["Picture"]
    if views:
        with bpy.context.temp_override(scene=trigger):  # it has an input for each view of the context's scene
            source = group.nodes.new("CompositorNodeSwitchView")
        source.name = VIEWS
        for socket in source.inputs:
            group.links.new((picture or group.nodes.new(PICTURE_NODE)).outputs["Image"], socket)
            picture = None
    group.links.new(source.outputs["Image"], group.nodes["Place"].inputs["Image"])


def _load_picture(image: bpy.types.Image, path: Path) -> None:
    """Have the image show the node's file, also after the artist packed all images or made all paths relative."""
    if image.packed_file is not None:
        image.unpack(method="REMOVE")
    if image.filepath != str(path):
        if not path.exists():
            write_exr(path, {"image": NOTHING})
        image.filepath = str(path)


def pictures(node: bpy.types.Node) -> dict[str, bpy.types.Node]:
    """The Image nodes inside a GAN Style node by stereo view; without views one, under an empty name.

    In a scene without stereo views the first one is seen.
    """
    nodes = node.node_tree.nodes
    if VIEWS not in nodes:
        return {"": nodes["Picture"]}
    return {socket.name: socket.links[0].from_node for socket in nodes[VIEWS].inputs if socket.links}


def picture_file(node: bpy.types.Node, view: str) -> Path:
    """The file with the node's stylised frame, one for each of its pictures()."""
    return temp_folder.folder() / f"picture-{node.node_tree.session_uid}-{list(pictures(node)).index(view)}.exr"


def pass_through(node: bpy.types.Node, through: bool) -> None:
    """Let the image through as it is, or mix it with the picture."""
    mix = node.node_tree.nodes["Mix"]
    if mix.mute != through:
        mix.mute = through


def pass_through_in_viewport(depsgraph: bpy.types.Depsgraph) -> None:
    """Have all nodes let the image through in the viewport that draws what this depsgraph evaluates, and nowhere else.

    The picture is that of a render, and would lie in the view like a card. Only the evaluated copies are changed, after each of
    their evaluations, and without an update, which Blender expects of its own data alone. On the main thread.
    """
    for group in [g for g in bpy.data.node_groups if is_hidden(g, ROLE)]:
        nodes = group.evaluated_get(depsgraph).nodes
        if nodes.id_data.is_evaluated and "Mix" in nodes and not nodes["Mix"].mute:
            nodes.foreach_set("mute", [node.mute or node.name == "Mix" for node in nodes])


def touch(node: bpy.types.Node) -> None:
    """Have Blender composite again, as if the artist had edited the node; a change of our own properties does not do it."""
    node.inputs["Strength"].default_value = node.inputs["Strength"].default_value
