import pytest

from core.colour import encode_log
from export.datasets.looks import LOOKS
from export.datasets.looks.smoothing import scenery

from .walls import wall

EDGE = 72
"""Column in which a window of a panorama ends."""


@pytest.fixture
def panorama():
    """Passes of a wall that is no surface, but a picture of one behind the scene."""
    passes = wall()
    passes["depth"][:], passes["normal"][:], passes["position"][:] = 1e10, 0, 0
    passes["image"][:, EDGE:, :3] = 0.75
    return passes


@pytest.mark.parametrize("look", ["cel", "ink_hatching"])
def test_a_backdrop_keeps_its_borders(panorama, look):
    painted = encode_log(LOOKS[look](panorama)).mean(axis=(0, 2))
    change = painted[EDGE + 24] - painted[EDGE - 24]
    assert change > 0.1 and painted[EDGE + 6] - painted[EDGE - 6] > 0.85 * change


def test_borders_of_light_are_looked_for_behind_all_surfaces_alone(panorama):
    assert scenery(panorama)[:, EDGE - 1 : EDGE + 1].min() > 0.9 and scenery(panorama)[:, : EDGE - 8].max() < 0.01
    panorama["depth"][:] = 5
    assert scenery(panorama).max() == 0
