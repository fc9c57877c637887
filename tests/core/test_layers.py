"""The names of renderers: synthetic files whose channels hold known numbers, in the order in which EXR files store them."""

from pathlib import Path

import numpy as np
import pytest

from core.frame import check_frame, read_frame
from core.layer_names import USUAL_NAMES
from core.layers import LayerError, Selection
from core.passes import PASSES, PassError, guide

OpenEXR = pytest.importorskip("OpenEXR")

GUIDES = ("depth", "normal", "albedo", "position")
VALUE = {"image": (1, 2, 3, 4), "depth": (5,), "normal": (6, 7, 8), "albedo": (9, 10, 11), "position": (12, 13, 14)}


def write(path: Path, channels: dict[str, float], **header) -> Path:
    planes = {name: np.full((2, 3), value, np.float32) for name, value in channels.items()}
    OpenEXR.File({"type": OpenEXR.scanlineimage, **header}, planes).write(str(path))
    return path


def named(names: dict[str, tuple[str, ...]]) -> dict[str, float]:
    """{pass: its channels' names in the order of PASSES} to {channel: value}."""
    return {name: value for key, found in names.items() for name, value in zip(found, VALUE[key], strict=True)}


def split(layer: str, components: str) -> tuple[str, ...]:
    return tuple(f"{layer}.{component}" for component in components.split())


PLAIN = ("R", "G", "B", "A")
RENDERERS = {
    "blender": {"image": split("ViewLayer.Combined", "R G B A"), "depth": ("ViewLayer.Depth.Z",),
                "normal": split("ViewLayer.Normal", "X Y Z"), "albedo": split("ViewLayer.Diffuse Color", "R G B"),
                "position": split("ViewLayer.Position", "X Y Z")},
    "blender 4": {"image": split("ViewLayer.Combined", "R G B A"), "depth": ("ViewLayer.Z.Z",),
                  "normal": split("ViewLayer.Normal", "X Y Z"), "albedo": split("ViewLayer.DiffCol", "R G B"),
                  "position": split("ViewLayer.Position", "X Y Z")},
    "arnold": {"image": PLAIN, "depth": ("Z",), "normal": split("N", "X Y Z"), "albedo": split("diffuse_albedo", "R G B"),
               "position": split("P", "X Y Z")},
    "v-ray": {"image": PLAIN, "depth": ("zDepth.R",), "normal": split("normals", "X Y Z"),
              "albedo": split("diffuseFilter", "R G B"), "position": split("worldPositions", "R G B")},
    "v-ray for max": {"image": PLAIN, "depth": ("VRayZDepth.Z",), "normal": split("VRayNormals", "r g b"),
                      "albedo": split("VRayDiffuseFilter", "r g b"), "position": split("VRayWorldPosition", "x y z")},
    "renderman": {"image": PLAIN, "depth": ("z",), "normal": split("Nn", "r g b"), "albedo": split("albedo", "r g b"),
                  "position": split("__Pworld", "r g b")},
    "redshift": {"image": PLAIN, "depth": ("Z",), "normal": split("N", "R G B"), "albedo": split("DiffuseFilter", "R G B"),
                 "position": split("P", "R G B")},
    "mantra": {"image": split("C", "r g b a"), "depth": ("Pz",), "normal": split("N", "x y z"),
               "albedo": split("basecolor", "r g b"), "position": split("P", "x y z")},
    "nuke": {"image": split("rgba", "red green blue alpha"), "depth": ("depth.Z",), "normal": split("normal", "red green blue"),
             "albedo": split("albedo", "red green blue"), "position": split("position", "red green blue")},
    "corona": {"image": PLAIN, "depth": ("CGeometry_ZDepth.R",), "normal": split("CGeometry_NormalsShading", "R G B"),
               "albedo": split("CShading_Albedo", "R G B"), "position": split("CGeometry_WorldPosition", "R G B")},
    "unreal": {"image": split("FinalImageMovieRenderQueue_Beauty", "R G B A"),
               "depth": ("FinalImageMovieRenderQueue_WorldDepth.R",),
               "normal": split("FinalImageMovieRenderQueue_WorldNormal", "R G B"),
               "albedo": split("FinalImageMovieRenderQueue_BaseColor", "R G B"),
               "position": split("FinalImageMovieRenderQueue_WorldPosition", "R G B")},
}  # fmt: skip


@pytest.mark.parametrize("renderer", RENDERERS)
def test_every_renderers_passes_are_found_with_their_channels_in_order(tmp_path, renderer):
    path = write(tmp_path / "a.exr", named(RENDERERS[renderer]) | {"crypto00.red": 1, "specular.R": 2, "specular.G": 3})
    frame = read_frame(path, GUIDES)
    assert len(frame.views) == 1 and set(frame.passes[0]) == set(VALUE)
    for name, values in VALUE.items():
        assert frame.passes[0][name].shape == (2, 3, len(values))
        np.testing.assert_array_equal(frame.passes[0][name][0, 0], values, err_msg=name)


@pytest.mark.parametrize("case", ["red green blue", "RED GREEN BLUE", "r g b", "R G B", "x y z", "X Y Z", "Red Green Blue alpha"])
def test_red_is_never_taken_for_blue(tmp_path, case):
    channels = named({"image": PLAIN}) | dict(zip(split("albedo", case), (9, 10, 11, 1), strict=False))
    np.testing.assert_array_equal(
        read_frame(write(tmp_path / "a.exr", channels), ["albedo"]).passes[0]["albedo"][0, 0], (9, 10, 11)
    )


def test_components_that_say_no_order_are_refused(tmp_path):
    path = write(tmp_path / "a.exr", named({"image": PLAIN}) | dict.fromkeys(split("normal", "c0 c1 c2"), 1))
    with pytest.raises(PassError, match=r"can't give its normal from normal \(c0, c1, c2\): it needs the channels X, Y and Z"):
        read_frame(path, ["normal"])
    twice = write(tmp_path / "b.exr", named({"image": PLAIN}) | dict.fromkeys([*split("N", "X Y Z"), "N.x"], 1))
    with pytest.raises(PassError, match="can't give its normal from N"):
        read_frame(twice, ["normal"])


def test_a_pass_in_two_layers_is_an_error_that_lists_them_and_pass_decides(tmp_path):
    channels = named({"image": PLAIN, "albedo": split("albedo", "R G B")}) | dict.fromkeys(split("diffuse_albedo", "R G B"), 7)
    path = write(tmp_path / "a.exr", channels)
    with pytest.raises(
        LayerError, match=r"albedo: albedo \(R, G, B\), diffuse_albedo \(R, G, B\); choose one with --pass albedo="
    ):
        check_frame(path, ["albedo"])
    check_frame(path, [])
    chosen = Selection(passes={"albedo": "Diffuse_Albedo", "normal": "albedo"})
    passes = read_frame(path, ["albedo", "normal"], chosen).passes[0]
    assert (passes["albedo"] == 7).all() and tuple(passes["normal"][0, 0]) == VALUE["albedo"]
    with pytest.raises(LayerError, match="no layer 'gone', but the layers RGBA"):
        check_frame(path, ["albedo"], Selection(passes={"albedo": "gone"}))


def test_plain_colours_and_a_layer_combined_are_not_mixed(tmp_path):
    path = write(tmp_path / "a.exr", named({"image": PLAIN}) | dict.fromkeys(split("Combined", "R G B"), 7))
    with pytest.raises(LayerError, match=r"may be its image: RGBA \(R, G, B, A\), Combined \(R, G, B\)"):
        check_frame(path, [])
    for layer, value in (("RGBA", 1), ("Combined", 7)):
        assert (read_frame(path, [], Selection(passes={"image": layer})).passes[0]["image"][..., 0] == value).all()


def test_a_missing_pass_is_answered_with_what_there_is(tmp_path):
    path = write(tmp_path / "a.exr", named({"image": PLAIN}) | dict.fromkeys(split("Nrm", "X Y Z"), 1))
    with pytest.raises(
        PassError, match=r"no pass 'normal'.* but the layers RGBA \(R, G, B, A\), Nrm \(X, Y, Z\).*--pass normal=LAYER"
    ):
        check_frame(path, ["normal"])


def test_a_colours_alpha_is_no_part_of_a_guide_and_a_stand_in_is_told(tmp_path):
    channels = named({"image": PLAIN}) | dict(zip(split("Denoising Albedo", "R G B A"), (9, 10, 11, 1), strict=True))
    view = read_frame(write(tmp_path / "a.exr", channels), ["albedo"])
    assert tuple(view.passes[0]["albedo"][0, 0]) == (9, 10, 11)
    assert str(view.views[0]).endswith("albedo from Denoising Albedo (R, G, B, A) in its place")


def test_depth_in_three_equal_channels_is_depth_and_in_different_ones_is_not(tmp_path):
    same = write(tmp_path / "a.exr", named({"image": PLAIN}) | dict.fromkeys(split("zDepth", "R G B A"), 5))
    assert (read_frame(same, ["depth"]).passes[0]["depth"] == 5).all()
    other = write(tmp_path / "b.exr", named({"image": PLAIN}) | dict(zip(split("zDepth", "R G B"), (5, 6, 7), strict=True)))
    with pytest.raises(PassError, match="different values in R, G and B"):
        read_frame(other, ["depth"])


LIGHTS = {
    "blender": ("Diffuse Direct", "Diffuse Indirect", "Glossy Direct", "Glossy Indirect", "Emission", "Ambient Occlusion"),
    "blender 4": ("DiffDir", "DiffInd", "GlossDir", "GlossInd", "Emit", "AO"),
    "arnold": ("diffuse_direct", "diffuse_indirect", "specular_direct", "specular_indirect", "emission", ""),
    "v-ray": ("VRayRawLighting", "VRayRawGlobalIllumination", "VRaySpecular", "VRayReflection", "VRaySelfIllumination", ""),
    "redshift": ("DiffuseLightingRaw", "GlobalIlluminationRaw", "SpecularLighting", "Reflections", "Emission",
                 "AmbientOcclusion"),
    "renderman": ("directDiffuse", "indirectDiffuse", "directSpecular", "indirectSpecular", "emissive", "occlusion"),
    "karma": ("directdiffuse", "indirectdiffuse", "directglossyreflection", "indirectglossyreflection", "directemission", ""),
}  # fmt: skip


@pytest.mark.parametrize("renderer", LIGHTS)
def test_every_renderers_light_is_found(tmp_path, renderer):
    lights = ("diffuse_direct", "diffuse_indirect", "glossy_direct", "glossy_indirect", "emission", "ambient_occlusion")
    named_so = {name: layer for name, layer in zip(lights, LIGHTS[renderer], strict=True) if layer}
    channels = named({"image": PLAIN})
    for number, layer in enumerate(named_so.values(), 20):
        channels |= dict(zip(split(layer, "R G B"), (number, 2 * number, 3 * number), strict=True))
    passes = read_frame(write(tmp_path / "a.exr", channels), list(named_so)).passes[0]
    for number, name in enumerate(named_so, 20):
        assert tuple(passes[name][0, 0]) == (number, 2 * number, 3 * number), name


def test_grey_light_is_light_and_a_styles_own_guides_go_by_their_names(tmp_path):
    channels = named({"image": PLAIN}) | {"ao.Y": 0.5, "Hair Matte.R": 0.25, "Hair Matte.G": 0.25, "Hair Matte.B": 0.25}
    path = write(tmp_path / "a.exr", channels)
    own = Selection(guides=[guide("hair_matte", 1)])
    passes = read_frame(path, ["ambient_occlusion", "hair_matte"], own).passes[0]
    assert passes["ambient_occlusion"].shape == (2, 3, 3) and (passes["ambient_occlusion"] == 0.5).all()
    assert passes["hair_matte"].shape == (2, 3, 1) and (passes["hair_matte"] == 0.25).all()
    assert set(read_frame(path, None).passes[0]) == {"image", "ambient_occlusion"}
    with pytest.raises(PassError, match="--pass skin=LAYER. .* --guide skin=FILES"):
        read_frame(path, ["skin"], Selection(guides=[guide("skin", 1)]))


def test_a_guide_of_another_view_layer_is_not_taken(tmp_path):
    channels = named({"image": split("Near.Combined", "R G B A")}) | dict.fromkeys(split("Far.Normal", "X Y Z"), 1)
    with pytest.raises(PassError, match="no pass 'normal'"):
        check_frame(write(tmp_path / "a.exr", channels), ["normal"])


def test_every_usual_name_belongs_to_one_pass():
    assert set(USUAL_NAMES) == set(PASSES)
    names = [name for usual in USUAL_NAMES.values() for group in usual for name in group.split()]
    assert len(names) == len(set(names)) and all(name == name.lower() and "_" not in name for name in names)
