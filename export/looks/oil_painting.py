"""Oil painting: curved strokes of two brushes that grow on surfaces and follow form, under a light that rakes the relief."""

import numpy as np
from scipy import ndimage

from .anchored import surface_noise
from .tones import LUMA, decode, encode, flatten, log_depth, smoothstep

BRUSHES = ((28, 8.0, (0,), 0.0), (15, 4.0, (2,), 0.012))
"""Of each brush: half length and width of its stroke (pixels), its turns of the noise (eighths), detail it is taken for."""
LIGHT = np.array([-0.8, -0.6], np.float32)
"""Where the light comes from that rakes the paint, (y, x): up and left."""


def oil_painting(passes: dict[str, np.ndarray]) -> np.ndarray:
    """Strokes painted one by one, coarse to fine: (H, W, 3) linear Rec.709, >= 0.

    Strokes start at the crests of noise that sticks to surfaces, as particles do (Meier 1996), and are painted by ever smaller
    brushes where the picture has detail (Hertzmann 1998). They bend along the form: across the structure tensor of tone and
    normals (Kyprianidis and Kang 2011; Hays and Essa 2004). Each leaves bristle marks that a raking light brings out
    (Hertzmann 2002). Radiance above 1 keeps its value.
    """
    rgb = np.maximum(passes["image"][..., :3], 0)
    noise = ndimage.gaussian_filter(surface_noise(passes["position"], 2), (1.5, 1.5, 0))
    flat = flatten(encode(rgb), passes["normal"], passes["albedo"], passes["depth"], radius=4)
    tone = (flat * LUMA).sum(-1)
    far = log_depth(passes["depth"])
    form = np.concatenate([flat / 0.1, passes["normal"] / 0.8, far / 0.15], axis=-1).astype(np.float32)
    angle = directions(np.minimum(tone, 1.3), passes["normal"], noise)
    canvas = np.concatenate([sweeps(palette(flat, tone)), np.zeros_like(far)], axis=-1).astype(np.float32)
    detail = np.abs(np.minimum(flat, 1.2) - ndimage.gaussian_filter(np.minimum(flat, 1.2), (6, 6, 0))).mean(-1)
    detail = ndimage.gaussian_filter(detail, 5)
    # Each stroke is mixed anew: its colour leans to warm or cool, light or dark, with the noise.
    mixed = noise[..., :1] * np.array([0.06, 0.015, -0.06], np.float32) + 0.06 * noise[..., 1:]
    colours = palette(flat, tone)
    colours = colours + mixed * np.minimum(1, colours.clip(0) / 0.3)
    for length, width, turns, fine in BRUSHES:
        taken = smoothstep(0.5 * fine - 1e-6, fine, detail) if fine else np.ones_like(detail)
        for turn in turns:
            wave = np.cos(turn * np.pi / 4) * noise[..., 0] + np.sin(turn * np.pi / 4) * noise[..., 1]
            for place, load in crests(wave, taken):
                stroke(canvas, form, colours, angle, place, load, length, width)
    paint, relief = canvas[..., :3], canvas[..., 3]
    raked = sum(part * ndimage.gaussian_filter1d(relief, 0.8, axis=axis, order=1) for axis, part in enumerate(LIGHT))
    paint = paint * (1 + 0.08 * np.tanh(raked))[..., None]
    light = smoothstep(1.1, 1.4, tone)[..., None]
    return decode(paint + (flat - paint) * light).astype(np.float32)


def palette(flat: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Encoded colours as mixed on the palette: richer, warm where light and cool where dark, with more contrast."""
    low = (1 - smoothstep(0.2, 0.75, tone))[..., None]
    high = (smoothstep(0.55, 0.95, tone) * (1 - smoothstep(1.0, 1.3, tone)))[..., None]
    value = tone + 0.05 * np.sin(2 * np.pi * (np.clip(tone, 0.2, 1) - 0.6) / 0.8)
    cool, warm = np.array([-0.03, -0.01, 0.06], np.float32), np.array([0.02, 0.01, -0.025], np.float32)
    rich = 1.35 - 0.35 * smoothstep(1.0, 1.3, flat.max(-1))[..., None]
    return value[..., None] + rich * (flat - tone[..., None]) + cool * low * np.minimum(1, tone / 0.1)[..., None] + warm * high


def sweeps(colours: np.ndarray) -> np.ndarray:
    """Broken colour in broad sweeps along lines of equal tone, for where strokes find no surface: skies."""
    phase = 2 * np.pi * (colours / 0.045 + np.array([0, 0.33, 0.67], np.float32))
    return colours + 0.012 * np.sin(phase) * smoothstep(0, 0.2, colours) * (1 - smoothstep(1.0, 1.2, colours))


def directions(tone: np.ndarray, normal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Angle of strokes (H, W), radians, y down: along edges and bends of form, else by the hand's habit on such a surface."""
    smooth = ndimage.gaussian_filter(normal, (3, 3, 0))
    habit = np.radians(-40 + 30 * smooth[..., 2] - 50 * smooth[..., 0]) + 0.5 * ndimage.gaussian_filter(noise[..., 1], 6)
    doubled = 0.0004 * np.exp(2j * habit)
    for channel, share in ((tone, 1.0), *((normal[..., i], 0.06) for i in range(3))):
        dy, dx = (ndimage.gaussian_filter(channel, 2, order=order) for order in ((1, 0), (0, 1)))
        # The doubled angle of the line across the gradient.
        doubled = doubled - share * ndimage.gaussian_filter((dx + 1j * dy) ** 2, 7)
    return np.angle(doubled).astype(np.float32) / 2


def crests(wave: np.ndarray, taken: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Places (y, x) of the wave's maxima to a fraction of a pixel with the load of paint (0, 1], the faintest first."""
    top = (wave == ndimage.maximum_filter(wave, 7)) & (wave > 0.05)
    top[[0, -1]] = top[:, [0, -1]] = False
    y, x = np.nonzero(top)
    load = smoothstep(0.05, 0.5, wave[y, x]) * taken[y, x]
    places = []
    for before, here, after in ((wave[y - 1, x], wave[y, x], wave[y + 1, x]), (wave[y, x - 1], wave[y, x], wave[y, x + 1])):
        places.append(np.clip(0.5 * (before - after) / np.minimum(before - 2 * here + after, -1e-6), -0.5, 0.5))
    order = np.lexsort((x, y, wave[y, x]))
    return [(np.array([y[i] + places[0][i], x[i] + places[1][i]]), load[i]) for i in order if load[i] > 0.03]


def stroke(
    canvas: np.ndarray, form: np.ndarray, colours: np.ndarray, angle: np.ndarray,
    place: np.ndarray, load: float, length: int, width: float,
) -> None:
    """Lay one stroke of half length and half width (pixels) onto the canvas (H, W, RGB and relief) in place.

    It takes the colour (H, W, 3) and angle (H, W) of where it starts, and thins out where the form (H, W, c) is another's.
    """
    row, column = np.round(place).astype(int)
    direction = angle[row, column]
    cos, sin = np.cos(direction), np.sin(direction)
    curve = bend(angle, place, direction, length)
    side = width + abs(curve) * length**2 + 1
    high, wide = (int(abs(a) * length + abs(b) * side) for a, b in ((sin, cos), (cos, sin)))
    rows, columns = slice(max(row - high, 0), row + high + 1), slice(max(column - wide, 0), column + wide + 1)
    dy = np.arange(canvas.shape[0], dtype=np.float32)[rows, None] - np.float32(place[0])
    dx = np.arange(canvas.shape[1], dtype=np.float32)[None, columns] - np.float32(place[1])
    along, across = cos * dx + sin * dy, cos * dy - sin * dx
    across = across - np.float32(curve) * along * along
    inside = (np.abs(along) < length) & (np.abs(across) < width)
    if not inside.any():
        return
    along, across = along[inside] / length, across[inside] / width
    differs = form[rows, columns][inside] - form[row, column]
    unlike = np.einsum("ij,ij->i", differs, differs)
    bristles = np.cos(across * 2.2 * width**0.5 * np.pi / 2)
    shape = smoothstep(0, 0.35, 1 - across**2 - along**4 * (1 + 0.25 * bristles))
    alpha = (load * shape * np.exp(-0.5 * np.maximum(unlike - 0.5, 0)))[:, None]
    hair = 0.8 * (1 - across**2) + 0.25 * bristles
    laid = np.concatenate([np.broadcast_to(colours[row, column], (len(hair), 3)), hair[:, None]], axis=-1)
    patch = canvas[rows, columns]
    patch[inside] += alpha * (laid - patch[inside])


def bend(angle: np.ndarray, place: np.ndarray, direction: float, length: int) -> float:
    """Curvature / 2 (1/pixel) of the stroke, from how the direction turns between its two ends."""
    reach = 0.4 * length
    step = reach * np.array([np.sin(direction), np.cos(direction)])
    ends = [tuple(np.clip(np.round(place + s * step).astype(int), 0, np.array(angle.shape) - 1)) for s in (1, -1)]
    turn = [(angle[end] - direction + np.pi / 2) % np.pi - np.pi / 2 for end in ends]
    return float(np.clip((turn[0] - turn[1]) / (4 * reach), -0.012, 0.012))
