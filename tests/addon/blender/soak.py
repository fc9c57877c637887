"""Renders many small frames in one Blender, then changes the style again and again, and measures what grows. By hand:

python tests/blender/soak.py FOLDER [FRAMES]
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import psutil
from scene import FIXTURES, insert_style, load_addon, make_scene

WARM = 20
"""Frames after which nothing may grow any more."""
CHANGES = 20


def measure() -> dict[str, float]:
    """Memory in MB, open files, data-blocks of the file, and temporary files of the session."""
    process = psutil.Process()
    folder = sys.modules["gan_style.addon.temp_folder"].folder()
    return {
        "memory": process.memory_info().rss / 1e6,
        "files": process.num_fds(),
        "blocks": len(bpy.data.user_map()),
        "temporary": len(list(folder.iterdir())),
    }


def report(name: str) -> None:
    print(name, " ".join(f"{key} {value:.0f}" for key, value in measure().items()), flush=True)


def soak(folder: Path, frames: int) -> None:
    addon = load_addon()
    bpy.context.preferences.addons.new().module = "gan_style"
    bpy.context.preferences.addons["gan_style"].preferences.memory_cache = 0  # frames are remembered on purpose
    scene = make_scene(frames)
    node = insert_style(scene.compositing_node_group, "wide")
    node.inputs["Exposure"].default_value = 1.0
    node.inputs["Exposure"].keyframe_insert("default_value", frame=1)
    node.inputs["Exposure"].default_value = 2.0
    node.inputs["Exposure"].keyframe_insert("default_value", frame=frames)  # so that no frame is remembered
    scene.render.filepath = str(folder / "####.exr")
    bpy.app.handlers.render_write.append(
        lambda written, *_: report(f"frame {written.frame_current}:") if written.frame_current % WARM == 0 else None
    )
    started = time.perf_counter()
    bpy.ops.render.render(animation=True)
    print(f"{(time.perf_counter() - started) / frames:.3f} s a frame")
    assert sum(run.network_ran for run in addon.addon.run.log.last_runs()) > 0
    scene.render.filepath = str(folder / "change.exr")
    names = [path.stem for path in sorted(FIXTURES.glob("*.onnx")) if path.stem in ("swap", "tone", "wide")]
    for change in range(CHANGES):
        node.style = names[change % len(names)]
        bpy.ops.render.render(write_still=True)
        if change % 5 == 4:
            report(f"change {change + 1}:")
    addon.unregister()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    soak(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)
