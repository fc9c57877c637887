"""A curve as an icon, since a panel can draw no lines: losses over time, on a logarithmic scale."""

from collections.abc import Sequence

import numpy as np

from . import icons

WIDTH, HEIGHT = 256, 128
LINE = np.array([0.35, 0.65, 1.0, 1.0], np.float32)
GROUND = np.array([0.1, 0.1, 0.1, 0.6], np.float32)
SMOOTH = 9
"""Points that the bold line is the mean over: single steps differ by much."""
_drawn: dict[str, tuple[int, float]] = {}


def icon(name: str, values: Sequence[float]) -> int:
    """Number of an icon that shows the values; 0 with fewer than two, and in background, where Blender has no icons."""
    previews = icons.previews()
    if previews is None or len(values) < 2:
        return 0
    version = len(values), values[-1]
    if name not in previews or _drawn.get(name) != version:
        preview = previews[name] if name in previews else previews.new(name)
        preview.image_size = WIDTH, HEIGHT
        preview.image_pixels_float.foreach_set(picture(values).ravel())
        _drawn[name] = version
    return previews[name].icon_id


def picture(values: Sequence[float]) -> np.ndarray:
    """(HEIGHT, WIDTH, 4) float32, bottom row first: the values pale, their running mean bold."""
    heights = np.log(np.maximum(np.asarray(values, np.float32), 1e-6))
    low, high = heights.min(), heights.max()
    heights = (heights - low) / max(high - low, 1e-6)
    kernel = np.ones(min(SMOOTH, len(heights)), np.float32)
    mean = np.convolve(heights, kernel, "same") / np.convolve(np.ones_like(heights), kernel, "same")
    pixels = np.tile(GROUND, (HEIGHT, WIDTH, 1))
    for line, share, thick in ((heights, 0.3, 1), (mean, 1.0, 2)):
        places = np.interp(np.linspace(0, 1, WIDTH), np.linspace(0, 1, len(line)), line)
        rows = np.round(places * (HEIGHT - 5)).astype(int) + 2
        for x in range(WIDTH):
            low, high = sorted((rows[x], rows[max(0, x - 1)]))
            part = pixels[low : high + thick, x]
            part += share * (LINE - part)
    return pixels
