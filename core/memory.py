"""Memory: what a graph needs for each pixel, and what the machine has."""

import ctypes
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .onnx_sizes import Sizes, constant_names, infer_sizes
from .onnx_work import multiplications, workspace
from .tiles import round_up

ON_CUDA = ("cuda", "tensorrt")
"""Providers whose memory is that of an NVIDIA GPU."""
UNTOLD_BYTES = 2 * 2**30
"""What counts as free on a GPU that tells nobody, as those of WebGPU: as much as the smallest of today's have to spare."""
SMALLEST, LARGEST = 256, 8192
"""Sides of the frames between which the memory of a graph is taken for a straight line."""
IN_PLACE = {"Abs", "Add", "Cast", "Clip", "Div", "Exp", "LeakyRelu", "Log", "Max", "Min", "Mul", "Neg", "Reciprocal", "Relu",
            "Sigmoid", "Sqrt", "Sub", "Sum", "Tanh"}  # fmt: skip
"""Operators whose result may lie where their input was, once nothing else needs that."""


@dataclass(frozen=True)
class FrameCost:
    """What a graph takes for a frame, whatever runs it."""

    fixed_bytes: int = 0
    pixel_bytes: int = 0
    """It holds `fixed_bytes` and `pixel_bytes` for each pixel at once."""
    longest: int = 0
    """Multiplications for each pixel of the operator that takes longest; see onnx_work.multiplications()."""

    def bytes(self, pixels: int) -> int:
        return self.fixed_bytes + self.pixel_bytes * pixels

    def pixels(self, limit: float) -> int:
        """How many can be run at once within so many bytes; below 0 if not even one can."""
        return int((limit - self.fixed_bytes) / max(self.pixel_bytes, 1))


def frame_cost(model, inputs: dict[str, int], output: str, alignment: int) -> FrameCost:
    """The most that the inputs, the results of a graph's operators and their workspaces hold at once, and its longest operator.

    The arguments are those of onnx_graph.check_graph(), which has accepted the graph: so each of these grows with the frame or
    not at all, and their largest sum lies below the straight line from a small frame to a large one. ONNX Runtime takes about
    this much or more: copies in another layout and gaps between results come on top. Weights do not count, not even if they are
    cast, which a runtime does once. Raises GraphError.
    """
    nodes = _in_running_order(model.graph.node, output)
    steps = list(_steps(nodes, constant_names(model), {*inputs, output}))
    low, high = (round_up(side, alignment) for side in (SMALLEST, LARGEST))
    sizes = [infer_sizes(model, inputs, output, side, side) for side in (low, high)]
    small, large = (_peak(steps, s, inputs) for s in sizes)
    per_pixel = (large - small) / (high**2 - low**2)
    longest = max((multiplications(node, sizes[1]) for node in nodes), default=0) / high**2
    return FrameCost(max(0, math.ceil(small - per_pixel * low**2)), math.ceil(per_pixel), math.ceil(longest))


def _steps(nodes: list, constant: set[str], kept: set[str]) -> Iterator[tuple]:
    """Of each node that does not follow from weights alone: itself, the results that it makes, and those that end with it."""
    last_use = {name: index for index, node in enumerate(nodes) for name in node.input}
    for index, node in enumerate(nodes):
        made = [name for name in node.output if name and name not in constant]
        ending = [n for n in dict.fromkeys(node.input) if n and last_use[n] == index and n not in constant and n not in kept]
        yield node, made, ending + [name for name in made if name not in last_use and name not in kept]


def _peak(steps: list[tuple], sizes: Sizes, inputs: Iterable[str]) -> int:
    """Bytes held at once while the nodes run in their order."""
    total = peak = sum(map(sizes.bytes, inputs))
    for node, made, ending in steps:
        first = sizes.bytes(made[0]) if made else 0
        reused = node.op_type in IN_PLACE and any(sizes.bytes(name) == first for name in ending if name not in made)
        total += sum(map(sizes.bytes, made))
        peak = max(peak, total - reused * first + (workspace(node, sizes) if made else 0))
        total -= sum(map(sizes.bytes, ending))
    return peak


def _in_running_order(nodes, output: str) -> list:
    """The nodes that the output needs, as ONNX Runtime runs them: depth first from the output, and of what a node
    takes, what comes last in the file first (Graph::ReverseDFSFrom in its source)."""
    makers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    order, entered, stack = [], set(), [(makers[output], False)]
    while stack:
        index, complete = stack.pop()
        if complete:
            order.append(nodes[index])
        elif index not in entered:
            entered.add(index)
            stack.append((index, True))
            stack += sorted((makers[name], False) for name in set(nodes[index].input) if name in makers)
    return order


def free_memory(provider: str, number: int = 0) -> int:
    """Bytes that the provider's device has free: of those ON_CUDA, that of the GPU of this number, else the machine's. A GPU that
    does not tell counts as one of UNTOLD_BYTES."""
    import psutil  # here, so that importing core stays light

    if provider == "webgpu":
        return UNTOLD_BYTES
    if provider in ON_CUDA:
        free = _free_on_cuda(number)
        return UNTOLD_BYTES if free is None else free
    return psutil.virtual_memory().available


def return_freed() -> None:
    """Have the C library return freed memory to the system: glibc keeps pieces of up to 32 MB (mallopt(3)), and tiles would leave
    several of that size behind."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def cuda_driver() -> ctypes.CDLL:
    """NVIDIA's driver, initialised as far as it can be. Raises OSError if there is none."""
    driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    driver.cuInit(0)
    return driver


def _free_on_cuda(number: int) -> int | None:
    """Free bytes of a GPU, asked in the context that ONNX Runtime uses too (CUDA Driver API, cuMemGetInfo); None if the
    driver does not tell."""
    driver, device, context = cuda_driver(), ctypes.c_int(), ctypes.c_void_p()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    if driver.cuDeviceGet(ctypes.byref(device), number) or driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device):
        return None
    try:
        if driver.cuCtxPushCurrent_v2(context):
            return None
        failed = driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))
        driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
        return None if failed else free.value
    finally:
        driver.cuDevicePrimaryCtxRelease_v2(device)
