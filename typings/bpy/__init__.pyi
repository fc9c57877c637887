"""For the type checker: everything in Blender may be anything. Blender makes its classes when it starts."""

from typing import Any

def __getattr__(name: str) -> Any: ...
