"""What the node and the preferences show, drawn into a stand-in for Blender's layout, which exists only with a window."""

import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from scene import FIXTURES, insert_style, load_addon, make_scene, module, render, run_case

SIDEBAR = 300


class Layout:
    """Records what is drawn: labels (with whether they are red), and the names of operators and properties."""

    def __init__(self, parent: "Layout | None" = None):
        self.records = parent.records if parent else []
        self.alert = parent.alert if parent else False
        self.node = None

    def _inside(self, **_options: object) -> "Layout":
        return Layout(self)

    row = column = box = split = _inside

    def label(self, text: str = "", **_options: object) -> None:
        self.records.append(("red" if self.alert else "label", text))

    def operator(self, name: str, **_options: object) -> SimpleNamespace:
        getattr(bpy.ops.gan_style, name.removeprefix("gan_style.")).get_rna_type()  # raises if it is not registered
        self.records.append(("operator", name))
        return SimpleNamespace()

    def prop(self, owner: object, name: str, **_options: object) -> None:
        assert name in owner.bl_rna.properties or hasattr(owner, name)
        self.records.append(("prop", name))

    def progress(self, text: str, **_options: object) -> None:
        self.records.append(("progress", text))

    def context_pointer_set(self, _name: str, node: bpy.types.Node) -> None:
        self.node = node

    def text(self, kind: str) -> str:
        return " ".join(text for k, text in self.records if k == kind)


def drawn(node: bpy.types.Node) -> Layout:
    layout = Layout()
    sys.modules["gan_style.addon.ui.node_panel"].draw_details(node, layout, SIDEBAR)
    assert layout.node == node and ("prop", "style") in layout.records
    return layout


def node_says_how_it_is(folder: Path) -> None:
    """Its style, device and time, what is wrong, and the operator that mends it."""
    load_addon()
    styles = folder / "styles"
    shutil.copytree(FIXTURES, styles)
    os.environ["GAN_STYLE_PATH"] = str(styles)
    scene = make_scene()
    node = insert_style(scene.compositing_node_group, "swap")
    face = drawn(node)
    for text in ("Red and blue change places.", "Author: GAN Style", "Passes: image"):
        assert text in face.text("label")
    assert not face.text("red") and "CPU" not in face.text("label")
    render(scene, folder / "a.exr")
    assert "CPU" in drawn(node).text("label") and " s" in drawn(node).text("label")
    render(scene, folder / "a.exr")
    assert "CPU  unchanged" in drawn(node).text("label")
    node.style = "normal"
    assert not drawn(node).text("red")  # its passes are linked
    node.id_data.links.remove(node.inputs["Normal"].links[0])
    assert "needs the passes Normal" in drawn(node).text("red") and "gan_style.link_passes" in drawn(node).text("operator")
    with bpy.context.temp_override(node=node):
        bpy.ops.gan_style.link_passes()
    assert not drawn(node).text("red")
    (styles / "normal.onnx").unlink()
    assert "'normal' is not installed" in drawn(node).text("red") and "gan_style.install_style" in drawn(node).text("operator")
    (styles / "normal.onnx").write_bytes(b"not a style")
    assert "can't be used" in drawn(node).text("red")
    node.style = "swap"
    assert not drawn(node).text("red")


def cancelled_is_no_error(_folder: Path) -> None:
    """A run that was stopped: a note, and the button that runs it again, which then shows how it went."""
    load_addon()
    scene = make_scene()
    node = insert_style(scene.compositing_node_group, "swap")
    frames, stage = (sys.modules[f"gan_style.addon.{name}"] for name in ("run.run_nodes", "trees.hidden_scenes"))
    sys.modules["gan_style.addon.trees.keep_in_sync"].sync()

    def stopped(*_: object, **__: object) -> None:
        raise sys.modules["gan_style.core"].Cancelled

    def run() -> None:
        wanted = sys.modules["gan_style.addon.settings"].settings()
        frames.run_scene(scene.name, 1, stage.plans(scene), wanted, lambda function, *arguments: function(*arguments))

    image = {"image": np.ones((4, 5, 4), np.float32)}
    with patch.object(frames, "capture", lambda plan, scene: image):
        with patch.object(frames, "stylize", stopped):
            run()
        face = drawn(node)
        assert "Cancelled" in face.text("label") and not face.text("red") and "gan_style.run_again" in face.text("operator")
        run()
    assert "Cancelled" not in drawn(node).text("label") and "CPU" in drawn(node).text("label")


def not_rendered_yet(_folder: Path) -> None:
    """Before the first render the node says which of the artist's scenes to render, and names none of ours."""
    load_addon()
    scene = make_scene()
    insert_style(scene.compositing_node_group, "swap")
    module("trees.keep_in_sync").sync()
    (plan,) = module("trees.hidden_scenes").plans(scene)
    inputs = module("trees.blocks").find("inputs")
    assert module("trees.inputs_scene").reads(inputs.compositing_node_group, plan.capture) == {scene}
    wanted = module("settings").settings()
    (run,) = module("run.run_nodes").run_scene(scene.name, 1, (plan,), wanted, lambda function, *given: function(*given))
    assert run.not_rendered and f"'{scene.name}'" in run.error, run.error


def scores_and_progress(_folder: Path) -> None:
    """The score card of the shipped style, line by line, and a run in progress."""
    load_addon()
    node = insert_style(make_scene().compositing_node_group, "graphic_novel")
    library = sys.modules["gan_style.addon.library"]
    card = library.installed()["graphic_novel"].style.score_card
    labels = [text.strip() for kind, text in drawn(node).records if kind == "label"]
    assert card and all(name.replace("_", " ") in labels for name in card)
    live = sys.modules["gan_style.addon.run.after_edits"]
    live.progress = lambda: 0.25
    library.Generator = lambda style, *_, **__: said.append(drawn(node).text("progress")) or opened
    said, opened = [], SimpleNamespace(style=library.find("graphic_novel"))
    wanted = sys.modules["gan_style.addon.settings"].settings()
    assert not library.is_open("graphic_novel", wanted, False) and library.is_open("not installed", wanted, False)
    library.generator("graphic_novel", wanted.device, wanted)
    assert said == ["Preparing Graphic Novel, once per session"] and library.is_open("graphic_novel", wanted, False)
    assert drawn(node).text("progress") == "Stylising, 25%" and "gan_style.cancel" in drawn(node).text("operator")


def preferences_show_all(_folder: Path) -> None:
    """Each setting, each style, and what speaks against the device."""
    load_addon()
    bpy.context.preferences.addons.new().module = "gan_style"
    module = sys.modules["gan_style.addon.ui.preferences"]
    real = bpy.context.preferences.addons["gan_style"].preferences
    real.style_folders.add()
    layout = Layout()
    module.GANSTYLE_AP_preferences.draw(_Drawing(real, layout), None)
    settings = sys.modules["gan_style.addon.settings"].Settings
    shown = {name for kind, name in layout.records if kind == "prop"}
    assert shown == set(settings.__dataclass_fields__) - {"style_folders", "own_folder"} | {"path"}
    assert "gpu" not in shown, "a machine without several GPUs has none to choose"
    sys.modules["gan_style.addon.devices"].device_names = lambda provider: ["Big GPU", "Small GPU"]
    sys.modules["gan_style.addon.library"].forget()
    real.device = "webgpu"
    layout = Layout()
    module.GANSTYLE_AP_preferences.draw(_Drawing(real, layout), None)
    assert ("prop", "gpu") in layout.records
    assert "Graphic Novel" in layout.text("label") and "Swap" in layout.text("label")
    assert "gan_style.remove_folder" in layout.text("operator") and "gan_style.remove_style" not in layout.text("operator")


class _Drawing:
    """The preferences with the stand-in as their layout."""

    def __init__(self, preferences: bpy.types.AddonPreferences, layout: Layout):
        self._preferences, self.layout = preferences, layout

    def __getattr__(self, name: str) -> object:
        return getattr(self._preferences, name)


if __name__ == "__main__":
    run_case(globals())
