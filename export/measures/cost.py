"""What a style costs: seconds and memory of one frame, measured in a process of its own so that the peak is the generator's."""

import json
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from core import Generator, ProviderError, StyleError, load_style, stylize
from core.onnx_sizes import infer_shapes

from ..settings import TrainerError

SIZE = (1080, 1920)
FRAMES, ENOUGH_SECONDS = 3, 20
"""The median of this many frames counts, after a first one, which counts only if it takes longer than these seconds."""


class CostError(TrainerError):
    """The style can't be run on a frame of this size."""


def frame_cost(style: Path, provider: str = "auto", size: tuple[int, int] = SIZE) -> dict[str, float | str]:
    """Run a style file on noise of (height, width): {"seconds": of a frame, "peak_megabytes": of the process's memory above what
    it held before the first frame, "provider": cpu or cuda}. The peak does not include GPU memory, and is unknown on Windows.

    Raises CostError.
    """
    command = [sys.executable, "-m", "export.measures.cost", str(style.resolve()), provider, *map(str, size)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with code {done.returncode}"]
        raise CostError(f"The time and memory of {style} can't be measured: {last[0]}.")
    return json.loads(done.stdout)


def _measure(path: str, provider: str, height: int, width: int) -> dict[str, float | str]:
    style = load_style(path)
    generator = Generator(style, provider)
    rng = np.random.default_rng(0)
    passes = {name: rng.random((height, width, p.channels), np.float32) for name, p in style.table.items()}
    before, seconds = reset_peak(), []
    while len(seconds) <= FRAMES and sum(seconds) < ENOUGH_SECONDS:
        started = time.perf_counter()
        stylize(generator, passes)
        seconds.append(time.perf_counter() - started)
    peak = {} if before is None else {"peak_megabytes": (peak_bytes() - before) / 1e6}
    return {"seconds": statistics.median(seconds[1:] or seconds), **peak, "provider": generator.provider}


def multiplications(model, height: int, width: int) -> float:
    """Multiply-and-add operations of the convolutions of an onnx.ModelProto for one frame (transposed ones are left out)."""
    inputs = {value.name: value.type.tensor_type.shape.dim[1].dim_value for value in model.graph.input}
    shapes = infer_shapes(model, inputs, model.graph.output[0].name, height, width)
    shapes |= {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    return float(sum(np.prod(shapes[conv.output[0]][2:]) * np.prod(shapes[conv.input[1]]) for conv in convolutions))


def reset_peak() -> int | None:
    """Reset peak_bytes() where the system can (Linux), and return its value now."""
    forget = Path("/proc/self/clear_refs")
    if forget.exists():
        forget.write_text("5")
    return peak_bytes()


def peak_bytes() -> int | None:
    """The most memory that this process has held so far; None where the system does not tell.

    On Linux getrusage() would include what the process copied from its parent before it started its own program; /proc does not.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    if find_spec("resource") is None:  # Windows
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(_measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    except (StyleError, ProviderError, MemoryError) as failure:
        sys.exit(" ".join(str(failure).split()) or "there is not enough memory")
