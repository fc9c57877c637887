"""Deep EXR images, many samples in a pixel, made flat (OpenEXR: Interpreting Deep Pixels)."""

import numpy as np

FLAT = ("R", "G", "B", "A", "Z")
"""What a flattened image keeps: ids and the like can't be mixed."""
FAR = 1e10
"""Depth where nothing was hit."""


def flatten(channels: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], bool]:
    """{name: (H, W) objects, the samples of a pixel or None} to {name: (H, W) float32} of those in FLAT, and whether it is exact.

    Colours are premultiplied and laid one over the other from near to far; Z is that of the nearest. Volumes that overlap are
    taken one by one from their fronts, which is not exact. Without A every sample is opaque.
    """
    first = next(iter(channels.values()))
    counts = np.fromiter((0 if samples is None else len(samples) for samples in first.ravel()), np.int64, first.size)
    pixels = np.repeat(np.arange(first.size), counts)
    flat = {name: _joined(objects) for name, objects in channels.items() if name in (*FLAT, "ZBack")}
    depth = flat.get("Z", np.zeros(len(pixels), np.float32))
    order = np.lexsort((depth, pixels))
    flat = {name: values[order] for name, values in flat.items()}
    alpha = np.clip(flat.get("A", np.ones(len(pixels), np.float32)), 0, 1)
    result = {name: np.zeros(first.size, np.float32) for name in FLAT if name in flat}
    seen_through = np.ones(first.size, np.float32)
    starts = np.cumsum(counts) - counts
    for layer in range(counts.max(initial=0)):
        hit = np.flatnonzero(counts > layer)
        samples = starts[hit] + layer
        for name in result.keys() - {"Z"}:
            result[name][hit] += seen_through[hit] * (alpha if name == "A" else flat[name])[samples]
        seen_through[hit] *= 1 - alpha[samples]
    if "Z" in result:
        result["Z"][:] = FAR
        result["Z"][counts > 0] = flat["Z"][starts[counts > 0]]
    return {name: plane.reshape(first.shape) for name, plane in result.items()}, not _overlap(flat, pixels)


def _joined(objects: np.ndarray) -> np.ndarray:
    samples = [np.asarray(s, np.float32) for s in objects.ravel() if s is not None]
    return np.concatenate(samples) if samples else np.zeros(0, np.float32)


def _overlap(flat: dict[str, np.ndarray], pixels: np.ndarray) -> bool:
    """Whether a sample ends behind the begin of the next one in its pixel."""
    if not {"Z", "ZBack"} <= flat.keys():
        return False
    return bool(((flat["ZBack"][:-1] > flat["Z"][1:]) & (pixels[:-1] == pixels[1:])).any())
