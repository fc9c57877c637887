"""The node in an ACEScg pipeline whose OCIO configuration the variable OCIO names."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import assert_close, insert_style, load_addon, make_scene, render, run_case

ACESCG = [[0.613097, 0.339523, 0.047379], [0.070194, 0.916354, 0.013452], [0.020616, 0.109570, 0.869815]]
"""From linear Rec.709, with the white points adapted (AMPAS S-2014-004)."""


def acescg(folder: Path) -> None:
    """Red and blue change places in linear Rec.709."""
    load_addon()
    assert bpy.data.colorspace.working_space == "our_ap1"
    scene = make_scene()
    plain = render(scene, folder / "plain.exr")
    insert_style(scene.compositing_node_group, "swap")
    rgb = plain[..., :3] @ np.linalg.inv(ACESCG).T
    assert_close(render(scene, folder / "swapped.exr")[..., :3], np.float32(rgb[..., ::-1] @ np.array(ACESCG).T), 1e-4)


if __name__ == "__main__":
    run_case(globals())
