"""A scene of spheres on a floor before a sky, computed instead of rendered: all passes, exact, at any size and place."""

import numpy as np

SPHERES = (((0.0, -0.3, -3.0), 0.7), ((-1.0, 0.4, -4.0), 0.6), ((1.2, 0.1, -5.0), 1.0))
"""Centre, seen from the camera, which looks along -z, and radius."""
COLOURS = ((0.8, 0.25, 0.15), (0.2, 0.5, 0.7), (0.7, 0.6, 0.2))
FLOOR, FURTHEST = -1.0, 60.0
"""Height of the floor and how far away it ends, in metres."""
LIGHT = np.array((0.48, 0.64, 0.6))
SKY = 1e10
"""The depth where nothing is."""


def spheres(
    height: int, width: int, factor: float = 1.0, shift: float | tuple[float, float, float] = 0.0
) -> dict[str, np.ndarray]:
    """{pass: (H, W, c) float32} of the scene and its camera, made `factor` times as large, then moved by `shift`."""
    y, x = np.mgrid[:height, :width]
    side = max(height, width)
    ray = np.stack([(x - width / 2 + 0.5) / side, (height / 2 - 0.5 - y) / side, -np.ones((height, width))], axis=-1)
    with np.errstate(divide="ignore"):
        depth = np.where(ray[..., 1] < 0, FLOOR / ray[..., 1], np.inf)
    depth[depth > FURTHEST] = np.inf
    normal = np.where(np.isfinite(depth)[..., None], (0.0, 1.0, 0.0), 0.0)
    albedo = np.where(np.isfinite(depth)[..., None], 0.5, np.zeros(3))
    for (centre, radius), colour in zip(SPHERES, COLOURS, strict=True):
        length = (ray**2).sum(-1)
        middle = ray @ np.array(centre) / length
        root = middle**2 - (np.dot(centre, centre) - radius**2) / length
        near = np.where(root > 0, middle - np.sqrt(np.maximum(root, 0)), np.inf)
        hit = near < depth
        depth[hit] = near[hit]
        normal[hit] = (ray[hit] * near[hit, None] - centre) / radius
        albedo[hit] = colour
    known = np.isfinite(depth)[..., None]
    position = np.where(known, ray * np.where(known, depth[..., None], 0) * factor + np.asarray(shift, float), 0)
    lit = albedo * (0.15 + np.maximum(normal @ LIGHT, 0)[..., None])
    image = np.where(known, lit, np.array((0.35, 0.5, 0.8)) * (1 - 0.4 * y / height)[..., None])
    passes = {
        "image": np.concatenate([image, np.ones((height, width, 1))], axis=-1),
        "depth": np.where(known, depth[..., None] * factor, SKY),
        "normal": normal,
        "albedo": albedo,
        "position": position,
    }
    return {name: array.astype(np.float32) for name, array in passes.items()}
