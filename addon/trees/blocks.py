"""The hidden scenes with their camera, and the trigger nodes in the artist's trees: made, found, mended and removed.

They are told by a mark and not by their names, which artists and scripts may give to data-blocks of their own.
"""

import bpy

from . import read
from .marks import HIDDEN, hide, is_hidden

TRIGGER = "trigger"
INPUTS = "inputs"
CAMERA = "camera"
ENGINE = "GAN_STYLE_TRIGGER"
NAMES = {TRIGGER: "\U0001fa84 GAN Style Trigger", INPUTS: "\U0001fa84 GAN Style Inputs"}
"""Blender sorts scenes by the bytes of their names: these come after those of all alphabets, so that `bpy.data.scenes[0]`, the
Outliner's first line and the scene that follows a deleted one are the artist's."""
SWITCHES = {
    "engine": ENGINE,
    "compositor_device": "CPU",
    "compositor_precision": "FULL",
    "use_compositing": True,
    "use_sequencer": False,
    "use_single_layer": False,
    "use_freestyle": False,
}
"""Render settings without which a hidden scene does not do its work; scripts like to set those of all scenes."""
LABEL = "GAN Style Trigger"


def find(role: str) -> bpy.types.Scene | None:
    """The hidden scene with the role, not one of a linked file."""
    return next((scene for scene in bpy.data.scenes if is_hidden(scene, role) and scene.library is None), None)


def get(role: str) -> bpy.types.Scene:
    """The hidden scene with the role. Raises KeyError if there is none."""
    scene = find(role)
    if scene is None:
        raise KeyError(role)
    return scene


def ensure_scene(role: str, views: tuple[str, ...]) -> bpy.types.Scene:
    """The hidden scene with the role, as it has to be, with these stereo views, which it does not use by itself."""
    scene = find(role)
    if scene is None:
        scene = bpy.data.scenes.new(NAMES[role])
        hide(scene, role)
    set_switches(scene)
    if scene.camera is None:
        scene.camera = _camera()
    if views and [(view.name, view.file_suffix) for view in scene.render.views] != [(view, "") for view in views]:
        _give_views(scene.render, views)
    return scene


def set_switches(scene: bpy.types.Scene) -> None:
    """Set the switches of a hidden scene where somebody else has set them otherwise. On the main thread, in a render too."""
    for name, value in SWITCHES.items():
        if getattr(scene.render, name) != value:
            setattr(scene.render, name, value)
    for layer in scene.view_layers:
        if not layer.use:
            layer.use = True


def calls_trigger(scene: bpy.types.Scene) -> bool:
    """Whether Blender, when it composites an artist's scene as things are, calls the trigger's engine before. From any thread."""
    if scene.compositing_node_group is None or scene.render.use_single_layer:
        return False
    readers = (n for n in scene.compositing_node_group.nodes if n.bl_idname == read.RENDER_LAYERS and not n.mute)
    named = (n.scene for n in readers if n.scene is not None and is_hidden(n.scene, TRIGGER))  # a linked tree names its file's
    return any(s.camera is not None and s.render.engine == ENGINE and any(layer.use for layer in s.view_layers) for s in named)


def _give_views(render: bpy.types.RenderSettings, views: tuple[str, ...]) -> None:
    """In this order, and without suffixes for files."""
    render.views_format = "MULTIVIEW"
    before = list(render.views)
    added = [render.views.new("new") for _ in views]
    for view in before:
        render.views.remove(view)
    for view, name in zip(added, views, strict=True):
        view.name = name


def _camera() -> bpy.types.Object:
    """Blender renders no scene without one. In no collection (that crashes Blender 5.2); a fake user keeps it in files."""
    camera = next((o for o in bpy.data.objects if is_hidden(o, CAMERA) and o.library is None), None)
    if camera is None:
        name = f"{HIDDEN} Camera"
        lens = bpy.data.cameras.new(name)
        camera = bpy.data.objects.new(name, lens)
        hide(camera, CAMERA)
        hide(lens, CAMERA)
    camera.use_fake_user = True
    return camera


def ensure_trigger(tree: bpy.types.NodeTree, trigger: bpy.types.Scene) -> None:
    """Have one Render Layers node of the TRIGGER scene in the tree, after all others: Blender renders them in this order."""
    readers = [n for n in tree.nodes if n.bl_idname == read.RENDER_LAYERS]
    ours = [n for n in readers if is_trigger(n)]
    if len(ours) == 1 and readers[-1] == ours[0] and (ours[0].scene == trigger or tree.library is not None):
        if ours[0].mute:
            ours[0].mute = False
        return
    remove_trigger(tree)
    anchor = next(n for n in tree.nodes if n.bl_idname == read.NODE or getattr(n, "node_tree", None) is not None)
    node = tree.nodes.new(read.RENDER_LAYERS)
    node.scene = trigger
    node.name = node.label = LABEL
    node.hide, node.select = True, False
    # Above and to the left: noodles come in at the lower left and go out at the upper right.
    node.location = anchor.location_absolute.x - 60, anchor.location_absolute.y + 90


def remove_trigger(tree: bpy.types.NodeTree) -> None:
    for node in [n for n in tree.nodes if is_trigger(n)]:
        tree.nodes.remove(node)


def is_trigger(node: bpy.types.Node) -> bool:
    """Also one whose scene someone has deleted."""
    if node.bl_idname != read.RENDER_LAYERS:
        return False
    return is_hidden(node.scene) if node.scene is not None else node.label == LABEL


def remove_old() -> None:
    """Remove the hidden scenes of GAN Style 0.1.0, which had no marks; what only they use goes when the file is saved."""
    for scene in [s for s in bpy.data.scenes if not is_hidden(s) and s.library is None and s.render.engine == ENGINE]:
        if scene.name.startswith(HIDDEN):
            bpy.data.scenes.remove(scene)


def remove_scenes(keep: tuple[bpy.types.ID, ...] = ()) -> None:
    """Remove the hidden scenes and cameras, and what an append brought along, but those to keep."""
    for collection in (bpy.data.scenes, bpy.data.objects, bpy.data.cameras):
        for block in [b for b in collection if is_hidden(b) and b.library is None and b not in keep]:
            collection.remove(block)


def leave_hidden_scenes() -> None:
    """Have each window that shows a hidden scene, since the artist deleted the one before, show one of the artist's scenes."""
    for window in bpy.context.window_manager.windows:
        if is_hidden(window.scene):
            window.scene = next((s for s in bpy.data.scenes if not is_hidden(s)), None) or bpy.data.scenes.new("Scene")
