import json
import shutil

import onnx
import pytest
from PIL import Image

from core import load_style
from export.__main__ import main
from export.config import TrainConfig
from export.training.train import train
from export.trials.evaluate import EvaluateConfig, EvaluateError, evaluate, write_card

from ...conftest import FIXTURES
from ..moving_frames import write_moving_frames
from ..vgg_weights import write_vgg_weights

COST = {"seconds": 0.5, "peak_megabytes": 100.0, "provider": "cpu"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_moving_frames(tmp_path_factory.mktemp("shot"), count=2, height=64, width=80)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few patches; and the cost of a 1080p frame is measured in its own test."""
    monkeypatch.setattr("export.trials.scoring.PATCHES", 1500)
    monkeypatch.setattr("export.trials.evaluate.frame_cost", lambda path, provider: COST)


def test_scores_go_to_a_table_a_file_a_sheet_and_the_style_file(folder, tmp_path, capsys):
    style = shutil.copy(FIXTURES / "swap.onnx", tmp_path / "swap.onnx")
    before, weights = load_style(style), onnx.load_model(style).graph.SerializeToString()
    out = tmp_path / "scores"
    assert main(["evaluate", str(style), "--data", str(folder), "--out", str(out), "--card"]) == 0
    table = capsys.readouterr().out
    report = json.loads((out / "scores.json").read_text())
    scores = report["rows"]["style"]
    assert report["frames"] == ["pan_0001", "pan_0002"] and set(report["rows"]) == {"plain", "style", "target"}
    for label, name, form in (("PSNR", "psnr", ".2f"), ("patches", "sliced_wasserstein", ".1f"), ("1080p", "seconds", ".2f")):
        assert format(scores[name], form) in next(line for line in table.splitlines() if label in line).split()
    assert Image.open(out / "scores.png").width == 1600
    after = load_style(style)
    assert after.score_card["psnr"] == pytest.approx(scores["psnr"], rel=1e-3) and after.score_card["frames"] == 2
    assert after.score_card | before.score_card == after.score_card
    assert (after.name, after.thumbnail, after.training, after.passes) == (
        before.name,
        before.thumbnail,
        before.training,
        before.passes,
    )
    assert onnx.load_model(str(style)).graph.SerializeToString() == weights
    assert sorted(p.name for p in (*tmp_path.iterdir(), *out.iterdir())) == ["scores", "scores.json", "scores.png", "swap.onnx"]


def test_a_run_is_scored_on_the_frames_held_out_from_it(tmp_path, folder):
    run = train(
        TrainConfig(
            folder,
            tmp_path / "run",
            crop=64,
            batch=1,
            widths=(16, 16, 1, 1),
            discriminator_layers=2,
            steps=2,
            threads=1,
            holdout=("pan_0002",),
        )
    )
    rows = evaluate(EvaluateConfig(run, folder, out=tmp_path / "out"))
    report = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert report["frames"] == ["pan_0002"] and report["style"] == "run" and set(rows) == {"plain", "style", "target"}
    assert 0 < rows["style"]["parity"] < 1e-3 > rows["style"]["tf32"] > 0 and "parity" not in rows["plain"]
    assert 0 < rows["style"]["half"] < 1e-2
    named = evaluate(EvaluateConfig(run, folder, frames=("pan_*",)))
    assert "warping_error" in named["style"] and "warping_error" not in rows["style"]
    with pytest.raises(EvaluateError, match="no style file, so it takes no score card"):
        evaluate(EvaluateConfig(run, folder, card=True))


def test_vgg_is_used_where_its_weights_are(tmp_path, folder, monkeypatch):
    monkeypatch.setattr("export.trials.evaluate.GRAM_LAYERS", ("relu1_1", "relu2_1"))
    weights = write_vgg_weights(tmp_path / "vgg.pth")
    rows = evaluate(EvaluateConfig(FIXTURES / "swap.onnx", folder, vgg_weights=weights))
    assert rows["target"]["gram_vgg19"] == 0 < rows["plain"]["gram_vgg19"] and "gram_gabor" not in rows["plain"]


def test_what_cannot_be_scored_is_one_sentence(tmp_path, folder, caplog):
    assert main(["evaluate", str(tmp_path / "no.onnx"), "--data", str(folder)]) == 1
    assert "There is no style file" in caplog.text
    assert main(["evaluate", str(FIXTURES / "guided.onnx"), "--data", str(folder)]) == 1
    assert "can't be stylised: The style needs the pass" in caplog.text
    (tmp_path / "file").touch()
    assert main(["evaluate", str(FIXTURES / "swap.onnx"), "--data", str(folder), "--out", str(tmp_path / "file")]) == 1
    assert "can't be made (File exists); give another --out" in caplog.text


def test_a_card_that_cannot_be_written_leaves_the_style_as_it_was(tmp_path):
    style = shutil.copy(FIXTURES / "swap.onnx", tmp_path / "swap.onnx")
    content = style.read_bytes()
    nested = {}
    for _ in range(20):
        nested = {"deeper": nested}
    with pytest.raises(EvaluateError, match="can't be written: .*levels"):
        write_card(style, nested)
    assert style.read_bytes() == content and list(tmp_path.iterdir()) == [style]
