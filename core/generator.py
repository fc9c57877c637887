"""Opens a style in ONNX Runtime and runs it on one tensor; the only file that imports onnxruntime."""

import ctypes
import sys
import time

import numpy as np

from .style import OUTPUT_NAME, Style, StyleError

PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}


class ProviderError(RuntimeError):
    """The execution provider that was asked for can't run on this machine, or failed while running."""


def cuda_problem() -> str:
    """Why CUDA can't be used here, as a clause; empty if nothing speaks against it."""
    import onnxruntime

    if PROVIDERS["cuda"] not in onnxruntime.get_available_providers():
        return "the installed ONNX Runtime has no CUDA provider"
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return "no NVIDIA driver was found"
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return "the NVIDIA driver reports no usable GPU"
    return ""


class Generator:
    """A style opened on an execution provider.

    provider: "cuda", "cpu", or "auto" for CUDA where it works and the CPU elsewhere. After opening, `provider` is the one in
    use ("cuda" or "cpu"), `reason` says in a sentence why it was chosen and `open_seconds` how long opening took.
    threads: CPU threads, 0 for one per core.

    Raises StyleError if ONNX Runtime refuses the graph, ProviderError if the provider asked for by name can't be used.
    """

    def __init__(self, style: Style, provider: str = "auto", threads: int = 0):
        if provider != "auto" and provider not in PROVIDERS:
            raise ProviderError(f"There is no provider '{provider}'; choose auto, {' or '.join(PROVIDERS)}.")
        if style.path is None:
            raise StyleError(f"The style '{style.name}' was not loaded from a file; open it with load_style().")
        started = time.perf_counter()
        self.style = style
        problem = cuda_problem() if provider != "cpu" else ""
        self._session = None
        if provider != "cpu" and not problem:
            self._session, problem = _open_cuda(style, threads)
        if self._session is not None:
            self.provider, self.reason = "cuda", "CUDA works on this machine."
        elif provider == "cuda":
            raise ProviderError(f"CUDA can't be used: {problem}. Choose the provider auto or cpu, or mend the CUDA installation.")
        else:
            self._session = _open(style, [PROVIDERS["cpu"]], threads)
            self.provider = "cpu"
            self.reason = "The CPU was asked for." if provider == "cpu" else f"CUDA can't be used: {problem}."
        self.open_seconds = time.perf_counter() - started

    def run(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Run the graph once: {pass name: (1, c, H, W) float32}, H and W multiples of the alignment, to (1, 3, H, W) float32.

        Raises ProviderError if the provider fails, for example for lack of memory.
        """
        try:
            return self._session.run([OUTPUT_NAME], inputs)[0]
        except _runtime_errors() as error:
            size = " x ".join(str(n) for n in inputs["image"].shape[:1:-1])
            raise ProviderError(f"The style '{self.style.name}' failed on {self.provider} at {size} pixels: {error}") from error


def _runtime_errors() -> tuple[type[Exception], ...]:
    """ONNX Runtime's exceptions; they derive from Exception directly and share no base class of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.EPFail, state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile,
        state.NotImplemented, state.RuntimeException,
    )


def _open(style: Style, providers: list, threads: int):
    """An InferenceSession on the providers. Raises StyleError if ONNX Runtime refuses the graph."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # The memory pattern doubles the peak from the second frame on and saves no time (onnxruntime issue 14477).
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    # Waiting threads must not spin beside Blender's own.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(style.path), options, providers=providers)
    except _runtime_errors() as error:
        raise StyleError(f"ONNX Runtime can't open the style file {style.path}: {error}") from error


def _open_cuda(style: Style, threads: int):
    """(session, "") on CUDA, or (None, what went wrong)."""
    import onnxruntime

    onnxruntime.preload_dlls()
    # A search per input shape costs seconds; the heuristic costs nothing and is close.
    cuda = (PROVIDERS["cuda"], {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"})
    try:
        session = _open(style, [cuda, PROVIDERS["cpu"]], threads)
    except (StyleError, RuntimeError) as error:
        return None, f"ONNX Runtime failed to start it ({error})"
    # ONNX Runtime falls back to the CPU in silence when a CUDA library is missing.
    if PROVIDERS["cuda"] not in session.get_providers():
        return None, "ONNX Runtime could not load its CUDA libraries (CUDA 13 and cuDNN 9 are needed)"
    return session, ""
