"""What generators cost side by side: seconds and memory of a frame, ours and published ones, and how our goals are met.

Every figure comes from a process of its own, and the generators take turns round by round, so that whatever else the machine
does meanwhile meets all of them. Weights are random: they change nothing here.
"""

import json
import logging
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from PIL import Image, ImageDraw

from core import PASSES, Generator, ProviderError, load_style, stylize
from core.generator import CAUTION
from core.graph import infer_shapes
from core.memory import free_memory, used_memory
from core.style import OUTPUT_NAME, Style, StyleError, input_channels, save_style
from core.tiles import round_up

from .cost import peak_bytes
from .export_onnx import to_onnx
from .generators import SIZES, GuidedGenerator, make_generator
from .lean_peers import LEAN_PEERS
from .peers import PEERS
from .settings import TrainerError, setting

log = logging.getLogger(__name__)

OURS = tuple(SIZES["cnn"])
RUNTIMES = ("onnxruntime", "pytorch")
ENOUGH_SECONDS = 10
"""A process times frames until it has spent so long; a first frame that alone takes longer is the one that counts."""
SHIPPED = Path(__file__).parent.parent / "addon" / "styles" / "graphic_novel.onnx"
BARE = "bare_convolutions"
"""Row of 3x3 convolutions of 48 channels alone: what the machine can do."""
GOALS = (
    ("default, at least 10x faster than pix2pix in PyTorch", ("seconds", "pix2pix_unet pytorch", "default onnxruntime"), 10),
    ("default, at least 40x faster than CycleGAN in PyTorch", ("seconds", "cyclegan_resnet pytorch", "default onnxruntime"), 40),
    ("default, at least 40x faster than Few-Shot in PyTorch", ("seconds", "few_shot pytorch", "default onnxruntime"), 40),
    ("fast, at least 100x faster than CycleGAN in PyTorch", ("seconds", "cyclegan_resnet pytorch", "fast onnxruntime"), 100),
    ("high, at least 12x faster than CycleGAN in PyTorch", ("seconds", "cyclegan_resnet pytorch", "high onnxruntime"), 12),
    ("default, at least 4x faster than White-box", ("seconds", "white_box onnxruntime", "default onnxruntime"), 4),
    ("default, at least 4x faster than OIDN's U-Net", ("seconds", "denoiser_unet onnxruntime", "default onnxruntime"), 4),
    ("default, at least an eighth of White-box's memory", ("peak_megabytes", "white_box onnxruntime", "default onnxruntime"), 8),
    ("default, at least 0.88 of the bare convolutions' rate", ("rate", "default onnxruntime", f"{BARE} onnxruntime"), 0.88),
)
"""Words, (measure, dividend, divisor), and how large the ratio at 1080p must at least be; from the project's list of goals."""
MOST_MEGABYTES = 150
"""Goal for the memory of a 1080p frame, its result included, its inputs not."""


class SpeedError(TrainerError):
    """The generators can't be measured."""


@dataclass(frozen=True)
class SpeedConfig:
    """Settings of `speed`."""

    out: Path = setting(Path("speed"), "folder for speed.json, speed.txt, speed.png and the graphs that are timed")
    sizes: tuple[str, ...] = setting(("960x540", "1920x1080", "3840x2160"), "frames as WIDTHxHEIGHT")
    rounds: int = setting(3, "times that each generator takes its turn; the median counts")
    generators: tuple[str, ...] = setting(
        (*OURS, *PEERS, *LEAN_PEERS, BARE), "what to measure", choices=(*OURS, *PEERS, *LEAN_PEERS, BARE))

    def frames(self) -> list[tuple[int, int]]:
        """(height, width) of the sizes. Raises SpeedError."""
        sides = [size.split("x") for size in self.sizes]
        if not all(len(pair) == 2 and all(side.isdecimal() and 0 < int(side) <= 16384 for side in pair) for pair in sides):
            raise SpeedError("Each of --sizes must be like 1920x1080.")
        return [(int(height), int(width)) for width, height in sides]


def speed(config: SpeedConfig) -> str:
    """Measure, write speed.json, speed.txt and speed.png, and return the table. Raises SpeedError."""
    frames = config.frames()
    if config.rounds < 1:
        raise SpeedError("--rounds must be at least 1.")
    config.out.mkdir(parents=True, exist_ok=True)
    files = {name: _write(name, config.out) for name in config.generators}
    runs: dict[str, dict[str, list[dict]]] = {}
    for number in range(config.rounds):
        for height, width in frames:
            for name, file in files.items():
                for runtime in RUNTIMES if name != BARE else RUNTIMES[:1]:
                    log.info("Round %d of %d: %s in %s at %d x %d.", number + 1, config.rounds, name, runtime, width, height)
                    result = _in_own_process(name, file, runtime, height, width)
                    runs.setdefault(f"{width}x{height}", {}).setdefault(f"{name} {runtime}", []).append(result)
    sizes = {size: {row: _summary(results) for row, results in rows.items()} for size, rows in runs.items()}
    report = {"sizes": sizes, "goals": goals(sizes.get("1920x1080", {})), "node": node_split(*frames[0])}
    (config.out / "speed.json").write_text(json.dumps(report, indent=2) + "\n")
    text = table(report)
    (config.out / "speed.txt").write_text(text)
    bars(sizes).save(config.out / "speed.png")
    return text


def _build(name: str) -> GuidedGenerator:
    torch.manual_seed(0)
    if name in LEAN_PEERS:
        return LEAN_PEERS[name]().eval()
    return (make_generator(("image",), name) if name in OURS else make_generator(("image",), kind=name)).eval()


def _write(name: str, folder: Path) -> Path:
    """The generator's graph as a style file, made once."""
    path = folder / f"{name}.onnx"
    if not path.is_file():
        if name == BARE:
            save_style(path, _bare_convolutions(), Style(name, alignment=4))
        else:
            generator = _build(name)
            save_style(path, to_onnx(generator), Style(name, passes=generator.passes, alignment=generator.alignment))
    return path


def _bare_convolutions(channels: int = 48, count: int = 12) -> onnx.ModelProto:
    """3x3 convolutions at a quarter of the size between the least that makes a style of them."""
    rng, node = np.random.default_rng(0), onnx.helper.make_node
    shapes = [(channels, 3, 4, 4), *[(channels, channels, 3, 3)] * count]
    values = [rng.normal(0, 0.05, shape).astype(np.float32) for shape in shapes]
    weights = [onnx.numpy_helper.from_array(value, f"w{index}") for index, value in enumerate(values)]
    nodes = [node("Conv", ["image", "w0"], ["x0"], strides=[4, 4])]
    nodes += [node("Conv", [f"x{i}", f"w{i + 1}"], [f"x{i + 1}"], pads=[1] * 4) for i in range(count)]
    nodes.append(node("DepthToSpace", [f"x{count}"], [OUTPUT_NAME], blocksize=4))
    picture, kind = [1, 3, "height", "width"], onnx.TensorProto.FLOAT
    image, result = (onnx.helper.make_tensor_value_info(name, kind, picture) for name in ("image", OUTPUT_NAME))
    graph = onnx.helper.make_graph(nodes, "bare", [image], [result], weights)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)


def multiplications(model: onnx.ModelProto, height: int, width: int) -> float:
    """Multiply-and-add operations of a graph's convolutions for one frame (transposed ones are left out)."""
    inputs = {value.name: value.type.tensor_type.shape.dim[1].dim_value for value in model.graph.input}
    shapes = infer_shapes(model, inputs, model.graph.output[0].name, height, width)
    kernels = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    return float(sum(np.prod(shapes[conv.output[0]][2:]) * np.prod(kernels[conv.input[1]]) for conv in convolutions))


def _in_own_process(name: str, file: Path, runtime: str, height: int, width: int) -> dict:
    """{"seconds", "peak_megabytes", "rate" in 10^9 multiplications a second}, or {"problem": why there are none}."""
    style = load_style(file)
    height, width = round_up(height, style.alignment), round_up(width, style.alignment)
    needed = CAUTION * style.pixel_bytes * height * width
    if needed > 0.8 * free_memory("cpu"):
        return {"problem": f"needs up to {needed / 1e9:.0f} GB of memory"}
    command = [sys.executable, "-m", "export.speed", name, str(file.resolve()), runtime, str(height), str(width)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    if done.returncode:
        return {"problem": (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]}
    result = json.loads(done.stdout)
    return result | {"rate": multiplications(onnx.load(file), height, width) / 1e9 / result["seconds"]}


def _measure(name: str, file: str, runtime: str, height: int, width: int) -> dict:
    """Time frames in this process; the first is not counted unless it takes very long."""
    style = load_style(file)
    rng = np.random.default_rng(0)
    inputs = {p: rng.random((1, input_channels(p), height, width), np.float32) for p in style.passes}
    if runtime == "onnxruntime":
        generator = Generator(style, "cpu")
        run = lambda: generator.run(inputs)  # noqa: E731
    else:
        module, tensors = _build(name), [torch.from_numpy(inputs[p]) for p in style.passes]
        run = torch.inference_mode()(lambda: module(*tensors))
    before, seconds = used_memory("cpu"), []
    while len(seconds) < 2 or (sum(seconds) < ENOUGH_SECONDS and len(seconds) < 6):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
        if seconds[0] > ENOUGH_SECONDS:
            break
    most = peak_bytes()
    peak = {} if most is None else {"peak_megabytes": (most - before) / 1e6}
    return {"seconds": statistics.median(seconds[1:] or seconds), **peak}


def _summary(results: list[dict]) -> dict:
    """Medians of the rounds with the least and the most seconds, or the problem."""
    if problems := [result["problem"] for result in results if "problem" in result]:
        return {"problem": problems[0]}
    medians = {key: statistics.median(result[key] for result in results) for key in results[0]}
    seconds = [result["seconds"] for result in results]
    return medians | {"least_seconds": min(seconds), "most_seconds": max(seconds)}


def node_split(height: int, width: int, frames: int = 3) -> dict[str, float]:
    """Medians of what stylize() spends on the shipped style's inputs, generator and write-back, in seconds."""
    generator, marks = Generator(load_style(SHIPPED), "cpu"), []
    rng, run = np.random.default_rng(0), generator.run
    passes = {name: rng.random((height, width, PASSES[name].channels), np.float32) for name in generator.style.passes}

    def timed(*arguments: object) -> np.ndarray:
        marks.append(time.perf_counter())
        result = run(*arguments)
        marks.append(time.perf_counter())
        return result

    generator.window(round_up(height, 8), round_up(width, 8))
    generator.run, splits = timed, []
    for _ in range(frames + 1):
        marks.clear()
        started = time.perf_counter()
        stylize(generator, passes)
        splits.append((marks[0] - started, marks[1] - marks[0], time.perf_counter() - marks[1]))
    return dict(zip(("inputs", "generator", "write_back"), np.median(splits[1:], axis=0).tolist(), strict=True))


def goals(rows: dict[str, dict]) -> list[dict]:
    """Our goals against the rows at 1080p: words, the least that is wanted, what was found (None if not measured), met or not."""
    found = []
    for words, (measure, above, below), wanted in GOALS:
        both = [rows.get(row, {}).get(measure) for row in (above, below)]
        ratio = None if None in both else both[0] / both[1]
        found.append({"goal": words, "wanted": wanted, "found": ratio, "met": ratio is not None and ratio >= wanted})
    peak = rows.get("default onnxruntime", {}).get("peak_megabytes")
    met = peak is not None and peak <= MOST_MEGABYTES
    return [*found, {"goal": f"default, at most {MOST_MEGABYTES} MB", "wanted": MOST_MEGABYTES, "found": peak, "met": met}]


def table(report: dict) -> str:
    """The report as plain text."""
    lines = []
    for size, rows in report["sizes"].items():
        ours = rows.get("default onnxruntime", {}).get("seconds")
        lines += ["", f"{size:36}{'seconds':>9}{'least..most':>16}{'MB':>8}{'G/s':>7}{'x default':>11}"]
        for row, cost in rows.items():
            if "problem" in cost:
                lines.append(f"{row:36}{cost['problem']}")
                continue
            ratio = f"{cost['seconds'] / ours:.2f}" if ours else "-"
            spread = f"{cost['least_seconds']:.3f}..{cost['most_seconds']:.3f}"
            memory = f"{cost['peak_megabytes']:.0f}" if "peak_megabytes" in cost else "-"
            lines.append(f"{row:36}{cost['seconds']:9.3f}{spread:>16}{memory:>8}{cost['rate']:7.0f}{ratio:>11}")
    lines += ["", "Goals at 1920x1080"]
    for goal in report["goals"]:
        found = "not measured" if goal["found"] is None else f"{goal['found']:.2f}, {'met' if goal['met'] else 'NOT met'}"
        lines.append(f"  {goal['goal']}: {found}")
    split = ", ".join(f"{part} {1000 * seconds:.0f} ms" for part, seconds in report["node"].items())
    return "\n".join([*lines, "", f"stylize() with the shipped style at {next(iter(report['sizes']))}: {split}"]).lstrip() + "\n"


def bars(sizes: dict[str, dict], width: int = 900, line: int = 18) -> Image.Image:
    """Seconds per frame as bars on a logarithmic scale, one block for each size."""
    rows = [(f"{size}  {row}", cost["seconds"]) for size in sizes for row, cost in sizes[size].items() if "seconds" in cost]
    picture = Image.new("RGB", (width, line * (len(rows) + 1)), "white")
    draw = ImageDraw.Draw(picture)
    logarithms = np.log10([seconds for _, seconds in rows] or [1])
    low, high = logarithms.min() - 0.2, logarithms.max()
    for index, (label, seconds) in enumerate(rows):
        length = (width - 420) * (np.log10(seconds) - low) / (high - low)
        draw.text((4, line * index + 3), label, "black")
        colour = "steelblue" if label.endswith("pytorch") else "orange"
        draw.rectangle((300, line * index + 3, 300 + length, line * (index + 1) - 4), colour)
        draw.text((306 + length, line * index + 3), f"{seconds:.3f} s", "black")
    return picture


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(_measure(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]))))
    except (StyleError, ProviderError, MemoryError, RuntimeError) as failure:
        sys.exit(" ".join(str(failure).split())[:200] or "there is not enough memory")
