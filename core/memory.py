"""Memory: what a graph needs for each pixel, and what the machine has."""

import ctypes
import math
import sys

from .onnx_graph import infer_shapes

ON_CUDA = ("cuda", "tensorrt")
"""Providers whose memory is that of an NVIDIA GPU."""
WEBGPU_BYTES = 2 * 2**30
"""What counts as free on a WebGPU device, which tells nobody: as much as the smallest of today's GPUs have to spare."""
SIDE = 1024
IN_PLACE = {"Abs", "Add", "Cast", "Clip", "Div", "Exp", "LeakyRelu", "Log", "Max", "Min", "Mul", "Neg", "Reciprocal", "Relu",
            "Sigmoid", "Sqrt", "Sub", "Sum", "Tanh"}  # fmt: skip
"""Operators whose result may lie where their input was, once nothing else needs that."""


def bytes_per_pixel(model, inputs: dict[str, int], output: str, alignment: int) -> int:
    """The most that the inputs and the results of a graph's operators hold at once, in bytes per pixel of the frame.

    The arguments are those of graph.check_graph(), which has accepted the graph. ONNX Runtime takes about this much or more:
    copies in another layout and gaps between results come on top. Weights do not count, not even if they are cast, which a
    runtime does once. Raises GraphError.
    """
    side = math.lcm(SIDE, alignment)
    shapes = infer_shapes(model, inputs, output, side, side)
    constant = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if constant.issuperset(node.input):
            constant.update(node.output)
    sizes = {name: 4 * math.prod(shape) for name, shape in shapes.items() if name not in constant}
    nodes = _in_running_order(model.graph.node, output)
    last_use = {name: index for index, node in enumerate(nodes) for name in node.input}
    last_use |= dict.fromkeys([*inputs, output], len(nodes))
    held = {name: sizes[name] for name in inputs}
    peak = sum(held.values())
    for index, node in enumerate(nodes):
        ending = [name for name in dict.fromkeys(node.input) if name in held and last_use[name] == index]
        for name in node.output:
            held[name] = sizes.get(name, 0)
        reused = node.op_type in IN_PLACE and any(held[name] == held[node.output[0]] for name in ending)
        peak = max(peak, sum(held.values()) - reused * held[node.output[0]])
        for name in ending:
            del held[name]
    return math.ceil(peak / side**2)


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


def free_memory(provider: str) -> int:
    """Bytes that the provider's device has free: that of the GPU for those ON_CUDA, else the machine's."""
    import psutil  # here, so that importing core stays light

    if provider == "webgpu":
        return WEBGPU_BYTES
    return _cuda_memory()[0] if provider in ON_CUDA else psutil.virtual_memory().available


def used_memory(provider: str) -> int:
    """Bytes in use on the provider's device: by everyone on a GPU, else by this process."""
    import psutil

    if provider in ON_CUDA:
        free, total = _cuda_memory()
        return total - free
    return psutil.Process().memory_info().rss


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


def _cuda_memory() -> tuple[int, int]:
    """(free, total) bytes of the first GPU, asked in the context that ONNX Runtime uses too (CUDA Driver API, cuMemGetInfo)."""
    driver, device, context = cuda_driver(), ctypes.c_int(), ctypes.c_void_p()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    driver.cuDeviceGet(ctypes.byref(device), 0)
    driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device)
    driver.cuCtxPushCurrent_v2(context)
    driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))
    driver.cuCtxPopCurrent_v2(ctypes.byref(context))
    driver.cuDevicePrimaryCtxRelease_v2(device)
    return free.value, total.value
