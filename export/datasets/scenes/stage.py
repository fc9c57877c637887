"""The stage a recipe builds on: an empty scene, and ways to put objects, lights, sky and camera on it and move them."""

import math
from collections.abc import Callable
from pathlib import Path
from random import Random

import bpy
from mathutils import Euler, Vector

from .folders import Folders
from .materials import Colour, Graph
from .shapes import Point

FILL = 0.6
"""Strength of the sky as a light, below what the camera sees: clear shadows."""


def empty_scene(name: str, frames: int) -> bpy.types.Scene:
    """A new scene with the frames 1 to `frames`, as the only content of the open file.

    Add-ons, preferences and the window stay as they are.
    """
    scene = bpy.data.scenes.new(name)
    if bpy.context.window is not None:
        bpy.context.window.scene = scene
    for old in [other for other in bpy.data.scenes if other != scene]:
        bpy.data.scenes.remove(old)
    scene.name = name
    scene.frame_start, scene.frame_end = 1, frames
    kinds = (
        "objects",
        "collections",
        "meshes",
        "curves",
        "lights",
        "cameras",
        "materials",
        "worlds",
        "actions",
        "armatures",
        "images",
        "node_groups",
    )
    for kind in kinds:
        bpy.data.batch_remove(getattr(bpy.data, kind))
    return scene


class Stage:
    """One scene under construction. `random` decides everything that varies with the seed.

    unit, origin: how large a unit of the recipe is in the scene, and where in the scene the recipe's origin lies; set before
    anything is added. What is inside things, as their bumps and volumes, stays as it is.
    """

    def __init__(self, scene: bpy.types.Scene, random: Random, folders: Folders | None = None):
        self.scene, self.random, self.folders = scene, random, folders or Folders()
        self.unit, self.origin = 1.0, Vector((0, 0, 0))

    def pick(self, *choices):
        return self.random.choice(choices)

    def between(self, low: float, high: float) -> float:
        return self.random.uniform(low, high)

    def _link(self, name: str, data, at: Point, turn, size, parent) -> bpy.types.Object:
        thing = bpy.data.objects.new(name, data)
        thing.rotation_euler = [math.radians(a) for a in (turn if isinstance(turn, tuple) else (0, 0, turn))]
        thing.scale = (size, size, size) if isinstance(size, int | float) else size
        thing.parent = parent
        thing.location = self._place(at, parent)
        if parent is None and not isinstance(data, bpy.types.Light | bpy.types.Camera):
            thing.scale = Vector(thing.scale) * self.unit
        self.scene.collection.objects.link(thing)
        return thing

    def _place(self, at: Point, parent: bpy.types.Object | None) -> Vector:
        return Vector(at) if parent else Vector(at) * self.unit + self.origin

    def add(
        self,
        mesh: bpy.types.Mesh,
        material: bpy.types.Material,
        at: Point = (0, 0, 0),
        turn: float | Point = 0.0,
        size: float | Point = 1.0,
        parent: bpy.types.Object | None = None,
    ) -> bpy.types.Object:
        """Place a mesh. turn: degrees around z, or around x, y and z. A mesh used again is an instance."""
        if not mesh.materials:
            mesh.materials.append(material)
        thing = self._link(mesh.name, mesh, at, turn, size, parent)
        if mesh.materials[0] is not material:
            thing.material_slots[0].link = "OBJECT"
            thing.material_slots[0].material = material
        return thing

    def group(
        self, at: Point = (0, 0, 0), turn: float | Point = 0.0, parent: bpy.types.Object | None = None, size: float = 1.0
    ) -> bpy.types.Object:
        """An empty to parent things to, so that they move as one."""
        return self._link("Group", None, at, turn, size, parent)

    def lamp(
        self, colour: Colour, power: float, at: Point, radius: float = 0.1, parent: bpy.types.Object | None = None
    ) -> bpy.types.Object:
        """A round light, power in watts."""
        light = bpy.data.lights.new("Lamp", "POINT")
        light.color, light.energy, light.shadow_soft_size = colour, power * self.unit**2, radius * self.unit
        return self._link("Lamp", light, at, 0.0, 1.0, parent)

    def panel(self, colour: Colour, power: float, at: Point, target: Point, width: float, height: float) -> bpy.types.Object:
        """A rectangular light that faces the target, power in watts."""
        light = bpy.data.lights.new("Panel", "AREA")
        light.shape, light.size, light.size_y = "RECTANGLE", width * self.unit, height * self.unit
        light.color, light.energy = colour, power * self.unit**2
        thing = self._link("Panel", light, at, 0.0, 1.0, None)
        thing.rotation_euler = look(at, target)
        return thing

    def sun(self, colour: Colour, power: float, azimuth: float, elevation: float, softness: float = 1.5) -> Vector:
        """Sunlight, W/m2, from azimuth (degrees from +x, counter-clockwise) and elevation; returns the direction to it."""
        a, e = math.radians(azimuth), math.radians(elevation)
        direction = Vector((math.cos(a) * math.cos(e), math.sin(a) * math.cos(e), math.sin(e)))
        light = bpy.data.lights.new("Sun", "SUN")
        light.color, light.energy, light.angle = colour, power, math.radians(softness)
        self._link("Sun", light, (0, 0, 50), 0.0, 1.0, None).rotation_euler = look(direction, (0, 0, 0))
        return direction

    def backdrop(self, colour: Colour) -> None:
        """The same light from everywhere."""
        self._world().node("OutputWorld", {"Surface": self._graph.node("Background", {"Color": colour}).outputs[0]})

    def _world(self) -> Graph:
        self.scene.world = bpy.data.worlds.new("Sky")
        self._graph = Graph(self.scene.world.node_tree)
        self._graph.tree.nodes.clear()
        # The automatic map of light directions costs more than a second a frame; skies are smooth.
        self.scene.world.cycles.sampling_method, self.scene.world.cycles.sample_map_resolution = "MANUAL", 256
        return self._graph

    def panorama(self, file: Path, turn: float = 0.0, strength: float = 1.0) -> None:
        """The light of a real place: an equirectangular picture of radiance, turned by degrees around z."""
        graph = self._world()
        image = bpy.data.images.load(str(file))
        turned = graph.node("Mapping", {"Vector": graph.node("TexCoord").outputs["Generated"]})
        turned.inputs["Rotation"].default_value[2] = math.radians(turn)
        light = graph.node("TexEnvironment", {"Vector": turned.outputs[0]}, image=image).outputs[0]
        graph.node("OutputWorld", {"Surface": graph.node("Background", {"Color": light, "Strength": strength}).outputs[0]})
        self.scene.world.cycles.sample_map_resolution = 1024

    def sky(
        self,
        zenith: Colour,
        horizon: Colour,
        ground: Colour,
        sun: Vector,
        glare: Colour,
        clouds: float = 0.5,
        cloud: Colour = (1.6, 1.5, 1.4),
    ) -> None:
        """A painted sky: gradient, a glare around the sun's direction (radiance up to 6 x glare), clouds covering that share.

        Only the camera sees the clouds: otherwise their noise would be the costliest part of each light sample.
        """
        graph = self._world()
        ray = graph.node("TexCoord").outputs["Generated"]
        x, y, z = graph.node("SeparateXYZ", {"Vector": ray}).outputs
        up = graph.math("MAXIMUM", z, 0.0)
        toward = graph.math("MAXIMUM", graph.node("VectorMath", {0: ray, 1: sun}, operation="DOT_PRODUCT").outputs["Value"], 0.0)
        wide, narrow = graph.math("POWER", toward, 12.0), graph.math("POWER", toward, 900.0)
        shine = graph.math("ADD", graph.math("MULTIPLY", wide, 0.5), graph.math("MULTIPLY", narrow, 5.5))

        def background(colour, strength=1.0):
            glow = graph.node("VectorMath", {0: glare, "Scale": shine}, operation="SCALE").outputs[0]
            lit = graph.node("VectorMath", {0: colour, 1: glow}, operation="ADD").outputs[0]
            return graph.node(
                "Background", {"Color": graph.mix(graph.steps(z, -0.03, 0.0), ground, lit), "Strength": strength}
            ).outputs[0]

        air = graph.mix(graph.math("POWER", up, 0.34), horizon, zenith)
        height = graph.math("ADD", up, 0.12)
        plane = graph.node(
            "CombineXYZ", {"X": graph.math("DIVIDE", x, height), "Y": graph.math("DIVIDE", y, height), "Z": self.between(0, 100)}
        )
        noise = graph.node("TexNoise", {"Vector": plane.outputs[0], "Scale": 0.9, "Detail": 4.0, "Roughness": 0.55})
        cover = graph.steps(noise.outputs[0], 0.66 - 0.24 * clouds, 0.84 - 0.24 * clouds)
        cover = graph.math("MULTIPLY", graph.math("MULTIPLY", cover, graph.steps(z, 0.02, 0.2)), 0.9)
        seen = graph.node("LightPath").outputs["Is Camera Ray"]
        surface = graph.node(
            "MixShader", {0: seen, 1: background(air, FILL), 2: background(graph.mix(cover, air, cloud))}
        ).outputs[0]
        graph.node("OutputWorld", {"Surface": surface})

    def move(self, thing: bpy.types.Object, motion: Callable[[float], tuple[Point, Point]]) -> None:
        """Animate: motion(t) gives location and rotation (degrees) for t from 0 (first frame) to 1 (last frame).

        A key on every frame, and on the frames just before and after, which the vector pass needs.
        """
        last = self.scene.frame_end
        for frame in range(0, last + 2):
            location, turn = motion((frame - 1) / (last - 1))
            thing.location, thing.rotation_euler = self._place(location, thing.parent), [math.radians(a) for a in turn]
            thing.keyframe_insert("location", frame=frame)
            thing.keyframe_insert("rotation_euler", frame=frame)

    def camera(self, eye: Callable[[float], Point], target: Callable[[float], Point], lens: float = 35.0) -> bpy.types.Object:
        """The camera, at eye(t) and looking at target(t), in place of an earlier one; lens in millimetres of a 36 mm film."""
        if self.scene.camera:
            bpy.data.cameras.remove(self.scene.camera.data)
        data = bpy.data.cameras.new("Camera")
        data.lens, data.clip_start, data.clip_end = lens, 0.1 * self.unit, 2000.0 * self.unit
        camera = self._link("Camera", data, (0, 0, 0), 0.0, 1.0, None)
        self.move(camera, lambda t: (eye(t), tuple(math.degrees(a) for a in look(eye(t), target(t)))))
        self.scene.camera = camera
        return camera


def look(eye: Point, target: Point) -> Euler:
    """The rotation that points a camera or light at eye to the target."""
    return (Vector(target) - Vector(eye)).to_track_quat("-Z", "Y").to_euler()


def line(start: Point, end: Point) -> Callable[[float], Point]:
    """The straight way from start (t = 0) to end (t = 1)."""
    return lambda t: tuple(a + (b - a) * t for a, b in zip(start, end, strict=True))


def still(point: Point) -> Callable[[float], Point]:
    return lambda t: point
