"""ONNX Runtime: what it runs on here, sessions, and single runs; the only file that imports onnxruntime."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from . import webgpu
from .half import halved
from .memory import ON_CUDA, cuda_driver
from .style import OUTPUT_NAME, Style, StyleError
from .tiles import round_up

PROVIDERS = {
    "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider", "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider", "webgpu": "WebGpuExecutionProvider", "cpu": "CPUExecutionProvider",
}  # fmt: skip
LABELS = {"cuda": "CUDA", "webgpu": "WebGPU", "tensorrt": "TensorRT", "directml": "DirectML", "coreml": "CoreML", "cpu": "CPU"}
CUDA_OPTIONS = {
    # A search per input shape costs seconds; the heuristic costs nothing and is close.
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
}
PRECISIONS = {"full": "Full", "tf32": "TF32", "half": "Half"}
"""How GPUs compute: with the 24 bits of float32; on CUDA, from NVIDIA's Ampere GPUs on, multiplying 11 of them on faster units;
or, on those of HALF, with 11 bits between the convolutions too, which halves what is moved through memory."""
HALF = ("cuda", "webgpu")
AUTO = ("cuda", "webgpu", "cpu")
"""What the provider "auto" tries, in this order."""
PROOF_SIDE = 48
"""Pixels of the square, at least, that a GPU's picture is compared with the CPU's on."""
PROOF_DIFFERENCE, PROOF_DIFFERENCE_HALF = 1e-2, 1e-1
"""Largest difference there, relative above 1: TF32 or half floats stay below, a convolution that is computed wrong far above."""
DEVICE_SEPARATOR = ":"
"""Stands in "cuda:NVIDIA RTX A4000" between a provider and the one of its devices that is wanted, by its name."""
CANCEL_SECONDS = 0.05
"""How often a run asks whether to stop."""


class Cancelled(Exception):
    """The caller's `cancel` asked to stop; there is no result."""


class ProviderError(RuntimeError):
    """The execution provider that was asked for can't run on this machine, or failed while running."""


def cuda_problem() -> str:
    """Why CUDA can't be used here, as a clause; empty if nothing speaks against it."""
    import ctypes

    import onnxruntime

    if PROVIDERS["cuda"] not in onnxruntime.get_available_providers():
        return "the installed ONNX Runtime has no CUDA provider; the CUDA package of GAN Style brings one"
    try:
        driver = cuda_driver()
    except OSError:
        return "no NVIDIA driver was found"
    count = ctypes.c_int(0)
    if driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return "the NVIDIA driver reports no usable GPU"
    return ""


def split_device(text: str) -> tuple[str, str]:
    """(provider, name of its device, empty for the one that it takes by itself) of what a Generator is told to run on."""
    provider, _, device = text.partition(DEVICE_SEPARATOR)
    return provider, device


def provider_problem(wanted: str, software: bool = False) -> str:
    """Why one of PROVIDERS, or the device of it that is named, can't be used here, as a clause; empty if nothing speaks
    against it.

    software: whether WebGPU may be computed on the CPU, if webgpu.SOFTWARE_VARIABLE asks for that.
    """
    import onnxruntime

    provider, device = split_device(wanted)
    problem = cuda_problem() if provider in ON_CUDA else webgpu.problem(onnxruntime, software) if provider == "webgpu" else ""
    if not problem and provider != "webgpu" and PROVIDERS[provider] not in onnxruntime.get_available_providers():
        problem = f"the installed ONNX Runtime has no {LABELS[provider]} provider"
    if not problem and device and device not in (names := device_names(provider, software)):
        known = f"there is {', '.join(names)}" if names else "its devices can't be chosen by name"
        problem = f"it has no device '{device}' here: {known}"
    return problem


def device_names(provider: str, software: bool = False) -> list[str]:
    """What the devices of a provider that can be used are called, the one that it takes first; empty if nobody tells. Of equal
    names the second ends in (2). software: see provider_problem()."""
    import ctypes

    import onnxruntime

    if provider == "webgpu":
        return list(webgpu.choices(onnxruntime, software))
    if provider not in ON_CUDA or cuda_problem():
        return []
    driver, count, name = cuda_driver(), ctypes.c_int(0), ctypes.create_string_buffer(256)
    driver.cuDeviceGetCount(ctypes.byref(count))
    named = (name.value.decode() if driver.cuDeviceGetName(name, len(name), n) == 0 else "GPU" for n in range(count.value))
    return webgpu.numbered(list(named))


def overwritten() -> str:
    """A sentence if several builds of ONNX Runtime share one folder, as those of two Blender extensions do: then the last one
    that was installed runs, with the files of the others in between; empty if all is well."""
    from importlib.metadata import distributions

    import onnxruntime

    running, module = Path(onnxruntime.__file__).resolve(), "onnxruntime/__init__.py"
    builds = {
        found.metadata["Name"]: found.version
        for found in distributions()  # of all folders, as that of the system's Python
        if Path(str(found.locate_file(module))).resolve() == running and module in map(str, found.files or ())
    }
    if len(builds) < 2 and onnxruntime.__version__ in (builds.values() or [onnxruntime.__version__]):
        return ""
    listed = ", ".join(f"{name} {version}" for name, version in sorted(builds.items()))
    return (
        f"Another extension has brought its own ONNX Runtime over this one's files ({listed}; {onnxruntime.__version__} runs): "
        "remove that extension, then install GAN Style again."
    )


def run_options(release: str):
    """RunOptions, with the device whose memory to give back; empty for none."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    if release:
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", release)
    return options


@contextmanager
def stopping(options, cancel: Callable[[], bool] | None) -> Iterator[None]:
    """Set the flag that ends a run with these RunOptions once cancel() agrees."""
    if cancel is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if cancel():
                options.terminate = True
                return
            over.wait(CANCEL_SECONDS)

    watcher = threading.Thread(target=watch, name="GAN Style cancel", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def run_bound(session, inputs: dict[str, np.ndarray], options, device: str = "cuda", number: int = 0) -> np.ndarray:
    """One upload for each pass, one run and one download. number: of the device, of several."""
    import onnxruntime

    binding = session.io_binding()
    for name, tensor in inputs.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(tensor, device, number))
    binding.bind_output(OUTPUT_NAME, device, number)
    session.run_with_iobinding(binding, options)
    return binding.copy_outputs_to_cpu()[0]


def runtime_errors() -> tuple[type[Exception], ...]:
    """ONNX Runtime's exceptions; they derive from Exception directly and share no base class of their own."""
    import onnxruntime.capi.onnxruntime_pybind11_state as state

    return (
        state.EPFail,
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoSuchFile,
        state.NotImplemented,
        state.RuntimeException,
    )


def open_session(style: Style, provider: str, threads: int, precision: str):
    """(InferenceSession, its provider, its precision, why that provider in sentences). Raises StyleError, ProviderError.

    provider: a name of PROVIDERS, DEVICE_SEPARATOR and a device's name after it if one is wanted, or "auto".
    """
    if provider == "cpu":
        return new_session(style, [PROVIDERS["cpu"]], threads), "cpu", "full", "The CPU was asked for."
    problems = []
    for asked in AUTO[:-1] if provider == "auto" else (provider,):
        but, (name, device) = "", split_device(asked)
        for wanted in _precisions(name, precision):
            session, problem = _open_on(style, asked, threads, wanted, software=provider != "auto")
            if session is not None:
                works = f"{LABELS[name]} works on {device or 'this machine'}{but}."
                return session, name, wanted, " ".join([*problems, works])
            but = f", but not in {wanted} precision: {problem}"
        problems.append(f"{LABELS[name]} can't be used: {problem}.")
    if provider != "auto":
        raise ProviderError(f"{problems[0]} Choose the provider auto or cpu, or mend the installation.")
    return new_session(style, [PROVIDERS["cpu"]], threads), "cpu", "full", " ".join(problems)


def _precisions(provider: str, wanted: str) -> tuple[str, ...]:
    """What to try on a provider, the first that works. TensorRT multiplies in TF32 and takes no orders."""
    if wanted == "half" and provider in HALF:
        return "half", "full"
    return ({"cuda": "tf32" if wanted == "tf32" else "full", "tensorrt": "tf32"}.get(provider, "full"),)


def _open_on(style: Style, asked: str, threads: int, precision: str, software: bool):
    """(InferenceSession on a GPU's provider, ""), or (None, why the provider can't be used, as a clause).
    asked: see split_device().

    Raises StyleError if ONNX Runtime refuses the graph on the CPU.
    """
    import onnxruntime

    provider, device = split_device(asked)
    if problem := provider_problem(asked, software) or (provider == "webgpu" and _mistaken(style)):
        return None, problem
    exact, style = style, halved(style) if precision == "half" else style
    if provider in ON_CUDA:
        onnxruntime.preload_dlls()
    place = {"device_id": str(device_names(provider).index(device))} if device and provider in ON_CUDA else {}
    options = CUDA_OPTIONS | place | {"use_tf32": str(int(precision == "tf32"))}
    first = (PROVIDERS[provider], place) if place else PROVIDERS[provider]
    chain = [first, *([(PROVIDERS["cuda"], options)] if provider in ON_CUDA else []), PROVIDERS["cpu"]]
    try:
        if provider == "webgpu":
            found = webgpu.choices(onnxruntime, software)
            if problem := webgpu.begin(device, found):
                return None, problem
            on = found[device or next(iter(found))]
            session = new_session(style, [], threads, on, webgpu.options(device, found))
        else:
            session = new_session(style, chain[1:] if provider == "cuda" else chain, threads)
    except (StyleError, RuntimeError) as error:
        return None, f"ONNX Runtime failed to start it ({error})"
    # ONNX Runtime falls back to the next provider in silence when a library is missing.
    if PROVIDERS[provider] not in session.get_providers():
        needed = "CUDA 13 and cuDNN 9 are needed" if provider == "cuda" else f"is {LABELS[provider]} installed?"
        return None, f"ONNX Runtime could not load its libraries ({needed})"
    if problem := _disagreement(exact, session, PROOF_DIFFERENCE_HALF if precision == "half" else PROOF_DIFFERENCE):
        return None, problem
    return session, ""


def _mistaken(style: Style) -> str:
    """Why the WebGPU plug-in can't be trusted with a style, as a clause; empty if nothing is known against it."""
    import onnx

    if names := webgpu.mistaken(onnx.load_model_from_string(style.content)):
        return f"it computes convolutions of such a number of channels wrongly ({', '.join(names[:3])}); export the style again"
    return ""


def _disagreement(style: Style, session, bearable: float = PROOF_DIFFERENCE) -> str:
    """Why a GPU's session can't be trusted, as a clause: on a small square its picture is not the CPU's."""
    rng, side = np.random.default_rng(0), round_up(PROOF_SIDE, style.alignment)
    square = {name: rng.random((1, channels, side, side), np.float32) for name, channels in style.inputs.items()}
    square |= {control.name: control.tensor(np.asarray(control.default), (side, side)) for control in style.controls}
    expected = new_session(style, [PROVIDERS["cpu"]], 1).run([OUTPUT_NAME], square)[0]
    try:
        with webgpu.turn:
            answer = session.run([OUTPUT_NAME], square)[0]
    except runtime_errors() as error:
        return f"it failed on a small picture ({str(error).splitlines()[0]})"
    answer, expected = np.asarray(answer), np.asarray(expected)
    difference = float((np.abs(answer - expected) / np.maximum(np.abs(expected), 1)).max())
    return "" if difference <= bearable else f"its picture differs from the CPU's by {difference:.2g}"


def new_session(style: Style, providers: list, threads: int, device=None, options: dict[str, str] | None = None):
    """An InferenceSession on the providers, tried in their order, or on a plug-in's device, with options for it. Raises
    StyleError if ONNX Runtime refuses the graph."""
    import onnxruntime

    session = onnxruntime.SessionOptions()
    session.intra_op_num_threads = threads
    # The memory pattern doubles the peak from the second frame on and saves no time (onnxruntime issue 14477).
    session.enable_mem_pattern = False
    session.log_severity_level = 4
    # Waiting threads must not spin beside Blender's own.
    session.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Else bytes that look like ONNX Runtime's own format as well would be read as that, unchecked.
    session.add_session_config_entry("session.load_model_format", "ONNX")
    if device is not None:
        session.add_provider_for_devices([device], options or {})
    try:
        return onnxruntime.InferenceSession(style.content, session, providers=providers or None)
    except runtime_errors() as error:
        raise StyleError(f"ONNX Runtime can't open the style file {style.path}: {error}") from error


def open_model(model) -> Callable[[dict[str, np.ndarray], list[str]], list[np.ndarray]]:
    """A function (inputs by name, names of outputs) -> outputs that runs an onnx.ModelProto which is no style, on the CPU.

    Opening and running raise StyleError if ONNX Runtime refuses the graph or fails.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=[PROVIDERS["cpu"]])
    except runtime_errors() as error:
        raise StyleError(f"ONNX Runtime can't open the model: {error}") from error

    def run(inputs: dict[str, np.ndarray], outputs: list[str]) -> list[np.ndarray]:
        try:
            return [np.asarray(result) for result in session.run(outputs, inputs)]
        except runtime_errors() as error:
            size = ", ".join(" x ".join(map(str, array.shape)) for array in inputs.values())
            raise StyleError(f"ONNX Runtime can't run the model on {size}: {error}") from error

    return run
