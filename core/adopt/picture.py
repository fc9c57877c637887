"""The picture that models are tried on: a still life in scene-linear light, with a sun, a lamp, skin, foliage and a grey ramp."""

import numpy as np

from ..colour import decode_srgb

SUN = np.array([0.45, 0.65, -0.61], np.float32)
"""Direction to the sun: right, up, away from the camera is negative."""
SUN_RADIANCE = 60.0
LAMP_RADIANCE = 50.0
SPHERES = (
    # x, y and distance of the centre, radius, red, green, blue, stripes per unit
    (-1.5, -0.25, 5.0, 0.75, 0.70, 0.08, 0.06, 0),
    (0.15, -0.35, 4.2, 0.65, 0.75, 0.46, 0.34, 0),
    (1.55, -0.1, 5.2, 0.90, 0.08, 0.22, 0.60, 6),
    (-0.55, -0.75, 3.2, 0.25, 0.85, 0.65, 0.08, 0),
    (2.6, 0.5, 8.0, 1.50, 0.10, 0.30, 0.05, 9),
)
FLOOR = -1.0
PATCHES = np.array(
    [(0.8, 0.1, 0.1), (0.1, 0.6, 0.1), (0.1, 0.2, 0.8), (0.9, 0.8, 0.1), (0.8, 0.6, 0.5), (0.5, 0.5, 0.5)], np.float32
)
"""Display colours under the picture, beside the ramp."""


def still_life(height: int, width: int) -> np.ndarray:
    """(height, width, 4) float32, scene-linear Rec.709 with an alpha of 1; radiance from 0 to SUN_RADIANCE."""
    strip = max(height // 10, 1)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    rays = np.stack([(x - width / 2) / height * 1.3, (height * 0.42 - y) / height * 1.3, -np.ones_like(x)], -1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    colour = _sky(rays)
    depth = np.full((height, width), np.inf, np.float32)
    _draw_floor(rays, colour, depth)
    for sphere in SPHERES:
        _draw_sphere(rays, colour, depth, sphere)
    lamp = ((x - 0.13 * width) ** 2 + (y - 0.2 * height) ** 2) < (0.035 * height) ** 2
    colour[lamp] = LAMP_RADIANCE * np.array([1, 0.8, 0.5], np.float32)
    ramp = np.repeat(np.linspace(0, 1, width // 2, dtype=np.float32)[:, None], 3, 1)
    patches = PATCHES[np.arange(width - width // 2) * len(PATCHES) // (width - width // 2)]
    colour[height - strip :] = decode_srgb(np.concatenate([ramp, patches]))
    return np.concatenate([colour, np.ones((height, width, 1), np.float32)], -1).astype(np.float32)


def _sky(rays: np.ndarray) -> np.ndarray:
    up = np.clip(rays[..., 1:2] * 2, 0, 1)
    clouds = np.clip(np.sin(9 * rays[..., :1] + 3 * np.sin(14 * rays[..., 1:2])) - 0.4, 0, 1)
    colour = np.array([0.75, 0.85, 1.0], np.float32) * (1 - up) + np.array([0.12, 0.3, 0.8], np.float32) * up + clouds * 0.7
    towards = (rays * SUN / np.linalg.norm(SUN)).sum(-1, keepdims=True)
    return np.where(towards > 0.9985, SUN_RADIANCE, colour + np.maximum(towards, 0) ** 200 * 3)


def _light(points: np.ndarray, normals: np.ndarray, albedo: np.ndarray) -> np.ndarray:
    direct = np.maximum((normals * np.array([0.55, 0.7, 0.45], np.float32)).sum(-1, keepdims=True), 0)
    grain = 1 + 0.12 * np.sin(37 * points[..., :1]) * np.sin(31 * points[..., 1:2] + 23 * points[..., 2:])
    return albedo * grain * (0.18 + 0.9 * direct)


def _draw_floor(rays: np.ndarray, colour: np.ndarray, depth: np.ndarray) -> None:
    seen = rays[..., 1] < -1e-3
    distance = np.where(seen, FLOOR / np.minimum(rays[..., 1], -1e-3), np.inf).astype(np.float32)
    seen &= distance < 60
    points = rays[seen] * distance[seen][:, None]
    tiles = (np.floor(points[:, 0]) + np.floor(points[:, 2])) % 2
    albedo = np.where(tiles[:, None] > 0, np.array([0.55, 0.5, 0.42], np.float32), np.array([0.2, 0.16, 0.13], np.float32))
    for x, _, z, radius, *_ in SPHERES:  # soft shadows
        near = ((points[:, 0] - x + 0.6) ** 2 + (points[:, 2] + z - 0.4) ** 2) / radius**2
        albedo = albedo * (1 - 0.7 * np.exp(-near))[:, None]
    colour[seen] = _light(points, np.broadcast_to(np.array([0, 1, 0], np.float32), points.shape), albedo)
    depth[seen] = distance[seen]


def _draw_sphere(rays: np.ndarray, colour: np.ndarray, depth: np.ndarray, sphere: tuple) -> None:
    centre, radius = np.array([sphere[0], sphere[1], -sphere[2]], np.float32), sphere[3]
    along = (rays * centre).sum(-1)
    inside = along**2 - (centre**2).sum() + radius**2
    distance = along - np.sqrt(np.maximum(inside, 0))
    seen = (inside > 0) & (distance < depth)
    points = rays[seen] * distance[seen][:, None]
    normals = (points - centre) / radius
    albedo = np.array(sphere[4:7], np.float32) * np.ones_like(points)
    if sphere[7]:
        albedo = np.where(np.sin(sphere[7] * points[:, 1:2]) > 0, albedo, 0.25 + 0.75 * albedo)
    shine = np.maximum((normals * np.array([0.35, 0.6, 0.72], np.float32)).sum(-1, keepdims=True), 0) ** 60
    colour[seen], depth[seen] = _light(points, normals, albedo) + 2 * shine, distance[seen]
