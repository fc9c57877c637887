"""Packs the add-on as Blender extensions: a .zip for each platform with the wheels it needs, and the index of a repository."""

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from export.settings import TrainerError, setting

ROOT = Path(__file__).parents[2]
PACKED = ("__init__.py", "LICENSE", "addon", "core")
RUNTIMES = {"cpu": "onnxruntime", "cuda": "onnxruntime-gpu"}
"""Variant -> the build of ONNX Runtime in it. Both fill the same folder, so that a Blender has one or the other."""
WHEEL_TAGS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_14_0_arm64",),
}
"""Blender's platforms -> the tags of wheels that run there."""
BLENDER_NUMPY = {"3.11": "numpy==1.26.4", "3.13": "numpy>=2.1"}
"""Python -> the NumPy of the Blender with that Python. It is never packed: it would take the place of Blender's own."""


class PackagingError(TrainerError):
    """The extension can't be packed here."""


@dataclass(frozen=True)
class ExtensionConfig:
    """Settings of `extension`."""

    output: Path = setting(Path("dist"), "gets a folder per variant: a repository that Blender can install from")
    variants: tuple[str, ...] = setting(tuple(RUNTIMES), "cpu, cuda (for NVIDIA GPUs; not on macOS)", choices=tuple(RUNTIMES))
    platforms: tuple[str, ...] = setting(tuple(WHEEL_TAGS), "Blender's platforms", choices=tuple(WHEEL_TAGS))
    pythons: tuple[str, ...] = setting(
        ("3.11", "3.13"), "Python versions of the Blenders: 5.0 has 3.11, 5.1 and 5.2 have 3.13; Linux distributions have others"
    )


def extension(config: ExtensionConfig) -> list[Path]:
    """Build and validate the packages, and return their paths. Raises PackagingError."""
    packages = []
    for variant in config.variants:
        folder = config.output / variant
        folder.mkdir(parents=True, exist_ok=True)
        for platform in config.platforms:
            if (variant, platform) != ("cuda", "macos-arm64"):
                with tempfile.TemporaryDirectory() as stage:
                    packages.append(_pack(Path(stage), folder, variant, platform, config.pythons))
        _blender_tool("server-generate", f"--repo-dir={folder}")
    return packages


def _pack(stage: Path, folder: Path, variant: str, platform: str, pythons: tuple[str, ...]) -> Path:
    download_wheels(stage / "wheels", requirements(variant), platform, pythons)
    copy_addon(stage)
    manifest = (ROOT / "blender_manifest.toml").read_text()
    (stage / "blender_manifest.toml").write_text(packed_manifest(manifest, platform, sorted((stage / "wheels").iterdir())))
    version = tomllib.loads(manifest)["version"]
    package = folder / f"gan_style-{version}-{platform.replace('-', '_')}.zip"
    _blender_tool("build", f"--source-dir={stage}", f"--output-filepath={package}")
    _blender_tool("validate", str(package))
    return package


def copy_addon(folder: Path) -> None:
    """Copy the parts of the checkout that belong into a package."""
    for name in PACKED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*", "*.md"))
        else:
            shutil.copy(ROOT / name, folder / name)


def packed_manifest(manifest: str, platform: str, wheels: list[Path]) -> str:
    """The manifest with the platform and its wheels, and without the rules for packing the checkout itself."""
    head, permissions = manifest.split("\n[build]")[0].split("\n[permissions]")
    listed = json.dumps([f"./wheels/{wheel.name}" for wheel in wheels], indent=4)
    return f'{head}platforms = ["{platform}"]\nwheels = {listed}\n\n[permissions]{permissions}'


def requirements(variant: str) -> list[str]:
    """What the add-on needs besides Blender and its NumPy, as pyproject.toml says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    addon = [text for text in project["optional-dependencies"]["blender"] if text.startswith("OpenEXR")]
    wanted = {r.name: r.specifier for r in map(Requirement, [*project["dependencies"], *addon]) if r.name != "numpy"}
    runtime = RUNTIMES[variant]
    return [f"{name}{specifier}" for name, specifier in wanted.items() if name == runtime or name not in RUNTIMES.values()]


def download_wheels(folder: Path, wanted: list[str], platform: str, pythons: tuple[str, ...]) -> None:
    """The wheels of the requirements and of all that they need, in the same versions for every Python."""
    for python in pythons:
        arguments = [f"--platform={tag}" for tag in WHEEL_TAGS[platform]]
        arguments += [f"--python-version={python}", "--implementation=cp", "--only-binary=:all:", f"--dest={folder}"]
        arguments += wanted + [BLENDER_NUMPY.get(python, "numpy>=2.1")]
        _run("pip can't get the wheels", "-m", "pip", "download", "--quiet", *arguments)
        for numpy in folder.glob("numpy-*"):
            numpy.unlink()
        versions = dict(parse_wheel_filename(wheel.name)[:2] for wheel in folder.iterdir())
        wanted = [f"{name}=={version}" for name, version in versions.items()]


def _blender_tool(*arguments: str) -> None:
    """Blender's own command line for extensions, which needs no Blender to run."""
    blender = find_spec("bpy")
    if blender is None:
        raise PackagingError("Blender's tool for extensions comes with bpy; install it: pip install -e '.[blender]'")
    tool = next(Path(blender.submodule_search_locations[0]).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    _run("Blender refuses the package", str(tool), *arguments)


def _run(problem: str, *arguments: str) -> None:
    result = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if result.returncode:
        raise PackagingError(f"{problem}: {(result.stderr + result.stdout).strip()}")
