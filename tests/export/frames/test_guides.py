"""A style's own guides in a data folder, and all the way into the style file."""

import numpy as np
import pytest
from PIL import Image

from core import Generator, load_style, stylize
from core.exr import read_exr, write_exr
from core.passes import guide
from export.config import ExportConfig, train_config
from export.export_onnx import export
from export.frames.frame_store import FrameStore
from export.frames.guides import sources_of
from export.settings import TrainerError
from export.training.train import train

from ..paired_frames import write_paired_frames

HAIR, LIGHTS = guide("hair", 1), guide("lights", 3)


@pytest.fixture
def data(tmp_path):
    """Frames whose layer Rim is twice the image, and mattes in a folder, each of one grey."""
    folder = write_paired_frames(tmp_path / "data")
    (folder / "guides" / "hair").mkdir(parents=True)
    for number, file in enumerate(sorted((folder / "input").iterdir()), 1):
        passes = read_exr(file)
        write_exr(file, passes | {"Rim": 2 * passes["image"][..., :3]})
        Image.fromarray(np.full(passes["image"].shape[:2], 40 * number, np.uint8)).save(
            folder / "guides/hair" / f"{file.stem}.png"
        )
    return folder


def store(data, problems, layer="Rim"):
    sources = sources_of(data, (HAIR, LIGHTS), {"lights": layer})
    return FrameStore(data / "input", ("image",), data / ".cache", problems, guides=sources)


def test_a_store_gives_them_after_the_passes(data):
    problems = []
    frames = store(data, problems)
    assert not problems and frames.passes == ("image", "hair", "lights") and frames.light == {"image", "lights"}
    for number, name in enumerate(frames.frames, 1):
        whole = frames.whole(name)
        assert whole["hair"].shape[1] == 1 and np.allclose(whole["hair"], 40 * number / 255, atol=1e-3)
        assert np.allclose(whole["lights"], 2 * whole["image"], rtol=2e-3)
    again = store(data, problems)
    assert again.fingerprint == frames.fingerprint
    Image.fromarray(np.zeros((72, 104), np.uint8)).save(data / "guides/hair/shot_0001.png")
    assert np.abs(store(data, problems).whole("shot_0001")["hair"]).max() == 0  # a changed file is read again


def test_what_is_missing_is_named(data):
    problems = []
    (data / "guides/hair/shot_0002.png").unlink()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(data / "guides/hair/shot_0003.png")
    store(data, problems)
    assert len(problems) == 2 and "no file called shot_0002" in problems[0] and "not the size of its frame" in problems[1]
    problems.clear()
    store(data, problems, layer="Gone")
    assert "no layer 'Gone'" in problems[0]


def test_a_trained_style_names_them_and_sees_them(data, tmp_path):
    values = {"data": data, "run": tmp_path / "run", "crop": 64, "batch": 1, "widths": (16, 16, 1, 1), "steps": 2, "threads": 1}
    values |= {"discriminator_channels": 8, "discriminator_layers": 2, "exposure_jitter": 0.5, "checkpoint_every": 1}
    train(train_config(values | {"passes": ("image", "normal"), "guide": ("lights=Rim",), "matte": ("hair",)}))
    export(ExportConfig(tmp_path / "run", tmp_path / "look.onnx"))
    style = load_style(tmp_path / "look.onnx")
    assert style.passes == ("image", "normal", "lights", "hair") and style.guides == (LIGHTS, HAIR)
    rng = np.random.default_rng(0)
    passes = {name: rng.uniform(0, 1, (16, 24, p.channels)).astype(np.float32) for name, p in style.table.items()}
    plain = stylize(Generator(style, "cpu"), passes)
    for name in ("lights", "hair"):
        assert np.abs(stylize(Generator(style, "cpu"), passes | {name: 0 * passes[name]}) - plain).max() > 1e-4


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"matte": ("Hair",)}, "must be small letters"),
        ({"guide": ("normal=N",)}, "means something else"),
        ({"guide": ("hair",), "matte": ("hair",)}, "must name nothing twice"),
    ],
)
def test_names_that_can_not_be_are_refused(tmp_path, settings, problem):
    with pytest.raises(TrainerError, match=problem):
        train_config({"data": tmp_path, "run": tmp_path} | settings)
