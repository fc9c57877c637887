import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from export.measures import metrics
from export.measures.motion import in_sight

from ..moving_frames import moving_frame, paint


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.transpose(2, 0, 1)[None].copy())


@pytest.fixture(scope="module")
def frame():
    return moving_frame(1, 192, 208)


@pytest.fixture(scope="module")
def image(frame):
    return tensor(frame["image"][..., :3])


@pytest.fixture(scope="module")
def target(frame):
    return tensor(paint(frame))


def blurred(picture):
    return metrics._smooth(metrics._smooth(picture))


def noisy(picture):
    return picture * torch.exp(0.4 * torch.randn(picture.shape, generator=torch.Generator().manual_seed(0)))


def shuffled(picture, side=16):
    """The same squares in another order."""
    h, w = (n // side for n in picture.shape[2:])
    squares = picture.reshape(3, h, side, w, side).permute(1, 3, 0, 2, 4).flatten(0, 1)
    squares = squares[torch.randperm(h * w, generator=torch.Generator().manual_seed(0))]
    return squares.reshape(h, w, 3, side, side).permute(2, 0, 3, 1, 4).reshape(picture.shape)


@pytest.mark.parametrize("spoil", [blurred, noisy, shuffled])
def test_what_is_spoiled_is_less_like_the_picture(spoil, image):
    worse = spoil(image)
    for measure in (metrics.psnr, metrics.ssim, metrics.ms_ssim):
        assert measure(worse, image) < measure(image, image)
    assert metrics.psnr(image, image) == metrics.BEST_PSNR
    assert metrics.ms_ssim(image, image) == pytest.approx(1)


def test_small_frames_have_no_ms_ssim(image):
    assert metrics.ms_ssim(image[..., :160, :], image[..., :160, :]) is None


def gathered(kind, *pictures):
    found = kind()
    for picture in pictures:
        found.add(picture)
    return found


KINDS = {"patches": lambda: metrics.Patches(2000), "gabor": lambda: metrics.Grams(metrics.gabor_features)}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_style_is_in_the_strokes_and_not_in_where_they_are(kind, image, target):
    wanted = gathered(kind, target)
    assert gathered(kind, target).distance(wanted) == 0
    moved = gathered(kind, target.roll((50, 70), (2, 3))).distance(wanted)
    for other in (blurred(target), noisy(target), image):
        assert gathered(kind, other).distance(wanted) > 2 * moved > 0


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_tones_count_for_style(kind, target):
    wanted = gathered(kind, target)
    assert gathered(kind, 0.5 * target).distance(wanted) > gathered(kind, 0.9 * target).distance(wanted) > 0


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_looks_of_other_sizes_and_numbers_can_be_compared(kind, target):
    wanted = gathered(kind, target, target)
    other = gathered(kind, target[..., :100, :], avg_pool2d(target, 2), target)
    assert np.isfinite(other.distance(wanted))


def test_the_pyramid_adds_up_to_the_picture(image):
    for picture in (image, image[..., :131, :77]):
        levels = metrics.laplacian_pyramid(picture)
        assert metrics.SMALLEST_SIDE <= min(levels[-1].shape[2:]) < 2 * metrics.SMALLEST_SIDE
        whole = levels.pop()
        while levels:
            spread = torch.zeros_like(levels[-1])
            spread[:, :, ::2, ::2] = whole
            whole = levels.pop() + 4 * metrics._smooth(spread)
        assert torch.allclose(whole, picture, atol=1e-5)


def test_edges_of_geometry_are_where_surfaces_meet(frame):
    edges = metrics.geometry_edges(tensor(frame["depth"]), tensor(frame["normal"]))[0, 0].numpy()
    depth = frame["depth"][..., 0]
    jumps = np.argwhere(np.diff(depth, axis=1))
    assert len(jumps) and edges[tuple(jumps.T)].all()
    assert edges.mean() < 0.05


def test_a_slanted_plane_has_no_edges():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    depth = (1 / (0.01 + 0.001 * x + 0.002 * y))[None, None]
    normal = torch.tensor([0.6, 0, 0.8])[None, :, None, None].expand(1, 3, 64, 64)
    assert not metrics.geometry_edges(depth, normal).any()


def test_edges_are_found_in_what_shows_them(frame, image, target):
    edges = metrics.geometry_edges(tensor(frame["depth"]), tensor(frame["normal"]))
    found = metrics.edges_found(image, edges)
    assert metrics.edges_found(target, edges) > found  # the look draws a line there
    for spoil in (noisy, shuffled):
        assert metrics.edges_found(spoil(image), edges) < found
    assert metrics.edges_found(0.2 * image, edges) == pytest.approx(found, abs=0.05)
    assert metrics.edges_found(image, torch.zeros_like(edges)) is None


@pytest.fixture(scope="module")
def motion():
    """Two frames in a row, what of the first stays in sight, and its vector pass."""
    frames = [moving_frame(number, 192, 208) for number in (1, 2)]
    now, later = ({p: tensor(f[p]) for p in ("vector", "depth")} for f in frames)
    return *(tensor(f["image"][..., :3]) for f in frames), in_sight(now, later), now["vector"]


def test_motion_explains_what_changes_from_frame_to_frame(motion):
    now, later, seen, vector = motion
    assert 0.9 < seen.mean() < 1
    assert metrics.warping_error(now, later, seen, vector) < 0.02 * metrics.warping_error(now, later, seen, 0 * vector)


def test_flicker_and_still_grain_are_errors_of_warping(motion):
    now, later, seen, vector = motion
    steady = metrics.warping_error(now, later, seen, vector)
    assert metrics.warping_error(now, 1.3 * later, seen, vector) > 10 * steady
    assert metrics.warping_error(noisy(now), noisy(later), seen, vector) > 10 * steady
    assert metrics.warping_error(now, later, 0 * seen, vector) is None
