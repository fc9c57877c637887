"""A style opened on a device: runs it on one tensor, and knows how much of a frame fits at once."""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np

from . import webgpu
from .memory import ON_CUDA, free_memory
from .runtime import (
    PROVIDERS,
    Cancelled,
    ProviderError,
    device_names,
    open_session,
    run_bound,
    run_options,
    runtime_errors,
    split_device,
    stopping,
)  # fmt: skip
from .style import OUTPUT_NAME, Style, StyleError
from .tiles import fit_window, round_up

SPARE_BYTES = 16 * 2**20
"""What a run may take beyond what its pixels do."""
MARGIN, MARGIN_ELSEWHERE = 2.2, 3.0
"""Times what a graph holds that ONNX Runtime took at most on the CPU, of all graphs that were measured: copies in its own layout,
and gaps that grow over the first runs. Elsewhere convolutions choose workspaces besides."""
MOST_WORK, MOST_WORK_ELSEWHERE = 2**40, 2**44
"""Multiplications of one operator, about ten seconds of two CPU cores, within which a run can't be stopped."""


class MemoryLimitError(ProviderError):
    """The style can't run on the frame within the memory limit."""


class Generator:
    """A style opened on an execution provider.

    provider: one of PROVIDERS, or "auto" for the first of AUTO that works; behind a colon the name of its device, one of
    runtime.device_names(), if there are several. On a GPU, the picture of a small square is compared with the CPU's first, and
    a GPU that computes another one is not used. After opening, `provider` is the one in use and `device` the name behind the
    colon, `reason` says in a sentence why it was chosen and `open_seconds` how long opening took.
    threads: CPU threads, 0 for one per core.
    memory_limit: bytes that a frame may take on the device, beyond its passes and the stylised frame; None for half of what
    is free. May be changed later.
    precision: one of PRECISIONS; after opening, the one in use: "full" where the device has not the one that was asked for, but
    TensorRT multiplies in TF32 and takes no orders.

    Raises StyleError if ONNX Runtime refuses the graph, ProviderError if the provider asked for by name can't be used.
    """

    def __init__(
        self, style: Style, provider: str = "auto", threads: int = 0, memory_limit: int | None = None, precision: str = "full"
    ):
        name, self.device = split_device(provider)
        if provider != "auto" and name not in PROVIDERS:
            raise ProviderError(f"There is no provider '{provider}'; choose auto, {', '.join(PROVIDERS)}.")
        if not style.content:
            raise StyleError(f"The style '{style.name}' was not loaded from a file; open it with load_style().")
        started = time.perf_counter()
        self.style = style
        self._session, self.provider, self.precision, self.reason = open_session(style, provider, threads, precision)
        self._number = device_names(self.provider).index(self.device) if self.device and self.provider in ON_CUDA else 0
        self.memory_limit = memory_limit or free_memory(self.provider, self._number) // 2
        self.most_pixels: int | None = webgpu.most_pixels(style.cost.pixel_bytes) if self.provider == "webgpu" else None
        """The most that may be run at once, whatever the limit allows: less than what has failed for lack of memory."""
        self.open_seconds = time.perf_counter() - started

    def run(self, inputs: dict[str, np.ndarray], release: bool = False, cancel: Callable[[], bool] | None = None) -> np.ndarray:
        """Run the graph once: {input: (1, c, H, W) float32}, H and W multiples of the alignment, to (1, 3, H, W) float32.

        release: give the memory back afterwards, which costs a few percent of the time; otherwise the next run finds it there,
        but what ONNX Runtime keeps grows by up to a half over the first runs.
        cancel: asked again and again from another thread; the run stops at its next operator.
        Raises ProviderError if the provider fails, for example for lack of memory, Cancelled.
        """
        on_cuda = self.provider in ON_CUDA
        options = run_options((f"gpu:{self._number}" if on_cuda else "cpu:0") if release else "")
        try:
            with stopping(options, cancel), webgpu.turn if self.provider == "webgpu" else nullcontext():
                if on_cuda:
                    return run_bound(self._session, inputs, options, number=self._number)
                return np.asarray(self._session.run([OUTPUT_NAME], inputs, options)[0])
        except runtime_errors() as error:
            if options.terminate:
                raise Cancelled from error
            size = " x ".join(str(n) for n in inputs["image"].shape[:1:-1])
            raise ProviderError(f"The style '{self.style.name}' failed on {self.provider} at {size} pixels: {error}") from error

    def bytes(self, pixels: int) -> int:
        """Memory that run() may take for so many pixels, its inputs and its result included; from the graph, for beside
        Blender's other threads nothing can be measured."""
        return math.ceil(self._margin * self.style.cost.bytes(pixels)) + SPARE_BYTES

    @property
    def _margin(self) -> float:
        return MARGIN if self.provider == "cpu" else MARGIN_ELSEWHERE

    def window(self, height: int, width: int) -> tuple[int, int]:
        """How much of a frame to run at once within the memory limit, and so that the run can be stopped: (height, width), all
        multiples of the alignment.

        Raises MemoryLimitError if the smallest tile takes more, or the whole frame if the style can't be run in tiles;
        ProviderError if such a frame is so large that an operator could not be stopped.
        """
        style = self.style
        in_memory = style.cost.pixels((self.memory_limit - SPARE_BYTES) / self._margin)
        in_time = (MOST_WORK if self.provider == "cpu" else MOST_WORK_ELSEWHERE) // max(style.cost.longest, 1)
        area = min(self.most_pixels or height * width, in_memory)
        if style.tiles_exact:
            least = 2 * round_up(style.receptive_radius, style.alignment) + style.alignment
            needed, at_once = min(height, least) * min(width, least), "even in tiles"
            window = fit_window(height, width, min(area, max(in_time, needed)), style.receptive_radius, style.alignment)
        else:
            needed, at_once = height * width, "because it must see the whole frame at once"
            window = (height, width) if needed <= area else None
        if window is None:
            megabytes, limit = (math.ceil(n / 1e6) for n in (self.bytes(needed), self.memory_limit))
            raise MemoryLimitError(
                f"The style '{style.name}' takes {megabytes} MB for {width} x {height} pixels, {at_once}, "
                f"but the memory limit is {limit} MB; raise it, or choose another style."
            )
        if not style.tiles_exact and needed > in_time:
            raise ProviderError(
                f"The style '{style.name}' must see the whole frame at once, and one of its operators would take so long for "
                f"{width} x {height} pixels that it could not be stopped; render smaller, or choose another style."
            )
        return window
