"""A tiny shot with true motion: a textured wall that the camera pans along, and a disc that moves before it."""

from pathlib import Path

import numpy as np

from core.exr import write_exr

PAN, DISC = 3, 8
"""Pixels to the right from a frame to the next, of the wall and of the disc."""


def write_moving_frames(folder: Path, count: int = 3, height: int = 192, width: int = 208, targets: bool = True) -> Path:
    """Write folder/input and folder/target with frames pan_0001 ... and return the folder."""
    for part in ("input", "target"):
        (folder / part).mkdir(parents=True)
    for number in range(1, count + 1):
        passes = moving_frame(number, height, width)
        write_exr(folder / "input" / f"pan_{number:04d}.exr", passes)
        if targets:
            write_exr(folder / "target" / f"pan_{number:04d}.exr", {"image": paint(passes)})
    return folder


def moving_frame(number: int, height: int, width: int) -> dict[str, np.ndarray]:
    """The passes image, depth, normal and vector, (H, W, c) float32, of a frame."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    along = x - PAN * number  # a place on the wall keeps its number
    wall = 0.3 + 0.2 * np.sin(along / 5) * np.cos(y / 7) + 0.1 * np.sin(along / 2.5 + y / 3)
    rgb = np.stack([wall, 0.8 * wall, 0.5 * wall + 0.1], -1)
    cx, cy, radius = width / 4 + DISC * number, height / 2, height / 6
    disc = (y - cy) ** 2 + (x - cx) ** 2 < radius**2
    rgb = np.where(disc[..., None], np.stack([0.9 - y / height, 0 * x + 0.2, y / height], -1), rgb)
    speed = np.where(disc, DISC, PAN)
    vector = np.stack([-speed, 0 * x, -speed, 0 * x], -1)
    passes = {"image": np.concatenate([rgb, np.ones_like(rgb[..., :1])], -1), "vector": vector}
    passes["depth"] = np.where(disc, 5, 20)[..., None]
    passes["normal"] = np.where(disc[..., None], (0, 0, 1), (0, -1, 0))
    return {name: array.astype(np.float32) for name, array in passes.items()}


def paint(passes: dict[str, np.ndarray]) -> np.ndarray:
    """A look: colours swapped, tones in steps, a dark line around the disc; (H, W, 3)."""
    depth = passes["depth"][..., 0]
    line = (np.abs(np.diff(depth, axis=0, append=depth[-1:])) + np.abs(np.diff(depth, axis=1, append=depth[:, -1:]))) > 1
    flat = np.round(passes["image"][..., 2::-1] * 6) / 6
    return np.where(line[..., None], 0.01, flat).astype(np.float32)
