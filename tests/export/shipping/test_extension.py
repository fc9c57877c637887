"""The packages that `make extension` builds; with the variable BLENDER naming a Blender program, one is installed and renders."""

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import onnxruntime
import pytest

from core.exr import read_exr
from export.shipping.extension import (
    PACKED,
    ExtensionConfig,
    PackagingError,
    check_wheels,
    copy_addon,
    copy_licences,
    extension,
    leave_out_unused,
    packed_manifest,
    requirements,
)  # fmt: skip

ROOT = Path(__file__).parents[3]
BLENDER = shlex.split(os.environ.get("BLENDER", ""))
BROUGHT_BY_BLENDER = {"blf", "bpy", "gpu", "gpu_extras", "mathutils", "numpy"}
IMPORTED_AS = {"onnxruntime-gpu": "onnxruntime", "onnxruntime-ep-webgpu": "onnxruntime_ep_webgpu"}
BROUGHT_ALONG = {"google"}
"""What the requirements need themselves: onnx needs protobuf."""
OPTIONAL = {"PIL", "av"}
"""What core asks for by name when pictures or videos are to be read; test_generator.py says that nothing else loads them."""
RENDER = """
import sys
import bpy, onnxruntime
folder = sys.argv[-1]
scene = bpy.context.scene
tree = scene.compositing_node_group = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
layers, style, output = map(tree.nodes.new, ("CompositorNodeRLayers", "CompositorNodeGANStyle", "NodeGroupOutput"))
tree.links.new(layers.outputs["Image"], style.inputs["Image"])
tree.links.new(style.outputs["Image"], output.inputs[0])
assert style.style == "graphic_novel", style.style
scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 1, "CPU"
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 48, 100
scene.render.image_settings.file_format, scene.frame_end = "OPEN_EXR", 4
bpy.data.objects["Cube"].keyframe_insert("location", frame=1)
bpy.data.objects["Cube"].location.x += 1
bpy.data.objects["Cube"].keyframe_insert("location", frame=4)
bpy.ops.wm.save_as_mainfile(filepath=folder + "/shot.blend")
style.mute = True
scene.render.filepath = folder + "/plain.exr"
bpy.ops.render.render(write_still=True)
print("RUNTIME", onnxruntime.__file__, flush=True)
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    copy_addon(folder)
    return folder


def modules(folder: Path) -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in folder.rglob("*.py")}


def test_packages_hold_the_addon_and_nothing_else(packed):
    assert {path.name for path in packed.iterdir()} == set(PACKED)
    assert {path.suffix for path in packed.rglob("*") if path.is_file()} <= {".py", ".onnx", ".yaml", ".js", ".toml", ""}
    assert (packed / "addon" / "styles" / "graphic_novel.onnx").exists()


def test_own_modules_are_imported_relatively_and_others_are_packed(packed):
    wanted = {re.match(r"[\w-]+", text)[0] for text in requirements("any")}
    packages = {IMPORTED_AS.get(name, name) for name in wanted} | BROUGHT_BY_BLENDER | BROUGHT_ALONG | OPTIONAL
    allowed = packages | set(sys.stdlib_module_names)
    in_blender = {path: module for path, module in modules(packed).items() if not path.is_relative_to(packed / "export")}
    assert len(in_blender) > 100
    for path, module in in_blender.items():
        for node in ast.walk(module):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            else:
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert {name.split(".")[0] for name in names} <= allowed, path


def test_the_trainer_comes_along(packed):
    """With all of its own that the training of a folder imports; a folder that is none ends it with a sentence."""
    command = [sys.executable, "-m", "export", "train", "--training", "none"]
    if find_spec("torch"):
        result = subprocess.run(command, cwd=packed, capture_output=True, text=True, timeout=300)
        assert result.returncode == 1 and "There is no folder none." in result.stderr, result.stderr
    assert sum(path.stat().st_size for path in (packed / "export").rglob("*.py")) < 500_000


@pytest.mark.parametrize("command", [["holds"], ["render-dataset"], ["paint", "--teacher", "a.jpg"]])
def test_commands_that_stay_behind_end_with_a_sentence(packed, command):
    result = subprocess.run([sys.executable, "-m", "export", *command], cwd=packed, capture_output=True, text=True, timeout=300)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1, result.stderr
    assert "comes with the add-on leaves" in result.stderr and command[0] in result.stderr


def test_what_the_trainer_imports_at_once_is_packed_with_it(packed):
    """Commands import what stays behind, as judging, when they run."""
    imports = [
        (path, node)
        for path, module in modules(packed).items()
        if path.is_relative_to(packed / "export")
        for node in module.body
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert len(imports) > 100
    for path, node in imports:
        above = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        for name in [above] if node.module else [above / alias.name for alias in node.names]:
            assert name.with_suffix(".py").exists() or (name / "__init__.py").exists() or name.is_dir(), (path, name)


def test_packages_name_no_folder_of_the_machine_that_built_them(packed):
    for path in packed.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert str(ROOT).encode() not in content and not re.search(rb"/(home|Users)/\w", content), path


def test_each_variant_has_its_runtime():
    for variant, runtime in (("any", "onnxruntime"), ("cuda", "onnxruntime-gpu")):
        names = {re.match(r"[\w-]+", text)[0] for text in requirements(variant)}
        assert {name for name in names if name.startswith("onnxruntime")} == {runtime, "onnxruntime-ep-webgpu"}
        assert {"onnx", "OpenEXR"} <= names and "numpy" not in names


def test_packages_bring_the_versions_that_the_tests_run_on():
    packed = {text for variant in ("any", "cuda") for text in requirements(variant) if text.startswith("onnxruntime")}
    runtime, plug_in = onnxruntime.__version__, version("onnxruntime-ep-webgpu")
    assert packed == {f"onnxruntime=={runtime}", f"onnxruntime-gpu=={runtime}", f"onnxruntime-ep-webgpu=={plug_in}"}


def test_what_a_wheel_holds_for_others_is_left_out(tmp_path):
    files = {
        "onnx/__init__.py": "",
        "onnx/backend/base.py": "1",
        "onnx/backend/test/data/node.pb": "2" * 999,
        "onnxruntime/capi/libonnxruntime.so.1.32.0": "3" * 999,
        "onnxruntime/capi/libonnxruntime_providers_shared.so": "4",
    }
    record = "onnx-1.dist-info/RECORD"
    files[record] = "".join(f"{name},sha256=x,1\n" for name in files) + f"{record},,\n"
    path = wheel(tmp_path, "onnx-1-py3-none-any.whl", files)
    leave_out_unused(path)
    with ZipFile(path) as archive:
        held = {name: archive.read(name).decode() for name in archive.namelist()}
    left = ["onnx/__init__.py", "onnx/backend/base.py", "onnxruntime/capi/libonnxruntime_providers_shared.so", record]
    assert list(held) == left and [line.split(",")[0] for line in held[record].splitlines()] == left
    assert all(held[name] == files[name] for name in left[:-1])


def wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    """A wheel with these files; `name` is that of its file."""
    with ZipFile(folder / name, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return folder / name


def test_each_python_must_find_a_compiled_wheel_of_everything(tmp_path):
    good = [
        wheel(tmp_path, "onnx-1-cp311-cp311-manylinux_2_28_x86_64.whl", {"onnx/a.so": ""}),
        wheel(tmp_path, "onnx-1-cp313-cp313-manylinux_2_28_x86_64.whl", {"onnx/a.so": ""}),
        wheel(tmp_path, "pure-1-py3-none-any.whl", {"pure.py": ""}),
    ]
    check_wheels(good, ["onnx>=1", "pure"], "linux-x64", ("3.11", "3.13"))
    with pytest.raises(PackagingError, match="no wheel of onnx for Python 3.13"):
        check_wheels([good[0], good[2]], ["onnx>=1", "pure"], "linux-x64", ("3.11", "3.13"))
    with pytest.raises(PackagingError, match="no wheel of onnx for Python 3.11"):
        check_wheels(good, ["onnx>=1", "pure"], "windows-x64", ("3.11",))
    empty = wheel(tmp_path, "onnx-2-cp311-cp311-manylinux_2_28_x86_64.whl", {"onnx/a.py": ""})
    with pytest.raises(PackagingError, match="no compiled file"):
        check_wheels([empty], ["onnx"], "linux-x64", ("3.11",))


def test_the_licence_of_each_wheel_lies_in_the_package(tmp_path):
    files = {
        "a-1.dist-info/METADATA": "Name: a\nLicense: MIT\n\nAbout License: x",
        "a-1.dist-info/licenses/LICENSE": "Do as you like.",
        "a/models/LICENSES.py": "no licence",
    }
    silent = wheel(tmp_path, "b-1-py3-none-any.whl", {"b-1.dist-info/METADATA": "Name: b\n"})
    copy_licences([wheel(tmp_path, "a-1-py3-none-any.whl", files)], tmp_path / "licences")
    assert (tmp_path / "licences" / "a.txt").read_text() == "License: MIT\n\nDo as you like.\n"
    with pytest.raises(PackagingError, match="b-1-py3-none-any.whl tells no licence"):
        copy_licences([silent], tmp_path / "more")


def test_the_manifest_lists_the_wheels_and_one_platform():
    manifest = (ROOT / "blender_manifest.toml").read_text()
    packed = tomllib.loads(packed_manifest(manifest, "linux-x64", [Path("a") / "b-1-py3-none-any.whl"]))
    checkout = tomllib.loads(manifest)
    assert packed.pop("platforms") == ["linux-x64"] and packed.pop("wheels") == ["./wheels/b-1-py3-none-any.whl"]
    assert checkout.pop("build") and packed == checkout


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A folder with the package for the Python of BLENDER, and its index."""
    command = [*BLENDER, "-b", "--factory-startup", "--python-expr", "import sys; print('PYTHON', *sys.version_info[:2])"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=True).stdout
    python = ".".join(re.search(r"PYTHON (\d+) (\d+)", answer).groups())
    output = tmp_path_factory.mktemp("dist")
    extension(ExtensionConfig(output, ("any",), ("linux-x64",), (python,)))
    return output / "any"


@pytest.mark.slow
@pytest.mark.skipif(not BLENDER, reason="the variable BLENDER names no Blender program")
@pytest.mark.skipif(find_spec("bpy") is None, reason="Blender's tool for extensions comes with bpy")
@pytest.mark.parametrize("source", ["file", "repository"])
def test_installed_into_a_fresh_blender_it_renders(source, repository, tmp_path):
    user = tmp_path / "user"
    user.mkdir()

    def blender(*arguments: object) -> str:
        environment = os.environ | {"BLENDER_USER_RESOURCES": str(user), "GAN_STYLE_PATH": ""}
        command = [*BLENDER, *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=1200, env=environment)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    if source == "file":
        blender("--command", "extension", "install-file", "-r", "user_default", "-e", next(repository.glob("*.zip")))
    else:
        blender("--command", "extension", "repo-add", "--name", "Farm", "--url", (repository / "index.json").as_uri(), "farm")
        blender("--online-mode", "--command", "extension", "install", "--sync", "--enable", "farm.gan_style")
    assert "Graphic Novel" in blender("--command", "gan_style", "styles")
    script = tmp_path / "render.py"
    script.write_text(RENDER)
    printed = blender("-b", "--python-exit-code", 1, "--python", script, "--", tmp_path)
    assert str(user) in re.search("RUNTIME (.*)", printed)[1]
    assert '"ok": true' in blender("--command", "gan_style", "check", tmp_path / "shot.blend", "--json")
    blender("-b", tmp_path / "shot.blend", "-o", tmp_path / "whole" / "####", "-a")
    for part in (("-s", 1, "-j", 2), ("-s", 2, "-e", 4, "-j", 2)):
        blender("-b", tmp_path / "shot.blend", "-o", tmp_path / "parts" / "####", *part, "-a")
    frames = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    assert len(frames) == 4
    for name in frames:
        whole, part = (read_exr(tmp_path / folder / name)["image"] for folder in ("whole", "parts"))
        assert (whole == part).all()
    assert abs(read_exr(tmp_path / "whole" / "0001.exr")["image"] - read_exr(tmp_path / "plain.exr")["image"]).max() > 0.05
