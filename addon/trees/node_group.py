"""The inside of a GAN Style node: a group that mixes the node's input with the picture of the stylised frame."""

import bpy

from ...core.scale import LEAST, MOST
from .marks import hide, is_hidden
from .pictures import PICTURE, PICTURE_NAME, PICTURE_NODE, ROLE, arrange, new_image

PARTS = {"Mix", PICTURE_NAME, "Place", "Finite"}
"""The names of the nodes inside that matter; a group of an older version lacks some."""
CAPTURED = {
    "Exposure": ("Stops by which the style sees the image brighter; the result is as bright as without", -10.0, 10.0, 0.0),
    "Scale": ("How many times as large strokes are; they have a size in pixels, at any resolution", LEAST, MOST, 1.0),
    "Keep Colours": ("How much of the image's own colours is kept, under the lightness of the style", 0.0, 1.0, 0.0),
}
"""Inputs of each node that are numbers: description, least, most, default."""
LARGEST = 2.0**100
"""Beyond it a value counts as infinite."""


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
    inputs, output = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
    for name in CAPTURED:
        _add_captured(group, name)
    factor = group.nodes.new("ShaderNodeMath")
    factor.operation, factor.use_clamp = "MULTIPLY", True
    mix = group.nodes.new("ShaderNodeMix")
    mix.name, mix.data_type = "Mix", "RGBA"
    picture = group.nodes.new(PICTURE_NODE)
    picture.name, picture.image = PICTURE_NAME, new_image()
    sockets = {socket.identifier: socket for socket in mix.inputs}
    group.links.new(inputs.outputs["Strength"], factor.inputs[0])
    group.links.new(inputs.outputs["Mask"], factor.inputs[1])
    group.links.new(factor.outputs[0], sockets["Factor_Float"])
    group.links.new(_finite(group, inputs.outputs["Image"]), sockets["A_Color"])
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


def _add_captured(group: bpy.types.NodeTree, name: str) -> None:
    """A number of CAPTURED goes in, and comes out again for the capture."""
    text, *numbers = CAPTURED[name]
    for direction in ("INPUT", "OUTPUT"):
        socket = group.interface.new_socket(name, in_out=direction, socket_type="NodeSocketFloat", description=text)
        socket.min_value, socket.max_value, socket.default_value = numbers
        socket.subtype = "FACTOR" if numbers[:2] == [0.0, 1.0] else "NONE"
    source, target = (next(n for n in group.nodes if n.bl_idname == f"NodeGroup{end}") for end in ("Input", "Output"))
    group.links.new(source.outputs[name], target.inputs[name])


def separate(
    node: bpy.types.Node,
    seen: set[bpy.types.NodeTree],
    trigger: bpy.types.Scene,
    views: tuple[str, ...],
    uses: int,
    layers: tuple[str, ...],
) -> None:
    """Give a node an inner group of its own, whose pictures are arranged; copies of a node share one at first.

    seen: the groups of the nodes before, to which this one's is added. The rest is as for pictures.arrange(), what follows too.
    """
    group = node.node_tree
    if group is None or not PARTS.issubset(group.nodes.keys()) or "Exposure" not in node.inputs:
        node.node_tree = new_group()
    elif group in seen:
        node.node_tree = group.copy()
        node.node_tree.nodes[PICTURE_NAME].image = new_image()
    arrange(node, trigger, views, uses, layers)
    for name in CAPTURED:
        if name not in node.inputs:  # a node of an older version
            _add_captured(node.node_tree, name)
            node.inputs[name].default_value = CAPTURED[name][-1]
        if not node.outputs[name].hide:
            node.outputs[name].hide = True
    seen.add(node.node_tree)


def pass_through(node: bpy.types.Node, through: bool) -> None:
    """Let the image through as it is, or mix it with the picture."""
    for mix in [n for n in node.node_tree.nodes if n.name.endswith("Mix")]:
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
            nodes.foreach_set("mute", [node.mute or node.name.endswith("Mix") for node in nodes])


def touch(node: bpy.types.Node) -> None:
    """Have Blender composite again, as if the artist had edited the node; a change of our own properties does not do it."""
    node.inputs["Strength"].default_value = node.inputs["Strength"].default_value
