"""A slow painter that needs no training: each frame is changed step by step until its features are those of a look's pictures.

Neural Neighbor Style Transfer (Kolkin et al. 2022), with the features of perceptual.py: each place's features, of all levels side
by side, are drawn to the nearest ones of the picture, from coarse to fine. In a shot a frame begins with the one before, moved
along its motion, and is held there.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pixel_unshuffle

from ..frames.frame_store import FrameStore
from ..measures.motion import follow, in_sight
from ..networks.encoding import encode, shown
from ..networks.perceptual import Features

SCALES = (4, 2, 1)
"""How much smaller the frame and the pictures are, one pass after the other."""
SMALLEST = 64
"""Sides in pixels that a frame may not be smaller than when it is scaled down."""
PLACES = 4096
"""Of a picture's places, those that are chosen among, at random."""
AT_ONCE = 2**24
"""Comparisons of two places that are held in memory."""
RATE = 0.02
"""Adam's step size, in sRGB from 0 to 1."""
MATCH_EVERY = 15
"""Steps after which the nearest places are looked up again."""


@dataclass(frozen=True)
class Teaching:
    """Settings of the teacher."""

    steps: int = 60
    """At each scale."""
    content: float = 0.5
    """How strongly the features of the frame itself hold it."""
    steady: float = 20.0
    """How strongly the frame before holds it, where the same surface is in sight."""
    seconds: float = 0.0
    """After which a frame is done in any case, shared by the scales as their pixels are; 0: no limit."""


class Teacher:
    """Paints frames like the pictures of a look."""

    def __init__(self, pictures: Sequence[Tensor], features: Features, teaching: Teaching = Teaching()):
        """pictures: (1, 3, H, W) sRGB, scaled so that their strokes are as large as they shall be in the frames."""
        self.features, self.teaching, self.banks = features, teaching, []
        source = torch.Generator().manual_seed(0)
        for scale in SCALES:
            with torch.no_grad():
                places = torch.cat([self._columns(_smaller(p, scale))[0].flatten(1) for p in pictures], 1).T
            chosen = places[torch.randperm(len(places), generator=source)[:PLACES]]
            mean = chosen.mean(0)
            self.banks.append((mean, _unit(chosen - mean)))

    def paint(self, frame: Tensor, before: Tensor | None = None, seen: Tensor | None = None) -> Tensor:
        """A frame (1, 3, H, W) sRGB as it is painted, sRGB in [0, 1].

        before: the painted frame before, moved to where its surfaces are now; seen: (1, 1, H, W), 1 where that is so, else 0.
        """
        scales = [scale for scale in SCALES if scale == 1 or min(frame.shape[2:]) >= scale * SMALLEST]
        painted = None
        for scale in scales:
            plain = _smaller(frame, scale)
            start = plain
            if painted is not None:  # what was painted, with the detail that the frame has beyond it
                start = _sized(painted, plain) + plain - _sized(_sized(plain, painted), plain)
            held = None
            if before is not None and seen is not None:
                held = _smaller(before, scale), _smaller(seen, scale)
                start = torch.lerp(start, *held)
            seconds = self.teaching.seconds * scale**-2 / sum(s**-2 for s in scales)
            painted = self._draw_near(start, plain, held, *self.banks[SCALES.index(scale)], seconds)
        return painted

    def _draw_near(
        self, start: Tensor, plain: Tensor, held: tuple[Tensor, Tensor] | None, mean: Tensor, bank: Tensor, seconds: float
    ) -> Tensor:
        """One pass: the start with features like the nearest ones of a bank, (places, c)."""
        teaching, started, step = self.teaching, time.monotonic(), 0
        picture = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([picture], RATE, betas=(0.9, 0.99))
        with torch.no_grad():
            own = self._directions(plain, mean)
        goal = own
        while (done := max(step / teaching.steps, seconds and (time.monotonic() - started) / seconds)) < 1:
            found = self._directions(picture, mean)
            if step % MATCH_EVERY == 0:
                goal = _nearest(found.detach(), bank)
            loss = (1 - (found * goal).sum(1)).mean() + teaching.content * (1 - (found * own).sum(1)).mean()
            if held:
                loss = loss + teaching.steady * (held[1] * (picture - held[0]).abs()).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.param_groups[0]["lr"] = RATE * (1 - done) + 1e-3
            optimizer.step()
            step += 1
        return picture.detach().clamp(0, 1)

    def _columns(self, picture: Tensor) -> Tensor:
        """(1, c, h, w) at a quarter of the size: the features of all levels side by side, each level alike."""
        height, width = (side // 16 * 16 for side in picture.shape[2:])
        found = self.features(picture[..., :height, :width])
        size = found["1/4"].shape[2:]
        levels = [pixel_unshuffle(found["1/2"], 2), found["1/4"]]
        levels += [interpolate(found[level], size, mode="bilinear") for level in ("1/8", "1/16")]
        return torch.cat([level * level.shape[1] ** -0.5 for level in levels], 1)

    def _directions(self, picture: Tensor, mean: Tensor) -> Tensor:
        """(places, c) unit vectors of a picture's columns from their mean in the look."""
        return _unit(self._columns(picture)[0].flatten(1).T - mean)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=1, keepdim=True).clamp(min=1e-6)


def _nearest(found: Tensor, bank: Tensor) -> Tensor:
    """For each row of found (places, c) the row of the bank in the most similar direction."""
    rows = max(1, AT_ONCE // len(bank))
    return torch.cat([bank[(part @ bank.T).argmax(1)] for part in found.split(rows)])


def _smaller(picture: Tensor, scale: int) -> Tensor:
    return avg_pool2d(picture, scale) if scale > 1 else picture


def _sized(picture: Tensor, like: Tensor) -> Tensor:
    return interpolate(picture, like.shape[2:], mode="bilinear", antialias=True)


def paint_shot(
    teacher: Teacher, store: FrameStore, names: Sequence[str], follows: dict[str, str], painted: Callable[[str], np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and the painted picture (H, W, 3), sRGB in [0, 1], of frames in order.

    follows: a frame to the one before it that it begins with, whose motion is known; painted: the picture of that, as it was
    yielded, in this run or an earlier one; store: with the passes vector and depth if there are any.
    """
    for name in names:
        now = store.whole(name)
        frame, before, seen = shown(encode(now["image"])).clamp(0, 1), None, None
        if name in follows:
            earlier = store.whole(follows[name])
            back = {key: _reversed(passes) for key, passes in (("now", now), ("then", earlier))}
            seen = in_sight(back["now"], back["then"])
            picture = np.ascontiguousarray(painted(follows[name]).transpose(2, 0, 1)[None])
            before = follow(torch.from_numpy(picture), back["now"]["vector"])
        yield name, teacher.paint(frame, before, seen)[0].permute(1, 2, 0).numpy()


def _reversed(passes: dict[str, Tensor]) -> dict[str, Tensor]:
    """The passes vector and depth of a shot that runs backwards."""
    return {"depth": passes["depth"], "vector": -passes["vector"][:, [2, 3, 0, 1]]}
