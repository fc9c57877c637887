"""What a run has to do for each GAN Style node, as plain data that a render's thread may hold."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ...core import Control, Style, StyleError
from ...core.passes import Pass
from .. import library, temp_folder
from . import animation, blocks, controls, inputs_scene, pictures, problems, read, uses
from .problems import contained


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
    """The copy in the INPUTS scene that writes the node's inputs, and the stem of its file."""
    image: str
    """The Blender image that shows the stylised frame; empty if the node has none, which only a problem brings about."""
    picture: Path
    """The file of that image."""
    view: str
    """Name of the stereo view; empty if the scene has none."""
    size: tuple[int, int]
    """(height, width) in pixels of what the scene renders; what the node gets may be of another size."""
    path: tuple[str, ...] = ()
    """Names of the nodes to go through from the scene's tree to the node: group nodes, then the node itself."""
    uses: int = 1
    """How often the scene uses the node, since it is in groups; a plan is for one use."""
    scale: float | None = None
    """How large strokes are; None if it has to be captured, as the exposure."""
    keep_colours: float | None = None
    """How much of the image's colours is kept; None if it has to be captured."""
    controls: tuple[tuple[str, float], ...] = ()
    """Controls of the styles with the numbers that stand in their sliders; the others are captured with the passes."""
    layers: tuple[tuple[str, Path], ...] = ()
    """The layers of the picture, if any of them is linked, and their files, frames of the same image."""
    inputs: tuple[str, ...] = ()
    """What is captured: passes, some of read.NUMBERS, the mask, and controls."""
    styles: tuple[str, ...] = ()
    """The styles that the frames may have, if the style is animated: those that its keyframes name."""
    rendered: tuple[int, int] | None = None
    """(width, height) in pixels of the render in progress, before it is cropped to a border; None if none is."""
    problem: str = ""
    """Why the node can't run as it stands in the tree."""


_frame_styles: dict[int, str] = {}
"""By key of a plan: the style that an animated node has at the frame that is rendered."""


def scene_views(scene: bpy.types.Scene) -> tuple[str, ...]:
    """Names of the stereo views that Blender renders and composites; one empty name if there are none."""
    render = scene.render
    stereo = ("left", "right") if render.views_format == "STEREO_3D" else render.views.keys()
    return tuple(view.name for view in render.views if render.use_multiview and view.use and view.name in stereo) or ("",)


def plans_of(scene: bpy.types.Scene, known: uses.Uses, failed: dict[bpy.types.Node, str]) -> tuple[Plan, ...]:
    """A plan for each use and view of the nodes that the scene's render uses, after the plans of those that feed it.

    known: the uses of groups. failed: nodes that can't run, with the reason; more may be added.
    """
    found = []
    trees = read.all_trees(scene.compositing_node_group)
    with contained([node for tree in trees for node in tree.nodes if node.bl_idname == read.NODE], failed):
        found += read.Wiring().style_nodes(scene.compositing_node_group, known.told)
    counts = Counter(node for _, node in found)
    plans = ((plan, counts[node]) for path, node in found for plan in _plan(scene, path, node, known, failed))
    return tuple(replace(plan, uses=count) for plan, count in plans)


def _plan(
    scene: bpy.types.Scene, path: tuple[str, ...], node: bpy.types.Node, known: uses.Uses, failed: dict[bpy.types.Node, str]
) -> Iterator[Plan]:
    """A plan for each view; one with a problem if anything speaks against it."""
    key = node.node_tree.session_uid if node.node_tree is not None else 0
    use = known.of(scene.compositing_node_group, path)
    capture = f"inputs-{scene.session_uid}-{key}-{use}"
    plan = Plan(key, node.name, node.style_id, None, capture, "", Path(), "", _size(scene), path)
    with contained([node], failed):
        plan = replace(plan, problem=failed.get(node) or problems.of_node(scene, path, node, known.count.get(node.id_data, 1)))
        sockets = {name: node.inputs[read.label_of(name)] for name in read.NUMBERS}
        plain = {name: s.default_value for name, s in sockets.items() if not s.is_linked and not animation.moves(s)}
        plan = replace(plan, **plain)
        try:
            inputs, wanted = list(passes_of(node)), controls_of(node)
        except StyleError:  # reported when the style is opened
            inputs, wanted = ["image"], ()
        inputs += [name for name in read.NUMBERS if getattr(plan, name) is None]
        inputs += [read.MASK] if node.inputs["Mask"].is_linked or animation.moves(node.inputs["Mask"]) else []
        inputs += (drawn := list(controls.captured(node, wanted)))
        numbers = tuple((c.name, controls.value(node, c.name)) for c in wanted if c.name not in drawn)
        plan = replace(plan, styles=animation.styles(node), inputs=tuple(inputs), controls=numbers)
        if not plan.problem:
            tree = blocks.get(blocks.INPUTS).compositing_node_group
            inputs_scene.ensure(tree, scene, path, plan.inputs, directory(), plan.capture)
    if node in failed:
        plan = replace(plan, problem=failed[node])
    shown = {}
    with suppress(AttributeError, KeyError):  # a node that could not be given its inside
        for place, picture in pictures.pictures(node).items():
            shown[place] = picture.image.name, pictures.picture_file(node, *place)
    for view in scene_views(scene):
        places = {layer: (layer, use, view) for layer, *_ in shown if (layer, use, view) in shown}
        places = {
            place[0]: place for place in reversed(shown) if place[1] == use
        } | places  # without views, the first one is seen
        image, file = shown[places[""]] if "" in places else ("", Path())
        layers = tuple((layer, shown[places[layer]][1]) for layer in pictures.LAYERS if layer in places)
        yield replace(plan, view=view, image=image, picture=file, layers=layers if _wants_layers(node) else ())


def _wants_layers(node: bpy.types.Node) -> bool:
    return any(node.outputs[layer].is_linked for layer in pictures.layers(node))


def as_it_stands(plan: Plan, scene: str) -> Plan:
    """The plan with the style, the exposure, the scale and the controls that its node has now; what computes its inputs gets the
    values of now, too.

    To be called on the main thread before each run, since handlers of scripts may change all of that during a render. The plan
    has a problem if the tree has changed by more than values.
    """
    if plan.problem:
        return plan
    with suppress(KeyError, AttributeError):  # a node is gone
        rendered = bpy.data.scenes[scene]
        around = read.groups_around(rendered.compositing_node_group, plan.path)
        node = (around[-1].node_tree if around else rendered.compositing_node_group).nodes[plan.path[-1]]
        used = plan.uses if not around else _uses(rendered, node)
        as_before = used == plan.uses and _wants_layers(node) == bool(plan.layers)
        if as_before and inputs_scene.follow(rendered, plan.path, plan.inputs, directory(), plan.capture):
            plain = [name for name in read.NUMBERS if getattr(plan, name) is not None]
            values = {name: node.inputs[read.label_of(name)].default_value for name in plain}
            numbers = tuple((name, controls.value(node, name)) for name, _ in plan.controls)
            return replace(plan, style=_frame_styles.get(plan.key, node.style_id), controls=numbers, **values)
    return replace(plan, problem=problems.CHANGED)


def _uses(scene: bpy.types.Scene, node: bpy.types.Node) -> int:
    tree = scene.compositing_node_group
    found = read.Wiring().style_nodes(tree, uses.find([tree]).told)
    return sum(other == node for _, other in found)


def note_frame(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph, plans: tuple[Plan, ...]) -> None:
    """Remember the animated styles of a frame that is rendered, in the thread that renders: the file's own nodes keep theirs."""
    _frame_styles.clear()
    evaluated = scene.evaluated_get(depsgraph).compositing_node_group
    for plan in plans:
        if plan.styles and not plan.problem:
            around = read.groups_around(evaluated, plan.path)
            node = (around[-1].node_tree if around else evaluated).nodes[plan.path[-1]]
            _frame_styles[plan.key] = node.style_id


def forget_frame() -> None:
    """The render is over: what the artist's nodes say counts again."""
    _frame_styles.clear()


def directory() -> str:
    """Where the inputs go; Blender expands what stands in braces in such a path, and replaces the last hashes."""
    return str(temp_folder.folder()).replace("{", "{{").replace("}", "}}")


def _size(scene: bpy.types.Scene) -> tuple[int, int]:
    """(height, width) in pixels of the scene's frames, at least 1."""
    render = scene.render
    scale = render.resolution_percentage / 100
    width, height = render.resolution_x * scale, render.resolution_y * scale
    if render.use_border and render.use_crop_to_border:
        width *= render.border_max_x - render.border_min_x
        height *= render.border_max_y - render.border_min_y
    return max(1, int(height)), max(1, int(width))


def passes_of(node: bpy.types.Node) -> tuple[str, ...]:
    """What the node's styles need, all that its keyframes name. Raises StyleError if one can't be used."""
    styles = _styles(node)
    return tuple(guide.name for guide in _inputs(styles).values())


def guides_of(node: bpy.types.Node) -> tuple[Pass, ...]:
    """The guides among passes_of(). Raises StyleError if a style can't be used."""
    return tuple(guide for name, guide in _inputs(_styles(node)).items() if name != "image")


def controls_of(node: bpy.types.Node) -> tuple[Control, ...]:
    """The controls of the node's styles, of several of one name that of the first. Raises StyleError if a style can't be used."""
    return tuple({c.name: c for style in reversed(_styles(node)) for c in style.controls}.values())


def layers_of(node: bpy.types.Node) -> tuple[str, ...]:
    """The layers that some of the node's styles give. Raises StyleError if a style can't be used."""
    return pictures.LAYERS if any(style.has_layers for style in _styles(node)) else ()


def _styles(node: bpy.types.Node) -> list[Style]:
    return [library.find(style) for style in dict.fromkeys((node.style_id, *animation.styles(node)))]


def _inputs(styles: list[Style]) -> dict[str, Pass]:
    """What the styles take: passes in the order of the table, then guides of their own."""
    taken = {name: guide for style in styles for name, guide in style.table.items()}
    return {name: taken[name] for name in dict.fromkeys((*read.PASSES, *taken)) if name in taken}
