"""The hidden data-blocks behind the GAN Style nodes, and the plans of what a run has to do: sync() makes, mends and removes them.

While a render or a composite runs, no data-block may come or go (Blender crashes). So all that a run needs is made beforehand
(keep_in_sync.py says when) and described by plans, which hold names instead of pointers.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import bpy

from ...core import StyleError
from . import animation, blocks, colour, controls, guides, inputs_scene, node_group, pictures, problems, read, uses
from .blocks import INPUTS, TRIGGER
from .marks import is_hidden
from .plans import Plan, controls_of, guides_of, layers_of, plans_of, scene_views
from .problems import contained

_plans: dict[int, tuple[Plan, ...]] = {}
_known: tuple = ()
"""What makes new plans necessary when it changes."""
_in_strips: set[int] = set()
"""session_uids of the insides of the nodes that strips or modifiers of the video sequencer use."""


def plans(scene: bpy.types.Scene) -> tuple[Plan, ...]:
    """The plans of the scene's nodes, each after those that feed it."""
    return _plans.get(scene.session_uid, ())


def problem(node: bpy.types.Node) -> str:
    """Why the node can't run as it stood when sync() ran; empty if it can, or if nothing uses it."""
    key = node.node_tree.session_uid if node.node_tree is not None else 0
    found = (plan.problem for some in _plans.values() for plan in some if plan.key == key and plan.problem)
    return next(found, problems.IN_STRIP if key in _in_strips else "")


def is_outdated(edited: bool = True) -> bool:
    """Whether the artist's trees are other ones than when sync() ran, by more than values, or the hidden scenes were damaged.

    edited: whether compositor trees were edited at all; if not, only what hangs on scenes is looked at.
    """
    hidden = [blocks.find(role) for role in (TRIGGER, INPUTS)] if _plans else []
    if any(scene is None or scene.camera is None for scene in hidden):
        return True
    return _known[:1] != _outline() or (edited and _known[1:] != _structure())


def sync() -> None:
    """Bring the hidden data-blocks and the plans in line with the artist's trees.

    Raises nothing: what can't be done for a node is the problem of its plans, and all others run.
    """
    global _known
    _plans.clear()
    nodes, failed, before, known = list(_nodes()), {}, _block_uids(), uses.Uses()
    with contained(nodes, failed):
        known = uses.find(scene.compositing_node_group for scene in _scenes()) if nodes else known
        _prepare(nodes, known, failed)
    for scene in _scenes() if nodes else ():
        _plans[scene.session_uid] = plans_of(scene, known, failed)
    with contained(nodes, failed):
        _clean_up(nodes)
        if nodes and before != _block_uids():
            # Blender 5.2 crashes when it next evaluates a tree that names other scenes, without this.
            blocks.get(TRIGGER).view_layers[0].update()
    _known = _outline() + _structure()


def composite_again() -> None:
    """Have Blender composite what it composited before sync() got to an edit."""
    for node in _nodes():
        node_group.touch(node)


def forget() -> None:
    """The file is another one, or an older state of itself."""
    global _known
    _known = ()
    inputs_scene.forget()


def remove_all() -> None:
    """Remove all hidden data-blocks and the triggers in the artist's trees; the nodes' own groups stay."""
    _plans.clear()
    _in_strips.clear()
    forget()
    for tree in _artist_trees():
        blocks.remove_trigger(tree)
    _remove_scenes()


def strips_with_style(scene: bpy.types.Scene) -> list[str]:
    """Names of the strips of the scene's video sequence whose compositor modifiers or own trees have a GAN Style node."""
    wiring = read.Wiring()
    found = _strips_with_trees(scene) if scene.render.use_sequencer else ()
    return [strip.name for strip, tree in found if not strip.mute and wiring.contains_style(tree)]


def _strips_with_trees(scene: bpy.types.Scene) -> Iterator[tuple[bpy.types.Strip, bpy.types.NodeTree]]:
    """The strips that have a compositor tree, or a modifier with one that is not muted, and these trees."""
    for strip in scene.sequence_editor.strips_all if scene.sequence_editor else ():
        for user in (strip, *(modifier for modifier in strip.modifiers if not modifier.mute)):
            if (tree := getattr(user, "node_group", None)) is not None:
                yield strip, tree


def _artist_trees() -> Iterator[bpy.types.NodeTree]:
    yield from (t for t in bpy.data.node_groups if t.bl_idname == "CompositorNodeTree" and not is_hidden(t))


def _nodes() -> Iterator[bpy.types.Node]:
    """All GAN Style nodes of the artist."""
    for tree in _artist_trees():
        yield from (node for node in tree.nodes if node.bl_idname == read.NODE)


def _scenes() -> Iterator[bpy.types.Scene]:
    """The artist's scenes that have a compositor tree."""
    yield from (s for s in bpy.data.scenes if not is_hidden(s) and s.compositing_node_group is not None)


def _outline() -> tuple:
    """The scenes with their trees and views, and the trees of the video sequencer."""
    scenes = tuple((s.session_uid, s.compositing_node_group.session_uid, scene_views(s)) for s in _scenes())
    strips = tuple(dict.fromkeys(tree.session_uid for s in bpy.data.scenes for _, tree in _strips_with_trees(s)))
    return ((scenes, strips),)


def _structure() -> tuple:
    """The GAN Style nodes, and all trees of the scenes that have some."""
    wiring = read.Wiring()
    nodes = tuple((n.id_data.session_uid, n.name, n.style_id, n.node_tree and n.node_tree.session_uid) for n in _nodes())
    tops = [s.compositing_node_group for s in _scenes() if nodes and wiring.contains_style(s.compositing_node_group)]
    trees = dict.fromkeys(tree for top in tops for tree in read.all_trees(top) if not is_hidden(tree))
    return nodes, tuple((tree.session_uid, read.structure(tree)) for tree in trees)


def _prepare(nodes: list[bpy.types.Node], known: uses.Uses, failed: dict[bpy.types.Node, str]) -> None:
    """Have the hidden scenes, the insides of the nodes and the triggers as they have to be."""
    blocks.remove_old()
    if not nodes:
        return
    views = tuple(dict.fromkeys(view for scene in _scenes() for view in scene_views(scene) if view))
    inputs, trigger = (blocks.ensure_scene(role, views) for role in (INPUTS, TRIGGER))
    if inputs.compositing_node_group is None:
        inputs.compositing_node_group = inputs_scene.new_tree()
    colour.measure()
    seen = set()
    for node in nodes:
        with contained([node], failed):
            layers = pictures.layers(node)
            with suppress(StyleError):
                layers = layers_of(node)
            node_group.separate(node, seen, trigger, views, known.told(node.id_data), layers)
            with suppress(StyleError):  # a style that is away leaves the sockets and their links as they are
                guides.offer(node, guides_of(node))
                controls.offer(node, controls_of(node))
            animation.follow(node)
    uses.tell(_artist_trees(), known)
    wiring = read.Wiring()
    for scene in _scenes():
        if wiring.contains_style(scene.compositing_node_group):
            blocks.ensure_trigger(scene.compositing_node_group, trigger)


def _clean_up(nodes: list[bpy.types.Node]) -> None:
    """Share problems, and remove what no node needs: insides, images, copies, triggers; with the last node, all of it."""
    _share_problems(nodes)
    wiring = read.Wiring()
    for tree in _artist_trees():
        if not wiring.contains_style(tree):
            blocks.remove_trigger(tree)
    groups = {node.node_tree for node in nodes}
    images = {p.image for node in nodes if node.node_tree is not None for p in pictures.pictures(node).values()}
    for group in [g for g in bpy.data.node_groups if is_hidden(g, pictures.ROLE) and g not in groups]:
        bpy.data.node_groups.remove(group)
    for image in [i for i in bpy.data.images if is_hidden(i) and i not in images]:
        bpy.data.images.remove(image)
    if nodes:
        inputs = blocks.get(INPUTS)
        inputs_scene.keep(inputs.compositing_node_group, {plan.capture for some in _plans.values() for plan in some})
        camera = inputs.camera
        blocks.remove_scenes(keep=(inputs, blocks.get(TRIGGER), camera, camera.data))
    else:
        _remove_scenes()


def _remove_scenes() -> None:
    blocks.remove_scenes()
    inputs_scene.remove(group.session_uid for group in bpy.data.node_groups if is_hidden(group, inputs_scene.ROLE))


def _share_problems(nodes: list[bpy.types.Node]) -> None:
    """Have a node that can't run in one place pass its image through in all, and one that no scene uses."""
    sequenced = {inside for scene in bpy.data.scenes for _, tree in _strips_with_trees(scene) for inside in read.all_trees(tree)}
    _in_strips.clear()
    _in_strips.update(n.node_tree.session_uid for n in nodes if n.node_tree is not None and n.id_data in sequenced)
    found = {plan.key: plan.problem for plans in _plans.values() for plan in plans if plan.problem}
    found = dict.fromkeys(_in_strips, problems.IN_BOTH) | found
    for scene, plans in _plans.items():
        _plans[scene] = tuple(replace(plan, problem=found.get(plan.key, "")) for plan in plans)
    running = {plan.key for plans in _plans.values() for plan in plans} - found.keys()
    for node in nodes:
        if node.node_tree is not None:
            node_group.pass_through(node, node.node_tree.session_uid not in running)


def _block_uids() -> set[int]:
    kinds = (bpy.data.scenes, bpy.data.node_groups, bpy.data.images, bpy.data.objects)
    return {block.session_uid for blocks in kinds for block in blocks}
