"""The names that renderers give the layers of EXR files: a table, and what a name means by it."""

import re
from collections.abc import Mapping

USUAL_NAMES: dict[str, tuple[str, str]] = {
    # Blender; Arnold; V-Ray; RenderMan; Redshift; Karma and Mantra; Unreal
    "image": ("rgba rgb combined image beauty c ci", ""),
    "depth": ("depth z zdepth depthz pz hitpz worlddepth scenedepth scenedepthworldunits", ""),
    "normal": (
        "normal normals n nn nworld worldnormal worldnormals normalworld normalsworld hitn shadingnormal shadingnormals "
        "normalsshading shnormal",
        "bumpnormal bumpnormals bumpn",
    ),
    "albedo": (
        "albedo diffusecolor diffcol diffusealbedo diffusefilter diffusefiltercolor basecolor sourcecolor texturecolor",
        "denoisingalbedo denoisealbedo rawdiffusefilter",
    ),
    "position": (
        "position positions p pworld worldp worldposition worldpositions positionworld pointworld pointposition hitp wpos",
        "",
    ),
    "vector": ("vector", ""),
    "diffuse_direct": (
        "diffusedirect diffdir directdiffuse diffuselighting rawlighting diffuselightingraw rawdiffuselighting",
        "lighting",
    ),
    "diffuse_indirect": (
        "diffuseindirect diffind indirectdiffuse rawgi globalillumination globalilluminationraw rawglobalillumination "
        "indirectdiffuseraw",
        "gi",
    ),
    "glossy_direct": (
        "glossydirect glossdir specular specularlighting speculardirect directspecular directglossy directglossyreflection",
        "specularlightingraw",
    ),
    "glossy_indirect": (
        "glossyindirect glossind specularindirect indirectspecular indirectglossy indirectglossyreflection reflection "
        "reflections",
        "reflectionsraw rawreflection",
    ),
    "emission": ("emission emit selfillumination selfillum emissive directemission", "incandescence"),
    "shadow": ("shadow shadows", "rawshadow shadowmask shadowmatte"),
    "ambient_occlusion": ("ambientocclusion ao occlusion extratexao", ""),
}
"""Pass -> the usual names of its layer, and those of the nearest stand-in, which counts where the pass itself is not there.

Without spaces, dashes, underscores and the prefixes of renderers, in lower case.
"""
PREFIXES = re.compile(
    "^(finalimagemovierenderqueue|finalimagepw|finalimage|vrayre(?!fle|fra)|vray|redshift|arnold|octane|corona|cgeometry|cshading|cessential)"
)


def simple(label: str) -> str:
    """A layer's name without what programs write differently."""
    return re.sub(r"[\s_-]", "", label.lower())


def pass_called(label: str, own: Mapping[str, str]) -> tuple[str, bool] | None:
    """(pass, whether a stand-in) that a label means; own: the names of a style's own guides by their simple() ones."""
    found = simple(label)
    if found in own:
        return own[found], False
    found = PREFIXES.sub("", found) or "image"
    for name, usual in USUAL_NAMES.items():
        for stands_in, names in enumerate(usual):
            if found in names.split():
                return name, bool(stands_in)
    return None
