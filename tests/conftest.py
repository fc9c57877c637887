import ctypes
import os
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from core import Generator, load_style
from core.runtime import provider_problem

FIXTURES = Path(__file__).parent / "fixtures"
SOFTWARE_VULKAN = Path(__file__).parents[1] / ".cache" / "vulkan" / "usr" / "lib" / "chromium"
"""Chromium's Vulkan loader and its driver that computes on the CPU, where `make test` could get them; for tests of WebGPU."""
if (SOFTWARE_VULKAN / "vk_swiftshader_icd.json").is_file():
    ctypes.CDLL(str(SOFTWARE_VULKAN / "libvulkan.so.1"))  # found under this name from now on
    os.environ |= {
        "VK_ICD_FILENAMES": str(SOFTWARE_VULKAN / "vk_swiftshader_icd.json"),
        "ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER": "1",
    }
    provider_problem("webgpu", software=True)  # ONNX Runtime warns of that once, now, and not while a test reads stderr


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that processes which take file by file end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_report_header() -> list[str]:
    blender = f"with Blender {version('bpy')} as a Python module" if find_spec("bpy") else "without Blender"
    return [blender, *(["without PyTorch: the trainer's tests are left out"] if not find_spec("torch") else [])]


@pytest.fixture(scope="session")
def generators():
    """The fixture styles, opened on the CPU."""
    return {
        name: Generator(load_style(FIXTURES / f"{name}.onnx"), "cpu") for name in ("swap", "wide", "normal", "tone", "placed")
    }


@pytest.fixture
def frame():
    """A function (height, width) -> premultiplied RGBA with soft alpha, values above 1 and a hard edge."""

    def make(height: int, width: int, opaque: bool = False) -> np.ndarray:
        rng = np.random.default_rng(height * 10007 + width)
        image = rng.uniform(0, 1, (height, width, 4)).astype(np.float32)
        image[: height // 2, :, :3] *= 20
        if opaque:
            image[..., 3] = 1
        else:
            image[..., :3] *= image[..., 3:]
        return image

    return make
