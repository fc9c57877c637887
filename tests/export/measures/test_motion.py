import pytest
import torch

from export.measures.motion import follow, in_sight, steadiness

HEIGHT, WIDTH = 24, 32


def shift(dx: int, dy_up: int, depth: float = 5.0) -> dict[str, torch.Tensor]:
    """Passes of a frame whose whole picture moves by (dx, dy_up) pixels from each frame to the next."""
    motion = torch.tensor([-dx, -dy_up, -dx, -dy_up], dtype=torch.float32)  # previous - this, this - next
    return {
        "vector": motion[None, :, None, None].expand(1, 4, HEIGHT, WIDTH).clone(),
        "depth": torch.full((1, 1, HEIGHT, WIDTH), depth),
    }


def moved(picture: torch.Tensor, dx: int, dy_up: int) -> torch.Tensor:
    return picture.roll((-dy_up, dx), (2, 3))


@pytest.fixture
def picture():
    return torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))


def test_following_the_motion_finds_the_surface_again(picture):
    passes = shift(3, 2)
    found = follow(moved(picture, 3, 2), passes["vector"])
    assert torch.allclose(found[..., 2:, :-3], picture[..., 2:, :-3], atol=1e-5)
    assert not torch.allclose(moved(picture, 3, 2), picture, atol=0.1)


def test_what_leaves_the_picture_is_out_of_sight():
    seen = in_sight(shift(3, 2), shift(3, 2))[0, 0]
    assert seen[2:, :-3].all() and not seen[:2].any() and not seen[:, -3:].any()


def test_what_something_nearer_or_of_other_motion_covers_is_out_of_sight():
    now, later = shift(3, 0), shift(3, 0)
    later["depth"][..., 8:12, 10:20] = 2.0
    later["vector"][..., 16:20, 10:20] = 0.0
    seen = in_sight(now, later)[0, 0]
    assert not seen[8:12, 8:16].any() and not seen[16:20, 8:16].any() and seen[0:7, :-3].all()


def test_a_steady_output_costs_nothing_and_a_flicker_does(picture):
    now, later = shift(2, 0), shift(2, 0)
    images = (picture, moved(picture, 2, 0))
    seen = in_sight(now, later)
    output = 1 - picture
    assert steadiness((output, moved(output, 2, 0)), images, seen, now["vector"]) < 1e-5
    flicker = steadiness((output, moved(output, 2, 0) + 0.1), images, seen, now["vector"]).item()
    assert flicker == pytest.approx(0.1 * seen.mean().item(), rel=1e-3)


def test_where_the_light_changes_the_output_may_change_too(picture):
    now, later = shift(2, 0), shift(2, 0)
    seen, output = in_sight(now, later), (picture, moved(picture, 2, 0) + 0.5)
    same, lit = (steadiness(output, (picture, moved(picture, 2, 0) + light), seen, now["vector"]) for light in (0.0, 0.5))
    assert lit < 0.01 * same
