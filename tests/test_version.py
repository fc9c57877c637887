"""The version is said in blender_manifest.toml; what has to repeat it for its readers says the same."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))["version"]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_the_citation_and_the_changelog_name_the_version_and_its_date():
    cited = dict(re.findall(r'^(version|date-released): "(.+)"$', read("CITATION.cff"), re.MULTILINE))
    latest = re.search(r"^## \[(\d.+)\] - (.+)$", read("CHANGELOG.md"), re.MULTILINE)
    assert cited == {"version": VERSION, "date-released": latest[2]} and latest[1] == VERSION


@pytest.mark.parametrize("page", ["README.md", "addon/README.md"])
def test_pages_name_packages_of_the_version(page):
    assert set(re.findall(r"gan_style-(\d[^-]*)-", read(page))) == {VERSION}
