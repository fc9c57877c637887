"""Opens a style in ONNX Runtime and runs it on one tensor; the only file that imports onnxruntime."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property

import numpy as np

from .memory import ON_CUDA, cuda_driver, free_memory, used_memory
from .style import OUTPUT_NAME, Style, StyleError, input_channels
from .tiles import fit_window, round_up

PROVIDERS = {
    "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider", "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider", "cpu": "CPUExecutionProvider",
}  # fmt: skip
LABELS = {"cuda": "CUDA", "tensorrt": "TensorRT", "directml": "DirectML", "coreml": "CoreML", "cpu": "CPU"}
CUDA_OPTIONS = {
    # A search per input shape costs seconds; the heuristic costs nothing and is close.
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
}
PRECISIONS = {"full": "Full", "tf32": "TF32"}
"""How CUDA multiplies: with the 24 bits of float32, or, from NVIDIA's Ampere GPUs on, with 11 of them on faster units."""
PROBE_BYTES = 16 * 2**20
"""Size of the run that measures the memory of a pixel: much more than the process takes meanwhile, much less than a frame."""
CAUTION = 3
"""Times `pixel_bytes` that any measured graph took at most; taken for graphs that can't be measured on a small frame."""
CANCEL_SECONDS = 0.05
"""How often a run asks whether to stop."""


class Cancelled(Exception):
    """The caller's `cancel` asked to stop; there is no result."""


class ProviderError(RuntimeError):
    """The execution provider that was asked for can't run on this machine, or failed while running."""


class MemoryLimitError(ProviderError):
    """The style can't run on the frame within the memory limit."""


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


def provider_problem(provider: str) -> str:
    """Why one of PROVIDERS can't be used here, as a clause; empty if nothing speaks against it."""
    import onnxruntime

    problem = cuda_problem() if provider in ON_CUDA else ""
    if not problem and PROVIDERS[provider] not in onnxruntime.get_available_providers():
        problem = f"the installed ONNX Runtime has no {LABELS[provider]} provider"
    return problem


class Generator:
    """A style opened on an execution provider.

    provider: one of PROVIDERS, or "auto" for CUDA where it works and the CPU elsewhere. After opening, `provider` is the one in
    use, `reason` says in a sentence why it was chosen and `open_seconds` how long opening took.
    threads: CPU threads, 0 for one per core.
    memory_limit: bytes that a frame may take on the device, beyond its passes and the stylised frame; None for half of what
    is free. May be changed later.
    precision: one of PRECISIONS; elsewhere than on CUDA it is "full".

    Raises StyleError if ONNX Runtime refuses the graph, ProviderError if the provider asked for by name can't be used.
    """

    def __init__(
        self, style: Style, provider: str = "auto", threads: int = 0, memory_limit: int | None = None, precision: str = "full"
    ):
        if provider != "auto" and provider not in PROVIDERS:
            raise ProviderError(f"There is no provider '{provider}'; choose auto, {', '.join(PROVIDERS)}.")
        if not style.content:
            raise StyleError(f"The style '{style.name}' was not loaded from a file; open it with load_style().")
        started = time.perf_counter()
        self.style = style
        self.provider = "cuda" if provider == "auto" else provider
        self.reason = "The CPU was asked for." if provider == "cpu" else f"{LABELS[self.provider]} works on this machine."
        session, problem = _open(style, self.provider, threads, precision)
        if session is None:
            self.reason = f"{LABELS[self.provider]} can't be used: {problem}."
            if provider != "auto":
                raise ProviderError(f"{self.reason} Choose the provider auto or cpu, or mend the installation.")
            self.provider = "cpu"
            session = _session(style, [PROVIDERS["cpu"]], threads)
        self._session = session
        self.precision = precision if self.provider in ON_CUDA else "full"
        self.memory_limit = memory_limit or free_memory(self.provider) // 2
        self.most_pixels: int | None = None
        """The most that may be run at once, whatever the limit allows: less than what has failed for lack of memory."""
        self.open_seconds = time.perf_counter() - started

    def run(self, inputs: dict[str, np.ndarray], release: bool = False, cancel: Callable[[], bool] | None = None) -> np.ndarray:
        """Run the graph once: {pass name: (1, c, H, W) float32}, H and W multiples of the alignment, to (1, 3, H, W) float32.

        release: give the memory back afterwards, which costs a few percent of the time; otherwise the next run finds it there,
        but what ONNX Runtime keeps grows by up to a half over the first runs.
        cancel: asked again and again from another thread; the run stops at its next operator.
        Raises ProviderError if the provider fails, for example for lack of memory, Cancelled.
        """
        on_cuda = self.provider in ON_CUDA
        options = _run_options(("gpu:0" if on_cuda else "cpu:0") if release else "")
        try:
            with _stopping(options, cancel):
                if on_cuda:
                    return _run_bound(self._session, inputs, options)
                return np.asarray(self._session.run([OUTPUT_NAME], inputs, options)[0])
        except _runtime_errors() as error:
            if options.terminate:
                raise Cancelled from error
            size = " x ".join(str(n) for n in inputs["image"].shape[:1:-1])
            raise ProviderError(f"The style '{self.style.name}' failed on {self.provider} at {size} pixels: {error}") from error

    @cached_property
    def bytes_per_pixel(self) -> float:
        """Memory that run() takes for each pixel, its inputs and its result included.

        Measured in a small first run, since it includes layouts and gaps, which depend on the provider and the processor. ONNX
        Runtime keeps what it has once taken, so that it can be read afterwards.
        """
        least = self.style.pixel_bytes
        side = round_up(math.isqrt(PROBE_BYTES // least), self.style.alignment)
        inputs = {name: np.ones((1, input_channels(name), side, side), np.float32) for name in self.style.passes}
        before = used_memory(self.provider)
        try:
            self.run(inputs)
        except (ProviderError, MemoryError):
            return CAUTION * least
        taken = used_memory(self.provider) - before + sum(tensor.nbytes for tensor in inputs.values())
        return max(least, taken / side**2)

    def window(self, height: int, width: int) -> tuple[int, int]:
        """How much of a frame to run at once within the memory limit: (height, width), all multiples of the alignment.

        Raises MemoryLimitError if the smallest tile takes more, or the whole frame if the style can't be run in tiles.
        """
        style, most = self.style, self.most_pixels or height * width
        if most >= height * width and self.memory_limit - PROBE_BYTES >= CAUTION * style.pixel_bytes * height * width:
            return height, width  # it surely fits, and need not be measured
        area = min(most, max(0, int((self.memory_limit - PROBE_BYTES) / self.bytes_per_pixel)))
        if style.tiles_exact:
            least = 2 * round_up(style.receptive_radius, style.alignment) + style.alignment
            needed, at_once = min(height, least) * min(width, least), "even in tiles"
            window = fit_window(height, width, area, style.receptive_radius, style.alignment)
        else:
            needed, at_once = height * width, "because it must see the whole frame at once"
            window = (height, width) if needed <= area else None
        if window is None:
            megabytes, limit = (math.ceil(n / 1e6) for n in (needed * self.bytes_per_pixel + PROBE_BYTES, self.memory_limit))
            raise MemoryLimitError(
                f"The style '{style.name}' takes {megabytes} MB for {width} x {height} pixels, {at_once}, "
                f"but the memory limit is {limit} MB; raise it, or choose another style."
            )
        return window


def _run_options(release: str):
    """RunOptions, with the device whose memory to give back; empty for none."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    if release:
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", release)
    return options


@contextmanager
def _stopping(options, cancel: Callable[[], bool] | None) -> Iterator[None]:
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


def _run_bound(session, inputs: dict[str, np.ndarray], options, device: str = "cuda") -> np.ndarray:
    """One upload for each pass, one run and one download."""
    import onnxruntime

    binding = session.io_binding()
    for name, tensor in inputs.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(tensor, device, 0))
    binding.bind_output(OUTPUT_NAME, device)
    session.run_with_iobinding(binding, options)
    return binding.copy_outputs_to_cpu()[0]


def _runtime_errors() -> tuple[type[Exception], ...]:
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


def _open(style: Style, provider: str, threads: int, precision: str):
    """(InferenceSession on the provider, ""), or (None, why the provider can't be used, as a clause).

    Raises StyleError if ONNX Runtime refuses the graph on the CPU.
    """
    import onnxruntime

    if provider == "cpu":
        return _session(style, [PROVIDERS["cpu"]], threads), ""
    if problem := provider_problem(provider):
        return None, problem
    if provider in ON_CUDA:
        onnxruntime.preload_dlls()
    options = CUDA_OPTIONS | {"use_tf32": str(int(precision == "tf32"))}
    chain = [PROVIDERS[provider], *([(PROVIDERS["cuda"], options)] if provider in ON_CUDA else []), PROVIDERS["cpu"]]
    try:
        session = _session(style, chain[1:] if provider == "cuda" else chain, threads)
    except (StyleError, RuntimeError) as error:
        return None, f"ONNX Runtime failed to start it ({error})"
    # ONNX Runtime falls back to the next provider in silence when a library is missing.
    if PROVIDERS[provider] not in session.get_providers():
        needed = "CUDA 13 and cuDNN 9 are needed" if provider == "cuda" else f"is {LABELS[provider]} installed?"
        return None, f"ONNX Runtime could not load its libraries ({needed})"
    return session, ""


def _session(style: Style, providers: list, threads: int):
    """An InferenceSession on the providers, tried in their order. Raises StyleError if ONNX Runtime refuses the graph."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # The memory pattern doubles the peak from the second frame on and saves no time (onnxruntime issue 14477).
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    # Waiting threads must not spin beside Blender's own.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Else bytes that look like ONNX Runtime's own format as well would be read as that, unchecked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(style.content, options, providers=providers)
    except _runtime_errors() as error:
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
    except _runtime_errors() as error:
        raise StyleError(f"ONNX Runtime can't open the model: {error}") from error

    def run(inputs: dict[str, np.ndarray], outputs: list[str]) -> list[np.ndarray]:
        try:
            return [np.asarray(result) for result in session.run(outputs, inputs)]
        except _runtime_errors() as error:
            size = ", ".join(" x ".join(map(str, array.shape)) for array in inputs.values())
            raise StyleError(f"ONNX Runtime can't run the model on {size}: {error}") from error

    return run
