import numpy as np
import pytest

from core.colour import decode_log, encode_log, luminance
from export.datasets.looks import LOOKS
from export.datasets.looks.cel import cel
from export.datasets.looks.lines import backdrop
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


def test_graphic_novel_inks_the_borders_of_a_backdrop(panorama):
    tone = luminance(encode_log(LOOKS["graphic_novel"](panorama))).mean(0)
    line = tone[EDGE - 4 : EDGE + 4].min()
    assert line < 0.5 * min(tone[EDGE - 16], tone[EDGE + 16])
    assert np.ptp(tone[8 : EDGE - 12]) < 0.02


def test_a_backdrop_s_soft_light_has_no_borders(panorama):
    panorama["image"][..., :3] = decode_log(np.linspace(0.2, 0.9, panorama["image"].shape[1], dtype=np.float32))[:, None]
    assert backdrop(panorama).max() == 0


def test_cel_paints_a_backdrop_in_clear_cool_colours_and_leaves_white_white(panorama):
    panorama["image"][:, :EDGE, :3], panorama["image"][:, EDGE:, :3] = (0.05, 0.08, 0.12), 1
    painted = cel(panorama)
    dark, plain = painted[40, 20], panorama["image"][40, 20, :3]
    assert dark[2] / dark[0] > 1.3 * plain[2] / plain[0]
    assert np.ptp(encode_log(painted[40, EDGE + 40])) < 0.02
