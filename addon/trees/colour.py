"""The scene-linear space of the file, in which Blender composites, against linear Rec.709, in which styles work.

Only colours are converted, by a matrix: normals, positions, depths and motion are none. So no colour space has to have a certain
name in the OCIO configuration.
"""

import logging

import bpy
import mathutils
import numpy as np

from ...core.exr import write_exr
from .. import temp_folder

logger = logging.getLogger(__name__)
NAMES = (
    "Linear Rec.709",
    "Linear Rec.709 (sRGB)",
    "lin_rec709",
    "lin_rec709_srgb",
    "lin_rec709_scene",
    "Utility - Linear - Rec.709",
    "Utility - Linear - sRGB",
    "scene-linear Rec.709-sRGB",
    "Linear BT.709",
    "Linear sRGB",
    "lin_srgb",
)
"""What configurations call linear Rec.709: Blender's, ACES 1.3 and 2.0, their aliases, ACES 1.0 to 1.2, and others."""
COLOURS = ("image", "albedo")
"""The passes that are colours."""
_from_rec709: dict[str, np.ndarray] = {}
"""By working space: (3, 3) float64, times a column of linear Rec.709."""


def measure() -> None:
    """Find the matrix of the file's working space, once. On the main thread, where data-blocks may come and go."""
    space = bpy.data.colorspace.working_space
    if space not in _from_rec709:
        _from_rec709[space] = _by_name() if _names() else _by_primaries()


def to_rec709(passes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Passes as Blender composites them, as styles want them; on the main thread. All others are left as they are."""
    matrix = _from_rec709[bpy.data.colorspace.working_space]
    return {name: _times(np.linalg.inv(matrix), array) if name in COLOURS else array for name, array in passes.items()}


def from_rec709(frame: np.ndarray) -> np.ndarray:
    """A frame (H, W, 4), linear Rec.709, as Blender composites it; on the main thread."""
    return _times(_from_rec709[bpy.data.colorspace.working_space], frame)


def _times(matrix: np.ndarray, array: np.ndarray) -> np.ndarray:
    """The first three channels times the matrix; the array itself if that would change nothing."""
    if np.allclose(matrix, np.eye(3), atol=1e-6):
        return array
    result = array.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        np.matmul(array[..., :3], matrix.T.astype(np.float32), out=result[..., :3])
    return result


def _names() -> list[str]:
    """Those of NAMES that the OCIO configuration has."""
    spaces = bpy.types.ColorManagedInputColorspaceSettings.bl_rna.properties["name"].enum_items
    return [name for name in NAMES if name in spaces]


def _by_name() -> np.ndarray:
    """Let OCIO convert the three primaries: Blender brings the colours of files into the working space when it loads them."""
    path = temp_folder.folder() / "primaries.exr"
    primaries = np.concatenate([np.eye(3), np.ones((3, 1))], axis=1, dtype=np.float32)
    write_exr(path, {"image": primaries[None]})
    image = bpy.data.images.load(str(path))
    try:
        image.colorspace_settings.name = _names()[0]
        return np.array(image.pixels[:], float).reshape(3, 4)[:, :3].T
    finally:
        bpy.data.images.remove(image)


def _by_primaries() -> np.ndarray:
    """By what Blender knows of the working space from the configuration's roles; it takes it for linear Rec.709 without them."""
    colours = [mathutils.Color(c).from_rec709_linear_to_scene_linear() for c in np.eye(3)]
    return np.array(colours, float).T
