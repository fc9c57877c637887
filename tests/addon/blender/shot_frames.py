"""Frames of the artist's own shot as training data: what is in them, which are skipped, and what is put back."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import (
    HEIGHT,
    WIDTH,
    assert_close,
    assert_swapped,
    insert,
    insert_style,
    is_ours,
    load_addon,
    make_scene,
    new_group,
    read_exr,
    render,
    run_case,
    second_scene,
)

from core import PASSES
from core.passes import LIGHT

GEOMETRY = [name for name in PASSES if name not in LIGHT]
HALF = 1e-3
"""What half floats round by."""


def shots():
    return sys.modules["gan_style.addon.run.shot_frames"]


def save(place: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(place / "my shot.blend"))


def rendered(place: Path, **options: object) -> list[Path]:
    """Render what is missing of the active scene; the paths of the frames that were."""
    return list(shots().render(shots().prepare(bpy.context.scene, shots().Request(place / "data", **options))))


def refusal(place: Path, **options: object) -> str:
    try:
        rendered(place, **options)
    except shots().ShotError as error:
        return str(error)
    raise AssertionError("nothing was refused")


def state() -> dict:
    """What rendering frames changes, and has to put back."""
    scenes = {s.name: (s.compositing_node_group, s.frame_current, s.frame_subframe) for s in bpy.data.scenes}
    names = ("resolution_x", "resolution_percentage", "use_compositing", "use_sequencer", "use_single_layer", "filepath")
    settings = {
        s.name: [getattr(s.render, n) for n in (*names, "compositor_device", "compositor_precision")] for s in bpy.data.scenes
    }
    switches = {
        (s.name, layer.name): [getattr(layer, p.switch) for p in PASSES.values() if p.switch]
        for s in bpy.data.scenes
        for layer in s.view_layers
    }
    trees = {t.session_uid: [(n.name, n.mute) for n in t.nodes] + [len(t.links)] for t in bpy.data.node_groups}
    handlers = {n: list(f) for n in dir(bpy.app.handlers) if isinstance(f := getattr(bpy.app.handlers, n), list)}
    return {"scenes": scenes, "settings": settings, "switches": switches, "trees": trees, "handlers": handlers}


def hold_what_feeds_the_node(folder: Path) -> None:
    """Image as composited before the node, the passes of the same render, no run of the style; all is as it was afterwards."""
    load_addon()
    scene = make_scene(frames=4)
    tree = scene.compositing_node_group
    insert(tree, "CompositorNodeExposure", Exposure=1.0)
    node = insert_style(tree, "swap")
    insert(tree, "CompositorNodeExposure", Exposure=-3.0)
    scene.frame_set(4)
    save(folder)
    before = state()
    paths = rendered(folder, frames="2", neighbours=True)
    assert [path.name for path in paths] == [f"my_shot_000{n}.exr" for n in (1, 2, 3)], paths
    assert state() == before
    assert not sys.modules["gan_style.addon.run.log"].last_runs()
    passes = read_exr(paths[1])
    assert {n: a.shape for n, a in passes.items()} == {n: (HEIGHT, WIDTH, PASSES[n].channels) for n in GEOMETRY}
    tree.links.new(node.outputs["Image"], tree.nodes["Group Output"].inputs[0])
    node.mute = True
    scene.frame_set(2)
    assert_close(passes["image"], render(scene, folder / "plain.exr"), HALF)
    for p in PASSES.values():
        if p.switch:
            setattr(scene.view_layers[0], p.switch, True)
    scene.render.image_settings.media_type = "MULTI_LAYER_IMAGE"
    scene.render.filepath = str(folder / "passes.exr")
    bpy.ops.render.render(write_still=True)
    layers = read_exr(folder / "passes.exr")
    for name in set(GEOMETRY) - {"image"}:
        assert_close(passes[name], layers[f"ViewLayer.{PASSES[name].socket}"], HALF)
    assert np.abs(passes["vector"]).max() > 1


def hold_light_and_aovs(folder: Path) -> None:
    """Passes of light that are switched on, or all that the engine has if asked for, and the view layer's AOVs."""
    load_addon()
    scene = make_scene()
    layer = scene.view_layers[0]
    layer.use_pass_glossy_direct = True
    for name, kind in (("Rim", "COLOR"), ("hair", "VALUE")):
        aov = layer.aovs.add()
        aov.name, aov.type = name, kind
    save(folder)
    own = {"Rim": 3, "hair": 1}
    first = read_exr(rendered(folder)[0])
    expected = {n: PASSES[n].channels for n in (*GEOMETRY, "glossy_direct")} | own
    assert {n: a.shape[2] for n, a in first.items()} == expected, first.keys()
    paths = list(shots().render(shots().prepare(scene, shots().Request(folder / "all", lights=True))))
    every = {n: p.channels for n, p in PASSES.items() if n != "shadow"} | own  # Cycles has none
    assert {n: a.shape[2] for n, a in read_exr(paths[0]).items()} == every
    assert not layer.use_pass_diffuse_direct


def know_what_is_done(folder: Path) -> None:
    """A second run renders what is missing alone; other settings and a changed file are told, and replaced on demand."""
    load_addon()
    scene = make_scene(frames=2)
    assert "Save the .blend" in refusal(folder)
    save(folder)
    first = rendered(folder, scale=0.5)
    assert [path.stem[-4:] for path in first] == ["0001", "0002"]
    assert read_exr(first[0])["image"].shape == (HEIGHT // 2, WIDTH // 2, 4)
    first[0].unlink()
    assert rendered(folder, scale=0.5) == first[:1]
    assert [path.stem[-4:] for path in rendered(folder, scale=0.5, frames="2,4")] == ["0004"]
    record = json.loads((folder / "data" / "dataset.json").read_text())
    assert record["frames"] == [f"my_shot_{n:04d}" for n in (1, 2, 4)] and record["blender"] == bpy.app.version_string
    size = f"size ([{WIDTH // 2}, {HEIGHT // 2}], now [{WIDTH}, {HEIGHT}])"
    assert size in refusal(folder) and size in refusal(folder, changed="keep")
    scene.cycles.samples = 2
    save(folder)
    assert "my shot.blend was saved with changes" in refusal(folder, scale=0.5)
    assert len(list((folder / "data" / "input").iterdir())) == 3
    assert [path.stem[-4:] for path in rendered(folder, scale=0.5, frames="1,3", changed="keep")] == ["0003"]
    assert rendered(folder, scale=0.5, frames="1-4") == [], "what was kept is of this state from now on"
    scene.cycles.samples = 1
    save(folder)
    assert [path.stem[-4:] for path in rendered(folder, scale=0.5, frames="2", changed="replace")] == ["0002"]
    assert [path.name for path in (folder / "data" / "input").iterdir()] == ["my_shot_0002.exr"], "of the old state none is left"
    (folder / "data" / "input" / "my_shot_0009.exr").touch()
    assert "was not rendered from this file" in refusal(folder, scale=0.5, frames="9")
    assert "negative" in refusal(folder, frames="-3") and "must be like" in refusal(folder, frames="a")
    (folder / "data" / "dataset.json").write_text('{"config": {"scenes": "ruins"}, "blender": "", "frames": ["ruins_s0_0001"]}')
    assert "other scenes" in refusal(folder, changed="replace")


def put_back_after_an_error(folder: Path) -> None:
    """A render that fails half way is told in words, and leaves nothing changed."""
    load_addon()
    scene = make_scene(frames=2)
    insert_style(scene.compositing_node_group, "swap")
    scene.frame_set(2)
    save(folder)
    job = shots().prepare(scene, shots().Request(folder / "data"))
    scene.camera = None
    before = state()
    try:
        next(shots().render(job))
    except shots().ShotError as error:
        assert "Frame 1 can't be rendered" in str(error) and "camera" in str(error), error
    else:
        raise AssertionError("rendered without a camera")
    assert state() == before and not list((folder / "data" / "input").iterdir())


def reach_into_groups_and_other_scenes(folder: Path) -> None:
    """The node muted, in a group, behind another scene's render: its passes are those of that scene."""
    load_addon()
    scene = make_scene(frames=1)
    other = second_scene("Other", (WIDTH, HEIGHT))
    tree = scene.compositing_node_group
    tree.nodes["Render Layers"].scene = other
    group = new_group("Look")
    node = insert_style(group, "swap")
    node.mute = True
    user = tree.nodes.new("CompositorNodeGroup")
    user.node_tree = group
    tree.links.new(tree.nodes["Render Layers"].outputs["Image"], user.inputs["Image"])
    tree.links.new(user.outputs["Image"], tree.nodes["Group Output"].inputs[0])
    save(folder)
    before = state()
    passes = read_exr(rendered(folder, scale=0.5)[0])
    assert state() == before
    scene.render.resolution_percentage = 50
    plain = render(scene, folder / "plain.exr")
    assert_close(passes["image"], plain, HALF)
    assert plain[2, 2].max() == 1 and plain[2, 2, :3].max() < 0.1, "the sky of the first scene is blue, the other one's is dark"
    assert set(passes) == set(GEOMETRY) and (passes["depth"] < 1e9).mean() > 0.05


def do_without_a_node_and_with_motion_blur(folder: Path) -> None:
    """The plain render then, not what the compositor makes of it; and with motion blur Blender has no vectors."""
    load_addon()
    scene = make_scene(frames=1)
    plain = render(scene, folder / "plain.exr")
    insert(scene.compositing_node_group, "CompositorNodeExposure", Exposure=-3.0)
    save(folder)
    path = rendered(folder)[0]
    assert_close(read_exr(path)["image"], plain, HALF)
    assert not [tree for tree in bpy.data.node_groups if is_ours(tree)]
    scene.render.use_motion_blur = True
    save(folder)
    assert set(read_exr(rendered(folder, changed="replace")[0])) == set(GEOMETRY) - {"vector"}


def call_the_artists_handlers(folder: Path) -> None:
    """Scripts that set the scene up at each frame run, and those that come meanwhile stay."""
    load_addon()
    make_scene(frames=2)
    save(folder)
    seen = []

    def at_frame(_scene: bpy.types.Scene, *_: object) -> None:
        seen.append(_scene.frame_current)
        if at_render not in bpy.app.handlers.render_post:
            bpy.app.handlers.render_post.append(at_render)

    def at_render(_scene: bpy.types.Scene, *_: object) -> None:
        seen.append("rendered")

    bpy.app.handlers.frame_change_post.append(at_frame)
    try:
        rendered(folder)
        assert seen.count("rendered") == 2 and {1, 2} <= set(seen), seen
        assert at_render in bpy.app.handlers.render_post
    finally:
        bpy.app.handlers.frame_change_post.remove(at_frame)
        bpy.app.handlers.render_post.remove(at_render)


def come_from_the_operator_too(folder: Path) -> None:
    """The same files, and it goes on where others stopped; mistakes are told; the node works as before."""
    load_addon()
    scene = make_scene(frames=2)
    node = insert_style(scene.compositing_node_group, "swap")
    save(folder)
    first = rendered(folder, frames="1")[0].read_bytes()
    asked = {"directory": "//data", "frames": "1-2"}
    assert bpy.ops.gan_style.render_frames(**asked) == {"FINISHED"}
    assert {path.name for path in (folder / "data" / "input").iterdir()} == {"my_shot_0001.exr", "my_shot_0002.exr"}
    assert bpy.ops.gan_style.render_frames(**asked | {"directory": "//other"}) == {"FINISHED"}
    assert (folder / "other" / "input" / "my_shot_0001.exr").read_bytes() == first
    try:
        bpy.ops.gan_style.render_frames(**asked, scale=0.5)
    except RuntimeError as error:
        assert "size ([" in str(error), error
    else:
        raise AssertionError("other settings were not refused")
    render(scene, folder / "as_before.exr")
    assert_swapped(scene, node, folder)


if __name__ == "__main__":
    run_case(globals())
