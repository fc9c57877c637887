"""Many nodes with one style."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from scene import assert_close, insert_style, load_addon, make_scene, render, run_case


def open_their_style_once(folder: Path) -> None:
    addon = load_addon()
    scene = make_scene()
    plain = render(scene, folder / "plain.exr")
    for _ in range(10):
        insert_style(scene.compositing_node_group, "swap")
    assert_close(render(scene, folder / "styled.exr"), plain)  # red and blue change places ten times
    assert len(addon.addon.run.log.last_runs()) == 10
    assert addon.addon.library._open.cache_info().misses == 1


if __name__ == "__main__":
    run_case(globals())
