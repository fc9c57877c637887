"""Where and in which precision to train."""

from dataclasses import dataclass

import torch

from .config import TrainConfig
from .settings import TrainerError


class HardwareError(TrainerError):
    """The device asked for is not there."""


@dataclass(frozen=True)
class Hardware:
    device: torch.device
    dtype: torch.dtype
    """Of convolutions; everything else is float32."""

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
    fast = torch.cuda.is_bf16_supported() if cuda else torch.cpu._is_avx512_bf16_supported()
    half = config.precision == "bfloat16" or (config.precision == "auto" and fast)
    return Hardware(device, torch.bfloat16 if half else torch.float32)
