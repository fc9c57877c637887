"""Who may import whom. Read from the sources, so that imports inside functions and of packages that are not installed count."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSES = ("core", "addon", "export", "tests")
ORDER = {
    "addon": (
        "settings", "temp_folder", "callbacks", "main_thread", "devices", "library", "trees", "run", "viewport", "training", "ui",
        "commands",
    ),
    "export": (
        "settings", "modes", "train_settings", "config_checks", "config", "networks", "frames", "measures", "datasets",
        "training", "export_onnx", "serve", "trials", "shipping", "speed", "__main__",
    ),
}  # fmt: skip
"""House -> its rooms and the files at its door; each imports only itself and what stands before it."""
FILE_NAME = re.compile(r"\b(?:core|addon|export|tests)/[\w/]+\.(?:py|js|yaml)\b")


def source_files() -> dict[str, Path]:
    """Dotted name -> file. A package has the name of its folder."""
    paths = (path for house in HOUSES for path in (ROOT / house).rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


FILES = source_files()


def imported(name: str, source: str) -> Iterator[tuple[str, bool]]:
    """What a module imports, as (dotted name, whether it is relative): the submodule where one is named."""
    package = name if FILES.get(name, Path()).name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield (submodule if submodule in FILES else base), node.level > 0


IMPORTS = {name: set(imported(name, path.read_text("utf-8"))) for name, path in FILES.items()}


def of(house: str) -> dict[str, set[str]]:
    """Module of a house -> all that it imports."""
    return {
        name: {other for other, _ in found} for name, found in IMPORTS.items() if name == house or name.startswith(f"{house}.")
    }


def top(name: str) -> str:
    return name.split(".")[0]


def test_imports_inside_functions_and_relative_ones_are_read():
    source = "import torch.nn\nfrom ..core import style, Cancelled\ndef late():\n    from .trees import read\n"
    found = set(imported("addon.library", source))
    assert found == {("torch.nn", False), ("core.style", True), ("core", True), ("addon.trees.read", True)}


def test_core_knows_neither_blender_nor_pytorch_nor_the_other_houses():
    for name, found in of("core").items():
        assert not {top(other) for other in found} & {"bpy", "mathutils", "torch", "addon", "export", "tests"}, name


def test_one_file_imports_onnx_runtime():
    users = [name for house in ("core", "addon") for name, found in of(house).items() if "onnxruntime" in map(top, found)]
    assert users == ["core.runtime"]


def test_addon_and_trainer_meet_in_core_only():
    for house in ORDER:
        strangers = {"addon", "export", "tests", "torch" if house == "addon" else "addon"} - {house}
        for name, found in of(house).items():
            assert not {top(other) for other in found} & strangers, name


def test_what_blender_installs_imports_its_own_modules_relatively():
    """The extension's modules have another name in every Blender."""
    for name, found in IMPORTS.items():
        if top(name) in ("core", "addon"):
            assert not [other for other, relative in found if top(other) in HOUSES and not relative], name


@pytest.mark.parametrize("house", ORDER)
def test_rooms_import_only_what_stands_before_them(house):
    def place(name: str) -> int:
        parts = name.split(".")
        return ORDER[house].index(parts[1]) if len(parts) > 1 else len(ORDER[house])

    for name, found in of(house).items():
        above = {other for other in found if top(other) == house and place(other) > place(name)}
        assert not above, f"{name} imports {above}"


def test_no_module_imports_itself_by_way_of_others():
    order = TopologicalSorter({name: found & set(FILES) for house in HOUSES for name, found in of(house).items()})
    order.prepare()  # raises CycleError, which names the circle


def test_every_import_of_ours_names_a_module_that_exists():
    folders = {name.rpartition(".")[0] for name in FILES}
    for name, found in IMPORTS.items():
        ours = {other for other, _ in found if top(other) in HOUSES}
        assert ours <= set(FILES) | folders, f"{name} imports {ours - set(FILES) - folders}"


def test_every_file_that_a_page_names_exists():
    pages = [*ROOT.glob("*.md"), *(page for house in HOUSES for page in (ROOT / house).rglob("*.md"))]
    assert len(pages) > 5
    for page in pages:
        named = set(FILE_NAME.findall(page.read_text("utf-8")))
        missing = {name for name in named if not (ROOT / name).exists() and "NAME" not in name}
        assert not missing, f"{page} names {missing}"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_link_between_pages_leads_somewhere():
    for page in (*ROOT.glob("*.md"), *(page for house in HOUSES for page in (ROOT / house).rglob("*.md"))):
        for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", page.read_text("utf-8")):
            file, _, anchor = link.partition("#")
            other = page.parent / file if file else page
            assert other.exists(), f"{page} links to {link}"
            assert not anchor or anchor in anchors(other), f"{page} links to {link}"
