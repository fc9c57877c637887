"""Adopts foreign image networks: finds out what an .onnx file of another tool wants, and wraps it into a style file."""

from .adoption import Adopted, adopt
from .settle import Settings

__all__ = ["Adopted", "Settings", "adopt"]
