import numpy as np
import torch

from export.training.window import draw_window, side_of


def test_what_is_judged_lies_anywhere_in_a_crop():
    crop = torch.arange(112).expand(1, 3, 112, 112)
    windows = [draw_window(112, np.random.default_rng(seed)) for seed in range(120)]
    assert {window.of(crop).shape for window in windows} == {(1, 3, side_of(112), side_of(112))}
    starts = np.array([(window.rows.start, window.columns.start) for window in windows])
    assert starts.min() < 4 and starts.max() + side_of(112) > 108  # the borders are judged too
    assert {*(starts % 4).ravel().tolist()} == set(range(4))  # no place between the strides of the judge is left out
