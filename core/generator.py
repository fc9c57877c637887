"""A style opened on a device: runs it on one tensor, and knows how much of a frame fits at once."""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property

import numpy as np

from . import webgpu
from .memory import ON_CUDA, free_memory, used_memory
from .runtime import (
    PROVIDERS,
    Cancelled,
    ProviderError,
    open_session,
    run_bound,
    run_options,
    runtime_errors,
    stopping,
)  # fmt: skip
from .style import OUTPUT_NAME, Style, StyleError, input_channels
from .tiles import fit_window, round_up

PROBE_BYTES = 16 * 2**20
"""Size of the run that measures the memory of a pixel: much more than the process takes meanwhile, much less than a frame."""
CAUTION = 3
"""Times `pixel_bytes` that any measured graph took at most; taken for graphs that can't be measured on a small frame."""


class MemoryLimitError(ProviderError):
    """The style can't run on the frame within the memory limit."""


class Generator:
    """A style opened on an execution provider.

    provider: one of PROVIDERS, or "auto" for the first of AUTO that works. On a GPU, the picture of a small square is compared
    with the CPU's first, and a GPU that computes another one is not used. After opening, `provider` is the one in
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
        self._session, self.provider, self.reason = open_session(style, provider, threads, precision)
        self.precision = precision if self.provider in ON_CUDA else "full"
        self.memory_limit = memory_limit or free_memory(self.provider) // 2
        self.most_pixels: int | None = webgpu.most_pixels(style.pixel_bytes) if self.provider == "webgpu" else None
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
        options = run_options(("gpu:0" if on_cuda else "cpu:0") if release else "")
        try:
            with stopping(options, cancel), webgpu.turn if self.provider == "webgpu" else nullcontext():
                if on_cuda:
                    return run_bound(self._session, inputs, options)
                return np.asarray(self._session.run([OUTPUT_NAME], inputs, options)[0])
        except runtime_errors() as error:
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
        if self.provider == "webgpu":
            return CAUTION * least  # nobody can be asked there
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
