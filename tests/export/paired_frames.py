"""A small paired data set for the trainer's tests: shaded discs before a gradient, and the same picture inverted and banded."""

from pathlib import Path

import numpy as np

from core.exr import write_exr


def write_paired_frames(folder: Path, count: int = 4, height: int = 72, width: int = 104) -> Path:
    """Write folder/input and folder/target with frames shot_0001 ... and return the folder."""
    for part in ("input", "target"):
        (folder / part).mkdir(parents=True)
    for number in range(1, count + 1):
        passes, target = pair(number, height, width)
        write_exr(folder / "input" / f"shot_{number:04d}.exr", passes)
        write_exr(folder / "target" / f"shot_{number:04d}.exr", {"image": target})
    return folder


def pair(number: int, height: int, width: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """({pass: (H, W, c)}, target (H, W, 3)) of one frame, scene-linear, with radiance above 1."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    rgb = np.stack([y / height, x / width, np.full_like(x, 0.3)], -1)
    depth, normal = np.full((height, width, 1), 1e10, np.float32), np.zeros((height, width, 3), np.float32)
    for _ in range(5):
        cy, cx, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(8, 24)
        inside = np.maximum(1 - ((y - cy) ** 2 + (x - cx) ** 2) / radius**2, 0)
        rgb = np.where(inside[..., None] > 0, inside[..., None] * rng.uniform(0, 3, 3), rgb)
        depth[inside > 0], normal[inside > 0] = 5 - inside[inside > 0][:, None], (0, 0, 1)
    image = np.concatenate([rgb, np.ones((height, width, 1))], -1).astype(np.float32)
    position = np.stack([x / 8, y / 8, np.minimum(depth[..., 0], 9)], -1).astype(np.float32)
    vector = np.broadcast_to(np.float32([1.0, 0.0, 1.0, 0.0]), (height, width, 4))
    target = 0.2 / (0.2 + rgb) + 0.1 * (y // 4 % 2)[..., None]
    passes = {"image": image, "depth": depth, "normal": normal, "position": position, "vector": vector}
    return passes, target.astype(np.float32)
