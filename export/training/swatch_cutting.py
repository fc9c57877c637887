"""Cuts swatches (see networks/swatches.py) out of painted frames: which places look alike, and tiles of their texture."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad

from ..frames.frame_store import DataError
from ..networks.swatches import CELL, COLOURS, SIDE, Swatches

SOFT = 24.0
"""Deviation in pixels of the means that texture differs from; what is coarser is colour."""
BLOCK, STEP = 88, 64
"""Side of the blocks that a tile is sewn from, and from one to the next, in pixels; between lies the overlap."""
BLOCKS, CANDIDATES, BEST = 2000, 200, 20
"""Blocks of a kind, at most; those that are looked at for each place of a tile; and the best of these, of which one is drawn."""
MARGIN, PURE = 16, 0.95
"""Pixels around a block that have to be of its kind too, as contours are painted along the borders, and the share that has to."""
OCTAVES = 1.0, 2.0, 4.0, 8.0
"""Deviations in pixels that part the octaves of a texture."""
MEASURED = 64
"""Blocks of a kind, at most, by which the strength of its texture is measured."""
STRONGER = 2.0
"""How many times an octave of a tile may become as strong, or as weak, as it was sewn: where paint is nearly all flat, the middle
block says little."""
COARSE = 8
"""Pixels over which means show coarse detail."""
USUAL = 0.1, 0.75
"""Of blocks by their strength, the shares between which they are taken."""
REACH = 3.0
"""By how many times the mean square by which what belongs to a place differs from it likeness reaches: strokes go across the
borders of light and shade."""
PLACES, ROUNDS = 40_000, 12
"""Places, at most, of all frames that are grouped, and rounds of that."""


class Painted(NamedTuple):
    """A painted frame."""

    guides: Tensor
    """(1, c, H / CELL, W / CELL), as they are compared."""
    paint: Tensor
    """(1, 3, H, W), encoded."""
    counts: Tensor
    """(H / CELL, W / CELL) bool: where the frame is painted."""


@torch.no_grad()
def cut(swatches: Swatches, frames: Iterable[tuple[Tensor, Tensor, Tensor | None]], rng: np.random.Generator) -> None:
    """Fill swatches from frames: guides (1, c, H, W), encoded paint (1, 3, H, W), and a mask (1, 1, H, W) or None of each, H and
    W multiples of 8.

    Raises DataError if the masks leave nothing."""
    painted = [
        Painted(swatches.compared(g), p, avg_pool2d(torch.ones_like(p[:, :1]) if m is None else m, CELL)[0, 0] > 0.99)
        for g, p, m in frames
    ]
    counts = torch.cat([frame.counts.flatten() for frame in painted])
    if not counts.any():
        raise DataError("The masks leave nothing that swatches can be cut from; paint larger parts, or set swatches to 0.")
    guides = torch.cat([_places(frame.guides) for frame in painted])[counts]
    colour = torch.cat([_places(avg_pool2d(frame.paint, CELL)) for frame in painted])[counts]
    centres = _groups(guides[torch.from_numpy(rng.permutation(len(guides))[:PLACES])], COLOURS, rng)
    owner, distance = _nearest(guides, centres)
    size = torch.bincount(owner, minlength=COLOURS)
    colours = torch.zeros(COLOURS, 3).index_add_(0, owner, colour) / size.clamp(min=1)[:, None]
    known = _likest(centres, size > 0)  # where fewer places differ than there are centres, some have none
    centres, colours, size = centres[known], colours[known], size[known]
    swatches.know(centres, max(REACH * distance.mean().item(), 1e-4), colours)
    textures = [_texture(swatches, frame) for frame in painted]
    swatches.keep(*_tiles(painted, textures, centres, _kinds(centres, size, swatches.kinds), rng))


def _places(picture: Tensor) -> Tensor:
    """(1, c, h, w) to (h * w, c)."""
    return picture[0].flatten(1).T


def _texture(swatches: Swatches, frame: Painted) -> Tensor:
    """(1, 3, H, W) by which paint differs from the colour that is laid there, without what is coarser than SOFT."""
    more = frame.paint - swatches.known(frame.guides)[:, :3]
    return more - _blurred(more, SOFT)


def _blurred(picture: Tensor, deviation: float, borders: str = "reflect") -> Tensor:
    """(B, c, h, w) convolved with a Gaussian; beyond borders it is mirrored, or circular."""
    shape, picture = picture.shape, picture.flatten(0, 1)[:, None]
    for _ in range(2):
        reach = min(int(3 * deviation), picture.shape[2] - 1)
        kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / deviation) ** 2)
        padded = pad(picture, (0, 0, reach, reach), mode=borders)
        picture = conv2d(padded, (kernel / kernel.sum()).view(1, 1, -1, 1)).transpose(2, 3)
    return picture.reshape(shape)


def _octaves(picture: Tensor, borders: str = "reflect") -> Tensor:
    """(B, c, h, w) in parts that are finer than the first of OCTAVES, between that and the second ..., and the rest, (parts, B,
    c, h, w); their sum is the picture."""
    softer = [picture, *(_blurred(picture, deviation, borders) for deviation in OCTAVES)]
    return torch.stack([*(a - b for a, b in pairwise(softer)), softer[-1]])


def _groups(points: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """Centres (count, c) of groups of points by k-means, which begin far apart (Arthur and Vassilvitskii 2007)."""
    centres = points[rng.integers(len(points))][None]
    while len(centres) < count:
        far = _nearest(points, centres)[1].double().numpy() + 1e-12
        centres = torch.cat([centres, points[rng.choice(len(points), p=far / far.sum())][None]])
    for _ in range(ROUNDS):
        owner, _ = _nearest(points, centres)
        total = torch.zeros_like(centres).index_add_(0, owner, points)
        size = torch.bincount(owner, minlength=count)[:, None]
        centres = torch.where(size > 0, total / size.clamp(min=1), centres)
    return centres


def _nearest(points: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """The number of the centre nearest to each point, and the square of its distance."""
    distance, owner = torch.cdist(points, centres, compute_mode="donot_use_mm_for_euclid_dist").square().min(1)
    return owner, distance


def _likest(centres: Tensor, usable: Tensor) -> Tensor:
    """For each centre the number of the nearest that is usable: itself, if it is."""
    return torch.where(usable, torch.cdist(centres, centres), torch.inf).argmin(1)


def _kinds(centres: Tensor, sizes: Tensor, count: int) -> Tensor:
    """The number of the kind of each centre: those are merged that lie closest, small ones first (Ward 1963), up to `count`."""
    kinds, means, sizes = torch.arange(len(centres)), centres.clone(), sizes.double()
    alive = torch.ones(len(centres), dtype=torch.bool)
    while alive.sum() > count:
        cost = torch.cdist(means, means).square() * (sizes[:, None] * sizes / (sizes[:, None] + sizes))
        cost[~alive], cost[:, ~alive] = torch.inf, torch.inf
        first, second = divmod(int(cost.fill_diagonal_(torch.inf).argmin()), len(centres))
        share = sizes[second] / (sizes[first] + sizes[second])
        means[first] = torch.lerp(means[first], means[second], share.float())
        sizes[first] += sizes[second]
        kinds[kinds == second], alive[second] = first, False
    return torch.unique(kinds, return_inverse=True)[1]


def _tiles(
    painted: Sequence[Painted], textures: Sequence[Tensor], centres: Tensor, kinds: Tensor, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """The kind of texture of each centre, and the tile of each kind, (kinds, 3, SIDE, SIDE). One of which no block is takes the
    texture of the next."""
    owners = [_nearest(_places(frame.guides), centres)[0].reshape(frame.counts.shape) for frame in painted]
    inside = [
        [(kinds[owner] == kind) & frame.counts for owner, frame in zip(owners, painted, strict=True)]
        for kind in range(int(kinds.max()) + 1)
    ]
    blocks = [_blocks(parts) for parts in inside]
    pure = [max(share for share, *_ in found) for found in blocks]
    usable = torch.tensor([share >= min(PURE, max(pure)) for share in pure])
    tiles = torch.zeros(len(pure), 3, SIDE, SIDE)
    for kind in usable.nonzero()[:, 0].tolist():
        found = [place for share, *place in blocks[kind] if share >= min(PURE, pure[kind])]
        some = [found[index] for index in rng.permutation(len(found))[:BLOCKS]]
        cut_out = [
            textures[n][0, :, row : row + BLOCK, column : column + BLOCK].permute(1, 2, 0).numpy() for n, row, column in some
        ]
        tiles[kind] = _tile(cut_out, rng)
    return kinds[_likest(centres, usable[kinds])], tiles


def _blocks(inside: Sequence[Tensor]) -> list[tuple[float, int, int, int]]:
    """Of blocks in frames, each with a margin: the share that is inside, the frame's number, row and column."""
    blocks = []
    for number, kind in enumerate(inside):
        margin = min(MARGIN, (CELL * min(kind.shape) - BLOCK) // 2) // CELL
        share = avg_pool2d(kind.float()[None, None], BLOCK // CELL + 2 * margin, stride=2)[0, 0].numpy()
        blocks += [(float(s), number, CELL * (2 * r + margin), CELL * (2 * c + margin)) for (r, c), s in np.ndenumerate(share)]
    return blocks


def _usual(blocks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Those of the blocks that are neither among the weakest nor among the strongest, in fine detail and in coarse: one of these
    would be known again wherever the tile comes again, and coarse detail may be a contour."""
    cells = BLOCK // COARSE
    means = [block.reshape(cells, COARSE, cells, COARSE, 3).mean((1, 3)) for block in blocks]
    fine, coarse = (np.array([part.std() for part in parts]) for parts in (blocks, means))
    (low, high), (_, most) = (np.quantile(strength, USUAL) for strength in (fine, coarse))
    usual = [block for block, f, c in zip(blocks, fine, coarse, strict=True) if low <= f <= high and c <= most]
    return usual or list(blocks)


def _tile(every: Sequence[np.ndarray], rng: np.random.Generator) -> Tensor:
    """A tile (3, SIDE, SIDE) without borders, sewn from some blocks (BLOCK, BLOCK, 3) along the lines where neighbours differ
    least (Efros and Freeman 2001), and as strong as all are, octave by octave."""
    blocks = _usual(every)
    out, known = np.zeros((SIDE, SIDE, 3), np.float32), np.zeros((SIDE, SIDE), bool)
    for top in range(0, SIDE, STEP):
        for left in range(0, SIDE, STEP):
            where = np.ix_((top + np.arange(BLOCK)) % SIDE, (left + np.arange(BLOCK)) % SIDE)
            there, old = known[where], out[where]
            drawn = [blocks[i] for i in rng.integers(len(blocks), size=CANDIDATES)]
            misfits = np.array([np.square(block - old)[there].sum() for block in drawn])
            new = drawn[np.argsort(misfits)[rng.integers(BEST)]]
            out[where] = old + (new - old) * _sewn(np.square(new - old).sum(2), there)[..., None]
            known[where] = True
    return _as_strong(torch.from_numpy(out), torch.from_numpy(np.stack(every[:MEASURED])))


def _as_strong(tile: Tensor, blocks: Tensor) -> Tensor:
    """A tile (SIDE, SIDE, 3) in which each octave of each channel is as strong as in the middle one of blocks (n, BLOCK, BLOCK,
    3); (3, SIDE, SIDE)."""
    tile = (tile - tile.mean((0, 1))).permute(2, 0, 1)[None]
    own = pad(tile, (0, BLOCK, 0, BLOCK), mode="circular").unfold(2, BLOCK, STEP).unfold(3, BLOCK, STEP)
    there, wanted = map(_strengths, (own[0].flatten(1, 2).transpose(0, 1), blocks.permute(0, 3, 1, 2)))
    share = (wanted / there.clamp(min=1e-6)).clamp(1 / STRONGER, STRONGER)
    return (_octaves(tile, "circular") * share[:, None, :, None, None]).sum(0)[0]


def _strengths(blocks: Tensor) -> Tensor:
    """Of blocks (n, 3, h, w), in the middle one, the root mean square of each octave of each channel, (octaves, 3)."""
    power = _octaves(blocks - blocks.mean((2, 3), keepdim=True)).square().mean((3, 4))
    return power.quantile(0.5, 1).sqrt()


def _sewn(misfits: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Where a block (BLOCK, BLOCK) is laid over what is there already, 0 or 1, by their squared differences."""
    lap, cover = BLOCK - STEP, np.ones((BLOCK, BLOCK), np.float32)
    for turns in range(4):  # the left border, then each of the others, turned to the left
        turned, own, misfit = (np.rot90(plane, turns) for plane in (cover, there, misfits))
        if own[lap:-lap, :lap].any():
            turned[:, :lap] *= np.arange(lap) >= _seam(misfit[:, :lap])[:, None]
    return np.where(there, cover, 1)


def _seam(misfits: np.ndarray) -> np.ndarray:
    """The column, row by row, of the way down along which misfits (n, columns) are least in all."""
    least = misfits.copy()
    for row in range(1, len(least)):
        before = np.pad(least[row - 1], 1, constant_values=np.inf)
        least[row] += np.minimum(np.minimum(before[:-2], before[1:-1]), before[2:])
    way = np.empty(len(least), int)
    way[-1] = least[-1].argmin()
    for row in range(len(least) - 2, -1, -1):
        first = max(way[row + 1] - 1, 0)
        way[row] = first + least[row, first : way[row + 1] + 2].argmin()
    return way
