"""What becomes of the node in .blend files: saved, undone, packed, appended, linked, opened without the add-on."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import (
    FIXTURES,
    ROOT,
    assert_close,
    assert_swapped,
    hidden,
    hidden_scene,
    insert_group,
    insert_style,
    is_ours,
    load_addon,
    make_scene,
    new_group,
    noise,
    render,
    run_case,
    start_over,
)


def saved(place: Path) -> Path:
    """A file with a stylised scene, saved after a render."""
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    render(scene, place / "first.exr")
    bpy.ops.wm.save_as_mainfile(filepath=str(place / "file.blend"))
    return place / "file.blend"


def taken_from(path: Path, kind: str, name: str, link: bool = False) -> bpy.types.ID:
    with bpy.data.libraries.load(str(path), link=link) as (_, wanted):
        setattr(wanted, kind, [name])
    return getattr(wanted, kind)[0]


def the_node() -> tuple[bpy.types.Scene, bpy.types.Node]:
    scene = bpy.data.scenes["Scene"]
    return scene, scene.compositing_node_group.nodes["GAN Style"]


def rendered_after_saving(folder: Path) -> None:
    """Saving moves paths and packs images, if the artist wants it so."""
    load_addon()
    saved(folder)
    scene, node = the_node()
    assert_swapped(scene, node, folder)
    bpy.ops.file.pack_all()
    bpy.ops.file.make_paths_relative()
    scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 2
    assert_swapped(scene, node, folder)
    bpy.ops.wm.save_mainfile()
    assert_swapped(scene, node, folder)
    assert not any(image.packed_file for image in bpy.data.images)


def undone_and_redone(folder: Path) -> None:
    load_addon()
    saved(folder)
    bpy.ops.ed.undo_push(message="with the node")
    scene, node = the_node()
    scene.compositing_node_group.nodes.remove(node)
    bpy.context.view_layer.update()
    assert hidden() == []
    bpy.ops.ed.undo_push(message="without")
    for _ in range(2):
        bpy.ops.ed.undo()
        assert_swapped(*the_node(), folder)
        bpy.ops.ed.redo()
        assert hidden() == []


def damaged(folder: Path) -> None:
    """A script that removes all cameras, and the artist who removes hidden scenes, break nothing for long."""
    load_addon()
    saved(folder)
    scene, node = the_node()
    bpy.data.objects.remove(hidden_scene("trigger").camera)
    assert_swapped(scene, node, folder)
    for role in ("trigger", "inputs"):
        bpy.data.scenes.remove(hidden_scene(role))
        assert_swapped(scene, node, folder)
    bpy.ops.outliner.orphans_purge(do_recursive=True)
    assert_swapped(scene, node, folder)


def copied_scenes(folder: Path) -> None:
    """A copy of the scene shares the tree; a copy of the tree has nodes of its own; each stays right."""
    load_addon()
    saved(folder)
    scene, node = the_node()
    copy = scene.copy()
    copy.render.resolution_x = 40
    for rendered in (scene, copy, scene):
        assert_swapped(rendered, node, folder)
    copy.compositing_node_group = scene.compositing_node_group.copy()
    assert_swapped(copy, copy.compositing_node_group.nodes["GAN Style"], folder)
    assert_swapped(scene, node, folder)


def appended(folder: Path) -> None:
    """A tree and a scene from another file, beside nodes that are there already; nothing hidden is left twice."""
    load_addon()
    path = saved(folder)
    own = len(hidden())
    for kind, name in (("node_groups", "Compositing"), ("scenes", "Scene")):
        scene = start_over()
        insert_style(scene.compositing_node_group, "wide")
        block = taken_from(path, kind, name)
        if kind == "node_groups":
            scene.compositing_node_group = block
            block.nodes["Render Layers"].scene = scene
        else:
            scene = block
        node = scene.compositing_node_group.nodes["GAN Style"]
        assert node.style == "swap"
        assert_swapped(scene, node, folder)
        assert sum(is_ours(s) for s in bpy.data.scenes) == 2 and is_ours(hidden_scene("trigger"))
        assert len(hidden()) <= own + 4, hidden()  # the other node's group and image, and what computes its inputs


def linked(folder: Path) -> None:
    """A whole tree, and a group that the file's own tree uses, from a file that stays where it is; also saved and opened."""
    load_addon()
    path = saved(folder)
    scene = start_over()
    plain = render(scene, folder / "plain.exr")
    scene.compositing_node_group = taken_from(path, "node_groups", "Compositing", link=True)
    assert_close(render(scene, folder / "tree.exr"), plain[..., [2, 1, 0, 3]])
    start_over()
    insert_style(new_group("Look"), "swap")
    bpy.data.node_groups["Look"].use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "look.blend"))
    scene = start_over()
    insert_group(scene.compositing_node_group, taken_from(folder / "look.blend", "node_groups", "Look", link=True))
    assert_close(render(scene, folder / "group.exr"), plain[..., [2, 1, 0, 3]])
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "user.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "user.blend"))
    assert_close(render(bpy.context.scene, folder / "again.exr"), plain[..., [2, 1, 0, 3]])


def opened_without_the_addon(folder: Path) -> None:
    """It opens, renders and saves; the node keeps its links and its style, and works again with the add-on."""
    load_addon()
    path = saved(folder)
    lines = (
        "import bpy, os",
        f"bpy.ops.wm.open_mainfile(filepath={str(path)!r})",
        f"bpy.context.scene.render.filepath = {str(folder / 'without.exr')!r}",
        "bpy.ops.render.render(write_still=True)",
        f"bpy.ops.wm.save_as_mainfile(filepath={str(folder / 'without.blend')!r})",
        "os._exit(0)",  # Blender's own clean-up is not under test and takes its time
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, capture_output=True, timeout=1200)
    assert (folder / "without.exr").exists()
    bpy.ops.wm.open_mainfile(filepath=str(folder / "without.blend"))
    assert_swapped(*the_node(), folder)


def opened_with_a_bad_style(folder: Path) -> None:
    """A style file that is empty, junk or cut off: the .blend opens, and says what is wrong when it is to render."""
    load_addon()
    path = saved(folder)
    styles = folder / "styles"
    shutil.copytree(FIXTURES, styles)
    fixtures, os.environ["GAN_STYLE_PATH"] = os.environ["GAN_STYLE_PATH"], str(styles)
    run_nodes, hidden_scenes = sys.modules["gan_style.addon.run.run_nodes"], sys.modules["gan_style.addon.trees.hidden_scenes"]
    try:
        for content in (b"", b"junk" * 1000, (FIXTURES / "swap.onnx").read_bytes()[:100]):
            (styles / "swap.onnx").write_bytes(content)
            bpy.ops.wm.open_mainfile(filepath=str(path))
            scene, node = the_node()
            assert node.style == "swap"
            try:
                run_nodes.check(hidden_scenes.plans(scene)[0], sys.modules["gan_style.addon.settings"].settings())
            except run_nodes.EXPECTED as error:
                assert "can't be used" in str(error)
            else:
                raise AssertionError("a bad style passed")
    finally:
        os.environ["GAN_STYLE_PATH"] = fixtures
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert_swapped(*the_node(), folder)


def left_folders(folder: Path) -> None:
    """A new session removes what killed ones have left, and nothing that a running one has locked or is about to lock."""
    load_addon()
    temp_folder = sys.modules["gan_style.addon.temp_folder"]
    temp_folder.remove_folder()
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    old = time.time() - 2 * temp_folder.STARTING_SECONDS
    for name in ("killed", "running", "starting"):
        (folder / f"gan-style-{name}").mkdir()
        (folder / f"gan-style-{name}" / "picture.exr").write_bytes(b"")
        (folder / f"gan-style-{name}" / temp_folder.LOCK).write_bytes(b"")
        if name != "starting":
            os.utime(folder / f"gan-style-{name}" / temp_folder.LOCK, (old, old))
    lock = "import sys; sys.path.insert(0, sys.argv[1]); import temp_folder, pathlib; "
    lock += "held = temp_folder._lock(pathlib.Path(sys.argv[2]), 'r+b'); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", lock, str(ROOT / "addon"), str(folder / "gan-style-running" / temp_folder.LOCK)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        running.stdout.readline()
        try:
            own = temp_folder.folder()
            assert {p.name for p in folder.iterdir()} == {"gan-style-running", "gan-style-starting", own.name}
        finally:
            running.communicate()
    temp_folder.remove_folder()
    assert not own.exists()
    tempfile.tempdir = before


def folder_in_memory(folder: Path) -> None:
    """Temporary files lie in memory where there is room and nobody has chosen another folder."""
    load_addon()
    temp_folder = sys.modules["gan_style.addon.temp_folder"]
    temp_folder.MEMORY, before = folder, tempfile.tempdir
    os.environ.pop("TMPDIR", None)

    def parent(usual: Path, room: int) -> Path:
        tempfile.tempdir, temp_folder.MEMORY_ROOM = str(usual), room
        temp_folder.remove_folder()
        assert temp_folder.folder().is_dir()
        return temp_folder.folder().parent

    assert parent(Path("/tmp"), 1) == folder
    assert parent(Path("/tmp"), 2**60) == Path("/tmp")
    chosen = folder / "chosen"
    chosen.mkdir()
    assert parent(chosen, 1) == chosen
    os.environ["TMPDIR"] = "/tmp"
    assert parent(Path("/tmp"), 1) == Path("/tmp")
    temp_folder.remove_folder()
    assert [p.name for p in folder.iterdir()] == ["chosen"] and not list(chosen.iterdir())
    tempfile.tempdir = before


def pixels_that_are_no_numbers(folder: Path) -> None:
    """NaN and infinity change nothing but their own pixels, if the style looks no further; soft edges get no fringe."""
    load_addon()
    scene = make_scene()
    tree = scene.compositing_node_group
    node = insert_style(tree, "swap")
    source = tree.nodes.new("CompositorNodeImage")
    source.image = noise(60, 45)
    tree.links.new(source.outputs["Image"], node.inputs["Image"])
    clean = assert_swapped(scene, node, folder)
    pixels = np.array(source.image.pixels[:], np.float32).reshape(45, 60, 4)
    pixels[4, 5, 0], pixels[9, 8, 1], pixels[30, 40, 2] = np.nan, np.inf, -np.inf
    source.image.pixels.foreach_set(pixels.ravel())
    source.image.update()
    result = render(scene, folder / "bad.exr")
    same = np.abs(result - clean[..., [2, 1, 0, 3]]).max(-1) <= 1e-5
    assert {(int(y), int(x)) for y, x in np.argwhere(~same)} == {(40, 5), (35, 8), (14, 40)}
    alpha = np.linspace(0, 1, 60, dtype=np.float32)[None, :, None]
    soft = np.broadcast_to(np.float32([0.9, 0.5, 0.1, 1]), (45, 60, 4)) * alpha
    source.image.alpha_mode = "PREMUL"
    source.image.pixels.foreach_set(np.ascontiguousarray(soft).ravel())
    source.image.update()
    result = render(scene, folder / "soft.exr")
    assert_close(result[..., 3:], np.broadcast_to(alpha, (45, 60, 1)), 1e-5)
    straight = result[:, 5:, :3] / result[:, 5:, 3:]
    assert_close(straight, np.broadcast_to(np.float32([0.1, 0.5, 0.9]), straight.shape), 1e-4)


if __name__ == "__main__":
    run_case(globals())
