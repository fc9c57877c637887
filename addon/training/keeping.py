"""Makes a style of one's own of the style of a training. No bpy here."""

import re
from dataclasses import replace
from pathlib import Path

from ...core import load_style
from ...core.style import save_style
from .. import library


def keep(path: Path, name: str, author: str, licence: str, description: str, folder: Path, replacing: bool = False) -> str:
    """Install the style file of a training under another name and return its identifier.

    folder: for a file meanwhile. Raises StyleError, OSError as library.install() does.
    """
    import onnx

    style = load_style(path)
    named = folder / f"{re.sub(r'[^0-9a-z]+', '_', name.lower()).strip('_') or 'style'}.onnx"
    said = {"name": name, "author": author, "licence": licence, "description": description}
    try:
        save_style(named, onnx.load_model_from_string(style.content), replace(style, **said))
        return library.install(named, replacing)
    finally:
        named.unlink(missing_ok=True)
