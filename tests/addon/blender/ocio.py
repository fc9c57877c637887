"""A studio's OCIO configuration: ocio.py CASE FOLDER, where the case says what it calls its spaces and whether it has roles."""

import os
import sys
from pathlib import Path

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
ACESCG = [[0.613097, 0.339523, 0.047379], [0.070194, 0.916354, 0.013452], [0.020616, 0.109570, 0.869815]]
"""From linear Rec.709, with the white points adapted (AMPAS S-2014-004)."""

case, folder = sys.argv[1], Path(sys.argv[2])
(folder / "config.ocio").write_text(CONFIG.format(working="our_ap1", matrix=MATRIX, **CASES[case]))
os.environ["OCIO"] = str(folder / "config.ocio")
sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import assert_close, insert_style, load_addon, make_scene, render

addon = load_addon()
assert bpy.data.colorspace.working_space == "our_ap1"
scene = make_scene()
plain = render(scene, folder / "plain.exr")
node = insert_style(scene.compositing_node_group, "swap")
rgb = plain[..., :3] @ np.linalg.inv(ACESCG).T
assert_close(render(scene, folder / "swapped.exr")[..., :3], np.float32(rgb[..., ::-1] @ np.array(ACESCG).T), 1e-4)
addon.unregister()
sys.stdout.flush()
os._exit(0)
