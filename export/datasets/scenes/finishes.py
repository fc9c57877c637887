"""Random finishes of surfaces: plain, textured, metal, glass, skin, emission; colours from anywhere."""

from colorsys import hsv_to_rgb

import bpy

from . import materials as m
from .materials import Colour, Pattern
from .stage import Stage


def colour(stage: Stage) -> Colour:
    """Any colour, linear: white, greys and near black as often as any hue."""
    if stage.between(0, 1) < 0.3:
        return (stage.pick(0.02, 0.08, 0.18, 0.4, 0.8, 0.9),) * 3
    return hsv_to_rgb(stage.between(0, 1), stage.between(0.1, 1) ** 0.5, stage.between(0.03, 0.95))


def pattern(stage: Stage) -> Pattern:
    """Two colours or three in a pattern of any kind and of any size against the form."""
    a, b, size = colour(stage), colour(stage), 10 ** stage.between(-1.6, 0)
    return stage.pick(
        m.mottled(a, b, 1 / size),
        m.mottled(a, b, 0.5 / size, 0.2, 0.8, 8.0),
        m.checker(a, b, size),
        m.stripes(a, b, size, stage.pick(0, 1), stage.between(0.2, 0.8)),
        m.bands(a, b, size),
        m.bricks(a, b, colour(stage), size, size * stage.between(0.3, 1), 0.05 * size, stage.pick(0, 0.5)),
        m.veins(a, b, 0.5 / size),
        m.wood(a, b, scale=0.3 / size),
    )


def finish(stage: Stage) -> bpy.types.Material:
    """A material of any kind; the plain ones are the most frequent, as they are on anyone's scene."""
    kind, rough = stage.between(0, 1), stage.between(0.05, 1)
    bump = stage.pick(0, 0, 0, stage.between(0.05, 0.6))
    if kind < 0.4:
        return m.surface("Plain", colour(stage), rough, bump=bump, grain=10 ** stage.between(0.3, 2))
    if kind < 0.7:
        return m.surface("Textured", pattern(stage), rough, bump=bump, grain=10 ** stage.between(0.3, 2))
    if kind < 0.82:
        return m.metal("Metal", colour(stage), stage.between(0, 0.6))
    if kind < 0.89:
        return m.glass("Glass", tuple(0.5 + 0.5 * c for c in colour(stage)), stage.pick(0, 0, 0.2))
    if kind < 0.95:
        return m.surface("Skin", colour(stage), rough, Subsurface_Weight=1.0, Subsurface_Scale=0.05, Coat_Weight=stage.pick(0, 1))
    return m.glow("Glow", colour(stage), 10 ** stage.between(-0.3, 1.3))


def smoke(stage: Stage, size: float) -> bpy.types.Material:
    """A cloud in a ball of radius 1/2 that becomes `size` units large: dense within and ragged outside, light or sooty."""
    material = bpy.data.materials.new("Smoke")
    graph = m.Graph(material.node_tree)
    graph.tree.nodes.clear()
    noise = graph.node("TexNoise", {"Vector": graph.point, "Scale": stage.between(2, 6), "Detail": 4.0, "Roughness": 0.6})
    inside = graph.math(
        "SUBTRACT", 1.0, graph.math("MULTIPLY", 2.0, graph.node("VectorMath", {0: graph.point}, operation="LENGTH").outputs[1])
    )
    share = graph.steps(graph.math("ADD", graph.math("MULTIPLY", 2.0, noise.outputs[0]), inside), 1.0, 1.8)
    density = graph.math("MULTIPLY", share, stage.between(2, 30) / (size * stage.unit))
    grey = (stage.pick(0.05, 0.5, 0.9, 0.98),) * 3
    volume = graph.node("VolumePrincipled", {"Color": grey, "Density": density, "Anisotropy": stage.between(0, 0.6)})
    graph.set(graph.node("OutputMaterial").inputs["Volume"], volume.outputs[0])
    return material
