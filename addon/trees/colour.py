"""The scene-linear space of the file, in which Blender composites, against linear Rec.709, in which styles work.

Only colours are converted, by a matrix: normals, positions, depths and motion are none. So no colour space has to have a certain
name in the OCIO configuration.
"""

import logging
import re

import bpy
import mathutils
import numpy as np

from ...core.exr import write_exr
from ...core.passes import DATA, PASSES
from .. import temp_folder

logger = logging.getLogger(__name__)
REC709 = re.compile(r"(?=.*lin)(?=.*(rec|bt|itu)709|.*srgb)(?!.*(2020|p3|ap0|ap1|xyz|log|gamma|curve|texture|output|display))")
"""Matches what configurations call linear Rec.709, in small letters and digits alone: Blender's, those of ACES, its aliases."""
SRGB = re.compile(r"(?=.*srgb)(?!.*(output|display|aces|agx|filmic|khronos|tone|lin))")
"""Matches what they call the space of sRGB textures, whose primaries are those of Rec.709."""
_from_rec709: dict[str, np.ndarray] = {}
"""By working space: (3, 3) float64, times a column of linear Rec.709."""


def measure() -> None:
    """Find the matrix of the file's working space, once. On the main thread, where data-blocks may come and go."""
    space = bpy.data.colorspace.working_space
    if space not in _from_rec709:
        matrix = _by_roles()
        name = _name(REC709) or (_name(SRGB) if _is_identity(matrix) else "")
        _from_rec709[space] = _by_space(name) if name else matrix
        logger.debug("Linear Rec.709 in %s, by %s: %s", space, name or "roles", _from_rec709[space])


def srgb_space() -> str:
    """What the OCIO configuration calls the colour space of sRGB textures; empty if it has none."""
    return _name(SRGB)


def to_rec709(passes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Passes as Blender composites them, as styles want them; on the main thread. All others are left as they are."""
    matrix = _from_rec709[bpy.data.colorspace.working_space]
    return {name: _times(np.linalg.inv(matrix), array) if _is_colour(name, array) else array for name, array in passes.items()}


def _is_colour(name: str, array: np.ndarray) -> bool:
    """Passes by the table; of a style's own guides those of three channels."""
    return PASSES[name].holds != DATA if name in PASSES else array.shape[2] == 3


def from_rec709(frame: np.ndarray) -> np.ndarray:
    """A frame (H, W, 4), linear Rec.709, as Blender composites it; on the main thread."""
    return _times(_from_rec709[bpy.data.colorspace.working_space], frame)


def _times(matrix: np.ndarray, array: np.ndarray) -> np.ndarray:
    """The first three channels times the matrix; the array itself if that would change nothing."""
    if _is_identity(matrix):
        return array
    result = array.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        np.matmul(array[..., :3], matrix.T.astype(np.float32), out=result[..., :3])
    return result


def _is_identity(matrix: np.ndarray) -> bool:
    return np.allclose(matrix, np.eye(3), atol=1e-6)


def _name(wanted: re.Pattern) -> str:
    """The colour space of the OCIO configuration that is called so; empty if none is. Of several, the shortest name."""
    spaces = bpy.types.ColorManagedInputColorspaceSettings.bl_rna.properties["name"].enum_items
    found = [name for name in (space.identifier for space in spaces) if wanted.match(re.sub("[^a-z0-9]", "", name.lower()))]
    return min(found, key=len, default="")


def _by_roles() -> np.ndarray:
    """By what Blender knows of the working space from the configuration's roles; it takes it for linear Rec.709 without them."""
    colours = [mathutils.Color(c).from_rec709_linear_to_scene_linear() for c in np.eye(3)]
    return np.array(colours, float).T


def _by_space(name: str) -> np.ndarray:
    """Let OCIO convert the three primaries: Blender brings the colours of files into the working space when it loads them.

    Curves leave primaries alone: 0 and 1 stay what they are.
    """
    path = temp_folder.folder() / "primaries.exr"
    primaries = np.concatenate([np.eye(3), np.ones((3, 1))], axis=1, dtype=np.float32)
    write_exr(path, {"image": primaries[None]})
    image = bpy.data.images.load(str(path))
    try:
        image.colorspace_settings.name = name
        return np.array(image.pixels[:], float).reshape(3, 4)[:, :3].T
    finally:
        bpy.data.images.remove(image)
        path.unlink()
