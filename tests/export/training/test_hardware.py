import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from export.config import TrainConfig
from export.training import hardware
from export.training.hardware import Hardware, find_hardware, trusted

HALF = Hardware(torch.device("cpu"), torch.bfloat16)


@pytest.mark.parametrize("device, expected", [("cpu", torch.float32), ("auto", torch.bfloat16)])
def test_the_device_that_trains_is_asked_for_its_precision(monkeypatch, device, expected):
    """A GPU with bfloat16 beside a processor without it."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation=True: True)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: False)
    assert find_hardware(TrainConfig(Path(), Path(), device=device)).dtype == expected


def test_emulated_bfloat16_is_none(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert find_hardware(TrainConfig(Path(), Path())).dtype == torch.float32


def test_float32_is_not_tf32(monkeypatch):
    monkeypatch.setattr("torch.backends.cudnn.allow_tf32", True)
    find_hardware(TrainConfig(Path(), Path(), device="cpu", precision="float32"))
    assert not torch.backends.cudnn.allow_tf32


def test_right_convolutions_are_trusted_and_not_touched():
    networks = nn.Sequential(nn.Conv2d(3, 16, 3), nn.utils.parametrizations.spectral_norm(nn.Conv2d(16, 8, 4, stride=2)))
    before = {name: tensor.clone() for name, tensor in networks.state_dict().items()}
    assert trusted(HALF, [networks]) == HALF
    assert all(torch.equal(tensor, before[name]) for name, tensor in networks.state_dict().items())


def test_one_wrong_convolution_makes_the_run_exact(monkeypatch, caplog):
    def wrong(picture, weight, *rest):
        output = nn.functional.conv2d(picture, weight, *rest)
        return output.flip(-1) if output.dtype == torch.bfloat16 and weight.shape[1] == 12 else output

    monkeypatch.setattr(hardware, "conv2d", wrong)
    with caplog.at_level(logging.WARNING):
        assert trusted(HALF, [nn.Conv2d(10, 8, 3)]) == HALF and not caplog.messages
        assert trusted(HALF, [nn.Conv2d(10, 8, 3), nn.Conv2d(12, 8, 3)]).dtype == torch.float32
    assert "12 channels" in caplog.messages[0]


@pytest.mark.parametrize("channels", [8, 12])
def test_after_the_check_the_generators_front_is_right_on_this_machine(channels):
    torch.manual_seed(0)
    front, picture = nn.Conv2d(channels, 48, 8, stride=4, padding=2), torch.rand(1, channels, 64, 64)
    with torch.no_grad(), trusted(HALF, [front]).fast():
        found = front(picture).float()
    exact = front(picture)
    assert (found - exact).abs().mean() < 0.02 * exact.abs().mean()
