"""Guide passes from what a viewport has: its colours, its depth buffer and the view's matrices. Arithmetic alone, without bpy.

A plane's depth values change linearly across the screen, in perspective too, because they are linear in 1 / distance (Blinn,
"Hyperbolic Interpolation", 1992). So the slopes of the depth buffer give the planes, and with them the normals.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

NOTHING = 1e10
"""Depth where nothing was hit, as Blender's own pass has it."""
CREASE = 0.35
"""Slope, as a tangent against the screen, by which two neighbours may differ and count as one surface."""
REACHES = (1, 2, 4)
"""Pixels between the neighbours that are averaged, one pass after the other (Dammertz et al. 2010, edge-avoiding a-trous)."""
DEPTH_STEP = 2.0**-23
"""Twice the spacing of float32 depth values just below 1."""
NOTES = {
    "normal": "normals come from depth",
    "albedo": "shaded colours stand in for the albedo",
    "vector": "there is no motion",
}
"""What a viewport can't give truly, by pass."""
WHOLE = ("shadow", "ambient_occlusion")
"""Shares of light, which are 1 where nothing is known."""
CHANNELS = {"depth": 1, "normal": 3, "position": 3, "albedo": 3, "vector": 4}
"""Of the passes that passes() gives besides the image."""
HALO = 2 + 1 + sum(REACHES)
"""Rows above and below that a row of the guides hangs on: by lines taken out, slopes and their means."""
BAND = 96
"""Rows that are worked on at once: few enough that they stay in the processor's cache."""
FROM_DEPTH = ("depth", "normal", "position")
KNOWN = ("image", *CHANNELS)


def notes(needed: tuple[str, ...], has_depth: bool, has_albedo: bool = False) -> tuple[str, ...]:
    """What a style that needs these passes is not given truly. Cycles leaves depth in a viewport only for overlays."""
    lacking = () if has_depth or not set(needed) & set(FROM_DEPTH) else ("there is no depth: switch overlays on",)
    unknown = tuple(f"there is no {name.replace('_', ' ')}" for name in needed if name not in KNOWN)
    return (*lacking, *(NOTES[name] for name in needed if name in NOTES and not (has_albedo and name == "albedo")), *unknown)


def neutral(channels: Mapping[str, int], size: tuple[int, ...]) -> dict[str, np.ndarray]:
    """What stands for passes of light and guides of a style's own, which no viewport has: none of it, but of WHOLE all."""
    absent = {name: count for name, count in channels.items() if name not in KNOWN}
    return {name: np.full((*size, count), float(name in WHOLE), np.float32) for name, count in absent.items()}


def passes(
    colours: np.ndarray,
    depth: np.ndarray,
    view: np.ndarray,
    projection: np.ndarray,
    step: int,
    needed: tuple[str, ...],
    lines: bool = False,
    flat: np.ndarray | None = None,
    each: Callable[[Callable[[slice], None], Iterable[slice]], Iterable] = map,
) -> dict[str, np.ndarray]:
    """The passes that a style needs, at 1 / step of the size: {pass name: (h, w, c) float32}, top row first, as core takes them.

    colours: (H, W, 4) scene-linear, premultiplied; depth: (H, W) in [0, 1], 1 where nothing was hit; both bottom row first.
    view, projection: (4, 4), world to camera and camera to clip space of just these pixels.
    lines: whether thin lines lie over the depth: Blender's overlays leave theirs there.
    flat: colours of the same view without light, from which the albedo is taken.
    each: calls a function with each band of rows; map, or one that uses several threads.
    """
    own = None if flat is None else shrink(flat, depth, step)[0]
    colours, depth = shrink(colours, depth, step)
    height, width = depth.shape
    guides = {name: np.empty((height, width, CHANNELS[name]), np.float32) for name in needed if name in CHANNELS}

    def fill(rows: slice) -> None:
        around = slice(max(0, rows.start - HALO), min(height, rows.stop + HALO))
        band = without_lines(depth[around]) if lines else depth[around]
        band = np.where(colours[around, :, 3] > 0, band, np.float32(1))
        part = crop(projection, (0, height - around.stop, width, around.stop - around.start), (width, height))
        for name, guide in guides.items():
            made = _guide(name, band, view, part, (colours if own is None else own)[around])
            guide[rows] = made[rows.start - around.start : rows.stop - around.start]

    if guides:
        list(each(fill, [slice(top, min(top + BAND, height)) for top in range(0, height, BAND)]))
    return {"image": colours} | guides


def _guide(name: str, depth: np.ndarray, view: np.ndarray, projection: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """One of CHANNELS; all arrays top row first."""
    if name == "depth":
        return linear_depth(depth, projection)
    if name == "position":
        return position(depth, projection @ view)
    if name == "normal":
        return normals(depth, view, projection)
    return flat_colour(flat) if name == "albedo" else np.zeros((*depth.shape, CHANNELS[name]), np.float32)


def shrink(colours: np.ndarray, depth: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of step x step colours, and one depth of each, since a mean of depths lies on no surface; turned top row first."""
    height, width = (max(1, side // step) for side in depth.shape)
    colours, depth = colours[::-1], depth[::-1]
    if step == 1:
        return np.ascontiguousarray(colours), np.ascontiguousarray(depth)
    step = min(step, *depth.shape)
    corners = [colours[y : y + height * step : step, x : x + width * step : step] for y in range(step) for x in range(step)]
    mean = corners[0].astype(np.float32)
    for corner in corners[1:]:
        mean += corner
    mean /= step * step
    centre = (
        slice(step // 2, step // 2 + (height - 1) * step + 1, step),
        slice(step // 2, step // 2 + (width - 1) * step + 1, step),
    )
    return mean, np.ascontiguousarray(depth[centre])


def without_lines(depth: np.ndarray) -> np.ndarray:
    """(H, W) depth without what is nearer than its surroundings and at most two pixels thin (a grey-scale closing)."""
    for choose in (np.maximum, np.minimum):
        for axis in range(2):
            framed = _framed(depth, axis)
            parts = [np.take(framed, range(start, start + depth.shape[axis]), axis) for start in range(3)]
            depth = choose(choose(parts[0], parts[1]), parts[2])
    return depth


def crop(projection: np.ndarray, part: tuple[float, float, float, float], size: tuple[int, int]) -> np.ndarray:
    """The projection of a part (x, y, width, height) of a view of so many (width, height) pixels, counted from below."""
    (x, y, width, height), (whole_width, whole_height) = part, size
    zoom = np.eye(4)
    zoom[0, 0], zoom[1, 1] = whole_width / width, whole_height / height
    zoom[0, 3] = zoom[0, 0] - 1 - 2 * x / width
    zoom[1, 3] = zoom[1, 1] - 1 - 2 * y / height
    return zoom @ projection


def linear_depth(depth: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """(H, W) depth buffer to (H, W, 1) distances along the view direction, in scene units; NOTHING where it is 1."""
    z, w = _from_far_plane(np.linalg.inv(projection)[2:])
    far = 1 - depth
    distance = -(z[2] * far + z[3]) / (w[2] * far + w[3])
    return np.where(depth < 1, distance, np.float32(NOTHING))[..., None]


def position(depth: np.ndarray, to_clip: np.ndarray) -> np.ndarray:
    """(H, W) depth buffer, top row first, to (H, W, 3) points in world space; 0 where nothing was hit."""
    x, y = _clip_coordinates(*depth.shape)
    far, hit = 1 - depth, depth < 1
    *axes, w = (row[2] * far + (row[0] * x + (row[1] * y + row[3])) for row in _from_far_plane(np.linalg.inv(to_clip)))
    return np.stack([np.where(hit, axis / w, np.float32(0)) for axis in axes], axis=-1)


def _from_far_plane(inverse: np.ndarray) -> np.ndarray:
    """Rows of a matrix from clip space, as float32, for 1 - depth in place of the clip coordinate 2 * depth - 1.

    Distances hang on the last digits of depths near 1; the difference to 1 has them all, which float32 then keeps.
    """
    rows = inverse.copy()
    rows[:, 2], rows[:, 3] = -2 * inverse[:, 2], inverse[:, 2] + inverse[:, 3]
    return rows.astype(np.float32)


def normals(depth: np.ndarray, view: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """(H, W) depth buffer, top row first, to (H, W, 3) unit normals in world space that face the viewer; 0 where nothing was hit.

    Smoothed within a surface, which evens out the depth buffer's steps, and never across its edges and creases.
    """
    height, width = depth.shape
    clip, hit = 2 * depth - 1, depth < 1
    # The slope of a surface that is inclined by 45 degrees: what a tangent of 1 is in depth values per pixel.
    unit = np.abs(clip * np.float32(projection[3, 2]) - np.float32(projection[2, 2])) / np.float32(abs(projection[0, 0]) * width)
    tolerance = np.float32(CREASE) * np.maximum(unit, np.float32(DEPTH_STEP / 8))
    (right, bend), (down, other_bend) = _slope(depth, 1), _slope(depth, 0)
    sure = ((np.maximum(bend, other_bend) <= tolerance + np.float32(DEPTH_STEP)) & hit).astype(np.float32)
    for reach in REACHES:
        right, down, sure = _smooth(depth, right, down, sure, tolerance, reach)
    x, y = _clip_coordinates(height, width)
    a, b = right * width, down * -height
    planes = np.stack([a, b, np.full_like(depth, -1), clip - a * x - b * y]).reshape(4, -1)
    normal = (projection @ view).astype(np.float32)[:, :3].T @ planes
    normal *= hit.ravel() / np.maximum(np.sqrt(np.einsum("ij,ij->j", normal, normal)), np.float32(1e-30))
    return normal.T.reshape(height, width, 3)


def flat_colour(colours: np.ndarray) -> np.ndarray:
    """(H, W, 4) premultiplied to (H, W, 3), at most 1: the reflectance of a view without light."""
    alpha = colours[..., 3:]
    return np.clip(colours[..., :3] / np.where(alpha > 0, alpha, 1), 0, 1)


def anchor(depth: np.ndarray, to_clip: np.ndarray) -> np.ndarray:
    """(3,): the point in the middle of the view at the median depth of what it shows, or of all if it shows nothing."""
    seen = depth[depth < 1]
    middle = np.linalg.inv(to_clip) @ [0, 0, 2 * float(np.median(seen)) - 1 if seen.size else 0.9, 1]
    return middle[:3] / middle[3]


def homography(before: np.ndarray, now: np.ndarray, point: np.ndarray) -> np.ndarray:
    """(3, 3): from clip coordinates (x, y, 1) now to those before of the same point on a plane, which faces the viewer.

    before, now: (4, 4), world to clip space. point: (3,), on the plane. It tells where a picture made before belongs now.
    """
    inverse = np.linalg.inv(now)
    centre = now @ [*point, 1.0]
    corners = [inverse @ [x * centre[3], y * centre[3], centre[2], centre[3]] for x, y in ((1, 0), (0, 1), (0, 0))]
    corners[0], corners[1] = corners[0] - corners[2], corners[1] - corners[2]
    plane = np.stack(corners, axis=1)
    return (before @ plane)[[0, 1, 3]] @ np.linalg.inv((now @ plane)[[0, 1, 3]])


def _clip_coordinates(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """x of the columns (1, W) and y of the rows (H, 1) in [-1, 1], at the pixels' centres, top row first."""
    x = (2 * np.arange(width, dtype=np.float32) + 1) / width - 1
    y = 1 - (2 * np.arange(height, dtype=np.float32) + 1) / height
    return x[None], y[:, None]


def _framed(depth: np.ndarray, axis: int) -> np.ndarray:
    """One pixel more at both ends of an axis."""
    return np.pad(depth, [(1, 1) if along == axis else (0, 0) for along in range(2)], mode="edge")


def _slope(depth: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """(differences to the next pixel along an axis, how much they differ from those to the one before).

    Of both sides the flatter is taken, since the other may reach over an edge.
    """
    step = np.diff(_framed(depth, axis), axis=axis)  # 0 at the borders, where one side is missing
    before, after = (step[:-1], step[1:]) if axis == 0 else (step[:, :-1], step[:, 1:])
    return np.where(np.abs(before) < np.abs(after), before, after), np.abs(after - before)


def _smooth(
    depth: np.ndarray, right: np.ndarray, down: np.ndarray, sure: np.ndarray, tolerance: np.ndarray, reach: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Average the slopes with those of the neighbours, at a distance, on whose plane a pixel lies.

    sure: 1 where the slopes are those of a surface, 0 beside an edge; such a pixel takes the slopes of its neighbours alone.
    The slopes are changed in place.
    """
    allowed = np.float32(reach) * tolerance + np.float32(DEPTH_STEP)
    for axis in (1, 0):
        weighed = sure, right * sure, down * sure
        sums = [part.copy() for part in weighed]
        rise = np.float32(reach) * (right if axis == 1 else down)
        for sign, plane in ((-1, depth + rise), (1, depth - rise)):
            here, there = _shifted(axis, sign * min(reach, depth.shape[axis]))
            near = (np.abs(plane[there] - depth[here]) <= allowed[here]).astype(np.float32)
            for sum_, part in zip(sums, weighed, strict=True):
                sum_[here] += near * part[there]
        found = sums[0] > 0
        right, down = (np.divide(s, sums[0], out=slope, where=found) for s, slope in zip(sums[1:], (right, down), strict=True))
        sure = found.astype(np.float32)
    return right, down, sure


def _shifted(axis: int, offset: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The pixels that have a neighbour at an offset along an axis, and these neighbours."""
    inner, outer = (slice(None, -offset), slice(offset, None)) if offset > 0 else (slice(-offset, None), slice(None, offset))
    whole = slice(None)
    return ((whole, inner), (whole, outer)) if axis == 1 else ((inner, whole), (outer, whole))
