import json
import shutil

import numpy as np
import pytest
from PIL import Image

from core import load_style
from core.exr import write_exr
from export.__main__ import main
from export.frames.sources import SourceError
from export.trials.gallery import GAP, GalleryConfig, GalleryError, gallery, shortcomings, table

from ...conftest import FIXTURES
from ..moving_frames import moving_frame, write_moving_frames

COST = {"seconds": 0.5, "peak_megabytes": 100.0, "provider": "cpu"}
GOOD = {"sliced_wasserstein": 50.0, "gram_gabor": 0.1, "ms_ssim": 0.9, "edge_agreement": 0.9, "warping_ratio": 1.4}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few patches, and no measuring of 1080p frames."""
    monkeypatch.setattr("export.trials.scoring.PATCHES", 1500)
    monkeypatch.setattr("export.trials.gallery.frame_cost", lambda path: COST)


@pytest.fixture
def folder(tmp_path):
    """Two shots, painted by the look of a style, and that style with a baseline."""
    data = tmp_path / "data"
    write_moving_frames(data / "looks" / "swap", count=9, height=64, width=80)
    shutil.copytree(data / "looks" / "swap" / "input", data / "input")
    for number in (1, 2, 3):
        write_exr(data / "input" / f"walk_{number:04d}.exr", moving_frame(20 * number, 64, 80))
    shutil.copy(FIXTURES / "swap.onnx", tmp_path / "swap.onnx")
    shutil.copy(FIXTURES / "tone.onnx", tmp_path / "swap_tone.onnx")
    return tmp_path


def config(folder, **settings):
    return GalleryConfig(
        folder / "data",
        (folder / "swap.onnx",),
        (folder / "swap_tone.onnx",),
        folder / "out",
        **{"frames": ("pan_000[123]",), "strip": "pan_*", **settings},
    )


def seen(path, line, column, height, width):
    """A picture's place on a page."""
    top, left = line * (height + GAP), column * (width + GAP)
    return np.asarray(Image.open(path), np.float32)[top : top + height, left : left + width]


def test_pictures_show_the_middle_of_each_shot_and_eight_frames_in_a_row(folder):
    gallery(config(folder))
    still, strip = folder / "out" / "swap.jpg", folder / "out" / "swap_strip.jpg"
    assert Image.open(still).size == (2 * 80 + GAP, 2 * 64 + GAP)
    for line in (0, 1):
        plain, stylised = (seen(still, line, column, 64, 80) for column in (0, 1))
        assert np.abs(plain - stylised[..., ::-1]).mean() < 4 < np.abs(plain - stylised).mean()  # red and blue are swapped
    assert Image.open(strip).size == (4 * 40 + 3 * GAP, 2 * 32 + GAP)
    first, last = seen(strip, 0, 0, 32, 40), seen(strip, 1, 3, 32, 40)
    assert np.abs(first - last).mean() > 4
    middle = seen(still, 0, 1, 64, 80)[16:48, 20:60]  # of frame 5 of 9, which is the strip's fifth
    assert np.abs(seen(strip, 1, 0, 32, 40) - middle).mean() < 4


def test_stills_may_be_of_another_folder_and_another_size(folder):
    (folder / "judging" / "input").mkdir(parents=True)
    write_exr(folder / "judging" / "input" / "pan_0001.exr", moving_frame(7, 48, 56))
    gallery(config(folder, stills=folder / "judging"))
    assert Image.open(folder / "out" / "swap.jpg").size == (2 * 56 + GAP, 48)
    assert Image.open(folder / "out" / "swap_strip.jpg").size == (4 * 40 + 3 * GAP, 2 * 32 + GAP)
    with pytest.raises(SourceError, match="There is no folder"):
        gallery(config(folder, stills=folder / "nowhere"))


def test_scores_are_kept_until_a_file_changes(folder, monkeypatch):
    first = gallery(config(folder))
    entry = json.loads((folder / "out" / "scores.json").read_text())["swap"]
    assert set(entry["rows"]) == {"plain", "style", "tone", "target"} and entry["frames"] == [f"pan_000{n}" for n in (1, 2, 3)]
    assert entry["rows"]["style"]["seconds"] == 0.5 and entry["rows"]["tone"]["file_megabytes"] < 0.1
    titles = [line.split("|")[1].strip() for line in first.splitlines()[2:]]
    assert titles == [f"**{entry['name']}**", "tone", "the look itself", "plain frames"]
    monkeypatch.setattr("export.trials.gallery.frame_cost", lambda path: COST | {"seconds": 0.25})
    assert gallery(config(folder)) == first
    shutil.copy(FIXTURES / "wide.onnx", folder / "swap_tone.onnx")
    assert gallery(config(folder)) != first


def test_a_style_is_held_against_a_truer_baseline_at_the_strength_where_it_is_as_true(folder, monkeypatch):
    monkeypatch.setattr("export.trials.gallery.strength_as_true", lambda footage, paint, other: 0.5)
    lines = gallery(config(folder)).splitlines()
    rows = json.loads((folder / "out" / "scores.json").read_text())["swap"]["rows"]
    assert rows["as true as tone"]["strength"] == 0.5 and "at strength 0.50, as true as tone" in lines[3]
    assert rows["style"]["gram_gabor"] < rows["as true as tone"]["gram_gabor"] < rows["plain"]["gram_gabor"]


def test_score_cards_are_written_once(folder):
    gallery(config(folder))
    gallery(config(folder, card=True))
    style = load_style(folder / "swap.onnx")
    scores = json.loads((folder / "out" / "scores.json").read_text())["swap"]["rows"]["style"]
    assert style.score_card["psnr"] == pytest.approx(scores["psnr"], rel=1e-3) and style.score_card["frames"] == 3
    before = (folder / "swap.onnx").stat().st_mtime_ns
    gallery(config(folder, card=True))
    assert (folder / "swap.onnx").stat().st_mtime_ns == before


def test_a_style_without_painted_frames_has_pictures_alone(folder, caplog, capsys):
    shutil.rmtree(folder / "data" / "looks")
    shutil.copy(folder / "swap.onnx", folder / "other_tone.onnx")
    command = [
        "gallery",
        "--data",
        str(folder / "data"),
        "--styles",
        str(folder / "swap.onnx"),
        "--out",
        str(folder / "out"),
        "--strip",
        "walk_*",
        "--baselines",
        str(folder / "other_tone.onnx"),
    ]
    assert main(command) == 0 and "other_tone.onnx is left out" in caplog.text
    assert "No scores of swap: let its look paint the frames" in caplog.text and "style: patches" in capsys.readouterr().out
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["swap.jpg", "swap_strip.jpg"]


def test_what_cannot_be_shown_is_one_sentence(folder, caplog):
    with pytest.raises(GalleryError, match="No frame in .* fits street_"):
        gallery(config(folder, strip="street_*"))
    with pytest.raises(GalleryError, match="There is no baseline .*nobody_tone.onnx"):
        gallery(GalleryConfig(folder / "data", (folder / "swap.onnx",), (folder / "nobody_tone.onnx",), folder / "out"))
    (folder / "out" / "scores.json").write_text("{")
    with pytest.raises(GalleryError, match="scores.json can't be read .*; delete it"):
        gallery(config(folder))
    shutil.copy(FIXTURES / "guided.onnx", folder / "swap.onnx")
    with pytest.raises(GalleryError, match="can't be stylised: The style needs the pass"):
        gallery(config(folder))


def test_shortcomings_name_what_is_not_ahead_and_what_is_not_steady():
    worse = {"sliced_wasserstein": 60.0, "gram_gabor": 0.2, "ms_ssim": 0.8, "edge_agreement": 0.8, "warping_ratio": 1.0}
    assert shortcomings({"style": GOOD, "pix2pix": worse, "plain": {}, "target": GOOD}) == []
    weaker = GOOD | {"strength": 0.7, "ms_ssim": 0.95, "edge_agreement": 0.97}
    truer = worse | {"ms_ssim": 0.95, "edge_agreement": 0.96}
    assert shortcomings({"style": GOOD, "as true as pix2pix": weaker, "pix2pix": truer}) == []
    assert shortcomings({"style": GOOD, "as true as pix2pix": weaker, "pix2pix": truer | {"edge_agreement": 0.98}}) == [
        "is not ahead of pix2pix in content: edges at strength 0.70, where it is as true"
    ]
    sentences = shortcomings({"style": worse | {"warping_ratio": 1.6}, "pix2pix": worse | {"ms_ssim": 0.7}, "plain": {}})
    assert sentences == [
        "is not ahead of pix2pix in style: patches, style: Gram Gabor, content: edges",
        "swims or flickers: its warping error is 1.60 times the plain frames'",
    ]


def test_a_table_has_a_line_per_row_of_each_style():
    rows = {"plain": {"ms_ssim": 1.0}, "style": GOOD, "method": GOOD | {"file_megabytes": 2.62}, "target": {}}
    lines = [line.strip("|").split("|") for line in table({"ink": {"name": "Ink", "rows": rows}}).splitlines()]
    cells = [[cell.strip() for cell in line] for line in lines]
    assert {len(line) for line in cells} == {11} and cells[0][1] == "style: patches (less)"
    assert [line[0] for line in cells[2:]] == ["**Ink**", "method", "the look itself", "plain frames"]
    assert cells[2][1:4] == ["50.0", "0.100", "0.900"] and cells[3][-1] == "2.6" and cells[5][1:4] == ["", "", "1.000"]
