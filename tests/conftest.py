from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from core import Generator, load_style

FIXTURES = Path(__file__).parent / "fixtures"
TRAINER = (
    "benchmark", "check_data", "checkpoint", "dataset", "detail", "discriminators", "distributed", "encoding", "evaluate",
    "export_onnx", "frame_store", "generators", "inception", "losses", "lpips", "metrics", "peers", "pictures",
    "pretrained", "resnet_weights", "score_sheet", "scoring", "sources", "speed", "speed_jobs",
    "speed_report", "strength", "train", "unpaired", "vgg", "videos",
)  # fmt: skip
collect_ignore = [] if find_spec("torch") else [f"test_{module}.py" for module in TRAINER]


def pytest_report_header() -> list[str]:
    blender = f"with Blender {version('bpy')} as a Python module" if find_spec("bpy") else "without Blender"
    return [blender, *(["without PyTorch: the trainer's tests are left out"] if collect_ignore else [])]


@pytest.fixture(scope="session")
def generators():
    """The fixture styles, opened on the CPU."""
    return {name: Generator(load_style(FIXTURES / f"{name}.onnx"), "cpu") for name in ("swap", "wide", "normal", "tone")}


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
