import numpy as np
import torch

from export.networks.build import make_generator
from export.networks.encoding import places
from export.networks.scan_lines import ScanLines


def test_a_wave_down_the_frame_that_is_the_same_in_each_tile_however_far_down():
    lines = ScanLines(8)
    whole = lines(places(64, 4))[0, 0]
    np.testing.assert_allclose(whole[:, 0], -np.sqrt(2) * np.cos(2 * np.pi * np.arange(64) / 8), atol=1e-4)
    assert torch.equal(whole, whole[:, :1].expand(64, 4)) and abs(whole.std().item() - 1) < 0.02
    for row in (24, 8000):
        assert torch.equal(lines(places(40, 4, row))[0, 0], lines(places(40, 4, row % 8))[0, 0])


def test_a_generator_paints_by_them_at_full_size_though_it_works_at_a_quarter():
    generator = make_generator(("image",), widths=(16, 16, 1, 1), scan_lines=8)
    assert generator.placed
    with torch.no_grad():
        painted = generator(torch.full((1, 3, 64, 64), 0.2), places(64, 64))[0, 1]
    rows = painted[16:48, 16:48].mean(1)
    assert rows.std() > 0.1 * rows.mean(), "they are there from the first step on"
    dark = (rows < rows.mean()).int()
    assert dark.tolist() == dark[:8].tolist() * 4 and dark[4] and not dark[0]
