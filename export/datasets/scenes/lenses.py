"""Random cameras and films: wide and long lenses, orthographic, depth of field, motion blur, few samples, a transparent film."""

import math
from collections import Counter

import bpy
from mathutils import Vector

from .shapes import Point
from .stage import Stage, line

DRAWS = 12
"""Views of a scene that are tried."""
RAYS = 12
"""Rays along each side of a picture that ask what it shows."""
ALONE = 0.85
"""Share of a picture that one thing may fill."""


def film(stage: Stage) -> None:
    """What the renderer makes of the light: samples from a quarter of those configured on, most often denoised, and so on."""
    render, cycles = stage.scene.render, stage.scene.cycles
    cycles.samples = max(1, round(cycles.samples * 2 ** stage.between(-2, 0)))
    cycles.use_denoising = stage.between(0, 1) < 0.75
    # Without a prefilter the denoiser smears what it takes for noise; artists see it every day.
    cycles.denoising_prefilter = stage.pick("FAST", "FAST", "NONE")
    render.use_motion_blur = stage.between(0, 1) < 0.12
    render.film_transparent = stage.between(0, 1) < 0.12


def view(stage: Stage, middle: Point, radius: float, room: float = math.inf) -> None:
    """A camera that looks at what lies within the radius of a point, from near or far, and moves a little.

    room: the farthest it may stand from the middle, as in a room. Drawn again while the picture shows one thing alone.
    """
    for _ in range(DRAWS):
        camera = _camera(stage, middle, radius, room)
        if shows_something(stage, camera):
            return


def _camera(stage: Stage, middle: Point, radius: float, room: float) -> bpy.types.Object:
    width = stage.pick(14, 18, 24, 28, 35, 35, 50, 50, 70, 105, 200)
    share = math.exp(stage.between(math.log(0.45), math.log(1.5)))  # of half the frame's width that the radius fills
    distance = min(max(radius / share * width / 18, 1.15 * radius), room)
    if distance == room:
        width = max(18 * share * room / radius, 12)
    azimuth, height = stage.between(-180, 180), math.radians(stage.pick(0, 1, 1) * stage.between(-4, 50))
    drift = stage.between(-6, 6)

    def eye(t: float) -> Point:
        a = math.radians(azimuth + drift * t)
        return (
            middle[0] + distance * math.sin(a) * math.cos(height),
            middle[1] - distance * math.cos(a) * math.cos(height),
            max(middle[2] + distance * math.sin(height), 0.03),
        )

    aside = [stage.between(-0.25, 0.25) * radius / share for _ in range(3)]
    target = tuple(c + d for c, d in zip(middle, aside, strict=True))
    camera = stage.camera(eye, line(target, tuple(c + 0.02 * radius for c in target)), width)
    lens = camera.data
    lens.clip_start = 0.01 * distance * stage.unit
    if stage.between(0, 1) < 0.2 and room == math.inf:
        lens.type, lens.ortho_scale = "ORTHO", 2 * radius / share * stage.unit
    if stage.between(0, 1) < 0.2:
        lens.dof.use_dof, lens.dof.focus_distance = True, distance * stage.unit
        blur = stage.between(0.005, 0.04)  # diameter of the blurred image of what is far away, as a share of the frame's width
        lens.dof.aperture_fstop = max(width**2 / (36 * blur) / (1000 * distance * stage.unit), 1e-4)
    return camera


def shows_something(stage: Stage, camera: bpy.types.Object) -> bool:
    """Whether nothing stands right before the lens and neither one thing nor emptiness fills nearly all of the picture."""
    stage.scene.frame_set(stage.scene.frame_start)
    graph = bpy.context.evaluated_depsgraph_get()
    corners = camera.data.view_frame(scene=stage.scene)
    right, down = corners[0] - corners[3], corners[2] - corners[3]
    found, nearest = Counter(), math.inf
    for row in range(RAYS):
        for column in range(RAYS):
            on_film = corners[3] + right * ((column + 0.5) / RAYS) + down * ((row + 0.5) / RAYS)
            flat = camera.data.type == "ORTHO"
            start = camera.matrix_world @ (Vector((on_film.x, on_film.y, 0)) if flat else Vector())
            way = camera.matrix_world.to_3x3() @ (Vector((0, 0, -1)) if flat else on_film)
            hit, place, _, _, thing, _ = stage.scene.ray_cast(graph, start, way.normalized())
            found[thing.name if hit else ""] += 1
            nearest = min(nearest, (place - start).length) if hit else nearest
    return found.most_common(1)[0][1] < ALONE * RAYS**2 and nearest > 5 * camera.data.clip_start
