"""Reading and refusing style files."""

import base64
import json
import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from core import Style, StyleError, load_style
from core.style import ForeignModelError, save_style
from tests.conftest import FIXTURES


@pytest.fixture
def model():
    return onnx.load(FIXTURES / "swap.onnx")


def contract(model) -> dict:
    return json.loads(model.metadata_props[0].value)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *more: bytes, pixels: bytes | None = None, header: bytes = b"\x08\x02\0\0\0") -> bytes:
    """A black picture with more chunks, or with other bytes in the place of its pixels."""
    pixels = bytes(min(height * (1 + 3 * width), 2**22)) if pixels is None else pixels
    parts = [chunk(b"IHDR", struct.pack(">II", width, height) + header), *more]
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b"")])


def text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def nested(levels: int) -> dict:
    value = {}
    for _ in range(levels):
        value = {"deeper": value}
    return value


def store(model, path, **changes):
    model.metadata_props[0].value = json.dumps(contract(model) | changes)
    onnx.save(model, path)
    return path


def test_a_style_comes_back_as_it_was_saved(model, tmp_path):
    style = Style("Ölbild", "A", "CC0-1.0", "Strokes.", ("image",), 16, 144, False, training={"steps": 10}, thumbnail=png(64, 64))
    save_style(tmp_path / "s.onnx", model, style)
    assert load_style(tmp_path / "s.onnx") == replace(style, path=tmp_path / "s.onnx")


def test_a_field_of_a_later_version_raises_the_version_only_where_it_is_used(model, tmp_path):
    save_style(tmp_path / "plain.onnx", model, Style("Plain", alignment=1))
    save_style(tmp_path / "fixed.onnx", model, Style("Fixed", alignment=1, window=(48, 64)))
    save_style(tmp_path / "placed.onnx", onnx.load(FIXTURES / "placed.onnx"), Style("Placed", alignment=1, placed=True))
    versions = [contract(onnx.load(tmp_path / f"{name}.onnx"))["format_version"] for name in ("plain", "fixed", "placed")]
    assert versions == [1, 2, 3]
    style = load_style(tmp_path / "fixed.onnx")
    assert style.window == (48, 64) and not style.tiles_exact


@pytest.mark.parametrize("name", ["Ink", "Öl 2", "水彩", "قلم", "3", "Console", "COM10", "Ink v1.2", "🎨 Paint"])
def test_names_of_every_writing_are_fine(model, tmp_path, name):
    assert load_style(store(model, tmp_path / "s.onnx", name=name)).name == name


def test_a_thumbnail_that_would_unfold_is_refused_at_once(model, tmp_path):
    path = store(model, tmp_path / "s.onnx", thumbnail=text(png(1024, 1024, pixels=bytes(2**26))))
    tracemalloc.start()
    try:
        with pytest.raises(StyleError, match="not hold as many pixels"):
            load_style(path)
        assert tracemalloc.get_traced_memory()[1] < 2**24, "no more than the picture's own pixels were unfolded"
    finally:
        tracemalloc.stop()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StyleError, match="no style file .*gone.onnx; install"):
        load_style(tmp_path / "gone.onnx")


@pytest.mark.parametrize("content", [b"", b"not onnx at all", bytes(range(256)) * 20])
def test_rubbish_is_refused(tmp_path, content):
    (tmp_path / "s.onnx").write_bytes(content)
    with pytest.raises(StyleError, match="s.onnx"):
        load_style(tmp_path / "s.onnx")


def test_every_truncation_is_refused(tmp_path):
    whole = (FIXTURES / "swap.onnx").read_bytes()
    for size in range(len(whole)):
        (tmp_path / "s.onnx").write_bytes(whole[:size])
        with pytest.raises(StyleError):
            load_style(tmp_path / "s.onnx")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"window": [48, 64]}, "unknown fields: 'window'"),
        ({"window": [48, 65], "alignment": 8, "format_version": 2}, "'window' of its contract must be a height and a width"),
        ({"window": [48], "format_version": 2}, "'window' of its contract"),
        ({"window": [True, 64], "format_version": 2}, "'window' of its contract"),
        ({"placed": True, "format_version": 2}, "unknown fields: 'placed'"),
        ({"placed": 1, "format_version": 3}, "'placed' of its contract must be true or false"),
        ({"placed": True, "format_version": 3}, "names the inputs image, place, but its graph takes image"),
        ({"format_version": 4}, "format version 4.*export the style again or update"),
        ({"surprise": 1}, "unknown fields: 'surprise'"),
        ({"name": ""}, "1 to 60 characters"),
        ({"name": 5}, "'name' .* one line of text"),
        ({"description": "two\nlines"}, "one line of text"),
        ({"alignment": 0}, "whole number from 1 to 256"),
        ({"alignment": True}, "whole number"),
        ({"receptive_radius": -1}, "'receptive_radius'"),
        ({"tiles_exact": "yes"}, "true or false"),
        ({"passes": []}, "list that starts with"),
        ({"passes": ["image", "image"]}, "repeats nothing"),
        ({"passes": ["image", "smell"]}, "don't exist: 'smell'"),
        ({"passes": ["image", "depth"]}, "its graph takes image"),
        ({"working_space": "ACEScg"}, "only Linear Rec.709"),
        ({"thumbnail": "%"}, "thumbnail"),
        ({"thumbnail": 3}, "thumbnail"),
        ({"thumbnail": base64.b64encode(b"GIF89a" + bytes(30)).decode()}, "PNG"),
        ({"thumbnail": text(png(60000, 60000))}, "at most 1024 x 1024 pixels"),
        ({"thumbnail": text(png(64, 64) + bytes(2**19))}, "at most 512 KiB"),
        ({"thumbnail": text(png(64, 64)[:-20])}, "damaged"),
        ({"thumbnail": text(png(64, 64) + b"more")}, "damaged, or holds more"),
        ({"thumbnail": text(png(64, 64, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**26)))))}, "holds more than a picture"),
        ({"thumbnail": text(png(64, 64, pixels=bytes(2**26)))}, "not hold as many pixels"),
        ({"thumbnail": text(png(64, 64, pixels=bytes(99)))}, "not hold as many pixels"),
        ({"thumbnail": text(png(64, 64, header=b"\x10\x06\0\0\0"))}, "8 bits"),
        ({"thumbnail": text(png(64, 64, header=b"\x08\x02\0\0\x01"))}, "not interlaced"),
        ({"name": "\u3164"}, "can't be seen"),
        ({"name": "\u2800\u2800"}, "can't be seen"),
        ({"name": "A\uffa0B"}, "can't be seen"),
        ({"name": "\u0301\u0301"}, "must have letters or digits"),
        ({"name": "..."}, "must have letters or digits"),
        ({"name": "CON"}, "keeps for devices"),
        ({"name": "nul.onnx"}, "keeps for devices"),
        ({"name": "Com\u00b9"}, "keeps for devices"),
        ({"name": "Ink."}, "end in a dot"),
        ({"name": "Ink "}, "begin or end with a space"),
        ({"author": "private \ue000"}, "one line of text"),
        ({"training": []}, "'training'"),
        ({"training": {"command": "train\n--data x"}}, "'training' .* one line of text"),
        ({"score_card": {"lpips": [{"<b>": 1}]}}, "'score_card' .* without markup"),
        ({"score_card": {"two\nlines": 1}}, "'score_card' .* one line of text"),
        ({"training": nested(40)}, "at most 16 levels"),
        ({"training": {"log": "x" * 2**20}}, "longer than"),
        ({"passes": ["image", []]}, "list that starts with"),
        ({"passes": "image"}, "list that starts with"),
        ({"name": "../../startup/evil"}, "must not begin with a dot"),
        ({"name": "C:\\evil"}, "character that file names can't have"),
        ({"description": "Nice <img src=x onerror=alert(1)>"}, "without markup"),
        ({"author": "right\u202eleft"}, "one line of text"),
        ({"author": "\ud800"}, "one line of text"),
        ({"author": "line\u2028line"}, "one line of text"),
        ({"format_version": "9\n" * 500}, "format version 9 9"),
        ({"alignment": list(range(10000))}, "whole number"),
    ],
)
def test_a_wrong_contract_is_refused_with_its_field(model, tmp_path, changes, words):
    with pytest.raises(StyleError, match=words):
        load_style(store(model, tmp_path / "s.onnx", **changes))


def test_two_contracts_are_refused(model, tmp_path):
    model.metadata_props.add().CopyFrom(model.metadata_props[0])
    onnx.save(model, tmp_path / "s.onnx")
    with pytest.raises(StyleError, match="contract"):
        load_style(tmp_path / "s.onnx")


def test_a_contract_that_is_not_utf8_is_refused(tmp_path):
    content = (FIXTURES / "swap.onnx").read_bytes()
    (tmp_path / "s.onnx").write_bytes(content.replace(b'"Swap"', b'"S\xffap"'))
    with pytest.raises(StyleError, match="not UTF-8"):
        load_style(tmp_path / "s.onnx")


def test_a_name_that_no_file_can_have_is_an_error(tmp_path):
    with pytest.raises(StyleError, match="can't be read"):
        load_style(tmp_path / ("x" * 5000))


@pytest.mark.parametrize("ending", ["json", "textproto", "onnxtxt", "txt"])
def test_the_ending_of_the_name_does_not_matter(tmp_path, ending):
    (tmp_path / f"s.{ending}").write_bytes((FIXTURES / "swap.onnx").read_bytes())
    assert load_style(tmp_path / f"s.{ending}").name == "Swap"


def test_a_file_of_another_tool_is_refused(model, tmp_path):
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "s.onnx")
    with pytest.raises(ForeignModelError, match="no GAN Style contract; adopt it first"):
        load_style(tmp_path / "s.onnx")


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100000, '{"alignment": 1' + "0" * 5000 + "}"])
def test_a_contract_that_is_no_object_is_refused(model, tmp_path, text):
    model.metadata_props[0].value = text
    onnx.save(model, tmp_path / "s.onnx")
    with pytest.raises(StyleError, match="contract"):
        load_style(tmp_path / "s.onnx")


def spoil_domain(model):
    model.opset_import.add(domain="com.stranger", version=1)


def spoil_opset(model):
    model.opset_import[0].version = 21


def spoil_external(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def spoil_control_flow(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], [], body=body))


def spoil_output(model):
    model.graph.output[0].name = model.graph.node[0].output[0] = "other"


def spoil_channels(model):
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4


def spoil_fixed_size(model):
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 224


def spoil_node(model):
    model.graph.node[0].op_type = "NoSuchOperator"


@pytest.mark.parametrize(
    "spoil, words",
    [
        (spoil_domain, "com.stranger"),
        (spoil_opset, "operator set 21"),
        (spoil_external, "another file"),
        (spoil_control_flow, "control flow operator Loop"),
        (spoil_output, "one output 'stylized'"),
        (spoil_channels, r"shape of|shape \(1, 3, any, any\)"),
        (spoil_fixed_size, r"its shape is \(1, 3, 224, any\)"),
        (spoil_node, "operator NoSuchOperator"),
    ],
)
def test_a_hostile_or_foreign_graph_is_refused(model, tmp_path, spoil, words):
    spoil(model)
    onnx.save(model, tmp_path / "s.onnx")
    with pytest.raises(StyleError, match=words):
        load_style(tmp_path / "s.onnx")


def test_save_refuses_what_load_would_refuse_and_writes_nothing(model, tmp_path):
    with pytest.raises(StyleError, match="its graph takes image"):
        save_style(tmp_path / "s.onnx", model, Style("S", passes=("image", "depth")))
    assert not list(tmp_path.iterdir())


def test_fixtures_are_what_their_script_makes(monkeypatch, tmp_path):
    from tests import make_fixtures

    monkeypatch.setattr(make_fixtures, "FIXTURES", tmp_path)
    make_fixtures.main()
    for made in tmp_path.iterdir():
        ours, theirs = (onnx.load(folder / made.name) for folder in (tmp_path, FIXTURES))
        assert ours.metadata_props[0].value == theirs.metadata_props[0].value
        for a, b in zip(ours.graph.initializer, theirs.graph.initializer, strict=True):
            np.testing.assert_array_equal(onnx.numpy_helper.to_array(a), onnx.numpy_helper.to_array(b))
