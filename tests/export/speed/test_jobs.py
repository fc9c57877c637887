"""What the table of speeds is made of, on tiny frames."""

import importlib.util

import onnx
import pytest
import torch

from core import load_style
from export.measures.cost import multiplications
from export.networks.published_lean import LEAN_PEERS
from export.speed.generators import BARE, GUIDED, build, write
from export.speed.jobs import agreement, exchange, limit, own_process, parts, profile, rounding, shapes, step, tiles
from tests.conftest import FIXTURES

WIDE = str(FIXTURES / "wide.onnx")


def test_multiplications_are_those_of_the_convolutions():
    # 8x8 from 3 to 16 channels and 5x5 from 16 to 48, at a quarter of the size.
    expected = (64 / 4) * (128 / 4) * (16 * 3 * 8 * 8 + 48 * 16 * 5 * 5)
    assert multiplications(onnx.load(WIDE), 64, 128) == expected


@pytest.fixture(scope="module")
def draft(tmp_path_factory):
    return str(write("draft", tmp_path_factory.mktemp("speed")))


@pytest.mark.parametrize("runtime", ["onnxruntime", "pytorch"])
def test_a_frame_takes_time_and_memory(runtime, draft):
    cost = own_process("frame", "draft", draft, runtime, 60, 100)
    assert cost["seconds"] > 0 and cost["rate"] > 0
    assert cost.get("peak_megabytes", 0) >= cost.get("first_megabytes", 0) >= 0


def test_a_style_that_ships_is_timed_as_it_is(tmp_path):
    assert load_style(write("cel", tmp_path)).name == "Cel Animation" and not list(tmp_path.iterdir())


def test_a_problem_is_one_line():
    assert "no style file" in own_process("frame", "draft", "/none.onnx", "onnxruntime", 8, 8)["problem"]
    assert "time was used up" in own_process("start", WIDE, 8, 8, timeout=0.01)["problem"]


def test_a_process_of_its_own_finds_a_start():
    cost = own_process("start", WIDE, 48, 64)
    assert all(cost[part] > 0 for part in ("first", "steady", "first_by_steady"))


def test_the_parts_are_those_of_the_whole():
    cost = parts(WIDE, 48, 64)
    assert all(seconds > 0 for seconds in cost.values()) and cost["whole_by_generator"] > 1


def test_tiles_do_more_work_and_give_the_same():
    cost = tiles(WIDE, 48, 96, 96)
    assert cost["difference"] < 1e-4 and cost["work"] > 1


def test_a_limit_is_kept_or_the_frame_refused():
    assert limit(WIDE, 1000, 48, 64)["refused"] == 0 and limit(WIDE, 1, 480, 640) == {"refused": 1, "share": 0.0}


def test_the_profile_tells_the_share_of_convolutions(tmp_path):
    cost = profile(str(write(BARE, tmp_path)), 128, 128)
    assert 0 < cost["convolutions"] < 1


def test_shapes_and_exchange_are_ratios():
    assert shapes(WIDE, 48, 64)["any_by_one"] > 0 and exchange(48, 64)["exr_by_npy"] > 0


def test_pytorch_and_the_runtime_agree_and_training_has_steps(draft):
    found = agreement("draft", draft, 40, 48)
    assert found["difference"] < 1e-4 and found["opset"] <= 18
    assert step("draft", 32)["seconds"] > 0


def test_rounding_moves_no_shipped_style_far():
    differences = rounding(64, 96)
    assert 1e-6 < differences["difference"] < 0.02 and 1e-6 < differences["half_difference"] < 0.02


def test_guides_are_ten_channels():
    assert build(GUIDED).in_channels == 10


@pytest.mark.parametrize(
    "name, parameters, tiled",
    [
        ("white_box", 1_467_075, True),
        ("denoiser_unet", 919_811, True),
        ("animegan3", 1_027_520, False),
        ("multi_style", 166_104, False),
    ],
)
def test_a_lean_peer_is_as_large_as_published_and_known_to_see_statistics(name, parameters, tiled, tmp_path):
    """The numbers are those of the layers in the authors' own repositories, which networks/published_lean.py names."""
    generator = LEAN_PEERS[name]().eval()
    passes = [torch.rand(1, 3, 32, 48) for _ in generator.passes]
    with torch.no_grad():
        assert generator(*passes).shape == (1, 3, 32, 48)
    assert sum(p.numel() for p in generator.parameters()) == parameters
    assert load_style(write(name, tmp_path)).tiles_exact == tiled


@pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="this Python has no bpy")
def test_the_viewport_is_measured_in_blender(draft):
    cost = own_process("viewport", draft, 48, 64)
    parts = ("guides", "guides_cpu", "network", "network_cpu", "cpu_seconds", "seconds", "pictures_per_second")
    assert all(cost[part] > 0 for part in parts), cost


@pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="this Python has no bpy")
def test_the_node_is_measured_in_blender():
    cost = own_process("node", 48, 64)
    assert all(cost[part] > 0 for part in ("generator", "inputs", "arrays", "write_back")), cost
    assert {"remaining", "rest"} < cost.keys()
