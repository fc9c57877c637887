"""The node with a studio's OCIO configuration, which calls no colour space as Blender does."""

import os
import subprocess
import sys

import pytest

from tests.addon.test_node import BLENDER, SCRIPTS

CONFIG = """
ocio_profile_version: 2
roles: {{scene_linear: {working}, {roles}default: raw, data: raw, default_byte: {srgb}, color_picking: {srgb}}}
displays:
  Monitor:
    - !<View> {{name: Standard, colorspace: {srgb}}}
active_displays: [Monitor]
active_views: [Standard]
colorspaces:
  - !<ColorSpace> {{name: ap0, bitdepth: 32f}}
  - !<ColorSpace> {{name: {working}, bitdepth: 32f, to_scene_reference: !<BuiltinTransform> {{style: ACEScg_to_ACES2065-1}}}}
  - !<ColorSpace> {{name: {rec709}, bitdepth: 32f, from_scene_reference: {matrix}}}
  - !<ColorSpace>
    name: {srgb}
    from_scene_reference: !<GroupTransform>
      children:
        - {matrix}
        - !<ExponentWithLinearTransform> {{gamma: 2.4, offset: 0.055, direction: inverse}}
  - !<ColorSpace> {{name: raw, bitdepth: 32f, isdata: true}}
"""
MATRIX = """!<MatrixTransform> {matrix: [2.52168618674388, -1.13413098823972, -0.387555198504164, 0,
    -0.276479914229922, 1.37271908766826, -0.096239173438334, 0,
    -0.0153780649660342, -0.152975335867399, 1.16835340083343, 0, 0, 0, 0, 1]}"""
ROLE = "aces_interchange: ap0, "
CASES = {
    "by_role": {"rec709": "a space of ours", "srgb": "a texture of ours", "roles": ROLE},
    "by_name": {"rec709": '"Linear Rec.709 (sRGB)"', "srgb": "a texture of ours", "roles": ""},
    "by_texture": {"rec709": "a space of ours", "srgb": '"Utility - sRGB - Texture"', "roles": ""},
}


@pytest.mark.skipif(BLENDER is None, reason="this Python has no bpy")
@pytest.mark.parametrize("case", CASES)
def test_linear_rec709_is_found(case, tmp_path):
    (tmp_path / "config.ocio").write_text(CONFIG.format(working="our_ap1", matrix=MATRIX, **CASES[case]))
    command = [sys.executable, str(SCRIPTS / "ocio.py"), "acescg", str(tmp_path)]
    environment = os.environ | {"OCIO": str(tmp_path / "config.ocio")}
    result = subprocess.run(command, capture_output=True, text=True, timeout=1200, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
