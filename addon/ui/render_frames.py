"""The button that renders frames of the artist's own shot to train on; see run/shot_frames.py."""

import time
from collections.abc import Iterator
from pathlib import Path

import bpy

from ..run import after_edits, shot_frames
from ..trees import keep_in_sync
from ..trees.marks import is_hidden


class GANSTYLE_OT_render_frames(bpy.types.Operator):  # noqa: N801 - Blender's way to name operators
    """Render frames of this scene with their passes into a folder, to paint some of them and train a style"""

    bl_idname = "gan_style.render_frames"
    bl_label = "Render Frames to Train On"

    directory: bpy.props.StringProperty(
        name="Folder",
        description="The frames go to input/ in it",
        default="//training",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    frames: bpy.props.StringProperty(name="Frames", description="Like 1,5,10-20; empty for all of the scene's range")
    neighbours: bpy.props.BoolProperty(
        name="Neighbours", description="Also the frames before and after each, to learn steadiness from"
    )
    scale: bpy.props.FloatProperty(
        name="Scale", description="Share of the scene's own width and height", default=1.0, min=0.01, max=4.0, subtype="FACTOR"
    )
    changed: bpy.props.EnumProperty(
        name="If Changed",
        description="If the file or its size has changed since the folder's frames were rendered",
        items=[
            ("refuse", "Stop", "Render nothing, and say what has changed"),
            ("keep", "Keep Frames", "Render what is missing beside the frames that are there"),
            ("replace", "Replace Frames", "Remove the frames that are there"),
        ],
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not bpy.data.filepath and shot_frames.STEM not in context.scene:
            cls.poll_message_set("Save the .blend file first")
            return False
        return not is_hidden(context.scene)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, title=self.bl_label, confirm_text="Render")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """In the background all at once; in a window a frame at a time, between which Esc counts."""
        if self.directory.startswith("//") and not bpy.data.filepath:
            self.report({"ERROR"}, "Name a folder: the file is not saved, so that nothing can lie beside it")
            return {"CANCELLED"}
        folder = Path(bpy.path.abspath(self.directory)).resolve()
        request = shot_frames.Request(folder, self.frames.strip(), self.neighbours, self.scale, self.changed)
        try:
            self._job = shot_frames.prepare(context.scene, request)
            self.report({"INFO"}, shot_frames.outline(self._job))
            self._frames = shot_frames.render(self._job)
            if not bpy.app.background and self._job.missing:
                return self._wait(context)
            while self._next():
                pass
        except shot_frames.ShotError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Takes all events, so that nobody changes the scene between two frames."""
        if event.type == "ESC":
            self.cancel(context)
            self.report({"INFO"}, f"{self._done} of {len(self._job.missing)} frames rendered; the next time goes on from there")
            return {"CANCELLED"}
        if event.type != "TIMER" or not keep_in_sync.is_idle():  # editors composite after each frame
            return {"RUNNING_MODAL"}
        after_edits.cancel()  # no style for a frame that is replaced at once
        try:
            if self._next():
                self._show(context)
                return {"RUNNING_MODAL"}
        except shot_frames.ShotError as error:
            self.cancel(context)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.cancel(context)
        self.report({"INFO"}, f"{self._done} frames rendered into {self._job.folder}")
        return {"FINISHED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Also called by Blender, when a file is opened."""
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        if context.workspace is not None:
            context.workspace.status_text_set(None)

    _done = 0
    _estimate = ""
    _job: shot_frames.Job
    _frames: Iterator[Path]

    def _next(self) -> bool:
        """Render one frame. False if there is none left. Raises ShotError."""
        started = time.perf_counter()
        path = next(self._frames, None)
        if path is None:
            return False
        self._done += 1
        if self._done == 1:
            self._estimate = shot_frames.estimate(self._job, path, time.perf_counter() - started)
        return True

    def _wait(self, context: bpy.types.Context) -> set[str]:
        self._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        context.window_manager.progress_begin(0, len(self._job.missing))
        context.window_manager.modal_handler_add(self)
        self._estimate = shot_frames.outline(self._job)
        self._show(context)
        return {"RUNNING_MODAL"}

    def _show(self, context: bpy.types.Context) -> None:
        context.window_manager.progress_update(self._done)
        context.workspace.status_text_set(
            f"GAN Style: {self._done} of {len(self._job.missing)} frames rendered. {self._estimate} Esc to stop after this frame."
        )


CLASSES = (GANSTYLE_OT_render_frames,)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
