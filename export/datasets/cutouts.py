"""Frames of the image alone: perspective pictures cut out of panoramas, as a camera that turns would take them."""

from functools import lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np
from scipy import ndimage

from core.exr import read_exr

STEP = 0.6
"""Degrees that the camera turns from one frame to the next."""


def cutout(file: Path, number: int, seed: int, frame: int, width: int, height: int) -> dict[str, np.ndarray]:
    """The passes {name: (H, W, c) float32} of the frame with that number (from 1) of a cut-out.

    Image linear Rec.709 and opaque; nothing is hit, so that depth is 1e10 and normal, albedo and position are 0, as for a
    photograph; the motion is known. The same arguments give the same frame.
    """
    rng = np.random.default_rng(crc32(f"cutout {number} {seed}".encode()))
    yaw, pitch, angle = rng.uniform(-180, 180), rng.uniform(-20, 25), rng.uniform(35, 95)
    step, exposure = rng.choice([-1, 1]) * STEP, 2 ** rng.uniform(-1.5, 1.0)
    focal = 0.5 * width / np.tan(np.radians(angle) / 2)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    rays = np.stack([(x - (width - 1) / 2) / focal, np.ones_like(x), ((height - 1) / 2 - y) / focal], -1)
    turned = rays @ _turn(yaw + step * (frame - 1), pitch).T
    seen = _looked_up(panorama(file), turned) * exposure
    before, after = (_shown(turned @ _turn(yaw + step * (frame - 1 + way), pitch), focal, width, height) for way in (-1, 1))
    here = np.stack([x, y], -1)
    up = np.array([1, -1], np.float32)  # the pass counts upwards
    empty = np.zeros((height, width, 3), np.float32)
    return {
        "image": np.concatenate([seen, np.ones((height, width, 1))], -1).astype(np.float32),
        "depth": np.full((height, width, 1), 1e10, np.float32),
        "normal": empty,
        "albedo": empty,
        "position": empty,
        "vector": np.concatenate([(before - here) * up, (here - after) * up], -1).astype(np.float32),
    }


@lru_cache(2)
def panorama(file: Path) -> np.ndarray:
    """An equirectangular picture, .exr or .hdr, as (H, W, 3) float32, linear. Raises what read_exr or read_hdr raise."""
    return read_exr(file)["image"][..., :3] if file.suffix.lower() == ".exr" else read_hdr(file)


def read_hdr(file: Path) -> np.ndarray:
    """A picture of Radiance's format (RGBE, run-length encoded by scan line or not) as (H, W, 3) float32, linear."""
    content = file.read_bytes()
    head, _, rest = content.partition(b"\n\n")
    size, _, packed = rest.partition(b"\n")
    words = size.split()
    if not head.startswith(b"#?") or words[0::2] != [b"-Y", b"+X"]:
        raise ValueError(f"{file} is no Radiance picture with its top row first.")
    height, width = int(words[1]), int(words[3])
    codes, at = np.frombuffer(packed, np.uint8), 0
    rgbe = np.empty((height, 4, width), np.uint8)
    for row in rgbe:
        if tuple(codes[at : at + 2]) != (2, 2):
            raise ValueError(f"{file} is packed in an older way; save it again, with Blender for example.")
        at += 4
        for channel in row:
            filled = 0
            while filled < width:
                count, at = int(codes[at]), at + 1
                if count > 128:
                    channel[filled : filled + count - 128], at, count = codes[at], at + 1, count - 128
                else:
                    channel[filled : filled + count], at = codes[at : at + count], at + count
                filled += count
    exponent = rgbe[:, 3].astype(np.int32) - 136
    return (
        np.where(exponent > -136, np.ldexp(rgbe[:, :3].transpose(1, 0, 2).astype(np.float32), exponent), 0)
        .transpose(1, 2, 0)
        .astype(np.float32)
    )


def _turn(yaw: float, pitch: float) -> np.ndarray:
    """The matrix of a camera that looks along y, turned by degrees upwards and then around z."""
    a, b = np.radians(yaw), np.radians(pitch)
    around = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    upward = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return (around @ upward).astype(np.float32)


def _looked_up(picture: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Radiance (H, W, 3) along rays (H, W, 3)."""
    height, width = picture.shape[:2]
    column = (0.5 + np.arctan2(rays[..., 0], rays[..., 1]) / (2 * np.pi)) * width - 0.5
    row = (0.5 - np.arctan2(rays[..., 2], np.hypot(rays[..., 0], rays[..., 1])) / np.pi) * height - 0.5
    return np.stack(
        [ndimage.map_coordinates(c, [row, column], order=1, mode="grid-wrap") for c in np.moveaxis(picture, -1, 0)], -1
    )


def _shown(rays: np.ndarray, focal: float, width: int, height: int) -> np.ndarray:
    """Where rays (H, W, 3) of a camera that looks along y meet the picture: (H, W, 2) pixels, x and y down."""
    x, y, z = np.moveaxis(rays, -1, 0)
    return np.stack([x / y * focal + (width - 1) / 2, (height - 1) / 2 - z / y * focal], -1)
