import numpy as np
import pytest
import torch

from export.trials.score_sheet import SCORES, WIDTH, sheet, table

ROWS = {"plain": {"psnr": 15.794, "warping_error": 0.25}, "ours": {"psnr": 20.646, "seconds": 0.56}, "target": {}}


def test_a_table_has_a_line_per_score_and_a_column_per_row():
    lines = [line.split("  ") for line in table(ROWS).splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells[0] == ["plain", "ours", "target"]
    assert cells[2:] == [["target: PSNR dB (more is better)", "15.79", "20.65"], ["seconds at 1080p (less is better)", "0.56"]]


def test_a_mean_stands_beside_its_spread():
    text = table(ROWS, {"ours": {"psnr": 0.126}})
    assert "15.79 " in text and "20.65 ± 0.13" in text and "0.56 ±" not in text
    assert sheet(ROWS, {}, "A title", {"ours": {"psnr": 0.126}}).width >= WIDTH


def test_every_score_has_a_form_that_fits_its_numbers():
    rows = {"ours": dict.fromkeys(SCORES, 1.0)}
    assert len(table(rows).splitlines()) == 2 + len(SCORES)
    assert {score.better for score in SCORES.values()} == {"less", "more"}


@pytest.mark.parametrize("count", [2, 6])
def test_a_sheet_shows_each_picture_in_the_column_of_its_row(count):
    rows = {f"row{n}": {"psnr": 10.0 + n} for n in range(count)}
    grey = {row: torch.full((3, 36, 64), number / count) for number, row in enumerate(rows)}
    del grey["row0"]  # not every frame has a picture in every row
    page = np.asarray(sheet(rows, {"shot_0001": grey}, "A title"))
    assert page.shape[1] >= WIDTH
    column = page.shape[1] // count
    middles = [page[120, column * n + column // 2] for n in range(count)]
    assert middles[0].tolist() == page[-1, -1].tolist()  # paper
    brightness = [int(m[0]) for m in middles[1:]]
    assert brightness == sorted(brightness) and len(set(brightness)) == count - 1


def test_a_sheet_has_empty_cells_where_nothing_was_measured():
    assert sheet(ROWS, {}, "A title").width >= WIDTH
