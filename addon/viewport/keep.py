"""Keeps what a stylised view shows: as an image, or as an animation, like Blender's Viewport Render Animation."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import bpy
import gpu
import numpy as np

from . import live, read_view, unlit
from .read_view import Look, Reading
from .stylise import Picture, stylise

NAME = "Stylised View"
OFF_SCREEN = "BLENDER_"
"""How the names of the engines begin that Blender draws off screen too: EEVEE and Workbench."""
UNTONED = {"view_transform": "Standard", "look": "None", "exposure": 0.0, "gamma": 1.0}
"""How Blender shows shading that is no light, whatever the scene's colour management says."""


class GANSTYLE_OT_keep_view(bpy.types.Operator):  # noqa: N801 - Blender's way to name operators, here and below
    """Keep what this stylised view shows as an image, with all its pixels"""

    bl_idname = "gan_style.keep_view"
    bl_label = "Keep Stylised View"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if _picture(context) is None:
            cls.poll_message_set("There is no stylised view here")
        return _picture(context) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        picture = _picture(context)
        if picture is None:
            return {"CANCELLED"}
        try:
            frame = picture.frame if picture.step == 1 else _frame(picture.reading)
        except StylisedFrameError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        image = _new_image(*frame.shape[1::-1])
        _fill(image, frame)
        image.pack()  # else Blender asks on quitting whether to save it
        image.use_fake_user = True
        self.report({"INFO"}, f"The view is the image '{image.name}'")
        return {"FINISHED"}


class GANSTYLE_OT_viewport_animation(bpy.types.Operator):  # noqa: N801
    """Write the frames of the scene as this viewport shows them, stylised, to the output path of the scene. Esc stops it"""

    bl_idname = "gan_style.viewport_animation"
    bl_label = "Stylised Viewport Render Animation"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if _picture(context) is None:
            cls.poll_message_set("There is no stylised view here")
        return _picture(context) is not None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if reason := problem(context.scene, context.space_data):
            self.report({"ERROR"}, reason)
            return {"CANCELLED"}
        picture = _picture(context)
        if picture is None:
            return {"CANCELLED"}
        self.frames = written_frames(context, picture.reading.look)
        self.timer = context.window_manager.event_timer_add(0.01, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC":
            return self._end(context, {"CANCELLED"})
        if event.type != "TIMER":
            return {"RUNNING_MODAL"}
        try:
            frame = next(self.frames, None)
        except (StylisedFrameError, RuntimeError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return self._end(context, {"CANCELLED"})
        if frame is None:
            return self._end(context, {"FINISHED"})
        context.workspace.status_text_set(f"Stylised viewport: frame {frame} of {context.scene.frame_end}, Esc to stop")
        return {"RUNNING_MODAL"}

    def cancel(self, context: bpy.types.Context) -> None:
        self._end(context, {"CANCELLED"})

    def _end(self, context: bpy.types.Context, result: set[str]) -> set[str]:
        self.frames.close()
        context.window_manager.event_timer_remove(self.timer)
        context.workspace.status_text_set(None)
        return result


def problem(scene: bpy.types.Scene, space: bpy.types.Space) -> str:
    """Why no animation can be written of the viewport; empty if one can."""
    if scene.render.image_settings.media_type != "IMAGE":
        return "Choose an image format in the scene's output properties; frames are written one by one."
    if space.shading.type == "RENDERED" and not scene.render.engine.startswith(OFF_SCREEN):
        return "Blender draws this engine in viewports only; choose Material Preview or Solid, or render the animation."
    return ""


class StylisedFrameError(RuntimeError):
    """A frame can't be stylised."""


def written_frames(context: bpy.types.Context, look: Look) -> Generator[int, None, None]:
    """Write the scene's frames one after the other, and give the number of each. Puts all back at the end, or when closed.

    Raises StylisedFrameError, and RuntimeError if Blender can't write a file.
    """
    scene, space, region, layer = context.scene, context.space_data, _region(context), context.view_layer
    region_3d = space.region_3d
    render = scene.render
    width, height = (max(1, side * render.resolution_percentage // 100) for side in (render.resolution_x, render.resolution_y))
    before, overlays, image = scene.frame_current, space.overlay.show_overlays, _new_image(width, height)
    offscreen = gpu.types.GPUOffScreen(width, height, format="RGBA32F")
    space.overlay.show_overlays = False
    try:
        for number in range(scene.frame_start, scene.frame_end + 1, scene.frame_step):
            scene.frame_set(number)
            view, projection = _matrices(scene, space, region, region_3d, (width, height))
            reading = _offscreen(offscreen, scene, layer, space, region, view, projection, look)
            if look.albedo and unlit.is_known(space):
                reading = replace(reading, unlit=unlit.colours(context, region, reading))
            _fill(image, _frame(reading))
            with _view_transform(scene, space):
                image.save_render(render.frame_path(frame=number), scene=scene)
            yield number
    finally:
        offscreen.free()
        space.overlay.show_overlays = overlays
        bpy.data.images.remove(image)
        scene.frame_set(before)


def _frame(reading: Reading) -> np.ndarray:
    """The stylised view with all its pixels: (H, W, 4), bottom row first. Raises StylisedFrameError."""
    result = stylise(reading, 1, lambda: False)
    if not isinstance(result, Picture):
        raise StylisedFrameError(result.error if result else "It was stopped.")
    return result.frame


def _offscreen(
    offscreen: gpu.types.GPUOffScreen,
    scene: bpy.types.Scene,
    layer: bpy.types.ViewLayer,
    space: bpy.types.Space,
    region: bpy.types.Region,
    view: np.ndarray,
    projection: np.ndarray,
    look: Look,
) -> Reading:
    """What the viewport would show with these matrices, without overlays; where only Blender's theme is seen, nothing."""
    world = space.shading.type in ("MATERIAL", "RENDERED") and not scene.render.film_transparent
    matrices = read_view.matrix(view), read_view.matrix(projection)
    offscreen.draw_view3d(scene, layer, space, region, *matrices, do_color_management=False, draw_background=world)
    with offscreen.bind():
        framebuffer = gpu.state.active_framebuffer_get()
        part = 0, 0, offscreen.width, offscreen.height
        return read_view.read(framebuffer, read_view.Window(part, part[2:], view, projection), look, lines=False)


def _matrices(
    scene: bpy.types.Scene,
    space: bpy.types.Space,
    region: bpy.types.Region,
    region_3d: bpy.types.RegionView3D,
    size: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """(view, projection): the camera's in camera view; else the view's, with what the picture is wider or higher added."""
    camera = space.camera if space.use_local_camera else scene.camera
    render = scene.render
    if region_3d.view_perspective == "CAMERA" and camera is not None and camera.type == "CAMERA":
        aspect = {"scale_x": render.pixel_aspect_x, "scale_y": render.pixel_aspect_y}
        graph = bpy.context.evaluated_depsgraph_get()
        projection = camera.calc_matrix_camera(graph, x=size[0], y=size[1], **aspect)
        return np.array(camera.matrix_world.normalized().inverted(), np.float64), np.array(projection, np.float64)
    wider = size[0] / size[1] / (region.width / region.height)
    fit = np.diag([min(1.0, 1 / wider), min(1.0, wider), 1.0, 1.0])
    return np.array(region_3d.view_matrix, np.float64), fit @ np.array(region_3d.window_matrix, np.float64)


@contextmanager
def _view_transform(scene: bpy.types.Scene, space: bpy.types.Space) -> Iterator[None]:
    """Solid shading is shown without the scene's view transform, and so it is written."""
    settings = scene.view_settings
    wanted = UNTONED if space.shading.type in ("SOLID", "WIREFRAME") else {}
    before = {name: getattr(settings, name) for name in ("view_transform", "look", "exposure", "gamma") if wanted}
    try:
        for name, value in wanted.items():
            setattr(settings, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


def _new_image(width: int, height: int) -> bpy.types.Image:
    image = bpy.data.images.new(NAME, width, height, alpha=True, float_buffer=True)
    image.colorspace_settings.name = "Linear Rec.709"
    image.alpha_mode = "PREMUL"
    return image


def _fill(image: bpy.types.Image, frame: np.ndarray) -> None:
    """With a frame (H, W, 4), scene-linear, premultiplied, bottom row first."""
    image.pixels.foreach_set(frame.ravel())
    image.update()


def _region(context: bpy.types.Context) -> bpy.types.Region:
    """The part of the editor that draws the scene; in quad view the one with the mouse, if any."""
    regions = [region for region in context.area.regions if region.type == "WINDOW"]
    return context.region if context.region in regions else regions[-1]


def _picture(context: bpy.types.Context) -> Picture | None:
    """What the view shows, if it is stylised."""
    space = context.space_data
    if bpy.app.background or space is None or space.type != "VIEW_3D" or not live.is_on(space):
        return None
    return live.picture_of(space, _region(context))


CLASSES = (GANSTYLE_OT_keep_view, GANSTYLE_OT_viewport_animation)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
