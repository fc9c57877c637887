"""The hidden data-blocks behind the GAN Style nodes: sync() makes, mends and removes them.

While a render or a composite runs, no data-block may come or go (Blender crashes). So all that a run needs is made beforehand
(keep_in_sync.py says when) and described by Plans, which hold names instead of pointers.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ...core import StyleError
from ...core.style import WORKING_SPACE
from .. import library, temp_folder
from . import guides, inputs_scene, node_group, read
from .node_group import HIDDEN, PICTURE, is_hidden

TRIGGER = f"{HIDDEN} Trigger"
INPUTS = f"{HIDDEN} Inputs"
CAMERA = f"{HIDDEN} Camera"
ENGINE = "GAN_STYLE_TRIGGER"
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


@dataclass(frozen=True)
class Plan:
    """What a run has to do for one GAN Style node, or for one stereo view of it."""

    key: int
    """session_uid of the node's inner group."""
    node: str
    style: str
    exposure: float | None
    """Stops; None if they have to be captured with the passes, since they are linked or animated."""
    capture: str
    """The File Output node in the INPUTS scene that writes the node's inputs, and the stem of its file."""
    image: str
    """The Blender image that shows the stylised frame."""
    picture: Path
    """The file of that image."""
    view: str
    """Name of the stereo view; empty if the scene has none."""
    size: tuple[int, int]
    """(height, width) in pixels of what the scene renders; what the node gets may be of another size."""
    problem: str = ""
    """Why the node can't run as it stands in the tree."""


_plans: dict[int, tuple[Plan, ...]] = {}
_known: dict[int, tuple] = {}
"""By scene: what makes new plans necessary when it changes."""


def plans(scene: bpy.types.Scene) -> tuple[Plan, ...]:
    """The plans of the scene's nodes, each after those that feed it."""
    return _plans.get(scene.session_uid, ())


def is_outdated() -> bool:
    """Whether a scene has another compositor tree or other views than when sync() ran, or the hidden scenes were damaged."""
    hidden = [bpy.data.scenes.get(name) for name in (TRIGGER, INPUTS)] if _plans else []
    if any(scene is None or scene.camera is None for scene in hidden):
        return True
    return _known != _state()


def sync() -> None:
    """Bring the hidden data-blocks and the plans in line with the artist's trees."""
    _plans.clear()
    nodes = list(_nodes())
    if nodes:
        views = tuple(dict.fromkeys(view for scene in _scenes() for view in scene_views(scene) if view))
        _clear_inputs(_ensure_scene(INPUTS, views))
        node_group.separate(nodes, _ensure_scene(TRIGGER, views), views)
    for node in nodes:
        _offer_guides(node)
    for scene in _scenes() if nodes else ():
        if read.contains_style(scene.compositing_node_group):
            _ensure_trigger(scene.compositing_node_group)
            _plans[scene.session_uid] = tuple(_plan(scene))
    _share_problems(nodes)
    _remove_unused(nodes)
    if nodes:
        # Data-blocks came or went: Blender 5.2 crashes when it next evaluates a tree that names other scenes, without this.
        bpy.data.scenes[TRIGGER].view_layers[0].update()
    _known.clear()
    _known.update(_state())


def composite_again() -> None:
    """Have Blender composite what it composited before sync() got to an edit."""
    for node in _nodes():
        node_group.touch(node)


def remove_all() -> None:
    """Remove all hidden data-blocks and the triggers in the artist's trees; the nodes' own groups stay."""
    _plans.clear()
    for tree in _artist_trees():
        _remove_trigger(tree)
    _remove_scenes(keep=())


def scene_views(scene: bpy.types.Scene) -> tuple[str, ...]:
    """Names of the stereo views that Blender renders and composites; one empty name if there are none."""
    render = scene.render
    stereo = ("left", "right") if render.views_format == "STEREO_3D" else render.views.keys()
    return tuple(view.name for view in render.views if render.use_multiview and view.use and view.name in stereo) or ("",)


def strips_with_style(scene: bpy.types.Scene) -> list[str]:
    """Names of the strips of the scene's video sequence whose compositor modifiers or own trees have a GAN Style node."""
    editor = scene.sequence_editor if scene.render.use_sequencer else None
    users = [(strip, user) for strip in (editor.strips_all if editor else ()) for user in (strip, *strip.modifiers)]
    trees = [(strip.name, getattr(user, "node_group", None)) for strip, user in users]
    return [name for name, tree in trees if tree is not None and read.contains_style(tree)]


def _artist_trees() -> Iterator[bpy.types.NodeTree]:
    yield from (t for t in bpy.data.node_groups if t.bl_idname == "CompositorNodeTree" and not is_hidden(t))


def _nodes() -> Iterator[bpy.types.Node]:
    """All GAN Style nodes of the artist."""
    for tree in _artist_trees():
        yield from (node for node in tree.nodes if node.bl_idname == read.NODE)


def _scenes() -> Iterator[bpy.types.Scene]:
    """The artist's scenes that have a compositor tree."""
    yield from (s for s in bpy.data.scenes if not is_hidden(s) and s.compositing_node_group is not None)


def _state() -> dict[int, tuple]:
    return {scene.session_uid: (scene.compositing_node_group.session_uid, scene_views(scene)) for scene in _scenes()}


def _ensure_scene(name: str, views: tuple[str, ...]) -> bpy.types.Scene:
    """A hidden scene with these stereo views, which it does not use by itself."""
    scene = bpy.data.scenes.get((name, None))  # not one of a linked file
    if scene is None:
        scene = bpy.data.scenes.new(name)
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
    named = (n.scene for n in readers if n.scene is not None and n.scene.name == TRIGGER)  # a linked tree names that of its file
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
    lens = bpy.data.cameras.get((CAMERA, None)) or bpy.data.cameras.new(CAMERA)
    camera = bpy.data.objects.get((CAMERA, None)) or bpy.data.objects.new(CAMERA, lens)
    camera.use_fake_user = True
    return camera


def _clear_inputs(scene: bpy.types.Scene) -> None:
    if scene.compositing_node_group is None:
        scene.compositing_node_group = bpy.data.node_groups.new(INPUTS, "CompositorNodeTree")
    tree = scene.compositing_node_group
    tree.nodes.clear()
    for group in [g for g in bpy.data.node_groups if g.name.startswith(INPUTS) and g != tree]:
        bpy.data.node_groups.remove(group)


def _ensure_trigger(tree: bpy.types.NodeTree) -> None:
    """Have one Render Layers node of the TRIGGER scene in the tree, after all others: Blender renders them in this order."""
    readers = [n for n in tree.nodes if n.bl_idname == "CompositorNodeRLayers"]
    ours = [n for n in readers if n.scene is not None and is_hidden(n.scene)]
    if len(ours) == 1 and readers[-1] == ours[0] and ours[0].scene.name == TRIGGER:
        ours[0].mute = False
        return
    _remove_trigger(tree)
    anchor = next(n for n in tree.nodes if n.bl_idname == read.NODE or getattr(n, "node_tree", None) is not None)
    node = tree.nodes.new("CompositorNodeRLayers")
    node.scene = bpy.data.scenes[TRIGGER]
    node.name = node.label = "GAN Style Trigger"
    node.hide, node.select = True, False
    node.location = anchor.location.x, anchor.location.y + 40


def _remove_trigger(tree: bpy.types.NodeTree) -> None:
    for node in list(tree.nodes):
        if node.bl_idname == "CompositorNodeRLayers" and node.scene is not None and is_hidden(node.scene):
            tree.nodes.remove(node)


def _plan(scene: bpy.types.Scene) -> Iterator[Plan]:
    places = list(read.style_nodes(scene.compositing_node_group))
    uses = Counter(node.node_tree for _, node in places)
    for index, (path, node) in enumerate(places):
        passes = _passes(node)
        problem = _problem(scene, path, node, uses[node.node_tree])
        exposure = node.inputs["Exposure"]
        stops = None if exposure.links or node.id_data.animation_data else exposure.default_value
        capture = f"inputs-{scene.session_uid}-{index}"
        if not problem:
            tree = bpy.data.scenes[INPUTS].compositing_node_group
            captured = passes if stops is not None else (*passes, read.EXPOSURE)
            inputs_scene.add(tree, scene, path, captured, str(temp_folder.folder()), capture)
        shown = node_group.pictures(node)
        for view in scene_views(scene):
            picture = view or next(iter(shown))
            image, file = shown[picture].image.name, node_group.picture_file(node, picture)
            key, size = node.node_tree.session_uid, _size(scene)
            yield Plan(key, node.name, node.style_id, stops, capture, image, file, view, size, problem)


def _size(scene: bpy.types.Scene) -> tuple[int, int]:
    """(height, width) in pixels of the scene's frames, at least 1."""
    render = scene.render
    scale = render.resolution_percentage / 100
    width, height = render.resolution_x * scale, render.resolution_y * scale
    if render.use_border and render.use_crop_to_border:
        width *= render.border_max_x - render.border_min_x
        height *= render.border_max_y - render.border_min_y
    return max(1, int(height)), max(1, int(width))


def _share_problems(nodes: list[bpy.types.Node]) -> None:
    """Have a node that can't run in one scene pass its image through in all scenes, and one that no scene uses."""
    problems = {plan.key: plan.problem for plans in _plans.values() for plan in plans if plan.problem}
    for scene, plans in _plans.items():
        _plans[scene] = tuple(replace(plan, problem=problems.get(plan.key, "")) for plan in plans)
    running = {plan.key for plans in _plans.values() for plan in plans} - problems.keys()
    for node in nodes:
        node_group.pass_through(node, node.node_tree.session_uid not in running)


def _offer_guides(node: bpy.types.Node) -> None:
    with suppress(StyleError):  # a style that is away leaves the sockets and their links as they are
        guides.offer(node, library.find(node.style_id).passes)


def _passes(node: bpy.types.Node) -> tuple[str, ...]:
    try:
        return library.find(node.style_id).passes
    except StyleError:  # reported when the style is opened
        return ("image",)


def _problem(scene: bpy.types.Scene, path: tuple[str, ...], node: bpy.types.Node, uses: int) -> str:
    """Why the node can't run where it stands; empty if it can."""
    if uses > 1:
        return "The node is in a group that is used several times; make the group single-user."
    groups = read.groups_around(scene.compositing_node_group, path)
    if read.origin(node.inputs["Image"], groups) is None:
        return "Nothing is connected to the input Image; connect it."
    space = bpy.data.colorspace.working_space
    if space != WORKING_SPACE and {"Diffuse Color", "Vector"} & set(node.inputs.keys()):
        return f"The style's passes need the working space {WORKING_SPACE}, not {space}: choose it, or choose another style."
    return guides.problem(scene, node, groups)


def _remove_unused(nodes: list[bpy.types.Node]) -> None:
    """Remove inner groups and images without a node, triggers without a use, and all that is hidden with the last node."""
    for tree in _artist_trees():
        if not read.contains_style(tree):
            _remove_trigger(tree)
    groups = {node.node_tree for node in nodes}
    images = {shown.image for node in nodes for shown in node_group.pictures(node).values()}
    for group in [g for g in bpy.data.node_groups if g.name.startswith(PICTURE) and g not in groups]:
        bpy.data.node_groups.remove(group)
    for image in [i for i in bpy.data.images if is_hidden(i) and i not in images]:
        bpy.data.images.remove(image)
    _remove_scenes(keep=(TRIGGER, INPUTS, CAMERA) if nodes else ())


def _remove_scenes(keep: tuple[str, ...]) -> None:
    for collection in (bpy.data.scenes, bpy.data.objects, bpy.data.cameras):
        for block in [b for b in collection if is_hidden(b) and b.name not in keep]:
            collection.remove(block)
    if not keep:
        for group in [g for g in bpy.data.node_groups if g.name.startswith(INPUTS)]:
            bpy.data.node_groups.remove(group)
