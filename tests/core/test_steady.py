"""The steadier: flicker goes along the motion, what comes into sight shows at once, the same range gives the same frames."""

import numpy as np
import pytest

from core.steady import Steadier, sample

HEIGHT, WIDTH, FRAMES = 60, 90, 8


def wall(height: int, width: int, seed: int = 0) -> np.ndarray:
    """(height, width, 4): spots of 6 pixels, opaque."""
    noise = np.random.default_rng(seed).random((height // 6 + 2, width // 6 + 2, 4)).astype(np.float32)
    picture = noise.repeat(6, 0).repeat(6, 1)[:height, :width]
    picture[..., 3] = 1
    return picture


@pytest.fixture
def shot():
    """Frames of a wall that slides by 2 pixels right and 1 up: their passes, and pictures of it that flicker."""
    rng, scene = np.random.default_rng(1), wall(HEIGHT + FRAMES, WIDTH + 2 * FRAMES)
    frames = []
    for number in range(FRAMES):
        image = scene[number : number + HEIGHT, 2 * (FRAMES - number) : 2 * (FRAMES - number) + WIDTH].copy()
        vector = np.zeros((HEIGHT, WIDTH, 4), np.float32)
        vector[...] = -2, -1, -2, -1  # previous - this, and this - next, y up
        flicker = image.copy()
        flicker[..., :3] *= rng.uniform(0.7, 1.3, (1, 1, 3)).astype(np.float32)
        frames.append(({"image": image, "vector": vector}, flicker))
    return frames


def unsteadiness(pictures: list[np.ndarray]) -> float:
    """How much each picture differs from the one before, moved; borders left out."""
    return float(
        np.mean([np.abs(b[:-1, 2:] - a[1:, :-2])[9:-9, 17:-17].mean() for a, b in zip(pictures, pictures[1:], strict=False)])
    )


def test_flicker_goes_along_the_motion(shot):
    steadier = Steadier()
    steadied = [steadier(passes, picture) for passes, picture in shot]
    assert unsteadiness(steadied) < 0.35 * unsteadiness([picture for _, picture in shot])
    assert np.array_equal(steadied[0], shot[0][1])
    assert np.array_equal(np.stack(steadied)[..., 3], np.ones((FRAMES, HEIGHT, WIDTH), np.float32))


def test_what_comes_into_sight_is_shown_as_it_is(shot):
    steadier = Steadier()
    (first, picture), (second, other) = shot[:2]
    second = {"image": second["image"].copy(), "vector": second["vector"].copy()}
    second["image"][20:40, 30:60, :3] = 3.0  # another surface, which stood still
    second["vector"][20:40, 30:60] = 0
    steadier(first, picture)
    steadied = steadier(second, other)
    assert np.array_equal(steadied[20:40, 30:60], other[20:40, 30:60])
    assert np.array_equal(steadied[:, :2], other[:, :2]) and np.array_equal(steadied[-1:], other[-1:])
    assert not np.array_equal(steadied[5:15, 10:80], other[5:15, 10:80])


def test_the_same_range_gives_the_same_frames_and_another_others(shot):
    first, again, later = Steadier(), Steadier(), Steadier()
    a, b = ([steadier(*frame) for frame in shot] for steadier in (first, again))
    assert np.array_equal(a, b)
    assert not np.array_equal([later(*frame) for frame in shot[2:]], a[2:])


def test_a_frame_of_another_size_begins_anew(shot):
    steadier = Steadier()
    steadier(*shot[0])
    passes, picture = {name: array[:30] for name, array in shot[1][0].items()}, shot[1][1][:30]
    assert np.array_equal(steadier(passes, picture), picture)


def test_a_place_between_pixels_is_sharp_and_does_not_ring():
    picture = np.zeros((1, 20, 1), np.float32)
    picture[:, 10:] = 1
    rows, columns = np.zeros((1, 20), np.float32), np.arange(20, dtype=np.float32)[None]
    assert np.array_equal(sample(picture, rows, columns), picture)
    moved = sample(picture, rows, columns + 0.25)
    assert moved.min() == 0 and moved.max() == 1 and np.allclose(moved[0, 9, 0], 0.20, atol=0.05)
    assert np.array_equal(sample(picture, rows - 5, columns + 100)[..., 0], np.ones((1, 20)))
