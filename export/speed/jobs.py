"""The measurements behind the table of speeds: each function measures one thing, in a process that own_process() starts.

Files are style files, sizes (height, width) in pixels, times in seconds, memory in MB (10^6 bytes) above what the process held
before. Only those that need PyTorch import it: it would add to the others' start and memory.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

from core import Generator, MemoryLimitError, ProviderError, Style, StyleError, load_style, stylize
from core.exr import read_exr, write_exr
from core.style import SHIPPED
from core.tiles import plan_tiles, round_up

from ..measures.cost import multiplications, peak_bytes, reset_peak

ENOUGH_SECONDS, MOST_FRAMES = 6, 5
"""After a first frame, frames are timed for so many seconds or up to so many; if the first takes longer, it counts."""
ROOT = Path(__file__).parents[2]
MEMORY = "/dev/shm"
"""Where the node exchanges frames with Blender on Linux, see addon/temp_folder.py."""
FIRST_FRAME = """
import os, sys
import numpy as np
from core import Generator, load_style, stylize
style, (height, width) = load_style(sys.argv[1]), map(int, sys.argv[2:])
stylize(Generator(style, "cpu"), {name: np.ones((height, width, p.channels), np.float32) for name, p in style.table.items()})
os._exit(0)
"""
"""A program that stylises one frame and ends."""


def own_process(job: str, *arguments: object, timeout: float | None = None) -> dict:
    """What the job of this name (see JOBS) measures, or {"problem": why it could not}."""
    command = [sys.executable, "-m", "export.speed.jobs", job, json.dumps(arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"problem": f"stopped after {timeout:.0f} s, when the time was used up"}
    if done.returncode < 0:
        return {"problem": f"ended by signal {-done.returncode}, as when memory runs out"}
    if done.returncode:
        return {"problem": (done.stderr.strip().splitlines() or ["ended without a word"])[-1][:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def frame(name: str, file: str, runtime: str, height: int, width: int) -> dict:
    """A frame through a generator, whose random weights PyTorch makes anew; "rate" in 10^9 multiplications/s.

    runtime: "pytorch" or "onnxruntime" on the CPU, or "cuda" for ONNX Runtime there, with upload and download.
    """
    style = load_style(file)
    inputs = _tensors(style, height, width)
    if runtime in ("onnxruntime", "cuda"):
        generator = Generator(style, "cuda" if runtime == "cuda" else "cpu")
        run = lambda: generator.run(inputs)  # noqa: E731
    else:
        run = _eager(name, [inputs[p] for p in style.passes])
    before = reset_peak()
    first, peak = _seconds(run), peak_bytes()
    seconds = [first]
    while seconds[0] < ENOUGH_SECONDS and len(seconds) <= MOST_FRAMES and (len(seconds) < 2 or sum(seconds) < ENOUGH_SECONDS):
        seconds.append(_seconds(run))
    cost = {"seconds": statistics.median(seconds[1:] or seconds)}
    if before is not None:
        cost |= {"peak_megabytes": (peak_bytes() - before) / 1e6, "first_megabytes": (peak - before) / 1e6}
    return cost | {"rate": multiplications(onnx.load(file), *inputs["image"].shape[2:]) / 1e9 / cost["seconds"]}


def _eager(name: str, arrays: list[np.ndarray]) -> Callable:
    import torch

    from .generators import build

    module, tensors = build(name), [torch.from_numpy(array) for array in arrays]
    return torch.inference_mode()(lambda: module(*tensors))


def parts(file: str, height: int, width: int) -> dict:
    """Where stylize() spends its time; the whole of it, compared with the generator's and with copies of the frame."""
    generator, marks = Generator(load_style(file), "cpu"), []
    run, passes = generator.run, _passes(generator.style, height, width)

    def marked(*arguments: object) -> np.ndarray:
        marks.append(time.perf_counter())
        result = run(*arguments)
        marks.append(time.perf_counter())
        return result

    generator.run, splits = marked, []
    for _ in range(1 + MOST_FRAMES):
        marks.clear()
        started = time.perf_counter()
        stylize(generator, passes)
        splits.append((marks[0] - started, marks[1] - marks[0], time.perf_counter() - marks[1]))
    inputs, network, write_back = np.median(splits[1:], axis=0).tolist()
    other = np.empty_like(passes["image"])
    copy = _median(lambda: np.copyto(other, passes["image"]))
    return {
        "inputs": inputs,
        "generator": network,
        "write_back": write_back,
        "whole_by_generator": (inputs + network + write_back) / network,
        "rest_in_copies": (inputs + write_back) / copy,
    }


def tiles(file: str, side: int, height: int, width: int) -> dict:
    """A frame in tiles of at most side x side, compared with the whole frame."""
    generator = Generator(load_style(file), "cpu")
    passes, style = _passes(generator.style, height, width), generator.style
    generator.memory_limit = 10**12  # so that the whole frame is run at once
    before = reset_peak()
    pictures, peak = [stylize(generator, passes, tile=side)], peak_bytes()
    tiled = statistics.median(_seconds(lambda: stylize(generator, passes, tile=side)) for _ in range(2))
    pictures.append(stylize(generator, passes))
    whole = statistics.median(_seconds(lambda: stylize(generator, passes)) for _ in range(2))
    padded = round_up(height, style.alignment), round_up(width, style.alignment)
    plan = plan_tiles(*padded, (side, side), style.receptive_radius, style.alignment)
    work = sum(tile.height * tile.width for tile in plan) / (padded[0] * padded[1])
    memory = {} if before is None else {"peak_megabytes": (peak - before) / 1e6}
    return {
        "seconds": tiled,
        "by_whole": tiled / whole,
        "work": work,
        "time_by_work": tiled / whole / work,
        "difference": float(np.abs(np.subtract(*pictures)).max()),
        **memory,
    }


def limit(file: str, megabytes: int, height: int, width: int) -> dict:
    """What a frame takes beyond its passes and the result, as a share of the memory limit; "refused" is 1 if it is refused."""
    generator = Generator(load_style(file), "cpu", memory_limit=megabytes * 10**6)
    passes, before = _passes(generator.style, height, width), reset_peak()
    started = time.perf_counter()
    try:
        result = stylize(generator, passes)
    except MemoryLimitError:
        return {"refused": 1, "share": 0.0}
    seconds, window = time.perf_counter() - started, generator.window(height, width)
    taken = {} if before is None else {"share": (peak_bytes() - before - result.nbytes) / generator.memory_limit}
    return {"refused": 0, **taken, "seconds": seconds, "window_height": window[0], "window_width": window[1]}


def start(file: str, height: int, width: int) -> dict:
    """Time from the start of a process, Python's own included, to its first frame, compared with later frames."""
    command = [sys.executable, "-c", FIRST_FRAME, file, str(height), str(width)]
    with tempfile.TemporaryDirectory() as folder:  # to write bytecode, which Python keeps for later starts if it may
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}
        first = _median(lambda: subprocess.run(command, cwd=ROOT, check=True, env=environment))
    generator = Generator(load_style(file), "cpu")
    passes = _passes(generator.style, height, width)
    steady = _median(lambda: stylize(generator, passes))
    return {"first": first, "steady": steady, "first_by_steady": first / steady}


def profile(file: str, height: int, width: int) -> dict:
    """The share of the convolutions in ONNX Runtime's own profile, and how often it changes the layout of a tensor."""
    with tempfile.TemporaryDirectory() as folder:
        session = _session(file, profile=f"{folder}/profile")
        inputs = _tensors(load_style(file), height, width)
        for _ in range(3):
            session.run(None, inputs)
        events = json.loads(Path(session.end_profiling()).read_text())
    kernels = [e for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]
    kernels = kernels[len(kernels) // 3 :]  # without the first frame
    kinds = [(e["args"]["op_name"], e["dur"]) for e in kernels]
    counts = {f"{kind}s": sum(k == kind for k, _ in kinds) / 2 for kind in ("ReorderInput", "ReorderOutput")}
    return {"convolutions": sum(d for k, d in kinds if "Conv" in k) / sum(d for _, d in kinds), **counts}


def shapes(file: str, height: int, width: int) -> dict:
    """Seconds with any height and width, as style files have it, against those of a graph for this size alone."""
    inputs = _tensors(load_style(file), height, width)
    free, fixed = _session(file), _session(file, height=height, width=width)
    pairs = [[_seconds(lambda s=session: s.run(None, inputs)) for session in (free, fixed)] for _ in range(1 + MOST_FRAMES)]
    any_size, one_size = np.median(pairs[1:], axis=0).tolist()
    return {"any_size": any_size, "one_size": one_size, "any_by_one": any_size / one_size}


def _session(file: str, profile: str = "", **sides: int):
    """A bare session of ONNX Runtime, with the options of core.runtime that matter here."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.enable_mem_pattern, options.log_severity_level = False, 4
    options.enable_profiling, options.profile_file_prefix = bool(profile), profile or "unused"
    for name, side in sides.items():
        options.add_free_dimension_override_by_name(name, side)
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def exchange(height: int, width: int) -> dict:
    """Writing and reading five passes of twelve channels as EXR, compared with NumPy's own files; in MEMORY where it exists."""
    layers = _passes(Style("any", passes=("image", "depth", "normal", "albedo", "position")), height, width)
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        exr, arrays = Path(folder, "passes.exr"), Path(folder, "passes.npy")
        joined = np.concatenate(list(layers.values()), axis=-1)
        ours = _median(lambda: (write_exr(exr, layers), read_exr(exr)))
        plain = _median(lambda: (np.save(arrays, joined), np.load(arrays)))
    return {"exr": ours, "npy": plain, "exr_by_npy": ours / plain}


def agreement(name: str, file: str, height: int, width: int) -> dict:
    """Largest difference between PyTorch and ONNX Runtime on a frame of noise, and the file's operator set."""
    style = load_style(file)
    inputs = _tensors(style, height, width)
    eager = _eager(name, [inputs[p] for p in style.passes])().numpy()
    difference = np.abs(eager - Generator(style, "cpu").run(inputs)).max()
    return {"difference": float(difference), "opset": max(opset.version for opset in onnx.load(file).opset_import)}


def rounding(height: int, width: int) -> dict:
    """The largest differences that TF32 and half precision make in what the shipped styles paint from noise; see
    measures/rounding.py."""
    from ..measures.rounding import half_difference, tf32_difference

    frames = {path: _passes(load_style(path), height, width) for path in SHIPPED.glob("*.onnx")}
    kinds = {"difference": tf32_difference, "half_difference": half_difference}
    return {name: max(measure(*frame) for frame in frames.items()) for name, measure in kinds.items()}


def step(name: str, crop: int = 256) -> dict:
    """A training step of a generator on one crop: a distance, a discriminator's judgement, both backwards, and Adam."""
    import torch
    from torch.nn.functional import l1_loss

    from ..networks.discriminators import PatchDiscriminator
    from ..training.losses import least_squares_g, mean
    from .generators import build

    generator, judge = build(name).train(), PatchDiscriminator(3)
    optimizer = torch.optim.Adam(generator.parameters(), 1e-4)
    image, target = torch.rand(1, 3, crop, crop), torch.rand(1, 3, crop, crop)

    def learn() -> None:
        optimizer.zero_grad()
        painted = generator(image)
        (l1_loss(painted, target) + mean(map(least_squares_g, judge(painted).logits))).backward()
        optimizer.step()

    return {"seconds": _median(learn, 3)}


def node(height: int, width: int) -> dict:
    """See blender.py."""
    from .blender import node_parts

    return node_parts(height, width)


def viewport(file: str, height: int, width: int) -> dict:
    """See viewport.py."""
    from .viewport import viewport_parts

    return viewport_parts(file, height, width)


def enabling() -> dict:
    """See blender.py."""
    from .blender import enabling_cost

    return enabling_cost()


def _passes(style: Style, height: int, width: int) -> dict[str, np.ndarray]:
    """Noise as stylize() takes it, opaque."""
    rng = np.random.default_rng(0)
    passes = {name: rng.random((height, width, p.channels), np.float32) for name, p in style.table.items()}
    passes["image"][..., 3] = 1
    return passes


def _tensors(style: Style, height: int, width: int) -> dict[str, np.ndarray]:
    """Noise as the graph takes it, of the next larger size that fits its alignment."""
    rng, (height, width) = np.random.default_rng(0), (round_up(side, style.alignment) for side in (height, width))
    return {name: rng.random((1, channels, height, width), np.float32) for name, channels in style.inputs.items()}


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _median(work: Callable[[], object], times: int = MOST_FRAMES) -> float:
    """The median time of so many calls after a first one."""
    work()
    return statistics.median(_seconds(work) for _ in range(times))


JOBS = {
    f.__name__: f
    for f in (frame, parts, tiles, limit, start, profile, shapes, exchange, agreement, rounding, step, node, viewport, enabling)
}


def _die_first() -> None:
    """Have Linux end this process rather than another when memory runs out."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000")


if __name__ == "__main__":
    _die_first()
    try:
        sys.stdout.write("\n" + json.dumps(JOBS[sys.argv[1]](*json.loads(sys.argv[2]))))
    except (StyleError, ProviderError, MemoryError, RuntimeError) as failure:
        sys.exit(" ".join(str(failure).split())[:200] or "there is not enough memory")
