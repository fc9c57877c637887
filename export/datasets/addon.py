"""The add-on of the checkout, loaded into this process's Blender as Blender itself loads it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def load_addon() -> ModuleType:
    """Import the checkout as the package gan_style, whatever its folder is called, and register the add-on, unless it is."""
    if "gan_style" in sys.modules:
        return sys.modules["gan_style"]
    spec = importlib.util.spec_from_file_location("gan_style", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    package = importlib.util.module_from_spec(spec)
    sys.modules["gan_style"] = package
    spec.loader.exec_module(package)
    package.register()
    return package
