"""What is known of the WebGPU plug-in, without a GPU."""

import sys
from enum import Enum
from types import ModuleType, SimpleNamespace

import onnx
import pytest

from core import Generator, ProviderError, load_style, webgpu
from core.style import SHIPPED
from tests.conftest import FIXTURES

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


LAPTOP = ("GPU", {"Discrete": "0", "Description": "Small GPU"}), ("GPU", {"Discrete": "1", "Description": "Big GPU"})


@pytest.mark.usefixtures("plug_in")
def test_one_gpu_of_each_kind_can_be_chosen_and_those_of_a_kind_share_a_name(monkeypatch):
    """The plug-in takes a kind, by powerPreference, and then the first that it finds of it."""
    found = webgpu.choices(runtime(*LAPTOP))
    assert list(found) == ["Big GPU", "Small GPU"]
    assert [webgpu.options(name, found)["powerPreference"] for name in found] == ["high-performance", "low-power"]
    assert webgpu.options("", found) == {}
    twins = runtime(LAPTOP[1], LAPTOP[1], ("GPU", {"Discrete": "1", "Description": "Old GPU"}), LAPTOP[0])
    assert list(webgpu.choices(twins)) == ["Big GPU or Old GPU", "Small GPU"]
    alone = webgpu.choices(runtime(LAPTOP[1]))
    assert webgpu.options("Big GPU", alone) == {}
    alike = runtime(("GPU", {"Discrete": "0", "Description": "GPU"}), ("GPU", {"Discrete": "1", "Description": "GPU"}))
    assert list(webgpu.choices(alike)) == ["GPU", "GPU (2)"], "the second of equal names is the one that shares memory"


@pytest.mark.usefixtures("plug_in")
def test_the_gpu_that_a_process_began_on_stays(monkeypatch):
    found = webgpu.choices(runtime(*LAPTOP))
    monkeypatch.setattr(webgpu, "_begun", {})
    assert webgpu.begin("Small GPU", found) == "" and webgpu.begin("", found) == ""
    assert webgpu.begin("Big GPU", found) == "this process computes on Small GPU already; start it again to change to Big GPU"
    monkeypatch.setattr(webgpu, "_begun", {})
    assert webgpu.begin("", found) == "" and webgpu.begin("Big GPU", found) == "", "unasked it took that one"


@pytest.mark.usefixtures("plug_in")
def test_a_chosen_gpu_is_what_a_session_is_opened_on(monkeypatch):
    machine, opened = runtime(*LAPTOP), []
    for name in ("OrtHardwareDeviceType", "get_ep_devices"):
        monkeypatch.setattr(f"onnxruntime.{name}", getattr(machine, name))
    monkeypatch.setattr(webgpu, "_register", lambda onnxruntime: "")
    monkeypatch.setattr(webgpu, "_begun", {})
    monkeypatch.setattr("core.runtime._disagreement", lambda *_: "")

    def session(style, providers, threads, device, options):
        opened.append((webgpu.device_name(device), options))
        return SimpleNamespace(get_providers=lambda: ["WebGpuExecutionProvider"])

    monkeypatch.setattr("core.runtime.new_session", session)
    style = load_style(FIXTURES / "swap.onnx")
    generator = Generator(style, "webgpu:Small GPU")
    assert opened == [("Small GPU", {"powerPreference": "low-power"})]
    assert (generator.provider, generator.device) == ("webgpu", "Small GPU")
    assert generator.reason == "WebGPU works on Small GPU."
    with pytest.raises(ProviderError, match="it has no device 'Gone GPU' here: there is Big GPU, Small GPU. Choose"):
        Generator(style, "webgpu:Gone GPU")
    with pytest.raises(ProviderError, match="computes on Small GPU already; start it again to change to Big GPU"):
        Generator(style, "webgpu:Big GPU")
    assert len(opened) == 1


@pytest.mark.usefixtures("plug_in")
def test_a_machine_without_a_gpu_is_told_in_words(monkeypatch):
    monkeypatch.setenv(webgpu.SOFTWARE_VARIABLE, "1")
    assert "no GPU with Vulkan" in webgpu.problem(runtime(("CPU", {})))
    assert webgpu.problem(runtime(("CPU", {})), software=True) == ""


def test_a_missing_plug_in_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime_ep_webgpu", None)
    assert "onnxruntime-ep-webgpu is not installed" in webgpu.problem(runtime())
