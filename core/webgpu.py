"""WebGPU: the GPUs of every maker, by a plug-in beside the plain ONNX Runtime (Vulkan, Direct3D 12 or Metal).

The functions that need ONNX Runtime are handed it by runtime.py, the one file that imports it.
"""

import os
import threading
from functools import cache

NAME = "GAN Style WebGPU"
"""Under which the plug-in is registered with ONNX Runtime, once in a process."""
SOFTWARE_VARIABLE = "ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER"
"""The plug-in's own environment variable: with 1 it also takes Vulkan drivers that compute on the CPU; for tests."""
BUFFER_BYTES = 128 * 2**20
"""What every device takes in one buffer (WebGPU, maxStorageBufferBindingSize)."""
LANES = 4
"""Channels that its convolutions take at once."""
WRONG = 3
"""Version 0.4.0 takes channels by threes where their number is a multiple of that and not of LANES, and then computes kernels
larger than 1x1 wrongly: with 6, 9, 15, 18, 21 or 27 input channels errors are as large as the values; 3 alone are right."""
_begun: dict[str, str] = {}
"""Under "name", the choice that this process computes on."""
turn = threading.Lock()
"""Held while a session runs: all of a process share one queue of commands, which takes those of one run at a time."""


@cache
def _register(onnxruntime) -> str:
    """Load the plug-in into ONNX Runtime. Returns why it can't be, as a clause, or nothing."""
    try:
        import onnxruntime_ep_webgpu
    except ImportError:
        return "the plug-in onnxruntime-ep-webgpu is not installed"
    try:
        onnxruntime.register_execution_provider_library(NAME, onnxruntime_ep_webgpu.get_library_path())
    except (RuntimeError, onnxruntime.capi.onnxruntime_pybind11_state.Fail) as error:
        return f"its plug-in does not load ({str(error).splitlines()[0]})"
    return ""


def devices(onnxruntime, software: bool = False) -> list:
    """The plug-in's OrtEpDevices on this machine: real GPUs, those with memory of their own first.

    software: also adapters that compute on the CPU, if SOFTWARE_VARIABLE asks for them.
    """
    if _register(onnxruntime):
        return []
    kind = onnxruntime.OrtHardwareDeviceType
    found = [d for d in onnxruntime.get_ep_devices() if d.ep_name == "WebGpuExecutionProvider"]
    wanted = [kind.GPU] + [kind.CPU] * (software and os.environ.get(SOFTWARE_VARIABLE) == "1")
    return sorted((d for d in found if d.device.type in wanted), key=lambda d: (wanted.index(d.device.type), not _is_discrete(d)))


def _is_discrete(device) -> bool:
    return device.device.metadata.get("Discrete") == "1"


def choices(onnxruntime, software: bool = False) -> dict[str, object]:
    """What can be chosen, by name, the one that is taken unasked first: an OrtEpDevice of each kind, GPUs with memory of their
    own and GPUs that share the machine's. Version 0.4 can be told a kind, but not which GPU of that kind (pull request 32319 of
    ONNX Runtime will change that), so all of a kind share one name. software: see devices()."""
    kinds: dict[bool, list] = {}
    for device in devices(onnxruntime, software):
        kinds.setdefault(_is_discrete(device), []).append(device)
    names = [" or ".join(dict.fromkeys(map(device_name, kind))) for kind in kinds.values()]
    return dict(zip(numbered(names), (kind[0] for kind in kinds.values()), strict=True))


def numbered(names: list[str]) -> list[str]:
    """Names that tell devices apart: of equal ones the second ends in (2), and so on."""
    return [f"{name} ({count})" if (count := names[: n + 1].count(name)) > 1 else name for n, name in enumerate(names)]


def options(name: str, found: dict[str, object]) -> dict[str, str]:
    """The plug-in's options by which it takes a device of choices(); none if it would anyway."""
    if not name or len(found) == 1:
        return {}
    return {"powerPreference": "high-performance" if _is_discrete(found[name]) else "low-power"}


def begin(name: str, found: dict[str, object]) -> str:
    """Compute on a device of choices() from now on, empty for whichever. Returns why that can't be, as a clause, or nothing: all
    sessions of a process share the device of the first one, whatever they ask for (WebGpuContext::Initialize in the source)."""
    begun = _begun.setdefault("name", name or next(iter(found)))
    return f"this process computes on {begun} already; start it again to change to {name}" if name not in ("", begun) else ""


def most_pixels(pixel_bytes: int) -> int:
    """How many pixels fit, whatever their results are, into the smallest buffer that every WebGPU device must take."""
    return BUFFER_BYTES // pixel_bytes


def device_name(device) -> str:
    """What to call a device in the preferences: as its maker does, if that is known."""
    hardware = device.device
    name = hardware.metadata.get("Description") or f"{hardware.vendor or 'GPU'} {hardware.device_id:#06x}"
    return f"{name} (software)" if hardware.type.name == "CPU" else name


def problem(onnxruntime, software: bool = False) -> str:
    """Why WebGPU can't be used here, as a clause; empty if nothing speaks against it. software: see devices()."""
    found = _register(onnxruntime) or devices(onnxruntime, software)
    return found if isinstance(found, str) else "" if found else "no GPU with Vulkan, Direct3D 12 or Metal was found"


def mistaken(model) -> list[str]:
    """Names of the convolutions of an onnx.ModelProto that the plug-in computes wrongly."""
    shapes = _weights(model)
    return [node.output[0] for node in model.graph.node if _is_mistaken(node, shapes)]


def _weights(model) -> dict[str, list[int]]:
    """Name -> shape of the constants, by the name under which they are used after a Cast too."""
    shapes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    casts = ((node.output[0], node.input[0]) for node in model.graph.node if node.op_type == "Cast")
    return shapes | {name: shapes[source] for name, source in casts if source in shapes}


def _is_mistaken(node, shapes: dict[str, list[int]]) -> bool:
    if node.op_type != "Conv" or node.input[1] not in shapes:
        return False
    channels, *kernel = shapes[node.input[1]][1:]
    grouped = any(a.name == "group" and a.i != 1 for a in node.attribute)
    return not grouped and channels > WRONG and channels % WRONG == 0 and channels % LANES != 0 and max(kernel) > 1


def pad_channels(model) -> int:
    """Give such convolutions input channels that count for nothing, up to a multiple of LANES; returns how many were mended.

    Each sees some of its first channels again, with weights of 0, so the picture stays the same bit for bit.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    shapes, nodes, mended = _weights(model), [], 0
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    source = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Cast"}
    for node in model.graph.node:
        if _is_mistaken(node, shapes):
            tensor = constants[source.get(node.input[1], node.input[1])]
            weights = numpy_helper.to_array(tensor)
            more = -weights.shape[1] % LANES
            wide = np.pad(weights, [(0, 0), (0, more), *[(0, 0)] * (weights.ndim - 2)])
            tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))
            part, joined = (f"{node.input[0]}.{name}" for name in ("again", "padded"))
            bounds = {f"{part}.{name}": value for name, value in (("start", 0), ("end", more), ("axis", 1))}
            for name, value in bounds.items():
                model.graph.initializer.append(numpy_helper.from_array(np.array([value], np.int64), name))
            nodes.append(helper.make_node("Slice", [node.input[0], *bounds], [part]))
            nodes.append(helper.make_node("Concat", [node.input[0], part], [joined], axis=1))
            node.input[0] = joined
            mended += 1
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return mended
