"""Meshes of the scenes. Each stands on its origin (z = 0 is its foot) unless it says otherwise, in scene units (metres).

Every mesh has a UV map that unfolds each face along its main axis in scene units, so that bricks are as large on any wall.
"""

import math
from collections.abc import Callable, Iterable
from random import Random

import bmesh
import bpy
import numpy as np
from mathutils import Matrix, Vector, noise

Point = tuple[float, float, float]


def finished(shape: bmesh.types.BMesh, name: str, smooth: float) -> bpy.types.Mesh:
    """Turn a BMesh into a mesh with outward normals, UV map and edges sharp above `smooth` degrees (0: flat)."""
    bmesh.ops.recalc_face_normals(shape, faces=shape.faces)
    layer = shape.loops.layers.uv.new("UVMap")
    for face in shape.faces:
        axis = max(range(3), key=lambda i: abs(face.normal[i]))
        u, v = ((1, 2), (0, 2), (0, 1))[axis]
        for loop in face.loops:
            loop[layer].uv = (loop.vert.co[u], loop.vert.co[v])
    mesh = bpy.data.meshes.new(name)
    shape.to_mesh(mesh)
    shape.free()
    if smooth:
        mesh.shade_smooth()
        mesh.set_sharp_from_angle(angle=math.radians(smooth))
    return mesh


def _bevel(shape: bmesh.types.BMesh, width: float, segments: int = 2) -> None:
    if width:
        sharp = [e for e in shape.edges if len(e.link_faces) == 2 and e.calc_face_angle() > math.radians(35)]
        bmesh.ops.bevel(shape, geom=sharp, offset=width, segments=segments, affect="EDGES", profile=0.5)


def box(x: float, y: float, z: float, bevel: float = 0.0) -> bpy.types.Mesh:
    shape = bmesh.new()
    bmesh.ops.create_cube(shape, size=1.0, matrix=Matrix.Diagonal((x, y, z, 1)) @ Matrix.Translation((0, 0, 0.5)))
    _bevel(shape, bevel)
    return finished(shape, "Box", 30 if bevel else 0)


def cylinder(radius: float, height: float, top: float | None = None, sides: int = 32, bevel: float = 0.0) -> bpy.types.Mesh:
    """A cylinder, or a cone with that top radius."""
    shape = bmesh.new()
    bmesh.ops.create_cone(
        shape,
        cap_ends=True,
        segments=sides,
        radius1=radius,
        radius2=radius if top is None else top,
        depth=height,
        matrix=Matrix.Translation((0, 0, height / 2)),
    )
    _bevel(shape, bevel)
    return finished(shape, "Cylinder", 40)


def ball(radius: float, level: int = 4) -> bpy.types.Mesh:
    """A sphere around its origin."""
    shape = bmesh.new()
    bmesh.ops.create_icosphere(shape, subdivisions=level, radius=radius)
    return finished(shape, "Ball", 180 if level > 2 else 0)


def lathe(profile: Iterable[tuple[float, float]], sides: int = 48, smooth: float = 50) -> bpy.types.Mesh:
    """Revolve (radius, height) points around z; radius 0 closes an end."""
    shape = bmesh.new()
    rings = []
    for radius, z in profile:
        angles = [2 * math.pi * k / sides for k in range(sides if radius > 0 else 1)]
        rings.append([shape.verts.new((radius * math.cos(a), radius * math.sin(a), z)) for a in angles])
    for lower, upper in zip(rings, rings[1:], strict=False):
        for k in range(sides):
            corners = [lower[k % len(lower)], lower[(k + 1) % len(lower)], upper[(k + 1) % len(upper)], upper[k % len(upper)]]
            distinct = list(dict.fromkeys(corners))
            if len(distinct) > 2:
                shape.faces.new(distinct)
    return finished(shape, "Lathe", smooth)


def rounded(profile: list[tuple[float, float]], steps: int = 6) -> list[tuple[float, float]]:
    """A smooth Catmull-Rom curve through the points of a profile."""
    points = [np.array(p, float) for p in (profile[0], *profile, profile[-1])]
    curve = []
    for a, b, c, d in zip(points, points[1:], points[2:], points[3:], strict=False):
        for k in range(steps):
            t = k / steps
            p = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            curve.append((max(float(p[0]), 0.0), float(p[1])))
    return [*curve, tuple(profile[-1])]


def prism(outline: Iterable[tuple[float, float]], depth: float, bevel: float = 0.0) -> bpy.types.Mesh:
    """An outline in x and z (counter-clockwise), extruded along y by depth, centred."""
    shape = bmesh.new()
    face = shape.faces.new([shape.verts.new((x, -depth / 2, z)) for x, z in outline])
    moved = bmesh.ops.extrude_face_region(shape, geom=[face])["geom"]
    bmesh.ops.translate(shape, verts=[v for v in moved if isinstance(v, bmesh.types.BMVert)], vec=(0, depth, 0))
    _bevel(shape, bevel)
    return finished(shape, "Prism", 30)


def tube(points: list[Point], radius: float | list[float], sides: int = 12) -> bpy.types.Mesh:
    """A round tube along points, of one radius or one per point."""
    radii = radius if isinstance(radius, list) else [radius] * len(points)
    path = [Vector(p) for p in points]
    shape = bmesh.new()
    rings = []
    for index, point in enumerate(path):
        ahead = path[min(index + 1, len(path) - 1)] - path[max(index - 1, 0)]
        turn = ahead.to_track_quat("Z", "Y")
        angles = [2 * math.pi * k / sides for k in range(sides)]
        rings.append([shape.verts.new(point + turn @ (Vector((math.cos(a), math.sin(a), 0)) * radii[index])) for a in angles])
    for lower, upper in zip(rings, rings[1:], strict=False):
        for k in range(sides):
            shape.faces.new([lower[k], lower[(k + 1) % sides], upper[(k + 1) % sides], upper[k]])
    shape.faces.new(rings[0][::-1])
    shape.faces.new(rings[-1])
    return finished(shape, "Tube", 50)


def arc(radius: float, start: float = 0.0, end: float = 180.0, steps: int = 16) -> list[tuple[float, float]]:
    """Points on a circle, degrees counter-clockwise from +x."""
    angles = [math.radians(start + (end - start) * k / steps) for k in range(steps + 1)]
    return [(radius * math.cos(a), radius * math.sin(a)) for a in angles]


def terrain(
    size_x: float, size_y: float, height: Callable[[float, float], float], cells: int = 120, smooth: float = 60
) -> bpy.types.Mesh:
    """A field around the origin, z = height(x, y), with `cells` squares along its longer side."""
    step = max(size_x, size_y) / cells
    nx, ny = max(round(size_x / step), 1), max(round(size_y / step), 1)
    shape = bmesh.new()
    xs = [size_x * (i / nx - 0.5) for i in range(nx + 1)]
    ys = [size_y * (j / ny - 0.5) for j in range(ny + 1)]
    grid = [[shape.verts.new((x, y, height(x, y))) for x in xs] for y in ys]
    for j in range(ny):
        for i in range(nx):
            shape.faces.new([grid[j][i], grid[j][i + 1], grid[j + 1][i + 1], grid[j + 1][i]])
    return finished(shape, "Terrain", smooth)


def fractal(x: float, y: float, seed: float, octaves: int = 5) -> float:
    """Smooth fractal noise, about -1 to 1."""
    return noise.fractal((x, y, seed), 1.0, 2.0, octaves)


def rock(random: Random, radius: float, rough: float = 0.35, level: int = 4, smooth: float = 35) -> bpy.types.Mesh:
    """A boulder around its origin."""
    shape = bmesh.new()
    bmesh.ops.create_icosphere(shape, subdivisions=level, radius=1.0)
    shift = Vector([random.uniform(-50, 50) for _ in range(3)])
    stretch = Vector([random.uniform(0.75, 1.25), random.uniform(0.75, 1.25), random.uniform(0.6, 0.9)])
    for vert in shape.verts:
        swell = 1 + rough * noise.fractal(vert.co * 1.1 + shift, 0.9, 2.1, 4) + rough * noise.cell(vert.co * 1.7 + shift) * 0.5
        vert.co = vert.co * stretch * (radius * swell)
    return finished(shape, "Rock", smooth)


def text(words: str, size: float, depth: float = 0.05) -> bpy.types.Mesh:
    """Extruded letters that stand upright in the xz plane, centred on x, readable from -y."""
    curve = bpy.data.curves.new("Text", "FONT")
    curve.body, curve.size, curve.extrude, curve.bevel_depth = words, size, depth / 2, size * 0.01
    curve.align_x = "CENTER"
    holder = bpy.data.objects.new("Text", curve)
    mesh = bpy.data.meshes.new_from_object(holder)
    mesh.transform(Matrix.Rotation(math.pi / 2, 4, "X"))
    bpy.data.objects.remove(holder)
    bpy.data.curves.remove(curve)
    return mesh


def merged(mesh: bpy.types.Mesh, places: list[Matrix], name: str = "Scatter") -> bpy.types.Mesh:
    """One mesh of a copy of `mesh` at each place: a thousand blades of grass as one object."""
    points, corners = np.empty(len(mesh.vertices) * 3, np.float32), np.empty(len(mesh.loops), np.int32)
    starts, uv = np.empty(len(mesh.polygons), np.int32), np.empty(len(mesh.loops) * 2, np.float32)
    mesh.vertices.foreach_get("co", points)
    mesh.loops.foreach_get("vertex_index", corners)
    mesh.polygons.foreach_get("loop_start", starts)
    mesh.uv_layers[0].uv.foreach_get("vector", uv)
    points = np.c_[points.reshape(-1, 3), np.ones(len(mesh.vertices), np.float32)]
    copies = np.array(places, np.float32)
    index = np.arange(len(places), dtype=np.int32)[:, None]
    result = bpy.data.meshes.new(name)
    result.vertices.add(len(points) * len(places))
    result.loops.add(len(corners) * len(places))
    result.polygons.add(len(starts) * len(places))
    result.vertices.foreach_set("co", np.einsum("nij,vj->nvi", copies, points)[..., :3].ravel())
    result.loops.foreach_set("vertex_index", (corners + index * len(points)).ravel())
    result.polygons.foreach_set("loop_start", (starts + index * len(corners)).ravel())
    result.uv_layers.new(name="UVMap").uv.foreach_set("vector", np.tile(uv, len(places)))
    result.update(calc_edges=True)
    if mesh.polygons[0].use_smooth:
        result.shade_smooth()
        result.set_sharp_from_angle(angle=math.radians(50))
    return result


def place(at: Point, turn: tuple[float, float, float] = (0, 0, 0), size: float | Point = 1.0) -> Matrix:
    """The transform of one copy: degrees of turn around x, y, z."""
    from mathutils import Euler

    scale = (size, size, size) if isinstance(size, int | float) else size
    return Matrix.LocRotScale(Vector(at), Euler([math.radians(a) for a in turn]), Vector(scale))


def modified(mesh: bpy.types.Mesh, *modifiers: tuple[str, dict]) -> bpy.types.Mesh:
    """The mesh after Blender's modifiers, given as (type, settings)."""
    holder = bpy.data.objects.new("Modified", mesh)
    for kind, settings in modifiers:
        modifier = holder.modifiers.new(kind, kind)
        for name, value in settings.items():
            setattr(modifier, name, value)
    scene = bpy.context.scene
    scene.collection.objects.link(holder)
    graph = bpy.context.evaluated_depsgraph_get()
    graph.update()
    result = bpy.data.meshes.new_from_object(holder.evaluated_get(graph), depsgraph=graph)
    bpy.data.objects.remove(holder)
    return result
