"""Pixels out of Blender and back in: what feeds a node as passes, and the stylised frame as the picture that the node shows."""

import bpy
import numpy as np

from ...core.exr import ExrError, read_exr, write_exr
from ...core.layered import Layers
from .. import temp_folder
from ..callbacks import no_handlers
from ..trees import blocks, colour, hidden_scenes, inputs_scene, pictures, problems
from . import log

MATCHED = (
    "resolution_x", "resolution_y", "resolution_percentage",
    "use_border", "use_crop_to_border", "border_min_x", "border_min_y", "border_max_x", "border_max_y",
    "fps", "fps_base", "frame_map_old", "frame_map_new",
    "compositor_denoise_device", "compositor_denoise_final_quality",
    # Before 5.2 Blender can't write several passes into one file if the pixels are not square. Only Mask nodes look at this.
    *(("pixel_aspect_x", "pixel_aspect_y") if bpy.app.version >= (5, 2, 0) else ()),
)  # fmt: skip
"""Render settings that decide where, when and how the compositor samples."""


class CaptureError(RuntimeError):
    """Blender did not deliver the node's inputs."""


class NotRenderedError(CaptureError):
    """There are none yet: a scene that feeds the node has to be rendered first."""


def capture(plan: hidden_scenes.Plan, scene: str) -> dict[str, np.ndarray]:
    """The passes that feed a node at the scene's current frame: {pass name: (H, W, c) float32, linear Rec.709, top row first}.

    Composites in a hidden scene, which reads the finished passes of the render in progress and renders nothing itself.
    To be called on the main thread. Raises CaptureError, NotRenderedError.
    """
    inputs = blocks.find(blocks.INPUTS)
    if inputs is None:
        raise CaptureError("A hidden scene of the add-on was deleted during the render; render again.")
    blocks.set_switches(inputs)
    _match(inputs, bpy.data.scenes[scene], plan)
    for node in inputs.compositing_node_group.nodes:
        _set(node, "mute", node.name != plan.capture)
    path = temp_folder.folder() / f"{plan.capture}.exr"
    path.unlink(missing_ok=True)
    try:
        # In the hidden scene's context, since the operator evaluates the context's scene once more, however large it is.
        with no_handlers(), bpy.context.temp_override(scene=inputs, view_layer=inputs.view_layers[0]):
            bpy.ops.render.render(scene=inputs.name)
    except RuntimeError as error:
        raise CaptureError(f"Blender can't composite the node's inputs: {error}") from error
    if not path.exists():
        for feeding in inputs_scene.reads(inputs.compositing_node_group, plan.capture):
            if not log.is_rendered(feeding):
                raise NotRenderedError(
                    f"The scene '{feeding.name}' feeds the node and is not rendered yet: render it once (F12)."
                )
        raise CaptureError(problems.of_missing_pixels(inputs_scene.feeding(plan.capture), path.parent))
    try:
        return colour.to_rec709(read_exr(path))
    except ExrError as error:
        raise CaptureError(f"Blender could not write the node's inputs; make space on the disk of {path.parent}.") from error
    finally:
        path.unlink(missing_ok=True)  # with guides it is many times the picture, and may lie in memory


def show(plan: hidden_scenes.Plan, frame: np.ndarray | Layers) -> None:
    """Make a frame (H, W, 4), linear Rec.709, premultiplied, top row first, the picture that the node shows; or what it consists
    of, if the plan has layers.

    To be called on the main thread, as show_unstyled(). Raises ExrError.
    """
    picture = frame.picture if isinstance(frame, Layers) else frame
    write_exr(plan.picture, {"image": colour.from_rec709(picture)})
    for layer, path in plan.layers if isinstance(frame, Layers) else ():
        array = getattr(frame, layer.lower())
        write_exr(path, {"image": array.repeat(4, axis=2) if array.shape[2] == 1 else colour.from_rec709(array)})
    _load(plan, str(pictures.first_file(plan.picture)))


def show_unstyled(plan: hidden_scenes.Plan, passes: dict[str, np.ndarray] | None) -> None:
    """After a failure: show the node's own input, or nothing if there is none, but never an older picture."""
    if not plan.image:
        return
    image = pictures.NOTHING if passes is None else passes["image"]
    try:
        show(plan, Layers(image, image, np.zeros_like(image), np.zeros_like(image[..., :1])))
    except ExrError:
        _load(plan, "")


def _load(plan: hidden_scenes.Plan, path: str) -> None:
    image = bpy.data.images[plan.image]
    if image.filepath != path:
        image.filepath = path
    image.reload()
    image.update_tag()  # without it, the GPU compositor keeps showing the old picture after edits


def _match(inputs: bpy.types.Scene, scene: bpy.types.Scene, plan: hidden_scenes.Plan) -> None:
    """Give the INPUTS scene the frame, the sampling and the stereo view of the scene that is rendered."""
    values = {name: getattr(scene.render, name) for name in MATCHED}
    if plan.rendered is not None:
        width, height = plan.rendered
        values |= {"resolution_x": width, "resolution_y": height, "resolution_percentage": 100}
    for name, value in values.items():
        _set(inputs.render, name, value)
    for name in ("frame_current", "frame_subframe", "frame_start", "frame_end"):
        _set(inputs, name, getattr(scene, name))
    _set(inputs.render, "use_multiview", bool(plan.view))
    for other in inputs.render.views if plan.view else ():
        _set(other, "use", other.name == plan.view)


def _set(data: bpy.types.bpy_struct, name: str, value: object) -> None:
    """Set a property only if it changes: each setting makes Blender's editors refresh and composite again."""
    if getattr(data, name) != value:
        setattr(data, name, value)
