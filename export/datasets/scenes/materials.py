"""Materials of the scenes, all procedural: a Principled surface whose colour is a constant or a pattern.

Colours are linear Rec.709. Patterns that follow a direction (bricks, wood ...) use the UV map that shapes.py unfolds in scene
units; the others use object coordinates.
"""

from collections.abc import Callable

import bpy

Colour = tuple[float, float, float]


class Graph:
    """The shader nodes of one material."""

    def __init__(self, tree: bpy.types.NodeTree):
        self.tree = tree

    def node(self, kind: str, inputs: dict | None = None, **attributes) -> bpy.types.Node:
        """Add the node ShaderNode<kind>, set attributes, and set or link inputs by name."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for name, value in attributes.items():
            setattr(node, name, value)
        for name, value in (inputs or {}).items():
            self.set(node.inputs[name], value)
        return node

    def set(self, socket: bpy.types.NodeSocket, value) -> None:
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        elif socket.type == "RGBA":
            socket.default_value = (*value, 1.0)
        else:
            socket.default_value = value

    def math(self, operation: str, *values) -> bpy.types.NodeSocket:
        node = self.node("Math", operation=operation)
        for socket, value in zip(node.inputs, values, strict=False):
            self.set(socket, value)
        return node.outputs[0]

    def mix(self, factor, a, b) -> bpy.types.NodeSocket:
        """Colour from a (factor 0) to b (factor 1); a and b may be colours, patterns or sockets."""
        node = self.node("Mix", data_type="RGBA")
        by_identifier = {socket.identifier: socket for socket in node.inputs}
        for identifier, value in (("Factor_Float", factor), ("A_Color", self.colour(a)), ("B_Color", self.colour(b))):
            self.set(by_identifier[identifier], value)
        return next(output for output in node.outputs if output.identifier == "Result_Color")

    def steps(self, factor, low: float, high: float) -> bpy.types.NodeSocket:
        """0 below low, 1 above high, smooth between."""
        node = self.node("MapRange", {"Value": factor, "From Min": low, "From Max": high}, interpolation_type="SMOOTHSTEP")
        return node.outputs[0]

    def colour(self, value):
        return value(self) if callable(value) else value

    @property
    def uv(self) -> bpy.types.NodeSocket:
        return self.node("UVMap").outputs[0]

    @property
    def point(self) -> bpy.types.NodeSocket:
        return self.node("TexCoord").outputs["Object"]


Pattern = Callable[[Graph], bpy.types.NodeSocket]


def mottled(a, b, scale: float = 3.0, low: float = 0.4, high: float = 0.6, detail: float = 4.0) -> Pattern:
    """Patches of a and b, as on plaster, stone or meadows."""

    def pattern(graph: Graph):
        noise = graph.node("TexNoise", {"Vector": graph.point, "Scale": scale, "Detail": detail, "Roughness": 0.6})
        return graph.mix(graph.steps(noise.outputs[0], low, high), a, b)

    return pattern


def bricks(a, b, mortar, width: float = 0.5, height: float = 0.2, gap: float = 0.015, offset: float = 0.5) -> Pattern:
    """Bricks or, without offset, tiles of width x height scene units."""

    def pattern(graph: Graph):
        inputs = {
            "Vector": graph.uv,
            "Color1": graph.colour(a),
            "Color2": graph.colour(b),
            "Mortar": graph.colour(mortar),
            "Scale": 1.0,
            "Mortar Size": gap,
            "Brick Width": width,
            "Row Height": height,
        }
        return graph.node("TexBrick", inputs, offset=offset).outputs[0]

    return pattern


def wood(a, b, plank: float = 0.0, scale: float = 1.0) -> Pattern:
    """Grain along U; planks of that width (scene units), or one piece if 0."""

    def pattern(graph: Graph):
        stretch = graph.node("Mapping", {"Vector": graph.uv, "Scale": (0.35 * scale, 3.0 * scale, 1.0)})
        grain = graph.node("TexNoise", {"Vector": stretch.outputs[0], "Scale": 3.0, "Detail": 5.0, "Distortion": 0.8})
        colour = graph.mix(graph.steps(grain.outputs[0], 0.35, 0.65), a, b)
        if plank:
            dark = tuple(0.25 * x for x in a)
            light, shade = (1.0, 1.0, 1.0), (0.72, 0.7, 0.68)
            boards = bricks(light, shade, dark, width=plank * 9, height=plank, gap=plank * 0.04)(graph)
            blend = graph.node("Mix", data_type="RGBA", blend_type="MULTIPLY")
            for identifier, value in (("Factor_Float", 1.0), ("A_Color", colour), ("B_Color", boards)):
                graph.set(next(s for s in blend.inputs if s.identifier == identifier), value)
            colour = next(o for o in blend.outputs if o.identifier == "Result_Color")
        return colour

    return pattern


def checker(a, b, size: float = 0.5) -> Pattern:
    def pattern(graph: Graph):
        inputs = {"Vector": graph.uv, "Color1": graph.colour(a), "Color2": graph.colour(b), "Scale": 1 / size}
        return graph.node("TexChecker", inputs).outputs[0]

    return pattern


def stripes(a, b, period: float = 0.5, axis: int = 0, share: float = 0.5) -> Pattern:
    """Hard stripes across the UV axis 0 or 1; b takes `share` of each period."""

    def pattern(graph: Graph):
        along = graph.node("SeparateXYZ", {"Vector": graph.uv}).outputs[axis]
        phase = graph.math("FRACT", graph.math("DIVIDE", along, period))
        return graph.mix(graph.math("LESS_THAN", phase, share), a, b)

    return pattern


def bands(a, b, period: float = 1.0, share: float = 0.5) -> Pattern:
    """Hard horizontal bands in object height."""

    def pattern(graph: Graph):
        height = graph.node("SeparateXYZ", {"Vector": graph.point}).outputs[2]
        phase = graph.math("FRACT", graph.math("DIVIDE", height, period))
        return graph.mix(graph.math("LESS_THAN", phase, share), a, b)

    return pattern


def veins(a, b, scale: float = 2.0) -> Pattern:
    """Marble: b as thin veins in a."""

    def pattern(graph: Graph):
        noise = graph.node("TexNoise", {"Vector": graph.point, "Scale": scale, "Detail": 6.0, "Distortion": 1.2})
        ridge = graph.math("ABSOLUTE", graph.math("SUBTRACT", noise.outputs[0], 0.5))
        return graph.mix(graph.steps(ridge, 0.0, 0.05), b, a)

    return pattern


def by_slope(flat, steep, low: float = 0.55, high: float = 0.8) -> Pattern:
    """steep where the surface is upright, flat where it is level."""

    def pattern(graph: Graph):
        normal = graph.node("NewGeometry").outputs["True Normal"]
        return graph.mix(graph.steps(graph.node("SeparateXYZ", {"Vector": normal}).outputs[2], low, high), steep, flat)

    return pattern


def by_height(lower, upper, height: float, blend: float = 1.0) -> Pattern:
    """upper above that world height, with a ragged border."""

    def pattern(graph: Graph):
        point = graph.node("NewGeometry").outputs["Position"]
        noise = graph.node("TexNoise", {"Vector": point, "Scale": 0.8 / blend, "Detail": 3.0}).outputs[0]
        z = graph.node("SeparateXYZ", {"Vector": point}).outputs[2]
        ragged = graph.math("ADD", z, graph.math("MULTIPLY", graph.math("SUBTRACT", noise, 0.5), 2.0 * blend))
        return graph.mix(graph.steps(ragged, height - blend / 4, height + blend / 4), lower, upper)

    return pattern


def varied(pattern, hue: float = 0.02, value: float = 0.25) -> Pattern:
    """The pattern, shifted in hue and value from object to object."""

    def shifted(graph: Graph):
        random = graph.node("ObjectInfo").outputs["Random"]
        other = graph.math("FRACT", graph.math("MULTIPLY", random, 37.0))
        hues = graph.node("MapRange", {"Value": random, "To Min": 0.5 - hue, "To Max": 0.5 + hue}).outputs[0]
        values = graph.node("MapRange", {"Value": other, "To Min": 1 - value, "To Max": 1 + value}).outputs[0]
        return graph.node("HueSaturation", {"Hue": hues, "Value": values, "Color": graph.colour(pattern)}).outputs[0]

    return shifted


def surface(
    name: str, colour, roughness: float = 0.5, metallic: float = 0.0, bump: float = 0.0, grain: float = 12.0, **principled: float
) -> bpy.types.Material:
    """A Principled material.

    bump: depth of noise bumps, 0 to 1, of `grain` per unit. principled: further inputs by name, "_" for a space.
    """
    material = bpy.data.materials.new(name)
    graph = Graph(material.node_tree)
    shader = next(n for n in graph.tree.nodes if n.type == "BSDF_PRINCIPLED")
    inputs = {"Base Color": graph.colour(colour), "Roughness": roughness, "Metallic": metallic}
    inputs |= {key.replace("_", " "): value for key, value in principled.items()}
    for key, value in inputs.items():
        graph.set(shader.inputs[key], value)
    if bump:
        noise = graph.node("TexNoise", {"Vector": graph.point, "Scale": grain, "Detail": 3.0})
        bumps = graph.node("Bump", {"Strength": bump, "Distance": 0.6 / grain, "Height": noise.outputs[0]})
        graph.set(shader.inputs["Normal"], bumps.outputs[0])
    return material


def metal(name: str, colour, roughness: float = 0.25, **more) -> bpy.types.Material:
    return surface(name, colour, roughness, metallic=1.0, **more)


def glass(name: str, tint: Colour = (0.9, 0.97, 0.95), roughness: float = 0.0) -> bpy.types.Material:
    return surface(name, tint, roughness, Transmission_Weight=1.0, IOR=1.45)


def water(name: str, tint: Colour, waves: float = 2.0, depth: float = 0.4) -> bpy.types.Material:
    """Opaque, glossy water with waves of about `waves` per unit and that bump depth: it costs no transmission."""
    return surface(name, tint, 0.06, bump=depth, grain=waves, IOR=1.33, Specular_IOR_Level=0.7)


def glow(name: str, colour: Colour, strength: float) -> bpy.types.Material:
    """A light that shows: radiance colour x strength."""
    material = surface(name, (0.0, 0.0, 0.0), 0.6, Emission_Color=colour, Emission_Strength=strength)
    material.cycles.emission_sampling = (
        "NONE"  # halves the render time of scenes with many of them; lamps beside them light the scene
    )
    return material
