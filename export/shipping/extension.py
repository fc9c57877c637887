"""Packs the add-on as Blender extensions: a .zip for each platform with the wheels it needs, and the index of a repository."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from packaging.requirements import Requirement
from packaging.tags import compatible_tags, cpython_tags, mac_platforms
from packaging.utils import canonicalize_name, parse_wheel_filename

from export.settings import TrainerError, setting

ROOT = Path(__file__).parents[2]
PACKED = ("__init__.py", "LICENSE", "addon", "core", "export", "pyproject.toml")
"""The trainer too, and the list of what it needs: it runs in a Python of its own."""
UNPACKED = (
    *("__pycache__", ".*", "*.md", "gallery", "datasets", "trials", "speed", "shipping"),
    *("cost.py", "flip.py", "holding.py", "inception.py", "lpips.py", "rounding.py", "teach_targets.py"),
)
"""Judging and our own scenes stay behind, with the measures and the command that nothing else takes."""
RUNTIMES = {"any": "onnxruntime", "cuda": "onnxruntime-gpu"}
"""Variant -> the build of ONNX Runtime in it. Both fill the same folder, so that a Blender has one or the other. The plug-in for
WebGPU, which serves the GPUs of every maker, goes with both."""
WHEEL_TAGS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_14_0_arm64",),
}
"""Blender's platforms -> the tags of wheels that run there."""
LICENCE = re.compile(r"(\.dist-info/.*|^[^/]+/)(LICEN[CS]E|COPYING|NOTICE|ThirdPartyNotices)[^/]*$", re.IGNORECASE)
"""Where a wheel keeps licences: beside its metadata, or at the top of its package."""
UNUSED = re.compile(r"onnx/backend/test/|onnxruntime/capi/libonnxruntime\.so")
"""Files of wheels that the package for everyone leaves out, a third of it: the data of onnx's own tests, and, on Linux alone,
where its package was tried without, ONNX Runtime's library for programs in C, a second copy of what its Python module is made
of."""
BLENDER_NUMPY = {"3.11": "numpy==1.26.4", "3.13": "numpy>=2.1"}
"""Python -> the NumPy of the Blender with that Python. It is never packed: it would take the place of Blender's own."""


class PackagingError(TrainerError):
    """The extension can't be packed here."""


@dataclass(frozen=True)
class ExtensionConfig:
    """Settings of `extension`."""

    output: Path = setting(Path("dist"), "gets a folder per variant: a repository that Blender can install from")
    variants: tuple[str, ...] = setting(
        tuple(RUNTIMES),
        "any (every GPU by WebGPU, or the CPU), cuda (NVIDIA GPUs by CUDA; not on macOS)",
        choices=tuple(RUNTIMES),
    )
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
    wheels = stage / "wheels"
    download_wheels(wheels, requirements(variant), platform, pythons)
    if variant == "any":
        for wheel in sorted(wheels.iterdir()):
            leave_out_unused(wheel)
    check_wheels(sorted(wheels.iterdir()), requirements(variant), platform, pythons)
    copy_addon(stage)
    copy_licences(sorted(wheels.iterdir()), stage / "licences")
    manifest = (ROOT / "blender_manifest.toml").read_text()
    (stage / "blender_manifest.toml").write_text(packed_manifest(manifest, platform, sorted((stage / "wheels").iterdir())))
    version = tomllib.loads(manifest)["version"]
    package = folder / f"gan_style-{version}-{platform.replace('-', '_')}.zip"
    _blender_tool("build", f"--source-dir={stage}", f"--output-filepath={package}")
    _blender_tool("validate", str(package))
    return package


def check_wheels(wheels: list[Path], wanted: list[str], platform: str, pythons: tuple[str, ...]) -> None:
    """That each Python finds a wheel of all that is wanted which runs there, with the compiled files it is made of.

    Nobody can start the other platforms' packages here. Raises PackagingError.
    """
    endings = {"linux-x64": (".so",), "windows-x64": (".pyd", ".dll"), "macos-arm64": (".so", ".dylib")}[platform]
    names = {canonicalize_name(Requirement(text).name) for text in wanted}
    systems = [*mac_platforms((14, 0), "arm64")] if platform == "macos-arm64" else WHEEL_TAGS[platform]
    for python in pythons:
        version = tuple(map(int, python.split(".")))
        runs = {*cpython_tags(version, platforms=systems), *compatible_tags(version, platforms=systems)}
        fitting = {parse_wheel_filename(wheel.name)[0]: wheel for wheel in wheels if parse_wheel_filename(wheel.name)[3] & runs}
        if missing := sorted(names - set(fitting)):
            raise PackagingError(f"The package for {platform} has no wheel of {', '.join(missing)} for Python {python}.")
        for name, wheel in fitting.items():
            with ZipFile(wheel) as archive:
                compiled = any(file.endswith(endings) for file in archive.namelist())
            if not wheel.name.endswith("-none-any.whl") and not compiled:
                raise PackagingError(f"The wheel {wheel.name} holds no compiled file for {platform}; {name} would not load.")


def leave_out_unused(wheel: Path) -> None:
    """Take the files that UNUSED names out of a wheel, and out of the record of its files."""
    with ZipFile(wheel) as archive:
        kept = [info for info in archive.infolist() if not UNUSED.match(info.filename)]
        if len(kept) == len(archive.infolist()):
            return
        lean = wheel.with_suffix(".lean")
        with ZipFile(lean, "w", ZIP_DEFLATED) as copy:
            for info in kept:
                content = archive.read(info)
                if info.filename.endswith(".dist-info/RECORD"):
                    content = b"".join(line for line in content.splitlines(True) if not UNUSED.match(line.decode()))
                copy.writestr(info, content)
    lean.replace(wheel)


def copy_licences(wheels: list[Path], folder: Path) -> None:
    """Lay the licence of each wheel into the folder as NAME.txt, the text or, where a wheel has none, what it says of itself."""
    folder.mkdir()
    for wheel in wheels:
        name = parse_wheel_filename(wheel.name)[0]
        with ZipFile(wheel) as archive:
            files = [f for f in archive.namelist() if LICENCE.search(f)]
            said = next(f for f in archive.namelist() if f.endswith(".dist-info/METADATA"))
            texts = [archive.read(f).decode("utf-8", "replace") for f in sorted(files)]
            lines = archive.read(said).decode().split("\n\n")[0].splitlines()
        stated = [line for line in lines if line.startswith(("License", "Classifier: License"))]
        if not (texts or stated):
            raise PackagingError(f"The wheel {wheel.name} tells no licence, so it can't be packed.")
        (folder / f"{name}.txt").write_text("\n\n".join([*stated, *texts]) + "\n", "utf-8")


def copy_addon(folder: Path) -> None:
    """Copy the parts of the checkout that belong into a package."""
    for name in PACKED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*UNPACKED))
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
