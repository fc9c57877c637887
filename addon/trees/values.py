"""Keeps the values of a copied node like those of the original, so that an edit of a value needs no new copy."""

from functools import cache

import bpy

NESTED = ("CurveMapping", "CurveMap", "CurveMapPoint", "ColorRamp", "ColorRampElement", "ImageUser", "CryptomatteEntry")
"""What holds values of a node below the node itself."""
NOT_VALUES = {*bpy.types.Node.bl_rna.properties.keys(), "node_tree"}
"""Where a node stands and what it is connected with; see read.structure()."""
UNLESS = {"layer": "has_layers", "view": "has_views"}
"""Properties of Image nodes that have no value unless another one says so."""
PLAIN = ("BOOLEAN", "INT", "FLOAT", "STRING", "ENUM")


@cache
def _fields(kind: type) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The names of a struct's plain properties, of the structs in it that hold more of them, and of its lists of such structs."""
    left_out = NOT_VALUES if issubclass(kind, bpy.types.Node) else {"select"}
    properties = [p for p in kind.bl_rna.properties if p.identifier not in left_out]
    nested = [p for p in properties if p.type in ("POINTER", "COLLECTION") and p.fixed_type.identifier in NESTED]
    plain = [p for p in properties if not p.is_readonly and (p.type in PLAIN or (p.type == "POINTER" and _is_id(p.fixed_type)))]
    return (
        tuple(p.identifier for p in plain),
        tuple(p.identifier for p in nested if p.type == "POINTER"),
        tuple(p.identifier for p in nested if p.type == "COLLECTION"),
    )


def _is_id(struct: bpy.types.Struct | None) -> bool:
    while struct is not None and struct.identifier != "ID":
        struct = struct.base
    return struct is not None


def shape(node: bpy.types.Node) -> tuple[int, ...]:
    """How many values the node's lists have, such as the points of its curves: mirror() can't change that."""
    counts, waiting = [], [node]
    while waiting:
        struct = waiting.pop()
        _, nested, lists = _fields(type(struct))
        waiting += [inside for name in nested if (inside := getattr(struct, name)) is not None]
        for name in lists:
            counts.append(len(getattr(struct, name)))
            waiting += getattr(struct, name)
    return tuple(counts)


def mirror(source: bpy.types.Node, target: bpy.types.Node) -> None:
    """Give a node the values of another one of its kind and shape(); sets only what differs."""
    for ours, theirs in zip(_sockets(source), _sockets(target), strict=True):
        if hasattr(ours, "default_value"):
            _copy(ours, theirs, "default_value")
    waiting = [(source, target)]
    while waiting:
        ours, theirs = waiting.pop()
        plain, nested, lists = _fields(type(ours))
        for name in plain:
            if not (name == "scene" and ours.scene is None):  # then the copy names the scene that the original is in
                _copy(ours, theirs, name)
        waiting += [(getattr(ours, name), getattr(theirs, name)) for name in nested if getattr(ours, name) is not None]
        for name in lists:
            waiting += zip(getattr(ours, name), getattr(theirs, name), strict=True)
    if isinstance(getattr(target, "mapping", None), bpy.types.CurveMapping):
        target.mapping.update()


def _sockets(node: bpy.types.Node) -> tuple[bpy.types.NodeSocket, ...]:
    """Those with values of their own: not what is rendered, whose dimensions 5.0 changes as it renders."""
    return (*node.inputs, *(() if node.bl_idname == "CompositorNodeRLayers" else node.outputs))


def _copy(source: bpy.types.bpy_struct, target: bpy.types.bpy_struct, name: str) -> None:
    if name in UNLESS and not getattr(source, UNLESS[name], True):  # asked all the same, Blender warns on the console
        return
    value = _value(source, name)
    if value != _value(target, name):
        setattr(target, name, value)


def _value(data: bpy.types.bpy_struct, name: str) -> object:
    """Arrays as tuples, which can be compared."""
    value = getattr(data, name)
    return value if isinstance(value, (bool, int, float, str, set, bpy.types.bpy_struct)) or value is None else tuple(value)
