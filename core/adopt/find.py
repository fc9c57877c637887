"""Finds out what a model wants: its layout by shapes; ranges, order and encoding by a picture through all candidates."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..colour import encode_srgb, luminance
from ..onnx_graph import GraphError
from .sizes import scale_of
from .tone import to_display, to_light
from .wrap import RANGES, Wrapping

LAYOUTS = ("NCHW", "NHWC", "CHW", "HWC")
CHANNELS = (3, 1, 4)
LEAST_SIDE = 8
"""Pixels of a picture, at least; an axis of fewer is another one."""
ALIKE = 0.03
"""Mean difference of two answers, in display values, below which it does not matter which is right."""
PRIORS = {"imagenet": -0.03, "imagenet255": -0.04}
"""Of two answers that are as good, the one from the more usual range is taken."""
USUAL, EVIDENCE = 0.08, 0.25
RARE = {"order": "bgr", "encoding": "linear"}
RARER = {"order": (0.03, 0.8), "encoding": (0.05, 0.9)}
"""By how much the other of two must be better, and how good: where a model recolours strongly, the picture doesn't tell."""
FLAT = 1 / 255
"""What an answer spans at least, whatever its range."""
DARK = 0.25
"""Display value below which something of an answer lies, as the picture is black in places."""
SURE, LIKELY = 0.15, 0.05
"""By how much a candidate must be better than the next."""

Answer = Callable[[np.ndarray], np.ndarray]
"""What the model gives for an input, both as its own arrays."""


@dataclass(frozen=True)
class Candidate:
    """One way to read a model, its answer to the picture, and how much that is like the picture."""

    wrapping: Wrapping
    display: np.ndarray
    """(H, W, 3) display values."""
    likeness: float
    """At most 1, for the picture itself, with what speaks for it beforehand."""
    prior: float

    @property
    def label(self) -> str:
        w = self.wrapping
        ranges = w.range_in if w.range_in == w.range_out else f"{w.range_in}:{w.range_out}"
        return f"{ranges} {w.order} {w.encoding} {self.likeness:.2f}"


def find_layout(dims: list[int | None], given: str | None) -> list[str]:
    """The layouts that an input of these sides may have, the likeliest first. Raises GraphError if it is no picture's."""
    layouts = [layout for layout in LAYOUTS if len(layout) == len(dims)]
    fitting = [
        layout for layout in layouts if dims[layout.index("C")] in CHANNELS and ("N" not in layout or dims[0] in (None, 1))
    ]
    if not fitting:
        fitting = [
            layout for layout in layouts if dims[layout.index("C")] is None and ("N" not in layout or dims[0] in (None, 1))
        ]
    fitting = [x for x in fitting if min(dims[x.index(axis)] or LEAST_SIDE for axis in "HW") >= LEAST_SIDE]
    if given is not None:
        fitting = [layout for layout in layouts if layout == given]
    if not fitting:
        shape = " x ".join("any" if side is None else str(side) for side in dims)
        raise GraphError(f"it is no model for pictures: its input is {shape or 'a single number'}")
    return fitting


def find_answer_layout(answer: list[int], layout: str, size: tuple[int, int]) -> tuple[str, int, int]:
    """(layout, channels, scale) of an answer of a shape to a picture in a layout. Raises GraphError if it is no picture."""
    for candidate in (layout, *LAYOUTS):
        if (
            len(candidate) == len(answer)
            and answer[candidate.index("C")] in CHANNELS
            and ("N" not in candidate or answer[0] == 1)
        ):
            scale = scale_of(candidate, answer, *size)
            if scale:
                return candidate, answer[candidate.index("C")], scale
    shape = " x ".join(map(str, answer))
    raise GraphError(f"its answer to a picture of {size[1]} x {size[0]} pixels is no picture of a multiple of that, but {shape}")


def candidates(
    answer: Answer, first: Wrapping, said: dict[str, str], image: np.ndarray, fixed: dict[str, str]
) -> list[Candidate]:
    """All readings that were tried on (H, W, 3) radiance, the best first. Raises GraphError if none shows anything.

    first: the wrapping with what is known already. said: what the file says of range_in, range_out, order and encoding.
    fixed: what was set by hand of these.
    """
    tried, flat = [], True
    usual = {"order": "rgb", "encoding": "srgb"} | {key: said[key] for key in RARE if key in said} | fixed
    for range_in in [fixed["range_in"]] if "range_in" in fixed else RANGES:
        wrapping = replace(first, range_in=range_in, order=usual["order"], encoding=usual["encoding"])
        raw = answer(_to_model(to_display(image, wrapping.encoding), wrapping))
        flat &= bool(np.ptp(np.nan_to_num(np.asarray(raw, np.float32))) < FLAT)
        for range_out in [fixed["range_out"]] if "range_out" in fixed else RANGES:
            usual_pair = range_in == range_out or (range_in, range_out) == ("imagenet", "0..1")
            prior = PRIORS.get(range_in, 0) + USUAL * usual_pair + PRIORS.get(range_out, 0) * (range_in != range_out)
            prior += EVIDENCE * (range_in == said.get("range_in")) + EVIDENCE * (range_out == said.get("range_out"))
            tried.append(_candidate(raw, replace(wrapping, range_out=range_out), image, prior))
    if flat:
        raise GraphError("its answer to a picture shows nothing of it; give other values with --input, or another --output")
    best = max(tried, key=lambda candidate: candidate.likeness)
    for key in [key for key in RARE if key not in fixed]:
        if key == "order" and best.wrapping.channels_in == 1 == best.wrapping.channels_out:
            continue
        other = RARE[key] if usual[key] != RARE[key] else {"order": "rgb", "encoding": "srgb"}[key]
        rival = _rival(answer, best, {key: other}, image, RARER[key][0] + EVIDENCE * (key in said), RARER[key][1])
        tried.append(rival)
        best = max(best, rival, key=lambda candidate: candidate.likeness)
    return [best, *sorted((c for c in tried if c is not best), key=lambda candidate: -candidate.likeness)]


def _rival(answer: Answer, best: Candidate, change: dict[str, str], image: np.ndarray, margin: float, least: float) -> Candidate:
    """The best reading so far with one change, which must be better by a margin and good enough."""
    read = replace(best.wrapping, **change)
    raw = answer(_to_model(to_display(image, read.encoding), read))
    rival = _candidate(raw, read, image, best.prior - margin)
    good = rival.likeness - rival.prior >= least
    return rival if good else replace(rival, likeness=min(rival.likeness, best.likeness - margin))


def sureness(found: list[Candidate], said: dict[str, str]) -> dict[str, str]:
    """How sure the first candidate's range_in, range_out, order and encoding are, in words."""
    best, words = found[0], {}
    for key in ("range_in", "range_out", "order", "encoding"):
        rivals = [c for c in found if getattr(c.wrapping, key) != getattr(best.wrapping, key)]
        others = [c for c in rivals if np.abs(c.display - best.display).mean() > ALIKE]
        margin = best.likeness - max((c.likeness for c in others), default=0)
        if not rivals:
            words[key] = "set"
        elif said.get(key) == getattr(best.wrapping, key):
            words[key] = "sure, as the file says so"
        elif not others:
            words[key] = "any gives the same picture"
        elif key in ("order", "encoding") and best.likeness - best.prior < RARER[key][1]:
            words[key] = "assumed, as the model recolours"
        else:
            words[key] = (
                f"sure, by {margin:.2f}" if margin > SURE else f"likely, by {margin:.2f}" if margin > LIKELY else "a guess"
            )
            same = sorted({getattr(c.wrapping, key) for c in rivals if np.abs(c.display - best.display).mean() <= ALIKE})
            words[key] += f"; {' and '.join(same)} would give the same picture" if same else ""
    return words


def _candidate(raw: np.ndarray, wrapping: Wrapping, image: np.ndarray, prior: float) -> Candidate:
    answer = _from_model(raw, wrapping)
    shown = encode_srgb(to_display(to_light(answer, image, wrapping.encoding), "linear"))
    beyond = float((np.abs(answer - 0.5) > 0.6).mean())
    pale = max(float(np.percentile(answer, 2)) - DARK, 0.0)  # as values from 0 on are if they are read as if they began below 0
    alike = likeness(shown, encode_srgb(to_display(image, "linear")))
    return Candidate(wrapping, shown, alike - 0.5 * beyond - pale + prior, prior)


def _to_model(display: np.ndarray, wrapping: Wrapping) -> np.ndarray:
    """What wrap's entry makes of (H, W, 3) display values, as the model's input."""
    mean, deviation = RANGES[wrapping.range_in]
    picture = (display - mean) / deviation
    if wrapping.channels_in == 1:
        picture = luminance(picture)[..., None]
    elif wrapping.order == "bgr":
        picture = picture[..., ::-1]
    if wrapping.channels_in == 4:
        picture = np.concatenate([picture, np.full_like(picture[..., :1], (1 - mean[0]) / deviation[0])], -1)
    order = [("HWC").index(axis) for axis in wrapping.layout if axis != "N"]
    tensor = picture.astype(np.float32).transpose(order)
    return tensor[None] if "N" in wrapping.layout else tensor


def _from_model(raw: np.ndarray, wrapping: Wrapping) -> np.ndarray:
    """(H, W, 3) of what wrap's exit makes of an answer, before it is clipped to [0, 1]."""
    layout = wrapping.layout_out
    picture = np.asarray(raw, np.float32)
    picture, layout = (picture[0], layout[1:]) if "N" in layout else (picture, layout)
    picture = picture.transpose([layout.index(axis) for axis in "HWC"])[..., :3]
    height, width = (side // wrapping.scale for side in picture.shape[:2])
    picture = picture.reshape(height, wrapping.scale, width, wrapping.scale, -1).mean((1, 3))
    if wrapping.channels_out == 1:
        picture = picture.repeat(3, -1)
    elif wrapping.order == "bgr":
        picture = picture[..., ::-1]
    mean, deviation = RANGES[wrapping.range_out]
    return np.nan_to_num(picture * deviation + mean)


def likeness(answer: np.ndarray, picture: np.ndarray) -> float:
    """How much an answer shows the same things, at most 1: tones, colours, edges and nearness; both (H, W, 3) in [0, 1]."""
    a, p = (_halved(_halved(_halved(values))) for values in (answer, picture))
    tones = _correlation(luminance(a), luminance(p))
    colours = _correlation(a - luminance(a)[..., None], p - luminance(p)[..., None])
    edges = _correlation(_edges(answer), _edges(picture))
    near = 1 - 2 * float(np.abs(a - p).mean())
    return 0.3 * tones + 0.2 * colours + 0.2 * edges + 0.3 * near


def _halved(values: np.ndarray) -> np.ndarray:
    height, width = (side // 2 * 2 for side in values.shape[:2])
    if 0 in (height, width):
        return values
    return values[:height, :width].reshape(height // 2, 2, width // 2, 2, -1).mean((1, 3))


def _edges(values: np.ndarray) -> np.ndarray:
    light = luminance(values)
    return _halved(_halved((np.abs(np.diff(light, axis=0))[:, :-1] + np.abs(np.diff(light, axis=1))[:-1])[..., None]))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    spread = float(np.sqrt((a**2).mean() * (b**2).mean()))
    return float((a * b).mean()) / spread if spread > 1e-6 else 0.0
