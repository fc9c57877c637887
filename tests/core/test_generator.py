import shutil
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from core import Cancelled, Generator, ProviderError, StyleError, load_style
from core.half import halved
from core.runtime import PROVIDERS, cuda_problem, device_names, new_session, overwritten, provider_problem, run_bound, run_options
from tests.conftest import FIXTURES


@pytest.fixture(scope="module")
def swap():
    return load_style(FIXTURES / "swap.onnx")


def test_auto_takes_the_first_that_works_and_says_why_not_the_others(swap):
    """A software adapter is none of them, even where one may be asked for by name."""
    generator = Generator(swap)
    problems = {name: provider_problem(name) for name in ("cuda", "webgpu")}
    working = [name for name, problem in problems.items() if not problem]
    assert generator.provider == (working or ["cpu"])[0] and generator.reason.endswith(".") and generator.open_seconds > 0
    for name, problem in problems.items():
        assert not problem or problem in generator.reason or name != "cuda"


@pytest.mark.skipif(not cuda_problem(), reason="CUDA works here")
def test_cuda_by_name_is_an_error_without_cuda(swap):
    with pytest.raises(ProviderError, match="CUDA can't be used: .*auto or cpu"):
        Generator(swap, "cuda")


@pytest.mark.skipif(bool(cuda_problem()), reason=f"CUDA can't be used here: {cuda_problem()}")
def test_cuda_agrees_with_the_cpu(generators):
    image = np.random.default_rng(0).uniform(0, 2, (1, 3, 64, 96)).astype(np.float32)
    cuda = Generator(load_style(FIXTURES / "wide.onnx"), "cuda")
    np.testing.assert_allclose(cuda.run({"image": image}), generators["wide"].run({"image": image}), atol=2e-2)


def test_precision_is_what_cuda_is_told_and_the_cpu_ignores(swap, monkeypatch):
    told = {}

    def session(style, chain, threads):
        told.update(chain[:1])
        return Session(dict(chain[:1]))

    monkeypatch.setattr("core.runtime.provider_problem", lambda provider, software: "")
    monkeypatch.setattr("core.generator.free_memory", lambda provider, number: 10**9)
    monkeypatch.setattr("onnxruntime.preload_dlls", lambda: None)
    monkeypatch.setattr("core.runtime.new_session", session)
    monkeypatch.setattr("core.runtime._disagreement", lambda *_: "")
    for precision, flag in (("full", "0"), ("tf32", "1")):
        assert Generator(swap, "cuda", precision=precision).precision == precision
        assert told[PROVIDERS["cuda"]]["use_tf32"] == flag
    monkeypatch.setattr("core.runtime.new_session", lambda style, chain, threads: Session([chain[0]]))
    assert Generator(swap, "tensorrt", precision="full").precision == "tf32", "it has no setting for that"
    monkeypatch.undo()
    assert Generator(swap, "cpu", precision="tf32").precision == "full"


def test_half_precision_is_what_a_gpu_runs_or_else_full_with_the_reason(monkeypatch):
    wide, opened, verdicts = load_style(FIXTURES / "wide.onnx"), [], [""]
    monkeypatch.setattr("core.runtime.provider_problem", lambda provider, software: "")
    monkeypatch.setattr("core.generator.free_memory", lambda provider, number: 10**9)
    monkeypatch.setattr("onnxruntime.preload_dlls", lambda: None)
    monkeypatch.setattr(
        "core.runtime.new_session", lambda style, chain, threads: (opened.append(style.content), Session(dict(chain[:1])))[1]
    )
    monkeypatch.setattr("core.runtime._disagreement", lambda style, session, bearable: verdicts.pop())
    generator = Generator(wide, "cuda", precision="half")
    assert generator.precision == "half" and generator.reason == "CUDA works on this machine."
    assert opened == [halved(wide).content] and generator.style == wide
    verdicts[:] = ["", "it answers nonsense"]
    generator = Generator(wide, "cuda", precision="half")
    assert generator.precision == "full" and "but not in half precision: it answers nonsense." in generator.reason
    assert opened[1:] == [halved(wide).content, wide.content]
    monkeypatch.undo()
    assert Generator(wide, "cpu", precision="half").precision == "full"


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != "webgpu"])
def test_what_speaks_against_a_provider_is_what_opening_it_says(swap, provider):
    problem = provider_problem(provider)
    if problem:
        with pytest.raises(ProviderError) as error:
            Generator(swap, provider)
        assert problem in str(error.value)
    else:
        assert Generator(swap, provider).provider == provider


def test_an_unknown_provider_is_named(swap):
    with pytest.raises(ProviderError, match="'abacus'; choose auto, cuda, .*cpu"):
        Generator(swap, "abacus")


def test_a_style_without_a_file_is_refused(swap):
    with pytest.raises(StyleError, match="load_style"):
        Generator(replace(swap, content=b""), "cpu")


def test_a_graph_that_onnx_runtime_refuses_is_a_style_error(tmp_path):
    model = onnx.load(FIXTURES / "swap.onnx")
    model.graph.initializer[0].dims[1] = 1  # three times the data of the new shape: the checker does not look, the runtime does
    model.graph.initializer[0].dims[0] = 3
    refused = replace(load_style(FIXTURES / "swap.onnx"), path=tmp_path / "s.onnx", content=model.SerializeToString())
    with pytest.raises(StyleError, match="s.onnx"):
        Generator(refused, "cpu")


def test_what_was_checked_is_what_runs_whatever_becomes_of_the_file(tmp_path, generators):
    path = tmp_path / "s.onnx"
    path.write_bytes((FIXTURES / "swap.onnx").read_bytes())
    style = load_style(path)
    assert style.digest == sha256(path.read_bytes()).hexdigest()
    model = onnx.load(path)
    del model.metadata_props[:]
    model.graph.node[0].output[0] = "c"
    model.graph.node.append(onnx.helper.make_node("RandomNormalLike", ["c"], ["stylized"]))
    onnx.save(model, path)
    image = np.random.default_rng(0).uniform(0, 2, (1, 3, 6, 5)).astype(np.float32)
    np.testing.assert_array_equal(Generator(style, "cpu").run({"image": image}), generators["swap"].run({"image": image}))


def test_a_file_that_looks_like_onnx_runtimes_own_format_too_is_read_as_onnx(tmp_path, generators):
    """Protobuf lets a file begin with the name of its maker, and ONNX Runtime looks for "ORTM" behind the first four bytes."""
    path = tmp_path / "s.ort"
    path.write_bytes(b"\x12\x06xxORTM" + (FIXTURES / "swap.onnx").read_bytes())
    image = np.random.default_rng(0).uniform(0, 2, (1, 3, 6, 5)).astype(np.float32)
    opened = Generator(load_style(path), "cpu")
    np.testing.assert_array_equal(opened.run({"image": image}), generators["swap"].run({"image": image}))


def test_a_failing_run_is_a_provider_error(generators):
    with pytest.raises(ProviderError, match="'Normal' failed on cpu at 5 x 4"):
        generators["normal"].run({"image": np.zeros((1, 3, 4, 5), np.float32), "normal": np.zeros((1, 3, 3, 3), np.float32)})


def test_core_imports_neither_bpy_nor_torch_nor_the_runtime_before_it_is_needed():
    heavy = {"bpy", "torch", "onnx", "onnxruntime", "OpenEXR", "PIL", "av"}
    code = f"import sys, core; sys.exit(','.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("provider, label", [("directml", "DirectML"), ("coreml", "CoreML")])
def test_a_provider_that_is_not_installed_is_named(swap, monkeypatch, provider, label):
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ProviderError, match=f"{label} can't be used: the installed ONNX Runtime has no {label} provider"):
        Generator(swap, provider)


@pytest.mark.parametrize("provider", ["directml", "coreml"])
def test_an_installed_provider_is_opened_by_name_with_the_cpu_behind_it(swap, monkeypatch, provider):
    asked = []
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [*PROVIDERS.values()])
    monkeypatch.setattr("core.runtime._disagreement", lambda *_: "")
    monkeypatch.setattr("core.runtime.new_session", lambda style, chain, threads: asked.append(chain) or Session(chain))
    generator = Generator(swap, provider)
    assert asked == [[PROVIDERS[provider], "CPUExecutionProvider"]] and generator.provider == provider
    assert generator.reason.endswith("works on this machine.") and generator.memory_limit > 0


class Session:
    """What ONNX Runtime opens when all libraries are there."""

    def __init__(self, providers: list):
        self.get_providers = lambda: providers


@pytest.mark.skipif(not cuda_problem(), reason="CUDA works here")
def test_auto_goes_on_when_cuda_fails_to_start(swap, monkeypatch):
    monkeypatch.setattr("core.runtime.cuda_problem", lambda: "")
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [*PROVIDERS.values()])
    monkeypatch.setattr("onnxruntime.preload_dlls", lambda: None)
    generator = Generator(swap)
    assert generator.provider in ("webgpu", "cpu") and generator.reason.startswith("CUDA can't be used: ONNX Runtime")


def test_a_gpu_that_paints_another_picture_is_not_used(swap, monkeypatch):
    """Red and blue come out as they went in where the style swaps them."""

    class Wrong(Session):
        def run(self, outputs, inputs):
            return [inputs["image"]]

    real = new_session
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [*PROVIDERS.values()])
    monkeypatch.setattr(
        "core.runtime.new_session",
        lambda style, chain, threads: real(style, chain, threads) if chain == ["CPUExecutionProvider"] else Wrong(chain),
    )
    with pytest.raises(ProviderError, match="DirectML can't be used: its picture differs from the CPU's by"):
        Generator(swap, "directml")


def test_binding_gives_what_a_plain_run_gives(generators):
    image = {"image": np.random.default_rng(0).uniform(0, 2, (1, 3, 64, 96)).astype(np.float32)}
    for name in ("swap", "wide"):
        bound = run_bound(generators[name]._session, image, run_options(""), "cpu")
        np.testing.assert_array_equal(bound, generators[name].run(image))


def test_memory_that_is_given_back_changes_nothing(generators):
    image = {"image": np.random.default_rng(0).uniform(0, 2, (1, 3, 64, 96)).astype(np.float32)}
    np.testing.assert_array_equal(generators["wide"].run(image, release=True), generators["wide"].run(image))


def test_a_run_stops_in_the_middle_when_it_is_cancelled():
    """The shipped style on a frame that takes it seconds; afterwards the generator works as before."""
    generator = Generator(load_style(FIXTURES.parents[1] / "addon" / "styles" / "graphic_novel.onnx"), "cpu")
    frame = {"image": np.ones((1, 3, 2048, 2048), np.float32)}
    frame |= {knob.name: np.full((1, 1, 2048, 2048), knob.default, np.float32) for knob in generator.style.controls}
    with pytest.raises(Cancelled):
        generator.run(frame, cancel=lambda: True)
    small = {name: plane[..., :64, :64] for name, plane in frame.items()}
    np.testing.assert_array_equal(generator.run(small, cancel=lambda: False), generator.run(small))


def test_another_extensions_runtime_over_ours_is_told(monkeypatch, tmp_path):
    """Builds that brought the same folder onnxruntime, as wheels in Blender's shared folder do; those elsewhere are no matter."""

    def installed(name: str, version: str, folder: str = "ours") -> Path:
        module, record = tmp_path / folder / "onnxruntime" / "__init__.py", tmp_path / folder / f"{name}-{version}.dist-info"
        for part in (module.parent, record):
            part.mkdir(parents=True, exist_ok=True)
        module.touch()
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (record / "RECORD").write_text("onnxruntime/__init__.py,,\n")
        return module

    version = onnxruntime.__version__
    monkeypatch.setattr(onnxruntime, "__file__", str(tmp_path / "ours" / "onnxruntime" / "__init__.py"))
    for folder in ("ours", "theirs"):
        monkeypatch.syspath_prepend(tmp_path / folder)
    assert overwritten() == "", "a runtime without a record is nobody's fault"
    installed("onnxruntime", version)
    installed("onnxruntime-rocm", "1.2.3", "theirs")
    assert overwritten() == "", "theirs lies in a folder of its own, as that of the system's Python"
    installed("onnxruntime-directml", "1.24.4")
    assert f"(onnxruntime {version}, onnxruntime-directml 1.24.4; {version} runs)" in overwritten()
    monkeypatch.setattr(onnxruntime, "__version__", "1.24.5")
    shutil.rmtree(tmp_path / "ours" / "onnxruntime-directml-1.24.4.dist-info")
    assert f"(onnxruntime {version}; 1.24.5 runs)" in overwritten()


class TwoGPUs:
    """NVIDIA's driver on a machine with two GPUs of one name."""

    def cuDeviceGetCount(self, count):  # noqa: N802 - the driver's name
        count._obj.value = 2
        return 0

    def cuDeviceGetName(self, name, length, number):  # noqa: N802
        name.value = b"RTX A4000"
        return 0


def test_of_two_gpus_of_one_name_cuda_takes_the_one_that_is_named(swap, monkeypatch):
    opened, asked, told = [], [], []
    monkeypatch.setattr("core.runtime.cuda_driver", TwoGPUs)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [*PROVIDERS.values()])
    monkeypatch.setattr("onnxruntime.preload_dlls", lambda: None)
    monkeypatch.setattr("core.runtime._disagreement", lambda *_: "")
    monkeypatch.setattr("core.generator.free_memory", lambda provider, number: asked.append(number) or 10**9)
    monkeypatch.setattr(
        "core.runtime.new_session", lambda style, chain, threads: opened.append(dict(chain[:1])) or Session(opened[-1])
    )
    monkeypatch.setattr("core.generator.run_options", lambda release: told.append(release))
    monkeypatch.setattr("core.generator.run_bound", lambda *_, number: told.append(number))
    assert device_names("cuda") == ["RTX A4000", "RTX A4000 (2)"]
    for device, number in (("RTX A4000", 0), ("RTX A4000 (2)", 1)):
        generator = Generator(swap, f"cuda:{device}")
        assert opened[-1][PROVIDERS["cuda"]]["device_id"] == str(number) and asked[-1] == number
        assert generator.reason == f"CUDA works on {device}." and generator.device == device
        generator.run({"image": np.zeros((1, 3, 8, 8), np.float32)}, release=True)
        assert told[-2:] == [f"gpu:{number}", number]
    Generator(swap, "tensorrt:RTX A4000 (2)")
    assert opened[-1] == {PROVIDERS["tensorrt"]: {"device_id": "1"}}
    with pytest.raises(ProviderError, match=r"it has no device 'RTX B' here: there is RTX A4000, RTX A4000 \(2\)\."):
        Generator(swap, "cuda:RTX B")
    with pytest.raises(ProviderError, match="DirectML can't be used: it has no device 'X' here: its devices can't be chosen by"):
        Generator(swap, "directml:X")
    with pytest.raises(ProviderError, match="There is no provider 'auto:X'"):
        Generator(swap, "auto:X")


def test_devices_are_named_only_where_they_can_be_used():
    assert device_names("cpu") == [] and (device_names("cuda") == []) == bool(cuda_problem())
