"""The version is said once, in the extension's manifest; everything else stands in pyproject.toml."""

import tomllib
from pathlib import Path

from setuptools import setup

setup(version=tomllib.loads((Path(__file__).parent / "blender_manifest.toml").read_text("utf-8"))["version"])
