"""`python -m core adopt`: what it prints, writes and refuses."""

import io
import struct
import zlib

import numpy as np
import pytest

from core import load_style
from core.adopt.sheet import draw_sheet, encode_png
from core.commands import main
from tests.core.adopt.families import model, save

CLIP = ("Clip", ["x", np.float32(0), np.float32(1)], ["y"], {})


@pytest.fixture
def foreign(tmp_path):
    return str(save(tmp_path / "foreign.onnx", model([CLIP], [1, 3, "h", "w"], [1, 3, "h", "w"])))


def png_pixels(content: bytes) -> np.ndarray:
    """(H, W, 3) of a PNG of 8 bits whose rows have no filter."""
    width, height = struct.unpack(">II", content[16:24])
    parts, at = b"", 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        parts += content[at + 8 : at + 8 + length] if content[at + 4 : at + 8] == b"IDAT" else b""
        at += length + 12
    rows = np.frombuffer(zlib.decompress(parts), np.uint8).reshape(height, 1 + 3 * width)
    return rows[:, 1:].reshape(height, width, 3)


def test_it_says_what_it_found_and_draws_the_candidates(tmp_path, foreign, capsys):
    out = tmp_path / "style.onnx"
    assert (
        main(["adopt", foreign, "--out", str(out), "--name", "Clip", "--author", "A. Painter", "--source", "https://example.org"])
        == 0
    )
    printed = capsys.readouterr().out
    for words in (
        "Clip, licence unknown, author A. Painter",
        "layout    NCHW",
        "answer    0..1 (sure, as the file says so)",
        "any, in",
    ):
        assert words in printed
    style = load_style(out)
    assert style.training["source"] == "https://example.org" and style.licence == "unknown"
    sheet = png_pixels((tmp_path / "style.png").read_bytes())
    assert sheet.shape[1] == 4 * 256 and np.ptp(sheet[:192, :256]) > 200


def test_an_artist_who_sits_there_is_asked(tmp_path, foreign, monkeypatch, capsys):
    terminal = io.StringIO("MIT\n\nhttps://example.org\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    assert main(["adopt", foreign, "--out", str(tmp_path / "style.onnx")]) == 0
    assert "Licence of the model" in capsys.readouterr().out
    style = load_style(tmp_path / "style.onnx")
    assert (style.licence, style.author, style.training["source"]) == ("MIT", "", "https://example.org")


def test_findings_are_set_by_hand(tmp_path, foreign):
    by_hand = ["--range=-1..1:0..1", "--order", "bgr", "--encoding", "linear", "--size", "64x48", "--layout", "NCHW"]
    assert main(["adopt", foreign, "--out", str(tmp_path / "style.onnx"), *by_hand]) == 0
    found = load_style(tmp_path / "style.onnx").training["adopted"]
    assert found["size"] == [48, 64] and (found["range_in"], found["range_out"], found["order"]) == ("-1..1", "0..1", "bgr")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--range", "0..2"], "there is no range '0..2', but 0..1, -1..1, 0..255"),
        (["--size", "0x64"], "must be like 512x512, not 0x64"),
        (["--multiple", "0"], "must be a whole number from 1 to 256"),
        (["--input", "strength"], "must be like strength=0.5, weights=0,1,0 or vector=FILE.npy, not strength"),
        (["--input", "v=none.npy"], "must be like strength=0.5"),
    ],
)
def test_what_can_not_be_set_is_said(tmp_path, foreign, capsys, arguments, words):
    assert main(["adopt", foreign, "--out", str(tmp_path / "style.onnx"), *arguments]) == 1
    assert words in capsys.readouterr().err


def test_a_sheet_has_every_picture_under_its_name():
    pictures = {f"range {index}": np.full((20, 60, 3), index / 4, np.float32) for index in range(5)}
    pixels = png_pixels(encode_png(draw_sheet(pictures)))
    assert pixels.shape == (2 * (20 + 16), 4 * 60, 3)
    assert pixels[10, 30, 0] == 0 and pixels[10, 210, 0] == 191 and pixels[46, 30, 0] == 255
    assert (pixels[20:36, :60] > 200).any()
