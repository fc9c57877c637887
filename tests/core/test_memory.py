"""What a graph needs, what the machine has, and that a memory limit is kept."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from core import Generator, MemoryLimitError, Style, load_style
from core.memory import UNTOLD_BYTES, FrameCost, _in_running_order, frame_cost, free_memory
from core.style import OUTPUT_NAME, save_style
from tests.conftest import FIXTURES
from tests.core.test_receptive_field import normalised

node = onnx.helper.make_node
SHIPPED = FIXTURES.parent.parent / "addon" / "styles" / "graphic_novel.onnx"


def test_the_bytes_of_a_pixel_are_those_held_at_once():
    # Image and result, 3 channels each; the 16 and the 48 channels at a quarter of the size are gone before the sum.
    assert frame_cost(onnx.load(FIXTURES / "swap.onnx"), {"image": 3}, OUTPUT_NAME, 1) == FrameCost(0, 4 * (3 + 3), 9 * 8)
    wide = frame_cost(onnx.load(FIXTURES / "wide.onnx"), {"image": 3}, OUTPUT_NAME, 4)
    assert wide.bytes(1000) == 1000 * 4 * (3 + 48 // 16 + 3)
    assert load_style(FIXTURES / "normal.onnx").cost.pixel_bytes == 4 * (3 + 3 + 3)


def test_weights_that_are_cast_do_not_count():
    model = onnx.load(FIXTURES / "swap.onnx")
    before = frame_cost(model, {"image": 3}, OUTPUT_NAME, 1).pixel_bytes
    weights = np.zeros((3, 3, 99, 999), np.float16)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "half"))
    model.graph.node.insert(0, node("Cast", ["half"], ["w"], to=onnx.TensorProto.FLOAT))
    model.graph.node[1].attribute[0].CopyFrom(onnx.helper.make_attribute("kernel_shape", [99, 999]))
    model.graph.node[1].attribute.append(onnx.helper.make_attribute("pads", [49, 499, 49, 499]))
    assert frame_cost(model, {"image": 3}, OUTPUT_NAME, 1).pixel_bytes == before


def test_operators_are_assumed_to_run_in_the_order_in_which_they_run(tmp_path):
    model, options = onnx.load(SHIPPED), onnxruntime.SessionOptions()
    for index, part in enumerate(model.graph.node):
        part.name = str(index)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    session.run(None, {put.name: np.ones((1, put.shape[1], 64, 64), np.float32) for put in session.get_inputs()})
    events = json.loads(Path(session.end_profiling()).read_text())
    ran = [event["args"]["node_index"] for event in events if event["name"].endswith("_kernel_time")]
    assert ran == [part.name for part in _in_running_order(model.graph.node, OUTPUT_NAME)]


def test_the_machine_has_memory():
    assert free_memory("cpu") > 2**20


class Driver:
    """NVIDIA's driver on a GPU with 5 GB free, of which one function fails."""

    def __init__(self, failing: str):
        self.failing, self.called = failing, []

    def __getattr__(self, name: str):
        def function(*arguments):
            self.called.append(name)
            if name == "cuMemGetInfo_v2" and name != self.failing:
                arguments[0]._obj.value = 5 * 10**9
            return 700 * (name == self.failing)

        return function


@pytest.mark.parametrize("failing", ["", "cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuCtxPushCurrent_v2", "cuMemGetInfo_v2"])
def test_a_gpu_that_does_not_tell_its_memory_does_not_count_as_full(failing, monkeypatch):
    driver = Driver(failing)
    monkeypatch.setattr("core.memory.cuda_driver", lambda: driver)
    assert free_memory("cuda") == (UNTOLD_BYTES if failing else 5 * 10**9)
    retained, released = (driver.called.count(f"cuDevicePrimaryCtx{what}") for what in ("Retain", "Release_v2"))
    assert released == (retained if failing != "cuDevicePrimaryCtxRetain" else 0)
    pushed, popped = (driver.called.count(f"cuCtx{what}Current_v2") for what in ("Push", "Pop"))
    assert popped == (pushed if failing != "cuCtxPushCurrent_v2" else 0)


def test_half_of_what_is_free_is_the_default_limit(monkeypatch):
    monkeypatch.setattr("core.generator.free_memory", {"cpu": 8 * 10**9}.get)
    assert Generator(load_style(FIXTURES / "swap.onnx"), "cpu").memory_limit == 4 * 10**9


def test_a_frame_is_run_whole_where_it_fits_and_in_tiles_elsewhere():
    generator = Generator(load_style(FIXTURES / "wide.onnx"), "cpu", memory_limit=10**9)
    assert generator.window(400, 800) == (400, 800)
    generator.memory_limit = 30_000_000
    height, width = generator.window(4000, 8000)
    assert height * width < 4000 * 8000 and generator.bytes(height * width) <= generator.memory_limit


def test_what_others_allocate_meanwhile_changes_nothing():
    generator = Generator(load_style(FIXTURES / "wide.onnx"), "cpu", memory_limit=60_000_000)
    before, held, stop = generator.window(4000, 8000), [], threading.Event()

    def allocate() -> None:
        while not stop.is_set() and len(held) < 200:
            held.append(np.ones(2**18))

    other = threading.Thread(target=allocate)
    other.start()
    fresh = Generator(load_style(FIXTURES / "wide.onnx"), "cpu", memory_limit=60_000_000)
    assert fresh.window(4000, 8000) == before == generator.window(4000, 8000)
    stop.set()
    other.join()


def test_a_limit_too_small_for_any_tile_is_an_error_with_both_numbers():
    generator = Generator(load_style(FIXTURES / "wide.onnx"), "cpu", memory_limit=1000)
    with pytest.raises(MemoryLimitError, match="'Wide' takes 17 MB for 800 x 400 pixels, even in tiles.* limit is 1 MB"):
        generator.window(400, 800)


def test_a_style_that_sees_the_whole_frame_is_refused_above_the_limit(tmp_path):
    save_style(tmp_path / "s.onnx", normalised(), Style("Seer"))
    generator = Generator(load_style(tmp_path / "s.onnx"), "cpu", memory_limit=100_000_000)
    assert generator.window(720, 1280) == (720, 1280)
    with pytest.raises(MemoryLimitError, match="'Seer' takes .* MB for 7680 x 4320 pixels, because it must see the whole frame"):
        generator.window(4320, 7680)


MEASURE = """
import sys
import numpy as np
from pathlib import Path
from core import Generator, load_style, stylize

def held(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(key))

limit = int(sys.argv[2])
generator = Generator(load_style(sys.argv[1]), "cpu", memory_limit=limit)
image = np.ones((1000, 1000, 4), np.float32)
Path("/proc/self/clear_refs").write_text("5")
before = held("VmRSS")
for _ in range(2):
    frame = None
    frame = stylize(generator, {"image": image})
peak = held("VmHWM") - before - frame.nbytes
window = generator.window(1000, 1000)
if peak > 1.1 * limit or window == (1000, 1000):
    sys.exit(f"{peak / 1e6:.0f} MB, with a limit of {limit / 1e6:.0f} MB, in windows of {window}")
print(peak / limit)
"""


@pytest.mark.once
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of a part of a process's life")
@pytest.mark.parametrize("style", [FIXTURES / "wide.onnx", SHIPPED])
def test_the_memory_limit_is_kept(style):
    command = [sys.executable, "-c", MEASURE, str(style), str(60_000_000)]
    done = subprocess.run(command, cwd=FIXTURES.parent.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0.2, "a good part of the limit is made use of"
