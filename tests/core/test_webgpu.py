"""What is known of the WebGPU plug-in, without a GPU."""

import sys
from enum import Enum
from types import ModuleType, SimpleNamespace

import onnx
import pytest

from core import webgpu
from core.style import SHIPPED

from .test_gpu import nine_channels


def test_every_shipped_style_can_be_trusted_there():
    for path in SHIPPED.glob("*.onnx"):
        assert webgpu.mistaken(onnx.load(path)) == [], path.stem


def test_padding_gives_a_valid_graph_with_channels_in_fours_once():
    model = nine_channels()
    assert webgpu.mistaken(model) == ["c"]
    assert webgpu.pad_channels(model) == 1 and webgpu.pad_channels(model) == 0
    onnx.checker.check_model(model, full_check=True)
    (weights,) = (t for t in model.graph.initializer if t.name == "w")
    assert list(weights.dims) == [3, 12, 3, 3] and webgpu.mistaken(model) == []


def runtime(*kinds):
    """An ONNX Runtime on a machine with such devices; each is a module of its own, as what one has registered is remembered."""
    names = Enum("Kind", ["CPU", "GPU"])
    found = [
        SimpleNamespace(
            ep_name="WebGpuExecutionProvider",
            device=SimpleNamespace(type=getattr(names, kind), vendor="Maker", device_id=7, metadata=metadata),
        )
        for kind, metadata in kinds
    ]
    machine = ModuleType("onnxruntime")
    machine.OrtHardwareDeviceType = names
    machine.get_ep_devices = lambda: found
    machine.register_execution_provider_library = lambda name, path: None
    return machine


@pytest.fixture
def plug_in(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime_ep_webgpu", SimpleNamespace(get_library_path=lambda: "plug-in"))


@pytest.mark.usefixtures("plug_in")
def test_real_gpus_come_first_and_software_only_when_it_is_asked_for(monkeypatch):
    machine = runtime(("CPU", {}), ("GPU", {"Discrete": "0"}), ("GPU", {"Discrete": "1", "Description": "Big GPU"}))
    monkeypatch.delenv(webgpu.SOFTWARE_VARIABLE, raising=False)
    assert [webgpu.device_name(d) for d in webgpu.devices(machine, software=True)] == ["Big GPU", "Maker 0x0007"]
    monkeypatch.setenv(webgpu.SOFTWARE_VARIABLE, "1")
    assert len(webgpu.devices(machine)) == 2
    assert webgpu.device_name(webgpu.devices(machine, software=True)[-1]) == "Maker 0x0007 (software)"


@pytest.mark.usefixtures("plug_in")
def test_a_machine_without_a_gpu_is_told_in_words(monkeypatch):
    monkeypatch.setenv(webgpu.SOFTWARE_VARIABLE, "1")
    assert "no GPU with Vulkan" in webgpu.problem(runtime(("CPU", {})))
    assert webgpu.problem(runtime(("CPU", {})), software=True) == ""


def test_a_missing_plug_in_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime_ep_webgpu", None)
    assert "onnxruntime-ep-webgpu is not installed" in webgpu.problem(runtime())
