"""The frames of render-dataset: layers, motion vectors, resuming; rendered small in a process of their own."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tqdm")
pytest.importorskip("OpenEXR")

from core.exr import read_exr
from core.passes import LIGHT, PASSES
from export.datasets.render import RenderDatasetConfig, RenderDatasetError, _shots, render_dataset, wanted

from .test_scenes import needs_blender, run_in_blender

WIDTH, HEIGHT = 240, 136
NAMES = ("ruins_s2_0001", "ruins_s2_0002")


def render_and_resume(folder: str) -> None:
    """Render two frames, take one away and render again, then ask for other samples; write down what happened."""
    config = RenderDatasetConfig(Path(folder) / "set", "ruins", "", 2, 1, seed=2, width=WIDTH, height=HEIGHT, samples=4)
    asked = []

    def note(shots: list) -> list:
        asked.append([shot.name for shot in shots])
        return shots

    paths = render_dataset(config, progress=note)
    paths[1].unlink()
    render_dataset(config, progress=note)
    try:
        render_dataset(replace(config, samples=5), progress=note)
        refusal = ""
    except RenderDatasetError as error:
        refusal = str(error)
    lit = replace(
        config, output=Path(folder) / "lit", frames=1, width=64, height=40, samples=2, exposure=1.0, charts=1, lights=True
    )
    render_dataset(lit, progress=iter)
    Path(folder, "notes.json").write_text(json.dumps({"asked": asked, "refusal": refusal}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("dataset")
    run_in_blender(f"tests.export.datasets.test_render.render_and_resume({str(path)!r})")
    return path


@pytest.fixture(scope="module")
def frames(folder):
    return [read_exr(folder / "set" / "input" / f"{name}.exr") for name in NAMES]


@needs_blender
def test_passes_of_light_are_there_if_asked_for(folder):
    for path in sorted((folder / "lit" / "input").iterdir()):
        passes = read_exr(path)
        assert {n: a.shape[2] for n, a in passes.items()} == {n: p.channels for n, p in PASSES.items() if n != "shadow"}, path
        assert all(passes[name].min() >= 0 for name in LIGHT if name != "shadow")
        assert 0.2 < passes["ambient_occlusion"].max() <= 1 and max(passes[n].max() for n in ("emission", "diffuse_direct")) > 0.1


@needs_blender
def test_every_pass_is_there_with_its_channels_and_range(frames):
    for passes in frames:
        assert {name: layer.shape for name, layer in passes.items()} == {
            p.name: (HEIGHT, WIDTH, p.channels) for p in wanted(lights=False)
        }
        assert all(layer.dtype == np.float32 and np.isfinite(layer).all() for layer in passes.values())
        assert (passes["image"][..., 3] == 1).all() and passes["image"].min() >= 0
        hit = passes["depth"][..., 0] < 1e9
        assert 0.3 < hit.mean() < 0.98 and (passes["depth"][~hit] == 1e10).all()
        length = np.linalg.norm(passes["normal"], axis=-1)
        assert length.max() < 1.01 and np.median(length[hit]) > 0.97, "a mean of unit vectors is at most 1 long"
        assert (length[~hit] == 0).mean() > 0.9, "depth is sampled once, normals are filtered: they differ along outlines"
        assert passes["albedo"].min() >= 0 and passes["albedo"].max() <= 1.01


@needs_blender
def test_top_row_comes_first_and_colours_keep_their_order(frames):
    passes = frames[0]
    hit = passes["depth"][..., 0] < 1e9
    assert hit[-10:].mean() > 0.95 and hit[:10].mean() < 0.6, "sand below, sky above"
    red, _, blue = passes["albedo"][-10:].reshape(-1, 3).mean(0)
    assert red > 1.5 * blue, "sand is yellow"
    red, _, blue = passes["image"][:5][~hit[:5]][:, :3].mean(0)
    assert blue > red, "the sky is blue"
    ground = passes["normal"][-10:].reshape(-1, 3).mean(0)
    assert ground[2] > 0.8, "z is up"


def moved(values: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear lookup of (H, W, c) at pixel coordinates."""
    x, y = np.clip(x, 0, WIDTH - 1.001), np.clip(y, 0, HEIGHT - 1.001)
    left, top = x.astype(int), y.astype(int)
    u, v = (x - left)[..., None], (y - top)[..., None]
    upper = values[top, left] * (1 - u) + values[top, left + 1] * u
    lower = values[top + 1, left] * (1 - u) + values[top + 1, left + 1] * u
    return upper * (1 - v) + lower * v


@needs_blender
@pytest.mark.parametrize(
    ("start", "end", "channels", "sign"), [(1, 0, (0, 1), 1), (0, 1, (2, 3), -1)], ids=["to_the_previous", "to_the_next"]
)
def test_vectors_lead_to_the_same_point_in_the_other_frame(frames, start, end, channels, sign):
    """Cycles stores previous - this in x, y, but this - next in z, w (primitive_motion_vector in kernel/geom/primitive.h)."""
    here, there = frames[start], frames[end]
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    dx, dy = (sign * here["vector"][..., channel] for channel in channels)
    ground = (here["depth"][..., 0] < 40) & (np.abs(here["normal"][..., 2]) > 0.8)
    distance = here["depth"][..., 0]

    def miss(x: np.ndarray, y: np.ndarray) -> float:
        error = np.linalg.norm(moved(there["position"], x, y) - here["position"], axis=-1) / distance
        return float(np.median(error[ground]))

    followed = miss(x + dx, y - dy)
    assert np.median(np.hypot(dx, dy)[ground]) > 0.3, "the camera hardly moves"
    for wrong in (miss(x, y), miss(x - dx, y + dy), miss(x + dx, y + dy)):
        assert followed < 0.5 * wrong


@needs_blender
def test_only_missing_frames_are_rendered_again_and_other_settings_are_refused(folder):
    notes = json.loads((folder / "notes.json").read_text())
    assert notes["asked"] == [list(NAMES), [NAMES[1]]]
    assert "samples (4, now 5)" in notes["refusal"] and "another folder" in notes["refusal"]
    record = json.loads((folder / "set" / "dataset.json").read_text())
    assert record["frames"] == list(NAMES) and record["config"]["seed"] == 2 and record["blender"]
    assert not list((folder / "set").glob(".rendering_*")) and not (folder / "set" / "target").exists()


def test_impossible_settings_are_refused():
    with pytest.raises(RenderDatasetError, match="24 frames"):
        RenderDatasetConfig(frames=9, frame_step=3)
    with pytest.raises(RenderDatasetError, match="width"):
        RenderDatasetConfig(width=0)


def test_unknown_look_is_refused(tmp_path):
    pytest.importorskip("scipy")
    with pytest.raises(RenderDatasetError, match="graphic_novel"):
        render_dataset(RenderDatasetConfig(tmp_path, look="no_such_look"))
    assert not list(tmp_path.iterdir())


def test_variations_are_lit_by_their_own_exposure_and_charts_need_no_scene():
    config = RenderDatasetConfig(scenes="ruins,garden", frames=2, frame_step=1, variations=8, exposure=3.0, charts=2)
    shots = _shots(config)
    assert [shot.name for shot in shots[-2:]] == ["chart0_s0_0001", "chart1_s0_0001"]
    lights = {(shot.scene, shot.seed): shot.light(3.0) for shot in shots}
    assert all(shot.light(3.0) == lights[shot.scene, shot.seed] for shot in shots)
    stops = np.log2(list(lights.values()))
    assert np.abs(stops).max() <= 3 and stops.min() < -1 and stops.max() > 1
    assert {shot.light(0.0) for shot in shots} == {1.0}
