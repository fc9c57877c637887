"""Frames of every kind that OpenEXR knows, made by the tests: what is read of them, and what is in them after a style."""

from pathlib import Path

import numpy as np
import pytest

from core.chromaticities import to_rec709
from core.commands import main
from core.exr import ExrError, read_headers, read_parts
from core.frame import read_frame, write_frame
from core.layers import Selection
from tests.conftest import FIXTURES

OpenEXR = pytest.importorskip("OpenEXR")
SWAP, NORMAL = (str(FIXTURES / f"{name}.onnx") for name in ("swap", "normal"))
SCAN = {"type": OpenEXR.scanlineimage}


def planes(names: str, height: int = 4, width: int = 5, seed: int = 0, prefix: str = "") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {prefix + name: rng.uniform(0.1, 0.9, (height, width)).astype(np.float32) for name in names.split()}


def write(path: Path, *parts: tuple[dict, dict]) -> Path:
    OpenEXR.File([OpenEXR.Part(SCAN | header, dict(channels), header.get("name", "")) for header, channels in parts]).write(
        str(path)
    )
    return path


def applied(source: Path, *arguments: str, style: str = SWAP) -> list[tuple[dict, dict]]:
    assert main(["apply", style, str(source), "--out", str(source.parent / "out"), "--provider", "cpu", *arguments]) == 0
    return read_parts(source.parent / "out" / source.name)


def assert_swapped(channels: dict, like: dict, prefix: str = "") -> None:
    for name, other in (("R", "B"), ("G", "G"), ("B", "R")):
        np.testing.assert_allclose(channels[prefix + name], like[prefix + other], rtol=1e-5)


def test_all_views_are_stylised_and_kept_apart_by_their_parts(tmp_path):
    """As Blender and Nuke write stereo, with the guides and their own windows; and as the collection's right eye comes first."""
    window = [{"dataWindow": ((x, 1), (x + 4, 4)), "displayWindow": ((0, 0), (9, 9))} for x in (2, 3)]
    parts = [
        ({"name": "rgba_right", "view": "right", **window[1]}, planes("R G B A", seed=1)),
        ({"name": "normal_left", "view": "left", **window[0]}, planes("normal.X normal.Y normal.Z", seed=2)),
        ({"name": "rgba_left", "view": "left", "owner": "me", **window[0]}, planes("R G B A", seed=3)),
        ({"name": "rgba.id", "displayWindow": ((0, 0), (9, 9))}, {"id": np.arange(20, dtype=np.uint32).reshape(4, 5)}),
    ]
    source = write(tmp_path / "a.exr", *parts)
    written = applied(source)
    assert [header["name"] for header, _ in written] == ["rgba_right", "normal_left", "rgba_left", "rgba.id"]
    assert written[2][0]["owner"] == "me" and [h.get("view") for h, _ in written] == ["right", "left", "left", None]
    for index in (0, 2):
        assert_swapped(written[index][1], parts[index][1])
        np.testing.assert_array_equal(written[index][0]["dataWindow"], parts[index][0]["dataWindow"])
    for index in (1, 3):
        for name, plane in parts[index][1].items():
            np.testing.assert_array_equal(written[index][1][name], plane)
    alone = applied(source, "--view", "left", style=NORMAL)
    assert [header["name"] for header, _ in alone] == ["normal_left", "rgba_left", "rgba.id"]


@pytest.mark.parametrize(
    "names", [("left", "right"), ("rgba.left", "rgba.right"), ("ViewLayer.Combined-left", "ViewLayer.Combined-right")]
)
def test_the_view_in_a_parts_name_is_no_part_of_the_layers(tmp_path, names):
    both = [
        ({"name": name, "view": view}, planes("R G B A", seed=s))
        for name, view, s in zip(names, ("left", "right"), (1, 2), strict=True)
    ]
    frame = read_frame(write(tmp_path / "a.exr", *both))
    assert [view.name for view in frame.views] == ["left", "right"]
    for passes, (_, channels) in zip(frame.passes, both, strict=True):
        np.testing.assert_array_equal(passes["image"][..., 0], channels["R"])


def test_the_views_of_a_single_part_are_told_by_its_channels(tmp_path):
    channels = planes("R G B A Z left.R left.G left.B left.A left.Z N.left.X N.left.Y N.left.Z disparity.x")
    source = write(tmp_path / "a.exr", ({"multiView": ["right", "left"]}, channels))
    [(header, written)] = applied(source)
    assert header["multiView"] == ["right", "left"] and set(written) == set(channels)
    assert_swapped(written, channels)
    assert_swapped(written, channels, "left.")
    np.testing.assert_array_equal(written["left.Z"], channels["left.Z"])
    [(header, alone)] = applied(source, "--view", "left", style=NORMAL)
    assert "multiView" not in header and header["view"] == "left"
    assert set(alone) == {"R", "G", "B", "A", "Z", "N.X", "N.Y", "N.Z", "disparity.x"}
    np.testing.assert_array_equal(alone["N.X"], channels["N.left.X"])
    assert main(["apply", SWAP, str(source), "--out", str(tmp_path / "o"), "--view", "up"]) == 1


def test_guides_lie_where_their_windows_say(tmp_path):
    """A normal whose window is smaller, a depth whose window is larger, a position as large but shifted."""
    image, normal, depth = planes("R G B"), planes("N.X N.Y N.Z", 3, 3, 1), planes("Z", 8, 9, 2)
    position = planes("P.X P.Y P.Z", seed=3)
    display = {"displayWindow": ((0, 0), (11, 11))}
    source = write(
        tmp_path / "a.exr",
        ({"name": "rgba", "dataWindow": ((2, 3), (6, 6)), **display}, image),
        ({"name": "normals", "dataWindow": ((4, 2), (6, 4)), **display}, normal),
        ({"name": "depth", "dataWindow": ((0, 0), (8, 7)), **display}, depth),
        ({"name": "position", "dataWindow": ((3, 3), (7, 6)), **display}, position),
    )
    passes = read_frame(source, ["normal", "depth", "position"]).passes[0]
    np.testing.assert_array_equal(passes["position"][:, 1:, 0], position["P.X"][:, :-1])
    assert passes["normal"].shape == (4, 5, 3)
    np.testing.assert_array_equal(passes["normal"][:2, 2:, 0], normal["N.X"][1:])
    assert not passes["normal"][2:].any() and not passes["normal"][:, :2].any()
    np.testing.assert_array_equal(passes["depth"][..., 0], depth["Z"][3:7, 2:7])


def test_all_attributes_and_layers_go_through(tmp_path):
    header = {
        "envmap": OpenEXR.ENVMAP_LATLONG, "owner": "me", "comments": "ü", "latitude": 37.5, "wrapmodes": "clamp", "n": 3,
        "m": np.eye(4, dtype=np.float32), "odd": OpenEXR.OpaqueAttribute(b"abcd", "ours"), "pixelAspectRatio": 2.0,
        "screenWindowWidth": 0.5, "lineOrder": OpenEXR.DECREASING_Y, "compression": OpenEXR.PIZ_COMPRESSION,
    }  # fmt: skip
    channels = planes("R G B A diffuse.R diffuse.G diffuse.B") | {"id": np.arange(20, dtype=np.uint32).reshape(4, 5)}
    [(kept, written)] = applied(write(tmp_path / "a.exr", (header, channels)))
    for name, value in header.items():
        assert np.array_equal(kept[name], value) if isinstance(value, np.ndarray) else str(kept[name]) == str(value), name
    assert_swapped(written, channels)
    for name in set(channels) - {*"RGB"}:
        np.testing.assert_array_equal(written[name], channels[name])
        assert written[name].dtype == channels[name].dtype


@pytest.mark.parametrize("name", ["lin_ap1_scene", "lin_ciexyzd65_scene"])
def test_other_linear_colours_are_converted_and_converted_back(tmp_path, name):
    header = {"colorInteropID": name}
    white = np.linalg.inv(to_rec709(header)) @ np.ones(3)
    channels = {c: np.full((2, 3), value, np.float32) for c, value in zip("RGB", white, strict=True)}
    source = write(tmp_path / "a.exr", (header, channels))
    np.testing.assert_allclose(read_frame(source).passes[0]["image"][..., :3], 1, atol=1e-5)
    [(kept, written)] = applied(source)
    assert kept["colorInteropID"] == name
    for c in "RGB":
        np.testing.assert_allclose(written[c], channels[c], rtol=1e-4)


def test_luminance_alone_becomes_colours(tmp_path, capfd):
    channels = planes("Y A layer.R")
    [(_, written)] = applied(write(tmp_path / "a.exr", ({}, channels)))
    assert set(written) == {"R", "G", "B", "A", "layer.R"}
    np.testing.assert_allclose(written["R"], channels["Y"], rtol=1e-5)
    assert "luminance and chroma become R, G and B" in capfd.readouterr().out


def deep(values: np.ndarray) -> np.ndarray:
    objects = np.empty(values.shape, object)
    for index, value in np.ndenumerate(values):
        objects[index] = np.array([value, 5], np.float32)
    return objects


def test_deep_images_are_made_flat_and_other_deep_parts_stay(tmp_path, capfd):
    flat = planes("R G B") | {
        "A": np.ones((4, 5), np.float32),
        "Z": np.full((4, 5), 2, np.float32),
        "id": np.ones((4, 5), np.float32),
    }
    samples = {name: deep(plane) for name, plane in flat.items()}
    parts = [
        ({"name": name, "type": OpenEXR.deepscanline, "compression": OpenEXR.ZIPS_COMPRESSION}, samples)
        for name in ("rgba", "matte")
    ]
    (header, written), (other, matte) = applied(write(tmp_path / "a.exr", *parts))
    assert header["type"] == OpenEXR.scanlineimage and other["type"] == OpenEXR.deepscanline
    assert_swapped(written, flat)
    np.testing.assert_array_equal(matte["R"][1, 2], samples["R"][1, 2])
    assert "deep samples are made flat, and these channels are left out: id" in capfd.readouterr().out


def test_the_preview_shows_the_stylised_frame(tmp_path):
    old = OpenEXR.PreviewImage(np.zeros((2, 2), [("r", "u1"), ("g", "u1"), ("b", "u1"), ("a", "u1")]))
    red = {name: np.full((4, 4), name == "R", np.float32) for name in "RGB"}
    [(header, _)] = applied(write(tmp_path / "a.exr", ({"preview": old}, red)))
    assert header["preview"].pixels[0, 0].tolist() == (0, 0, 255, 255)


def test_tiles_stay_tiles(tmp_path):
    tiles = OpenEXR.TileDescription()
    tiles.xSize = tiles.ySize = 16
    channels = planes("R G B", 40, 50)
    OpenEXR.File({"type": OpenEXR.tiledimage, "tiles": tiles}, dict(channels)).write(str(tmp_path / "a.exr"))
    [(header, written)] = applied(tmp_path / "a.exr")
    assert header["type"] == OpenEXR.tiledimage and header["tiles"].xSize == 16
    assert_swapped(written, channels)


@pytest.mark.parametrize("kind", ["scan lines", "tiles", "parts", "deep"])
def test_a_file_cut_short_anywhere_is_told_by_its_header(tmp_path, kind):
    path, channels = tmp_path / "a.exr", planes("R G B", 70, 50)
    if kind == "scan lines":
        write(path, ({"compression": OpenEXR.ZIP_COMPRESSION}, channels))
    elif kind == "tiles":
        OpenEXR.File({"type": OpenEXR.tiledimage, "tiles": OpenEXR.TileDescription()}, channels).write(str(path))
    elif kind == "parts":
        write(path, ({"name": "a"}, channels), ({"name": "b"}, planes("Z", 70, 50)))
    else:
        samples = {name: deep(plane) for name, plane in channels.items()}
        write(path, ({"name": "a", "type": OpenEXR.deepscanline, "compression": OpenEXR.ZIPS_COMPRESSION}, samples))
    read_headers(path)
    content = path.read_bytes()
    for kept in (len(content) - 1, len(content) - 100, len(content) // 2, 600, 8, 3):
        path.write_bytes(content[:kept])
        with pytest.raises(ExrError, match="complete"):
            read_headers(path)


def test_writing_a_frame_leaves_what_was_read_as_it_is(tmp_path):
    source = write(tmp_path / "a.exr", ({}, planes("R G B A Z")))
    frame = read_frame(source, ["depth"], Selection())
    write_frame(tmp_path / "b.exr", [frame.passes[0]["image"] * 2], frame)
    write_frame(tmp_path / "c.exr", [frame.passes[0]["image"]], frame)
    for (_, before), (_, after) in zip(read_parts(source), read_parts(tmp_path / "c.exr"), strict=True):
        for name, plane in before.items():
            np.testing.assert_array_equal(after[name], plane)
