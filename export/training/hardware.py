"""Where and in which precision to train."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn.functional import conv2d

from ..config import TrainConfig
from ..settings import TrainerError

log = logging.getLogger(__name__)

SIDE = 64
"""Side in pixels of the picture that convolutions are tried on."""
ROUNDING = 0.05
"""Largest relative error of a convolution in bfloat16; a correct one has 0.003."""


class HardwareError(TrainerError):
    """The device asked for is not there."""


@dataclass(frozen=True)
class Hardware:
    device: torch.device
    dtype: torch.dtype
    """Precision of convolutions; everything else is float32."""

    def fast(self) -> torch.autocast:
        """A context whose convolutions run in the fast precision."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)


def find_hardware(config: TrainConfig) -> Hardware:
    """The device and precision that the settings name; auto takes CUDA, and bfloat16 where the hardware has it.

    Raises HardwareError if CUDA is asked for and missing.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    cuda = torch.cuda.is_available()
    if config.device == "cuda" and not cuda:
        raise HardwareError("PyTorch finds no CUDA device here; use --device auto or cpu.")
    device = torch.device("cuda" if cuda and config.device != "cpu" else "cpu")
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.cpu._is_avx512_bf16_supported()
    half = config.precision == "bfloat16" or (config.precision == "auto" and fast)
    if config.precision == "float32":  # else convolutions on CUDA round to the 11 bits of TF32
        torch.backends.cudnn.allow_tf32 = False
    return Hardware(device, torch.bfloat16 if half else torch.float32)


def trusted(hardware: Hardware, networks: Iterable[nn.Module]) -> Hardware:
    """The hardware, in float32 if a convolution like one of the networks' comes out wrong in its precision.

    PyTorch 2.13 does that on processors with AMX: kernels of 8 x 8 in strides of 4 over 8 or 12 channels give noise in bfloat16.
    """
    shapes = {
        (c.out_channels, c.in_channels // c.groups, *c.kernel_size, c.stride, c.padding, c.dilation, c.groups)
        for network in networks
        for c in network.modules()
        if isinstance(c, nn.Conv2d)
    }
    for *shape, stride, padding, dilation, groups in sorted(shapes):
        random = torch.Generator().manual_seed(0)
        weight, picture = (
            torch.randn(size, generator=random).to(hardware.device) for size in (shape, (1, shape[1] * groups, SIDE, SIDE))
        )
        exact = conv2d(picture, weight, None, stride, padding, dilation, groups)
        with hardware.fast():
            missed = (conv2d(picture, weight, None, stride, padding, dilation, groups).float() - exact).abs().mean()
        if missed > ROUNDING * exact.abs().mean():
            log.warning(
                "This machine gives wrong results in %s for a convolution of %d channels; training in float32, which is slower.",
                hardware.dtype,
                shape[1],
            )
            return replace(hardware, dtype=torch.float32)
    return hardware
