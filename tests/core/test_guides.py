"""A style's own guides: in the contract, in layers, and in files of their own beside the frames."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest

from core import Generator, PassError, StyleError, load_style, stylize
from core.commands import main
from core.exr import read_exr, write_part
from core.guides import GuideFiles, read_guide
from core.passes import PASSES, guide
from core.style import save_style
from tests.conftest import FIXTURES

pytest.importorskip("OpenEXR")

LIT = FIXTURES / "lit.onnx"
MATTE, STROKES = guide("hair_matte", 1), guide("strokes", 3)


@pytest.fixture
def passes(frame):
    """What the fixture style takes, 9 x 14 pixels."""
    rng = np.random.default_rng(0)
    others = {n: rng.uniform(0, 1, (9, 14, p.channels)).astype(np.float32) for n, p in load_style(LIT).table.items()}
    return others | {"image": frame(9, 14, opaque=True)}


def test_the_contract_names_them_with_channels_and_range(tmp_path):
    style = load_style(LIT)
    assert style.table["hair_matte"] == MATTE and style.table["emission"] is PASSES["emission"]
    contract = json.loads(style.to_json())
    assert contract["format_version"] == 3
    assert contract["guides"] == [
        {"name": "hair_matte", "channels": 1, "range": [0, 1]},
        {"name": "strokes", "channels": 3, "range": [0, None]},
    ]
    assert "guides" not in json.loads(load_style(FIXTURES / "swap.onnx").to_json())  # which older versions read
    save_style(tmp_path / "again.onnx", onnx.load(LIT), style)
    assert load_style(tmp_path / "again.onnx") == replace(style, path=tmp_path / "again.onnx")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"guides": [{"name": "normal", "channels": 3, "range": [0, None]}]}, "means something else"),
        ({"guides": [{"name": "Hair", "channels": 1, "range": [0, 1]}]}, "must be small letters"),
        ({"guides": [{"name": "hair", "channels": 2, "range": [0, 1]}]}, "must be a picture"),
        ({"guides": [{"name": "hair", "channels": 1, "range": [0, 1]}]}, "does not take"),
        ({"guides": [{"name": "hair"}]}, "list of objects"),
        ({"guides": [], "format_version": 2}, "unknown fields"),
    ],
)
def test_a_contract_that_makes_no_sense_is_refused(tmp_path, change, problem):
    model = onnx.load(LIT)
    contract = json.loads(model.metadata_props[0].value)
    model.metadata_props[0].value = json.dumps(contract | change)
    onnx.save(model, tmp_path / "s.onnx")
    with pytest.raises(StyleError, match=problem):
        load_style(tmp_path / "s.onnx")


def test_light_grows_with_the_exposure_and_shares_do_not(passes):
    generator = Generator(load_style(LIT), "cpu")
    flat = {name: np.full_like(array, 0.5) for name, array in passes.items()}
    flat["image"][..., 3] = 1
    held = {name: flat[name] for name in ("ambient_occlusion", "hair_matte")}
    without = flat | {name: np.zeros_like(array) for name, array in held.items()}
    # The style is linear: light alone comes out the same, and what shares add is divided by the gain.
    np.testing.assert_allclose(stylize(generator, without, exposure=2.0), stylize(generator, without), rtol=1e-5)
    added = stylize(generator, flat) - stylize(generator, without)
    less = stylize(generator, flat, exposure=2.0) - stylize(generator, without)
    assert added[..., :3].min() > 0.05
    np.testing.assert_allclose(less[..., :3], added[..., :3] / 4, rtol=1e-4)


def test_apply_takes_them_from_layers_called_so_or_named_and_from_files(tmp_path, passes, capfd):
    """In a layer of their own name, under another by --pass, in a folder and by the frame's number: the same picture."""
    channels = {name: passes["image"][..., i] for i, name in enumerate("RGBA")}
    for name in ("diffuse_direct", "glossy_direct", "emission", "ambient_occlusion"):
        channels |= {f"{PASSES[name].socket}.{c}": passes[name][..., i] for i, c in enumerate("RGB")}
    strokes = {c: passes["strokes"][..., i] for i, c in enumerate("RGB")}
    layers = {"Hair-Matte.Y": passes["hair_matte"][..., 0]} | {f"Strokes.{c}": plane for c, plane in strokes.items()}
    write_part(tmp_path / "whole.0007.exr", {}, channels | layers)
    renamed = {name.replace("Strokes", "Other"): plane for name, plane in layers.items()}
    write_part(tmp_path / "other.0007.exr", {}, channels | renamed)
    write_part(tmp_path / "plain.0007.exr", {}, channels)
    (tmp_path / "strokes").mkdir()
    write_part(tmp_path / "strokes" / "plain.0007.exr", {}, strokes)
    write_part(tmp_path / "hair_07.exr", {}, {"Y": passes["hair_matte"][..., 0]})

    def apply(frame: str, *options: str) -> np.ndarray:
        arguments = ["apply", "--provider", "cpu", str(LIT), str(tmp_path / frame), "--out", str(tmp_path / "out"), *options]
        assert main(arguments) == 0, capfd.readouterr().err
        return read_exr(tmp_path / "out" / frame)["image"]

    expected = stylize(Generator(load_style(LIT), "cpu"), passes)
    np.testing.assert_allclose(apply("whole.0007.exr"), expected, rtol=1e-5)
    np.testing.assert_allclose(apply("other.0007.exr", "--pass", "strokes=Other"), expected, rtol=1e-5)
    files = ("--guide", f"strokes={tmp_path / 'strokes'}", "--guide", f"hair_matte={tmp_path / 'hair_##.exr'}")
    np.testing.assert_allclose(apply("plain.0007.exr", *files), expected, rtol=1e-5)
    assert "hair_matte from" in capfd.readouterr().out

    for options, problem in (
        ((), "no pass 'hair_matte'"),
        (files[:2], "no pass 'hair_matte'"),
        ((*files[:2], "--guide", f"hair_matte={tmp_path / 'gone_##.exr'}"), "No frame fits"),
        ((*files[:2], "--guide", f"hair_matte={tmp_path / 'strokes' / 'plain.####.exr'}x"), "hair_matte"),
        (("--guide", f"hat={tmp_path}"), "can't name 'hat'"),
        (("--pass", "hat=Hat"), "can't name 'hat'"),
    ):
        assert main(["apply", str(LIT), str(tmp_path / "plain.0007.exr"), "--out", str(tmp_path / "none"), *options]) == 1
        assert problem in capfd.readouterr().err.splitlines()[-1]


def test_pictures_are_light_and_mattes_are_taken_as_they_are_stored(tmp_path):
    write_picture = pytest.importorskip("core.pictures", exc_type=ImportError).write_picture
    half = np.full((4, 6, 4), 0.5, np.float32)
    half[..., 3] = 1
    write_picture(tmp_path / "half.png", "png", half, 16, False)
    assert read_guide(tmp_path / "half.png", MATTE)[0, 0] == pytest.approx([0.5], abs=1e-3)
    assert read_guide(tmp_path / "half.png", STROKES)[0, 0] == pytest.approx([0.2140] * 3, abs=1e-3)  # IEC 61966-2-1
    with pytest.raises(PassError, match="holds no colours"):
        GuideFiles(PASSES["normal"], "normals.png")
    assert GuideFiles(MATTE, str(tmp_path / "half.png")).of(tmp_path / "any.png") == tmp_path / "half.png"
    with pytest.raises(PassError, match="no number at its end"):
        GuideFiles(MATTE, str(tmp_path / "h.###.png")).of(tmp_path / "any.png")
